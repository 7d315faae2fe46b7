"""What stands in front of a line's text: marks, holes, and colours of a terminal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stamp_helpers import decode, ns

from trio_ship.decode.detect import detect
from trio_ship.decode.leads import lead_of, without_colours
from trio_ship.decode.stamps import AUTO, StampDecoder, frame

EIGHT = ns("2026-11-23T08:00:00")
sequences = st.sampled_from([b"\x1b[0m", b"\x1b[2K", b"\x1b[0;39m", b"\x1b[38;2;100;100;100m"])
rests = st.sampled_from([b"", b"x", b"\x1b", b"\x1b[", b"\x1b[12", b"\x1b[1 m", b"\x1bM", b"[1mx"])


@given(st.lists(st.tuples(st.lists(sequences, max_size=4), rests), min_size=1, max_size=8))
def test_sequences_of_colours_are_no_text_and_whatever_else_is(
    lines: list[tuple[list[bytes], bytes]],
) -> None:
    """Up to four whole ones in front of a line, which the line feed does not end."""
    arena, start, end = frame(b"".join(b"".join(these) + rest + b"\n" for these, rest in lines))
    lead = lead_of(arena, start, end, coloured=True)
    assert lead.tolist() == [len(b"".join(these)) for these, _ in lines]
    texts = [without_colours(b"".join(these) + rest) for these, rest in lines]
    assert texts == [rest for _, rest in lines]
    assert not lead_of(arena, start, end, coloured=False).any()


def test_a_mark_and_a_hole_are_no_text() -> None:
    """A byte order mark, and the NULs that copytruncate left."""
    arena, start, end = frame(b"\xef\xbb\xbfa\n\0\0\0b\n\0\0\n\xef\xbbc\nd\n")
    assert lead_of(arena, start, end, coloured=True).tolist() == [3, 3, 2, 0, 0]


@pytest.mark.parametrize(
    ("line", "spelling"),
    [
        (b"\x1b[2m2026-11-23T08:00:00Z\x1b[0m \x1b[32m INFO\x1b[0m x\n", "iso8601@0/TZ"),
        (b"\x1b[0m\x1b[32m11-23 08:00:00.000\x1b[0m D/x: y\n", "logcat@0/.3"),
        (b"\x1b[0;33mW1123 08:00:00.000000 1 x.go:1] y\x1b[0m\n", "glog@1/.6"),
        (b"\x1b[90m1795420800\x1b[0m x\n", "epoch@0"),
        (b"\x1b[36mINFO\x1b[0m[2026-11-23T09:00:00+01:00] x\n", "iso8601@14,*/T+hh:mm"),
    ],
)
def test_coloured_stamps_are_read(line: bytes, spelling: str) -> None:
    """As the same ones without colours, also among lines that have none."""
    found = detect(line)
    assert found is not None
    assert found.spelling == spelling + AUTO
    around = b"Nov 23 08:00:00 host x\n"
    for text in (line * 3, line + around + line, around + line + around):
        stamps = decode(StampDecoder(found.spelling), text, EIGHT)
        assert stamps == [EIGHT] * 3


@pytest.mark.parametrize(
    ("line", "spelling"),
    [
        (b"\x1b[90m8:00AM\x1b[0m \x1b[32mINF\x1b[0m x\n", "time_minutes@0/p"),
        (b"[\x1b[90m08:00:00.000\x1b[0m] x\n", "time@6,*/.3"),
        (b"\x1b[36m[\x1b[0m8:00:00 AM\x1b[36m]\x1b[0m x\n", "time_halves@10,*/ p"),
        (b"at room08:00:00 x\n", None),
        (b"\x1b[36m2026-11-23\x1b[0m \x1b[36m08:00:00\x1b[0m x\n", None),
    ],
)
def test_a_coloured_time_of_day_is_read(line: bytes, spelling: str | None) -> None:
    """Behind the sequence that begins its colour, not behind any `m`."""
    found = detect(line * 3)
    assert (found and found.spelling.removesuffix(AUTO)) == spelling
    if found is not None:
        assert decode(StampDecoder(found.spelling), line, EIGHT) == [EIGHT]


def test_a_pattern_sees_the_colours() -> None:
    """What a user has written for them still fits."""
    pattern = r"^\x1b\[2m(?P<ts>\S+)\x1b"
    line = b"\x1b[2m2026-11-23T08:00:00Z\x1b[0m x\n"
    found = detect(line, pattern=pattern)
    assert found is not None
    arena, start, end = frame(line)
    decoder = StampDecoder(found.spelling, pattern=pattern)
    none = np.array([EIGHT])
    assert decoder.decode(arena, start, end, np.array([0]), none).tolist() == [EIGHT]

"""Members of an object itself, told from those of objects within it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP
from trio_ship.decode.detect import detect
from trio_ship.decode.nesting import find_member, own_member
from trio_ship.decode.stamps import StampDecoder, frame

EIGHT = 1_795_420_800 * 10**9

texts = st.builds(
    str.__add__,
    st.text(st.sampled_from('ab"\\{}[]:\n'), max_size=6),
    st.sampled_from(["", "x" * 61]),  # so that some strings are longer than a word has bits
)
keys = st.sampled_from(["t", "a", 't"', 'a"t', "\\", "t\\"])
values = st.recursive(
    texts | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def place(members: dict[str, object]) -> int:
    """Return where the member `t` of an object stands in its compact text, -1 for nowhere."""
    names = list(members)
    if "t" not in names:
        return -1
    before = {name: members[name] for name in names[: names.index("t")]}
    return len(json.dumps(before, separators=(",", ":"))) - 1 + bool(before)


@given(st.lists(st.dictionaries(keys, values, max_size=4) | texts, min_size=1, max_size=6))
def test_a_member_is_found_where_the_text_of_those_before_it_ends(
    lines: list[dict[str, object] | str],
) -> None:
    """Whatever is nested before it or stands in strings, and whatever a line left open."""
    written = [
        line.replace("\n", " ").encode()
        if isinstance(line, str)
        else json.dumps(line, separators=(",", ":")).encode()
        for line in lines
    ]
    arena, start, end = frame(b"".join(text + b"\n" for text in written))
    found = find_member(b'"t"', arena, start, end)
    for line, text, at, begin in zip(lines, written, found.tolist(), start.tolist(), strict=True):
        if isinstance(line, str):
            continue
        expected = place(line)
        assert own_member(b'"t"', text) == expected
        if expected >= 0:
            assert at - begin == expected
        else:
            assert at < 0 or arena[at : at + 4].tobytes() == b'"t":'


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":{"time":"2020-01-01T00:00:00Z"},"time":"2026-11-23T08:00:00Z"}\n',
        b'{"a":[{"ts":1577836800.5}],"m":"{\\"ts\\":","ts":1795420800}\n',
        b'{"span":{"time":1,"x":{"time":2}},"time": "2026-11-23T08:00:00+00:00"}\n',
        b'{"auth":{"issue_time":"2020-01-01T00:00:00Z","data":{"time":"x"}},"time":1795420800}\n',
        b'{"t":{"$date":"2026-11-23T08:00:00Z"},"attr":{"time":"2020-01-01T00:00:00Z"}}\n',
    ],
)
def test_what_is_nested_in_an_object_is_not_the_time_of_its_record(line: bytes) -> None:
    """A member of the object itself counts; of those within it, that of the first one."""
    found = detect(line * 3)
    assert found is not None
    decoder = StampDecoder(found.spelling)
    stamps = decoder.decode(*frame(line * 3), np.array([0]), np.array([NO_STAMP]))
    assert stamps.tolist() == [EIGHT] * 3


def test_lines_without_such_a_member_have_that_of_an_object_within() -> None:
    """A file of both kinds loses no stamp, and names the field as any other."""
    own = b'{"e":{"time":"2020-01-01T00:00:00Z"},"time":"2026-11-23T08:00:00Z"}\n'
    nested = b'{"e":{"time":"2026-11-23T08:00:00Z"},"m":"x"}\n'
    found = detect(own + nested)
    assert found is not None
    assert found.spelling.startswith('iso8601@"time"^/')
    assert "in the field time (2 of 2 lines)" in found.describe()
    decoder = StampDecoder(found.spelling)
    text = (own + nested) * 9000  # more than one piece
    stamps = decoder.decode(*frame(text), np.array([0]), np.array([NO_STAMP]))
    assert (stamps == EIGHT).all()

"""Lines of an arena."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import column
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import Flag
from trio_ship.decode.framing import find_lines, newlines

TEXTS = st.lists(
    st.sampled_from(
        [b"\n", b"\r\n", b"a", b"bc", b"x" * 9, b"\xf0\x9f\x98\x80", b"\xe4\xb8\xad", b"\x80"]
    ),
    max_size=20,
).map(b"".join)
REGIONS = st.lists(st.tuples(TEXTS, st.booleans()), max_size=5)
LONGEST = 10


def _floor(text: bytes, cut: int) -> int:
    """Return where the character begins across which a cut falls; the cut, if there is none."""
    for length, leads in (
        (2, range(0xC0, 0x100)),
        (3, range(0xE0, 0x100)),
        (4, range(0xF0, 0x100)),
    ):
        for place in range(cut - length + 1, cut):
            rest = text[place + 1 : cut]
            if text[place] in leads and all(0x80 <= byte < 0xC0 for byte in rest):
                return place
    return cut


def _plain(text: bytes, *, final: bool, longest: int) -> list[tuple[bytes, int]]:
    """Do what `find_lines` does, line by line."""
    lines: list[tuple[bytes, int]] = []
    *whole, rest = text.split(b"\n")
    for line in [*(part + b"\n" for part in whole), rest]:
        left = line
        is_over = final or line.endswith(b"\n")
        while len(left) > longest or (len(left) == longest and not is_over):
            cut = _floor(left, longest)
            lines.append((left[:cut], Flag.PARTIAL))
            left = left[cut:]
        if left and is_over:
            lines.append((left, 0 if left.endswith(b"\n") else Flag.UNFINISHED))
    return lines


@given(REGIONS)
@settings(max_examples=200, deadline=None)
def test_r07_lines_are_those_of_a_plain_loop(regions: list[tuple[bytes, bool]]) -> None:
    """Every region has the lines that it would have alone, cut where they are too long."""
    size = column(len(text) for text, _ in regions)
    arena = np.frombuffer(b"".join(text for text, _ in regions) + b"\n\nslack", np.uint8)
    final = np.array([over for _, over in regions], np.bool_)
    lines = find_lines(arena, np.cumsum(size) - size, size, final=final, longest=LONGEST)
    assert lines.first[-1] == len(lines.start) == len(lines.end)
    for number, (text, over) in enumerate(regions):
        rows = np.flatnonzero(lines.region == number).tolist()
        assert rows == list(range(lines.first[number], lines.first[number + 1]))
        found = [
            (arena[lines.start[row] : lines.end[row]].tobytes(), int(lines.flags[row]))
            for row in rows
        ]
        assert found == _plain(text, final=over, longest=LONGEST)


@given(st.integers(0, 700), st.sampled_from([0.001, 0.02, 0.3, 1.0]), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_newlines_are_found_however_dense_they_are(size: int, share: float, seed: int) -> None:
    """Every newline byte is found once, in order, whether a word holds none, one or many."""
    is_newline = np.random.default_rng(seed).random(size) < share
    text = np.where(is_newline, ord("\n"), ord("n")).astype(np.uint8)
    assert newlines(text).tolist() == np.flatnonzero(is_newline).tolist()


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**20 + 1, 2**21 + 9])
def test_newlines_are_found_across_blocks(size: int) -> None:
    """The edges of the blocks that are searched one by one hide nothing."""
    text = np.zeros(size, np.uint8)
    places = [0, 2**20 - 2, min(2**20 - 1, size - 1), size - 1]
    text[places] = ord("\n")
    assert newlines(text).tolist() == sorted(set(places))


def test_an_arena_without_regions_has_no_lines() -> None:
    """Nothing was read, nothing is found."""
    none = np.zeros(0, np.int64)
    lines = find_lines(
        np.zeros(8, np.uint8), none, none, final=np.zeros(0, np.bool_), longest=LONGEST
    )
    assert len(lines.start) == 0
    assert lines.first.tolist() == [0]

"""Lines to records: grouping, running maxima, last stamps."""

from __future__ import annotations

import numpy as np
from core_helpers import column
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import I64, NO_STAMP, Flag
from trio_ship.decode.framing import Lines
from trio_ship.decode.records import group, last_known, running_maximum

STAMPS = st.one_of(
    st.just(NO_STAMP),
    st.integers(0, 5),
    st.sampled_from([NO_STAMP + 1, -(2**62), 2**62, 2**63 - 1]),
)
NEAR = st.one_of(st.just(NO_STAMP), st.integers(0, 5))
REGIONS = st.lists(st.tuples(st.lists(STAMPS, max_size=8), STAMPS), max_size=5)
NEAR_REGIONS = st.lists(st.tuples(st.lists(NEAR, max_size=8), NEAR), max_size=5)


def _columns(regions: list[tuple[list[int], int]]) -> tuple[I64, I64, I64]:
    values = column(value for values, _ in regions for value in values)
    first = column([0, *np.cumsum([len(values) for values, _ in regions]).tolist()])
    return values, first, column(carry for _, carry in regions)


@given(REGIONS | NEAR_REGIONS)
@settings(max_examples=200, deadline=None)
def test_s05_running_maximum_is_that_of_a_plain_loop(
    regions: list[tuple[list[int], int]],
) -> None:
    """Each region goes on from its own carry, whatever stands in the others."""
    expected = []
    for values, carry in regions:
        high = carry
        for value in values:
            high = max(high, value)
            expected.append(high)
    assert running_maximum(*_columns(regions)).tolist() == expected


@given(REGIONS)
@settings(max_examples=100, deadline=None)
def test_last_known_is_that_of_a_plain_loop(regions: list[tuple[list[int], int]]) -> None:
    """Each row has its own stamp, or the last one of its region, or the carry."""
    expected = []
    for values, carry in regions:
        last = carry
        for value in values:
            last = last if value == NO_STAMP else value
            expected.append(last)
    assert last_known(*_columns(regions)).tolist() == expected


def _lines(sizes: list[list[int]]) -> Lines:
    end = np.cumsum(column(size for region in sizes for size in region))
    counts = [len(region) for region in sizes]
    return Lines(
        start=end - column(size for region in sizes for size in region),
        end=end,
        flags=np.zeros(len(end), np.uint8),
        first=column([0, *np.cumsum(counts).tolist()]),
    )


def _group(
    sizes: list[list[int]],
    stamped: str,
    *,
    seen: bool = True,
    joined: bool = True,
    longest: int = 100,
    cut: int | None = None,
) -> list[int]:
    """Group lines; in `stamped` an S is a stamp, an X one that cannot be."""
    lines = _lines(sizes)
    if cut is not None:
        lines.flags[cut] = Flag.PARTIAL
    heads: list[int] = group(
        lines,
        np.array([mark in "SX" for mark in stamped], np.bool_),
        believed=np.array([mark == "S" for mark in stamped], np.bool_),
        seen=np.full(len(sizes), seen),
        joined=np.full(len(sizes), joined),
        longest=longest,
    ).tolist()
    return heads


def test_lines_without_a_stamp_join_the_record_before_them() -> None:
    """A record is a stamped line and what follows; a region begins one of its own."""
    assert _group([[5] * 4, [5] * 3], "S..S" + "..S") == [0, 3, 4, 6]
    assert _group([[5] * 4, [5] * 3], "S..S" + "..S", joined=False) == [0, 1, 2, 3, 4, 5, 6]


def test_before_the_first_stamp_each_line_is_a_record() -> None:
    """A file that has shown no stamp yet has nothing to join; one that cannot be is none."""
    assert _group([[5] * 5], "..S..", seen=False) == [0, 1, 2]
    assert _group([[5] * 5], ".X.S.", seen=False) == [0, 1, 2, 3]
    assert _group([[5] * 2, [5] * 3], "S." + "...", seen=False) == [0, 2, 3, 4]


def test_a_record_ends_before_the_line_that_would_not_fit() -> None:
    """No record is larger than the limit, except that a line stays whole."""
    assert _group([[40, 40, 40, 40, 40]], "S....") == [0, 2, 4]
    assert _group([[50, 50, 1]], "S..") == [0, 2]
    assert _group([[100, 1, 100]], "S..") == [0, 1, 2]


def test_a_line_that_was_cut_goes_on_as_a_record_of_its_own() -> None:
    """The rest of a long line is not joined to its first part."""
    assert _group([[100, 20, 5]], "S..", cut=0) == [0, 1]


def test_no_lines_give_no_records() -> None:
    """A round of half lines only has nothing to group."""
    assert _group([[], []], "") == []
    assert _group([], "") == []

"""Stamps and keys of records: first and last stamps, running maxima."""

from __future__ import annotations

import numpy as np
from core_helpers import column
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import I64, NO_STAMP
from trio_ship.decode.records import first_known, last_known, running_maximum

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


@given(st.lists(st.lists(NEAR, min_size=1, max_size=4), max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_record_has_the_first_stamp_of_its_lines(records: list[list[int]]) -> None:
    """Lines in front of that have none, and those behind it do not count."""
    expected = [
        next((stamp for stamp in record if stamp != NO_STAMP), NO_STAMP) for record in records
    ]
    heads = np.cumsum(column(map(len, records))) - column(map(len, records))
    assert (
        first_known(column(stamp for record in records for stamp in record), heads).tolist()
        == expected
    )

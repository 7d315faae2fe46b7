"""Numbers in messages."""

from __future__ import annotations

import pytest

from trio_ship.quantities import counted, sized


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234567, "1,234,567 files")],
)
def test_one_is_not_several(count: int, expected: str) -> None:
    """The noun agrees with the number; thousands are set apart."""
    assert counted(count, "file") == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (0.6, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (305_006, "305.0 kB"),
        (7_500_000.5, "7.5 MB"),
        (1_234_000_000_000, "1,234.0 GB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(count: float, expected: str) -> None:
    """Small sizes are not shown as zero of a large unit."""
    assert sized(count) == expected

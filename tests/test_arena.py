"""Memory to read into: lent again when its last view is gone, and not before."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trio_ship.batch import U8
from trio_ship.reader.arena import SLACK, Arenas


def _address(arena: U8) -> int:
    return arena.ctypes.data


def test_memory_is_lent_again_when_the_last_view_is_gone() -> None:
    """A slice of a slice, or a memoryview of one, keeps the whole arena from being lent."""
    arenas = Arenas()
    arena = arenas.lend(100_000)
    address, views = _address(arena), [arena[10:90][5:], arena.data[7:9]]
    del arena
    while views:
        other = arenas.lend(100_000)
        assert _address(other) != address
        views.pop()
    del other
    assert address in {_address(again) for again in [arenas.lend(9), arenas.lend(100_000)]}


@given(st.lists(st.tuples(st.integers(1, 300_000), st.integers(0, 3)), max_size=30))
def test_two_arenas_never_share_memory(rounds: list[tuple[int, int]]) -> None:
    """Whatever sizes are lent, and whichever of them are given back."""
    arenas = Arenas()
    lent: list[U8] = []
    for size, dropped in rounds:
        lent.append(arenas.lend(size))
        assert len(lent[-1]) >= size + SLACK
        places = sorted((_address(arena), len(arena)) for arena in lent)
        for (one, length), (two, _) in pairwise(places):
            assert one + length <= two
        del lent[: dropped % (len(lent) + 1)]

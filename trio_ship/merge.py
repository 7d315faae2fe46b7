"""The arithmetic of the merge: orders, leftovers and moves, on whole columns."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, Batch, Flag
from trio_ship.state import Position

__all__ = ["compact", "merge_order", "optional_ns", "positions_after"]

_FEW_RUNS = 16


def merge_order(key: I64, rank: Callable[[], I64]) -> I64:
    """Return the order that sorts rows by key, then rank, then place.

    Args:
        key: Rows of several chains, each chain's own in order. Shape (n,).
        rank: Returns the rank of each row's chain, shape (n,); asked only
            where keys are equal.

    Returns:
        Indices into the rows. Shape (n,), dtype int64.
    """
    rising = key[:-1] <= key[1:]
    falls = len(rising) - int(np.count_nonzero(rising))
    if falls == 0:
        order = np.arange(len(key))
    elif falls < _FEW_RUNS:
        order = np.argsort(key, kind="stable")
    else:
        order = _packed_order(key)
    inorder = key if falls == 0 else key[order]
    same = inorder[:-1] == inorder[1:]
    if same.any():
        _order_ties(order, same, rank())
    return order


def _packed_order(key: I64) -> I64:
    """Sort many short runs as single integers that carry key and row."""
    bits = len(key).bit_length()
    low, high = int(key.min()), int(key.max())
    if (high - low).bit_length() + bits > 63:  # noqa: PLR2004  (the bits of an int64 without its sign)
        return np.argsort(key, kind="stable")
    packed = (key - low) << bits | np.arange(len(key))
    packed.sort()
    return packed & ((1 << bits) - 1)


def _order_ties(order: I64, same: npt.NDArray[np.bool_], rank: I64) -> None:
    """Put rows of equal keys in the order of their ranks, in place."""
    ranks = rank[order]
    wrong = same & (ranks[:-1] > ranks[1:])
    if not wrong.any():
        return
    run = np.concatenate([[0], np.cumsum(~same)])
    touched = np.zeros(run[-1] + 1, np.bool_)
    touched[run[:-1][wrong]] = True
    rows = np.flatnonzero(touched[run])
    order[rows] = order[rows[np.lexsort((ranks[rows], run[rows]))]]


def compact(batch: Batch, live: npt.NDArray[np.bool_]) -> Batch:
    """Copy the rows that still wait out of their arena.

    Args:
        batch: The rows as read.
        live: The rows that wait; in each region they are the last ones.

    Returns:
        A batch with a buffer of just their bytes.
    """
    rows = np.flatnonzero(live)
    region = batch.region[rows]
    head = np.flatnonzero(np.diff(region, prepend=-1))
    tail = np.append(head[1:], len(rows)) - 1
    begin, stop = batch.start[rows[head]], batch.end[rows[tail]]
    buffer = np.concatenate(
        [batch.buffer[a:b] for a, b in zip(begin.tolist(), stop.tolist(), strict=True)]
    )
    base = np.concatenate([[0], np.cumsum(stop - begin)[:-1]])
    moved = np.zeros(len(batch.chain), np.int64)
    moved[region[head]] = begin - base
    timestamp = batch.timestamp[rows]
    return attrs.evolve(
        batch,
        buffer=buffer,
        start=batch.start[rows] - moved[region],
        end=batch.end[rows] - moved[region],
        timestamp=timestamp,
        latest=timestamp if batch.latest is batch.timestamp else batch.latest[rows],
        key=timestamp if batch.key is batch.timestamp else batch.key[rows],
        flags=batch.flags[rows],
        region=region,
        shift=batch.shift + moved,
    )


def optional_ns(value: int) -> int | None:
    """Return a stamp as `Position` keeps it: None for `NO_STAMP`."""
    return None if value == NO_STAMP else value


def positions_after(batch: Batch, rows: I64) -> tuple[list[int], list[int], list[Position]]:
    """Return how far each region has come when `rows` (ascending) have left.

    Returns:
        Three lists of one entry for each region touched: its number, the bytes
        that have left, and the position behind them.
    """
    region = batch.region[rows]
    head = np.flatnonzero(np.diff(region, prepend=-1))
    tail = np.append(head[1:], len(rows)) - 1
    touched, last = region[tail], rows[tail]
    offset = batch.end[last] + batch.shift[touched]
    positions = [
        Position(place, optional_ns(key), optional_ns(latest), bool(flags & Flag.PARTIAL))
        for place, key, latest, flags in zip(
            offset.tolist(),
            batch.key[last].tolist(),
            batch.latest[last].tolist(),
            batch.flags[last].tolist(),
            strict=True,
        )
    ]
    taken = batch.end[last] - batch.start[rows[head]]
    return touched.tolist(), taken.tolist(), positions

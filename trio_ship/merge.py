"""The arithmetic of the merge: orders, leftovers and moves, on whole columns."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, Batch, Flag
from trio_ship.decode.charsets import as_in_file
from trio_ship.follow import footprint
from trio_ship.state import Position

__all__ = ["compact", "ends_of", "merge_order", "optional_ns", "positions_after", "select"]

_BITS = 63


def merge_order(key: I64, rank: I64) -> I64:
    """Return the order that sorts rows by key, then rank, then place.

    Key, rank and place of a row are packed into one integer, so that a single
    sort without indirection does it; where 63 bits do not hold the three, a
    lexical sort does.

    Args:
        key: Rows of several chains, each chain's own in order. Shape (n,).
        rank: The rank of each row's chain, not negative. Shape (n,).

    Returns:
        Indices into the rows. Shape (n,), dtype int64.
    """
    if (key[:-1] <= key[1:]).all():
        ties = key[:-1] == key[1:]
        if not (ties & (rank[:-1] > rank[1:])).any():
            return np.arange(len(key))
    places = len(key).bit_length()
    bits = places + int(rank.max()).bit_length()
    low = int(key.min())
    if (int(key.max()) - low).bit_length() + bits > _BITS:
        return np.lexsort((rank, key))
    packed = (key - low) << bits
    packed |= rank << places
    packed |= np.arange(len(key))
    packed.sort(kind="stable")  # takes the runs as they are; far faster than quicksort on them
    packed &= (1 << places) - 1
    return packed


def select(batch: Batch, keep: npt.NDArray[np.bool_]) -> Batch:
    """Return a batch with only the rows that `keep` (shape (n,)) marks."""
    rows = np.flatnonzero(keep)
    return batch.with_rows(rows, np.searchsorted(rows, batch.first))


def compact(batch: Batch, live: npt.NDArray[np.bool_]) -> Batch:
    """Copy the rows that still wait out of their arena.

    Args:
        batch: The rows as read.
        live: The rows that wait; in each region they are the last ones.

    Returns:
        A batch with a buffer of just their bytes.
    """
    batch = select(batch, live)
    first = batch.first
    filled = np.flatnonzero(np.diff(first))
    begin, stop = batch.start[first[filled]], batch.end[first[filled + 1] - 1]
    data = batch.buffer.data  # slices of it cost less than those of an array
    pieces = [data[a:b] for a, b in zip(begin.tolist(), stop.tolist(), strict=True)]
    buffer = np.frombuffer(b"".join(pieces), np.uint8)
    size = stop - begin
    moved = np.zeros(len(batch.chain), np.int64)
    moved[filled] = begin - (np.cumsum(size) - size)
    back = np.repeat(moved, np.diff(first))
    return attrs.evolve(
        batch,
        buffer=buffer,
        start=batch.start - back,
        end=batch.end - back,
        shift=batch.shift + moved,
    )


def optional_ns(value: int) -> int | None:
    """Return a stamp as `Position` keeps it: None for `NO_STAMP`."""
    return None if value == NO_STAMP else value


def ends_of(batch: Batch, rows: I64) -> tuple[I64, I64, I64]:
    """Return where rows (ascending) end in their regions.

    Returns:
        Three columns with an entry for each region touched: its number, its last row
        of these, and the bytes from its first one to that.
    """
    edges = np.searchsorted(rows, batch.first)
    touched = np.flatnonzero(np.diff(edges))
    head, last = rows[edges[touched]], rows[edges[touched + 1] - 1]
    return touched, last, batch.end[last] - batch.start[head]


def positions_after(batch: Batch, regions: I64, rows: I64) -> list[Position]:
    """Return the position behind each of some rows, which are of `regions`; both (k,)."""
    if batch.ranges is None:
        offset = batch.end[rows] + batch.shift[regions]
    else:
        offset = batch.ranges[1][rows]
    data = batch.buffer.data
    return [
        Position(
            place,
            optional_ns(key),
            optional_ns(latest),
            inside,
            footprint(as_in_file(data[start:end], batch.files[region].charset)),
        )
        for region, start, end, place, key, latest, inside in zip(
            regions.tolist(),
            batch.start[rows].tolist(),
            batch.end[rows].tolist(),
            offset.tolist(),
            batch.key[rows].tolist(),
            batch.latest[rows].tolist(),
            (batch.flags[rows] & Flag.PARTIAL.value != 0).tolist(),
            strict=True,
        )
    ]

"""The `raw` encoding: each record as it was read, and a line end after it.

Promises: bytes pass unchanged, whatever they are, the line end a record was read
with included. A record that has none (the file ended there, or it was too long
and was cut) gets a newline, so one record never runs into the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I32, I64, U8, Flag, OrderedBatch
from trio_ship.batch.pieces import SLICE_BYTES, Slice, gather_slices, slice_edges

__all__ = ["Lines", "encode_raw", "raw_size", "slice_lines"]

_PIECE_BYTES: Final = 16
_NEWLINE: Final = np.frombuffer(b"\n", np.uint8)
_ENDLESS: Final = int(Flag.PARTIAL | Flag.UNFINISHED)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Lines:
    """Some rows of an ordered batch, each with a line end.

    Attributes:
        rows: Which rows of the batch.
        text: Their bytes, one row after the other.
        end: The byte after each row in `text`, its line end included.
            Shape (n,).
        completed: The rows, counted from 0 in `rows`, that had no line end of
            their own. Shape (k,).
    """

    rows: slice
    text: Slice
    end: I64
    completed: I64


def encode_raw(batch: OrderedBatch) -> Iterator[Slice]:
    """Yield the records of `batch` as they were read, in slices of about 1 MB."""
    whole = _as_read(batch)
    if whole is not None:
        yield from _windows(batch.buffers[0], *whole)
    elif len(batch):
        laid = _lay_out(batch, row_bytes=_PIECE_BYTES)
        yield from gather_slices(laid.buffers, *laid.pieces, laid.cuts)


def raw_size(batch: OrderedBatch) -> int:
    """Return how many bytes `encode_raw` will yield, without making them."""
    whole = _as_read(batch)
    if whole is not None:
        begin, end = whole
        return int(end[-1]) - begin
    if not len(batch):
        return 0
    size = int(batch.length.sum())
    if batch.is_flagged:
        size += len(_rows_without_line_end(batch, batch.part, batch.start, batch.length))
    return size


def _as_read(batch: OrderedBatch) -> tuple[int, I64] | None:
    """Return where records begin, and where each ends, that leave just as they were read.

    These are all records of one round over one file, each with its line end.
    """
    if not len(batch) or not batch.is_whole or batch.is_flagged:
        return None
    (part,) = batch.parts
    if (part.start[1:] != part.end[:-1]).any():
        return None
    return int(part.start[0]), part.end


def _windows(buffer: U8, begin: int, end: I64) -> Iterator[Slice]:
    """Yield windows into a buffer in which records stand one behind the other.

    Args:
        buffer: Where they stand.
        begin: Where the first one begins.
        end: Where each ends. Shape (n,).
    """
    cuts = end[np.searchsorted(end, np.arange(begin + SLICE_BYTES, end[-1], SLICE_BYTES))]
    data = buffer.data
    for low, high in itertools.pairwise([begin, *cuts.tolist(), int(end[-1])]):
        if low < high:
            yield data[low:high]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Layout:
    """Where the pieces of an encoding lie, line ends that are added among them.

    Attributes:
        buffers: What they lie in.
        pieces: Buffer, start and length of each piece.
        size: Bytes of each row, its line end included. Shape (n,).
        edges: The first row of each slice, and n at the end.
        cuts: The first piece of each slice, and their number at the end.
        bare: The rows that get a line end, rising.
    """

    buffers: list[U8]
    pieces: tuple[I32, I64, I64]
    size: I64
    edges: I64
    cuts: I64
    bare: I64


def _lay_out(batch: OrderedBatch, *, row_bytes: int) -> _Layout:
    """Lay out a batch that has rows; arguments as for `slice_lines`."""
    part, start, length = batch.part, batch.start, batch.length
    bare = _rows_without_line_end(batch, part, start, length)
    size = length
    edges = slice_edges(size + row_bytes)
    pieces, cuts = (part, start, length), edges
    if len(bare):
        size = length.copy()
        size[bare] += 1
        newline = len(batch.buffers), 0, len(_NEWLINE)
        pieces = _insert(pieces, bare + 1, newline)
        cuts = edges + np.searchsorted(bare, edges)
    buffers = [*batch.buffers, _NEWLINE]
    return _Layout(buffers=buffers, pieces=pieces, size=size, edges=edges, cuts=cuts, bare=bare)


def slice_lines(batch: OrderedBatch, *, row_bytes: int) -> Iterator[Lines]:
    """Yield the rows of `batch` in slices, each row with a line end.

    Args:
        batch: The rows; may have none.
        row_bytes: What a row costs beside its own bytes, so that short rows do
            not make slices of many rows.
    """
    if not len(batch):
        return
    laid = _lay_out(batch, row_bytes=row_bytes)
    bare = laid.bare
    total = np.concatenate(([0], np.cumsum(laid.size)))
    texts = gather_slices(laid.buffers, *laid.pieces, laid.cuts)
    for (first, last), text in zip(itertools.pairwise(laid.edges.tolist()), texts, strict=True):
        yield Lines(
            rows=slice(first, last),
            text=text,
            end=total[first + 1 : last + 1] - total[first],
            completed=bare[(bare >= first) & (bare < last)] - first,
        )


def _insert(
    pieces: tuple[I32, I64, I64], places: I64, piece: tuple[int, int, int]
) -> tuple[I32, I64, I64]:
    buffer, start, length = pieces
    return (
        np.insert(buffer, places, piece[0]),
        np.insert(start, places, piece[1]),
        np.insert(length, places, piece[2]),
    )


def _rows_without_line_end(batch: OrderedBatch, part: I32, start: I64, length: I64) -> I64:
    """Return the rows that a newline must follow; shape (k,), rising."""
    if not batch.is_flagged:
        return np.zeros(0, np.int64)
    flagged = np.flatnonzero(batch.flags & _ENDLESS)
    end, buffers = start + length, batch.buffers
    bare = [
        row
        for row in flagged
        if start[row] == end[row] or buffers[part[row]][end[row] - 1] != _NEWLINE[0]
    ]
    return np.array(bare, np.int64)

"""Ordered batches made by hand, for the tests of the encodings."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from trio_ship.batch import NO_STAMP, Batch, Kind, OrderedBatch
from trio_ship.state import FileEntry

FILE = FileEntry(
    id="5f1d0c2e9b7a4411",
    source="app",
    path="/var/log/app.log",
    file="/var/log/app.log",
    device=2049,
    inode=131077,
)


@attrs.frozen(kw_only=True)
class Row:
    """A record as a test writes it down."""

    data: bytes
    stamp: int = NO_STAMP
    flags: int = 0


def make_part(regions: Sequence[Sequence[Row]], *, files: Sequence[FileEntry] = ()) -> Batch:
    """Return a batch whose regions hold the given rows, a few foreign bytes apart."""
    files = files or [attrs.evolve(FILE, id=f"{number:016x}") for number in range(len(regions))]
    buffer = b""
    start, shift = [], []
    for rows in regions:
        buffer += b"~~~"
        shift.append(-len(buffer))
        for row in rows:
            start.append(len(buffer))
            buffer += row.data
    rows = [row for rows in regions for row in rows]
    begin = np.array(start, np.int64)
    stamp = np.array([row.stamp for row in rows], np.int64)
    return Batch(
        buffer=np.frombuffer(buffer, np.uint8),
        start=begin,
        end=begin + np.array([len(row.data) for row in rows], np.int64),
        timestamp=stamp,
        latest=stamp,
        key=stamp,
        flags=np.array([row.flags for row in rows], np.uint8),
        first=np.cumsum([0, *(len(rows) for rows in regions)]),
        chain=np.arange(len(regions), dtype=np.int32),
        files=tuple(files),
        shift=np.array(shift, np.int64),
        limit=np.zeros(len(regions), np.int64),
        read_at=0.0,
    )


def make_ordered(
    *parts: Batch, order: Sequence[int] | None = None, kind: Kind = Kind.IN_ORDER
) -> OrderedBatch:
    """Return the rows of `parts` in the given order, or as they stand."""
    count = sum(len(part) for part in parts)
    rows = np.array(range(count) if order is None else order, np.int64)
    return OrderedBatch(
        number=1,
        sequence=len(rows),
        kind=kind,
        parts=parts,
        rows=rows,
        moves=(),
        last_key=None,
    )

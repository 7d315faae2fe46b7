"""A batch: what one round of reading gave, as columns.

There is one buffer with a region for each file, and arrays that say where the records
lie in it, what time they carry and which region they belong to. It is immutable and
refers to the bytes as read.
"""

from __future__ import annotations

import enum
import functools
from typing import Final, TypeAlias, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.state import FileEntry

__all__ = ["I32", "I64", "NO_STAMP", "U8", "Batch", "Flag", "trimmed_ends"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

U8: TypeAlias = npt.NDArray[np.uint8]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]

NO_STAMP: Final = -(2**63)
"""The timestamp of a record that has none, and the key before every other."""


class Flag(enum.IntFlag):
    """What is special about a record; most have no flag at all.

    A column takes the `value` of a flag: the flag itself would widen it to int64.
    """

    PARTIAL = 1
    """The record was too long and was cut behind this part, inside a line."""
    UNFINISHED = 2
    """The file ended without a line end here; a sink adds one."""
    CONTINUED = 4
    """Lines without a stamp that came after their record had left."""
    IMPOSSIBLE = 8
    """It carries a stamp too far in the future to be believed."""
    REST = 16
    """It goes on with a record in front of it that was cut, and so has no stamp of its own."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Batch:
    """The records of one round of reading, in the order of their regions.

    Rows of one region stand together, in the order of the file; their keys
    never fall.

    Attributes:
        buffer: The bytes as read. Dtype uint8; may hold bytes of no record.
        start: First byte of each record in `buffer`. Shape (n,).
        end: The byte after each record, its line end included. Shape (n,).
        timestamp: The record's own stamp, nanoseconds since 1970 in UTC, or
            `NO_STAMP`. Shape (n,).
        latest: The last own stamp in the file up to and with this record, or
            `NO_STAMP`. Shape (n,); the same array as `timestamp` where every
            record has a stamp.
        key: The ordering time: the running maximum of the chain's stamps.
            Shape (n,); may be the same array as `timestamp`.
        flags: Bits of `Flag`. Shape (n,), dtype uint8.
        first: The first row of each region, and n at the end. Shape (m + 1,).
        chain: The number of each region's chain. Shape (m,), dtype int32.
        files: The file of each region. Length m.
        shift: What to add to a place in `buffer` to have the offset in the
            region's file, in bytes. Shape (m,).
        limit: The latest stamp that was believed in each region, in
            nanoseconds since 1970. Shape (m,).
        read_at: When the bytes were read, in seconds of the pipeline's clock.
        ranges: Where records begin and end in their files, in bytes, if `shift` does
            not tell because what was read was not UTF-8. Two of shape (n,).
    """

    buffer: U8
    start: I64
    end: I64
    timestamp: I64
    latest: I64
    key: I64
    flags: U8
    first: I64
    chain: I32
    files: tuple[FileEntry, ...]
    shift: I64
    limit: I64
    read_at: float
    ranges: tuple[I64, I64] | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.start)

    @functools.cached_property
    def region(self) -> I32:
        """The region of each record. Shape (n,), dtype int32."""
        return self.spread(np.arange(len(self.files), dtype=np.int32))

    @property
    def offset(self) -> I64:
        """Where each record begins in its file, in bytes. Shape (n,)."""
        return self.start + self.spread(self.shift) if self.ranges is None else self.ranges[0]

    def offset_of(self, row: int, region: int) -> int:
        """Return where a record of a region begins in its file, in bytes."""
        if self.ranges is not None:
            return int(self.ranges[0][row])
        return int(self.start[row] + self.shift[region])

    @property
    def region_bytes(self) -> I64:
        """Bytes from the first record of each region to its last one. Shape (m,)."""
        size = np.zeros(len(self.files), np.int64)
        filled = np.flatnonzero(np.diff(self.first))
        size[filled] = self.end[self.first[filled + 1] - 1] - self.start[self.first[filled]]
        return size

    def with_rows(self, rows: slice | I64 | npt.NDArray[np.bool_], first: I64) -> Batch:
        """Return the batch with only some rows.

        Args:
            rows: Which, rising: an index of NumPy, of whatever kind.
            first: The first of them in each region, and their number. Shape (m + 1,).
        """
        timestamp = self.timestamp[rows]
        return attrs.evolve(
            self,
            start=self.start[rows],
            end=self.end[rows],
            timestamp=timestamp,
            latest=timestamp if self.latest is self.timestamp else self.latest[rows],
            key=timestamp if self.key is self.timestamp else self.key[rows],
            flags=self.flags[rows],
            first=first,
            ranges=None if self.ranges is None else (self.ranges[0][rows], self.ranges[1][rows]),
        )

    def spread(self, values: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """Return, for each record, the value of its region; `values` has shape (m,)."""
        return np.repeat(values, np.diff(self.first))


def trimmed_ends(arena: U8, start: I64, end: I64) -> I64:
    """Return the byte after each line without its line end, LF or CR LF."""
    stop = end - 1
    if (stop > start).all() and (arena[stop] == ord("\n")).all():
        stop -= arena[stop - 1] == ord("\r")
        return stop
    stop = end.copy()
    for character in (ord("\n"), ord("\r")):
        stop -= (stop > start) & (arena[np.maximum(stop - 1, 0)] == character)
    return stop

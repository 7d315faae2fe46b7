"""The columns in which records travel: never a line, always a batch.

A `Batch` is what one round of reading gave: one buffer with a region for each
file, and arrays that say where the records lie in it, what time they carry and
which region they belong to. It is immutable and refers to the bytes as read.

An `OrderedBatch` is what the sequencer lets go: an order over the rows of one
or more batches. No record byte has been copied on the way; a sink gathers the
bytes while it encodes.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.state import FileEntry, OrderKey, Position

if TYPE_CHECKING:
    import pyarrow as pa

    from trio_ship.fields.parsed import Parsed

__all__ = [
    "F64",
    "I32",
    "I64",
    "NO_STAMP",
    "U8",
    "Batch",
    "Flag",
    "Kind",
    "Move",
    "OrderedBatch",
    "Rewritten",
]

_Scalar = TypeVar("_Scalar", bound=np.generic)

U8: TypeAlias = npt.NDArray[np.uint8]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]
F64: TypeAlias = npt.NDArray[np.float64]

_NO_ROWS: Final = np.zeros(0, np.int64)
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


class Kind(enum.Enum):
    """How an ordered batch stands to the order; a batch is of one kind."""

    IN_ORDER = "in_order"
    LATE = "late"
    AHEAD = "ahead"
    DROPPED = "dropped"


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


@attrs.frozen(kw_only=True)
class Move:
    """How far one file has come with an ordered batch.

    Attributes:
        file: The file.
        after: The position behind the batch's last record of the file.
        limit_ns: The latest stamp that was believed while decoding.
    """

    file: FileEntry
    after: Position
    limit_ns: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Rewritten:
    """Texts that take the place of records as they were read.

    Attributes:
        data: The texts, line ends included.
        rows: The row of the batch that each stands for, rising. Shape (k,).
        start: First byte of each in `data`. Shape (k,).
        length: Bytes of each. Shape (k,).
    """

    data: U8
    rows: I64
    start: I64
    length: I64

    def select(self, keep: npt.NDArray[np.bool_]) -> Rewritten:
        """Return what is left when only the rows that `keep` marks are."""
        kept = keep[self.rows]
        return Rewritten(
            data=self.data,
            rows=np.cumsum(keep)[self.rows[kept]] - 1,
            start=self.start[kept],
            length=self.length[kept],
        )

    def without(self, rows: I64) -> Rewritten:
        """Return this without what it says of some rows."""
        kept = ~np.isin(self.rows, rows)
        return attrs.evolve(
            self, rows=self.rows[kept], start=self.start[kept], length=self.length[kept]
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OrderedBatch:
    """Records in the order in which they leave.

    Attributes:
        number: Counts the ordered batches of this process, from 1.
        sequence: Records that have left since the very first start, these
            included.
        kind: In order, late, ahead, or dropped (then it has no rows, but
            `dropped` and moves).
        parts: The batches that the rows come from.
        rows: The records, as indices into the rows of all `parts` laid end to
            end. Shape (n,), dtype int64.
        dropped: The records that are left out, likewise. Shape (m,), dtype int64.
        moves: One for each file touched: the cut after this batch.
        last_key: The key of the last record that has left in order, up to and
            with this batch.
        rewritten: What some rows say in place of what was read; `buffers`,
            `part`, `start` and `length` lead there, `offset` does not.
        parsed: What was found in the records; None: nobody has looked.
    """

    number: int
    sequence: int
    kind: Kind
    parts: tuple[Batch, ...]
    rows: I64
    moves: tuple[Move, ...]
    last_key: OrderKey | None
    dropped: I64 = _NO_ROWS
    rewritten: Rewritten | None = None
    parsed: Parsed | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.rows)

    def described_by(self, files: Mapping[str, FileEntry]) -> OrderedBatch:
        """Return the batch with the newest descriptions of its files.

        Between the read of a file and its delivery it may have been moved. How its stamps
        were read stays as it was: whoever makes the batch again reads them so.

        Args:
            files: The newest descriptions, by id.
        """
        newest = tuple(files.get(move.file.id, move.file).read_as(move.file) for move in self.moves)
        if all(move.file is entry for move, entry in zip(self.moves, newest, strict=True)):
            return self
        moves = zip(self.moves, newest, strict=True)
        return attrs.evolve(
            self, moves=tuple(attrs.evolve(move, file=entry) for move, entry in moves)
        )

    @property
    def buffers(self) -> list[U8]:
        """Where the records lie: those of all `parts`, and that of `rewritten`."""
        buffers = [part.buffer for part in self.parts]
        return [*buffers, self.rewritten.data] if self.rewritten is not None else buffers

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether it is all rows of its only part, in their order and as they were read."""
        rows = self.rows
        if len(self.parts) != 1 or len(rows) != len(self.parts[0]) or self.rewritten is not None:
            return False
        # So many rising numbers below their count are all of them.
        return bool((rows[1:] > rows[:-1]).all())

    @functools.cached_property
    def start(self) -> I64:
        """First byte of each record in its buffer; not to be changed."""
        start = self._gather([part.start for part in self.parts])
        if self.rewritten is not None:
            start[self.rewritten.rows] = self.rewritten.start
        return start

    @functools.cached_property
    def length(self) -> I64:
        """Bytes of each record, its line end included; not to be changed."""
        lengths = [part.end - part.start for part in self.parts]
        if self.is_whole:
            return lengths[0]
        length = self._gather(lengths)
        if self.rewritten is not None:
            length[self.rewritten.rows] = self.rewritten.length
        return length

    @property
    def end(self) -> I64:
        """The byte after each record in its buffer."""
        return self.start + self.length

    @property
    def timestamp(self) -> I64:
        """Each record's own stamp in nanoseconds since 1970, or `NO_STAMP`."""
        return self._gather([part.timestamp for part in self.parts])

    @property
    def key(self) -> I64:
        """The ordering time of each record, in nanoseconds since 1970."""
        return self._gather([part.key for part in self.parts])

    @property
    def flags(self) -> U8:
        """The bits of `Flag` of each record."""
        return self._gather([part.flags for part in self.parts])

    @property
    def is_flagged(self) -> bool:
        """Whether any record of the parts has a flag."""
        return any(part.flags.any() for part in self.parts)

    @property
    def is_stamped(self) -> bool:
        """Whether every record of the parts has a stamp of its own."""
        return all(part.latest is part.timestamp for part in self.parts)

    @property
    def part(self) -> I32:
        """Which of `buffers` each record lies in."""
        part = np.zeros(len(self.rows), np.int32)
        if len(self.parts) > 1:
            numbers = np.arange(len(self.parts), dtype=np.int32)
            part = np.repeat(numbers, [len(part) for part in self.parts])[self.rows]
        if self.rewritten is not None:
            part[self.rewritten.rows] = len(self.parts)
        return part

    @property
    def region(self) -> I32:
        """The region of each record, counted over all `parts`; see `files`."""
        base, columns = 0, []
        for part in self.parts:
            columns.append(part.region + np.int32(base) if base else part.region)
            base += len(part.files)
        return self._gather(columns)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """The file of each region, counted over all `parts`."""
        return tuple(file for part in self.parts for file in part.files)

    @property
    def offset(self) -> I64:
        """Where each record begins in its file, in bytes."""
        if any(part.ranges is not None for part in self.parts):
            return self._gather([part.offset for part in self.parts])
        shift = np.concatenate([part.shift for part in self.parts])
        start = self._gather([part.start for part in self.parts])
        offset: I64 = start + shift[self.region]
        return offset

    def to_arrow(self) -> pa.Table:
        """Return the batch as an Arrow table, one row a record.

        Returns:
            Columns `timestamp` (nanoseconds in UTC, null where there is none),
            `source`, `path`, `message` (binary, without its line end), `id`, `severity`
            (a name such as "warn") and `fields` (an object in JSON); these two are null
            where a record has none, or its source is not parsed.
        """
        from trio_ship.encode.table import to_table  # noqa: PLC0415  (it needs this module)

        return to_table(self)

    def select(self, keep: npt.NDArray[np.bool_]) -> OrderedBatch:
        """Return the batch with only the rows that `keep` (shape (n,)) marks."""
        if keep.all():
            return self
        rewritten = self.rewritten.select(keep) if self.rewritten is not None else None
        parsed = self.parsed.select(keep) if self.parsed is not None else None
        return attrs.evolve(self, rows=self.rows[keep], rewritten=rewritten, parsed=parsed)

    def with_messages(self) -> OrderedBatch:
        """Return the batch in which rows say their messages, not what containers wrote."""
        return self.parsed.with_messages(self) if self.parsed is not None else self

    def _gather(self, columns: list[npt.NDArray[_Scalar]]) -> npt.NDArray[_Scalar]:
        column = columns[0] if len(columns) == 1 else np.concatenate(columns)
        gathered: npt.NDArray[_Scalar] = column[self.rows]
        return gathered

"""An ordered batch: what the sequencer lets go, as an order over the rows of batches.

No record byte has been copied on the way; a sink gathers the bytes while it encodes.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch.columns import I32, I64, U8, Batch, trimmed_ends
from trio_ship.batch.pieces import gather, large_binary
from trio_ship.state import FileEntry, OrderKey, Position

if TYPE_CHECKING:
    import pyarrow as pa

    from trio_ship.batch.parsed import Parsed, Rewritten

__all__ = ["Kind", "Move", "OrderedBatch"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_NO_ROWS: Final = np.zeros(0, np.int64)


class Kind(enum.Enum):
    """How an ordered batch stands to the order; a batch is of one kind."""

    IN_ORDER = "in_order"
    LATE = "late"
    AHEAD = "ahead"
    DROPPED = "dropped"


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
    def text_length(self) -> I64:
        """Bytes of each record without its line end, LF or CR LF. Shape (n,)."""
        part, start, end = self.part, self.start, self.end
        for number, buffer in enumerate(self.buffers):
            mine = part == number
            end[mine] = trimmed_ends(buffer, start[mine], end[mine])
        return end - start

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
        from trio_ship.batch.table import to_table  # noqa: PLC0415 - Arrow's import is slow

        batch = self.with_messages()
        length = batch.text_length
        text = gather(batch.buffers, batch.part, batch.start, length)
        return to_table(
            timestamp=self.timestamp,
            files=self.files,
            region=self.region,
            offset=self.offset,
            message=large_binary(text, length),
            parsed=self.parsed,
        )

    def select(self, keep: npt.NDArray[np.bool_]) -> OrderedBatch:
        """Return the batch with only the rows that `keep` (shape (n,)) marks."""
        if keep.all():
            return self
        rewritten = self.rewritten.select(keep) if self.rewritten is not None else None
        parsed = self.parsed.select(keep) if self.parsed is not None else None
        return attrs.evolve(self, rows=self.rows[keep], rewritten=rewritten, parsed=parsed)

    def with_rewritten(self, texts: Rewritten | None) -> OrderedBatch:
        """Return the batch in which some rows say something else, those of `texts`."""
        if texts is None:
            return self
        return attrs.evolve(self, rewritten=texts.over(self.rewritten))

    def with_messages(self) -> OrderedBatch:
        """Return the batch in which rows say their messages, not what containers wrote."""
        return self.with_rewritten(self.parsed.inner if self.parsed is not None else None)

    def _gather(self, columns: list[npt.NDArray[_Scalar]]) -> npt.NDArray[_Scalar]:
        column = columns[0] if len(columns) == 1 else np.concatenate(columns)
        gathered: npt.NDArray[_Scalar] = column[self.rows]
        return gathered

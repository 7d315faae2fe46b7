"""Log files made by hand, and a ledger of what the sequencer lets go of them.

A `Log` is a file as a reader would see it: records with positions and keys. A
`Ledger` takes the ordered batches of one sequencer and asserts on each what
must hold for every batch of every run, in order or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, Batch, Flag, Kind, OrderedBatch
from trio_ship.follow import footprint
from trio_ship.report import Chain, Report
from trio_ship.sequencer import Sequencer
from trio_ship.state import FileEntry, OrderKey, Position

__all__ = ["Ledger", "Log", "Out", "Record", "column", "make_batch", "optional", "report"]


@attrs.frozen
class Record:
    """A record in its log.

    Attributes:
        offset: Where it begins.
        data: Its bytes.
        stamp: Its own stamp, or `NO_STAMP`.
        latest: The last own stamp up to it.
        key: The running maximum.
        flags: Bits of `Flag`.
    """

    offset: int
    data: bytes
    stamp: int
    latest: int
    key: int
    flags: int

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.offset + len(self.data)


@attrs.define(eq=False)
class Log:
    """A file that grows, with the number of its chain."""

    number: int
    source: str
    path: str
    records: list[Record] = attrs.field(factory=list)
    size: int = 0
    latest: int = NO_STAMP
    key: int = NO_STAMP

    @property
    def entry(self) -> FileEntry:
        """Who the file is."""
        return FileEntry(
            id=f"{self.number:016x}",
            source=self.source,
            path=self.path,
            file=self.path,
            device=1,
            inode=self.number,
        )

    @property
    def chain(self) -> Chain:
        """The chain of the file."""
        return Chain(number=self.number, source=self.source, path=self.path)

    def write(self, stamp: int | None, flags: int = 0) -> Record:
        """Add a record of its own bytes; None: without a stamp."""
        own = NO_STAMP if stamp is None else stamp
        self.latest = self.latest if stamp is None else own
        self.key = max(self.key, own)
        text = f"{self.number}.{len(self.records)}".encode() + b"." * (len(self.records) % 3)
        record = Record(self.size, text + b"\n", own, self.latest, self.key, flags)
        self.records.append(record)
        self.size = record.end
        return record

    def extend(self) -> None:
        """Let a line without a stamp join the last record."""
        last = self.records[-1]
        self.records[-1] = attrs.evolve(last, data=last.data + b" more\n")
        self.size = self.records[-1].end

    def mark(self, count: int) -> int:
        """Return the running maximum behind the first `count` records."""
        return self.records[count - 1].key if count else NO_STAMP

    def place(self, record: Record) -> tuple[int, str, str, int]:
        """Return where a record belongs in the total order."""
        return record.key, self.source, self.path, record.offset


@attrs.frozen
class Out:
    """A record that has left."""

    place: tuple[int, str, str, int]
    data: bytes
    kind: Kind
    flags: int


def column(values: Iterable[int]) -> I64:
    """Return numbers as an array."""
    return np.array(list(values), np.int64)


def make_batch(pieces: Sequence[tuple[Log, Sequence[Record]]], *, read_at: float = 0.0) -> Batch:
    """Return the batch of a round over several logs, foreign bytes between them."""
    buffer = b""
    starts: list[int] = []
    shift: list[int] = []
    for log, records in pieces:
        buffer += b"~~"
        shift.append((records[0].offset if records else log.size) - len(buffer))
        for record in records:
            starts.append(len(buffer))
            buffer += record.data
    rows = [record for _, records in pieces for record in records]
    counts = [len(records) for _, records in pieces]
    start = column(starts)
    return Batch(
        buffer=np.frombuffer(buffer, np.uint8),
        start=start,
        end=start + column(len(record.data) for record in rows),
        timestamp=column(record.stamp for record in rows),
        latest=column(record.latest for record in rows),
        key=column(record.key for record in rows),
        flags=np.array([record.flags for record in rows], np.uint8),
        first=np.cumsum([0, *counts]),
        chain=np.array([log.number for log, _ in pieces], np.int32),
        files=tuple(log.entry for log, _ in pieces),
        shift=column(shift),
        limit=column([2**62] * len(pieces)),
        read_at=read_at,
    )


def report(
    source: str,
    pieces: Sequence[tuple[Log, Sequence[Record]]] = (),
    *,
    opened: Sequence[Log] = (),
    closed: Sequence[Log] = (),
) -> Report:
    """Return what a reader says of a one-shot round: no polls, marks as read."""
    marks = {log.number: NO_STAMP for log in opened}
    marks |= {log.number: records[-1].key for log, records in pieces if records}
    return Report(
        source=source,
        batch=make_batch(pieces) if pieces else None,
        opened=tuple(log.chain for log in opened),
        chains=column(marks),
        watermarks=column(marks.values()),
        resolution_ns=column([1] * len(marks)),
        closed=tuple(log.number for log in closed),
    )


def optional(value: int) -> int | None:
    """Return a stamp as a `Position` has it."""
    return None if value == NO_STAMP else value


class Ledger:
    """What has left a sequencer, checked batch by batch.

    Attributes:
        out: Every record, in the order in which it left.
        batches: Every batch.
        dropped: How many records were left out.
    """

    def __init__(
        self, logs: Sequence[Log], *, last_key: OrderKey | None = None, sequence: int = 0
    ) -> None:
        """Begin with the files as they are; what they get later is known too."""
        self._logs = {log.entry.id: log for log in logs}
        self._taken: dict[str, int] = {}
        self._last_key = last_key
        self._sequence = sequence
        self._number = 0
        self.out: list[Out] = []
        self.batches: list[OrderedBatch] = []
        self.dropped = 0

    def know(self, log: Log) -> None:
        """Know one file more."""
        self._logs[log.entry.id] = log

    def skip(self, log: Log, count: int) -> None:
        """Count the first records of a log as gone before this run."""
        self._taken[log.entry.id] = count

    def taken(self, log: Log) -> int:
        """Return how many records of a log have left."""
        return self._taken.get(log.entry.id, 0)

    def of(self, *kinds: Kind) -> list[Out]:
        """Return the records that left in batches of the given kinds."""
        return [out for out in self.out if out.kind in kinds]

    def take(self, sequencer: Sequencer) -> list[OrderedBatch]:
        """Take what may leave; assert what must hold of every batch."""
        batches = sequencer.take()
        for batch in batches:
            self._check(batch)
        return batches

    def _check(self, batch: OrderedBatch) -> None:
        self._number += 1
        assert batch.number == self._number
        assert batch.moves
        rows = self._rows(batch)
        moved = self._check_moves(batch)
        if batch.kind is Kind.DROPPED:
            assert not len(batch)
            left_out = self._rows(attrs.evolve(batch, rows=batch.dropped))
            assert [(out.place, out.data) for out in left_out] == sorted(moved)
            self.dropped += len(moved)
        else:
            assert not len(batch.dropped)
            assert [(out.place, out.data) for out in rows] == sorted(moved)
        self._sequence += len(rows)
        assert batch.sequence == self._sequence
        keyed = [out.place for out in rows if out.place[0] != NO_STAMP]
        if batch.kind is Kind.IN_ORDER and keyed:
            key, source, path, offset = keyed[-1]
            self._last_key = OrderKey(key, source, path, 1, offset)
        assert batch.last_key == self._last_key
        self.out += rows
        self.batches.append(batch)

    def _rows(self, batch: OrderedBatch) -> list[Out]:
        files = batch.files
        return [
            Out(
                (key, files[region].source, files[region].path, offset),
                batch.parts[part].buffer[start:end].tobytes(),
                batch.kind,
                flags,
            )
            for key, region, offset, part, start, end, flags in zip(
                batch.key.tolist(),
                batch.region.tolist(),
                batch.offset.tolist(),
                batch.part.tolist(),
                batch.start.tolist(),
                batch.end.tolist(),
                batch.flags.tolist(),
                strict=True,
            )
        ]

    def _check_moves(self, batch: OrderedBatch) -> list[tuple[tuple[int, str, str, int], bytes]]:
        """Assert that each file went on exactly where it stood; return what it passed."""
        passed = []
        ids = [move.file.id for move in batch.moves]
        assert len(ids) == len(set(ids))
        for move in batch.moves:
            log = self._logs[move.file.id]
            first = self._taken.get(move.file.id, 0)
            count = next(
                number
                for number, record in enumerate(log.records[first:], 1)
                if record.end == move.after.offset
            )
            records = log.records[first : first + count]
            continued = [bool(record.flags & Flag.CONTINUED) for record in records]
            assert not any(continued[1:])
            last = records[-1]
            assert move.after == Position(
                last.end,
                optional(last.key),
                optional(last.latest),
                bool(last.flags & Flag.PARTIAL),
                footprint(last.data),
            )
            assert move.limit_ns == 2**62
            self._taken[move.file.id] = first + count
            passed += [(log.place(record), record.data) for record in records]
        return passed

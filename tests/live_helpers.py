"""A small world of writers, clocks and a reader for each source, to drive a sequencer.

Time is counted in nanoseconds from the beginning of the world. What a program
writes, it writes at a moment; what a reader reads, it read after a look at that
moment's sizes, as the shell does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
from core_helpers import Ledger, Log, column, make_batch

from trio_ship.batch import NO_STAMP, Batch, Flag, Kind
from trio_ship.report import Poll, Report
from trio_ship.sequencer import Sequencer
from trio_ship.state import OrderKey

__all__ = ["BEGIN", "MS", "SECOND", "Stream", "World"]

MS = 1_000_000
SECOND = 1_000_000_000
BEGIN = 1_795_420_800 * SECOND
"""What the wall clock says when the world begins."""


@attrs.define(eq=False)
class Stream:
    """A log as its reader follows it.

    Attributes:
        log: The log.
        resolution: The step of its stamps in ns.
        is_multiline: Whether its last record stays open.
        written_at: When each record was written, in ns.
        seen: Records that the last look found.
        read: Records handed over.
        is_held: Whether the last one is open.
        held_at: When it began to be.
        stalls: Whether its reader has no room for it just now.
    """

    log: Log
    resolution: int = 1
    is_multiline: bool = False
    written_at: list[int] = attrs.field(factory=list)
    seen: int = 0
    read: int = 0
    is_open: bool = False
    is_held: bool = False
    held_at: int = 0
    stalls: bool = False

    @property
    def is_unread(self) -> bool:
        """Whether the look found more than was read."""
        return self.seen > self.read + self.is_held


class World:
    """Sources that are followed, their clocks, and one sequencer.

    Args:
        delays: The delay of each source in ns.
        drop_late: As the sequencer takes it.
        last_key: Likewise.
    """

    def __init__(
        self, delays: dict[str, int], *, drop_late: bool = False, last_key: OrderKey | None = None
    ) -> None:
        self.delays = delays
        self.now = 0
        self.wall: Callable[[int], int] = lambda now: BEGIN + now
        self.streams: list[Stream] = []
        self.sequencer = Sequencer(
            {name: delay / SECOND for name, delay in delays.items()},
            follow=True,
            drop_late=drop_late,
            last_key=last_key,
        )
        self.ledger = Ledger([], last_key=last_key)
        self.left_at: list[int] = []
        self._polls: dict[str, Poll] = {}

    def add(
        self, source: str, path: str, *, resolution: int = 1, is_multiline: bool = False
    ) -> Stream:
        """Let a file be; it is found by the next look after its first record."""
        log = Log(len(self.streams), source, path)
        stream = Stream(log, resolution, is_multiline)
        self.streams.append(stream)
        self.ledger.know(log)
        return stream

    def write(self, stream: Stream, stamp: int | None) -> None:
        """Write a line now; a stamp loses what its resolution does not hold."""
        flags = 0
        if stamp is not None:
            stamp = stamp // stream.resolution * stream.resolution
        elif stream.is_multiline and stream.log.latest != NO_STAMP:
            if stream.read < len(stream.log.records):
                stream.log.extend()
                stream.written_at[-1] = self.now
                return
            flags = Flag.CONTINUED
        stream.written_at.append(self.now)
        stream.log.write(stamp, flags)

    def look(self, source: str) -> None:
        """Look at all files of a source: the promise of this moment."""
        self._polls[source] = Poll(wall_ns=self.wall(self.now), seconds=self.now / SECOND)
        for stream in self._of(source):
            stream.seen = len(stream.log.records)

    def read(self, source: str, most: int | None = None) -> None:
        """Read up to `most` records of each file that the look found, and report."""
        opened, pieces, marks = [], [], {}
        for stream in self._of(source):
            log = stream.log
            if not stream.is_open and stream.seen:
                stream.is_open = True
                opened.append(log)
                marks[log.number] = (NO_STAMP, 0)
            if not stream.is_open or stream.stalls:
                continue
            begin = stream.read
            stop = min(stream.seen, begin + stream.is_held + (most or stream.seen))
            marks[log.number] = (log.mark(stop), stream.resolution)
            stream.is_held = self._holds(stream, stop)
            stop -= stream.is_held
            if stop > begin:
                pieces.append((log, log.records[begin:stop]))
                stream.read = stop
        batch = make_batch(pieces, read_at=self.now / SECOND) if pieces else None
        self._report(source, batch=batch, opened=opened, marks=marks)

    def _holds(self, stream: Stream, stop: int) -> bool:
        """Tell whether the last record before `stop` stays open."""
        if not stream.is_multiline or stop == 0 or stop <= stream.read:
            return False
        if not stream.is_held or stop - 1 > stream.read:
            stream.held_at = self.now
        delay = self.delays[stream.log.source]
        is_quiet = self.now - stream.written_at[stop - 1] >= delay
        is_over = is_quiet or self.now - stream.held_at >= 10 * delay
        return stop < stream.seen or not is_over

    def _report(
        self,
        source: str,
        *,
        batch: Batch | None,
        opened: Sequence[Log],
        marks: dict[int, tuple[int, int]],
    ) -> None:
        mine = self._of(source)
        self.sequencer.accept(
            Report(
                source=source,
                batch=batch,
                opened=tuple(log.chain for log in opened),
                chains=column(marks),
                watermarks=column(mark for mark, _ in marks.values()),
                resolution_ns=column(step for _, step in marks.values()),
                poll=self._polls.get(source),
                unread=frozenset(s.log.number for s in mine if s.is_open and s.is_unread),
                held=frozenset(s.log.number for s in mine if s.is_held),
            )
        )
        for ordered in self.ledger.take(self.sequencer):
            self.left_at += [self.now] * len(ordered)

    def settle(self, seconds: float, every: float = 0.25) -> None:
        """Let time pass in which nobody writes, with looks and reads."""
        until = self.now + round(seconds * SECOND)
        while self.now < until:
            self.now += round(every * SECOND)
            for source in self.delays:
                self.look(source)
                self.read(source)

    def waits(self) -> dict[str, int]:
        """Return for each kind of batch how long its slowest record waited, in ns."""
        slowest: dict[str, int] = {}
        written = {
            stream.log.place(record): moment
            for stream in self.streams
            for record, moment in zip(stream.log.records, stream.written_at, strict=True)
        }
        for out, moment in zip(self.ledger.out, self.left_at, strict=True):
            wait = moment - written[out.place]
            slowest[out.kind.value] = max(slowest.get(out.kind.value, 0), wait)
        return slowest

    def expected(self, *streams: Stream) -> list[tuple[int, str, str, int]]:
        """Return the places of all records of some streams, sorted."""
        return sorted(
            stream.log.place(record)
            for stream in streams or self.streams
            for record in stream.log.records
        )

    def places(self, *kinds: Kind) -> list[tuple[int, str, str, int]]:
        """Return the places of what left in batches of some kinds, as it left."""
        return [out.place for out in self.ledger.of(*(kinds or Kind))]

    def _of(self, source: str) -> list[Stream]:
        return [stream for stream in self.streams if stream.log.source == source]

"""The reader task of a source: looks in, reports out.

It takes up what the watcher saw, decides which files to read in a round, has
the round read in a worker thread, and hands it to the sequencer. It reads on
as long as there are bytes and the sequencer has room for them: every chain may
have one chunk waiting there, and whoever holds the frontier has none.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from functools import partial
from typing import Final

import numpy as np
import trio

from trio_ship.batch import NO_STAMP
from trio_ship.board import Board
from trio_ship.filesystem import Filesystem
from trio_ship.look import Look
from trio_ship.notes import Note
from trio_ship.reader.budget import Budget
from trio_ship.reader.files import SourceFiles
from trio_ship.reader.hops import Hop, Hops
from trio_ship.reader.reading import Filled, Job, Reading
from trio_ship.reader.rounds import RoundReader
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.report import Chain, Poll, Report

__all__ = ["Reader"]

_LOG = logging.getLogger("trio_ship")
_OPEN_TOO_LONG: Final = 10
_SAID_AT_MOST: Final = 10_000
_CLOCK_SECONDS: Final = 0.1
_HANGING_MOST: Final = 4


class Reader:
    """Reads one source.

    Args:
        disk: Where the files are.
        name: The name of the source.
        files: The chains of the source.
        rounds: Reads and decodes.
        board: What the tasks share.
        follow: Whether files may grow.
        in_flight_bytes: How many bytes may be in flight.
        max_delay_seconds: How long a line may take from its stamp to its file.
    """

    def __init__(
        self,
        disk: Filesystem,
        name: str,
        files: SourceFiles,
        rounds: RoundReader,
        board: Board,
        *,
        follow: bool,
        in_flight_bytes: int,
        max_delay_seconds: float,
    ) -> None:
        self._disk = disk
        self._name = name
        self._files = files
        self._chains = files.chains
        self._rounds = rounds
        self._board = board
        self._follow = follow
        self._delay = max_delay_seconds
        # A one-shot run owes its order to the files alone, so it waits.
        self._patience = max_delay_seconds if follow else math.inf
        self._budget = Budget(board, in_flight_bytes)
        self._poll: Poll | None = None
        self._is_settled = False
        self._settling: Hop[Look] | None = None
        self._late: list[tuple[ChainFiles, Reading, Hop[Filled]]] = []
        self._closed: list[int] = []
        self._said: set[str] = set()

    async def run(
        self,
        send: trio.MemorySendChannel[Report],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Read until cancelled or, in one-shot mode, until all is read.

        It counts as started when it has taken up the first look.
        """
        with send:
            try:
                async with trio.open_nursery() as nursery:
                    hops = Hops(self._disk, nursery)
                    try:
                        await self._take_up(hops)
                        task_status.started()
                        await self._read(hops, send)
                    finally:
                        hops.end()
            finally:
                if not hops.is_abandoned:
                    self._chains.close()

    async def _read(self, hops: Hops, send: trio.MemorySendChannel[Report]) -> None:
        bell = self._board.readers[self._name]
        told = False
        while True:
            fresh = await self._take_up(hops)
            if self._settling is not None:
                await self._wait_settled(self._settling, send)
                continue
            if not told:
                told = True
                await send.send(self._report())
            await self._take_late(send)
            jobs = self._jobs(trio.current_time())
            if jobs:
                await self._round(jobs, hops, send)
                continue
            if fresh or self._closed:
                await send.send(self._report())
            if not self._follow and not self._chains.active:
                return
            await bell.wait_ring()

    @property
    def unreadable(self) -> dict[str, str]:
        """Why files could not be read, by path."""
        return self._chains.unreadable

    # What the watcher saw

    async def _take_up(self, hops: Hops) -> bool:
        """Take in what the watcher saw since the last call, if anything."""
        if self._settling is None:
            look = self._board.take_look(self._name)
            if look is None:
                return False
            if look.hangs:
                self._poll = look.poll
                return True
            pulse = self._rounds.pulse
            hop = Hop([partial(self._settle, look)], [self._patience], pulse)
            if not await hops.run(hop):
                self._settling = hop
                self._tell_hang(f"{pulse.path}: no file of this source")
                return False
            look = hop.done[0]
        elif self._settling.ended.is_set():
            look = self._settling.late[0]
            self._settling = None
        else:
            return False
        if not self._is_settled:
            self._is_settled = True
            yet = " yet" if self._follow else ""
            for pattern in look.empty:
                self._say(Note.warning(f"sources.{self._name}: {pattern} matches no file{yet}"))
            self._count_backlog()
        self._poll = look.poll
        self._tell()
        return True

    def _settle(self, look: Look) -> Look:
        self._files.settle(look)
        return look

    async def _wait_settled(
        self, settling: Hop[Look], send: trio.MemorySendChannel[Report]
    ) -> None:
        """Let the clock speak for the whole source while a thread hangs with its files."""
        while True:
            with trio.move_on_after(_CLOCK_SECONDS):
                await settling.ended.wait()
                return
            await send.send(Report(source=self._name, poll=self._board.last_poll(self._name)))

    def _tell_hang(self, what: str) -> None:
        self._board.count(hangs=1)
        self._say(
            Note.warning(
                f"sources.{self._name}: {what} is read for now, because the disk has not answered "
                f"for {self._patience:g} s (a dead network mount?); the others go on, and what it "
                "brings then may be late"
            )
        )

    def _count_backlog(self) -> None:
        tails = [tail for chain in self._chains.by_path.values() for tail in chain.tails]
        measured = [tail for tail in tails if tail.is_measured]
        self._board.count(
            backlog_bytes=sum(tail.size - tail.position.offset for tail in measured),
            backlog_packed=len(tails) - len(measured),
        )

    def _tell(self) -> None:
        """Publish what worker threads have found out, and say what they noted."""
        if self._chains.discovered:
            self._board.discover(self._chains.discovered)
            self._chains.discovered = {}
        if self._files.forgotten:
            self._board.forget(self._files.forgotten)
            self._files.forgotten = []
        if self._chains.replaced:
            self._board.count(undecodable=self._chains.replaced)
            self._chains.replaced = 0
        for note in self._chains.notes:
            self._say(note)
        self._chains.notes.clear()

    def _say(self, note: Note) -> None:
        if note.text not in self._said and len(self._said) < _SAID_AT_MOST:
            self._said.add(note.text)
            _LOG.log(note.level, "%s", note.text)

    # What to read

    def _jobs(self, now: float) -> list[Job]:
        active = list(self._chains.active.values())
        if self._late:
            active = [chain for chain in active if not self._is_out_of_reach(chain)]
        jobs = [job for chain in active if (job := self._next_step(chain, now)) is not None]
        ready = self._budget.granted(jobs)
        if self._late:
            # Whoever may hang comes last, when the others are done.
            ready.sort(key=lambda job: self._hanging[job.chain.tails[0].entry.device])
        return ready

    @property
    def _hanging(self) -> Counter[int]:
        """How many reads hang, by device."""
        return Counter(chain.tails[0].entry.device for chain, _, _ in self._late)

    def _is_out_of_reach(self, chain: ChainFiles) -> bool:
        """Tell whether a chain's file hangs, or is on a disk that does not answer."""
        if not self._late or not chain.tails:
            return False
        return chain.hangs or self._hanging[chain.tails[0].entry.device] >= _HANGING_MOST

    def _next_step(self, chain: ChainFiles, now: float) -> Job | None:
        """Return what a chain wants to read; let go of files that are finished."""
        while chain.tails:
            tail = chain.tails[0]
            failed = bool(tail.failures)
            left = tail.size - tail.position.offset
            if failed and self._follow and now < tail.retry_at:
                return None
            if tail.is_unread and (self._follow or not failed):
                stop = tail.next_stop if tail.stops else None
                length = left if stop is None else min(left, stop - tail.position.offset)
                return Job(chain, length, closing=length < left, final=not self._follow)
            # A read of the rest that has failed is made again; an error of a look says
            # that nobody knows whether there is more.
            again = self._follow and left > 0 and bool(tail.retry_at)
            over = (again or not failed) and self._is_over(tail, len(chain.tails) > 1, now)
            if over and left > 0:
                return Job(chain, left, closing=True, final=True)
            if not over and self._follow:
                return self._wait(chain, tail, left, now)
            self._chains.finish(chain)
        del self._chains.active[chain.number]
        if not self._follow:
            self._closed.append(chain.number)
        return None

    def _wait(self, chain: ChainFiles, tail: Tail, left: int, now: float) -> Job | None:
        """Return what a file at its end wants: to have its open record closed, or nothing."""
        if tail.held:
            quiet = now - tail.changed_at >= self._delay
            if quiet or now - tail.held_since >= _OPEN_TOO_LONG * self._delay:
                return Job(chain, left, closing=True)
        elif tail.rotated_at is None and not tail.failures:
            del self._chains.active[chain.number]
        return None

    def _is_over(self, tail: Tail, has_next: bool, now: float) -> bool:  # noqa: FBT001  (a fact, not a switch)
        """Tell whether nothing more is to be expected of a file."""
        if not self._follow:
            return True
        if tail.packed:
            return not tail.is_unread
        since = tail.rotated_at if tail.rotated_at is not None else tail.changed_at
        if tail.rotated_at is None and not has_next:
            return False
        return now - max(since, tail.changed_at) >= self._delay

    # What to tell

    async def _round(
        self, jobs: list[Job], hops: Hops, send: trio.MemorySendChannel[Report]
    ) -> None:
        bell = self._board.readers[self._name]
        reading, hop = self._rounds.begin(jobs, self._patience, trio.current_time())
        if not await hops.run(hop, bell.ring):
            chain = jobs[len(hop.done)].chain
            chain.hangs = True
            self._late.append((chain, reading, hop))
            self._tell_hang(f"{chain.path}: nothing of it")
            await self._disk.run(self._rounds.conclude, reading, hop.done)
        await self._hand_over(reading, send)

    async def _take_late(self, send: trio.MemorySendChannel[Report]) -> None:
        """Take up reads that have come back after they were left."""
        for late in list(self._late):
            chain, reading, hop = late
            if hop.ended.is_set():
                self._late.remove(late)
                chain.hangs = False
                await self._disk.run(self._rounds.conclude, reading, hop.late)
                self._say(Note.warning(f"sources.{self._name}: {chain.path} is read again"))
                await self._hand_over(reading, send)

    async def _hand_over(self, reading: Reading, send: trio.MemorySendChannel[Report]) -> None:
        self._tell()
        self._chains.close_quiet()
        result = reading.result
        report = self._report(reading)
        if result is not None and len(result.batch):
            self._budget.take(result.batch)
        await send.send(report)

    def _report(self, reading: Reading | None = None) -> Report:
        opened, self._chains.opened = self._chains.opened, []
        closed, self._closed = self._closed, []
        numbers = np.array([chain.number for chain in opened], np.int64)
        marks = np.array([self._known_ns(chain) for chain in opened], np.int64)
        resolution_of = self._rounds.decoders.resolution_ns
        steps = np.array(
            [resolution_of(chain.tails[0].entry) if chain.tails else 0 for chain in opened],
            np.int64,
        )
        result = reading.result if reading is not None else None
        if reading is not None and result is not None:
            numbers = np.concatenate([numbers, result.batch.chain])
            marks = np.concatenate([marks, result.watermark])
            steps = np.concatenate([steps, reading.resolution_ns])
        return Report(
            source=self._name,
            batch=result.batch if result is not None and len(result.batch) else None,
            opened=tuple(
                Chain(number=chain.number, source=self._name, path=chain.path) for chain in opened
            ),
            chains=numbers,
            watermarks=marks,
            resolution_ns=steps,
            closed=tuple(closed),
            poll=self._poll if self._follow else None,
            unread=frozenset(self._unread()) if self._follow else frozenset(),
            held=frozenset(self._held()) if self._follow else frozenset(),
        )

    def _known_ns(self, chain: ChainFiles) -> int:
        known = chain.tails[0].position.max_ns if chain.tails else chain.max_ns
        return NO_STAMP if known is None else known

    def _held(self) -> list[int]:
        """Return the chains at their end whose last record is open."""
        return [
            chain.number
            for chain in self._chains.active.values()
            # A file that cannot be read counts as at its end, whatever it holds.
            if chain.tails
            and chain.tails[0].held
            and not chain.tails[0].failures
            and not self._is_out_of_reach(chain)
        ]

    def _unread(self) -> list[int]:
        """Return the chains that have more to tell, or may have: a log that was just cut."""
        now = trio.current_time()
        doubtful = self._chains.doubtful - self._chains.unreadable.keys()
        return [
            chain.number
            for chain in self._chains.active.values()
            if not self._is_out_of_reach(chain)
            and (
                chain.path in doubtful
                or any(tail.is_unread and now >= tail.retry_at for tail in chain.tails)
            )
        ]

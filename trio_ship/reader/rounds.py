"""A round over many files: read, frame and decode in one trip to a worker thread.

The bytes of all files of a round go into one arena, one behind the other; then
lines, stamps and keys are found for the whole arena at once. What a round
could not finish (half a line, a record that may go on) is read again by the
next one, so that a file's state is its `Position` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.config import SourceConfig
from trio_ship.decode.round import Regions, Round, decode_round
from trio_ship.filesystem import Pulse
from trio_ship.follow import footprint, head_length, matches_head
from trio_ship.merge import optional_ns
from trio_ship.notes import Note, refusal
from trio_ship.reader.arena import Arenas
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import Content
from trio_ship.reader.decoders import HEAD, Decoders
from trio_ship.reader.hops import Hop
from trio_ship.reader.locate import is_at
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import FileEntry, Position

__all__ = ["Filled", "Job", "Reading", "RoundReader"]

_WHOLE: Final = 8 << 20
_SAMPLES: Final = 512
_DOUBT_SECONDS: Final = 3.0
_SECOND: Final = 1_000_000_000
_RETRY_SECONDS: Final = 30.0


@attrs.frozen(eq=False)
class Job:
    """What to read of one chain in a round.

    Attributes:
        chain: The chain; its first file is read.
        length: How many bytes to ask for.
        closing: Whether the wait for more lines of the last record is over.
        final: Whether the file will not grow any more.
    """

    chain: ChainFiles
    length: int
    closing: bool = False
    final: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Filled:
    """What one file gave.

    Attributes:
        job: What was to be read.
        place: Where its bytes begin in the arena.
        size: How many there are.
        reach: How long the file is.
        entry: Who it is, with its layout.
        fault: Why a compressed file has no more, where that has to be said.
        error: Why it could not be read.
        is_same: Whether it is still what it was in front of what was read.
    """

    job: Job
    place: int
    size: int
    reach: int
    entry: FileEntry
    fault: str = ""
    error: OSError | None = None
    is_same: bool = True


@attrs.define(kw_only=True, eq=False)
class Reading:
    """One round under way.

    Attributes:
        arena: Where the bytes go. Dtype uint8.
        now: The pipeline's clock before the read, in seconds.
        place: Where the bytes of the next file go.
        done: The jobs that could be read.
        result: What they gave.
    """

    arena: U8
    now: float
    place: int = 0
    done: Sequence[Job] = ()
    result: Round | None = None


class RoundReader:
    """Reads rounds of one source.

    Args:
        disk: Where the files are.
        config: The source.
        chains: Its chains.
        follow: Whether files may grow.
        max_future_seconds: How far beyond its file's time a stamp may lie.
        stages: Told what reading and decoding cost.
    """

    def __init__(
        self,
        disk: Pulse,
        config: SourceConfig,
        chains: Chains,
        *,
        follow: bool,
        max_future_seconds: float,
        stages: Stages = OFF,
    ) -> None:
        self._stages = stages
        self.pulse = self._disk = disk
        self._config = config
        self._chains = chains
        self._follow = follow
        self._future_ns = round(max_future_seconds * _SECOND)
        self._arenas = Arenas()
        self.decoders = Decoders(config, chains.notes)

    def begin(
        self, jobs: Sequence[Job], patience: float, now: float
    ) -> tuple[Reading, Hop[Filled]]:
        """Return a round, and the trip that reads and decodes it.

        Args:
            jobs: What to read.
            patience: How long one disk call may take, in seconds.
            now: The pipeline's clock before the read, in seconds.
        """
        arena = self._arenas.lend(sum(job.length for job in jobs))
        reading = Reading(arena=arena, now=now)
        hop = Hop(
            [partial(self._fill, reading, job) for job in jobs],
            [patience] * len(jobs),
            self._disk,
            partial(self.conclude, reading),
        )
        return reading, hop

    def _fill(self, reading: Reading, job: Job) -> Filled:
        """Read what one file has; it changes nothing but its own place in the arena."""
        tail = job.chain.tails[0]
        place, entry = reading.place, tail.entry
        memory = reading.arena.data[place : place + job.length]
        reach, fault = tail.size, ""
        try:
            content = self._chains.open(tail)
            if isinstance(content, Packed):
                content.settle(self._chains.wall_ns)
            with self._stages.measure(Stage.READ):
                size = content.readinto(memory, tail.position.offset)
            self._stages.count(Stage.READ, size)
            if isinstance(content, Packed):
                reach, entry = self._inside(content, entry, tail.position.offset + size)
                fault = content.fault
            if size and not _is_same(tail, content, memory[:size]):
                return Filled(job=job, place=place, size=0, reach=reach, entry=entry, is_same=False)
            if size and not self.decoders.knows(entry):
                entry = self._with_layout(
                    tail, entry, content, memory[:size], reach, final=job.final
                )
        except OSError as error:
            return Filled(job=job, place=place, size=0, reach=reach, entry=entry, error=error)
        reading.place += size
        self._chains.rest(tail)
        return Filled(job=job, place=place, size=size, reach=reach, entry=entry, fault=fault)

    def _inside(self, content: Packed, entry: FileEntry, read: int) -> tuple[int, FileEntry]:
        """Return how long a compressed file is of which so much was read, and its entry."""
        if content.length is None:
            return self._chains.more_than(read), entry
        if content.seen is not None and entry.unpacked != content.length:
            changed_ns = content.seen.mtime_ns
            entry = attrs.evolve(entry, unpacked=content.length, changed_ns=changed_ns)
        return content.length, entry

    def conclude(self, reading: Reading, filled: Sequence[Filled]) -> None:
        """Decode what was read, and move the files on.

        Args:
            reading: The round; it is told what came of it.
            filled: The results of neighbouring steps. Files that could not be
                read are left out of the round.
        """
        reading.done, reading.result = [], None
        done = []
        for one in filled:
            tail = one.job.chain.tails[0]
            if not one.is_same:
                self._doubt(one.job.chain, tail, reading.now)
                continue
            if one.error is not None:
                self._failed(one.job.chain, tail, one.error, reading.now)
                continue
            tail.failures, tail.retry_at = 0, 0.0
            tail.size = one.reach
            if one.fault:
                text = f"{tail.entry.file} {one.fault}; what follows byte {one.reach} is not read"
                self._chains.notes.append(Note.warning(text))
            if one.entry is not tail.entry:
                self._chains.update(tail, one.entry)
            done.append(one)
        if not done:
            return
        jobs = [one.job for one in done]
        regions = self._regions(jobs, np.array([one.size for one in done], np.int64))
        result = decode_round(
            reading.arena[done[0].place :],
            regions,
            self.decoders.all,
            grouping=self.decoders.grouping,
            read_at=reading.now,
            stages=self._stages,
        )
        self._advance(jobs, regions, result, reading.now)
        reading.done, reading.result = jobs, result

    def _failed(self, chain: ChainFiles, tail: Tail, error: OSError, now: float) -> None:
        tail.failures += 1
        tail.retry_at = now + min(_RETRY_SECONDS, 0.25 * 2**tail.failures)
        self._chains.notes.append(refusal(self._disk, chain.path, error))
        self._chains.unreadable[chain.path] = str(error)

    def _doubt(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        """Leave a file alone that is not what it was, until the next look has said why."""
        tail.failures += 1
        tail.retry_at = now + _DOUBT_SECONDS
        self._chains.doubtful.add(chain.path)
        if not self._follow:
            self._chains.unreadable[chain.path] = f"{chain.path} was changed while it was read"

    def _regions(self, jobs: Sequence[Job], size: I64) -> Regions:
        tails = [job.chain.tails[0] for job in jobs]
        reaches = np.array([tail.size for tail in tails])
        offset = np.array([tail.position.offset for tail in tails], np.int64)
        final = np.array([job.final for job in jobs]) & (
            (offset + size >= reaches) | (size < [job.length for job in jobs])
        )
        regions = Regions.at(
            [tail.position for tail in tails],
            [tail.entry for tail in tails],
            size,
            chain=[job.chain.number for job in jobs],
            decoder=[self.decoders.number(tail.entry) for tail in tails],
            limit_ns=np.array([tail.mtime_ns for tail in tails], np.int64) + self._future_ns,
            final=final,
            closing=np.array([job.closing for job in jobs]),
        )
        return attrs.evolve(regions, lacking=np.array([tail.lacking for tail in tails]))

    def _advance(self, jobs: Sequence[Job], regions: Regions, result: Round, now: float) -> None:
        columns = zip(
            jobs,
            result.offset.tolist(),
            result.max_ns.tolist(),
            result.last_ns.tolist(),
            result.inside.tolist(),
            result.lacking.tolist(),
            result.held.tolist(),
            regions.size.tolist(),
            regions.base.tolist(),
            strict=True,
        )
        data = result.batch.buffer.data
        for job, offset, max_ns, last_ns, inside, lacking, held, size, base in columns:
            tail = job.chain.tails[0]
            tail.read_to = tail.position.offset + size
            if size < job.length and tail.read_to < tail.size:
                # Shorter than it was said to be: the next look tells why.
                tail.size = tail.read_to
            moved = offset != tail.position.offset
            if moved:
                foot = footprint(data[base : base + offset - tail.position.offset])
                tail.position = Position(
                    offset, optional_ns(max_ns), optional_ns(last_ns), inside, foot
                )
            tail.want = 0 if moved else 2 * job.length
            if held and (moved or not tail.held):
                tail.held_since = now
            tail.held, tail.lacking = held, lacking

    def _with_layout(
        self,
        tail: Tail,
        entry: FileEntry,
        content: Content,
        data: memoryview,
        reach: int,
        *,
        final: bool,
    ) -> FileEntry:
        """Return a file's entry with the way it writes stamps, as far as it can be seen."""
        head = bytes(data[:HEAD])
        if tail.position.offset == 0 and len(head) == len(data) < min(HEAD, reach):
            head = content.pread(HEAD, 0)
        if not (final and len(head) >= reach):
            head = head[: head.rfind(b"\n") + 1]
        return self.decoders.recognise(
            entry,
            head,
            mtime_ns=tail.mtime_ns,
            blocks=lambda: list(_blocks(content, tail.position.offset, _length(content, reach))),
        )


def _is_same(tail: Tail, content: Content, data: memoryview) -> bool:
    """Tell whether what was read belongs to the file as it is known.

    It may have been truncated since it was seen, and have grown again. The
    question comes after the read, so that no such moment lies between them.
    """
    if isinstance(content, Packed):
        return True
    if tail.position.footprint:
        return is_at(content, tail.position)
    known = tail.entry.fingerprint
    length = head_length(known)
    if tail.position.offset == 0 and len(data) >= length:
        return matches_head(known, bytes(data[:length]))
    return matches_head(known, content.pread(length, 0))


def _length(content: Content, reach: int) -> int:
    """Return how long a file is, where `reach` may be how far it is known to go."""
    return content.measure() if isinstance(content, Packed) else reach


def _blocks(content: Content, begin: int, size: int) -> Iterator[bytes]:
    """Yield blocks of whole lines through a file: all of it if it is small."""
    if size - begin <= _WHOLE:
        yield content.pread(size - begin, begin)
        return
    step = (size - begin - HEAD) / (_SAMPLES - 1)
    for number in range(_SAMPLES):
        block = content.pread(HEAD, begin + round(number * step))
        yield block[block.find(b"\n") + 1 if number else 0 : block.rfind(b"\n") + 1]

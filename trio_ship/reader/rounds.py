"""A round over many files: read, frame and decode in one trip to a worker thread.

The bytes of all files of a round go into one arena, one behind the other; then
lines, stamps and keys are found for the whole arena at once. What a round
could not finish (half a line, a record that may go on) is read again by the
next one, so that a file's state is its `Position` and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import U8
from trio_ship.config import SourceConfig
from trio_ship.decode.charsets import (
    UTF_8,
    Narrowed,
    as_in_file,
    charset_of,
    growth,
    narrow,
)
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import Round, decode_round
from trio_ship.follow import footprint, head_length, matches_head
from trio_ship.merge import optional_ns, select
from trio_ship.notes import Note, refusal
from trio_ship.reader import compressed
from trio_ship.reader.arena import Arenas
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import Content
from trio_ship.reader.decoders import HEAD, Decoders
from trio_ship.reader.hops import Hop
from trio_ship.reader.locate import is_at
from trio_ship.reader.packed import Packed
from trio_ship.reader.pulse import Pulse
from trio_ship.reader.reading import Filled, Job, Reading
from trio_ship.reader.samples import blocks, heads, later_blocks, whole_lines
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.reader.turns import keep_bare, take_turns
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import FileEntry, Position

__all__ = ["RoundReader"]

_DOUBT_SECONDS: Final = 3.0
_SECOND: Final = 1_000_000_000
_RETRY_SECONDS: Final = 30.0
_REST: Final = 3  # U+FFFD for half a unit at the end


class RoundReader:
    """Reads rounds of one source.

    Args:
        disk: Where the files are.
        config: The source.
        chains: Its chains.
        follow: Whether files may grow.
        max_future_seconds: How far beyond its file's time a stamp may lie.
        until_ns: A file is over at its first record from this moment on,
            nanoseconds since 1970; None: there is no such moment.
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
        until_ns: int | None = None,
        stages: Stages = OFF,
    ) -> None:
        self._stages = stages
        self.pulse = disk
        self._config = config
        self._chains = chains
        self._follow = follow
        self._future_ns = round(max_future_seconds * _SECOND)
        self._until_ns = until_ns
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
        rooms = [self._room(job) for job in jobs]
        arena = self._arenas.lend(sum(rooms))
        reading = Reading(arena=arena, now=now)
        hop = Hop(
            [
                partial(self._fill, reading, job, room)
                for job, room in zip(jobs, rooms, strict=True)
            ],
            [patience] * len(jobs),
            self.pulse,
            partial(self.conclude, reading),
        )
        return reading, hop

    def _room(self, job: Job) -> int:
        """Return how many bytes in UTF-8 a job may give."""
        factor = growth(self._charset(job.chain.tails[0]))
        return factor * job.length + (0 if factor == 1 else _REST)

    def _charset(self, tail: Tail, head: bytes = b"") -> str:
        """Return how a file is encoded; `head` is how it begins, where that is at hand."""
        return charset_of(self._config.charset, tail.entry.charset, head)

    def _fill(self, reading: Reading, job: Job, room: int) -> Filled:
        """Read what one file has; it changes nothing but its own place in the arena."""
        tail = job.chain.tails[0]
        place, entry = reading.place, tail.entry
        memory = reading.arena.data[place : place + room]
        reach, fault, text = tail.size, "", None
        asked = job.length
        try:
            content = self._chains.open(tail)
            if isinstance(content, Packed):
                content.settle(self._chains.wall_ns)
            with self._stages.measure(Stage.READ):
                size = looked = content.readinto(memory[: job.length], tail.position.offset)
            self._stages.count(Stage.READ, size)
            if isinstance(content, Packed):
                reach, entry = compressed.measured(
                    self._chains, content, job.chain, tail.position.offset + size
                )
                fault = content.fault
            if not _is_same(tail, content, memory[:size]):
                return Filled(job=job, place=place, reach=reach, entry=entry, is_same=False)
            at_begin = not tail.position.offset
            charset = self._charset(tail, bytes(memory[: min(size, 2)]) if at_begin else b"")
            if charset != entry.charset and size:
                entry = attrs.evolve(entry, charset=charset)
            if charset != UTF_8:
                text, taken = _recoded(job, charset, memory, looked, reach)
                if taken < looked:
                    asked = looked = taken
                size = len(text.text)
            if size and not self.decoders.knows(entry):
                entry = self._with_layout(job, entry, content, memory[:size], reach, looked)
        except OSError as error:
            return Filled(job=job, place=place, reach=reach, entry=entry, error=error)
        reading.place += size
        self._chains.rest(tail)
        return Filled(
            job=job,
            place=place,
            size=size,
            asked=asked,
            looked=looked,
            text=text,
            reach=reach,
            entry=entry,
            fault=fault,
        )

    def conclude(self, reading: Reading, filled: Sequence[Filled]) -> None:
        """Decode what was read, and move the files on.

        Args:
            reading: The round; it is told what came of it.
            filled: The results of neighbouring steps. Files that could not be
                read are left out of the round.
        """
        reading.result = None
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
            tail.sought = tail.sought or bool(one.size)
            if one.fault:
                text = f"{tail.entry.file} {one.fault}; what follows byte {one.reach} is not read"
                self._chains.notes.append(Note.warning(text))
            if one.entry is not tail.entry:
                self._chains.update(tail, one.entry)
            done.append(one)
        if not done:
            return
        jobs = [one.job for one in done]
        arena = reading.arena[done[0].place :]
        regions, result = self._decoded(done, arena, reading.now)
        if self._follow and take_turns(
            done, regions, result, arena, chains=self._chains, decoders=self.decoders
        ):
            regions, result = self._decoded(done, arena, reading.now)
        self._advance(done, regions, result, reading.now)
        if self._until_ns is not None:
            result = self._ended(jobs, result, self._until_ns)
        reading.result = result
        reading.resolution_ns = self.decoders.resolutions_ns(regions.decoder)

    def _decoded(self, filled: Sequence[Filled], arena: U8, now: float) -> tuple[Regions, Round]:
        regions = self._regions(filled)
        result = decode_round(
            arena,
            regions,
            self.decoders.all,
            grouping=self.decoders.grouping,
            read_at=now,
            stages=self._stages,
        )
        return regions, result

    def _ended(self, jobs: Sequence[Job], result: Round, until_ns: int) -> Round:
        """Return a round without what is too late, and let go of chains that have come so far."""
        batch = result.batch
        beyond = batch.key >= until_ns
        if not beyond.any():
            return result
        for number in np.unique(batch.region[beyond]).tolist():
            while jobs[number].chain.tails:
                self._chains.finish(jobs[number].chain)
        return attrs.evolve(result, batch=select(batch, ~beyond))

    def _failed(self, chain: ChainFiles, tail: Tail, error: OSError, now: float) -> None:
        tail.failures += 1
        tail.retry_at = now + min(_RETRY_SECONDS, 0.25 * 2**tail.failures)
        self._chains.refuse(chain.path, refusal(self.pulse, chain.path, error))

    def _doubt(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        """Leave a file alone that is not what it was, until the next look has said why."""
        tail.failures += 1
        tail.retry_at = now + _DOUBT_SECONDS
        self._chains.doubtful.add(chain.path)
        if not self._follow:
            self._chains.unreadable[chain.path] = f"{chain.path} was changed while it was read"

    def _regions(self, filled: Sequence[Filled]) -> Regions:
        jobs = [one.job for one in filled]
        tails = [job.chain.tails[0] for job in jobs]
        reaches = np.array([tail.size for tail in tails])
        offset = np.array([tail.position.offset for tail in tails], np.int64)
        looked = np.array([one.looked for one in filled], np.int64)
        final = np.array([job.final for job in jobs]) & (
            (offset + looked >= reaches) | (looked < [one.asked for one in filled])
        )
        regions = Regions.at(
            [tail.position for tail in tails],
            [tail.entry for tail in tails],
            np.array([one.size for one in filled], np.int64),
            chain=[job.chain.number for job in jobs],
            decoder=[self.decoders.number(tail.entry) for tail in tails],
            limit_ns=np.array([tail.mtime_ns for tail in tails], np.int64) + self._future_ns,
            final=final,
            closing=np.array([job.closing for job in jobs]),
        ).read_as([one.text for one in filled])
        return attrs.evolve(regions, lacking=np.array([tail.lacking for tail in tails]))

    def _advance(
        self, filled: Sequence[Filled], regions: Regions, result: Round, now: float
    ) -> None:
        columns = zip(
            filled,
            result.offset.tolist(),
            result.stop.tolist(),
            result.max_ns.tolist(),
            result.last_ns.tolist(),
            result.inside.tolist(),
            result.lacking.tolist(),
            result.held.tolist(),
            result.bare.tolist(),
            regions.base.tolist(),
            strict=True,
        )
        data = result.batch.buffer.data
        for one, offset, stop, max_ns, last_ns, inside, lacking, held, bare, base in columns:
            job, tail = one.job, one.job.chain.tails[0]
            tail.read_to = tail.position.offset + one.looked
            if one.looked < one.asked and tail.read_to < tail.size:
                # Shorter than it was said to be: the next look tells why.
                tail.size = tail.read_to
            moved = offset != tail.position.offset
            if moved:
                foot = footprint(as_in_file(data[base:stop], tail.entry.charset))
                if one.text is not None:
                    self._chains.replaced += int(np.count_nonzero(one.text.replaced < stop - base))
                tail.position = Position(
                    offset, optional_ns(max_ns), optional_ns(last_ns), inside, foot
                )
                if self._follow:
                    keep_bare(tail, result.batch.buffer, base, bare, stop)
            tail.want = 0 if moved else 2 * job.length
            if held and (moved or not tail.held):
                tail.held_since = now
            tail.held, tail.lacking = held, lacking

    def _with_layout(
        self,
        job: Job,
        entry: FileEntry,
        content: Content,
        data: memoryview,
        reach: int,
        looked: int,
    ) -> FileEntry:
        """Return a file's entry with the way it writes stamps, as far as it can be seen.

        Where files do not grow, they are looked at once: else where stamps begin to count
        would depend on where a round ends.
        """
        tail = job.chain.tails[0]
        if not tail.sought or not tail.position.offset:
            seen = heads(content, entry.charset, reach, final=job.final)
        elif self._follow:
            seen = iter([whole_lines(bytes(data[:HEAD]), final=job.final and looked >= reach)])
        else:
            return entry
        return self.decoders.recognise(
            entry,
            seen,
            mtime_ns=tail.mtime_ns,
            blocks=lambda: blocks(content, entry.charset, tail.position.offset, reach),
            later=lambda: later_blocks(content, entry.charset, tail.position.offset, reach),
        )


def _recoded(
    job: Job, charset: str, memory: memoryview, looked: int, reach: int
) -> tuple[Narrowed, int]:
    """Put text in UTF-8 in the place of what was read; return it, and of how much it was made.

    Args:
        job: What was to be read.
        charset: How it is encoded.
        memory: All the room that the job has.
        looked: How many bytes of the file are in it.
        reach: How long the file is.
    """
    offset = job.chain.tails[0].position.offset
    final = job.final and (offset + looked >= reach or looked < job.length)
    raw = bytes(memory[:looked])
    text = narrow(raw, charset, offset, final=final)
    if len(text.text) > len(memory):
        # It has just turned out to be UTF-16; the next read has more room.
        looked = job.length // 4 * 2
        text = narrow(raw[:looked], charset, offset, final=False)
    memory[: len(text.text)] = text.text
    return text, looked


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

"""A round over many files: read, frame and decode in one step of a worker thread.

The bytes of all files of a round go into one arena, one behind the other; then
lines, stamps and keys are found for the whole arena at once. What a round
could not finish (half a line, a record that may go on) is read again by the
next one, so that a file's state is its `Position` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64
from trio_ship.config import SourceConfig
from trio_ship.decode.round import Regions, Round, decode_round
from trio_ship.filesystem import Filesystem
from trio_ship.merge import optional_ns
from trio_ship.notes import refusal
from trio_ship.reader.arena import Arenas
from trio_ship.reader.chains import Chains
from trio_ship.reader.decoders import HEAD, Decoders
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.state import Position

__all__ = ["Job", "RoundReader"]

_WHOLE: Final = 8 << 20
_SAMPLES: Final = 512
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


class RoundReader:
    """Reads rounds of one source.

    Args:
        disk: Where the files are.
        config: The source.
        chains: Its chains.
        follow: Whether files may grow.
        max_future_seconds: How far beyond its file's time a stamp may lie.
    """

    def __init__(
        self,
        disk: Filesystem,
        config: SourceConfig,
        chains: Chains,
        *,
        follow: bool,
        max_future_seconds: float,
    ) -> None:
        self._disk = disk
        self._config = config
        self._chains = chains
        self._follow = follow
        self._future_ns = round(max_future_seconds * _SECOND)
        self._arenas = Arenas()
        self.decoders = Decoders(config, chains.notes)

    def read(self, jobs: Sequence[Job], now: float) -> tuple[list[Job], Round | None]:
        """Read and decode one round.

        Args:
            jobs: What to read; files with an error are left out of the result.
            now: The pipeline's clock before the read, in seconds.

        Returns:
            The jobs that could be read, and what they gave.
        """
        arena = self._arenas.lend(sum(job.length for job in jobs))
        memory = arena.data
        done: list[Job] = []
        sizes: list[int] = []
        place = 0
        for job in jobs:
            tail = job.chain.tails[0]
            try:
                size = self._fill(tail, memory[place : place + job.length])
            except OSError as error:
                self._failed(job.chain, tail, error, now)
                continue
            if size and not self.decoders.knows(tail.entry):
                self._find_layout(tail, memory[place : place + size], final=job.final)
            done.append(job)
            sizes.append(size)
            place += size
        if not done:
            return [], None
        regions = self._regions(done, np.array(sizes, np.int64))
        result = decode_round(
            arena,
            regions,
            self.decoders.all,
            multiline=self._config.multiline == "timestamp",
            longest=self._config.max_record_bytes,
            read_at=now,
        )
        self._advance(done, regions, result, now)
        return done, result

    def _fill(self, tail: Tail, memory: memoryview) -> int:
        fd = self._chains.open(tail)
        size = 0
        while size < len(memory):
            count = self._disk.preadv(fd, [memory[size:]], tail.position.offset + size)
            if not count:
                break
            size += count
        tail.failures, tail.retry_at = 0, 0.0
        return size

    def _failed(self, chain: ChainFiles, tail: Tail, error: OSError, now: float) -> None:
        tail.failures += 1
        tail.retry_at = now + min(_RETRY_SECONDS, 0.25 * 2**tail.failures)
        self._chains.notes.append(refusal(self._disk, chain.path, error))
        self._chains.unreadable[chain.path] = str(error)

    def _regions(self, jobs: Sequence[Job], size: I64) -> Regions:
        tails = [job.chain.tails[0] for job in jobs]
        reaches = np.array([tail.size for tail in tails])
        offset = np.array([tail.position.offset for tail in tails], np.int64)
        final = np.array([job.final for job in jobs]) & (
            (offset + size >= reaches) | (size < [job.length for job in jobs])
        )
        return Regions.at(
            [tail.position for tail in tails],
            [tail.entry for tail in tails],
            size,
            chain=[job.chain.number for job in jobs],
            decoder=[self.decoders.number(tail.entry) for tail in tails],
            limit_ns=np.array([tail.mtime_ns for tail in tails], np.int64) + self._future_ns,
            final=final,
            closing=np.array([job.closing for job in jobs]),
        )

    def _advance(self, jobs: Sequence[Job], regions: Regions, result: Round, now: float) -> None:
        columns = zip(
            jobs,
            result.offset.tolist(),
            result.max_ns.tolist(),
            result.last_ns.tolist(),
            result.inside.tolist(),
            result.held.tolist(),
            regions.size.tolist(),
            strict=True,
        )
        for job, offset, max_ns, last_ns, inside, held, size in columns:
            tail = job.chain.tails[0]
            tail.read_to = tail.position.offset + size
            if size < job.length and tail.read_to < tail.size:
                # Shorter than it was said to be: the next look tells why.
                tail.size = tail.read_to
            moved = offset != tail.position.offset
            if moved:
                tail.position = Position(offset, optional_ns(max_ns), optional_ns(last_ns), inside)
            tail.want = 0 if moved else 2 * job.length
            if held and (moved or not tail.held):
                tail.held_since = now
            tail.held = held

    def _find_layout(self, tail: Tail, data: memoryview, *, final: bool) -> None:
        fd = self._chains.open(tail)
        head = bytes(data[:HEAD])
        if tail.position.offset == 0 and len(head) == len(data) < min(HEAD, tail.size):
            head = self._disk.pread(fd, HEAD, 0)
        if not (final and len(head) >= tail.size):
            head = head[: head.rfind(b"\n") + 1]
        entry = self.decoders.recognise(
            tail.entry,
            head,
            mtime_ns=tail.mtime_ns,
            blocks=lambda: list(self._blocks(fd, tail.position.offset, tail.size)),
        )
        if entry is not tail.entry:
            self._chains.update(tail, entry)

    def _blocks(self, fd: int, begin: int, size: int) -> Iterator[bytes]:
        """Yield blocks of whole lines through a file: all of it if it is small."""
        if size - begin <= _WHOLE:
            yield self._disk.pread(fd, size - begin, begin)
            return
        step = (size - begin - HEAD) / (_SAMPLES - 1)
        for number in range(_SAMPLES):
            block = self._disk.pread(fd, HEAD, begin + round(number * step))
            yield block[block.find(b"\n") + 1 if number else 0 : block.rfind(b"\n") + 1]

"""The nursery: wires all tasks together and owns their end.

There is one task for each source, the sequencer, one for each sink and the
checkpoint task; they share what the `Board` shows.

Two scopes are made up front. `drain` holds the watcher and the readers: when it
is cancelled they stop, the sequencer sees the end of its channel, lets go of
what the frontier allows, and the sinks finish. `abort` holds the whole flow;
draining sets its deadline. The checkpoint task lives outside of both and saves
once more when the flow has ended, however it ended.
"""

from __future__ import annotations

import itertools
import logging
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import numpy as np
import trio

from trio_ship.batch import NO_STAMP, Flag, Kind, OrderedBatch
from trio_ship.board import Bell, Board, Statistics
from trio_ship.checkpoint import lock
from trio_ship.checkpoint.journal import Journal, boot_id, journal_path
from trio_ship.checkpoint.store import Store
from trio_ship.checkpoint.task import Checkpointer
from trio_ship.config import Config, SinkConfig, SourceConfig
from trio_ship.cut import Cut, common_start
from trio_ship.encode import encoder
from trio_ship.encode.json_lines import JsonEncoder
from trio_ship.errors import SourceError, ungrouped
from trio_ship.filesystem import Disk, Filesystem
from trio_ship.globs import matches
from trio_ship.reader.replay import replay
from trio_ship.reader.rounds import RoundReader
from trio_ship.reader.stdin import StdinReader
from trio_ship.reader.tails import SourceFiles
from trio_ship.reader.task import Reader
from trio_ship.reader.watch import Look, Watch
from trio_ship.sequencer import Poll, Report, Sequencer
from trio_ship.sinks.file import FileSink
from trio_ship.sinks.protocol import AcknowledgingSink, Sink
from trio_ship.sinks.stdout import StdoutSink
from trio_ship.state import FileEntry, SinkState, Snapshot

__all__ = ["Pipeline"]

_LOG = logging.getLogger("trio_ship")
_POLL_SECONDS: Final = 0.1
_POLL_SECONDS_MOST: Final = 2.0
_POLL_SHARE: Final = 25
_GRACE_SECONDS: Final = 8.0
_SPARE_DESCRIPTORS: Final = 64
# Measured: with one batch waiting at each sink, reading and writing overlap.
_BATCHES_WAITING: Final = 1


class Pipeline:
    """One run of a configuration.

    Args:
        config: What to read and where to write.
        disk: Whose files; this machine's if left out.
        wall_ns: The wall clock, nanoseconds since 1970.
        sinks: Sinks beside those of the configuration.
        ignore_checkpoint: Whether to start afresh; the old checkpoint is kept
            under another name.
        raw_terminal: Whether control characters may reach a terminal.
    """

    def __init__(
        self,
        config: Config,
        *,
        disk: Filesystem | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
        sinks: Sequence[Sink] = (),
        ignore_checkpoint: bool = False,
        raw_terminal: bool = False,
    ) -> None:
        self._config = config
        self._disk = disk or Disk()
        self._wall_ns = wall_ns
        self._extra_sinks = tuple(sinks)
        self._ignore_checkpoint = ignore_checkpoint
        self._raw_terminal = raw_terminal
        self._drain = trio.CancelScope()
        self._abort = trio.CancelScope()
        self._board = Board(Snapshot())
        self._encoders: list[object] = []
        self._numbers = itertools.count()
        self._readers: list[Reader] = []
        self._sinks: list[Sink] = []
        self._resumed = False

    @property
    def snapshot(self) -> Snapshot:
        """The cut that every sink has taken."""
        return self._board.snapshot

    @property
    def statistics(self) -> Statistics:
        """What has been done since the start."""
        replaced = sum(e.replaced for e in self._encoders if isinstance(e, JsonEncoder))
        return self._board.statistics.plus(replaced=replaced, files=len(self._board.snapshot.files))

    @property
    def is_resumed(self) -> bool:
        """Whether this run goes on from a checkpoint."""
        return self._resumed

    def drain(self) -> None:
        """Stop reading, deliver what may leave in order, save, and end."""
        if not self._drain.cancel_called:
            self._abort.deadline = trio.current_time() + _GRACE_SECONDS
            self._drain.cancel()

    def abort(self) -> None:
        """End at once; what is delivered is still saved."""
        self._abort.cancel()

    def reopen(self) -> None:
        """Have every output opened by its name again."""
        for sink in self._sinks:
            sink.reopen()

    async def run(
        self, *, task_status: trio.TaskStatus[Pipeline] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until all is read (one-shot), until drained, or until something fails.

        Raises:
            ShipError: What keeps it from its work, never in a group.
        """
        with ungrouped(), self._own_checkpoint() as store:
            saved = await self._start(store)
            stop = trio.Event()
            try:
                async with trio.open_nursery() as outer:
                    if store is not None:
                        checkpointer = self._checkpointer(store, saved)
                        await checkpointer.save()
                        outer.start_soon(checkpointer.run, stop)
                    self._tell_start()
                    task_status.started(self)
                    with self._abort:
                        await self._flow()
                    if self._abort.cancelled_caught:
                        _LOG.warning("stopped before every sink had taken what was read")
                    stop.set()
            finally:
                with trio.move_on_after(_GRACE_SECONDS, shield=True):
                    for sink in self._sinks:
                        await sink.aclose()
        self._raise_unreadable()

    # Start

    @contextmanager
    def _own_checkpoint(self) -> Iterator[Store | None]:
        """Make sure that nobody else uses the checkpoint."""
        settings = self._config.pipeline.checkpoint
        if not settings.enabled:
            yield None
            return
        store = Store(self._disk, settings.path, self._config.pipeline.name)
        store.check_folder()
        held = lock.acquire(self._disk, settings.path)
        try:
            store.clean()
            if self._ignore_checkpoint:
                kept = store.set_aside(datetime.fromtimestamp(self._wall_ns() / 1e9, UTC))
                if kept:
                    _LOG.warning("the checkpoint is ignored; it is kept as %s", kept)
            yield store
        finally:
            lock.release(self._disk, held)

    async def _start(self, store: Store | None) -> Snapshot | None:
        """Recover the state of the last run, and look at all sources once."""
        checkpoint = None
        if store is not None:
            loaded = await self._disk.run(store.load)
            for note in loaded.notes:
                _LOG.warning("%s", note)
            checkpoint = loaded.snapshot
        self._resumed = checkpoint is not None
        base = checkpoint or Snapshot()
        for name, settings in self._config.sinks.items():
            self._sinks.append(await self._make_sink(name, settings, resumed=self._resumed))
        self._sinks += self._extra_sinks
        cuts = {sink.name: await sink.open(base) for sink in self._sinks}
        common = common_start(base, cuts)
        for sink in self._sinks:
            sink.begin(common)
        self._board.snapshot = common
        await self._first_look(fresh=checkpoint is None)
        return checkpoint

    async def _make_sink(self, name: str, settings: SinkConfig, *, resumed: bool) -> Sink:
        encode = encoder(settings.encoding)
        self._encoders.append(encode)
        if settings.type == "stdout":
            return StdoutSink(name, encode, raw=self._raw_terminal)
        journal, data, boot = None, b"", ""
        checkpoint = self._config.pipeline.checkpoint
        if checkpoint.enabled:
            path = journal_path(checkpoint.path, name)
            boot = boot_id()
            journal = Journal(self._disk, path, boot)
            if resumed:
                data = await self._disk.run(self._read_file, path)
        return FileSink(
            name,
            settings.path,
            self._disk,
            encode,
            journal=journal,
            journal_data=data,
            boot=boot,
            replay=lambda written, cut: replay(self._disk, self._config, written, cut),
        )

    def _read_file(self, path: str) -> bytes:
        try:
            fd = self._disk.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return b""
        try:
            pieces = []
            offset = 0
            while piece := self._disk.pread(fd, 1 << 20, offset):
                pieces.append(piece)
                offset += len(piece)
            return b"".join(pieces)
        finally:
            self._disk.close(fd)

    def _checkpointer(self, store: Store, saved: Snapshot | None) -> Checkpointer:
        return Checkpointer(
            self._disk,
            store,
            self._board,
            self._sinks,
            interval_seconds=self._config.pipeline.checkpoint.interval_seconds,
            wall_ns=self._wall_ns,
            saved=saved,
        )

    async def _first_look(self, *, fresh: bool) -> None:
        self._watches: dict[str, Watch] = {}
        self._tasks: list[Callable[[trio.MemorySendChannel[Report]], object]] = []
        for name, source in self._config.sources.items():
            self._board.readers[name] = Bell()
            if source.type == "stdin":
                self._stdin = self._make_stdin(source)
                continue
            self._watches[name] = Watch(
                self._disk,
                source.paths,
                source.exclude,
                literal=source.literal,
            )
            self._readers.append(self._make_reader(name, source, fresh=fresh))
        await self._look()
        for reader in self._readers:
            await reader.take_up()

    async def _look(self) -> None:
        poll = Poll(wall_ns=self._wall_ns(), seconds=trio.current_time())

        def look() -> dict[str, Look]:
            return {name: watch.look(poll) for name, watch in self._watches.items()}

        for name, seen in (await self._disk.run(look)).items():
            self._board.put_look(name, seen)

    def _make_reader(self, name: str, source: SourceConfig, *, fresh: bool) -> Reader:
        settings = self._config.pipeline
        delay, future = self._delay(source), source.max_future_seconds
        files = SourceFiles(
            self._disk,
            name,
            follow=settings.follow,
            covers=self._covers(source),
            number=self._numbers.__next__,
            from_end=fresh and source.start == "end",
            recorded=[
                (entry, self._board.snapshot.positions[entry.id])
                for entry in self._board.snapshot.files.values()
                if self._belongs(entry, name, source)
            ],
            outputs=lambda: {
                (state.device, state.inode) for state in self._board.snapshot.sinks.values()
            },
        )
        rounds = RoundReader(
            self._disk,
            source,
            files,
            follow=settings.follow,
            max_future_seconds=settings.max_future_seconds if future is None else future,
        )
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = 1 << 20
        return Reader(
            self._disk,
            name,
            files,
            rounds,
            self._board,
            follow=settings.follow,
            max_delay_seconds=delay,
            budget=settings.max_buffer_bytes,
            open_files=max(16, (limit - _SPARE_DESCRIPTORS) // len(self._config.sources)),
        )

    def _make_stdin(self, source: SourceConfig) -> StdinReader:
        settings = self._config.pipeline
        future = source.max_future_seconds
        return StdinReader(
            source,
            self._board,
            number=next(self._numbers),
            fd=0,
            follow=settings.follow,
            max_delay_seconds=self._delay(source),
            max_future_seconds=settings.max_future_seconds if future is None else future,
            wall_ns=self._wall_ns,
        )

    def _delay(self, source: SourceConfig) -> float:
        own = source.max_delay_seconds
        return self._config.pipeline.max_delay_seconds if own is None else own

    def _covers(self, source: SourceConfig) -> Callable[[str], bool]:
        def covers(path: str) -> bool:
            if source.literal:
                return path in source.paths
            return any(matches(pattern, path) for pattern in source.paths) and not any(
                matches(pattern, path) for pattern in source.exclude
            )

        return covers

    def _belongs(self, entry: FileEntry, name: str, source: SourceConfig) -> bool:
        """Tell whether a source goes on with a recorded file, its own or orphaned."""
        orphaned = entry.source not in self._config.sources
        return entry.source == name or (orphaned and self._covers(source)(entry.path))

    def _tell_start(self) -> None:
        snapshot = self._board.snapshot
        if self._resumed and snapshot.last_key is not None:
            key = snapshot.last_key
            _LOG.info(
                "going on after record %d (%s, sources.%s, %s at byte %d)",
                snapshot.sequence,
                _moment(key.timestamp_ns),
                key.source,
                key.path,
                key.offset,
            )
        zones = {source.timestamp.timezone for source in self._config.sources.values()}
        _LOG.info(
            "%d bytes to read in %d files; stamps without a zone are taken as %s",
            self._board.statistics.backlog_bytes,
            len(snapshot.files),
            ", ".join(sorted(zones)),
        )

    # Flow

    async def _flow(self) -> None:
        send, receive = trio.open_memory_channel[Report](0)
        outputs: list[tuple[trio.MemorySendChannel[OrderedBatch], Sink]] = []
        cut = Cut(sink.name for sink in self._sinks)
        async with trio.open_nursery() as flow:
            for sink in self._sinks:
                into, out = trio.open_memory_channel[OrderedBatch](_BATCHES_WAITING)
                outputs.append((into, sink))
                flow.start_soon(self._deliver, sink, out, cut)
            flow.start_soon(self._sequence, receive, [into for into, _ in outputs], cut)
            flow.start_soon(self._read, send)

    async def _read(self, send: trio.MemorySendChannel[Report]) -> None:
        with self._drain, send:
            async with trio.open_nursery() as nursery:
                for reader in self._readers:
                    nursery.start_soon(reader.run, send.clone())
                if hasattr(self, "_stdin"):
                    nursery.start_soon(self._stdin.run, send.clone())
                if self._config.pipeline.follow and self._watches:
                    nursery.start_soon(self._watch)

    async def _watch(self) -> None:
        """Look at all sources again and again, at a small share of one core."""
        while True:
            started = trio.current_time()
            await self._look()
            cost = trio.current_time() - started
            await trio.sleep(min(max(_POLL_SECONDS, _POLL_SHARE * cost), _POLL_SECONDS_MOST))

    async def _sequence(
        self,
        receive: trio.MemoryReceiveChannel[Report],
        outputs: list[trio.MemorySendChannel[OrderedBatch]],
        cut: Cut,
    ) -> None:
        settings = self._config.pipeline
        snapshot = self._board.snapshot
        sequencer = Sequencer(
            {name: self._delay(source) for name, source in self._config.sources.items()},
            follow=settings.follow,
            drop_late=settings.late == "drop",
            last_key=snapshot.last_key,
            sequence=snapshot.sequence,
        )
        async for report in receive:
            sequencer.accept(report)
            batches = sequencer.take()
            self._board.put_pending(sequencer.pending_bytes.copy())
            # A name that outlives its use would pin an arena until the next report.
            del report
            while batches:
                batch = batches.pop(0)
                cut.announce(batch)
                self._count(batch)
                for send in outputs:
                    await send.send(batch)
                del batch
        for send in outputs:
            send.close()

    async def _deliver(
        self, sink: Sink, receive: trio.MemoryReceiveChannel[OrderedBatch], cut: Cut
    ) -> None:
        def delivered(number: int, state: SinkState) -> None:
            snapshot = self._board.snapshot
            self._board.snapshot = cut.delivered(snapshot, sink.name, number, state)

        if isinstance(sink, AcknowledgingSink):
            sink.bind(delivered)
        async for batch in receive:
            await sink.write(batch)
            if not isinstance(sink, AcknowledgingSink):
                delivered(batch.number, sink.state)
            del batch  # its arena is free now, not when the next batch comes
        if isinstance(sink, AcknowledgingSink):
            await sink.finish()

    def _count(self, batch: OrderedBatch) -> None:
        records = len(batch)
        flags = batch.flags if batch.is_flagged else np.zeros(0, np.uint8)
        unparsed = 0 if batch.is_stamped else int(np.count_nonzero(batch.timestamp == NO_STAMP))
        self._board.count(
            records=records,
            bytes=int((batch.end - batch.start).sum()),
            late=records if batch.kind is Kind.LATE else 0,
            ahead=records if batch.kind is Kind.AHEAD else 0,
            dropped=int(batch.kind is Kind.DROPPED),
            unparsed=unparsed,
            impossible=int(np.count_nonzero(flags & Flag.IMPOSSIBLE)),
            cut=int(np.count_nonzero(flags & Flag.PARTIAL)),
        )

    # End

    def _raise_unreadable(self) -> None:
        if self._config.pipeline.follow:
            return
        refused = {path: why for reader in self._readers for path, why in reader.unreadable.items()}
        if refused:
            lines = "\n".join(f"  {why}" for _, why in sorted(refused.items()))
            raise SourceError(f"{len(refused)} of the files could not be read:\n{lines}")


def _moment(timestamp_ns: int) -> str:
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"

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

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import numpy as np
import trio

from trio_ship.assembly import Assembly, Sources
from trio_ship.batch import NO_STAMP, Flag, Kind, OrderedBatch
from trio_ship.board import Board, Statistics
from trio_ship.checkpoint import lock
from trio_ship.checkpoint.store import Store
from trio_ship.checkpoint.task import Checkpointer
from trio_ship.config import Config
from trio_ship.config.values import printable
from trio_ship.cut import Cut, common_start
from trio_ship.diagnosis import Diagnosis
from trio_ship.errors import SourceError, ungrouped
from trio_ship.filesystem import Disk, Filesystem
from trio_ship.quantities import counted
from trio_ship.reader.budget import most_unwritten, weight
from trio_ship.report import Report
from trio_ship.sequencer import Sequencer
from trio_ship.sinks.protocol import AcknowledgingSink, Sink
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import SinkState, Snapshot
from trio_ship.steps.chain import Chain

__all__ = ["Pipeline", "run"]

_LOG = logging.getLogger("trio_ship")
_GRACE_SECONDS: Final = 8.0
# Measured: with one batch waiting at each sink, reading and writing overlap.
_BATCHES_WAITING: Final = 1
# So many turns of the loop take a reader from a report to its next read: it is under way
# when the sequencer, which keeps the loop to itself, begins.
_HEAD_START: Final = 3


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
        stages: Told what each stage costs.

    Attributes:
        started: Set when the backlog is known and reading begins.
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
        stages: Stages = OFF,
    ) -> None:
        self._config = config
        self._disk = disk or Disk()
        self._wall_ns = wall_ns
        self._ignore_checkpoint = ignore_checkpoint
        self._raw_terminal = raw_terminal
        self._stages = stages
        self._drain = trio.CancelScope()
        self._abort = trio.CancelScope()
        most = most_unwritten(config.pipeline.max_buffer_bytes)
        self._board = Board(Snapshot(), most_unwritten=most)
        self._assembly = Assembly(config, self._disk, wall_ns, stages)
        self._sources: Sources
        self._sinks = list(sinks)
        self._diagnosis = Diagnosis()
        self._resumed = False
        self.started = trio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """The cut that every sink has taken."""
        return self._board.snapshot

    @property
    def statistics(self) -> Statistics:
        """What has been done since the start."""
        return self._board.statistics.plus(
            **self._assembly.encoding_counts, files=len(self._board.snapshot.files)
        )

    @property
    def removed(self) -> Mapping[str, Mapping[str, int]]:
        """What steps have left out or made unreadable, by whose they are and the reason."""
        return self._assembly.removed

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
            await self._recover(store)
            stop = trio.Event()
            try:
                async with trio.open_nursery() as outer:

                    async def begin() -> None:
                        """Have what was found saved before anything is delivered."""
                        if store is not None:
                            checkpointer = self._checkpointer(store)
                            await checkpointer.begin(is_first=not self._resumed)
                            outer.start_soon(checkpointer.run, stop)
                        self._tell_start()
                        self.started.set()
                        task_status.started(self)

                    with self._abort:
                        await self._flow(begin)
                    if self._abort.cancelled_caught and self._drain.cancel_called:
                        _LOG.warning("stopped before every sink had taken what was read")
                    if not self.started.is_set():
                        task_status.started(self)
                    stop.set()
            finally:
                with trio.move_on_after(_GRACE_SECONDS, shield=True):
                    await trio.lowlevel.checkpoint()
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

    async def _recover(self, store: Store | None) -> None:
        """Recover the state of the last run."""
        checkpoint = None
        if store is not None:
            loaded = await self._disk.run(store.load)
            for note in loaded.notes:
                _LOG.warning("%s", note)
            checkpoint = loaded.snapshot
        self._resumed = checkpoint is not None
        base = checkpoint or Snapshot()
        self._sinks += await self._assembly.sinks(
            resumed=self._resumed, raw_terminal=self._raw_terminal
        )
        cuts = {sink.name: await sink.open(base) for sink in self._sinks}
        common = common_start(base, cuts)
        for sink in self._sinks:
            sink.begin(common)
        self._board.snapshot = common
        self._sources = self._assembly.sources(self._board, checkpoint=checkpoint)

    def _checkpointer(self, store: Store) -> Checkpointer:
        return Checkpointer(
            self._disk,
            store,
            self._board,
            self._sinks,
            interval_seconds=self._config.pipeline.checkpoint.interval_seconds,
            wall_ns=self._wall_ns,
        )

    def _tell_start(self) -> None:
        snapshot = self._board.snapshot
        if self._resumed and snapshot.last_key is not None:
            key = snapshot.last_key
            _LOG.info(
                "going on after record %s (%s, sources.%s, %s at byte %d)",
                f"{snapshot.sequence:,}",
                _moment(key.timestamp_ns),
                key.source,
                key.path,
                key.offset,
            )
        _LOG.info(
            "%s to read in %s",
            counted(self._board.statistics.backlog_bytes, "byte"),
            counted(len(snapshot.files), "file"),
        )

    # Flow

    async def _flow(self, begin: Callable[[], Awaitable[None]]) -> None:
        send, receive = trio.open_memory_channel[Report](0)
        outputs: list[tuple[trio.MemorySendChannel[OrderedBatch], Sink]] = []
        cut = Cut(sink.name for sink in self._sinks)
        ready = trio.Event()
        async with trio.open_nursery() as flow:
            flow.start_soon(self._read, send, ready)
            await ready.wait()
            await begin()
            for sink in self._sinks:
                into, out = trio.open_memory_channel[OrderedBatch](_BATCHES_WAITING)
                outputs.append((into, sink))
                flow.start_soon(self._deliver, sink, out, cut)
            ends = [into for into, _ in outputs]
            if self._assembly.common is not None:
                into, out = trio.open_memory_channel[OrderedBatch](_BATCHES_WAITING)
                flow.start_soon(self._shape, self._assembly.common, out, ends)
                ends = [into]
            flow.start_soon(self._sequence, receive, ends, cut)

    async def _read(self, send: trio.MemorySendChannel[Report], ready: trio.Event) -> None:
        """Read until drained; `ready` is set when all sources were looked at once."""
        with self._drain, send:
            try:
                async with trio.open_nursery() as nursery:
                    if self._sources.readers:
                        await nursery.start(self._sources.watcher.run)
                    for reader in self._sources.readers:
                        await nursery.start(reader.run, send.clone())
                    if self._sources.stdin is not None:
                        nursery.start_soon(self._sources.stdin.run, send.clone())
                    ready.set()
            finally:
                ready.set()

    async def _sequence(
        self,
        receive: trio.MemoryReceiveChannel[Report],
        outputs: list[trio.MemorySendChannel[OrderedBatch]],
        cut: Cut,
    ) -> None:
        settings = self._config.pipeline
        snapshot = self._board.snapshot
        sequencer = Sequencer(
            self._assembly.delays(),
            follow=settings.follow,
            drop_late=settings.late == "drop",
            last_key=snapshot.last_key,
            sequence=snapshot.sequence,
        )
        while (report := await self._next_report(receive)) is not None:
            for _ in range(_HEAD_START):
                await trio.lowlevel.checkpoint()
            with self._stages.measure(Stage.MERGE):
                sequencer.accept(report)
                batches = sequencer.take()
            self._board.put_pending(sequencer.pending_bytes.copy(), sequencer.accepted_bytes.copy())
            # A name that outlives its use would pin an arena until the next report.
            del report
            while batches:
                batch = batches.pop(0).described_by(self._board.snapshot.files)
                cut.announce(batch)
                self._count(batch)
                self._board.put_unwritten([sink.name for sink in self._sinks], _weight(batch))
                with self._stages.measure(Stage.WAIT_SINK):
                    for send in outputs:
                        await send.send(batch)
                del batch
            self._stages.spent()  # so that what was measured does not pile up
        for send in outputs:
            send.close()

    async def _shape(
        self,
        common: Chain,
        receive: trio.MemoryReceiveChannel[OrderedBatch],
        outputs: list[trio.MemorySendChannel[OrderedBatch]],
    ) -> None:
        """Take the steps that all sinks have in common."""
        async for batch in receive:
            shaped = await self._disk.run(self._apply, common, batch)
            gone = _weight(batch) - _weight(shaped)
            for sink in self._sinks:
                self._board.put_written(sink.name, gone)
            for send in outputs:
                await send.send(shaped)
            del batch, shaped
        for send in outputs:
            send.close()

    def _apply(self, common: Chain, batch: OrderedBatch) -> OrderedBatch:
        with self._stages.measure(Stage.STEPS):
            return common.apply(batch)

    async def _next_report(self, receive: trio.MemoryReceiveChannel[Report]) -> Report | None:
        """Return what comes next from the readers; None when all of them have ended."""
        with self._stages.measure(Stage.WAIT_READ):
            try:
                return await receive.receive()
            except trio.EndOfChannel:
                return None

    async def _deliver(
        self, sink: Sink, receive: trio.MemoryReceiveChannel[OrderedBatch], cut: Cut
    ) -> None:
        def delivered(number: int, state: SinkState) -> None:
            snapshot = self._board.snapshot
            self._board.snapshot = cut.delivered(snapshot, sink.name, number, state)

        # Once: to compare with a protocol takes as long as a short write.
        acknowledging = sink if isinstance(sink, AcknowledgingSink) else None
        if acknowledging is not None:
            acknowledging.bind(delivered)
        async for batch in receive:
            await sink.write(batch)
            self._board.put_written(sink.name, _weight(batch))
            if acknowledging is None:
                delivered(batch.number, sink.state)
            del batch  # its arena is free now, not when the next batch comes
        if acknowledging is not None:
            await acknowledging.finish()

    def _count(self, batch: OrderedBatch) -> None:
        for sentence in self._diagnosis.sentences(batch, self._wall_ns()):
            _LOG.warning("%s", sentence)
        records = len(batch)
        flags = batch.flags if batch.is_flagged else np.zeros(0, np.uint8)
        unparsed = 0 if batch.is_stamped else int(np.count_nonzero(batch.timestamp == NO_STAMP))
        size = int(batch.length.sum())
        self._stages.count(Stage.MERGE, size)
        self._board.count(
            records=records,
            bytes=size,
            late=records if batch.kind is Kind.LATE else 0,
            ahead=records if batch.kind is Kind.AHEAD else 0,
            dropped=int(batch.kind is Kind.DROPPED),
            unparsed=unparsed,
            impossible=int(np.count_nonzero(flags & Flag.IMPOSSIBLE.value)),
            cut=int(np.count_nonzero(flags & Flag.PARTIAL.value)),
        )

    # End

    def _raise_unreadable(self) -> None:
        if self._config.pipeline.follow:
            return
        refused = {
            path: why for reader in self._sources.readers for path, why in reader.unreadable.items()
        }
        if refused:
            lines = "\n".join(f"  {printable(why)}" for _, why in sorted(refused.items()))
            raise SourceError(f"{len(refused)} of the files could not be read:\n{lines}")


async def run(
    config: Config, *, task_status: trio.TaskStatus[Pipeline] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a pipeline until all is read, or until cancelled.

    Args:
        config: What to read and where to write.
        task_status: Is given the running `Pipeline`, whose `drain` ends it in
            order.

    Raises:
        ShipError: What keeps it from its work, by itself and not in a group.
    """
    await Pipeline(config).run(task_status=task_status)


def _weight(batch: OrderedBatch) -> int:
    return weight(len(batch), int(batch.length.sum()))


def _moment(timestamp_ns: int) -> str:
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"

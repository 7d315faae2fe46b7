"""The nursery: wires all tasks together and owns their end.

There is one task for each source, the sequencer, one for each sink and the
checkpoint task; they share what the `Board` shows.

Three scopes are made up front. `start` holds the search for what the last run has left,
which waits where a disk is full. `drain` holds the watcher and the readers: when it
is cancelled they stop, the sequencer sees the end of its channel, lets go of
what the frontier allows, and the sinks finish. `abort` holds the whole flow;
draining sets its deadline. The checkpoint task lives outside of both and saves
once more when the flow has ended, however it ended.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import attrs
import trio

from trio_ship.assembly import Assembly, Sources
from trio_ship.board import Board, Statistics
from trio_ship.checkpoint import lock
from trio_ship.checkpoint.store import Store
from trio_ship.checkpoint.task import Checkpointer
from trio_ship.config import Config
from trio_ship.config.contradictions import NO_SINK
from trio_ship.config.load import refused, unusable
from trio_ship.config.values import printable
from trio_ship.cut import common_start, former_names
from trio_ship.errors import ConfigError, SourceError, ungrouped
from trio_ship.filesystem import Disk, Filesystem
from trio_ship.flow import Flow
from trio_ship.notes import misread_zone
from trio_ship.quantities import counted
from trio_ship.reader.budget import most_unwritten
from trio_ship.report import Report
from trio_ship.sequencer import Sequencer
from trio_ship.sink import Sink
from trio_ship.stages import OFF, Stages
from trio_ship.state import Snapshot

__all__ = ["Pipeline", "run"]

_LOG = logging.getLogger("trio_ship")
_GRACE_SECONDS: Final = 8.0


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
        self._start = trio.CancelScope()
        self._drain = trio.CancelScope()
        self._abort = trio.CancelScope()
        most = most_unwritten(config.in_flight_bytes)
        self._board = Board(Snapshot(), most_unwritten=most)
        self._assembly = Assembly(config, self._disk, wall_ns, stages)
        self._sources: Sources
        self._sinks = list(sinks)
        self._resumed = False
        self._is_known = False
        self._begun_at = 0
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
        """How much steps have left out or redacted: by whose they are, and how and where."""
        return self._assembly.removed

    @property
    def is_resumed(self) -> bool:
        """Whether this run goes on from a checkpoint."""
        return self._resumed

    def drain(self) -> None:
        """Stop reading, deliver what may leave in order, save, and end."""
        if not self._drain.cancel_called:
            self._abort.deadline = trio.current_time() + _GRACE_SECONDS
            self._start.cancel()
            self._drain.cancel()

    def abort(self) -> None:
        """End at once; what is delivered is still saved."""
        self._start.cancel()
        self._abort.cancel()

    async def run(
        self, *, task_status: trio.TaskStatus[Pipeline] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until all is read (one-shot), until drained, or until something fails.

        Raises:
            ShipError: What keeps it from its work, never in a group.
        """
        if not self._sinks and not self._config.sinks:
            raise refused(self._config, NO_SINK)
        with ungrouped(), self._own_checkpoint() as store:
            try:
                with self._start:
                    await self._recover(store)
                if self._start.cancelled_caught:
                    task_status.started(self)
                    return
                await self._work(store, task_status)
            finally:
                with trio.move_on_after(_GRACE_SECONDS, shield=True):
                    await trio.lowlevel.checkpoint()
                    for sink in self._sinks:
                        await sink.aclose()
        self._raise_unreadable()

    async def _work(self, store: Store | None, task_status: trio.TaskStatus[Pipeline]) -> None:
        stop = trio.Event()
        async with trio.open_nursery() as outer:

            async def begin() -> None:
                """Have what was found saved before anything is delivered."""
                if store is not None:
                    checkpointer = self._checkpointer(store)
                    await checkpointer.begin(is_first=not self._is_known)
                    outer.start_soon(checkpointer.run, stop)
                self._tell_start()
                self.started.set()
                task_status.started(self)

            with self._abort:
                await self._flow(begin)
            if self._abort.cancelled_caught and self._drain.cancel_called:
                self._tell_untaken(goes_on=store is not None)
            if not self.started.is_set():
                task_status.started(self)
            stop.set()

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
        paths = {name: sink.path for name, sink in self._config.sinks.items()}
        former = former_names(base.sinks, paths)
        present = {old: new for new, old in former.items()}
        sinks = {present.get(name, name): state for name, state in base.sinks.items()}
        base = attrs.evolve(base, sinks=sinks)
        self._sinks += await self._assembly.sinks(
            former, resumed=self._resumed, raw_terminal=self._raw_terminal
        )
        cuts = await self._opened(base)
        common = common_start(base, cuts)
        for sink in self._sinks:
            sink.begin(common)
        self._board.snapshot = common
        self._begun_at = common.sequence
        self._sources = self._assembly.sources(self._board, checkpoint=checkpoint)
        self._is_known = self._resumed and self._is_told(base, cuts)

    def _is_told(self, base: Snapshot, cuts: dict[str, Snapshot]) -> bool:
        """Tell whether a checkpoint has every output, and every file under its present source.

        Else the next start would deliver again what goes to such an output, or comes from
        such a file.
        """
        files = self._board.snapshot.files
        return all(
            name in base.sinks and base.sinks[name].inode == cut.sinks[name].inode
            for name, cut in cuts.items()
        ) and all(
            files.get(name, entry).source == entry.source for name, entry in base.files.items()
        )

    async def _opened(self, base: Snapshot) -> dict[str, Snapshot]:
        """Open all sinks; return what each has taken, by name."""
        cuts: dict[str, Snapshot] = {}
        refusals: list[ConfigError] = []
        for sink in self._sinks:
            try:
                cuts[sink.name] = await sink.open(base)
            except ConfigError as error:
                refusals.append(error)
        if refusals:
            raise unusable(self._config, *refusals)
        return cuts

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
        zones = {source.timestamp.timezone for source in self._config.sources.values()}
        note = misread_zone(os.environ) if "local" in zones else None
        if note is not None:
            _LOG.log(note.level, "%s", note.text)
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
        backlog = self._board.statistics
        packed = counted(backlog.backlog_packed, "compressed file")
        others = counted(len(snapshot.files) - backlog.backlog_packed, "file")
        to_read = f"{counted(backlog.backlog_bytes, 'byte')} to read in {others}"
        if backlog.backlog_packed == len(snapshot.files) > 0:
            to_read = f"{packed} to read"
        elif backlog.backlog_packed:
            to_read += f", and {packed}"
        _LOG.info("%s", to_read)

    # Flow

    async def _flow(self, begin: Callable[[], Awaitable[None]]) -> None:
        send, receive = trio.open_memory_channel[Report](0)
        ready = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, send, ready)
            await ready.wait()
            await begin()
            flow = Flow(
                self._board,
                self._sinks,
                self._assembly.common,
                disk=self._disk,
                stages=self._stages,
                wall_ns=self._wall_ns,
            )
            flow.start(nursery, self._sequencer(), receive)

    def _sequencer(self) -> Sequencer:
        settings = self._config.pipeline
        snapshot = self._board.snapshot
        return Sequencer(
            self._assembly.delays(),
            follow=settings.follow,
            drop_late=settings.late == "drop",
            last_key=snapshot.last_key,
            sequence=snapshot.sequence,
        )

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

    # End

    def _tell_untaken(self, *, goes_on: bool) -> None:
        taken = self._board.snapshot.sequence - self._begun_at
        untaken = counted(self._board.statistics.records - taken, "record")
        _LOG.warning(
            "stopped before every sink had taken what was read: %s %s",
            untaken,
            "left for the next start" if goes_on else "not written",
        )

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


def _moment(timestamp_ns: int) -> str:
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"

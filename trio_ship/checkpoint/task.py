"""The checkpoint task: a tick, the newest snapshot, one hop to the disk.

The snapshot is immutable, so nothing pauses while it is saved. A save makes
the outputs durable up to the snapshot first, and only then the snapshot: a
checkpoint is never ahead of what it speaks of. The first save of a process is
made even if nothing is new: the journals, which are of another boot or end with
the run before, begin anew behind it, and it shows that there is room.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import trio

from trio_ship.board import Board
from trio_ship.checkpoint.store import Store
from trio_ship.errors import CheckpointError
from trio_ship.filesystem import Filesystem
from trio_ship.sink import Sink
from trio_ship.state import Snapshot

__all__ = ["Checkpointer"]

_LOG = logging.getLogger("trio_ship")
_LAST_SAVE_SECONDS: Final = 5.0
_FOUND_SECONDS: Final = 0.5
_NANO: Final = 1_000_000_000


class Checkpointer:
    """Saves what the board shows.

    Args:
        disk: Runs the save.
        store: Where checkpoints go.
        board: What the tasks share.
        sinks: All sinks.
        interval_seconds: Time between two ticks.
        wall_ns: The wall clock, nanoseconds since 1970.
    """

    def __init__(
        self,
        disk: Filesystem,
        store: Store,
        board: Board,
        sinks: Sequence[Sink],
        *,
        interval_seconds: float,
        wall_ns: Callable[[], int],
    ) -> None:
        self._disk = disk
        self._store = store
        self._board = board
        self._sinks = sinks
        self._interval = interval_seconds
        self._wall_ns = wall_ns
        self._saved: Snapshot | None = None
        self._failure = ""
        self._found_at = -math.inf

    async def begin(self, *, is_first: bool) -> None:
        """Save what the start has found; have every journal begin behind it.

        Args:
            is_first: Whether there is no older checkpoint to go back to that tells of
                every output, and whose files are.

        Raises:
            CheckpointError: The very first one cannot be saved: nothing may be
                delivered before it.
        """
        if not await self.save() and is_first:
            raise CheckpointError(
                f"{self._store.path}: the first checkpoint cannot be saved: {self._failure}; "
                "make its folder writable, or choose another with `path` in [pipeline.checkpoint]"
            )

    async def run(self, stop: trio.Event) -> None:
        """Save at every tick until `stop`, and once more then.

        Files that were found are saved soon: who dies without having written
        down that there was a file does not look for it when it is renamed.
        The last save is shielded from cancellation, for five seconds at most.
        """
        try:
            while True:
                with trio.move_on_after(self._interval):
                    await self._wait_news(stop)
                if stop.is_set():
                    break
                await self.save()
        finally:
            with trio.move_on_after(_LAST_SAVE_SECONDS, shield=True) as last:
                await self.save()
            if last.cancelled_caught:
                _LOG.error("the last checkpoint took too long; the next start goes back further")

    async def _wait_news(self, stop: trio.Event) -> None:
        """Wait until files were found, not too soon after the last time, or until `stop`."""

        async def wait_found(scope: trio.CancelScope) -> None:
            await self._board.found.wait_ring()
            await trio.sleep_until(self._found_at + _FOUND_SECONDS)
            self._found_at = trio.current_time()
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_found, nursery.cancel_scope)
            await stop.wait()
            nursery.cancel_scope.cancel()

    async def save(self) -> bool:
        """Save the newest snapshot unless it is saved already.

        Returns:
            Whether the newest snapshot is on disk now. A failure is logged
            (once for each reason) and counted; the next tick tries again.
        """
        snapshot = self._board.snapshot
        if snapshot is self._saved or snapshot == self._saved:
            return True
        try:
            await self._disk.run(self._write, snapshot)
        except OSError as error:
            self._board.count(failed_saves=1)
            reason = error.strerror or str(error)
            if reason != self._failure:
                self._failure = reason
                _LOG.error(
                    "the checkpoint could not be saved: %s (%s); shipping goes on, and it is "
                    "tried again every %g s",
                    reason,
                    error.filename or self._store.path,
                    self._interval,
                )
            return False
        if self._failure:
            self._failure = ""
            _LOG.warning("checkpoints are saved again")
        self._saved = snapshot
        self._board.count(saves=1)
        return True

    def _write(self, snapshot: Snapshot) -> None:
        for sink in self._sinks:
            if sink.name in snapshot.sinks:
                sink.make_durable(snapshot.sinks[sink.name])
        seconds, rest = divmod(self._wall_ns(), _NANO)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
        self._store.save(snapshot, moment)
        for sink in self._sinks:
            if sink.name in snapshot.sinks:
                sink.saved(snapshot)

"""The watcher: one task that looks at all sources, again and again.

A look at a source is one step of a hop, so that one thread serves all sources
as long as their disks answer. A source whose look hangs is left alone; until it
returns, nothing is known of its files and the clock speaks for them, as it does
for files at their end, so that the other sources go on.

Looks take a small share of one core, so the pause behind one depends on what it
used of the processor. How long it took tells little on a busy machine, where lines
would be delivered late for it; but no disk is looked at more than half of the time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import trio

from trio_ship.board import Board
from trio_ship.filesystem import Filesystem
from trio_ship.look import Look
from trio_ship.reader.hops import Hop, Hops
from trio_ship.reader.pulse import Pulse
from trio_ship.reader.watch import Watch
from trio_ship.report import Poll

__all__ = ["Watcher"]

_LOG = logging.getLogger("trio_ship")
_POLL_SECONDS: Final = 0.1
_POLL_SECONDS_MOST: Final = 2.0
_POLL_SHARE: Final = 25


class Watcher:
    """Looks at all sources, at a small share of one core.

    Args:
        disk: Has the threads.
        watches: What looks at each source.
        pulse: The disk that the watches use.
        board: Where looks are left for the readers.
        wall_ns: The wall clock, nanoseconds since 1970.
        patience: How long a disk call of each source may take, in seconds.
        follow: Whether to look more than once. A single look waits for every disk.
    """

    def __init__(
        self,
        disk: Filesystem,
        watches: Mapping[str, Watch],
        pulse: Pulse,
        board: Board,
        *,
        wall_ns: Callable[[], int],
        patience: Mapping[str, float],
        follow: bool,
    ) -> None:
        self._disk = disk
        self._watches = watches
        self._pulse = pulse
        self._board = board
        self._wall_ns = wall_ns
        self._patience = patience if follow else dict.fromkeys(patience, math.inf)
        self._follow = follow
        self._hanging: dict[str, tuple[Hop[Look], str]] = {}
        self._used = 0.0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look until cancelled; it counts as started after the first look."""
        async with trio.open_nursery() as nursery:
            hops = Hops(self._disk, nursery)
            try:
                await self._look(hops)
                task_status.started()
                while self._follow:
                    started, self._used = trio.current_time(), 0.0
                    whole = await self._look(hops)
                    taken = trio.current_time() - started if whole else 0
                    pause = max(_POLL_SECONDS, _POLL_SHARE * self._used, taken)
                    await trio.sleep(min(pause, _POLL_SECONDS_MOST))
            finally:
                hops.end()

    async def _look(self, hops: Hops) -> bool:
        """Look at every source whose disk answers; let the clock speak for the others.

        Returns:
            Whether no disk has begun to hang.
        """
        poll = Poll(wall_ns=self._wall_ns(), seconds=trio.current_time())
        self._take_returned()
        for name in self._hanging:
            self._board.put_look(name, Look(poll=poll, hangs=True))
        hanging = len(self._hanging)
        names = [name for name in self._watches if name not in self._hanging]
        while names:
            hop = Hop(
                [partial(self._measured, self._watches[name], poll) for name in names],
                [self._patience[name] for name in names],
                self._pulse,
            )
            whole = await hops.run(hop)
            seen = len(hop.done)
            for name, look in zip(names, hop.done, strict=False):
                self._board.put_look(name, look)
            if not whole:
                self._leave(names[seen], hop)
            names = names[seen + 1 :]
        return len(self._hanging) == hanging

    def _measured(self, watch: Watch, poll: Poll) -> Look:
        """Look at a source; in a worker thread."""
        began = self._disk.thread_seconds()
        look = watch.look(poll)
        self._used += self._disk.thread_seconds() - began
        return look

    def _leave(self, name: str, hop: Hop[Look]) -> None:
        path = self._pulse.path
        self._hanging[name] = hop, path
        self._board.count(hangs=1)
        _LOG.warning(
            "sources.%s: %s: the disk has not answered for %g s (a dead network mount?); until it "
            "does, no file of this source is looked at, the others go on, and what it brings "
            "then may be late",
            name,
            path,
            self._patience[name],
        )

    def _take_returned(self) -> None:
        for name, (hop, path) in list(self._hanging.items()):
            if hop.ended.is_set():
                del self._hanging[name]
                self._board.put_look(name, hop.late[0])
                _LOG.warning("sources.%s: %s: the disk answers again", name, path)

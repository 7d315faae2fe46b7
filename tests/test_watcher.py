"""How long the watcher pauses between two looks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
import trio.testing
from memory_disk import MemoryDisk

from trio_ship.board import Bell, Board
from trio_ship.reader.pulse import Pulse
from trio_ship.reader.watch import Watch
from trio_ship.reader.watcher import Watcher
from trio_ship.state import Snapshot

_T = TypeVar("_T")


class BusyDisk(MemoryDisk):
    """A disk whose threads have to wait for a processor.

    Args:
        seconds: How long everything takes that only reads.
        used: What a look uses of the processor, in seconds.
    """

    def __init__(self, seconds: float, used: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._used = used
        self._ticks = itertools.count()

    def thread_seconds(self) -> float:
        """See `Filesystem.thread_seconds`."""
        return self._used * next(self._ticks)

    async def run_reading(self, function: Callable[[], _T], /) -> _T:
        """See `Filesystem.run_reading`."""
        await trio.sleep(self._seconds)
        return function()


@pytest.mark.parametrize(
    ("taken", "used", "interval"),
    [
        (0.0, 0.001, 0.1),  # never more than ten times a second
        (0.02, 0.02, 0.02 + 25 * 0.02),  # a twenty-fifth of a core
        (0.05, 0.001, 0.05 + 0.1),  # a busy machine makes no line late
        (0.3, 0.001, 0.3 + 0.3),  # a slow disk is looked at half of the time
        (0.0, 1.0, 2.0),  # and files in any case every other second
    ],
)
async def test_a_pause_depends_on_what_a_look_used_of_the_processor(
    taken: float, used: float, interval: float, autojump_clock: trio.testing.MockClock
) -> None:
    """Looks begin in even steps, whatever else the machine does."""
    assert autojump_clock.rate == 0
    disk = BusyDisk(taken, used)
    disk.mkdir("/logs")
    board = Board(Snapshot())
    board.readers["app"] = Bell()
    begun: list[float] = []

    def wall_ns() -> int:
        begun.append(trio.current_time())
        return 0

    watcher = Watcher(
        disk,
        {"app": Watch(disk, ["/logs/*.log"], [], literal=False)},
        Pulse(disk),
        board,
        wall_ns=wall_ns,
        patience={"app": 10.0},
        follow=True,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        await trio.sleep(4 * interval)
        nursery.cancel_scope.cancel()
    # The first look is for the start; the next follows it at once.
    steps = [later - earlier for earlier, later in itertools.pairwise(begun[1:5])]
    assert steps == pytest.approx([interval] * 3)

"""Trips to a worker thread from which one may not come back.

A dead network mount keeps a thread for as long as it likes, and nothing can
stop it. So whatever only reads is cut into steps, and a `Hop` does many of them
in one thread, one after the other. A step that makes no disk call for longer
than its patience is left alone with its thread: what the hop had done counts,
what it had not begun is for another hop, and the result of the step is taken up
whenever it comes.

* A step changes nothing that anybody looks at before its result is taken up.
* A hop is left between two steps or not at all: each is done, left, or not begun.
* Time is measured in several short waits, so that a process that was stopped
  for a minute does not mistake its own pause for a hanging disk.
* In the end a thread has one second more; then it is abandoned, and what it
  reads from must stay open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import trio

from trio_ship.filesystem import Filesystem
from trio_ship.reader.pulse import Pulse

__all__ = ["Hop", "Hops"]

_T = TypeVar("_T")

_WAITS: Final = 4
_PATIENCE_LEAST: Final = 0.2
_LAST_SECONDS: Final = 1.0


class Hop(Generic[_T]):
    """Steps that only read, for one worker thread.

    Args:
        steps: What to do.
        patience: How long each step may stay in one disk call, in seconds.
        pulse: The disk that they use.
        conclude: Is given the results in the same thread, if no step was left.

    Attributes:
        done: Results of the first steps, in their order.
        late: The result of the step that was left, when it has come.
        ended: Set when the thread has come back.
    """

    def __init__(
        self,
        steps: Sequence[Callable[[], _T]],
        patience: Sequence[float],
        pulse: Pulse,
        conclude: Callable[[list[_T]], None] = lambda _: None,
    ) -> None:
        self._steps = steps
        self._patience = patience
        self._pulse = pulse
        self._conclude = conclude
        self._lock = threading.Lock()
        self._left = False
        self.done: list[_T] = []
        self.late: list[_T] = []
        self.ended = trio.Event()

    @property
    def progress(self) -> tuple[int, int]:
        """What changes as long as the thread does not hang."""
        return len(self.done), self._pulse.calls

    @property
    def patience(self) -> float:
        """How long the present step may stay in one disk call, in seconds."""
        return max(_PATIENCE_LEAST, self._patience[min(len(self.done), len(self._steps) - 1)])

    @property
    def is_left(self) -> bool:
        """Whether one of its steps was left."""
        return self._left

    def work(self) -> None:
        """Do the steps; in a worker thread."""
        for step in self._steps:
            result = step()
            with self._lock:
                if self._left:
                    self.late.append(result)
                    return
                self.done.append(result)
        self._conclude(self.done)

    def leave(self) -> bool:
        """Leave the step that is under way; False if all are done."""
        with self._lock:
            self._left = len(self.done) < len(self._steps)
        return self._left


class Hops:
    """Has hops done in worker threads, for a task that goes on without those that hang.

    Args:
        disk: Has the threads.
        nursery: Where the hops wait for their threads.

    Attributes:
        is_abandoned: Whether a thread was left behind for good.
    """

    def __init__(self, disk: Filesystem, nursery: trio.Nursery) -> None:
        self._disk = disk
        self._nursery = nursery
        self._under_way: dict[Hop[Any], trio.CancelScope] = {}
        self.is_abandoned = False

    async def run(self, hop: Hop[_T], returned: Callable[[], None] = lambda: None) -> bool:
        """Have a hop done.

        Args:
            hop: The hop.
            returned: Called when it comes back after it was left.

        Returns:
            Whether every step is done; if not, one was left.
        """
        scope = self._under_way[hop] = trio.CancelScope(shield=True)
        self._nursery.start_soon(self._work, hop, scope, returned)
        while True:
            for _ in range(_WAITS):
                before = hop.progress
                with trio.move_on_after(hop.patience / _WAITS):
                    await hop.ended.wait()
                    return True
                if hop.progress != before:
                    break
            else:
                if hop.leave():
                    return False

    async def _work(
        self, hop: Hop[_T], scope: trio.CancelScope, returned: Callable[[], None]
    ) -> None:
        with scope:
            await self._disk.run_reading(hop.work)
        self.is_abandoned |= scope.cancelled_caught
        del self._under_way[hop]
        hop.ended.set()
        if hop.is_left and not scope.cancelled_caught:
            returned()

    def end(self) -> None:
        """Give hops that hang no time, the others a second; the nursery waits for them."""
        for hop, scope in self._under_way.items():
            scope.deadline = trio.current_time() + (0 if hop.is_left else _LAST_SECONDS)

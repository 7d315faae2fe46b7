"""A disk some of whose calls do not return until they are let go, on a clock that stays exact.

Whatever only reads runs in a thread of its own, hand in hand with the event
loop: while the thread is at work the loop waits for it, and goes on when it has
ended or hangs. So nothing depends on how fast either of them is.
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable
from typing import TypeVar

import outcome
import trio
from memory_disk import Call, MemoryDisk

__all__ = ["HangingDisk"]

_T = TypeVar("_T")


class _Thread:
    """A function in a thread that goes on only when it is told to."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self.result: outcome.Outcome[object] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go(self) -> None:
        """Let it go on until it hangs or has ended."""
        self._turn.release()
        self._back.acquire()

    def hang(self) -> None:
        """Wait, in the thread, for the next turn."""
        self._back.release()
        self._turn.acquire()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in this thread."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        self._turn.acquire()
        self.result = outcome.capture(self._function)
        self._back.release()


class HangingDisk(MemoryDisk):
    """A disk on which chosen calls hang."""

    def __init__(self) -> None:
        """Make an empty disk that answers."""
        super().__init__()
        self._stuck: list[tuple[str, str]] = []
        self._threads: list[_Thread] = []
        self._healed = trio.Event()
        self.hanging = 0

    def hang(self, path_glob: str, call: str = "*") -> None:
        """Have calls on paths that match hang from now on."""
        self._stuck.append((call, path_glob))

    def answer(self) -> None:
        """Let all that hangs go on, and have nothing hang any more."""
        self._stuck.clear()
        self._healed.set()
        self._healed = trio.Event()

    async def run_reading(self, function: Callable[[], _T], /) -> _T:
        """Call a function in a thread; go on without it while it hangs."""
        await trio.lowlevel.checkpoint()
        found: list[_T] = []
        thread = _Thread(lambda: found.append(function()))
        self._threads.append(thread)
        thread.go()
        while thread.result is None:
            self.hanging += 1
            try:
                await self._healed.wait()
            finally:
                self.hanging -= 1
            thread.go()
        self._threads.remove(thread)
        thread.result.unwrap()
        return found[0]

    def _begin(self, call: Call) -> None:
        for thread in self._threads:
            if thread.is_here and self._is_stuck(call):
                thread.hang()
        super()._begin(call)

    def _is_stuck(self, call: Call) -> bool:
        return any(
            fnmatch.fnmatchcase(call.name, name) and fnmatch.fnmatchcase(call.path, glob)
            for name, glob in self._stuck
        )

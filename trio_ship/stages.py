"""What each stage of the way costs: time on the wall, time of the processor, bytes.

Off unless a clock is given, and then a measurement is one comparison. What is
measured is a batch, a round or a slice, never a record. The clock is an input,
so that the core may be measured and still knows of none.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

import attrs

__all__ = ["OFF", "Clock", "Spent", "Stage", "Stages"]

Clock = Callable[[], tuple[float, float]]
"""Returns the time and what the calling thread has used of the processor, in seconds."""


class Stage(enum.Enum):
    """A part of the way from a file to an output.

    The last two are what the sequencer, in the middle of the way, waits for: if it
    is reading, then reading is the slowest part, and if it is the sinks, then they are.
    """

    READ = "read"
    FRAME = "frame"
    DECODE = "decode"
    MERGE = "merge"
    STEPS = "steps"
    ENCODE = "encode"
    WRITE = "write"
    SYNC = "sync"
    WAIT_READ = "wait for reading"
    WAIT_SINK = "wait for sinks"

    @property
    def is_wait(self) -> bool:
        """Whether a task waits in it, so that its thread works for others."""
        return self in {Stage.WAIT_READ, Stage.WAIT_SINK}


@attrs.frozen
class Spent:
    """What a stage has cost.

    Attributes:
        seconds: On the wall, of all threads together.
        cpu_seconds: Of the processor; nothing for a wait.
        bytes: Bytes that went through it.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes: int = 0

    def plus(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.bytes + other.bytes,
        )


class Stages:
    """Adds up what the stages cost.

    Any thread may measure; `spent` is for one thread, which calls it now and then
    so that what was measured does not pile up.

    Args:
        clock: What to measure with; None measures nothing.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        # Appending to a deque is one step: no two threads can lose each other's.
        self._measured: deque[tuple[Stage, Spent]] = deque()
        self._spent: dict[Stage, Spent] = {}

    def measure(self, stage: Stage) -> AbstractContextManager[object]:
        """Return a context whose time counts for `stage`."""
        if self._clock is None:
            return _NOTHING
        return _Measurement(self._clock, self._measured, stage)

    def count(self, stage: Stage, size: int) -> None:
        """Count `size` bytes for `stage`."""
        if self._clock is not None:
            self._measured.append((stage, Spent(bytes=size)))

    def measure_each(self, stage: Stage, slices: Iterable[memoryview]) -> Iterator[memoryview]:
        """Return the same slices; making each of them counts for `stage`."""
        return iter(slices) if self._clock is None else self._measure_each(stage, iter(slices))

    def _measure_each(self, stage: Stage, slices: Iterator[memoryview]) -> Iterator[memoryview]:
        while True:
            with self.measure(stage):
                data = next(slices, None)
            if data is None:
                return
            self.count(stage, data.nbytes)
            yield data

    def spent(self) -> dict[Stage, Spent]:
        """Return what was spent so far in each stage that has been measured."""
        while self._measured:
            stage, more = self._measured.popleft()
            self._spent[stage] = self._spent.get(stage, Spent()).plus(more)
        return {stage: self._spent[stage] for stage in Stage if stage in self._spent}


class _Measurement:
    """Times what stands in its `with`; counts also where that fails."""

    __slots__ = ("_begin", "_clock", "_measured", "_stage")

    def __init__(self, clock: Clock, measured: deque[tuple[Stage, Spent]], stage: Stage) -> None:
        self._clock = clock
        self._measured = measured
        self._stage = stage

    def __enter__(self) -> None:
        self._begin = self._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds, cpu_seconds = self._clock()
        used = 0.0 if self._stage.is_wait else cpu_seconds - self._begin[1]
        self._measured.append((self._stage, Spent(seconds - self._begin[0], used)))


_NOTHING = nullcontext()
OFF = Stages()
"""Measures nothing."""

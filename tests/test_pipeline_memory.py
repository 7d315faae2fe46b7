"""How much is in flight: read from files, and not yet written to the output."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import pytest
import trio
import trio.testing
from memory_disk import MemoryDisk
from pipeline_helpers import OUTPUT, config, line, new_disk, run_once

_P = ParamSpec("_P")
_T = TypeVar("_T")

FILES = 100
LINES = 40_000
BUDGET = 1 << 20


class MeasuringDisk(MemoryDisk):
    """Knows how many bytes were read and not yet written, and how many that were at most."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._names: dict[int, str] = {}
        self._read: dict[str, int] = {}
        self._written = 0

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """See `Filesystem.open`."""
        fd = super().open(path, flags, mode)
        self._names[fd] = path
        return fd

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        """See `Filesystem.preadv`."""
        count = super().preadv(fd, buffers, offset)
        name = self._names[fd]
        self._read[name] = max(self._read.get(name, 0), offset + count)
        self.most = max(self.most, sum(self._read.values()) - self._written)
        return count

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See `Filesystem.pwrite`."""
        count = super().pwrite(fd, data, offset)
        if self._names[fd] == OUTPUT:
            self._written += count
        return count


class LaggingDisk(MeasuringDisk):
    """Reads at once, and takes a second for everything else."""

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """See `Filesystem.run`."""
        await trio.sleep(1)
        return function(*args, **kwargs)


def _fill(disk: MemoryDisk, files: int, *, is_even: bool) -> int:
    """Write logs that are merged line by line, or nearly so; return how many bytes."""
    chance = random.Random(1)
    logs = [bytearray() for _ in range(files)]
    for number in range(LINES):
        width = 1 if is_even else files // 4
        place = (number + chance.randrange(width)) % files
        logs[place] += line(number / 100, f"{number:06} {'x' * chance.randrange(150)}")
    for number, log in enumerate(logs):
        disk.write(f"/logs/{number:03}.log", bytes(log))
    return sum(map(len, logs))


@pytest.mark.parametrize("is_even", [True, False])
async def test_s12_what_is_in_flight_keeps_to_the_budget_from_the_first_round_on(
    *, is_even: bool
) -> None:
    """A hundred files with a budget of a fifth of them, though nobody knows at first how many."""
    disk = MeasuringDisk()
    new_disk(disk)
    size = _fill(disk, FILES, is_even=is_even)
    await run_once(disk, config(follow=False, pipeline=f"max_buffer_bytes = {BUDGET}"))
    assert len(disk.read(OUTPUT)) == size > 4 * BUDGET
    assert disk.most <= BUDGET


async def test_d11_readers_wait_while_a_sink_has_much_to_write_yet(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """No round, a quarter of the budget, is begun while three eighths are unwritten.

    Two may be under way then: one that the sequencer has, and one that is read early.
    """
    assert autojump_clock.rate == 0
    disk = LaggingDisk()
    new_disk(disk)
    size = _fill(disk, 25, is_even=True)
    await run_once(disk, config(follow=False, pipeline=f"max_buffer_bytes = {BUDGET}"))
    assert len(disk.read(OUTPUT)) == size > 4 * BUDGET
    assert disk.most <= BUDGET * 3 / 8 + 2 * BUDGET / 4

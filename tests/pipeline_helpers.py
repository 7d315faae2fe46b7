"""Pipelines on a disk in memory and a clock that jumps, and the programs that write their logs.

Virtual time is exact: the wall clock and the modification times of the disk are
`START_NS` plus Trio's clock, and the disk works inline.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, ParamSpec, TypeVar

import trio
from memory_disk import Call, Death, MemoryDisk

from trio_ship.config import Config, parse_config
from trio_ship.pipeline import Pipeline

__all__ = [
    "BOOT",
    "CHECKPOINT",
    "JOURNAL",
    "OUTPUT",
    "START_NS",
    "SlowDisk",
    "config",
    "doubled",
    "follow_through",
    "line",
    "lost",
    "never_shrinks",
    "new_disk",
    "now_line",
    "of_file",
    "output_lines",
    "run_once",
    "running",
    "stamp",
    "survive",
    "until_death",
    "wall_ns",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

START_NS: Final = int(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()) * 1_000_000_000
BOOT: Final = "/proc/sys/kernel/random/boot_id"
CHECKPOINT: Final = "/etc/ship/ship.checkpoint.toml"
JOURNAL: Final = f"{CHECKPOINT}.merged.journal"
OUTPUT: Final = "/out/merged.log"
_DEATH_SECONDS: Final = 60


class SlowDisk(MemoryDisk):
    """A disk on which every hop of the pipeline takes virtual time, some more than others.

    Args:
        seconds: How long a hop takes at most.
    """

    def __init__(self, seconds: float = 0.001) -> None:
        super().__init__()
        self.seconds = seconds
        self._rng = random.Random(8)

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Take some time, then call `function` inline."""
        await trio.sleep(self.seconds * self._rng.random())
        return function(*args, **kwargs)


def wall_ns() -> int:
    """Return the wall clock of the simulation, nanoseconds since 1970."""
    return START_NS + round(trio.current_time() * 1_000_000_000)


def new_disk(disk: MemoryDisk | None = None) -> MemoryDisk:
    """Return a disk with the folders of a pipeline."""
    disk = disk or MemoryDisk()
    disk.now_ns = wall_ns
    for folder in ("/etc/ship", "/logs", "/out"):
        disk.mkdir(folder)
    disk.write(BOOT, b"one and the same boot\n")
    return disk


def stamp(seconds: float) -> str:
    """Return an ISO 8601 stamp, `seconds` after the start, in milliseconds."""
    moment = datetime.fromtimestamp((START_NS + round(seconds * 1e9)) // 10**6 / 1e3, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def line(seconds: float, text: object) -> bytes:
    """Return a line that bears the stamp of `seconds` after the start."""
    return f"{stamp(seconds)} {text}\n".encode()


def now_line(text: object) -> bytes:
    """Return a line that is stamped now."""
    return line(trio.current_time(), text)


def config(
    *,
    follow: bool = True,
    pipeline: str = "",
    paths: str = '["/logs/*.log"]',
    source: str = "",
    sinks: str = "",
    interval: float = 5,
) -> Config:
    """Return a configuration of one source and, if `sinks` is empty, one raw file."""
    sinks = sinks or f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\n'
    text = (
        f"[pipeline]\nfollow = {str(follow).lower()}\n{pipeline}\n"
        f"[pipeline.checkpoint]\ninterval_seconds = {interval}\n"
        f'[sources.app]\ntype = "file"\npaths = {paths}\n{source}\n{sinks}'
    )
    return parse_config(text, file="/etc/ship/ship.toml")


@asynccontextmanager
async def running(disk: MemoryDisk, settings: Config, **options: Any) -> AsyncIterator[Pipeline]:
    """Have a pipeline run for as long as the block lasts; drain it then."""
    pipeline = Pipeline(settings, disk=disk, wall_ns=wall_ns, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(pipeline.run)
        yield pipeline
        pipeline.drain()


@asynccontextmanager
async def until_death(
    disk: MemoryDisk, settings: Config, **options: Any
) -> AsyncIterator[Pipeline]:
    """Have a pipeline run until it dies; the block says when, with `MemoryDisk.die_after`."""
    try:
        async with running(disk, settings, **options) as pipeline:
            yield pipeline
            with trio.fail_after(_DEATH_SECONDS):
                await trio.sleep_forever()
    except* Death:
        disk.restart()


async def run_once(disk: MemoryDisk, settings: Config, **options: Any) -> Pipeline:
    """Run a pipeline to its end."""
    pipeline = Pipeline(settings, disk=disk, wall_ns=wall_ns, **options)
    await pipeline.run()
    return pipeline


async def survive(disk: MemoryDisk, settings: Config, deaths: Sequence[tuple[int, int]]) -> int:
    """Run a pipeline to its end, killed and started again at each of `deaths`.

    Args:
        disk: The disk.
        settings: The configuration.
        deaths: After how many disk calls, and how much a write still writes.

    Returns:
        How many of the deaths came.
    """
    died = 0
    for calls, torn in deaths:
        disk.die_after(calls, torn)
        try:
            await run_once(disk, settings)
        except Death:
            died += 1
        disk.restart()
    await run_once(disk, settings)
    return died


async def follow_through(
    disk: MemoryDisk,
    settings: Config,
    writers: Callable[[], Awaitable[None]],
    *,
    seconds: float,
    deaths: Sequence[tuple[int, int]] = (),
    down_seconds: float = 0.35,
) -> int:
    """Follow while others write; die at each of `deaths`, start again; drain at the end.

    Args:
        disk: The disk.
        settings: The configuration.
        writers: The other programs; whether we live is nothing to them.
        seconds: When to drain.
        deaths: After how many disk calls of each life, and what a write still writes.
        down_seconds: How long we are dead each time.

    Returns:
        How many of the deaths came.
    """
    end = trio.current_time() + seconds
    died = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers)
        for number in range(len(deaths) + 1):
            if number < len(deaths):
                disk.die_after(*deaths[number])
            pipeline = Pipeline(settings, disk=disk, wall_ns=wall_ns)
            try:
                async with trio.open_nursery() as life:
                    life.start_soon(pipeline.run)
                    await trio.sleep_until(end)
                    pipeline.drain()
            except* Death:
                died += 1
                disk.restart()
                await trio.sleep(down_seconds)
            else:
                break
    return died


def output_lines(disk: MemoryDisk, path: str = OUTPUT) -> list[str]:
    """Return the lines of an output, without their stamps."""
    return [text.partition(" ")[2] for text in disk.read(path).decode().splitlines()]


def of_file(lines: Sequence[str], name: str) -> list[str]:
    """Return the lines that begin with `name`, in the order of the output."""
    return [text for text in lines if text.startswith(name)]


def lost(disk: MemoryDisk, written: Sequence[str], path: str = OUTPUT) -> list[str]:
    """Return what was written and is not in the output."""
    return sorted((Counter(written) - Counter(output_lines(disk, path))).elements())


def doubled(disk: MemoryDisk, written: Sequence[str], path: str = OUTPUT) -> list[str]:
    """Return what stands in the output more often than it was written."""
    return sorted((Counter(output_lines(disk, path)) - Counter(written)).elements())


def never_shrinks(disk: MemoryDisk, *paths: str) -> Callable[[], None]:
    """Watch outputs at every disk call; the returned function asserts that none moved."""
    seen = dict.fromkeys(paths or (OUTPUT,), b"")
    moved: list[tuple[str, int]] = []

    def look(_: Call | None = None) -> None:
        for path, before in seen.items():
            if disk.exists(path):
                present = disk.read(path)
                if not present.startswith(before):
                    moved.append((path, len(present)))
                seen[path] = present

    def check() -> None:
        look()
        assert moved == []

    disk.on_call = look
    return check

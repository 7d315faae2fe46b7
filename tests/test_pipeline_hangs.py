"""Disk calls of readers that do not return: the others go on, and the end still comes."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from hanging_disk import HangingDisk
from memory_disk import MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    config,
    line,
    new_disk,
    now_line,
    of_file,
    output_lines,
    run_once,
    running,
)

from trio_ship.config import Config
from trio_ship.reader.hops import Hop, Hops
from trio_ship.reader.pulse import Pulse

DEAD = "/mnt/dead.log"
LIVE = "/logs/live.log"


def one_source(**options: object) -> Config:
    """Return a configuration whose one source has a file on a mount."""
    return config(paths='["/logs/*.log", "/mnt/*.log"]', **options)  # type: ignore[arg-type]


def two_sources(**options: object) -> Config:
    """Return a configuration with a source of its own for the mount."""
    source = '[sources.remote]\ntype = "file"\npaths = ["/mnt/*.log"]'
    return config(source=source, **options)  # type: ignore[arg-type]


def dying() -> HangingDisk:
    """Return a disk with a log and a mount."""
    disk = HangingDisk()
    new_disk(disk)
    disk.mkdir("/mnt")
    return disk


async def write(disk: MemoryDisk, path: str, name: str, count: int, every: float = 0.25) -> None:
    """Write lines that are stamped now."""
    for number in range(count):
        disk.append(path, now_line(f"{name} {number}"))
        await trio.sleep(every)


def lines(name: str, count: int, first: int = 0) -> list[str]:
    """Return what `write` wrote."""
    return [f"{name} {number}" for number in range(first, count)]


@pytest.mark.parametrize(
    ("settings", "glob", "call"),
    [
        (one_source(), DEAD, "preadv"),
        (two_sources(), DEAD, "preadv"),
        (two_sources(), "/mnt*", "stat"),
        (two_sources(), "/mnt*", "*"),
        (two_sources(), DEAD, "pread"),
    ],
    ids=["read", "read, two sources", "look", "all", "head"],
)
async def test_p07_s19_the_others_go_on_without_a_disk_that_hangs(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    settings: Config,
    glob: str,
    call: str,
) -> None:
    """Lines of other files leave while a disk hangs; its own come when it answers, each once."""
    disk = dying()
    async with running(disk, settings) as pipeline:
        await write(disk, LIVE, "live", 4)
        await write(disk, DEAD, "dead", 4)
        await trio.sleep(2)
        assert output_lines(disk) == [*lines("live", 4), *lines("dead", 4)]
        disk.hang(glob, call)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(write, disk, DEAD, "lost", 12))
            await write(disk, LIVE, "more", 12)
        await trio.sleep(2.5)
        assert disk.hanging == 1
        assert of_file(output_lines(disk), "more") == lines("more", 12)
        assert of_file(output_lines(disk), "lost") == []
        assert pipeline.statistics.hangs == 1
        said = [record.message for record in caplog.records if "not answered" in record.message]
        assert len(said) == 1
        assert "/mnt" in said[0]
        disk.answer()
        await write(disk, DEAD, "back", 4)
        await write(disk, LIVE, "last", 4)
        await trio.sleep(3)
    found = output_lines(disk)
    assert len(found) == 4 * 4 + 2 * 12
    for name, count in (("lost", 12), ("back", 4), ("last", 4)):
        assert of_file(found, name) == lines(name, count)
    assert pipeline.statistics.records == len(found)


async def test_p07_what_is_waiting_when_a_read_hangs_leaves_after_the_delay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A file whose read has taken longer than the delay counts as at its end."""
    disk = dying()
    settings = one_source(pipeline="max_delay_seconds = 2")
    async with running(disk, settings):
        disk.append(DEAD, now_line("dead"))
        disk.append(LIVE, now_line("live"))
        await trio.sleep(5)
        disk.hang(DEAD, "preadv")
        disk.append(DEAD, now_line("dead"))
        disk.append(LIVE, now_line("more"))
        await trio.sleep(1.9)
        assert output_lines(disk) == ["live", "dead"]
        await trio.sleep(3)
        assert output_lines(disk) == ["live", "dead", "more"]
        disk.answer()
        await trio.sleep(3)
    assert output_lines(disk) == ["live", "dead", "more", "dead"]


async def test_p07_a_log_that_is_copied_while_a_read_of_it_hangs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody can tell yet that the copy is one, so it waits; then each line is there once."""
    disk = dying()
    everything = config(paths='["/mnt/*"]', pipeline="max_delay_seconds = 0.5")
    async with running(disk, everything):
        disk.append(DEAD, now_line("dead 0"))
        await trio.sleep(3)
        disk.hang(DEAD, "preadv")
        disk.append(DEAD, now_line("dead 1"))
        await trio.sleep(3)
        disk.write(f"{DEAD}.1", disk.read(DEAD))
        disk.truncate(DEAD)
        await trio.sleep(3)
        disk.answer()
        await trio.sleep(3)
    assert output_lines(disk) == ["dead 0", "dead 1"]


@pytest.mark.parametrize("glob", ["/mnt*", DEAD])
async def test_p07_a_disk_that_hangs_at_the_start_holds_up_only_its_source(
    autojump_clock: trio.testing.MockClock, glob: str
) -> None:
    """What a dead disk holds is read when it answers; the others need not wait for it."""
    disk = dying()
    settings = two_sources()
    async with running(disk, settings):
        await write(disk, DEAD, "dead", 4)
        await write(disk, LIVE, "live", 4)
        await trio.sleep(2)
    disk.append(DEAD, now_line("while down"))
    disk.hang(glob)
    async with running(disk, settings):
        await write(disk, LIVE, "more", 4)
        await trio.sleep(3)
        assert of_file(output_lines(disk), "more") == lines("more", 4)
        disk.answer()
        await trio.sleep(3)
    assert sorted(output_lines(disk)) == sorted(
        [*lines("dead", 4), *lines("live", 4), *lines("more", 4), "while down"]
    )


async def test_p07_only_a_few_threads_wait_for_one_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With a hundred unread files on a dead disk only some threads hang, and others go on."""
    disk = dying()
    async with running(disk, one_source()) as pipeline:
        for number in range(100):
            disk.append(f"/mnt/{number}.log", now_line("dead"))
        disk.append(LIVE, now_line("live"))
        await trio.sleep(3)
        disk.hang("/mnt/*", "preadv")
        for number in range(100):
            disk.append(f"/mnt/{number}.log", now_line("lost"))
        await trio.sleep(15)
        assert 1 < disk.hanging == pipeline.statistics.hangs < 10
        disk.answer()
        await trio.sleep(5)
    assert len(of_file(output_lines(disk), "lost")) == 100


@pytest.mark.parametrize("glob", ["/mnt*", DEAD, "/nowhere"])
@pytest.mark.parametrize("call", ["stat", "pread", "preadv", "*"])
async def test_p07_shutdown_ends_within_its_grace_and_the_next_start_is_exact(
    autojump_clock: trio.testing.MockClock, glob: str, call: str
) -> None:
    """A drain while a disk hangs ends soon; what was not read is read by the next run."""
    disk = dying()
    async with running(disk, two_sources()):
        await write(disk, DEAD, "dead", 4)
        await trio.sleep(2)
        disk.hang(glob, call)
        await write(disk, DEAD, "lost", 4)
        await write(disk, LIVE, "live", 4)
        await trio.sleep(2)
        before = trio.current_time()
    assert trio.current_time() - before < 2
    disk.answer()
    async with running(disk, two_sources()):
        await trio.sleep(3)
    found = output_lines(disk)
    for name in ("dead", "lost", "live"):
        assert of_file(found, name) == lines(name, 4)
    assert len(found) == 12


async def test_p07_a_drain_at_the_start_does_not_wait_for_a_dead_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A one-shot run waits for its files; drained meanwhile, it ends all the same."""
    disk = dying()
    disk.append(DEAD, line(-5, "dead"))
    disk.append(LIVE, line(-4, "live"))
    disk.hang("/mnt*")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_once, disk, one_source(follow=False))
        await trio.sleep(60)
        assert not disk.exists(OUTPUT) or disk.read(OUTPUT) == b""
        disk.answer()
    assert output_lines(disk) == ["dead", "live"]
    disk.hang("/mnt*")
    disk.append(LIVE, line(-3, "more"))
    async with running(disk, two_sources()):
        before = trio.current_time()
    assert trio.current_time() - before < 4


async def test_p05_a_pause_of_the_whole_process_is_not_a_disk_that_hangs(
    mock_clock: trio.testing.MockClock,
) -> None:
    """When the clock jumps by a minute while a thread reads, the thread has not hung."""
    disk = HangingDisk()
    disk.write(LIVE, b"")
    disk.hang(LIVE)
    pulse = Pulse(disk)
    hop = Hop([partial(pulse.stat, LIVE)], [1.0], pulse)
    whole: list[bool] = []
    async with trio.open_nursery() as nursery:
        hops = Hops(disk, nursery)

        async def run() -> None:
            whole.append(await hops.run(hop))

        nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(60)
        await trio.testing.wait_all_tasks_blocked()
        disk.answer()
    assert whole == [True]
    assert hop.done == [disk.stat(LIVE)]

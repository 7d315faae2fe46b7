"""Restarts: whatever dies and when, every record stands in the output exactly once."""

from __future__ import annotations

import errno
import random
import tomllib

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, copy_and_cut, put
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    CHECKPOINT,
    OUTPUT,
    SlowDisk,
    config,
    doubled,
    follow_through,
    line,
    lost,
    never_shrinks,
    new_disk,
    of_file,
    output_lines,
    run_once,
    running,
    survive,
    until_death,
    wall_ns,
)

from trio_ship.config import Config
from trio_ship.encode import raw

TWO_SINKS = """
[sinks.raw]
type = "file"
path = "/out/raw.log"
[sinks.json]
type = "file"
path = "/out/all.json"
encoding = "json"
"""
TINY = "max_buffer_bytes = 65536"


def _backlog(files: int = 3, lines: int = 100, disk: MemoryDisk | None = None) -> MemoryDisk:
    """Return a disk with logs that need several rounds of a tiny budget."""
    disk = new_disk(disk)
    for number in range(files):
        text = b"".join(
            line(7 * (i + number % 2) / 10 + number / 100, f"{number} {i} {'x' * 50}")
            + (b"  a line without a stamp\n" if i % 10 == 3 else b"")
            for i in range(lines)
        )
        disk.write(f"/logs/{number}.log", text)
    return disk


async def _undisturbed(settings: Config, disk: MemoryDisk) -> int:
    await run_once(disk, settings)
    return len(disk.calls)


@pytest.mark.parametrize("torn", [0, 1, 100])
async def test_d02_death_at_every_disk_call_of_a_one_shot_run(
    autojump_clock: trio.testing.MockClock, torn: int
) -> None:
    """A one-shot run that dies at any disk call gives the output of an undisturbed one."""
    settings = config(follow=False, pipeline=TINY, interval=0.003)
    disk = _backlog(disk=SlowDisk())
    calls = await _undisturbed(settings, disk)
    expected = disk.read(OUTPUT)
    assert expected.count(b"\n") == 330
    for call in range(torn % 3, calls, 3):
        disk = _backlog(disk=SlowDisk())
        check = never_shrinks(disk)
        await survive(disk, settings, [(call, torn)])
        assert disk.read(OUTPUT) == expected, call
        check()
        assert disk.names("/out") == ["merged.log"], call


@pytest.mark.parametrize("most", [1, 7, 500])
async def test_d13_short_reads_and_writes(
    autojump_clock: trio.testing.MockClock, most: int
) -> None:
    """A disk that moves a few bytes at a time gives the same output, also after a restart."""
    settings = config(follow=False)
    disk = _backlog()
    await run_once(disk, settings)
    expected = disk.read(OUTPUT)
    for at_first, later in ((most, most), (None, most), (most, None)):
        disk = _backlog()
        for moved in (at_first, later):
            disk.max_transfer_bytes = moved
            await run_once(disk, settings)
        assert disk.read(OUTPUT) == expected


async def test_d10_two_sinks_die_at_every_disk_call(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two outputs, one further than the other at the kill, both end as if undisturbed.

    Batches have several slices, so in json it is not known beforehand how long they are.
    """
    monkeypatch.setattr(raw, "SLICE_BYTES", 600)
    settings = config(follow=False, pipeline=TINY, interval=0.003, sinks=TWO_SINKS)
    disk = _backlog(disk=SlowDisk())
    calls = await _undisturbed(settings, disk)
    expected = [disk.read(path) for path in ("/out/raw.log", "/out/all.json")]
    for call in range(0, calls, 2):
        disk = _backlog(disk=SlowDisk())
        check = never_shrinks(disk, "/out/raw.log", "/out/all.json")
        await survive(disk, settings, [(call, call % 90)])
        found = [disk.read(path) for path in ("/out/raw.log", "/out/all.json")]
        assert found == expected, call
        check()


async def test_p04_a_run_that_is_killed_twenty_times(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Kills in a row, also during recovery, leave the output of an undisturbed run."""
    settings = config(follow=False, pipeline=TINY, interval=0.003, sinks=TWO_SINKS)
    disk = _backlog(disk=SlowDisk())
    await _undisturbed(settings, disk)
    expected = [disk.read(path) for path in ("/out/raw.log", "/out/all.json")]
    rng = random.Random(4)
    for _ in range(20):
        disk = _backlog(disk=SlowDisk())
        check = never_shrinks(disk, "/out/raw.log", "/out/all.json")
        await survive(disk, settings, [(rng.randrange(150), rng.randrange(120)) for _ in range(20)])
        assert [disk.read(path) for path in ("/out/raw.log", "/out/all.json")] == expected
        check()


async def test_r11_generations_that_came_and_went_while_down(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """They are read though no file bears the name of the log when the program starts again."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-9, "a 0"))
    async with running(disk, config()):
        await trio.sleep(3)
    for number in (1, 2):
        disk.append("/logs/a.log", line(trio.current_time(), f"a {number}"))
        disk.rename("/logs/a.log", f"/logs/a.log.{3 - number}")
    async with running(disk, config()):
        await trio.sleep(5)
    assert output_lines(disk) == ["a 0", "a 1", "a 2"]


async def test_r11_the_file_before_them_is_gone_and_nothing_of_it_was_delivered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Files that followed it and were rotated while down are read; older ones are not."""
    disk = new_disk()
    disk.write("/logs/a.log.7", line(-99, "a long ago"))
    disk.set_mtime("/logs/a.log.7", wall_ns() - 10**10)
    disk.write("/logs/a.log", b"half a li")
    async with running(disk, config()):
        await trio.sleep(3)
    disk.remove("/logs/a.log")
    for number in (1, 2):
        disk.append("/logs/a.log", line(trio.current_time(), f"a {number}"))
        disk.rename("/logs/a.log", f"/logs/a.log.{3 - number}")
    disk.append("/logs/a.log", line(trio.current_time(), "a 3"))
    async with running(disk, config()):
        await trio.sleep(5)
    assert output_lines(disk) == ["a 1", "a 2", "a 3"]


class _Writers:
    """Two logs that grow, one with a line that is late, one that is rotated once."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.disk = disk
        self.written: list[str] = []

    def put(self, name: str, text: str, *, behind: float = 0) -> None:
        """Write a line, stamped some seconds ago."""
        self.written.append(text)
        self.disk.append(f"/logs/{name}.log", line(trio.current_time() - behind, text))

    async def run(self) -> None:
        for number in range(8):
            self.put("a", f"a {number}")
            await trio.sleep(0.11)
            self.put("b", f"b {number}", behind=5 if number == 4 else 0)
            await trio.sleep(0.13)
            if number == 3:
                self.disk.rename("/logs/a.log", "/logs/a.log.1")


async def test_d05_death_at_every_disk_call_while_following(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A follower that dies at any disk call delivers each line once and moves no byte."""
    settings = config(pipeline="max_delay_seconds = 0.3", interval=0.7)
    disk = new_disk()
    writers = _Writers(disk)
    await follow_through(disk, settings, writers.run, seconds=5)
    assert lost(disk, writers.written) == doubled(disk, writers.written) == []
    calls = len(disk.calls)
    for call in range(calls):
        disk = new_disk()
        check = never_shrinks(disk)
        writers = _Writers(disk)
        await follow_through(disk, settings, writers.run, seconds=5, deaths=[(call, call % 40)])
        assert (call, lost(disk, writers.written)) == (call, [])
        assert (call, doubled(disk, writers.written)) == (call, [])
        check()
        found = output_lines(disk)
        for name in "ab":
            assert of_file(found, name) == of_file(writers.written, name)


async def test_d03_the_torn_batch_is_the_first_with_a_file_that_no_checkpoint_has(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A full disk fails the checkpoint and tears the output: the next start completes the batch."""
    disk = new_disk()
    async with until_death(disk, config()):
        await trio.sleep(3)
        disk.fail("replace", CHECKPOINT, error=errno.ENOSPC, times=None)
        put(disk, "app 0", "app 1")

        def tear(call: Call) -> None:
            is_batch = disk.calls[-2] == Call("stat", OUTPUT)
            if call.name == "pwrite" and is_batch:  # the next call writes the batch
                disk.die_after(0, torn_bytes=9)

        disk.on_call = tear
    assert len(disk.read(OUTPUT)) == 9
    disk.on_call = None
    disk.heal()
    for _ in range(2):
        async with running(disk, config()):
            await trio.sleep(3)
    assert output_lines(disk) == ["app 0", "app 1"]


async def test_c08_a_sink_that_is_renamed_after_a_kill(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A sink is known by its output: under another name it goes on behind what it wrote."""
    disk = new_disk()
    async with until_death(disk, config(interval=1000)):
        for number in range(3):
            put(disk, f"app {number}")
            await trio.sleep(2.2)
        disk.die_after(0)
    put(disk, "app 3")
    renamed = config(sinks=f'[sinks.other]\ntype = "file"\npath = "{OUTPUT}"\n')
    for number in (4, 5):
        async with running(disk, renamed):
            await trio.sleep(3)
            put(disk, f"app {number}")
            await trio.sleep(3)
    assert output_lines(disk) == [f"app {number}" for number in range(6)]
    assert tomllib.loads(disk.read(CHECKPOINT).decode())["sinks"].keys() == {"other"}


async def test_c09_a_sink_that_was_taken_out_after_a_kill_and_is_put_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It goes on with what comes then; what its journal has is older than the checkpoint."""
    disk = new_disk()
    first = f'[sinks.first]\ntype = "file"\npath = "{OUTPUT}"\n'
    second = '[sinks.second]\ntype = "file"\npath = "/out/second.log"\n'
    both = config(sinks=first + second, interval=1000)
    async with until_death(disk, both):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.die_after(0)
    put(disk, "app 1", "app 2")
    async with running(disk, config(sinks=first)):
        await trio.sleep(5)
    async with running(disk, both) as pipeline:
        assert pipeline.snapshot.sequence == 3
        put(disk, "app 3")
        await trio.sleep(3)
        assert pipeline.snapshot.sequence == 4
    assert output_lines(disk) == [f"app {number}" for number in range(4)]
    assert output_lines(disk, "/out/second.log") == ["app 0", "app 3"]


@pytest.mark.parametrize(("call", "batches"), [("pwrite", 2), ("fstat", 1)])
async def test_d07_a_log_is_copied_and_cut_while_a_full_disk_holds_up_what_was_read_of_it(
    autojump_clock: trio.testing.MockClock, call: str, batches: int
) -> None:
    """Batches that waited are written behind a checkpoint that knows better where the log is."""
    disk = new_disk()
    settings = config(paths=EVERY_NAME, interval=30)
    async with until_death(disk, settings):
        put(disk, "app 0")
        await trio.sleep(2)
        disk.fail(call, OUTPUT, error=errno.ENOSPC, times=None)
        for number in range(1, batches + 1):
            put(disk, f"app {number}")
            await trio.sleep(1.5)
        copy_and_cut(disk)
        put(disk, *(f"app {number} behind the cut" for number in range(3, 9)))
        await trio.sleep(1)
        saved = tomllib.loads(disk.read(CHECKPOINT).decode())
        assert [entry.get("file") for entry in saved["sources"]["app"]] == [f"{LOG}.1", None]
        disk.heal()
        await trio.sleep(1.5)
        assert output_lines(disk)[batches] == f"app {batches}"
        disk.die_after(0)
    async with running(disk, settings):
        await trio.sleep(3)
    assert len(output_lines(disk)) == len(set(output_lines(disk))) == batches + 7

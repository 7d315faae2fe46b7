"""Outputs at the start: locked, full, and with a line that somebody has left torn."""

from __future__ import annotations

import errno

import attrs
import pytest
import trio
import trio.testing
from follow_helpers import put
from memory_disk import Call, Death, MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    config,
    line,
    new_disk,
    output_lines,
    run_once,
    running,
    wall_ns,
)

from trio_ship.config import Config
from trio_ship.errors import ConfigError
from trio_ship.pipeline import Pipeline


def other_config() -> Config:
    """Return a configuration of another name, and so with a checkpoint of its own."""
    settings = config()
    checkpoint = attrs.evolve(settings.pipeline.checkpoint, path="/etc/ship/other.checkpoint.toml")
    pipeline = attrs.evolve(settings.pipeline, name="other", checkpoint=checkpoint)
    return attrs.evolve(settings, pipeline=pipeline)


async def test_c17_two_configurations_cannot_write_one_output(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The second is refused with the output and the remedy; then it may have it."""
    disk = new_disk()
    async with running(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
        with pytest.raises(ConfigError, match=f"merged.path: {OUTPUT}: it is written by another"):
            await run_once(disk, other_config())
        put(disk, "app 1")
        await trio.sleep(3)
        assert output_lines(disk) == ["app 0", "app 1"]
    async with running(disk, other_config()):
        await trio.sleep(3)


async def test_an_output_on_a_disk_without_locks_is_written(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said that nothing keeps others from it."""
    disk = new_disk()
    disk.fail("lock", OUTPUT, error=errno.ENOLCK, times=None)
    async with running(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
    assert output_lines(disk) == ["app 0"]
    assert sum("make sure that no other" in record.message for record in caplog.records) == 1


async def test_an_output_whose_name_comes_back_is_gone_on_with(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its old lock, which is held until the next checkpoint, is our own."""
    disk = new_disk()
    async with running(disk, config(interval=1000)):
        for number, (old, new) in enumerate([("", ""), ("", ".1"), (".1", "")]):
            if new != old:
                disk.rename(OUTPUT + old, OUTPUT + new)
            put(disk, f"app {number}")
            await trio.sleep(3)
    assert output_lines(disk) == ["app 0", "app 2"]


@pytest.mark.parametrize("when", ["before", "running", "down"])
async def test_d09_a_line_that_somebody_has_left_torn_is_ended(
    autojump_clock: trio.testing.MockClock, when: str
) -> None:
    """The next record begins a line of its own."""
    disk = new_disk()
    put(disk, "app 0", "app 1")
    if when == "before":
        disk.write(OUTPUT, line(0, "app")[:-1])
    else:
        async with running(disk, config()):
            await trio.sleep(3)
            if when == "running":
                disk.truncate(OUTPUT, len(line(0, "app 0")) + 20)
                put(disk, "app 2")
                await trio.sleep(3)
        if when == "down":
            disk.truncate(OUTPUT, len(line(0, "app 0")) + 20)
            put(disk, "app 2")
    async with running(disk, config()):
        await trio.sleep(3)
        put(disk, "app 3")
        await trio.sleep(3)
    kept = ["app", "app 0", "app 1"] if when == "before" else ["app 0", "", "app 2"]
    assert output_lines(disk) == [*kept, "app 3"]


@pytest.mark.parametrize("calls", range(12))
async def test_d09_killed_while_a_torn_line_is_ended(
    autojump_clock: trio.testing.MockClock, calls: int
) -> None:
    """Every record stands there once, wherever that was."""
    disk = new_disk()
    put(disk, "app 0", "app 1")
    try:
        async with running(disk, config(interval=2)):
            await trio.sleep(3)
            disk.truncate(OUTPUT, len(line(0, "app 0")) + 20)
            put(disk, "app 2")
            tearing = False

            def die_soon(call: Call) -> None:
                nonlocal tearing
                if not tearing and (call.name, call.path) == ("pwrite", OUTPUT):
                    tearing = True
                    disk.die_after(calls, calls)

            disk.on_call = die_soon
            await trio.sleep(9)
            disk.die_after(0)
            await trio.sleep_forever()
    except* Death:
        disk.restart()
    disk.on_call = None
    async with running(disk, config()):
        await trio.sleep(3)
    assert output_lines(disk) == ["app 0", "", "app 2"]


async def torn_on_a_full_disk() -> MemoryDisk:
    """Return a disk that was full when a process died in the middle of a batch, and is."""
    disk = new_disk()
    try:
        async with running(disk, config(interval=1000)):
            put(disk, "app 0", "app 1")

            def tear(call: Call) -> None:
                if (call.name, call.path) == ("pwrite", OUTPUT):
                    disk.max_transfer_bytes = 40
                    disk.die_after(0)

            disk.on_call = tear
            await trio.sleep_forever()
    except* Death:
        disk.restart()
    disk.on_call, disk.max_transfer_bytes = None, None
    assert len(disk.read(OUTPUT)) == 40
    disk.fail("pwrite", OUTPUT, error=errno.ENOSPC, times=None)
    return disk


async def test_d07_a_start_waits_for_room_to_complete_a_batch(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What was torn is completed in place when there is room, and the rest follows."""
    disk = await torn_on_a_full_disk()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:

        async def make_room() -> None:
            await trio.sleep(7.5)
            disk.heal()

        nursery.start_soon(make_room)
        async with running(disk, config()):
            assert trio.current_time() - began == 8
            put(disk, "app 2")
            await trio.sleep(3)
    assert output_lines(disk) == ["app 0", "app 1", "app 2"]
    said = [record.message for record in caplog.records if OUTPUT in record.message]
    assert [("cannot" in text, "again" in text) for text in said] == [(True, True), (False, True)]
    assert disk._opened == {}


async def test_d07_a_start_that_waits_for_room_ends_when_it_is_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It leaves everything as it is, and the next one goes on."""
    disk = await torn_on_a_full_disk()
    before = disk.read(OUTPUT)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        pipeline = Pipeline(config(), disk=disk, wall_ns=wall_ns)
        nursery.start_soon(pipeline.run)
        await trio.sleep(4.5)
        pipeline.drain()
    assert trio.current_time() - began == 4.5
    assert disk.read(OUTPUT) == before

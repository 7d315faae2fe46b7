"""What a file sink makes of trouble with its output, through a whole pipeline."""

from __future__ import annotations

import contextlib
import errno
import os
import random
from pathlib import Path

import pytest
import trio
import trio.testing
from follow_helpers import LOG, put
from memory_disk import Call, Death
from pipeline_helpers import (
    OUTPUT,
    SlowDisk,
    config,
    line,
    new_disk,
    output_lines,
    run_once,
    running,
    until_death,
)

from trio_ship.errors import SinkError
from trio_ship.filesystem import Disk


async def test_d07_a_full_disk_in_the_middle_of_a_batch(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk stops the output in mid-line; with room it goes on there, and both is said."""
    disk = new_disk()
    written = [f"app {number} {'x' * 300}" for number in range(40)]
    async with running(disk, config(interval=1000)):
        put(disk, *written)
        used = sum(
            len(disk.read(f"{folder}/{name}"))
            for folder in ("/etc/ship", "/logs", "/out")
            for name in disk.names(folder)
        )
        disk.capacity_bytes = used + 5000
        await trio.sleep(20)
        assert 0 < len(disk.read(OUTPUT)) < 40 * 300
        disk.capacity_bytes = None
        await trio.sleep(5)
        assert output_lines(disk) == written
    said = [record.message for record in caplog.records if OUTPUT in record.message]
    assert [("cannot" in text, "again" in text) for text in said] == [(True, True), (False, True)]


async def test_much_output_goes_to_the_disk_before_it_is_synced(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is asked to begin with what was written each time that enough has come together."""
    monkeypatch.setattr("trio_ship.sinks.stream._WRITEBACK", 1000)
    disk = new_disk()
    async with running(disk, config(interval=1000)):
        for number in range(5):
            put(disk, f"app {number} {'x' * 400}")
            await trio.sleep(3)
        assert disk.count("start_writeback", OUTPUT) == 1


@pytest.mark.parametrize("encoding", ["raw", "json"])
async def test_room_is_reserved_for_large_batches_only(
    encoding: str, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that finds blocks for all of a batch is worth it where there are many."""
    monkeypatch.setattr("trio_ship.sinks.stream._RESERVED", 1000)
    # So that the size of the large batch is known only when it is written.
    monkeypatch.setattr("trio_ship.encode.raw.SLICE_BYTES", 600)
    disk = new_disk()
    sinks = f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "{encoding}"\n'
    async with running(disk, config(interval=1000, sinks=sinks)):
        for count in (1, 6, 1):
            put(disk, *(f"app {'x' * 400}" for _ in range(count)))
            await trio.sleep(3)
        assert disk.count("reserve", OUTPUT) == 1


def test_reserved_room_is_no_part_of_a_file(tmp_path: Path) -> None:
    """Its length stays, its bytes stay, and what cannot be reserved is no error."""
    path = tmp_path / "out.log"
    path.write_bytes(b"one\n")
    disk = Disk()
    for flags in (os.O_RDWR, os.O_RDONLY):
        fd = disk.open(str(path), flags)
        disk.reserve(fd, 4, 1 << 20)
        disk.close(fd)
    assert path.read_bytes() == b"one\n"


@pytest.mark.parametrize("seed", range(6))
async def test_d08_lost_pages_behind_a_completed_batch(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    """Bytes whose sync failed before a kill are written again before the next checkpoint."""
    disk = new_disk()
    disk.write(LOG, line(0, "app 0"))
    await run_once(disk, config(follow=False))
    disk.sync()
    async with until_death(disk, config(interval=3)):
        put(disk, "app 1")
        disk.fail("fsync", OUTPUT, error=errno.EIO)
        await trio.sleep(3.5)
        put(disk, "app 2")

        def tear(call: Call) -> None:
            if (call.name, call.path) == ("pwrite", OUTPUT):
                disk.max_transfer_bytes = 5
                disk.die_after(0)

        disk.on_call = tear
    disk.on_call, disk.max_transfer_bytes = None, None
    assert len(disk.read(OUTPUT)) == 2 * len(line(0, "app 0")) + 5
    async with running(disk, config(interval=3)):
        await trio.sleep(5)
    expected = disk.read(OUTPUT)
    assert output_lines(disk) == ["app 0", "app 1", "app 2"]
    assert disk.after_power_loss(random.Random(seed)).read(OUTPUT) == expected


async def test_d06_what_stands_in_the_output_outlives_its_source(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Lines delivered before a kill stay where they are, though their file is gone."""
    disk = new_disk()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0", "app 1")
        await trio.sleep(4)
        disk.die_after(0)
    before = disk.read(OUTPUT)
    disk.remove(LOG)
    async with running(disk, config()):
        disk.append("/logs/new.log", line(trio.current_time(), "new 0"))
        await trio.sleep(4)
    assert disk.read(OUTPUT).startswith(before)
    assert output_lines(disk) == ["app 0", "app 1", "new 0"]


async def test_p10_a_second_one_shot_run_ships_only_what_is_new(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A one-shot run that is started again goes on behind what it has delivered."""
    disk = new_disk()
    put(disk, "app 0", "app 1")
    await run_once(disk, config(follow=False))
    put(disk, "app 2")
    second = await run_once(disk, config(follow=False))
    third = await run_once(disk, config(follow=False))
    assert [second.statistics.records, third.statistics.records] == [1, 0]
    assert output_lines(disk) == ["app 0", "app 1", "app 2"]


async def test_d08_a_failed_sync_loses_what_was_written_behind_its_snapshot_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Bytes of a batch that not every sink has taken yet are written again as well."""
    sinks = "".join(
        f'[sinks.{name}]\ntype = "file"\npath = "/out/{name}.log"\n' for name in ("full", "merged")
    )
    disk = new_disk()
    disk.sync()
    async with running(disk, config(sinks=sinks, interval=5)):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.fail("pwrite", "/out/full.log", error=errno.ENOSPC, times=None)
        disk.fail("fsync", OUTPUT, error=errno.EIO)
        put(disk, "app 1")
        await trio.sleep(8)
        assert output_lines(disk) == ["app 0", "app 1"]
        disk.heal()
        await trio.sleep(8)
    expected = disk.read(OUTPUT)
    for seed in range(6):
        assert disk.after_power_loss(random.Random(seed)).read(OUTPUT) == expected


@pytest.mark.parametrize("first", [0, 1, 2, 3])
async def test_d17_a_kill_while_an_old_tail_is_compared(
    autojump_clock: trio.testing.MockClock, first: int
) -> None:
    """Of the bytes that a power loss has left, none counts as delivered unless it was compared."""
    settings = config(follow=False, pipeline="max_buffer_bytes = 65536")
    done = False
    for call in range(first, 1000, 4):
        disk = new_disk(SlowDisk())
        await run_once(disk, settings)
        for name in ("app", "web"):
            text = b"".join(line(n / 10, f"{name} {n} {'x' * 50}") for n in range(200))
            disk.write(f"/logs/{name}.log", text)
        disk.on_call = lambda call, disk=disk: (
            disk.die_after(0) if call.name == "fsync" and disk.read(OUTPUT) else None
        )
        with pytest.raises(Death):
            await run_once(disk, settings)
        disk.on_call = None
        disk.restart()
        disk.write("/proc/sys/kernel/random/boot_id", b"another boot\n")
        expected = disk.read(OUTPUT)
        half = len(expected) // 2
        disk.write(OUTPUT, expected[:half] + bytes(half))
        disk.die_after(call)
        done = False
        with contextlib.suppress(Death):
            await run_once(disk, settings)
            done = True
        disk.restart()
        await run_once(disk, settings)
        assert disk.read(OUTPUT) == expected, call
        if done:
            break
    assert done


async def test_d07_an_output_that_cannot_be_read_at_the_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A start that fails at its output says which, and that trying again may help."""
    disk = new_disk()
    disk.write(LOG, line(0, "app 0"))
    await run_once(disk, config(follow=False))
    disk.fail("fstat", OUTPUT)
    with pytest.raises(SinkError, match=OUTPUT):
        await run_once(disk, config(follow=False))
    await run_once(disk, config(follow=False))
    assert output_lines(disk) == ["app 0"]

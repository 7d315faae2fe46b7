"""Outputs that are renamed, cut, removed and made anew, while running and while down."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Sequence

import pytest
import trio
import trio.testing
from follow_helpers import LOG, put
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    BOOT,
    JOURNAL,
    OUTPUT,
    SlowDisk,
    config,
    line,
    new_disk,
    output_lines,
    running,
    until_death,
)


async def test_d09_an_output_that_is_renamed(autojump_clock: trio.testing.MockClock) -> None:
    """What was written stays under the old name, and a new output is begun."""
    disk = new_disk()
    async with running(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        put(disk, "app 1")
        await trio.sleep(7)
        put(disk, "app 2")
        await trio.sleep(3)
    assert output_lines(disk, f"{OUTPUT}.1") == ["app 0"]
    assert output_lines(disk) == ["app 1", "app 2"]


async def test_d09_an_output_that_is_cut_or_removed(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A cut output is continued at its end, which is said; a removed one is made anew."""
    disk = new_disk()
    async with running(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.truncate(OUTPUT)
        put(disk, "app 1")
        await trio.sleep(7)
        assert output_lines(disk) == ["app 1"]
        disk.remove(OUTPUT)
        put(disk, "app 2")
        await trio.sleep(3)
    assert output_lines(disk) == ["app 2"]
    assert sum("somebody changed it" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("way", ["renamed", "cut", "removed"])
@pytest.mark.parametrize("killed", [False, True])
async def test_d09_an_output_that_changes_while_down(
    autojump_clock: trio.testing.MockClock, way: str, *, killed: bool
) -> None:
    """An output that was rotated, cut or removed while down is gone on with, each line once."""
    disk = new_disk()
    ended = until_death if killed else running
    async with ended(disk, config(interval=3)):
        for number in range(3):
            put(disk, f"app {number}")
            await trio.sleep(2.2)
        if killed:
            disk.die_after(0)
    assert output_lines(disk) == ["app 0", "app 1", "app 2"]
    if way == "renamed":
        disk.rename(OUTPUT, f"{OUTPUT}.1")
    elif way == "cut":
        disk.truncate(OUTPUT)
    else:
        disk.remove(OUTPUT)
    put(disk, "app 3")
    async with running(disk, config(interval=3)):
        await trio.sleep(5)
        put(disk, "app 4")
        await trio.sleep(5)
    kept = output_lines(disk, f"{OUTPUT}.1") if way == "renamed" else ["app 0", "app 1", "app 2"]
    assert kept == ["app 0", "app 1", "app 2"]
    assert output_lines(disk)[-2:] == ["app 3", "app 4"]
    # Of a batch that nobody can look at any more it is open whether it was whole.
    repeated = output_lines(disk)[:-2]
    assert repeated == [] or (killed and way != "renamed" and repeated == ["app 2"])


@pytest.mark.parametrize("when", range(12))
async def test_d09_a_kill_just_when_a_new_output_is_begun(
    autojump_clock: trio.testing.MockClock, when: int
) -> None:
    """Death at each disk call around the change of outputs leaves each line in just one."""
    disk = new_disk()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        put(disk, "app 1")
        seen = False

        def die_soon(call: Call) -> None:
            nonlocal seen
            if call.path == OUTPUT and call.name == "fstat" and not seen:
                seen = True
                disk.die_after(when)

        disk.on_call = die_soon
    disk.on_call = None
    put(disk, "app 2")
    async with running(disk, config()):
        await trio.sleep(5)
    assert in_both(disk) == ["app 0", "app 1", "app 2"]


def in_both(disk: MemoryDisk) -> list[str]:
    """Return the lines of the output that was renamed, and those of the new one behind them."""
    names = [name for name in (f"{OUTPUT}.1", OUTPUT) if disk.exists(name)]
    return [text for name in names for text in output_lines(disk, name)]


def without_power(disk: MemoryDisk, seed: int, *files: str, folders: Sequence[str]) -> MemoryDisk:
    """Return what a power loss leaves of a disk, on which some files and folders are durable."""
    for folder in folders:
        disk.fsync_folder(folder)
    for path in files:
        disk.fsync(disk.open(path, os.O_RDONLY))
    left = disk.after_power_loss(random.Random(seed))
    left.write(BOOT, b"another boot\n")
    return left


@pytest.mark.parametrize("seed", range(12))
async def test_d09_a_power_loss_after_the_change_of_outputs(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    """What went to a new output since the last checkpoint stands there once, not in the old one."""
    disk = new_disk()
    disk.sync()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        for text in ("app 1", "app 2"):
            put(disk, text)
            await trio.sleep(3)
        disk.die_after(0)
    left = without_power(disk, seed, LOG, folders=("/logs",))
    async with running(left, config()):
        await trio.sleep(5)
    assert output_lines(left, f"{OUTPUT}.1") == ["app 0"]
    assert output_lines(left) == ["app 1", "app 2"]


@pytest.mark.parametrize("seed", range(8))
async def test_d09_a_power_loss_after_an_output_was_renamed_before_its_first_checkpoint(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    """The checkpoint knows no byte of it: its inode and the name of a rotation tell that it is."""
    disk = new_disk()
    disk.sync()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0", "app 1")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        disk.die_after(0)
    left = without_power(disk, seed, LOG, folders=("/logs", "/out"))
    async with running(left, config()):
        await trio.sleep(5)
        put(left, "app 2")
        await trio.sleep(5)
    assert in_both(left) == ["app 0", "app 1", "app 2"]


@pytest.mark.parametrize("seed", range(8))
async def test_d09_a_power_loss_after_the_name_of_a_journal_could_not_be_made_durable(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    """A change of outputs that was not made is not found in it: all would come twice."""
    disk = new_disk()
    disk.sync()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.fail("fsync_folder", "/etc/ship", times=None)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        disk.write(OUTPUT, b"")
        put(disk, "app 1")
        await trio.sleep(3)
        disk.die_after(0)
    disk.heal()
    left = without_power(disk, seed, LOG, f"{OUTPUT}.1", folders=("/logs", "/out"))
    async with running(left, config()):
        await trio.sleep(5)
    assert in_both(left) == ["app 0", "app 1"]


async def test_d09_a_checkpoint_fails_behind_its_rename_after_a_change_of_outputs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It knows the new output, the journal begins with the old one: what it tells still counts."""
    disk = new_disk()
    async with until_death(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        put(disk, "app 1")
        await trio.sleep(1.5)
        disk.fail("fsync_folder", "/etc/ship", times=None)
        await trio.sleep(1.5)
        put(disk, "app 2")
        await trio.sleep(1.5)
        disk.die_after(0)
    disk.heal()
    disk.remove(LOG)
    async with running(disk, config()):
        put(disk, "app 3")
        await trio.sleep(5)
    assert output_lines(disk, f"{OUTPUT}.1") == ["app 0"]
    assert output_lines(disk) == ["app 1", "app 2", "app 3"]


async def test_d02_a_kill_soon_after_a_start_that_changed_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Every start begins the journal, so that writes before the first tick are known."""
    disk = new_disk()
    async with running(disk, config()):
        put(disk, "app 0")
        await trio.sleep(3)
    before = disk.read(JOURNAL)
    async with until_death(disk, config()):
        put(disk, "app 1")
        await trio.sleep(3)
        disk.die_after(0)
    assert output_lines(disk) == ["app 0", "app 1"]
    assert disk.read(JOURNAL) != before
    disk.remove(LOG)
    async with running(disk, config()):
        disk.append("/logs/new.log", line(0, "new 0"))
        await trio.sleep(5)
    assert output_lines(disk) == ["app 0", "app 1", "new 0"]


async def test_d08_the_sync_of_an_output_that_was_rotated_away_fails(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A renamed output whose sync failed is written again before it is let go."""
    disk = new_disk()
    disk.sync()
    async with running(disk, config(interval=1000)):
        put(disk, "app 0")
        await trio.sleep(3)
        disk.rename(OUTPUT, f"{OUTPUT}.1")
        disk.fail("fsync", OUTPUT, error=errno.EIO)
        put(disk, "app 1")
        await trio.sleep(6)
    disk.fsync_folder("/out")
    left = disk.after_power_loss(random.Random(1))
    assert output_lines(left, f"{OUTPUT}.1") == ["app 0"]
    assert output_lines(left) == ["app 1"]


@pytest.mark.parametrize("delivered", [0, 2])
async def test_d09_an_output_that_is_renamed_while_it_is_opened(
    autojump_clock: trio.testing.MockClock, delivered: int
) -> None:
    """What stands under its name by then is another file; it is looked for again."""
    disk = new_disk()
    async with running(disk, config()):
        put(disk, *(f"app {number}" for number in range(delivered)))
        await trio.sleep(3)
    put(disk, "app new")

    def rename(call: Call) -> None:
        if call.name == "open" and call.path == OUTPUT:
            disk.on_call = None
            disk.rename(OUTPUT, f"{OUTPUT}.1")

    disk.on_call = rename
    async with running(disk, config()):
        await trio.sleep(5)
    assert disk.read(f"{OUTPUT}.1").count(b"\n") == delivered
    assert output_lines(disk) == ["app new"]


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
@pytest.mark.parametrize("way", ["renamed", "removed"])
async def test_d09_an_output_changes_while_its_journal_cannot_be_written(
    autojump_clock: trio.testing.MockClock, call: str, way: str
) -> None:
    """A renamed one is written on, or the next start would begin the new one twice."""
    disk = new_disk()
    async with until_death(disk, config(interval=1000)):
        put(disk, "app 0")
        await trio.sleep(3)
        if way == "renamed":
            disk.rename(OUTPUT, f"{OUTPUT}.1")
        else:
            disk.remove(OUTPUT)
        disk.fail(call, f"{JOURNAL}*", error=errno.ENOSPC, times=1000)
        put(disk, "app 1")
        await trio.sleep(3)
        disk.die_after(0)
    disk.heal()
    put(disk, "app 2")
    async with running(disk, config()):
        await trio.sleep(5)
    if way == "renamed":
        assert output_lines(disk, f"{OUTPUT}.1") == ["app 0", "app 1"]
        assert output_lines(disk) == ["app 2"]
    else:
        assert output_lines(disk)[-2:] == ["app 1", "app 2"]


@pytest.mark.parametrize("interval", [0.002, 0.005])
async def test_d09_a_checkpoint_and_a_kill_while_outputs_change(
    autojump_clock: trio.testing.MockClock, interval: float
) -> None:
    """A tick between the change of outputs and its first batch leaves each line in just one."""
    for when in range(0, 120, 2):
        disk = new_disk(SlowDisk(0.01))
        at_once = "max_delay_seconds = 0"
        async with until_death(disk, config(interval=interval, pipeline=at_once)):
            put(disk, "app 0", "app 1")
            await trio.sleep(2)
            disk.rename(OUTPUT, f"{OUTPUT}.1")
            put(disk, "app 2", "app 3")
            disk.die_after(when, 5)
        put(disk, "app 4", "app 5")
        async with running(disk, config(pipeline=at_once)):
            await trio.sleep(2)
        new = output_lines(disk) if disk.exists(OUTPUT) else []
        both = output_lines(disk, f"{OUTPUT}.1") + new
        assert (when, both) == (when, [f"app {number}" for number in range(6)])


@pytest.mark.parametrize("written", [0, 2])
@pytest.mark.parametrize("size", [0, 5, 5000])
async def test_d09_a_file_that_got_the_inode_of_a_removed_output(
    autojump_clock: trio.testing.MockClock, written: int, size: int
) -> None:
    """A file of somebody else beside a removed output is neither written to nor cut."""
    disk = new_disk()
    disk.reuse_inodes = True
    async with running(disk, config()):
        for number in range(written):
            put(disk, f"app {number}")
        await trio.sleep(7)
    inode = disk.stat(OUTPUT).inode
    disk.remove(OUTPUT)
    other = "/out/other.log"
    disk.write(other, bytes(size))
    assert disk.stat(other).inode == inode
    put(disk, "app new")
    async with running(disk, config()):
        await trio.sleep(5)
    assert disk.read(other) == bytes(size)
    assert output_lines(disk) == ["app new"]
    assert disk.names("/out") == ["merged.log", "other.log"]

"""Files that are found, or are there, when the program dies: none is forgotten."""

from __future__ import annotations

import errno

import pytest
import trio
import trio.testing
from follow_helpers import Logs
from memory_disk import MemoryDisk
from pipeline_helpers import (
    CHECKPOINT,
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    running,
    until_death,
)

LOG = "/logs/app.log"


def first_start(disk: MemoryDisk) -> None:
    """Have another file there, so that there is something to check point."""
    disk.append("/logs/other.log", now_line("other"))


@pytest.mark.parametrize("tenths", range(0, 30, 2))
@pytest.mark.parametrize("returns", [True, False])
async def test_r35_a_file_found_since_the_last_checkpoint_is_renamed_while_down(
    autojump_clock: trio.testing.MockClock,
    tenths: int,
    returns: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """Found and not saved by a tick, killed, renamed to a name no pattern matches: it is read."""
    disk = new_disk()
    first_start(disk)
    settings = config(interval=60)
    async with running(disk, settings):
        await trio.sleep(3)

    async def write() -> None:
        await trio.sleep(2)
        disk.append(LOG, now_line("app 0"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        async with until_death(disk, settings):
            await trio.sleep(2 + tenths / 10)
            disk.die_after(0)
    disk.append(LOG, now_line("app 1"))
    disk.rename(LOG, f"{LOG}.1")
    if returns or not tenths:
        # Made a moment before the kill, it was never seen: only its successor leads to it.
        disk.append(LOG, now_line("app 2"))
    async with running(disk, settings):
        await trio.sleep(5)
    expected = ["other", "app 0", "app 1"] + ["app 2"] * (returns or not tenths)
    assert output_lines(disk) == expected


async def test_r35_files_made_and_renamed_while_down_are_read_with_their_successor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A log that began and was rotated twice while nobody looked is read from its first line."""
    disk = new_disk()
    first_start(disk)
    disk.write("/logs/new.log.1", b"never followed\n")
    settings = config()
    await trio.sleep(30)
    async with running(disk, settings):
        await trio.sleep(3)
    await trio.sleep(60)
    for number in (2, 1):
        disk.append("/logs/new.log", now_line(f"new {2 - number}"))
        disk.rename("/logs/new.log", f"/logs/new.log.{number + 1}")
        await trio.sleep(1)
    disk.append("/logs/new.log", now_line("new 2"))
    async with running(disk, settings):
        await trio.sleep(5)
    assert output_lines(disk) == ["other", "new 0", "new 1", "new 2"]


async def test_r35_a_log_that_is_renamed_before_it_is_seen_at_all(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A log that begins and is rotated between two looks is read before its successor."""
    disk = new_disk()
    disk.write("/logs/new.log.9", b"never followed\n")
    async with running(disk, config()):
        await trio.sleep(3.05)
        disk.append("/logs/new.log", now_line("new 0"))
        disk.rename("/logs/new.log", "/logs/new.log.1")
        disk.append("/logs/new.log", now_line("new 1"))
        await trio.sleep(4)
    assert output_lines(disk) == ["new 0", "new 1"]


@pytest.mark.parametrize("since", ["the start before", "a look"])
async def test_r35_a_log_that_is_renamed_while_its_folder_cannot_be_listed(
    autojump_clock: trio.testing.MockClock, since: str
) -> None:
    """What began and was rotated since the last listing is read, however long ago that was."""
    logs = Logs(new_disk())
    logs.put("another 0", path="/logs/other.log")
    async with running(logs.disk, config()):
        await trio.sleep(3)
    if since == "the start before":
        logs.disk.fail("scandir", "/logs", error=errno.EIO, times=None)
    async with running(logs.disk, config()):
        await trio.sleep(1)
        logs.disk.fail("scandir", "/logs", error=errno.EIO, times=None)
        logs.put("app 0")
        logs.disk.rename(LOG, f"{LOG}.1")
        await trio.sleep(1)
        logs.put("app 1")
        await trio.sleep(1)
        logs.disk.heal()
        await trio.sleep(3)
    logs.check()


async def test_r33_the_folder_cannot_be_listed_at_the_very_first_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Files that were there then begin at their end, whenever they are found."""
    disk = new_disk()
    logs = Logs(disk)
    disk.append(LOG, line(0, "app 0"))
    disk.fail("scandir", "/logs", error=errno.EIO, times=None)
    async with running(disk, config(source='start = "end"')):
        await trio.sleep(3)
        disk.heal()
        await trio.sleep(1)
        logs.put("app 1")
        await trio.sleep(3)
    logs.check()


async def test_r35_new_files_whose_names_begin_alike_are_files_of_their_own(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A new file is no generation of another new file that a pattern matches too."""
    disk = new_disk()
    async with running(disk, config(paths='["/logs/*"]')) as pipeline:
        await trio.sleep(3)
        for name in ("a", "ab", "abc"):
            disk.append(f"/logs/{name}", now_line(name))
        await trio.sleep(4)
        found = {file.path for file in pipeline.snapshot.files.values()}
    assert found == {"/logs/a", "/logs/ab", "/logs/abc"}
    assert output_lines(disk) == ["a", "ab", "abc"]


async def test_r31_many_new_files_cost_one_listing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A hundred files that appear at once do not have their folder listed a hundred times."""
    disk = new_disk()
    first_start(disk)
    async with running(disk, config()) as pipeline:
        await trio.sleep(5)
        before = disk.count("scandir", "/logs")
        for number in range(100):
            disk.append(f"/logs/{number}.log", now_line(number))
        await trio.sleep(2)
        assert len(pipeline.snapshot.files) == 101
        assert disk.count("scandir", "/logs") - before < 25
    assert len(output_lines(disk)) == 101


async def test_c11_files_that_are_found_are_saved_soon_and_not_one_by_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A new file is in the checkpoint a moment later; a hundred of them cost a few saves."""
    disk = new_disk()
    first_start(disk)
    async with running(disk, config(interval=3600)) as pipeline:
        await trio.sleep(5)
        saves = pipeline.statistics.saves
        disk.append(LOG, now_line("app"))
        await trio.sleep(0.3)
        assert LOG in disk.read(CHECKPOINT).decode()
        assert pipeline.statistics.saves == saves + 1
        for number in range(100):
            disk.append(f"/logs/{number}.log", now_line(number))
            await trio.sleep(0.02)
        await trio.sleep(1)
        assert disk.read(CHECKPOINT).count(b"[[sources.app]]") == 102
        assert pipeline.statistics.saves <= saves + 7

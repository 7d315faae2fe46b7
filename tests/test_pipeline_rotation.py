"""Files that are rotated, truncated, replaced and recreated while they are followed."""

from __future__ import annotations

import errno

import pytest
import trio
from memory_disk import MemoryDisk
from pipeline_helpers import config, line, new_disk, now_line, output_lines, running

from trio_ship.reader.known import KnownFiles
from trio_ship.state import FileEntry, Position

LOG = "/logs/a.log"
QUIET = 12.0
"""Longer than anything waits, in seconds."""


def prepared(count: int = 3) -> MemoryDisk:
    """Return a disk with one log of some lines."""
    disk = new_disk()
    disk.write(LOG, b"".join(line(-count + number, number) for number in range(count)))
    return disk


def numbers(disk: MemoryDisk) -> list[str]:
    """Return what was delivered."""
    return output_lines(disk)


def expected(count: int) -> list[str]:
    """Return what should have been, in order."""
    return [str(number) for number in range(count)]


async def test_r09_lines_written_after_the_rename_are_not_lost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The old file is read to its end, also what comes after it lost its name."""
    disk = prepared()
    async with running(disk, config()):
        await trio.sleep(1)
        disk.rename(LOG, f"{LOG}.1")
        disk.append(f"{LOG}.1", now_line(3))
        disk.write(LOG, b"")
        await trio.sleep(0.25)
        disk.append(f"{LOG}.1", now_line(4))
        await trio.sleep(0.3)
        disk.append(LOG, now_line(5))
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(6)


async def test_r11_several_rotations_between_two_polls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Every generation is read, oldest first, though no look ever saw two of them."""
    disk = prepared()
    async with running(disk, config()):
        await trio.sleep(1)
        for number in range(3, 7):
            for age in (3, 2, 1):
                if disk.exists(f"{LOG}.{age}"):
                    disk.rename(f"{LOG}.{age}", f"{LOG}.{age + 1}")
            disk.rename(LOG, f"{LOG}.1")
            disk.write(LOG, now_line(number))
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(7)


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', '["/logs/*"]'])
async def test_r14_r15_r16_copytruncate_loses_and_doubles_nothing(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """What was not read before the truncation is read from the copy, whatever the glob."""
    disk = prepared()
    async with running(disk, config(paths=paths)):
        await trio.sleep(3)
        disk.append(LOG, now_line(3))
        disk.write(f"{LOG}.1", disk.read(LOG))
        disk.truncate(LOG, 0)
        disk.append(LOG, now_line(4) + now_line("5"))
        await trio.sleep(QUIET)
        disk.append(LOG, now_line(6))
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(7)


async def test_r18_a_file_made_anew_is_read_from_its_beginning(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Delete and recreate: the new file is read whole, though it is longer than the old one."""
    disk = prepared()
    async with running(disk, config()):
        await trio.sleep(3)
        disk.remove(LOG)
        disk.write(LOG, b"".join(now_line(number) for number in range(3, 10)))
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(10)


async def test_r20_r01_a_file_that_grows_byte_by_byte(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A line waits for its newline, and a growing head does not make a new file."""
    disk = new_disk()
    text = b"".join(line(number / 10, number) for number in range(3))
    async with running(disk, config()) as pipeline:
        for place in range(len(text)):
            disk.append(LOG, text[place : place + 1])
            await trio.sleep(0.15)
        await trio.sleep(QUIET)
        assert len(pipeline.snapshot.files) == 1
    assert numbers(disk) == expected(3)


async def test_r14_a_rotated_name_that_the_glob_matches_is_read_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Identity, not the name, decides: nothing is doubled by a rename within the glob."""
    disk = prepared()
    async with running(disk, config(paths='["/logs/*"]')):
        for number in range(3, 6):
            await trio.sleep(3)
            for age in (3, 2, 1):
                if disk.exists(f"{LOG}.{age}"):
                    disk.rename(f"{LOG}.{age}", f"{LOG}.{age + 1}")
            disk.rename(LOG, f"{LOG}.1")
            disk.write(LOG, now_line(number))
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(6)


async def test_r23_a_file_replaced_by_a_rename_over_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The old content was open and is finished; the new file is read from its beginning."""
    disk = prepared()
    async with running(disk, config()):
        await trio.sleep(3)
        disk.append(LOG, now_line(3))
        disk.write("/logs/a.tmp", now_line(4))
        disk.rename("/logs/a.tmp", LOG)
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(5)


async def test_r22_a_symlink_that_is_pointed_elsewhere(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The old target is finished, the new one begun."""
    disk = new_disk()
    disk.write("/logs/one", line(-1, 0))
    disk.symlink("/logs/one", LOG)
    async with running(disk, config()):
        await trio.sleep(3)
        disk.write("/logs/two", now_line(1))
        disk.remove(LOG)
        disk.symlink("/logs/two", LOG)
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(2)


async def test_r21_a_hard_link_is_read_once(autojump_clock: trio.testing.MockClock) -> None:
    """Two names of one file within a source give its lines once."""
    disk = prepared()
    disk.hard_link(LOG, "/logs/b.log")
    async with running(disk, config()):
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(3)


@pytest.mark.parametrize("call", ["preadv", "open"])
async def test_r25_r26_a_file_that_cannot_be_read_for_a_while(
    autojump_clock: trio.testing.MockClock, call: str
) -> None:
    """An error is tried again with pauses; the others go on, and nothing is lost."""
    disk = prepared()
    disk.write("/logs/b.log", line(-1, "b"))
    code = errno.EIO if call == "preadv" else errno.EACCES
    disk.fail(call, LOG, error=code, times=3)
    async with running(disk, config()):
        await trio.sleep(5)
        assert "b" in numbers(disk)
        await trio.sleep(60)
        disk.append(LOG, now_line(3))
        await trio.sleep(QUIET)
    assert [text for text in numbers(disk) if text != "b"] == expected(4)


async def test_r33_r34_start_at_the_end_holds_for_what_is_there_at_first(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Old lines are passed over, new files read whole, and a restart keeps the place."""
    disk = prepared()
    settings = config(source='start = "end"')
    async with running(disk, settings):
        pass
    disk.append(LOG, line(0, "while down"))
    async with running(disk, settings):
        await trio.sleep(3)
        disk.write("/logs/new.log", now_line("new"))
        await trio.sleep(QUIET)
    assert numbers(disk) == ["while down", "new"]


@pytest.mark.parametrize("way", ["rename", "copytruncate", "twice"])
async def test_r10_r17_rotated_while_down(autojump_clock: trio.testing.MockClock, way: str) -> None:
    """The rest of the old file is found by identity, or in its copy, and comes first."""
    disk = prepared()
    async with running(disk, config()):
        await trio.sleep(QUIET)
    disk.append(LOG, now_line(3))
    if way == "copytruncate":
        disk.write(f"{LOG}.1", disk.read(LOG))
        disk.truncate(LOG, 0)
        disk.append(LOG, now_line(4))
    else:
        disk.rename(LOG, f"{LOG}.1")
        disk.write(LOG, now_line(4))
    if way == "twice":
        disk.rename(f"{LOG}.1", f"{LOG}.2")
        disk.rename(LOG, f"{LOG}.1")
        disk.write(LOG, now_line(5))
    async with running(disk, config()):
        await trio.sleep(QUIET)
    assert numbers(disk) == expected(6 if way == "twice" else 5)


def test_c07_entries_of_files_that_are_gone_leave_after_a_day() -> None:
    """Of ten generations whose files are deleted only the last is kept, a day later."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    recorded = []
    for number in range(1, 11):
        path = f"{LOG}.{number}"
        disk.write(path, b"x")
        status = disk.stat(path)
        entry = FileEntry(
            id=f"{number:016x}",
            source="app",
            path=LOG,
            file=path,
            generation=number,
            device=status.device,
            inode=status.inode,
        )
        recorded.append((entry, Position(1)))
    known = KnownFiles(disk, recorded)
    for number in range(1, 11):
        disk.remove(f"{LOG}.{number}")
    assert known.outlived(0.0, set()) == []
    assert known.outlived(80_000.0, set()) == []
    assert sorted(known.outlived(90_000.0, set())) == [f"{n:016x}" for n in range(1, 10)]

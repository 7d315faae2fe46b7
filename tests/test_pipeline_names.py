"""Rotations under names that the glob matches too, and rotations while nobody follows."""

from __future__ import annotations

import pytest
import trio
from memory_disk import MemoryDisk
from pipeline_helpers import config, line, new_disk, now_line, output_lines, running

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


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', '["/logs/*"]'])
async def test_r15_copytruncate_loses_and_doubles_nothing(
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


@pytest.mark.parametrize("way", ["rename", "copytruncate", "twice"])
async def test_r10_rotated_while_down(autojump_clock: trio.testing.MockClock, way: str) -> None:
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

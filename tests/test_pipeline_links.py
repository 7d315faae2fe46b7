"""Logs that are followed by a symbolic link in another folder, and rotated where they are.

So the node of a Kubernetes cluster shows its containers: `/var/log/containers/NAME.log`
leads to `/var/log/pods/POD/CONTAINER/0.log`, which is renamed and compressed there.
"""

from __future__ import annotations

import errno
import gzip

import pytest
import trio
import trio.testing
from follow_helpers import Logs, copy_and_cut, follow_for
from pipeline_helpers import config, new_disk, running

from trio_ship.config import Config

LINK = "/logs/containers/web.log"
HOME = "/logs/pods/web/0.log"
LINKS = config(paths='["/logs/containers/*.log"]')
BOTH = config(paths='["/logs/containers/*.log", "/logs/pods/*/*.log"]')


def linked() -> Logs:
    """Return a log behind a link, with one line in it."""
    logs = Logs(new_disk())
    logs.put("web 0", path=HOME)
    logs.disk.symlink(HOME, LINK)
    return logs


def rename(logs: Logs, number: int) -> None:
    """Rename the log at its home, and begin a new one."""
    logs.disk.rename(HOME, f"{HOME}.20261123-08000{number}")
    logs.put(f"web new {number}", path=HOME)


def compress(logs: Logs, number: int) -> None:
    """Compress what was renamed."""
    path = f"{HOME}.20261123-08000{number}"
    logs.disk.write(f"{path}.gz", gzip.compress(logs.disk.read(path), mtime=0))
    logs.disk.remove(path)


@pytest.mark.parametrize("settings", [LINKS, BOTH])
@pytest.mark.parametrize("way", ["renamed", "twice", "compressed", "link removed"])
async def test_r10_a_log_behind_a_link_is_rotated_at_home_while_down(
    autojump_clock: trio.testing.MockClock, settings: Config, way: str
) -> None:
    """The rest of it is found where it stands, and so is what came after it."""
    logs = linked()
    await follow_for(logs.disk, 5, settings)
    logs.put("web 1", path=HOME)
    await trio.sleep(1)
    rename(logs, 1)
    if way == "twice":
        await trio.sleep(1)
        rename(logs, 2)
    if way == "compressed":
        compress(logs, 1)
    if way == "link removed":
        logs.disk.remove(LINK)
        logs.disk.remove(HOME)
        logs.written.pop()
    await follow_for(logs.disk, 5, settings)
    await follow_for(logs.disk, 5, settings)
    logs.check()


async def test_r09_lines_come_to_a_log_behind_a_link_after_it_was_renamed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """They are delivered, also those that come while nobody follows."""
    logs = linked()
    async with running(logs.disk, LINKS):
        await trio.sleep(2)
        rename(logs, 1)
        await trio.sleep(3)
        logs.put("web old 1", path=f"{HOME}.20261123-080001")
        await trio.sleep(100)
        logs.put("web old 2", path=f"{HOME}.20261123-080001")
        await trio.sleep(3)
    logs.put("web old 3", path=f"{HOME}.20261123-080001")
    await follow_for(logs.disk, 5, LINKS)
    logs.check()


async def test_r11_a_log_behind_a_link_is_rotated_twice_between_two_looks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The file that came and went is read between the two others."""
    logs = linked()
    async with running(logs.disk, LINKS):
        await trio.sleep(3)
        rename(logs, 1)
        rename(logs, 2)
        await trio.sleep(3)
    logs.check()


async def test_r15_a_log_behind_a_link_is_copied_and_cut_at_home(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What was not read before is read in the copy."""
    logs = linked()
    await follow_for(logs.disk, 5, LINKS)
    logs.put("web 1", path=HOME)
    copy_and_cut(logs.disk, f"{HOME}.1", HOME)
    logs.put("web 2", path=HOME)
    await follow_for(logs.disk, 5, LINKS)
    async with running(logs.disk, LINKS):
        await trio.sleep(3)
        logs.put("web 3", path=HOME)
        copy_and_cut(logs.disk, f"{HOME}.2", HOME)
        await trio.sleep(3)
    logs.check()


async def test_r25_a_log_behind_a_link_into_a_folder_that_cannot_be_listed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is read; where it was renamed to, nobody can tell."""
    logs = linked()
    logs.disk.fail("scandir", "/logs/pods/web", error=errno.EACCES, times=None)
    await follow_for(logs.disk, 5, LINKS)
    logs.disk.rename(HOME, f"{HOME}.1")
    logs.put("web 2", path=HOME)
    await follow_for(logs.disk, 5, LINKS)
    logs.check()

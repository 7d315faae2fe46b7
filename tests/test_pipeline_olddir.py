"""Logs that are rotated into another folder, which is watched too (`olddir` of logrotate)."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from follow_helpers import LOG, Logs
from pipeline_helpers import config, new_disk, running

OLD = "/logs/old/app.log.1"
BOTH = config(paths='["/logs/*.log", "/logs/old/*"]')


@pytest.mark.parametrize("seen", [False, True])
async def test_r10_rotated_into_another_watched_folder(
    autojump_clock: trio.testing.MockClock, *, seen: bool
) -> None:
    """What was written to a log behind what was read is found where `olddir` has put it."""
    logs = Logs(new_disk())
    logs.disk.mkdir("/logs/old")
    async with running(logs.disk, BOTH):
        logs.put("app 0", "app 1")
        await trio.sleep(3)
        if seen:
            logs.disk.rename(LOG, OLD)
            await trio.sleep(3)
    if not seen:
        logs.disk.rename(LOG, OLD)
    logs.put("app 2", "app 3", path=OLD)
    logs.disk.rename(OLD, "/logs/old/app.log.2")
    logs.put("app 4")
    async with running(logs.disk, BOTH):
        await trio.sleep(5)
    async with running(logs.disk, BOTH):
        await trio.sleep(5)
    logs.check()


async def test_r10_a_log_and_a_link_to_it_in_another_watched_folder(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A second name in another folder does not take the place of the first."""
    logs = Logs(new_disk())
    logs.disk.mkdir("/logs/old")
    async with running(logs.disk, BOTH):
        logs.put("app 0")
        await trio.sleep(3)
        logs.disk.link(LOG, OLD)
        logs.put("app 1")
        await trio.sleep(3)
    logs.disk.remove(OLD)
    logs.disk.rename(LOG, f"{LOG}.1")
    logs.put("app 2", path=f"{LOG}.1")
    logs.put("app 3")
    async with running(logs.disk, BOTH):
        await trio.sleep(5)
    logs.check()

"""Logs that are compressed under their writers: the form lacks what was written meanwhile."""

from __future__ import annotations

import gzip

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs
from pipeline_helpers import config, new_disk, of_file, output_lines, running, wall_ns

BANNER = b"a banner with which every file of this service begins\n" * 30
PATHS = ['["/logs/*.log"]', EVERY_NAME]


def put_many(logs: Logs, first: int) -> None:
    """Append more than a fingerprint covers."""
    logs.put(*(f"app {number} and so on" for number in range(first, first + 50)))


def compress(logs: Logs, data: bytes, time_ns: int) -> None:
    """Make a compressed file as logrotate does, with the time of the log."""
    logs.disk.write(f"{LOG}.1.gz", gzip.compress(data))
    logs.disk.set_mtime(f"{LOG}.1.gz", time_ns)


@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize("down", [False, True])
async def test_r12_a_log_that_is_compressed_under_its_writer(
    autojump_clock: trio.testing.MockClock, paths: str, *, down: bool
) -> None:
    """What was written to the renamed log while it was compressed makes no other log of it."""
    logs = Logs(new_disk())
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(1)
        put_many(logs, 0)
        await trio.sleep(1)
        put_many(logs, 50)
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        data, time_ns = logs.disk.read(f"{LOG}.1"), logs.disk.stat(f"{LOG}.1").mtime_ns
        logs.put("app 100", "app 101", path=f"{LOG}.1")
        await trio.sleep(3)
        if not down:
            compress(logs, data, time_ns)
            logs.disk.remove(f"{LOG}.1")
            logs.put("app 102")
            await trio.sleep(5)
    if down:
        compress(logs, data, time_ns)
        logs.disk.remove(f"{LOG}.1")
        logs.put("app 102")
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(5)
    logs.check()


@pytest.mark.parametrize("paths", PATHS)
async def test_r12_the_compressed_copy_lacks_what_was_read_before_the_cut(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """A line between the copy of a `copytruncate` and its cut was read; the copy brings nothing."""
    logs = Logs(new_disk())
    async with running(logs.disk, config(paths=paths)):
        put_many(logs, 0)
        await trio.sleep(1)
        data, time_ns = logs.disk.read(LOG), logs.disk.stat(LOG).mtime_ns
        await trio.sleep(0.01)
        logs.put("app 50")
        await trio.sleep(2)
        logs.disk.truncate(LOG)
        compress(logs, data, time_ns)
        logs.put("app 51")
        await trio.sleep(5)
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(5)
    logs.check()


@pytest.mark.parametrize("paths", PATHS)
async def test_r19_a_shorter_generation_that_begins_alike_is_read(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """A compressed file that is younger than all that was read is another one."""
    logs = Logs(new_disk())
    logs.disk.write(LOG, BANNER)
    settings = config(paths=paths, source='multiline = "off"')
    async with running(logs.disk, settings):
        put_many(logs, 0)
        await trio.sleep(3)
    await trio.sleep(1)
    logs.disk.remove(LOG)
    logs.disk.write(LOG, BANNER)
    logs.put("app 50")
    compress(logs, logs.disk.read(LOG), wall_ns())
    logs.disk.remove(LOG)
    logs.put("app 51")
    async with running(logs.disk, settings):
        await trio.sleep(5)
    assert of_file(output_lines(logs.disk), "app ") == logs.written

"""Disks whose modification times say nothing: what is read does not depend on them."""

from __future__ import annotations

import attrs
import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, following
from memory_disk import MemoryDisk
from memory_tree import Node
from pipeline_helpers import config, line, new_disk, of_file, output_lines, running

from trio_ship.filesystem import Status

TEN_YEARS = 3650 * 86_400 * 10**9


class OddTimesDisk(MemoryDisk):
    """A mount that shows odd modification times, of folders too.

    Args:
        odd: "1970", "future", or "frozen": for ever the time of the first look.
    """

    def __init__(self, odd: str) -> None:
        super().__init__()
        self.odd = odd
        self._shown: dict[int, int] = {}

    def _status(self, node: Node) -> Status:
        status = super()._status(node)
        if self.odd == "1970":
            return attrs.evolve(status, mtime_ns=0)
        if self.odd == "future":
            return attrs.evolve(status, mtime_ns=status.mtime_ns + TEN_YEARS)
        return attrs.evolve(status, mtime_ns=self._shown.setdefault(status.inode, status.mtime_ns))


@pytest.mark.parametrize("odd", ["1970", "future", "frozen"])
@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
async def test_r30_modification_times_that_say_nothing(
    autojump_clock: trio.testing.MockClock, odd: str, paths: str
) -> None:
    """Size and content decide: growth, rotation and truncation are seen, stamps are believed."""
    settings = config(paths=paths, pipeline="max_future_seconds = 30")
    async with following(settings, OddTimesDisk(odd)) as logs:
        logs.put("app 0", "app 1")
        logs.put("other 0", path="/logs/other.log")
        await trio.sleep(2)
        logs.put("app 2")
        await trio.sleep(50)
        logs.put("app 3")
        logs.disk.rename(LOG, f"{LOG}.1")
        logs.put("app 4", path=f"{LOG}.1")
        logs.put("app 5")
        await trio.sleep(3)
        logs.put("other 1", path="/logs/other.log")
        await trio.sleep(0.2)
        logs.put("app 6")
        await trio.sleep(1.03)
        logs.disk.write(f"{LOG}.2", logs.disk.read(LOG))
        logs.disk.truncate(LOG)
        logs.put("app 7")
        await trio.sleep(3)
        logs.put("new 0", path="/logs/new.log")
        await trio.sleep(65)
        assert of_file(output_lines(logs.disk), "new") == ["new 0"]
        statistics = logs.pipeline.statistics
        assert (statistics.impossible, statistics.ahead) == (0, 0)
    assert output_lines(logs.disk) == logs.written


async def test_r30_a_stack_trace_on_a_mount_without_times(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A record that is written when its file is found waits for its lines there too."""
    disk = new_disk(OddTimesDisk("1970"))
    async with running(disk, config()) as pipeline:
        await trio.sleep(1)
        disk.append(LOG, line(1, "app 0") + b"  at one\n")
        await trio.sleep(0.5)
        disk.append(LOG, b"  at two\n")
        await trio.sleep(5)
        assert pipeline.statistics.records == 1


async def test_r30_stamps_without_a_year_beside_a_time_in_1970(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The year is the present one where the file's time cannot be."""
    disk = new_disk(OddTimesDisk("1970"))
    disk.write("/logs/sys.log", b"Nov 23 07:59:59 sys 0\n")
    disk.write(LOG, line(-2, "app 0") + line(-0.5, "app 1"))
    settings = config(source='[sources.app.timestamp]\ntimezone = "UTC"')
    async with running(disk, settings):
        await trio.sleep(5)
    assert output_lines(disk) == ["app 0", "23 07:59:59 sys 0", "app 1"]

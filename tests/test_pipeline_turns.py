"""Logs that are written in another way from some line on, while they are followed."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import attrs
import pytest
import trio
import trio.testing
from memory_disk import MemoryDisk
from pipeline_helpers import (
    CHECKPOINT,
    OUTPUT,
    config,
    follow_through,
    line,
    never_shrinks,
    new_disk,
    output_lines,
    running,
    wall_ns,
)

LOG, OTHER = "/logs/app.log", "/logs/other.log"
SETTINGS = 'timestamp = { timezone = "UTC" }'


def new_line(text: object) -> bytes:
    """Return a line of the program's new version, stamped now behind a prefix of any form."""
    moment = datetime.fromtimestamp(wall_ns() / 1e9, UTC)
    return f"app[12]: {moment:%d/%b/%Y:%H:%M:%S} {text}\n".encode()


@attrs.define
class World:
    """Two programs; one of them is updated and writes its stamps in another way then."""

    disk: MemoryDisk
    order: list[bytes] = attrs.field(factory=list)
    turned: bool = False

    def put(self, path: str = LOG) -> None:
        """Write a line that is younger than all before."""
        text = f"{path} {len(self.order)}"
        new = self.turned and path == LOG
        data = new_line(text) if new else line(trio.current_time(), text)
        self.disk.append(path, data)
        self.order.append(data)

    async def write(self, count: int, *, pause: float, together: int = 1) -> None:
        """Write lines by turns, some of them at once, a second from stamp to stamp."""
        for _, path in zip(range(count), itertools.cycle([LOG, OTHER])):
            for _ in range(together):
                self.put(path)
            await trio.sleep(pause)

    @property
    def output(self) -> bytes:
        """What has come out."""
        return self.disk.read(OUTPUT)


@pytest.mark.parametrize("pause", [1, 5])
async def test_a_new_version_of_a_program_writes_behind_a_prefix(
    autojump_clock: trio.testing.MockClock, pause: float
) -> None:
    """Its lines are in order after the first three; these stand behind the one before them."""
    world = World(new_disk())
    async with running(world.disk, config(source=SETTINGS)) as pipeline:
        await world.write(6, pause=pause)
        world.turned = True
        await world.write(6, pause=pause)
        begun, late = len(world.order), pipeline.statistics.late
        await world.write(8, pause=pause)
        await trio.sleep(20)
        (entry,) = (file for file in pipeline.snapshot.files.values() if file.path == LOG)
        assert entry.layout.count("&") == 1
        assert pipeline.statistics.late == late <= 2
    assert sorted(world.output.splitlines()) == sorted(b"".join(world.order).splitlines())
    assert world.output.endswith(b"".join(world.order[begun:]))


async def test_lines_that_come_at_once_are_all_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The round that shows the new way is decoded again."""
    disk = new_disk()
    disk.append(LOG, line(0, "old"))
    disk.append(OTHER, line(0.5, "old"))
    async with running(disk, config(source=SETTINGS)):
        await trio.sleep(10)
        expected = []
        for number in range(4):
            data = new_line(number) + b"Caused by: x\n" * (number == 1)
            expected += [data, line(trio.current_time() + 0.5, number)]
            disk.append(LOG, data)
            disk.append(OTHER, expected[-1])
            autojump_clock.jump(1)
        await trio.sleep(20)
    assert disk.read(OUTPUT).endswith(b"".join(expected))


async def test_a_table_with_old_dates_belongs_to_its_record(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is no new way of writing stamps, however long it is."""
    disk = new_disk()
    async with running(disk, config(source=SETTINGS)) as pipeline:
        disk.append(LOG, line(0, "first"))
        await trio.sleep(5)
        disk.append(LOG, line(5, "table"))
        disk.append(LOG, b"row: 2026-10-23 08:00:00\n" * 20)
        disk.append(OTHER, line(5.5, "other"))
        await trio.sleep(20)
        assert pipeline.statistics.records == 3
    assert output_lines(disk)[-1] == "other"


@pytest.mark.parametrize("multiline", ["timestamp", "off"])
def test_killed_while_a_log_turns_to_another_way(multiline: str) -> None:
    """What is written stands, each line once, whenever that is.

    The lines around the turn are of one second, and so may leave together.
    """
    settings = config(
        source=f'multiline = "{multiline}"\n{SETTINGS}',
        sinks=f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "json"\n',
        interval=2,
    )

    async def live(calls: int) -> int:
        world = World(new_disk())
        check = never_shrinks(world.disk)

        async def writers() -> None:
            await world.write(10, pause=0.13)
            world.turned = True
            await world.write(12, pause=0.13)

        died = await follow_through(
            world.disk, settings, writers, seconds=9, deaths=[(calls, calls % 100)]
        )
        check()
        messages = [json.loads(text)["message"] for text in world.output.splitlines()]
        assert sorted("\n".join(messages).splitlines()) == sorted(
            b"".join(world.order).decode().splitlines()
        )
        assert b"&" in world.disk.read(CHECKPOINT)
        return died

    died = [
        trio.run(live, calls, clock=trio.testing.MockClock(autojump_threshold=0))
        for calls in range(100, 900, 23)
    ]
    assert sum(died) > len(died) // 2

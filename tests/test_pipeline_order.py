"""Order while following, on a fake clock: the pipeline with writers that come and go."""

from __future__ import annotations

import functools
import json
import random
from datetime import UTC, datetime

import pytest
import trio
import trio.testing
from follow_helpers import copy_and_cut
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    config,
    line,
    new_disk,
    now_line,
    run_once,
    running,
    stamp,
    wall_ns,
)

JSON = f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "json"\n'


def records(disk: MemoryDisk) -> list[dict[str, object]]:
    """Return the objects of a json output."""
    return [json.loads(text) for text in disk.read(OUTPUT).decode().splitlines()]


def moment(*, whole_seconds: bool, shift: float = 0) -> str:
    """Return a stamp of now, as a writer would write it."""
    now = datetime.fromtimestamp(wall_ns() / 1e9 + shift, UTC)
    return f"{now:%b %e %H:%M:%S}" if whole_seconds else f"{now:%Y-%m-%dT%H:%M:%S.%f}Z"


async def write_sparsely(
    disk: MemoryDisk, name: str, *, count: int, whole_seconds: bool, shift: float = 0
) -> None:
    """Append a line each 0.05 to 1.5 s."""
    chance = random.Random(name)
    for number in range(count):
        await trio.sleep(chance.uniform(0.05, 1.5))
        text = f"{moment(whole_seconds=whole_seconds, shift=shift)} host {name} {number}\n"
        disk.append(f"/logs/{name}.log", text.encode())


@pytest.mark.parametrize(("whole_seconds", "delay"), [(False, 1.0), (True, 0.2), (False, 0.2)])
async def test_s18_sparse_writers_come_out_in_exact_order(
    autojump_clock: trio.testing.MockClock, *, whole_seconds: bool, delay: float
) -> None:
    """Four sparse writers: exact time order, no record late or ahead, in either resolution."""
    disk = new_disk()
    settings = config(
        pipeline=f"max_delay_seconds = {delay}",
        source='[sources.app.timestamp]\ntimezone = "UTC"',
        sinks=JSON,
    )
    async with running(disk, settings) as pipeline:
        async with trio.open_nursery() as writers:
            for name in ("w0", "w1", "w2", "w3"):
                write = functools.partial(write_sparsely, whole_seconds=whole_seconds)
                writers.start_soon(functools.partial(write, disk, name, count=60))
        await trio.sleep(20)
        assert pipeline.statistics.records == 240
        assert (pipeline.statistics.late, pipeline.statistics.ahead) == (0, 0)
    stamps = [str(record["timestamp"]) for record in records(disk)]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(("delay", "late"), [(0.2, 1), (1.0, 0)])
async def test_s17_new_files_of_whole_seconds_in_a_source_of_microseconds(
    autojump_clock: trio.testing.MockClock, *, delay: float, late: int
) -> None:
    """With a delay below their second the first line of the first one is late, and no other."""
    disk = new_disk()
    settings = config(
        pipeline=f"max_delay_seconds = {delay}",
        source='[sources.app.timestamp]\ntimezone = "UTC"',
        sinks=JSON,
    )
    async with running(disk, settings) as pipeline:
        for number in range(60):
            await trio.sleep(0.13)
            disk.append("/logs/exact.log", now_line(number))
            if number % 4 == 3:
                text = f"{moment(whole_seconds=True)} host new {number}\n"
                disk.append(f"/logs/new{number}.log", text.encode())
        await trio.sleep(20)
        assert pipeline.statistics.records == 75
        assert (pipeline.statistics.late, pipeline.statistics.ahead) == (late, 0)
    shipped = records(disk)
    late_paths = [record["path"] for record in shipped if "late" in record]
    assert late_paths == ["/logs/new3.log"] * late
    stamps = [str(record["timestamp"]) for record in shipped if "late" not in record]
    assert stamps == sorted(stamps)


async def test_s08_wrong_clocks_hold_nobody_up(autojump_clock: trio.testing.MockClock) -> None:
    """Of six writers, one two hours in front and one two hours behind: four stay in order."""
    disk = new_disk()
    async with running(disk, config(sinks=JSON)) as pipeline:
        async with trio.open_nursery() as writers:
            for name, shift in (("w0", 0), ("w1", 0), ("fast", 7200), ("slow", -7200)):
                write = functools.partial(write_sparsely, whole_seconds=False, shift=shift)
                writers.start_soon(functools.partial(write, disk, name, count=40))
        await trio.sleep(5)
        assert pipeline.statistics.records == 160
    good = [
        record
        for record in records(disk)
        if "fast" not in str(record["path"]) and "slow" not in str(record["path"])
    ]
    stamps = [str(record["timestamp"]) for record in good]
    assert stamps == sorted(stamps)
    assert not any("late" in record or "ahead" in record for record in good)
    assert sum("ahead" in record for record in records(disk)) == 40


async def test_s01_a_quiet_file_holds_the_others_for_the_delay_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A record leaves within the delay and two polls, though its neighbour says nothing."""
    disk = new_disk()
    disk.write("/logs/quiet.log", line(-100, "old"))
    disk.write("/logs/a.log", line(-100, "old"))
    async with running(disk, config()) as pipeline:
        await trio.sleep(5)
        disk.append("/logs/a.log", now_line("news"))
        await trio.sleep(1.0 + 1.0 + 0.3)
        assert pipeline.statistics.records == 3


async def test_s02_a_log_is_copied_and_cut_between_a_look_and_the_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What is held open of it stays before the others: the read that finds nothing ends no wait."""
    disk, log, other = new_disk(), "/logs/a.log", "/logs/b.log"
    reads: list[Call] = []

    def cut(call: Call) -> None:
        if call.name == "preadv" and call.path == log:
            reads.append(call)
            copy_and_cut(disk, f"{log}.1", log)

    async with running(disk, config(sinks=JSON)) as pipeline:
        disk.write(log, line(0, "a 0"))
        disk.write(other, line(0, "b 0"))
        await trio.sleep(0.55)
        disk.append(log, line(0.1, "a 1"))
        disk.append(other, line(0.2, "b 1") + line(0.5, "b 2"))
        await trio.sleep(0.8)
        disk.append(log, now_line("a 2"))
        disk.on_call = cut
        await trio.sleep(5)
        assert len(reads) == 1
        assert pipeline.statistics.late == 0
    assert [record["message"] for record in records(disk)] == [
        f"{stamp(seconds)} {text}"
        for seconds, text in [
            (0, "a 0"),
            (0, "b 0"),
            (0.1, "a 1"),
            (0.2, "b 1"),
            (0.5, "b 2"),
            (1.35, "a 2"),
        ]
    ]


async def test_s09_a_clock_that_steps_back_stalls_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After the wall clock went back an hour every record still comes, once."""
    disk = new_disk()
    async with running(disk, config()) as pipeline:
        disk.append("/logs/a.log", now_line(0))
        await trio.sleep(5)
        disk.append("/logs/a.log", line(trio.current_time() - 3600, 1))
        disk.append("/logs/b.log", line(trio.current_time() - 3600, 2))
        await trio.sleep(15)
        assert pipeline.statistics.records == 3


async def test_late_records_are_dropped_where_that_is_wanted(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """With `late = "drop"` late records are left out, said and counted, their positions taken."""
    disk = new_disk()
    async with running(disk, config(pipeline='late = "drop"')) as pipeline:
        disk.append("/logs/a.log", now_line("a"))
        await trio.sleep(5)
        late = [line(trio.current_time() - 100, name) for name in "bcd"]
        disk.append("/logs/b.log", b"".join(late))
        await trio.sleep(5)
        assert pipeline.statistics.records == 1
        assert pipeline.statistics.dropped == 3
        assert caplog.text.count('records come late; `late = "drop"` leaves them out') == 1
        [place] = [
            position.offset
            for name, position in pipeline.snapshot.positions.items()
            if pipeline.snapshot.files[name].path == "/logs/b.log"
        ]
        assert place == len(disk.read("/logs/b.log"))


async def test_the_parts_of_a_cut_record_count_as_unparsed_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What goes on with a record has no stamp because of that: it is nothing not understood."""
    disk = new_disk()
    trace = b"  at line 7\n" * 30_000
    disk.write("/logs/a.log", line(1, "x" * 200_000) + line(2, "failed") + trace)
    disk.write("/logs/b.log", b"y" * 200_000 + b"\n")
    settings = config(
        follow=False, source="max_record_bytes = 64", pipeline="max_buffer_bytes = 65536"
    )
    pipeline = await run_once(disk, settings)
    assert pipeline.statistics.records > 10_000
    assert pipeline.statistics.unparsed == 1

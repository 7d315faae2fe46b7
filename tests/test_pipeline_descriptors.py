"""Open files: fewer than there are logs, held after a deletion, and reads that fail."""

from __future__ import annotations

import itertools

import pytest
import trio
import trio.testing
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    run_once,
    running,
)

from trio_ship import assembly

LOG = "/logs/app.log"


async def test_r28_a_one_shot_run_over_more_files_than_descriptors(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of 150 files are merged with 16 descriptors, and in order."""
    disk = new_disk()
    for number in range(150):
        text = b"".join(line(n / 10, f"{number} {n}") for n in range(number % 7, 40, 7))
        disk.write(f"/logs/{number}.log", text)
    expected = sorted(
        (n, f"/logs/{number}.log", f"{number} {n}")
        for number in range(150)
        for n in range(number % 7, 40, 7)
    )
    disk.max_open = 16
    monkeypatch.setattr(assembly, "_file_limit", lambda: 8)
    await run_once(disk, config(follow=False))
    assert output_lines(disk) == [text for _, _, text in expected]


async def test_r28_all_files_are_rotated_at_once_and_there_are_fewer_descriptors(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 60 logs each line is read once: before and after the rename, and long after it."""
    disk = new_disk()
    disk.max_open = 20
    monkeypatch.setattr(assembly, "_file_limit", lambda: 12)
    expected: list[str] = []

    def write(path: str, text: str) -> None:
        expected.append(text)
        disk.append(path, now_line(text))

    async with running(disk, config()):
        for number in range(60):
            write(f"/logs/{number}.log", f"{number} a")
        await trio.sleep(5)
        for number in range(60):
            write(f"/logs/{number}.log", f"{number} b")
            disk.rename(f"/logs/{number}.log", f"/logs/{number}.log.1")
            write(f"/logs/{number}.log.1", f"{number} c")
            write(f"/logs/{number}.log", f"{number} d")
        await trio.sleep(20)
        assert sorted(output_lines(disk)) == sorted(expected)
        for number in range(60):
            write(f"/logs/{number}.log.1", f"{number} e")
            write(f"/logs/{number}.log", f"{number} f")
        await trio.sleep(40)
    assert sorted(output_lines(disk)) == sorted(expected)


async def test_r28_all_files_grow_or_are_cut_at_once_and_there_are_fewer_descriptors(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of 60 logs each line is delivered at once, and none is said to be unreadable."""
    disk = new_disk()
    disk.max_open = 20
    monkeypatch.setattr(assembly, "_file_limit", lambda: 12)
    paths = [f"/logs/{number}.log" for number in range(60)]
    async with running(disk, config()):
        for generation in range(4):
            for path in paths:
                if generation == 2:
                    disk.write(f"{path}.1", disk.read(path))
                    disk.truncate(path)
                disk.append(path, now_line(f"{path} {generation}"))
            await trio.sleep(4)
            assert len(output_lines(disk)) == len(paths) * (generation + 1)
    assert sorted(output_lines(disk)) == sorted(f"{path} {n}" for path in paths for n in range(4))
    assert "cannot be read" not in caplog.text


async def test_r29_deleted_files_are_closed_when_they_are_read_and_quiet(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A deleted file is read to its end through its descriptor, which is given back then."""
    disk = new_disk()
    async with running(disk, config()):
        disk.append("/logs/other.log", now_line("other"))
        await trio.sleep(5)
        before = len(disk._opened)
        for number in range(20):
            disk.append(f"/logs/{number}.log", now_line(f"{number} a"))
        await trio.sleep(3)
        for number in range(20):
            disk.append(f"/logs/{number}.log", now_line(f"{number} b"))
            disk.remove(f"/logs/{number}.log")
        await trio.sleep(2)
        assert len(disk._opened) == before + 20
        await trio.sleep(200)
        assert len(disk._opened) == before
    assert len(output_lines(disk)) == 41


async def test_r26_pauses_between_reads_that_fail_grow(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A file that cannot be read is tried again after pauses that double, half a minute at most."""
    disk = new_disk()
    tried: list[float] = []

    def note(call: Call) -> None:
        if call.name == "preadv" and call.path == LOG:
            tried.append(trio.current_time())

    async with running(disk, config()) as pipeline:
        disk.append(LOG, now_line("app 0"))
        await trio.sleep(3)
        disk.on_call = note
        disk.fail("preadv", LOG, times=None)
        disk.append(LOG, now_line("app 1"))
        await trio.sleep(300)
        pauses = [round(b - a, 1) for a, b in itertools.pairwise(tried)]
        assert pauses[:6] == pytest.approx([0.5, 1, 2, 4, 8, 16], abs=0.2)
        assert pauses[6:] == pytest.approx([30] * len(pauses[6:]), abs=0.2)
        offsets = [place.offset for place in pipeline.snapshot.positions.values()]
        assert offsets == [len(now_line("app 0"))]
        disk.heal()
        await trio.sleep(40)
    assert output_lines(disk) == ["app 0", "app 1"]


async def test_r25_a_file_that_may_not_be_opened_for_a_while_loses_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Permission taken away and given back, with a rotation in between: each line once."""
    disk = MemoryDisk()
    new_disk(disk)
    async with running(disk, config()) as pipeline:
        disk.append(LOG, now_line("app 0"))
        await trio.sleep(3)
        chains = pipeline._sources.readers[0]._chains
        keep, chains._keep = chains._keep, 0
        chains.close_quiet()
        chains._keep = keep
        disk.fail("open", "/logs/app.log*", error=13, times=None)
        disk.append(LOG, now_line("app 1"))
        await trio.sleep(3)
        disk.append(LOG, now_line("app 2"))
        disk.rename(LOG, f"{LOG}.1")
        disk.append(LOG, now_line("app 3"))
        await trio.sleep(10)
        disk.heal()
        await trio.sleep(40)
    assert output_lines(disk) == [f"app {number}" for number in range(4)]

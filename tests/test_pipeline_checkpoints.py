"""The checkpoint task on a fake clock: when it saves, what it saves, and what a failure does."""

from __future__ import annotations

import errno
import tomllib

import attrs
import pytest
import trio
from memory_disk import MemoryDisk
from pipeline_helpers import (
    CHECKPOINT,
    OUTPUT,
    SlowDisk,
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    run_once,
    running,
    stamp,
)

from trio_ship.errors import CheckpointError


def saves(disk: MemoryDisk) -> int:
    """Return how many checkpoints were put in their place."""
    return sum(call.name == "replace" and call.target == CHECKPOINT for call in disk.calls)


async def test_checkpoints_tick_at_exact_times_while_records_flow(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With a record each second and an interval of five, a save falls on every fifth second."""
    disk = new_disk()
    disk.write("/logs/a.log", b"")
    moments: list[float] = []
    disk.on_call = lambda call: (
        moments.append(trio.current_time())
        if call.name == "replace" and call.target == CHECKPOINT
        else None
    )
    async with running(disk, config(interval=5)):
        start = trio.current_time()
        for number in range(21):
            disk.append("/logs/a.log", now_line(number))
            await trio.sleep(1)
        ticks = [moment - start for moment in moments]
    assert ticks == [0, 5, 10, 15, 20]


async def test_nothing_is_written_when_nothing_changed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A long time in which no record comes saves nothing and leaves both generations alone."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-60, "old"))
    async with running(disk, config(interval=5)):
        await trio.sleep(60)
        before = saves(disk), disk.read(CHECKPOINT)
        await trio.sleep(600)
        assert (saves(disk), disk.read(CHECKPOINT)) == before


async def test_the_state_of_every_source_is_saved(autojump_clock: trio.testing.MockClock) -> None:
    """Offset, inode and last timestamp in the TOML are those of what was delivered."""
    disk = new_disk()
    async with running(disk, config(interval=1)):
        disk.append("/logs/a.log", line(0, "a") + line(0.25, "a"))
        disk.append("/logs/b.log", line(0.5, "b"))
        await trio.sleep(10)
        saved = tomllib.loads(disk.read(CHECKPOINT).decode())
    assert saved["sequence"] == 3
    assert saved["sinks"]["merged"]["offset"] == len(disk.read(OUTPUT))
    tables = {table["path"]: table for table in saved["sources"]["app"]}
    for path, last in (("/logs/a.log", 0.25), ("/logs/b.log", 0.5)):
        status = disk.stat(path)
        table = tables[path]
        assert table["offset"] == status.size
        assert table["inode"] == status.inode
        assert table["last_timestamp"].isoformat(timespec="milliseconds")[:23] + "Z" == stamp(last)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
async def test_c06_a_failing_save_is_said_once_counted_and_tried_again(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture, error: int
) -> None:
    """While saves fail shipping goes on; the reason is said once, and so is the recovery."""
    disk = new_disk()
    disk.write("/logs/a.log", b"")
    caplog.set_level("INFO", "trio_ship")
    async with running(disk, config(interval=5)) as pipeline:
        disk.fail("replace", CHECKPOINT, error=error, times=4)
        for number in range(20):
            disk.append("/logs/a.log", now_line(number))
            await trio.sleep(1)
        assert len(output_lines(disk)) >= 18
        assert pipeline.statistics.failed_saves == 3
        for number in range(20, 30):
            disk.append("/logs/a.log", now_line(number))
            await trio.sleep(1)
        assert pipeline.statistics.failed_saves == 4
        await trio.sleep(5)
    assert output_lines(disk) == [str(number) for number in range(30)]
    said = [record.message for record in caplog.records if "could not be saved" in record.message]
    assert len(said) == 1
    assert any("saved again" in record.message for record in caplog.records)


async def test_c06_nothing_is_shipped_before_the_first_checkpoint(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Where the very first save fails the start is refused, and the output stays empty."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-1, "a"))
    disk.fail("replace", CHECKPOINT, error=errno.EROFS, times=None)
    with pytest.raises(CheckpointError, match="first checkpoint"):
        await run_once(disk, config())
    assert disk.read(OUTPUT) == b""


async def test_nothing_is_shipped_before_a_checkpoint_knows_every_sink(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A sink that was added lately has no older checkpoint to go back to: all came twice."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-1, "a"))
    one, two = (
        f'[sinks.{name}]\ntype = "file"\npath = "{path}"\n'
        for name, path in (("merged", OUTPUT), ("more", "/out/more.log"))
    )
    async with running(disk, config(sinks=one)):
        await trio.sleep(10)
    disk.append("/logs/a.log", line(0, "b"))
    disk.fail("replace", CHECKPOINT, error=errno.ENOSPC, times=1)
    with pytest.raises(CheckpointError, match="first checkpoint"):
        await run_once(disk, config(sinks=one + two, follow=False))
    assert disk.read("/out/more.log") == b""
    for _ in range(2):
        await run_once(disk, config(sinks=one + two, follow=False))
    assert disk.read("/out/more.log") == line(0, "b")
    assert disk.read(OUTPUT) == line(-1, "a") + line(0, "b")


@pytest.mark.parametrize("is_removed", [True, False])
async def test_nothing_is_shipped_to_a_new_output_before_a_checkpoint_knows_it(
    autojump_clock: trio.testing.MockClock, *, is_removed: bool
) -> None:
    """What was begun where the old output is gone, or cannot be opened, came twice."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-1, "a"))
    await run_once(disk, config(follow=False))
    old = f"{OUTPUT}.1"
    disk.rename(OUTPUT, old)
    if is_removed:
        disk.remove(old)
    disk.fail("open", old, error=errno.EACCES)
    disk.append("/logs/a.log", line(0, "b"))
    disk.fail("replace", CHECKPOINT, error=errno.ENOSPC)
    with pytest.raises(CheckpointError, match="first checkpoint"):
        await run_once(disk, config(follow=False))
    for _ in range(2):
        await run_once(disk, config(follow=False))
    assert disk.read(OUTPUT) == line(0, "b")
    assert is_removed or disk.read(old) == line(-1, "a")


async def test_c08_nothing_is_shipped_before_a_checkpoint_knows_which_source_has_a_file(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A source that could not save that it was renamed gets its name back: all came twice."""
    disk = new_disk()
    settings = config(follow=False)
    renamed = attrs.evolve(settings, sources={"web": settings.sources["app"]})
    disk.write("/logs/a.log", line(0, "a 0"))
    await run_once(disk, settings)
    disk.rename("/logs/a.log", "/logs/a.log.1")
    disk.write("/logs/a.log", line(1, "a 1"))
    disk.fail("replace", CHECKPOINT, error=errno.EROFS, times=None)
    with pytest.raises(CheckpointError, match="first checkpoint"):
        await run_once(disk, renamed)
    disk.heal()
    await run_once(disk, settings)
    assert output_lines(disk) == ["a 0", "a 1"]


async def test_d08_a_failed_fsync_stops_the_checkpoint_until_written_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After a failed fsync of the output its bytes are written again before the next save."""
    disk = new_disk()
    disk.write("/logs/a.log", b"")
    async with running(disk, config(interval=5)):
        await trio.sleep(1)
        before = disk.read(CHECKPOINT)
        disk.append("/logs/a.log", now_line("one"))
        disk.fail("fsync", OUTPUT, error=errno.EIO, times=1)
        await trio.sleep(5)
        assert disk.read(CHECKPOINT) == before
        mark = len(disk.calls)
        await trio.sleep(5)
        again = [call.name for call in disk.calls[mark:] if call.path == OUTPUT]
        assert again.index("pwrite") < again.index("fsync")
        assert disk.read(CHECKPOINT) != before


async def test_c11_a_save_slower_than_the_interval_does_not_pile_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Where every hop takes longer than the interval, saves follow one another."""
    disk = new_disk(SlowDisk(3.0))
    disk.write("/logs/a.log", b"")
    async with running(disk, config(interval=0.5)):
        for number in range(30):
            disk.append("/logs/a.log", now_line(number))
            await trio.sleep(1)
        await trio.sleep(60)
    assert output_lines(disk) == [str(number) for number in range(30)]
    assert saves(disk) < 60


@pytest.mark.parametrize("hops", range(1, 12))
async def test_c10_a_cancelled_pipeline_leaves_a_whole_checkpoint(
    autojump_clock: trio.testing.MockClock, hops: int
) -> None:
    """Cancelled after any number of scheduler steps, what is saved is whole and true."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-5, "a") + line(-4, "b"))
    with trio.CancelScope() as scope:
        async with running(disk, config(interval=0.001)):
            await trio.sleep(0.3)
            disk.append("/logs/a.log", now_line("c"))
            for _ in range(hops):
                await trio.lowlevel.checkpoint()
            scope.cancel()
            await trio.lowlevel.checkpoint()
    saved = tomllib.loads(disk.read(CHECKPOINT).decode())
    assert saved["sinks"]["merged"]["offset"] == len(disk.read(OUTPUT))
    async with running(disk, config()):
        await trio.sleep(10)
    assert output_lines(disk) == ["a", "b", "c"]

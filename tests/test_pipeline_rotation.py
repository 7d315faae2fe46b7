"""Files that are renamed, cut, replaced and removed while they are followed."""

from __future__ import annotations

import errno

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs, following, reusing
from memory_disk import MemoryDisk
from pipeline_helpers import OUTPUT, config, line, new_disk, of_file, output_lines, running


async def test_r01_an_unfinished_line_waits_for_its_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A line that is written byte by byte is one record, and its position stays before it."""
    async with following() as logs:
        text = line(trio.current_time(), "app hello world")
        for place in range(len(text)):
            logs.disk.append(LOG, text[place : place + 1])
            await trio.sleep(0.15)
            assert logs.disk.read(OUTPUT) == b""
            assert all(p.offset == 0 for p in logs.pipeline.snapshot.positions.values())
        logs.written.append("app hello world")


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
@pytest.mark.parametrize("disk", [MemoryDisk, reusing])
async def test_r09_lines_written_to_the_old_file_after_a_rename(
    autojump_clock: trio.testing.MockClock, disk: type[MemoryDisk], paths: str
) -> None:
    """What is written to a renamed file comes before the new file, under whatever name."""
    async with following(config(paths=paths), disk()) as logs:
        for turn in range(4):
            for number in range(3):
                logs.put(f"app {turn} {number}")
                await trio.sleep(0.17)
            logs.disk.rename(LOG, f"{LOG}.1")
            logs.put(f"app {turn} after", path=f"{LOG}.1")
            await trio.sleep(0.3)
            logs.put(f"app {turn} later", path=f"{LOG}.1")


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
@pytest.mark.parametrize("pause", [0.5, 1.7, 20, 200])
async def test_r09_a_writer_that_never_opens_its_log_again(
    autojump_clock: trio.testing.MockClock, pause: float, paths: str
) -> None:
    """A program that goes on writing to its renamed log, now and then, loses nothing."""
    async with following(config(paths=paths)) as logs:
        logs.put("old 0")
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        for number in range(1, 4):
            await trio.sleep(pause)
            logs.put(f"old {number}", path=f"{LOG}.1")
        await trio.sleep(pause)
        logs.put("new 0")
        for number in range(4, 6):
            await trio.sleep(pause)
            logs.put(f"old {number}", path=f"{LOG}.1")
            logs.put(f"new {number}")


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
@pytest.mark.parametrize("disk", [MemoryDisk, reusing])
async def test_r11_several_rotations_between_two_polls(
    autojump_clock: trio.testing.MockClock, disk: type[MemoryDisk], paths: str
) -> None:
    """Generations that came and were renamed between two looks are read, in their order."""
    async with following(config(paths=paths), disk()) as logs:
        for turn in range(3):
            logs.put(f"app {turn} seen")
            await trio.sleep(1.03)
            for generation in range(3):
                logs.put(f"app {turn} {generation}")
                for number in (3, 2, 1):
                    if logs.disk.exists(f"{LOG}.{number}"):
                        logs.disk.rename(f"{LOG}.{number}", f"{LOG}.{number + 1}")
                logs.disk.rename(LOG, f"{LOG}.1")
                await trio.sleep(0.001)
            await trio.sleep(0.5)


async def test_r15_copytruncate(autojump_clock: trio.testing.MockClock) -> None:
    """A log that was copied and truncated is read from its beginning."""
    async with following() as logs:
        for turn in range(3):
            logs.put(*(f"app {turn} {number}" for number in range(5)))
            await trio.sleep(1.03)
            logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
            logs.disk.truncate(LOG)
            await trio.sleep(0.5)


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
async def test_r15_what_was_not_read_before_a_truncation_is_read_from_the_copy(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """Lines between the last look and the truncation come from the copy, once."""
    async with following(config(paths=paths)) as logs:
        for turn in range(3):
            logs.put(f"app {turn} 0")
            await trio.sleep(1.03)
            logs.put(f"app {turn} 1")
            logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
            logs.disk.truncate(LOG)
            await trio.sleep(2.5)


async def test_r16_copytruncate_under_a_fast_writer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A log that is longer than before when its truncation is seen starts at 0 all the same."""
    async with following() as logs:
        for turn in range(3):
            logs.put(f"app {turn} 0", f"app {turn} 1")
            await trio.sleep(1.03)
            logs.put(f"app {turn} 2")
            logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
            logs.disk.truncate(LOG)
            logs.put(*(f"app {turn} {number}" for number in range(3, 13)))
            await trio.sleep(2.5)


async def test_r18_an_inode_that_is_used_again(autojump_clock: trio.testing.MockClock) -> None:
    """A file that is removed and made anew with the same inode is read from its beginning."""
    async with following(disk=reusing()) as logs:
        inodes = set()
        for turn in range(3):
            logs.put(f"app {turn} 0", f"app {turn} 1")
            inodes.add(logs.disk.stat(LOG).inode)
            await trio.sleep(2)
            logs.disk.remove(LOG)
            await trio.sleep(400)
        assert len(inodes) == 1


async def test_r18_removed_and_made_anew_between_two_polls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What the held descriptor still gives comes first, then the new file."""
    async with following(disk=reusing()) as logs:
        for turn in range(5):
            logs.put(f"app {turn} 0")
            await trio.sleep(1.03)
            logs.put(f"app {turn} 1")
            logs.disk.remove(LOG)
            logs.put(f"app {turn} 2", f"app {turn} 3")
            await trio.sleep(0.3)


async def test_r20_a_short_file_grows_byte_by_byte(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A file that grows past the length of its fingerprint stays the same file."""
    async with following(config(interval=1)) as logs:
        text = b"".join(line(n, f"app {n} {'y' * 120}") for n in range(12))
        for place in range(0, len(text), 7):
            logs.disk.append(LOG, text[place : place + 7])
            await trio.sleep(0.1)
        logs.written += [f"app {n} {'y' * 120}" for n in range(12)]
    assert len(logs.pipeline.snapshot.files) == 1


async def test_r21_a_hard_link_is_read_once(autojump_clock: trio.testing.MockClock) -> None:
    """One file under two names is read once, and is followed when a name goes away."""
    async with following() as logs:
        logs.put("app 0")
        logs.disk.hard_link(LOG, "/logs/zoo.log")
        await trio.sleep(2)
        logs.put("app 1", path="/logs/zoo.log")
        await trio.sleep(2)
        logs.disk.remove(LOG)
        await trio.sleep(2)
        logs.put("app 2", path="/logs/zoo.log")


async def test_r21_a_file_and_a_symlink_to_it(autojump_clock: trio.testing.MockClock) -> None:
    """A log and a symbolic link to it, both matched, are read once."""
    async with following() as logs:
        logs.disk.symlink(LOG, "/logs/current.log")
        for number in range(4):
            logs.put(f"app {number}")
            await trio.sleep(1)


async def test_r22_a_symlink_is_pointed_elsewhere(autojump_clock: trio.testing.MockClock) -> None:
    """The old target of a link is read to its end, then the new one begins."""
    async with following(config(paths='["/logs/current.log"]')) as logs:
        logs.disk.symlink("/data/0", "/logs/current.log")
        for turn in range(3):
            logs.put(f"app {turn} 0", path=f"/data/{turn}")
            await trio.sleep(1.03)
            logs.put(f"app {turn} 1", path=f"/data/{turn}")
            logs.disk.remove("/logs/current.log")
            logs.disk.symlink(f"/data/{turn + 1}", "/logs/current.log")
            logs.put(f"app {turn} 2", path=f"/data/{turn}")


@pytest.mark.parametrize("disk", [MemoryDisk, reusing])
async def test_r23_replaced_by_a_rename_over_it(
    autojump_clock: trio.testing.MockClock, disk: type[MemoryDisk]
) -> None:
    """A log that another file was renamed over is finished first."""
    async with following(disk=disk()) as logs:
        for turn in range(4):
            logs.put(f"app {turn} 0")
            await trio.sleep(1.03)
            logs.put(f"app {turn} 1")
            logs.written.append(f"app {turn} 2")
            logs.disk.write("/logs/.tmp", line(trio.current_time(), f"app {turn} 2"))
            logs.disk.rename("/logs/.tmp", LOG)
            await trio.sleep(0.3)


@pytest.mark.parametrize("call", ["open", "stat", "preadv"])
async def test_r25_permission_denied_on_one_file(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    """A file that may not be read is named once and read when it may be; others go on."""
    disk = MemoryDisk()
    disk.fail(call, "/logs/secret.log", error=errno.EACCES, times=None)
    async with following(disk=disk) as logs:
        for number in range(5):
            logs.put(f"app {number}")
            logs.put(f"secret {number}", path="/logs/secret.log")
            await trio.sleep(1)
        await trio.sleep(1.5)
        assert of_file(output_lines(disk), "app") == of_file(logs.written, "app")
        assert of_file(output_lines(disk), "secret") == []
        said = [record for record in caplog.records if "permission denied" in record.message]
        assert len(said) == 1
        disk.heal()
        await trio.sleep(40)


async def test_r26_an_error_in_the_middle_of_a_file(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A read error is said once, tried again with pauses, and loses or doubles nothing."""
    async with following() as logs:
        logs.put("app 0", "app 1")
        logs.put("other 0", path="/logs/other.log")
        await trio.sleep(1)
        logs.disk.fail("preadv", LOG, times=6)
        before = logs.disk.count("preadv", LOG)
        for number in range(2, 10):
            logs.put(f"app {number}")
            logs.put(f"other {number}", path="/logs/other.log")
            await trio.sleep(1)
        assert "other 6" in output_lines(logs.disk)
        await trio.sleep(30)
        assert logs.disk.count("preadv", LOG) - before < 20
        assert sum("cannot be read" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("call", ["fstat", "open", "pread", "scandir", "stat"])
async def test_r26_an_error_while_a_file_is_rotated(
    autojump_clock: trio.testing.MockClock, call: str
) -> None:
    """A look that fails while a log changes hands ends nothing; the next one looks again."""
    async with following() as logs:
        for turn in range(3):
            logs.put(f"app {turn} 0")
            await trio.sleep(1.03)
            logs.disk.fail(call, "/logs*", times=2, after=turn)
            logs.put(f"app {turn} 1")
            logs.disk.rename(LOG, f"{LOG}.{turn}")
            logs.put(f"app {turn} 2")
            await trio.sleep(4)
            logs.disk.heal()


async def test_r28_files_that_are_closed_for_want_of_descriptors(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Too few descriptors for all files close quiet ones; a rotation meanwhile loses nothing."""
    disk = MemoryDisk()
    async with following(disk=disk) as logs:
        logs.pipeline._sources.readers[0]._chains._keep = 3
        for turn in range(3):
            for number in range(12):
                logs.put(f"f{number} {turn}", path=f"/logs/f{number}.log")
            await trio.sleep(2)
            disk.rename(f"/logs/f{turn}.log", f"/logs/f{turn}.log.1")
            logs.put(f"f{turn} {turn} after", path=f"/logs/f{turn}.log.1")
            await trio.sleep(1)


async def test_r28_no_descriptor_left_for_a_new_file(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A file that could not be opened for want of descriptors is read when there are some."""
    disk = MemoryDisk()
    async with following(disk=disk) as logs:
        logs.put("app 0")
        await trio.sleep(1)
        disk.fail("open", "/logs/new.log", error=errno.EMFILE, times=None)
        logs.put("new 0", "new 1", path="/logs/new.log")
        await trio.sleep(5)
        disk.heal()
        await trio.sleep(40)


async def test_r33_r34_start_at_the_end(autojump_clock: trio.testing.MockClock) -> None:
    """Only files present at the very first start begin at their end; the end is saved at once."""
    settings = config(source='start = "end"')
    disk = new_disk()
    disk.write(LOG, line(-5, "app before") * 3)
    disk.write("/logs/half.log", line(-5, "half before") + b"half a li")
    logs = Logs(disk)
    with trio.move_on_after(0.05):
        async with running(disk, settings):
            await trio.sleep_forever()
    logs.put("app while down")
    async with running(disk, settings):
        logs.put("app 1")
        logs.put("new 0", "new 1", path="/logs/new.log")
        disk.append("/logs/half.log", b"ne\n")
        await trio.sleep(3)
    found = output_lines(disk)
    assert of_file(found, "app") == ["app while down", "app 1"]
    assert of_file(found, "new") == ["new 0", "new 1"]
    assert len(found) == 5


async def test_new_files_are_found_while_running(autojump_clock: trio.testing.MockClock) -> None:
    """Files and folders that appear later are read from their beginning."""
    async with following(config(paths='["/logs/**/*.log"]')) as logs:
        for number in range(4):
            folder = "/logs" + f"/d{number}" * (number % 3)
            logs.put(f"n{number} a", f"n{number} b", path=f"{folder}/n{number}.log")
            await trio.sleep(0.7)
            logs.put(f"n{number} c", path=f"{folder}/n{number}.log")


async def test_r11_a_log_that_comes_and_goes_unseen_leaves_the_same_names(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Other files stand under them: the time of the folder tells, and no new log is waited for."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        await trio.sleep(3)
        logs.disk.remove(f"{LOG}.1")
        logs.put("app 1")
        logs.disk.rename(LOG, f"{LOG}.1")

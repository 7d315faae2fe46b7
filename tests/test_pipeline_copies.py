"""Logs that are copied, cut, removed and refused between two looks: what a simulation found.

Everything happens between two looks of the watcher, so no `await` stands between.
"""

from __future__ import annotations

import errno
import gzip

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs, copy_and_cut, following, pack
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    config,
    line,
    new_disk,
    output_lines,
    run_once,
    running,
    until_death,
)

from trio_ship.errors import SourceError


async def let_one_pass(logs: Logs) -> None:
    """Rotate a log twice between two looks: the file between is `LOG.1` when it is first seen."""
    logs.put("app 0")
    await trio.sleep(1)
    logs.disk.rename(LOG, f"{LOG}.2")
    logs.put("app 1")
    logs.disk.rename(LOG, f"{LOG}.1")
    logs.put("app 2")


class VanishingDisk(MemoryDisk):
    """A disk from which a log is removed as soon as nobody has it open."""

    vanishing = ""

    def close(self, fd: int) -> None:
        """See `Filesystem.close`."""
        path = self._opened[fd].path
        super().close(fd)
        if path == self.vanishing and self.exists(path):
            self.remove(path)


async def test_a_log_that_is_copied_and_cut_after_its_folder_was_listed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One listing serves all logs of a look; a log cut behind it waits for the next one."""
    first, second = "/logs/a.log", "/logs/b.log"
    async with following() as logs:
        logs.put("first 0", path=first)
        logs.put("second 0", path=second)
        await trio.sleep(1)
        copy_and_cut(logs.disk, f"{first}.1", of=first)
        logs.put("first 1", path=first)
        logs.put("second 1", path=second)
        cut: list[Call] = []

        def rotate(call: Call) -> None:
            if call.name == "pread" and call.path == second and not cut:
                cut.append(call)
                copy_and_cut(logs.disk, f"{second}.1", of=second)
                logs.put("second 2", path=second)

        logs.disk.on_call = rotate
        await trio.sleep(1)
        assert cut


async def test_a_log_that_was_cut_and_is_removed_while_it_is_looked_at(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The descriptor that was open all the time leads to what the log holds now."""
    disk = VanishingDisk()
    async with following(disk=disk) as logs:
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        copy_and_cut(disk)
        logs.put(*(f"app {number} and more" for number in range(2, 9)))
        disk.vanishing = LOG


async def test_a_log_that_was_copied_cut_and_made_anew_between_two_looks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The copy holds what was read; the descriptor leads to what was written behind the cut."""
    async with following() as logs:
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        copy_and_cut(logs.disk)
        logs.put(*(f"app {number} and more" for number in range(2, 9)))
        logs.disk.remove(LOG)
        logs.put("app 9")


async def test_an_empty_log_that_was_filled_copied_and_cut_between_two_looks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A log may be empty at both looks, and its copy holds what came between."""
    async with following() as logs:
        logs.disk.append(LOG, b"")
        await trio.sleep(1)
        for turn in range(3):
            logs.put(f"app {turn}", f"app {turn} again")
            copy_and_cut(logs.disk, f"{LOG}.{3 - turn}")
            await trio.sleep(1)


@pytest.mark.parametrize("cut_in_seconds", [0, 0.1])
async def test_r15_an_empty_log_that_is_filled_and_copied_between_two_looks(
    autojump_clock: trio.testing.MockClock, cut_in_seconds: float
) -> None:
    """The look finds the copy before the log is cut, or the log is cut while it lists the copy."""
    async with following() as logs:
        disk, copy = logs.disk, f"{LOG}.1"
        disk.append(LOG, b"")
        await trio.sleep(1.05)
        logs.put("app 0")
        disk.write(copy, disk.read(LOG))

        def cut(call: Call | None = None) -> None:
            if call is None or call == Call("stat", copy):
                disk.on_call = None
                disk.truncate(LOG)
                logs.put("app 1", "app 2")

        if cut_in_seconds:
            await trio.sleep(cut_in_seconds)
            cut()
        else:
            disk.on_call = cut
            await trio.sleep(0.1)
        pack(disk, copy)
        await trio.sleep(3)


async def test_copies_made_before_the_first_look_are_not_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An empty log whose copy is as old as itself was cut before anybody followed it."""
    disk = new_disk()
    disk.append(LOG, line(0, "old"))
    copy_and_cut(disk)
    async with following(disk=disk) as logs:
        await trio.sleep(1)
        logs.put("app 0")
        await trio.sleep(1)


@pytest.mark.parametrize("times", [1, 3])
async def test_a_renamed_log_that_cannot_be_asked_once(
    autojump_clock: trio.testing.MockClock, times: int
) -> None:
    """A status that fails while nothing is to be read holds up nothing for ever."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        await trio.sleep(0.5)
        logs.put("app 1")
        await trio.sleep(0.2)
        logs.disk.fail("fstat", f"{LOG}*", error=errno.EIO, times=times)
        await trio.sleep(3)


async def test_a_file_that_passed_unseen_is_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """No descriptor is left for a moment: the files behind wait, so that a death loses nothing."""
    async with following() as logs:
        await let_one_pass(logs)
        logs.disk.fail("open", f"{LOG}.1", error=errno.EMFILE, times=2)
        await trio.sleep(0.5)
        assert output_lines(logs.disk) == ["app 0"]
        await trio.sleep(3)


async def test_a_file_that_passed_unseen_and_stays_closed_to_us(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One that can never be opened does not hold up the log for ever."""
    async with following() as logs:
        await let_one_pass(logs)
        logs.disk.fail("open", f"{LOG}.1", error=errno.EIO, times=None)
        await trio.sleep(30)
        assert output_lines(logs.disk) == ["app 0", "app 2"]
        logs.disk.heal()
        logs.written.remove("app 1")
        logs.written.append("app 1")


async def test_a_copy_is_not_new_while_nobody_can_look_for_its_log(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After a restart a pattern finds the copy first; whose copy it is shows later."""
    disk = new_disk()
    settings = config(paths=EVERY_NAME)
    async with running(disk, settings):
        disk.append(LOG, line(0, "app 0"))
        await trio.sleep(3)
    copy_and_cut(disk)
    disk.fail("open", LOG, error=errno.EACCES, times=2)
    async with following(settings, disk) as logs:
        logs.written.append("app 0")
        await trio.sleep(2)
        logs.put("app 1")


@pytest.mark.parametrize("folder", ["/logs", "/"])
async def test_r25_a_log_is_not_gone_while_its_folder_cannot_be_listed(
    autojump_clock: trio.testing.MockClock, folder: str
) -> None:
    """After a restart it waits: it was neither renamed, nor is it the first file of its chain."""
    settings = config(paths='["/log?/*.log"]')
    async with following(settings) as logs:
        logs.disk.append(LOG, b"")
        await trio.sleep(1)
    logs.put("app 0")
    copy_and_cut(logs.disk)
    logs.disk.append(LOG, line(trio.current_time(), "app 1")[:-1])
    logs.disk.fail("scandir", folder, error=errno.EACCES, times=2)
    async with running(logs.disk, settings):
        await trio.sleep(3)
        logs.written.append("app 1 and its end")
        logs.disk.append(LOG, b" and its end\n")
        await trio.sleep(3)
    logs.check()


async def test_a_folder_that_cannot_be_listed_fails_a_run(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What a one-shot run could not look at it names, and its status tells."""
    disk = new_disk()
    disk.append(LOG, line(0, "app 0"))
    disk.append("/other/a.log", line(0, "other 0"))
    disk.fail("scandir", "/other", error=errno.EACCES, times=None)
    settings = config(follow=False, paths='["/logs/*.log", "/other/*.log"]')
    with pytest.raises(SourceError, match="/other: permission denied"):
        await run_once(disk, settings)
    assert output_lines(disk) == ["app 0"]


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_log_finished_before_the_one_before_it_was_compressed(
    autojump_clock: trio.testing.MockClock,
    is_killed: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """A compressed form that bears the time of compressing is younger than the file after it.

    It may be read to its end, and we killed, before that file could be opened.
    """
    disk = new_disk()
    async with following(disk=disk) as logs:
        logs.put("app 0")
    logs.put("app 1")
    disk.rename(LOG, f"{LOG}.1")
    logs.put("app 2")
    await trio.sleep(5)
    disk.write(f"{LOG}.2.gz", gzip.compress(disk.read(f"{LOG}.1")))
    disk.remove(f"{LOG}.1")
    disk.rename(LOG, f"{LOG}.1")
    logs.put("app 3")
    if is_killed:
        disk.fail("open", f"{LOG}.1", error=errno.EMFILE, times=None)
        async with until_death(disk, config(interval=1)):
            await trio.sleep(8)
            assert output_lines(disk) == ["app 0", "app 1"]
            disk.die_after(0)
        disk.heal()
    async with running(disk, config()):
        await trio.sleep(5)
    assert output_lines(disk) == logs.written


@pytest.mark.parametrize(
    ("call", "path"), [("unlink", "/etc/ship/.ship*"), ("fsync_folder", "/etc/ship")]
)
async def test_a_start_that_cannot_save_is_as_exact_as_any(
    autojump_clock: trio.testing.MockClock, call: str, path: str
) -> None:
    """The journal of the run before goes on, so a kill moves no byte of the output."""
    disk = new_disk()
    async with running(disk, config()):
        disk.append(LOG, line(0, "app 0"))
        await trio.sleep(3)
    # Each start makes a file first to see whether it could save.
    disk.fail(call, path, error=errno.EROFS, times=None, after=call == "unlink")
    disk.fail("preadv", LOG, times=3)
    async with until_death(disk, config()):
        await trio.sleep(1)
        disk.append(LOG, line(trio.current_time(), "app 1"))
        disk.append("/logs/other.log", line(trio.current_time(), "other 0"))
        await trio.sleep(10)
        disk.die_after(0)
    disk.heal()
    assert output_lines(disk) == ["app 0", "other 0", "app 1"]
    async with running(disk, config()):
        await trio.sleep(3)
    assert output_lines(disk) == ["app 0", "other 0", "app 1"]
    assert [name for name in disk.names("/out") if "cut" in name] == []


async def test_a_doubt_that_fails_halfway_doubles_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The copy of a log was found, what lies behind it could not be listed: the copy stays one."""
    async with following() as logs:
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        copy_and_cut(logs.disk)
        logs.put(*(f"app {number} and more" for number in range(2, 9)))
        logs.disk.fail("scandir", "/logs", error=errno.EIO, times=4, after=3)
        await trio.sleep(3)


@pytest.mark.parametrize("later", [1, 2])
async def test_r15_a_short_log_that_is_written_while_it_is_copied_and_cut_later(
    autojump_clock: trio.testing.MockClock, later: int
) -> None:
    """Its copy lacks the last lines, of which its fingerprint was made too; it stays a copy."""
    async with following() as logs:
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
        logs.put(*(f"app {2 + number}" for number in range(later)))
        await trio.sleep(3)
        logs.disk.truncate(LOG)
        logs.put("app 9")
        await trio.sleep(8)


async def test_r14_the_copy_of_a_log_that_is_cut_later_takes_a_name_that_is_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Under each name stood a file that was read before; what comes is a copy all the same."""
    async with following(config(paths=EVERY_NAME)) as logs:
        logs.put("another 0")
        copy_and_cut(logs.disk)
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        logs.disk.rename(f"{LOG}.1", f"{LOG}.2")
        logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
        await trio.sleep(1)
        logs.disk.truncate(LOG)
        logs.put("app 2")


async def test_r14_a_log_that_is_copied_and_cut_while_it_is_looked_at(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The copy is seen and the cut is not: what became of the log says what the copy is."""
    async with following(config(paths=EVERY_NAME)) as logs:
        logs.put("app 0")
        await trio.sleep(0.5)
        disk, copy, is_cut = logs.disk, f"{LOG}.1", trio.Event()
        disk.write(copy, disk.read(LOG))

        def cut(call: Call) -> None:
            if call.name == "stat" and call.path == copy and not is_cut.is_set():
                is_cut.set()
                disk.truncate(LOG)
                logs.put("app 1", "app 2")

        disk.on_call = cut
        await is_cut.wait()
        await trio.sleep(0.05)
        pack(disk, copy)
        await trio.sleep(3)

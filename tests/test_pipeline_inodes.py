"""Names and inodes that say less than they seem to: what a simulation found.

Between two looks of the watcher a file may get a second name, lose its content,
or leave its inode to another. No `await` stands between such steps.
"""

from __future__ import annotations

import errno
import gzip

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs, copy_and_cut, follow_for, following, pack, reusing
from memory_disk import Call
from pipeline_helpers import config, line, new_disk, running


def point(logs: Logs, target: str, *texts: str) -> None:
    """Write a new file and let the log's name lead to it."""
    logs.put(*texts, path=target)
    logs.disk.symlink(target, "/logs/.link")
    logs.disk.rename("/logs/.link", LOG)


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
async def test_r22_a_link_that_is_rotated_beside_its_target(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """A file that came and lost the log's name unseen stands there under two others."""
    async with following(config(paths=paths)) as logs:
        logs.put("app 0")
        await trio.sleep(1)
        point(logs, f"{LOG}-20261123", "app 1", "app 2")
        logs.disk.rename(LOG, f"{LOG}.1")
        logs.put("app 3")
        await trio.sleep(1)


async def test_r22_a_linked_log_that_cannot_be_opened_is_not_a_rotated_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The other name of a live log does not make an old file of it, whose last line is whole."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(1)
        logs.disk.fail("open", LOG, error=errno.EMFILE, times=8)
        point(logs, f"{LOG}-20261123", "app 1")
        text = line(trio.current_time(), "app 2")
        logs.disk.append(LOG, text[:-4])
        await trio.sleep(8)
        logs.disk.append(LOG, text[-4:])
        logs.written.append("app 2")
        await trio.sleep(3)


@pytest.mark.parametrize("down", [False, True])
async def test_r18_the_inode_of_an_empty_log_is_used_again(
    autojump_clock: trio.testing.MockClock, *, down: bool
) -> None:
    """Every file begins like an empty one: that it has the inode of one says nothing."""
    logs = Logs(new_disk(reusing()))
    async with running(logs.disk, config()):
        logs.put("app 0")
        await trio.sleep(1)
        copy_and_cut(logs.disk)
        await trio.sleep(1)
        logs.disk.remove(LOG)
        logs.disk.write("/logs/.other", b"takes no inode of a log")
        await trio.sleep(200)
        logs.disk.remove("/logs/.other")
        if not down:
            logs.put("app 1", "app 2")
            logs.disk.rename(LOG, f"{LOG}.2")
            logs.put("app 3")
            await trio.sleep(3)
    if down:
        logs.put("app 1", "app 2")
        logs.disk.rename(LOG, f"{LOG}.2")
        logs.put("app 3")
    await follow_for(logs.disk, 5)
    await follow_for(logs.disk, 5)
    logs.check()


@pytest.mark.parametrize("name", ["other.log", "other.log.1.gz"])
async def test_r18_another_log_has_the_inode_of_an_empty_one(
    autojump_clock: trio.testing.MockClock, name: str
) -> None:
    """A file with the inode of one that was empty is read, and goes on as itself."""
    logs = Logs(new_disk(reusing()))
    settings = config(paths='["/logs/*.log", "/logs/*.gz"]')
    async with running(logs.disk, settings):
        logs.put("app 0")
        await trio.sleep(1)
        copy_and_cut(logs.disk)
        await trio.sleep(1)
        inode = logs.disk.stat(LOG).inode
        logs.disk.remove(LOG)
        await trio.sleep(200)
        text = line(trio.current_time(), "other 0")
        logs.disk.write(f"/logs/{name}", gzip.compress(text) if name.endswith(".gz") else text)
        logs.written.append("other 0")
        assert logs.disk.stat(f"/logs/{name}").inode == inode
        await trio.sleep(3)
    await follow_for(logs.disk, 5, settings)
    await follow_for(logs.disk, 5, settings)
    logs.check()


@pytest.mark.parametrize("more", [0, 30])
async def test_r18_a_file_that_was_not_open_is_made_anew_with_its_inode(
    autojump_clock: trio.testing.MockClock, more: int
) -> None:
    """Same name, same inode, more bytes: only what is in it tells that it is another file."""
    async with following(disk=reusing()) as logs:
        logs.pipeline._sources.readers[0]._chains._keep = 0
        logs.put("app 0", "app 1")
        await trio.sleep(3)
        inode = logs.disk.stat(LOG).inode
        logs.disk.remove(LOG)
        logs.put("app 2", "app 3", *(f"app more {number}" for number in range(more)))
        assert logs.disk.stat(LOG).inode == inode
        await trio.sleep(3)


async def test_r21_a_log_that_is_cut_while_its_second_name_is_looked_at(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A name that leads to an open file begins nothing, whatever the file holds by then."""
    async with following(config(paths=EVERY_NAME)) as logs:
        logs.put("app 0", "app 1")
        logs.disk.hard_link(LOG, "/logs/zoo.log")
        await trio.sleep(1)
        is_cut = False

        def cut(call: Call) -> None:
            nonlocal is_cut
            if call == Call("stat", "/logs/zoo.log") and not is_cut:
                is_cut = True
                logs.put("app 2")
                copy_and_cut(logs.disk)
                logs.put(*(f"app {number}" for number in range(3, 12)))

        logs.disk.on_call = cut
        await trio.sleep(3)
        assert is_cut


@pytest.mark.parametrize("cut", ["live", "twice", "down", "behind"])
async def test_r21_a_log_that_is_read_by_its_second_name_is_copied_and_cut(
    autojump_clock: trio.testing.MockClock, cut: str
) -> None:
    """The copy bears the name that could not be opened; what is in it is read once all the same."""
    other = "/logs/zoo.log"
    logs = Logs(new_disk())
    logs.put("app 0", "app 1")
    logs.disk.hard_link(LOG, other)
    logs.disk.fail("open", LOG, error=errno.EMFILE, times=1)
    async with running(logs.disk, config()) as pipeline:
        await trio.sleep(1)
        assert [entry.path for entry in pipeline.snapshot.files.values()] == [other]
        if cut == "live":
            logs.put("app 2")
            copy_and_cut(logs.disk)
            logs.put("app 3")
        elif cut == "twice":
            for turn in (2, 1):
                logs.put(f"app {4 - turn}", f"app {4 - turn} again")
                copy_and_cut(logs.disk, f"{LOG}.{turn}")
            logs.disk.append(f"{LOG}.old", line(trio.current_time(), "stranger 0"))
            logs.put("app 4")
        elif cut == "behind":
            logs.disk.write(f"{LOG}.1", logs.disk.read(LOG))
            await trio.sleep(0.1)
            logs.put("app 2")
            await trio.sleep(3)
            logs.disk.truncate(LOG)
            logs.put("app 3")
        await trio.sleep(8)
    if cut == "down":
        logs.put("app 2")
        copy_and_cut(logs.disk)
        await trio.sleep(1)
        logs.put("app 3")
    await follow_for(logs.disk, 5)
    await follow_for(logs.disk, 5)
    logs.check()


async def test_r21_a_log_is_cut_while_down_and_fails_once_at_the_next_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its second name begins nothing before anybody could say what became of the log."""
    disk = new_disk()
    logs = Logs(disk)
    logs.put("app 0", "app 1")
    disk.hard_link(LOG, "/logs/zoo.log")
    await follow_for(disk, 3)
    copy_and_cut(disk)
    logs.put(*(f"app {number} behind the cut" for number in range(2, 6)))
    disk.fail("open", LOG, error=errno.EIO, times=1)
    await follow_for(disk, 5)
    logs.check()


async def test_r12_a_compressed_form_that_is_renamed_while_it_is_compared(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Rotation goes on while a look asks what a compressed file holds."""
    packed = f"{LOG}.1.gz"
    async with following() as logs:
        logs.put("app 0", "app 1")
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        logs.put("app 2")
        await trio.sleep(2)
        opened = 0

        def rotate(call: Call) -> None:
            nonlocal opened
            opened += call == Call("open", packed)
            if opened == 2 and logs.disk.exists(packed):
                logs.disk.rename(packed, f"{LOG}.2.gz")

        logs.disk.on_call = rotate
        logs.disk.write(packed, gzip.compress(logs.disk.read(f"{LOG}.1"), mtime=0))
        logs.disk.remove(f"{LOG}.1")
        logs.disk.remove(LOG)
        logs.put("app 3")
        await trio.sleep(3)
        assert opened


@pytest.mark.parametrize("times", [1, 3])
async def test_r26_an_error_while_the_last_line_of_an_old_file_is_read(
    autojump_clock: trio.testing.MockClock, times: int
) -> None:
    """A line without its end in a file that nobody writes any more is asked for again."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(1)
        logs.disk.append(LOG, line(trio.current_time(), "app 1")[:-1])
        logs.written.append("app 1")
        await trio.sleep(1)
        logs.disk.rename(LOG, f"{LOG}.1")
        await trio.sleep(0.15)
        logs.disk.fail("preadv", f"{LOG}*", error=errno.EIO, times=times)
        await trio.sleep(30)


async def test_r12_a_file_that_is_compressed_between_listing_and_opening(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A file that passed unseen and is gone when it is opened may be there in another form."""
    passed = f"{LOG}-20261123"
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(1)

        def finish(call: Call) -> None:
            if call == Call("open", passed) and logs.disk.exists(passed):
                pack(logs.disk, passed)

        logs.disk.on_call = finish
        logs.disk.rename(LOG, f"{LOG}-20261122")
        logs.put("app 1", "app 2")
        logs.disk.rename(LOG, passed)
        logs.put("app 3")
        await trio.sleep(3)
        assert logs.disk.exists(f"{passed}.gz")


async def test_r18_a_file_that_passed_is_gone_and_the_log_has_its_inode(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is not taken for the one that was listed, and what came between is looked for."""
    async with following(disk=new_disk(reusing())) as logs:
        logs.put("app 0")
        await trio.sleep(1)
        gone = False

        def rotate(call: Call) -> None:
            nonlocal gone
            if call == Call("open", f"{LOG}.1") and not gone:
                gone, inode = True, logs.disk.stat(f"{LOG}.1").inode
                logs.disk.remove(f"{LOG}.1")
                logs.disk.rename(LOG, f"{LOG}.1")
                logs.put("app 2")
                assert logs.disk.stat(LOG).inode == inode

        logs.disk.on_call = rotate
        logs.disk.rename(LOG, f"{LOG}.3")
        logs.disk.append(LOG, line(trio.current_time(), "nobody saw this"))
        logs.disk.rename(LOG, f"{LOG}.1")
        logs.put("app 1")
        await trio.sleep(3)
        assert gone


@pytest.mark.parametrize("opened", [1, 2, 3])
async def test_r18_a_copy_is_compressed_and_its_inode_used_again_before_it_is_opened(
    autojump_clock: trio.testing.MockClock, opened: int
) -> None:
    """A new log that has the inode of what was seen is a log of its own."""
    logs = Logs(new_disk(reusing()))
    logs.put("app 0")
    await follow_for(logs.disk, 3)
    copy_and_cut(logs.disk, f"{LOG}.2")
    logs.put("app 1")
    copy_and_cut(logs.disk, f"{LOG}.1")
    logs.put("app 2")
    inode = logs.disk.stat(f"{LOG}.1").inode
    left = opened

    def compress(call: Call) -> None:
        nonlocal left
        if call.name != "open" or call.path != f"{LOG}.1":
            return
        left -= 1
        if not left:
            logs.disk.write(f"{LOG}.1.gz", gzip.compress(logs.disk.read(call.path)))
            logs.disk.remove(call.path)
            logs.put("web 0 is longer than what it takes the inode of", path="/logs/web.log")
            assert logs.disk.stat("/logs/web.log").inode == inode

    logs.disk.on_call = compress
    await follow_for(logs.disk, 8)
    assert left <= 0
    logs.check()

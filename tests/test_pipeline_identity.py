"""Who is who: logs that look like one another, and logs that come back as somebody else."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs, follow_for, following, reusing
from memory_disk import Call, MemoryDisk
from pipeline_helpers import OUTPUT, config, line, new_disk, output_lines, running, until_death

BANNER = b"".join(b"# welcome to the service, part %03d of its licence\n" % n for n in range(40))
"""What a service writes at the top of every log; longer than any fingerprint."""

BANNERED = config(source='multiline = "off"')


def said(caplog: pytest.LogCaptureFixture, *words: str) -> int:
    """Return how many messages hold all of some words."""
    return sum(all(word in record.message for word in words) for record in caplog.records)


def without_banner(disk: MemoryDisk) -> list[str]:
    """Return what was delivered beside banners."""
    return [text for text in output_lines(disk) if text.startswith("app")]


@pytest.mark.parametrize("more", [10, 40])
async def test_r16_a_banner_longer_than_the_fingerprint(
    autojump_clock: trio.testing.MockClock, more: int
) -> None:
    """A log that was cut and begins alike is told by the bytes in front of the position."""
    disk = new_disk()
    logs = Logs(disk)
    disk.write(LOG, BANNER)
    async with running(disk, BANNERED):
        for turn in range(3):
            logs.put(*(f"app {turn} {number}" for number in range(5)))
            await trio.sleep(2)
            disk.write(f"{LOG}.1", disk.read(LOG))
            disk.truncate(LOG)
            disk.append(LOG, BANNER)
            logs.put(*(f"app {turn} more {number}" for number in range(more)))
            await trio.sleep(2)
    assert without_banner(disk) == logs.written


async def test_r16_a_log_cut_and_written_on_just_before_a_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A truncation between the look at a log and its read does not deliver its middle."""
    disk = new_disk()
    logs = Logs(disk)
    disk.write(LOG, BANNER)

    def rotate(call: Call) -> None:
        if call.name == "preadv" and trio.current_time() > 2 and not disk.exists(f"{LOG}.1"):
            disk.write(f"{LOG}.1", disk.read(LOG))
            disk.truncate(LOG)
            disk.append(LOG, BANNER)
            logs.put(*(f"app after {number}" for number in range(20)))

    disk.on_call = rotate
    async with running(disk, BANNERED):
        logs.put("app 0", "app 1")
        await trio.sleep(2.5)
        logs.put("app 2", "app 3")
        await trio.sleep(5)
    assert disk.exists(f"{LOG}.1")
    assert without_banner(disk) == logs.written


@pytest.mark.parametrize("more", [1, 10, 40])
@pytest.mark.parametrize("banner", [b"", BANNER])
@pytest.mark.parametrize("copied", [True, False])
async def test_r17_truncated_while_down(
    autojump_clock: trio.testing.MockClock, more: int, banner: bytes, *, copied: bool
) -> None:
    """A log that was cut while nobody followed it is read from its beginning, its copy first."""
    disk = new_disk()
    logs = Logs(disk)
    disk.write(LOG, banner)
    async with running(disk, BANNERED):
        logs.put(*(f"app {number}" for number in range(10)))
        await trio.sleep(3)
    if copied:
        logs.put("app between")
        disk.write(f"{LOG}.1", disk.read(LOG))
    disk.truncate(LOG)
    disk.append(LOG, banner)
    logs.put(*(f"app after {number}" for number in range(more)))
    await follow_for(disk, 5, BANNERED)
    assert without_banner(disk) == logs.written


@pytest.mark.parametrize("down", [False, True])
async def test_r18_an_inode_and_a_banner_that_are_used_again(
    autojump_clock: trio.testing.MockClock, *, down: bool
) -> None:
    """A new file with the inode and the first bytes of a removed one is another file."""
    disk = new_disk(reusing())
    logs = Logs(disk)
    disk.write(LOG, BANNER)
    inode = disk.stat(LOG).inode
    async with running(disk, BANNERED):
        logs.put("app 0", "app 1")
        await trio.sleep(3)
        if not down:
            disk.remove(LOG)
            await trio.sleep(200)
            disk.write(LOG, BANNER)
            logs.put(*(f"app after {number}" for number in range(9)))
            await trio.sleep(3)
    if down:
        disk.remove(LOG)
        disk.write(LOG, BANNER)
        logs.put(*(f"app after {number}" for number in range(9)))
        await follow_for(disk, 5, BANNERED)
    assert disk.stat(LOG).inode == inode
    assert without_banner(disk) == logs.written


@pytest.mark.parametrize("down", [False, True])
async def test_r19_files_that_begin_alike(
    autojump_clock: trio.testing.MockClock, *, down: bool
) -> None:
    """Files with the same first bytes are all read: device and inode differ."""
    disk = new_disk()
    logs = Logs(disk)
    for number in range(2):
        disk.write(f"/logs/{number}.log", BANNER)
    async with running(disk, BANNERED):
        for number in range(2):
            logs.put(f"app {number} a", f"app {number} b", path=f"/logs/{number}.log")
        await trio.sleep(3)
        if not down:
            disk.write("/logs/2.log", BANNER)
            logs.put("app 2 a", path="/logs/2.log")
            await trio.sleep(3)
    if down:
        disk.write("/logs/2.log", BANNER)
        logs.put("app 2 a", path="/logs/2.log")
        await follow_for(disk, 5, BANNERED)
    assert output_lines(disk).count("welcome to the service, part 007 of its licence") == 3
    assert sorted(without_banner(disk)) == sorted(logs.written)


@pytest.mark.parametrize("way", ["moved", "removed"])
async def test_r13_a_log_that_leaves_every_folder(
    autojump_clock: trio.testing.MockClock, way: str
) -> None:
    """What its open descriptor still gives is delivered."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(2.03)
        logs.put("app 1")
        if way == "moved":
            logs.disk.mkdir("/archive")
            logs.disk.rename(LOG, "/archive/app.log")
            await trio.sleep(0.5)
            logs.put("app 2", path="/archive/app.log")
        else:
            logs.disk.remove(LOG)
        await trio.sleep(2)
        logs.put("app 3")


async def test_r13_a_log_that_left_while_down(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The loss is said with the path and the byte behind which it lies; the others go on."""
    disk = new_disk()
    logs = Logs(disk)
    async with running(disk, config()):
        logs.put("app 0")
        await trio.sleep(3)
    size = len(disk.read(LOG))
    logs.put("app lost")
    disk.mkdir("/archive")
    disk.rename(LOG, "/archive/app.log")
    logs.put("app 1")
    await follow_for(disk, 4)
    assert output_lines(disk) == ["app 0", "app 1"]
    assert said(caplog, LOG, f"after byte {size}") == 1


async def test_r13_what_was_lost_while_down_is_said_at_one_start(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Once its file was missed, nothing is news about it."""
    disk = new_disk()
    disk.append(LOG, line(trio.current_time(), "app 0"))
    await follow_for(disk, 3)
    disk.remove(LOG)
    await follow_for(disk, 3)
    assert said(caplog, LOG, "is gone") == 1
    caplog.clear()
    await follow_for(disk, 3)
    assert said(caplog, LOG, "is gone") == 0


async def test_r13_a_log_that_was_deleted_while_it_was_followed_is_not_missed(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Within an hour that is known, and no later start says that it is gone."""
    async with following() as logs:
        logs.put("app 0")
        await trio.sleep(3)
        logs.disk.remove(LOG)
        await trio.sleep(4000)
    await follow_for(logs.disk, 3)
    assert said(caplog, LOG, "is gone") == 0
    logs.put("app 1")
    await follow_for(logs.disk, 3)
    logs.check()


async def test_r21_two_sources_that_claim_one_file(autojump_clock: trio.testing.MockClock) -> None:
    """Each source reads it for itself, also after a restart."""
    more = '[sources.other]\ntype = "file"\npaths = ["/logs/app*"]\n'
    settings = config(source=more)
    disk = new_disk()
    logs = Logs(disk)
    for number in range(3):
        async with running(disk, settings):
            logs.put(f"app {number}")
            await trio.sleep(3)
    assert sorted(output_lines(disk)) == sorted(2 * logs.written)


async def test_r27_a_file_that_vanishes_between_listing_and_opening(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is said and nothing fails; the others go on."""
    disk = new_disk()

    def remove(call: Call) -> None:
        if call.path == "/logs/gone.log" and call.name == "open":
            disk.remove(call.path)

    disk.on_call = remove
    async with following(disk=disk) as logs:
        logs.put("app 0")
        disk.append("/logs/gone.log", line(trio.current_time(), "gone"))
        await trio.sleep(3)
        assert not disk.exists("/logs/gone.log")
        logs.put("app 1")
    assert said(caplog, "gone.log") == 0


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("way", ["copied", "copied over", "moved"])
@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
@pytest.mark.parametrize("grown", [False, True])
async def test_r32_a_rotated_log_comes_back_under_its_old_name(
    autojump_clock: trio.testing.MockClock, way: str, paths: str, *, down: bool, grown: bool
) -> None:
    """What was delivered of it is not delivered again; what was added is."""
    settings = config(paths=paths)
    disk = new_disk()
    logs = Logs(disk)

    def restore() -> None:
        if way == "copied":
            disk.remove(LOG)
        if way != "moved":
            disk.write(LOG, disk.read(f"{LOG}.1"))
        else:
            disk.rename(f"{LOG}.1", LOG)
        if grown:
            logs.put("app 4")

    async with running(disk, settings):
        logs.put("app 0", "app 1")
        await trio.sleep(3)
        disk.rename(LOG, f"{LOG}.1")
        logs.put("app 2", "app 3")
        await trio.sleep(3)
        if not down:
            restore()
            await trio.sleep(3)
    if down:
        restore()
    async with running(disk, settings):
        await trio.sleep(3)
        logs.put("app 5")
        await trio.sleep(3)
    assert output_lines(disk) == logs.written


@pytest.mark.parametrize("text", ["app 0", "app without a stamp"])
async def test_r32_two_files_that_say_the_same(
    autojump_clock: trio.testing.MockClock, text: str
) -> None:
    """A new log that only happens to begin like its predecessor is read from its beginning."""
    disk = new_disk()
    data = f"{text}\n".encode() if "without" in text else line(4, text)
    async with running(disk, config()):
        disk.write(LOG, data)
        await trio.sleep(2)
        disk.rename(LOG, f"{LOG}.1")
        await trio.sleep(3)
        disk.write(LOG, data)
        await trio.sleep(10)
    assert disk.read(OUTPUT) == data + data


@pytest.mark.parametrize("size", ["smaller", "larger"])
async def test_c14_a_checkpoint_from_the_future_of_its_files(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture, size: str
) -> None:
    """A log that was set back is a new file; that is said."""
    caplog.set_level("INFO", "trio_ship")
    disk = new_disk()
    logs = Logs(disk)
    disk.write(LOG, BANNER)
    async with running(disk, BANNERED):
        logs.put("app 0", "app 1")
        await trio.sleep(3)
    earlier = disk.read(LOG)
    async with running(disk, BANNERED):
        logs.put("app 2", "app 3")
        await trio.sleep(3)
    disk.write(LOG, earlier)  # a backup is restored
    logs.written += ["app 0", "app 1"]
    logs.put(*(f"app other {number}" for number in range(1 if size == "smaller" else 9)))
    await follow_for(disk, 5, BANNERED)
    assert without_banner(disk) == logs.written
    assert said(caplog, LOG, "truncated") == 1


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("paths", ['["/logs/*.log"]', EVERY_NAME])
async def test_c15_device_numbers_change_at_a_reboot(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    paths: str,
    *,
    rotated: bool,
) -> None:
    """Inode, head and folder say that the files are the same; that is said once."""
    caplog.set_level("INFO", "trio_ship")
    disk = new_disk()
    logs = Logs(disk)
    async with running(disk, config(paths=paths)):
        logs.put("app 0")
        await trio.sleep(2)
        disk.rename(LOG, f"{LOG}.1")
        logs.put("app 1")
        logs.put("other 0", path="/logs/other.log")
        await trio.sleep(3)
    logs.put("app 2")
    if rotated:
        disk.rename(f"{LOG}.1", f"{LOG}.2")
        disk.rename(LOG, f"{LOG}.1")
        logs.put("app 3")
    disk.device = 77
    for number in range(4, 6):
        async with running(disk, config(paths=paths)):
            logs.put(f"app {number}")
            await trio.sleep(4)
    logs.check()
    assert said(caplog, "has the number 77 now") == 1


@pytest.mark.parametrize("is_same_boot", [False, True])
async def test_c15_an_output_on_a_disk_with_another_number(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, *, is_same_boot: bool
) -> None:
    """What stands behind the checkpoint in an output is known again by path and inode."""
    disk = new_disk()
    logs = Logs(disk)
    async with until_death(disk, config(interval=1000)):
        logs.put("app 0", "app 1")
        await trio.sleep(3)
        disk.die_after(0)
    assert output_lines(disk) == logs.written
    disk.device = 77
    if not is_same_boot:
        monkeypatch.setattr("trio_ship.assembly.boot_id", lambda _: "the next")
    logs.put("app 2")
    await follow_for(disk, 4)
    assert output_lines(disk) == logs.written

"""Tests of the disk in memory: above all that it behaves as the real one does."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from collections.abc import Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import Call, Death, MemoryDisk

from trio_ship.filesystem import Disk, Filesystem

NEW = os.O_RDWR | os.O_CREAT

NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/e", "l", "l/a", "a/x", "d/../b", "gone/a"])
FLAGS = st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR]).flatmap(
    lambda access: st.lists(
        st.sampled_from(
            [os.O_CREAT, os.O_EXCL | os.O_CREAT, os.O_NOFOLLOW, os.O_TRUNC, os.O_APPEND]
        ),
        max_size=3,
    ).map(lambda more: access | sum(set(more) - {os.O_EXCL | os.O_CREAT}) | exclusive(more))
)
WHICH = st.integers(0, 3)
SMALL = st.integers(0, 12)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), NAMES, FLAGS),
        st.tuples(st.just("open"), NAMES, st.just(os.O_RDONLY | os.O_DIRECTORY)),
        st.tuples(st.just("close"), WHICH),
        st.tuples(st.just("pread"), WHICH, SMALL, SMALL),
        st.tuples(st.just("pwrite"), WHICH, st.binary(max_size=6), SMALL),
        st.tuples(st.just("ftruncate"), WHICH, SMALL),
        st.tuples(st.just("lock"), WHICH),
        st.tuples(st.sampled_from(["replace", "link"]), NAMES, NAMES),
        st.tuples(st.sampled_from(["unlink", "stat", "scandir"]), NAMES),
    ),
    max_size=25,
)


def exclusive(more: list[int]) -> int:
    """Return the flags of an exclusive creation if they were drawn."""
    return os.O_EXCL | os.O_CREAT if os.O_EXCL | os.O_CREAT in more else 0


def play(disk: Filesystem, root: str, steps: list[tuple[object, ...]]) -> list[object]:
    """Make the calls and return what each gave, as far as two disks can agree."""
    results: list[object] = []
    fds: list[int] = []
    for name, *given_args in steps:
        args = list(given_args)
        if name in {"close", "pread", "pwrite", "ftruncate", "lock"}:
            if not fds:
                continue
            args[0] = fds[int(str(args[0])) % len(fds)]
        else:
            args[:] = [f"{root}/{arg}" if isinstance(arg, str) else arg for arg in args]
        call: Callable[..., object] = getattr(disk, str(name))
        try:
            result = call(*args)
        except OSError as error:
            results.append(errno.errorcode[error.errno or 0])
            continue
        if name == "open":
            fds.append(int(str(result)))
            status = disk.fstat(fds[-1])
            result = (status.mode >> 12, status.mode >> 12 != 4 and status.size)
        elif name == "close":
            fds.remove(int(str(args[0])))
        elif name == "stat":
            status = disk.stat(str(args[0]))
            result = (status.mode >> 12, status.mode >> 12 != 4 and status.size)
        elif name == "scandir":
            result = sorted(disk.scandir(str(args[0])), key=lambda entry: entry.name)
        results.append(result)
    for fd in fds:
        disk.close(fd)
    return results


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_behaves_as_the_real_disk(steps: list[tuple[object, ...]]) -> None:
    """Any calls give the same results and the same errors as on the machine's own disk."""
    memory = MemoryDisk()
    memory.mkdir("/root/d/e")
    memory.write("/root/a", b"first")
    memory.symlink("d", "/root/l")
    memory.symlink("../a", "/root/d/a")
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(f"{root}/d/e")
        with open(f"{root}/a", "wb") as file:
            file.write(b"first")
        os.symlink("d", f"{root}/l")
        os.symlink("../a", f"{root}/d/a")
        assert play(Disk(), root, steps) == play(memory, "/root", steps)


async def test_run_works_inline_after_one_checkpoint() -> None:
    """`run` returns what the function returned, and can be cancelled before it."""
    disk = MemoryDisk()
    disk.write("/a", b"abc")
    assert (await disk.run(disk.stat, "/a")).size == 3
    with trio.CancelScope() as scope:
        scope.cancel()
        await disk.run(disk.unlink, "/a")
    assert disk.exists("/a")


def test_an_open_file_survives_its_name() -> None:
    """What was opened is read on after a rename and after a removal."""
    disk = MemoryDisk()
    disk.write("/log/a", b"abc")
    fd = disk.open("/log/a", os.O_RDONLY)
    disk.rename("/log/a", "/log/a.1")
    disk.write("/log/a", b"new")
    disk.append("/log/a.1", b"def")
    disk.remove("/log/a.1")
    first, rest = bytearray(4), bytearray(9)
    assert disk.preadv(fd, [memoryview(first), memoryview(rest)], 0) == 6
    assert first + rest[:2] == b"abcdef"


def test_inodes_are_used_again_on_demand() -> None:
    """A freed inode number goes to the next file only where the test asks for it."""
    disk = MemoryDisk()
    disk.write("/a", b"1")
    before = disk.stat("/a").inode
    disk.remove("/a")
    disk.write("/b", b"2")
    assert disk.stat("/b").inode != before
    disk.reuse_inodes = True
    disk.write("/c", b"3")
    assert disk.stat("/c").inode == before


def test_times_come_from_the_clock_of_the_test() -> None:
    """Writing changes a file's time; creating, renaming, removing change the folder's."""
    disk, now = MemoryDisk(), [0]
    disk.now_ns = lambda: now[0]
    disk.write("/log/a", b"")
    actions: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (disk.rename, ("/log/a", "/log/b")),
        (disk.write, ("/log/a", b"")),
        (disk.remove, ("/log/b",)),
    ]
    for action, args in actions:
        now[0] += 5
        action(*args)
        assert disk.stat("/log").mtime_ns == now[0]
    now[0] += 5
    disk.append("/log/a", b"x")
    assert disk.stat("/log/a").mtime_ns == now[0]
    assert disk.stat("/log").mtime_ns == now[0] - 5


def test_planted_errors_strike_as_ordered() -> None:
    """An error strikes the calls that match, after some and as often as asked."""
    disk = MemoryDisk()
    disk.fail("stat", "/b*", error=errno.EACCES, times=2, after=1)
    disk.write("/a", b"")
    disk.write("/b", b"")
    seen = []
    for path in ("/b", "/a", "/b", "/b", "/b"):
        try:
            disk.stat(path)
        except PermissionError:
            seen.append("denied")
        else:
            seen.append("fine")
    assert seen == ["fine", "fine", "denied", "denied", "fine"]
    assert disk.count("stat", "/b") == 4
    assert disk.calls[1] == Call("stat", "/a")


def test_a_full_disk_takes_what_fits() -> None:
    """A write takes the last free bytes, and the next one fails with ENOSPC."""
    disk = MemoryDisk()
    disk.write("/a", b"12345")
    disk.capacity_bytes = 8
    fd = disk.open("/b", NEW)
    assert disk.pwrite(fd, b"abcdef", 0) == 3
    with pytest.raises(OSError, match="No space") as caught:
        disk.pwrite(fd, b"d", 3)
    assert caught.value.errno == errno.ENOSPC
    assert disk.pwrite(fd, b"ABC", 0) == 3
    disk.remove("/a")
    assert disk.pwrite(fd, b"defghi", 3) == 5


def test_transfers_and_descriptors_can_be_short() -> None:
    """Reads and writes move at most what the test allows, and opening may fail."""
    disk = MemoryDisk()
    disk.max_transfer_bytes, disk.max_open = 2, 1
    fd = disk.open("/a", NEW)
    assert disk.pwrite(fd, b"abc", 0) == 2
    assert disk.pread(fd, 9, 0) == b"ab"
    with pytest.raises(OSError, match="Too many open files"):
        disk.open("/b", NEW)


def test_nothing_happens_after_death() -> None:
    """The deadly call may be torn; no later call has an effect until the restart."""
    disk = MemoryDisk()
    fd = disk.open("/a", NEW)
    assert disk.lock(fd)
    disk.die_after(0, torn_bytes=2)
    with pytest.raises(Death):
        disk.pwrite(fd, b"abc", 0)
    with pytest.raises(Death):
        disk.unlink("/a")
    disk.restart()
    assert disk.read("/a") == b"ab"
    assert disk.lock(disk.open("/a", NEW))


def fates(disk: MemoryDisk, path: str) -> set[bytes | None]:
    """Return all that power losses leave of a file."""
    left = [disk.after_power_loss(random.Random(seed)) for seed in range(200)]
    return {after.read(path) if after.exists(path) else None for after in left}


def test_what_is_synced_survives_a_power_loss() -> None:
    """Content needs `fsync`, a name needs `fsync_folder`; without them all is possible."""
    disk = MemoryDisk()
    disk.mkdir("/d")
    disk.sync()
    fd = disk.open("/d/a", NEW)
    disk.pwrite(fd, b"xy", 0)
    assert fates(disk, "/d/a") == {None, b"", b"\0\0", b"x\0", b"xy"}
    disk.fsync(fd)
    assert fates(disk, "/d/a") == {None, b"xy"}
    disk.fsync_folder("/d")
    assert fates(disk, "/d/a") == {b"xy"}
    disk.replace("/d/a", "/d/b")
    assert {None, b"xy"} == fates(disk, "/d/a") == fates(disk, "/d/b")
    disk.sync()
    assert fates(disk, "/d/b") == {b"xy"}


def test_d08_pages_lost_by_a_failed_fsync_count_as_clean() -> None:
    """After a failed `fsync` the next one says yes, but only bytes written since are safe."""
    disk = MemoryDisk()
    fd = disk.open("/a", NEW)
    disk.fsync_folder("/")
    disk.pwrite(fd, b"abc", 0)
    disk.fail("fsync")
    with pytest.raises(OSError, match="Input/output"):
        disk.fsync(fd)
    disk.pwrite(fd, b"def", 3)
    disk.fsync(fd)
    assert disk.read("/a") == b"abcdef"
    assert fates(disk, "/a") == {b"\0\0\0def"}
    disk.pwrite(fd, b"abcdef", 0)
    disk.fsync(fd)
    assert fates(disk, "/a") == {b"abcdef"}

"""A disk in memory that keeps the promises of a real one, and breaks them on demand.

`MemoryDisk` is a whole `Filesystem`: folders, hard links, symbolic links, open
files that survive a rename, locks, the errors of `os`. It works inline, so a
fake clock stays exact. What a test wants beside that:

* other programs: `write`, `append`, `rename`, `remove`, ... (`MemoryTree`).
* `calls` logs every call of the code under test; `on_call` runs before each,
  and may raise or let another program interleave.
* `fail` plants errors; `capacity_bytes`, `max_open` and `max_transfer_bytes`
  make a full disk, a shortage of descriptors, and short reads and writes.
* `die_after` kills the process at a disk call: that call and all after it
  raise `Death` until `restart`, so no clean-up code does what a dead process
  cannot do.
* `after_power_loss` returns the disk that the next boot may find. After a
  failed `fsync` the lost pages count as clean, as on Linux: only what is
  written again can become durable.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import random
import stat
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import attrs
import trio
from memory_faults import Call, Death, Fault
from memory_tree import MemoryTree, Node, disk_error

from trio_ship.filesystem import Entry, Status

__all__ = ["Call", "Death", "MemoryDisk"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


@attrs.define(eq=False)
class _Opened:
    node: Node
    flags: int
    path: str

    @property
    def access(self) -> int:
        return self.flags & os.O_ACCMODE


class MemoryDisk(MemoryTree):
    """A `Filesystem` in memory.

    Attributes:
        device: The device number of every file.
        capacity_bytes: All that fits; a write takes what still fits, then
            fails with ENOSPC. None: no limit.
        max_open: Open files allowed, then EMFILE. None: no limit.
        max_transfer_bytes: The most that one read or write moves.
        umask: Taken from the mode of new files.
        calls: Every call so far, also those that failed.
        on_call: Called before each call takes effect.
    """

    def __init__(self) -> None:
        """Make an empty disk."""
        super().__init__()
        self.device = 2049
        self.capacity_bytes: int | None = None
        self.max_open: int | None = None
        self.max_transfer_bytes: int | None = None
        self.umask = 0o022
        self.calls: list[Call] = []
        self.on_call: Callable[[Call], None] | None = None
        self._faults: list[Fault] = []
        self._calls_left: int | None = None
        self._torn_bytes = 0
        self._opened: dict[int, _Opened] = {}
        self._next_fd = 3

    # --- faults -------------------------------------------------------------------

    def count(self, name: str, path_glob: str = "*") -> int:
        """Return how often a call was made on paths that match."""
        return sum(
            call.name == name and fnmatch.fnmatchcase(call.path, path_glob) for call in self.calls
        )

    def fail(
        self,
        call: str,
        path_glob: str = "*",
        *,
        error: int = errno.EIO,
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Let calls fail before they have any effect.

        Args:
            call: The method, or a glob.
            path_glob: Which paths; of `replace` and `link` either path counts.
            error: A number from `errno`.
            times: How many calls fail; None: all, until `heal`.
            after: How many such calls go well before.
        """
        self._faults.append(Fault(call, path_glob, error, times, after))

    def heal(self) -> None:
        """Forget all planted failures."""
        self._faults.clear()

    def die_after(self, calls: int, torn_bytes: int = 0) -> None:
        """Kill the process at the call after so many more; see `restart`.

        Args:
            calls: How many calls still take effect.
            torn_bytes: If the deadly call is a write, what it has still written.
        """
        self._calls_left, self._torn_bytes = calls, torn_bytes

    def restart(self) -> None:
        """Do what the kernel does when a process has died: close all, drop locks."""
        self._calls_left, self._torn_bytes = None, 0
        for fd in list(self._opened):
            self._shut(fd)

    def after_power_loss(self, rng: random.Random) -> MemoryDisk:
        """Return a disk as the next boot may find it; this one stays as it is."""
        disk = MemoryDisk()
        disk.now_ns, disk.device, disk.umask = self.now_ns, self.device, self.umask
        disk.capacity_bytes, disk.reuse_inodes = self.capacity_bytes, self.reuse_inodes
        disk._root, disk._next_inode = self._survivors(rng), self._next_inode
        disk.sync()
        return disk

    # --- the calls of `Filesystem` ------------------------------------------------

    async def run(
        self,
        function: Callable[_P, _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Pass one checkpoint, then call `function` inline."""
        await trio.lowlevel.checkpoint()
        return function(*args, **kwargs)

    async def run_reading(self, function: Callable[[], _T], /) -> _T:
        """Do the same; nothing hangs here."""
        return await self.run(function)

    def thread_seconds(self) -> float:
        """Return nothing: a fake clock has nothing to do with how busy this machine is."""
        return 0.0

    def stat(self, path: str) -> Status:
        """See `Filesystem.stat`."""
        self._begin(Call("stat", path))
        return self._status(self._existing(path))

    def resolve(self, path: str) -> str:
        """See `Filesystem.resolve`; links to folders stay as they are."""
        self._begin(Call("resolve", path))
        return self.target(path)

    def fstat(self, fd: int) -> Status:
        """See `Filesystem.fstat`."""
        return self._status(self._use("fstat", fd).node)

    def scandir(self, path: str) -> list[Entry]:
        """See `Filesystem.scandir`."""
        self._begin(Call("scandir", path))
        return [Entry(name, self._is_dir(f"{path}/{name}")) for name in self._folder(path).names]

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """See `Filesystem.open`."""
        self._begin(Call("open", path))
        if self.max_open is not None and len(self._opened) >= self.max_open:
            raise disk_error(errno.EMFILE, path)
        exclusive = bool(flags & os.O_CREAT and flags & os.O_EXCL)
        folder, name, node = self._find(path, follow=not (flags & os.O_NOFOLLOW or exclusive))
        if node is None:
            if not flags & os.O_CREAT:
                raise disk_error(errno.ENOENT, path)
            node = self._make(stat.S_IFREG | (mode & ~self.umask))
            self._change((folder, name, node))
        elif exclusive:
            raise disk_error(errno.EEXIST, path)
        else:
            _check_kind(node, path, flags)
        if flags & os.O_TRUNC:  # on Linux also for one that is opened for reading
            self._resize(node, 0)
        node.opened += 1
        fd, self._next_fd = self._next_fd, self._next_fd + 1
        self._opened[fd] = _Opened(node, flags, path)
        return fd

    def close(self, fd: int) -> None:
        """See `Filesystem.close`."""
        self._use("close", fd)
        self._shut(fd)

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        """See `Filesystem.preadv`."""
        piece = self._take("preadv", fd, sum(buffer.nbytes for buffer in buffers), offset)
        done = 0
        for buffer in buffers:
            part = piece[done : done + buffer.nbytes]
            buffer.cast("B")[: len(part)] = part
            done += len(part)
        return done

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """See `Filesystem.pread`."""
        return self._take("pread", fd, size, offset)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See `Filesystem.pwrite`; with O_APPEND it appends, as on Linux."""
        view = memoryview(data).cast("B")
        try:
            opened = self._use("pwrite", fd)
        except Death:
            self._put(self._opened[fd], bytes(view[: self._torn_bytes]), offset)
            self._torn_bytes = 0
            raise
        if opened.access == os.O_RDONLY:
            raise disk_error(errno.EBADF, opened.path)
        return self._put(opened, bytes(view[: self.max_transfer_bytes]), offset)

    def ftruncate(self, fd: int, size: int) -> None:
        """See `Filesystem.ftruncate`."""
        opened = self._use("ftruncate", fd)
        if opened.access == os.O_RDONLY:
            raise disk_error(errno.EINVAL, opened.path)
        self._resize(opened.node, size)

    def fsync(self, fd: int) -> None:
        """See `Filesystem.fsync`."""
        try:
            self._use("fsync", fd).node.sync()
        except OSError:
            if fd in self._opened:
                self._opened[fd].node.dirty.clear()
            raise

    def reserve(self, fd: int, offset: int, size: int) -> None:
        """See `Filesystem.reserve`; there is always room, or there is none."""
        node = self._use("reserve", fd).node
        assert 0 <= offset <= len(node.data)
        assert size > 0

    def start_writeback(self, fd: int, offset: int, size: int) -> None:
        """See `Filesystem.start_writeback`; what is durable stays as it is."""
        node = self._use("start_writeback", fd).node
        assert 0 <= offset <= offset + size <= len(node.data)

    def fsync_folder(self, path: str) -> None:
        """See `Filesystem.fsync_folder`."""
        self._begin(Call("fsync_folder", path))
        self._sync_folder(self._folder(path))

    def replace(self, source: str, target: str) -> None:
        """See `Filesystem.replace`."""
        self._begin(Call("replace", source, target))
        self.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """See `Filesystem.link`."""
        self._begin(Call("link", source, target))
        self.hard_link(source, target)

    def unlink(self, path: str) -> None:
        """See `Filesystem.unlink`."""
        self._begin(Call("unlink", path))
        folder, name, node = self._find(path, follow=False)
        if node is None:
            raise disk_error(errno.ENOENT, path)
        if stat.S_ISDIR(node.mode):
            raise disk_error(errno.EISDIR, path)
        self._change((folder, name, None))

    def lock(self, fd: int) -> bool:
        """See `Filesystem.lock`; it belongs to the open file, not to the process."""
        opened = self._use("lock", fd)
        if opened.node.holder is None:
            opened.node.holder = opened
        return opened.node.holder is opened

    def unlock(self, fd: int) -> None:
        """See `Filesystem.unlock`."""
        opened = self._use("unlock", fd)
        if opened.node.holder is opened:
            opened.node.holder = None

    # --- inside -------------------------------------------------------------------

    def _begin(self, call: Call) -> None:
        if self._calls_left is not None:
            if not self._calls_left:
                raise Death
            self._calls_left -= 1
        self.calls.append(call)
        if self.on_call is not None:
            self.on_call(call)
        for fault in self._faults:
            if fault.strikes(call):
                raise disk_error(fault.error, call.path)

    def _use(self, name: str, fd: int) -> _Opened:
        opened = self._opened.get(fd)
        path = opened.path if opened else f"<descriptor {fd}, which is not open>"
        self._begin(Call(name, path))
        if opened is None:
            raise disk_error(errno.EBADF, path)
        return opened

    def _shut(self, fd: int) -> None:
        opened = self._opened.pop(fd)
        if opened.node.holder is opened:
            opened.node.holder = None
        opened.node.opened -= 1
        self._free(opened.node)

    def _take(self, name: str, fd: int, size: int, offset: int) -> bytes:
        opened = self._use(name, fd)
        if stat.S_ISDIR(opened.node.mode):
            raise disk_error(errno.EISDIR, opened.path)
        if opened.access == os.O_WRONLY:
            raise disk_error(errno.EBADF, opened.path)
        if self.max_transfer_bytes is not None:
            size = min(size, self.max_transfer_bytes)
        return bytes(memoryview(opened.node.data)[offset : offset + size])

    def _put(self, opened: _Opened, data: bytes, offset: int) -> int:
        """Write what fits."""
        node = opened.node
        if opened.flags & os.O_APPEND:
            offset = len(node.data)
        if self.capacity_bytes is not None and data:
            nodes = {*self._nodes(self._root), *(other.node for other in self._opened.values())}
            used = sum(len(other.data) for other in nodes)
            room = self.capacity_bytes - used + len(node.data) - offset
            if room <= 0:
                raise disk_error(errno.ENOSPC, opened.path)
            data = data[:room]
        self._fill(node, data, offset)
        return len(data)

    def _status(self, node: Node) -> Status:
        size, links = len(node.data), node.links
        return Status(self.device, node.number, size, node.mtime_ns, node.mode, 1000, 1000, links)

    def _is_dir(self, path: str) -> bool:
        try:
            return stat.S_ISDIR(self._existing(path).mode)
        except OSError:
            return False


def _check_kind(node: Node, path: str, flags: int) -> None:
    """Raise what `os.open` raises for something that is there and is no plain file."""
    writing = flags & os.O_ACCMODE != os.O_RDONLY or flags & (os.O_CREAT | os.O_TRUNC)
    if flags & os.O_DIRECTORY and not stat.S_ISDIR(node.mode):
        raise disk_error(errno.ENOTDIR, path)
    if stat.S_ISLNK(node.mode):
        raise disk_error(errno.ELOOP, path)
    if stat.S_ISDIR(node.mode) and writing:
        raise disk_error(errno.EISDIR, path)
    if stat.S_ISFIFO(node.mode) and not flags & os.O_NONBLOCK:
        raise AssertionError(f"opening the pipe {path} would block for ever")

"""The few disk calls that the shell uses, behind one small protocol.

`Disk` is the machine's own. A test puts another in its place: one in memory
that works inline (so that a fake clock stays exact), that fails on demand or
that forgets what was not synced. The calls are those of `os`, with their
errors; nothing else in the package opens, reads or writes a file of the user.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import math
import os
import stat as stat_module
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, Protocol, TypeVar

import attrs
import trio

from trio_ship.state import Identity

__all__ = [
    "Disk",
    "Entry",
    "Filesystem",
    "ReadableFilesystem",
    "Status",
    "is_regular",
    "read_range",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_KEEP_SIZE: Final = 1  # as linux/falloc.h numbers it


@attrs.frozen
class Status:
    """What is known of a file without reading it.

    Attributes:
        device: Device number.
        inode: Inode number.
        size: Length in bytes.
        mtime_ns: Time of the last change of the content, ns since 1970.
        mode: Type and permission bits, as in `os.stat_result.st_mode`.
        uid: Number of the owner.
        gid: Number of the group.
        links: How many names it has.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    mode: int
    uid: int = 0
    gid: int = 0
    links: int = 1

    @property
    def identity(self) -> Identity:
        """Which file of the system it is."""
        return self.device, self.inode


@attrs.frozen
class Entry:
    """One name in a folder.

    Attributes:
        name: The name, without the folder.
        is_dir: Whether it is a folder or a link to one.
    """

    name: str
    is_dir: bool


class ReadableFilesystem(Protocol):
    """Disk calls that only read, synchronous, with the semantics and the errors of `os`."""

    def stat(self, path: str) -> Status:
        """Return the status of what `path` leads to, links followed."""
        ...

    def resolve(self, path: str) -> str:
        """Return the path that a symbolic link leads to, links all followed; others as given."""
        ...

    def fstat(self, fd: int) -> Status:
        """Return the status of an open file."""
        ...

    def scandir(self, path: str) -> list[Entry]:
        """Return the names in a folder, in no particular order."""
        ...

    def open(self, path: str, flags: int) -> int:
        """Open a file with the flags of `os.open`; close-on-exec is implied."""
        ...

    def close(self, fd: int) -> None:
        """Close an open file."""
        ...

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        """Read at `offset` into `buffers`; return the number of bytes."""
        ...

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset`."""
        ...


class Filesystem(ReadableFilesystem, Protocol):
    """All disk calls, and where to make them so that the event loop goes on."""

    async def run(
        self,
        function: Callable[_P, _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run `function` where it may block: in a worker thread, or inline."""
        ...

    async def run_reading(self, function: Callable[[], _T], /) -> _T:
        """Run a function that only reads; when cancelled it is left to itself."""
        ...

    def thread_seconds(self) -> float:
        """Return what the calling thread has used of the processor, in seconds."""
        ...

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open or make a file, as `os.open` does; close-on-exec is implied."""
        ...

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at `offset`; return how many bytes were taken."""
        ...

    def ftruncate(self, fd: int, size: int) -> None:
        """Set the length of an open file."""
        ...

    def fsync(self, fd: int) -> None:
        """Make an open file's content and length durable."""
        ...

    def reserve(self, fd: int, offset: int, size: int) -> None:
        """Have room set aside for what is about to be written, where that is possible.

        The length of the file stays as it is, and nothing is promised.
        """
        ...

    def start_writeback(self, fd: int, offset: int, size: int) -> None:
        """Have written bytes go to the disk soon; nothing waits for it."""
        ...

    def fsync_folder(self, path: str) -> None:
        """Make the names in a folder durable."""
        ...

    def replace(self, source: str, target: str) -> None:
        """Rename `source` over `target` in one step."""
        ...

    def link(self, source: str, target: str) -> None:
        """Give the file `source` a second name; fail if `target` exists."""
        ...

    def unlink(self, path: str) -> None:
        """Remove a name."""
        ...

    def lock(self, fd: int) -> bool:
        """Try to lock an open file for this process; False if another has it."""
        ...

    def unlock(self, fd: int) -> None:
        """Let others lock an open file; to close it does so too."""
        ...


def _status(result: os.stat_result) -> Status:
    return Status(
        result.st_dev,
        result.st_ino,
        result.st_size,
        result.st_mtime_ns,
        result.st_mode,
        result.st_uid,
        result.st_gid,
        result.st_nlink,
    )


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """Return the call of Linux by this name, of which Python has only a part."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    call = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return call


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or where we may not go
        return False


class Disk:
    """The disks of this machine; see `Filesystem` for what each call does."""

    def __init__(self, workers: int = 8) -> None:
        """Prepare a disk that writes with up to `workers` threads at once."""
        self._limiter = trio.CapacityLimiter(workers)
        # A thread that hangs in a dead mount must keep nobody from reading elsewhere.
        self._reading = trio.CapacityLimiter(math.inf)

    async def run(
        self,
        function: Callable[_P, _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run `function` in a worker thread; cancellation waits for its end."""
        return await trio.to_thread.run_sync(
            lambda: function(*args, **kwargs), limiter=self._limiter
        )

    async def run_reading(self, function: Callable[[], _T], /) -> _T:
        """Run a function in a worker thread; when cancelled the thread is abandoned."""
        return await trio.to_thread.run_sync(
            function, abandon_on_cancel=True, limiter=self._reading
        )

    def thread_seconds(self) -> float:
        """See `Filesystem.thread_seconds`."""
        return time.thread_time()

    def stat(self, path: str) -> Status:
        """See `Filesystem.stat`."""
        return _status(os.stat(path))

    def resolve(self, path: str) -> str:
        """See `Filesystem.resolve`."""
        return os.path.realpath(path) if os.path.islink(path) else path

    def fstat(self, fd: int) -> Status:
        """See `Filesystem.fstat`."""
        return _status(os.fstat(fd))

    def scandir(self, path: str) -> list[Entry]:
        """See `Filesystem.scandir`."""
        with os.scandir(path) as entries:
            return [Entry(entry.name, _is_dir(entry)) for entry in entries]

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """See `Filesystem.open`."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def close(self, fd: int) -> None:
        """See `Filesystem.close`."""
        os.close(fd)

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        """See `Filesystem.preadv`."""
        return os.preadv(fd, buffers, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """See `Filesystem.pread`."""
        return os.pread(fd, size, offset)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See `Filesystem.pwrite`."""
        return os.pwrite(fd, data, offset)

    def ftruncate(self, fd: int, size: int) -> None:
        """See `Filesystem.ftruncate`."""
        os.ftruncate(fd, size)

    def fsync(self, fd: int) -> None:
        """See `Filesystem.fsync`."""
        os.fsync(fd)

    def reserve(self, fd: int, offset: int, size: int) -> None:
        """See `Filesystem.reserve`.

        What `os.posix_fallocate` reserves becomes part of the file. Where the system
        cannot do this, or has no room, the writes that follow will tell.
        """
        fallocate = _fallocate()
        if fallocate is not None:
            fallocate(fd, _KEEP_SIZE, offset, size)

    def start_writeback(self, fd: int, offset: int, size: int) -> None:
        """See `Filesystem.start_writeback`.

        Python has no sync_file_range; but before the kernel drops the pages of a
        range it starts to write the dirty ones, and these it keeps.
        """
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_DONTNEED)

    def fsync_folder(self, path: str) -> None:
        """See `Filesystem.fsync_folder`."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, source: str, target: str) -> None:
        """See `Filesystem.replace`."""
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        """See `Filesystem.link`."""
        os.link(source, target, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        """See `Filesystem.unlink`."""
        os.unlink(path)

    def lock(self, fd: int) -> bool:
        """See `Filesystem.lock`."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, fd: int) -> None:
        """See `Filesystem.unlock`."""
        fcntl.flock(fd, fcntl.LOCK_UN)


def read_range(disk: ReadableFilesystem, fd: int, size: int, offset: int) -> bytes:
    """Return `size` bytes from `offset`, fewer only where the file ends before.

    One call may give fewer than there are.
    """
    data = piece = disk.pread(fd, size, offset)
    while piece and len(data) < size:
        piece = disk.pread(fd, size - len(data), offset + len(data))
        data += piece
    return data


def is_regular(status: Status) -> bool:
    """Tell whether a status is that of a regular file."""
    return stat_module.S_ISREG(status.mode)

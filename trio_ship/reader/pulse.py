"""Signs of life from disk calls: whoever waits for a thread sees whether one hangs, and where."""

from __future__ import annotations

from collections.abc import Sequence

from trio_ship.filesystem import Entry, ReadableFilesystem, Status

__all__ = ["Pulse"]


class Pulse:
    """The reading calls of a disk, which tell how many there were, and where.

    Attributes:
        calls: How many calls were begun.
        path: What the last one was about.
    """

    def __init__(self, disk: ReadableFilesystem) -> None:
        """Read from `disk`."""
        self._disk = disk
        self._paths: dict[int, str] = {}
        self.calls = 0
        self.path = ""

    def stat(self, path: str) -> Status:
        """See `Filesystem.stat`."""
        self.calls += 1
        self.path = path
        return self._disk.stat(path)

    def resolve(self, path: str) -> str:
        """See `Filesystem.resolve`."""
        self.calls += 1
        self.path = path
        return self._disk.resolve(path)

    def fstat(self, fd: int) -> Status:
        """See `Filesystem.fstat`."""
        self._touch(fd)
        return self._disk.fstat(fd)

    def scandir(self, path: str) -> list[Entry]:
        """See `Filesystem.scandir`."""
        self.calls += 1
        self.path = path
        return self._disk.scandir(path)

    def open(self, path: str, flags: int) -> int:
        """See `Filesystem.open`."""
        self.calls += 1
        self.path = path
        fd = self._disk.open(path, flags)
        self._paths[fd] = path
        return fd

    def close(self, fd: int) -> None:
        """See `Filesystem.close`."""
        self._disk.close(fd)

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        """See `Filesystem.preadv`."""
        self._touch(fd)
        return self._disk.preadv(fd, buffers, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """See `Filesystem.pread`."""
        self._touch(fd)
        return self._disk.pread(fd, size, offset)

    def _touch(self, fd: int) -> None:
        self.calls += 1
        self.path = self._paths.get(fd, "")

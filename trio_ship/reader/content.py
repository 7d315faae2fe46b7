"""The bytes of a log file, plain or compressed; offsets count what was written to the log.

Rotation compresses: the file that was followed is then found as `.gz`, `.bz2`,
`.xz` or `.zst`, with the same bytes inside. What a file is, its name and its
first bytes say together: text that is only called `.gz` is read as text.
"""

from __future__ import annotations

import os
from typing import Final, Protocol

from trio_ship.decode.charsets import line_end
from trio_ship.filesystem import ReadableFilesystem, Status, read_range
from trio_ship.follow import packing_of
from trio_ship.reader.packed import Packed
from trio_ship.reader.unpack import MAGIC

__all__ = [
    "Content",
    "Plain",
    "end_of_lines",
    "open_content",
]

_BLOCK: Final = 65_536


class Content(Protocol):
    """An open file."""

    def status(self) -> Status:
        """Return its status; of a compressed one, the compressed size."""
        ...

    def pread(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset`."""
        ...

    def readinto(self, memory: memoryview, offset: int) -> int:
        """Fill `memory` from `offset` as far as it goes; return the number of bytes."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Plain:
    """A file as it is."""

    def __init__(self, disk: ReadableFilesystem, fd: int) -> None:
        """Read the open file `fd`."""
        self._disk = disk
        self._fd = fd

    def status(self) -> Status:
        """See `Content.status`."""
        return self._disk.fstat(self._fd)

    def pread(self, size: int, offset: int) -> bytes:
        """See `Content.pread`."""
        return read_range(self._disk, self._fd, size, offset)

    def readinto(self, memory: memoryview, offset: int) -> int:
        """See `Content.readinto`."""
        size = count = self._disk.preadv(self._fd, [memory], offset)
        while count and size < len(memory):
            count = self._disk.preadv(self._fd, [memory[size:]], offset + size)
            size += count
        return size

    def close(self) -> None:
        """See `Content.close`."""
        self._disk.close(self._fd)


def end_of_lines(content: Content, size: int, charset: str, wall_ns: int) -> int:
    """Return the place behind the last line end of a file; the end of a compressed one.

    Args:
        content: The file.
        size: How long it is.
        charset: How it is encoded.
        wall_ns: The wall clock, nanoseconds since 1970.

    Raises:
        OSError: It cannot be read, or is being written just now.
    """
    if isinstance(content, Packed):
        content.settle(wall_ns)
        return content.measure()
    mark = line_end(charset)
    width = len(mark)
    begin = size - size % width
    while begin > 0:
        length = min(_BLOCK, begin)
        block = content.pread(length, begin - length)
        place = block.rfind(mark)
        while place % width and place >= 0:
            place = block.rfind(mark, 0, place + width - 1)
        if place >= 0:
            return begin - length + place + width
        begin -= length
    return 0


def open_content(disk: ReadableFilesystem, path: str) -> Content:
    """Open a file; one is compressed if its name and its first bytes say so.

    One that has such a name and does not hold so much as the first bytes is taken
    to be in the making.

    Raises:
        OSError: It cannot be opened.
    """
    fd = disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
    packing = packing_of(path)
    if packing:
        magic = MAGIC[packing]
        try:
            if magic.startswith(read_range(disk, fd, len(magic), 0)):
                return Packed(disk, fd, packing, path)
        except OSError:
            disk.close(fd)
            raise
    return Plain(disk, fd)

"""A compressed log file, read as if what is inside stood there plain.

It is unpacked as a stream, a block at a time, and only what the last read gave
is kept, so that memory does not depend on the file. Reading goes forward;
whoever goes back further than the last read, or comes back after the stream was
dropped, has it unpacked from its beginning.

A compressed file is taken to be complete. One that was written within the last
minute may be in the making: it is read once it is whole, which is found out by
unpacking all of it. An older one that is cut short or damaged, and a bomb, is
read as far as that goes. How far depends on the file alone: streams are read in
blocks that begin at multiples of their size.
"""

from __future__ import annotations

import errno
from typing import Final

from trio_ship.filesystem import ReadableFilesystem, Status, read_range
from trio_ship.reader.unpack import BLOCK, Stream, errors, unpacked
from trio_ship.reader.zstandard_frames import is_whole

__all__ = ["Packed"]

_BOMB_BYTES: Final = 1 << 30
_BOMB_RATIO: Final = 2000
_SETTLED_NS: Final = 60_000_000_000
_CUT_SHORT: Final = "is cut short"


class _Source:
    """An open file as decompressors want it."""

    def __init__(self, disk: ReadableFilesystem, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        data = read_range(self._disk, self._fd, BLOCK if size < 0 else size, self._offset)
        self._offset += len(data)
        return data


class Packed:
    """A compressed file.

    Attributes:
        length: How many bytes are inside; None until its end was reached.
        fault: Why there are no more, where that has to be said.
        seen: What its status was when it was found to be readable.
    """

    def __init__(self, disk: ReadableFilesystem, fd: int, packing: str, path: str) -> None:
        """Read the open file `fd`, packed by what `unpack.MAGIC` names."""
        self._disk = disk
        self._fd = fd
        self._packing = packing
        self._path = path
        self._most = 0
        self.forget()

    def forget(self) -> None:
        """Begin again: the file was written on."""
        self._stream: Stream | None = None
        self._at = 0
        self._kept = b""
        self.length: int | None = None
        self.fault = ""
        self.seen: Status | None = None

    def drop(self) -> None:
        """Give back the memory of the stream."""
        self._stream = None

    @property
    def is_heavy(self) -> bool:
        """Whether its stream takes megabytes."""
        return self._packing != "gzip"

    def status(self) -> Status:
        """See `Content.status`; the size is the compressed one."""
        return self._disk.fstat(self._fd)

    def settle(self, wall_ns: int) -> None:
        """See to it that the file is whole, or will not become so.

        Args:
            wall_ns: The wall clock, nanoseconds since 1970.

        Raises:
            OSError: It is being written just now, or cannot be read.
        """
        if self.seen is not None:
            return
        self.forget()
        status = self.status()
        if wall_ns - status.mtime_ns < _SETTLED_NS:
            self.measure()
            if self.fault == _CUT_SHORT:
                self.forget()
                raise BlockingIOError(errno.EAGAIN, "it is still being compressed", self._path)
        self.seen = status

    def pread(self, size: int, offset: int) -> bytes:
        """See `Content.pread`."""
        if self.length is not None:
            size = min(size, self.length - offset)
        if size <= 0:
            return b""
        stream, at, kept = self._stream, self._at, self._kept
        if stream is None or offset < at - len(kept):
            stream, at, kept = self._begin(), 0, b""
        self._stream = None  # whatever fails leaves a stream that nobody can go on with
        pieces = [kept[max(0, offset - at + len(kept)) :]]
        while at < offset + size and at != self.length:
            piece = self._next(stream, at)
            at += len(piece)
            if at > offset:
                pieces.append(piece[max(0, offset - at + len(piece)) :])
        self._stream, self._at, self._kept = stream, at, b"".join(pieces)
        return self._kept[:size]

    def readinto(self, memory: memoryview, offset: int) -> int:
        """See `Content.readinto`."""
        data = self.pread(len(memory), offset)
        memory[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """See `Content.close`."""
        self._disk.close(self._fd)

    def measure(self) -> int:
        """Return how many bytes are inside, by unpacking all of them."""
        if self.length is None:
            stream, at = self._begin(), 0
            while self.length is None:
                at += len(self._next(stream, at))
            self._stream, self._at, self._kept = None, 0, b""
        assert self.length is not None  # noqa: S101  (the loop ends with it)
        return self.length

    def holds(self, length: int, wall_ns: int) -> bool:
        """Tell whether so many bytes are inside; of gzip the trailer says it at no cost.

        Raises:
            OSError: As `settle`.
        """
        if self._packing == "gzip":
            trailer = read_range(self._disk, self._fd, 4, max(0, self.status().size - 4))
            if int.from_bytes(trailer, "little") == length % 2**32:
                return True
        self.settle(wall_ns)
        return self.measure() == length

    def _begin(self) -> Stream:
        self._most = max(_BOMB_BYTES, _BOMB_RATIO * self.status().size)
        return unpacked(_Source(self._disk, self._fd), self._packing)

    def _next(self, stream: Stream, at: int) -> bytes:
        """Return the block at `at`; a short one is the last, and then the length is known."""
        pieces = []
        size = 0
        fault = None
        try:
            while size < BLOCK and fault is None:
                piece = stream.read(BLOCK - size)
                pieces.append(piece)
                size += len(piece)
                if not piece:
                    fault = "" if self._is_whole() else _CUT_SHORT
        except EOFError:
            fault = _CUT_SHORT if at + size or self.status().size else ""
        except errors() as error:
            is_large = "memory" in str(error).lower()
            fault = "wants too much memory to be unpacked" if is_large else "is damaged"
            pieces, size = [], 0  # what comes last before it is noticed is not to be trusted
        if fault is None and at + size > self._most:
            size = self._most - at
            fault = f"unpacks to more than {_BOMB_RATIO} times its size"
        if fault is not None:
            self.length, self.fault = at + size, fault
        return b"".join(pieces)[:size]

    def _is_whole(self) -> bool:
        """Tell whether a file whose stream has ended is whole; Zstandard's ends quietly."""
        if self._packing != "zstd" or not self.status().size:
            return True
        return is_whole(lambda size, offset: read_range(self._disk, self._fd, size, offset))

"""The bytes of a log file, plain or compressed; offsets count what was written to the log.

Rotation compresses: the file that was followed is then found as `.gz` or `.zst`,
with the same bytes inside. `Packed` gives these bytes as if they stood there
plain. They are unpacked as a stream, a block at a time, and only the answer to
the last read is kept, so that memory does not depend on the file. Reading goes
forward; whoever goes back further than the last read has it unpacked from its
beginning.

How much is inside is found out once, by unpacking all of it (`measure`). That
also tells a file that is still being written from one that is whole, and stops
at what is damaged, or at a bomb.
"""

from __future__ import annotations

import errno
import os
import zlib
from typing import Final, Protocol

from trio_ship.filesystem import ReadableFilesystem, Status, read_range
from trio_ship.follow import packing_of
from trio_ship.reader.zstandard_frames import is_whole

__all__ = [
    "Content",
    "DamagedError",
    "Packed",
    "Plain",
    "holds",
    "last_line_end",
    "open_content",
]

_BLOCK: Final = 65_536
_MAGIC: Final = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_WINDOW_BYTES: Final = 32 << 20
_BOMB_BYTES: Final = 1 << 30
_BOMB_RATIO: Final = 2000
_SETTLED_NS: Final = 60_000_000_000


class DamagedError(OSError):
    """A compressed file that cannot be unpacked; waiting does not mend it."""


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
        size = 0
        while size < len(memory):
            count = self._disk.preadv(self._fd, [memory[size:]], offset + size)
            if not count:
                break
            size += count
        return size

    def close(self) -> None:
        """See `Content.close`."""
        self._disk.close(self._fd)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Source:
    """An open file as decompressors want it."""

    def __init__(self, disk: ReadableFilesystem, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        data = self._disk.pread(self._fd, _BLOCK if size < 0 else size, self._offset)
        self._offset += len(data)
        return data


class Packed:
    """A compressed file.

    Attributes:
        length: How many bytes are inside; None until measured.
        fault: Why there are no more, where that has to be said.
    """

    def __init__(self, disk: ReadableFilesystem, fd: int, packing: str, path: str) -> None:
        """Read the open file `fd`, packed by "gzip" or "zstd"."""
        self._disk = disk
        self._fd = fd
        self._packing = packing
        self._path = path
        self._stream: _Stream | None = None
        self._at = 0
        self._kept = b""
        self.length: int | None = None
        self.fault = ""

    def status(self) -> Status:
        """See `Content.status`."""
        return self._disk.fstat(self._fd)

    def pread(self, size: int, offset: int) -> bytes:
        """See `Content.pread`."""
        if self.length is not None:
            size = min(size, self.length - offset)
        if size <= 0:
            return b""
        begin = self._at - len(self._kept)
        if self._stream is None or offset < begin:
            self._stream, self._at, self._kept, begin = self._unpacked(), 0, b"", 0
        pieces = [self._kept[max(0, offset - begin) : offset - begin + size]]
        if offset + size <= self._at:
            return pieces[0]
        while self._at < offset + size:
            piece = self._next(self._stream, min(_BLOCK, offset + size - self._at))
            if not piece:
                break
            self._at += len(piece)
            if self._at > offset:
                pieces.append(piece[max(0, offset - self._at + len(piece)) :])
        self._kept = b"".join(pieces)
        return self._kept

    def readinto(self, memory: memoryview, offset: int) -> int:
        """See `Content.readinto`."""
        data = self.pread(len(memory), offset)
        memory[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """See `Content.close`."""
        self._disk.close(self._fd)

    def measure(self, wall_ns: int) -> int:
        """Return how many bytes are inside.

        Args:
            wall_ns: The wall clock, nanoseconds since 1970.

        Raises:
            OSError: It is being written just now, or cannot be read.
        """
        if self.length is not None:
            return self.length
        status = self.status()
        length, fault = self._run_through(max(_BOMB_BYTES, _BOMB_RATIO * status.size))
        if fault == _CUT_SHORT and wall_ns - status.mtime_ns < _SETTLED_NS:
            raise OSError(errno.EAGAIN, "it is still being compressed", self._path)
        self.length, self.fault = length, fault
        return length

    def holds(self, length: int, wall_ns: int) -> bool:
        """Tell whether so many bytes are inside; of gzip the trailer says it at no cost.

        Raises:
            OSError: As `measure`.
        """
        if self._packing == "gzip":
            trailer = read_range(self._disk, self._fd, 4, max(0, self.status().size - 4))
            if int.from_bytes(trailer, "little") == length % 2**32:
                return True
        return self.measure(wall_ns) == length

    def _run_through(self, most: int) -> tuple[int, str]:
        """Unpack all and keep nothing; return how many bytes came, and why no more did."""
        length = 0
        stream = self._unpacked()
        try:
            while piece := stream.read(_BLOCK):
                length += len(piece)
                if length > most:
                    return most, f"unpacks to more than {_BOMB_RATIO} times its size"
        except EOFError:
            return length, _CUT_SHORT
        except _errors():
            return length, "is damaged"
        if self._packing == "zstd" and not is_whole(
            lambda size, offset: read_range(self._disk, self._fd, size, offset)
        ):
            return length, _CUT_SHORT
        return length, ""

    def _next(self, stream: _Stream, size: int) -> bytes:
        try:
            return stream.read(size)
        except EOFError:
            return b""
        except _errors() as error:
            raise DamagedError(
                errno.EBADMSG, f"it cannot be unpacked: {error}", self._path
            ) from error

    def _unpacked(self) -> _Stream:
        source = _Source(self._disk, self._fd)
        if self._packing == "gzip":
            import gzip  # noqa: PLC0415  (few files are compressed)

            return gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[call-overload,no-any-return]
        import zstandard  # noqa: PLC0415  (few files are compressed)

        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        return unpacker.stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]


_CUT_SHORT: Final = "is cut short"


def _errors() -> tuple[type[Exception], ...]:
    """Return what decompressors raise for bytes that are not theirs."""
    import gzip  # noqa: PLC0415  (few files are compressed)

    import zstandard  # noqa: PLC0415  (few files are compressed)

    return (zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


def holds(disk: ReadableFilesystem, path: str, length: int, wall_ns: int) -> bool:
    """Tell whether a compressed file has so many bytes inside, as far as it can be read.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        content = open_content(disk, path)
    except (FileNotFoundError, PermissionError):
        return False
    try:
        return isinstance(content, Packed) and content.holds(length, wall_ns)
    finally:
        content.close()


def last_line_end(content: Content, size: int) -> int:
    """Return the place behind the last line end before `size`; 0 if there is none."""
    begin = size
    while begin > 0:
        length = min(_BLOCK, begin)
        place = content.pread(length, begin - length).rfind(b"\n")
        if place >= 0:
            return begin - length + place + 1
        begin -= length
    return 0


def open_content(disk: ReadableFilesystem, path: str) -> Content:
    """Open a file; one is compressed if its name and its first bytes say so.

    Raises:
        OSError: It cannot be opened.
    """
    fd = disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
    packing = packing_of(path)
    if packing:
        magic = _MAGIC[packing]
        try:
            if read_range(disk, fd, len(magic), 0) == magic:
                return Packed(disk, fd, packing, path)
        except OSError:
            disk.close(fd)
            raise
    return Plain(disk, fd)

"""What lies inside compressed files, as streams that are read forward.

A stream gives as much as it is asked for and keeps no more than its format
wants: a window, or one block. What wants more than `_MEMORY` is refused by its
decompressor, which is reported like damage. Several streams or frames in a file,
one behind the other, are one content, as for `gzip -d` and its sisters; what is
none of them, behind the first, ends it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ["BLOCK", "MAGIC", "Stream", "errors", "packing_in", "unpacked"]

BLOCK: Final = 65_536
"""How many bytes are taken from the disk, and unpacked, at once."""

MAGIC: Final = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
}
"""How files begin, by the name of what packed them."""

_MEMORY: Final = 80 << 20
_WINDOW: Final = 32 << 20


class Stream(Protocol):
    """What unpacks."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end.

        Raises:
            EOFError: The file is cut short. Zstandard does not tell.
        """
        ...


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _CorruptError(Exception):
    """Bytes that are not those of the format."""


class _Gzip:
    """A file of gzip; what stands in front of damage is given before it is reported."""

    def __init__(self, source: _Source) -> None:
        import gzip  # noqa: PLC0415  (few files are compressed)

        self._file = gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[call-overload]

    def read(self, size: int, /) -> bytes:
        data: bytes = self._file.read1(size)
        return data


class _Streams:
    """The streams of a file of bzip2 or xz."""

    def __init__(self, source: _Source, make: Callable[[], _Decoder]) -> None:
        self._source = source
        self._make = make
        self._decoder = make()
        self._input = b""
        self._is_first = True
        self._has_given = False

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof and not self._begin_next():
                return b""
            data = b""
            if self._decoder.needs_input:
                data = self._input or self._source.read(BLOCK)
                self._input = b""
                if not data:
                    raise EOFError
            try:
                piece = self._decoder.decompress(data, size)
            except Exception as error:  # each of them raises others, OSError among them
                if self._is_first or self._has_given:
                    raise _CorruptError(str(error)) from error
                return b""
            if piece:
                self._has_given = True
                return piece

    def _begin_next(self) -> bool:
        """Go on to the next stream, over the zeros that xz pads with; False if there is none."""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            data = self._source.read(BLOCK)
            if not data:
                return False
            rest = data.lstrip(b"\0")
        self._decoder, self._input = self._make(), rest
        self._is_first = self._has_given = False
        return True


def packing_in(head: bytes) -> str:
    """Return what packed a file that begins with `head`; "" where it is none of the known."""
    return next((name for name, magic in MAGIC.items() if head.startswith(magic)), "")


def unpacked(source: _Source, packing: str) -> Stream:
    """Return what lies inside a file.

    Args:
        source: The compressed bytes.
        packing: What packed them, a key of `MAGIC`.
    """
    match packing:
        case "gzip":
            return _Gzip(source)
        case "bzip2":
            import bz2  # noqa: PLC0415  (few files are compressed)

            return _Streams(source, bz2.BZ2Decompressor)
        case "xz":
            import lzma  # noqa: PLC0415  (few files are compressed)

            return _Streams(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY))
        case _:
            import zstandard  # noqa: PLC0415  (few files are compressed)

            unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
            return unpacker.stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]


def errors() -> tuple[type[Exception], ...]:
    """Return what streams raise for bytes that are not those of their format."""
    import gzip  # noqa: PLC0415  (few files are compressed)

    import zstandard  # noqa: PLC0415  (few files are compressed)

    return (zlib.error, gzip.BadGzipFile, zstandard.ZstdError, _CorruptError)

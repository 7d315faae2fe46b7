"""What is looked at of a file, beside what is read in order: text of any place of it."""

from __future__ import annotations

from typing import Final

from trio_ship.decode.charsets import UTF_8, narrow
from trio_ship.reader.content import Content
from trio_ship.reader.decoders import HEAD
from trio_ship.reader.packed import Packed

__all__ = ["blocks", "later_blocks", "text_of"]

_WHOLE: Final = 8 << 20
_SAMPLES: Final = 512
_LATER: Final = 3
_LATER_BYTES: Final = 8192


def text_of(content: Content, charset: str, size: int, offset: int) -> bytes:
    """Return up to `size` bytes from a place of a file, as UTF-8."""
    raw = content.pread(size, offset)
    return raw if charset == UTF_8 else narrow(raw, charset, offset, final=False).text


def blocks(content: Content, charset: str, begin: int, reach: int) -> list[bytes]:
    """Return blocks of whole lines through a file: all of it if it is small.

    Args:
        content: The file.
        charset: How it is encoded.
        begin: Where a line begins, for the first block.
        reach: How long the file is, or more; of a compressed one that is found out.

    Raises:
        OSError: It cannot be read.
    """
    size = content.measure() if isinstance(content, Packed) else reach
    if size - begin <= _WHOLE:
        return [text_of(content, charset, size - begin, begin)]
    step = (size - begin - HEAD) / (_SAMPLES - 1)
    found = []
    for number in range(_SAMPLES):
        # At whole units of UTF-16, if it is that.
        block = text_of(content, charset, HEAD, begin + round(number * step) // 2 * 2)
        found.append(block[block.find(b"\n") + 1 if number else 0 : block.rfind(b"\n") + 1])
    return found


def later_blocks(content: Content, charset: str, begin: int, reach: int) -> list[bytes]:
    """Return a few small blocks of whole lines behind the first lines of a file.

    A compressed file has none: it would have to be unpacked for them.

    Args:
        content: The file.
        charset: How it is encoded.
        begin: Where its first lines begin.
        reach: How long the file is.

    Raises:
        OSError: It cannot be read.
    """
    first = begin + HEAD
    if reach <= first or isinstance(content, Packed):
        return []
    step = max(reach - _LATER_BYTES - first, 0) // _LATER
    found = []
    for number in range(1, _LATER + 1):
        block = text_of(content, charset, _LATER_BYTES, (first + number * step) // 2 * 2)
        found.append(block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1])
    return found

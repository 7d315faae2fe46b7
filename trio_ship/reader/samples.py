"""What is looked at of a file, beside what is read in order: text of any place of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trio_ship.decode.charsets import UTF_8, narrow
from trio_ship.reader.content import Content
from trio_ship.reader.decoders import HEAD
from trio_ship.reader.packed import Packed

__all__ = ["blocks", "heads", "later_blocks", "text_of", "whole_lines"]

_WHOLE: Final = 8 << 20
_LONG: Final = HEAD // 4  # the beginning of such a line is enough to see its stamp
_SAMPLES: Final = 512
_BLOCK: Final = _WHOLE // _SAMPLES
_LATER: Final = 3
_LATER_BYTES: Final = 8192


def text_of(content: Content, charset: str, size: int, offset: int) -> bytes:
    """Return up to `size` bytes from a place of a file, as UTF-8."""
    raw = content.pread(size, offset)
    return raw if charset == UTF_8 else narrow(raw, charset, offset, final=False).text


def whole_lines(text: bytes, *, final: bool) -> bytes:
    """Return a text without the line that it breaks off in, unless that is a long one.

    Args:
        text: It begins with a line.
        final: Whether it is all there is, and so ends with a line.
    """
    stop = text.rfind(b"\n") + 1
    return text if final or len(text) - stop >= _LONG else text[:stop]


def heads(content: Content, charset: str, reach: int, *, final: bool) -> Iterator[bytes]:
    """Yield lines where stamps are looked for until some are found: they need not begin a file.

    That is at the beginning, then twice as far each time, and at the end; so what is
    found depends on the file alone, whatever was read of it, and takes little of a long
    one. A compressed one is not unpacked far for it.

    Args:
        content: The file.
        charset: How it is encoded.
        reach: How long the file is, or more; of a compressed one that is found out.
        final: Whether it will not grow any more.

    Raises:
        OSError: It cannot be read.
    """
    is_packed = isinstance(content, Packed)
    last = min(reach, _WHOLE) if is_packed else reach
    places = [0]
    while (place := 2 * places[-1] or HEAD) < last:
        places.append(place)
    if reach - HEAD > places[-1] and not is_packed:
        places.append((reach - HEAD) // 2 * 2)
    for place in places:
        text = text_of(content, charset, min(HEAD, reach - place), place)
        if place:
            _, _, text = text.partition(b"\n")
        yield whole_lines(text, final=final and not place and reach <= HEAD)


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
        place = begin + round(number * step) // 2 * 2
        # Long lines may lie there; and the last block goes up to the end.
        for length in (_BLOCK, HEAD) if number < _SAMPLES - 1 else (HEAD,):
            block = _lines_in(text_of(content, charset, length, place), begins=not number)
            if block:
                break
        found.append(block)
    return found


def _lines_in(block: bytes, *, begins: bool = False) -> bytes:
    """Return the whole lines of a block; `begins` is whether it begins with one."""
    return block[0 if begins else block.find(b"\n") + 1 : block.rfind(b"\n") + 1]


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
        found.append(_lines_in(block))
    return found

"""How the text of files is encoded: what is not UTF-8 becomes so when it is read.

Whoever frames, decodes, searches and writes takes UTF-8, and so nobody else
need know of other charsets. Positions remain those of the file nevertheless:
from the bytes of a text in UTF-8 it can be told how many bytes it was. In the
charsets of one byte every character was one; in UTF-16 a character that takes
four bytes in UTF-8 was a pair of units, and any other was one. That holds for
U+FFFD too, which takes the place of each unit or byte that is no character.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8

__all__ = [
    "UTF_8",
    "Narrowed",
    "as_in_file",
    "charset_of",
    "file_lengths",
    "growth",
    "line_end",
    "narrow",
]

UTF_8: Final = "utf-8"

_MARKS: Final = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
_LONE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_REPLACEMENT: Final = "\ufffd".encode()
_REPLACED: Final = re.compile(_REPLACEMENT)
_LONGEST_FOOT: Final = 3072


def _lengths(single: int, pair: int) -> U8:
    """Return how many bytes a character has in its file, by each of its bytes in UTF-8."""
    table = np.full(256, single, np.uint8)
    table[0x80:0xC0] = 0  # behind the first
    table[0xF0:] = pair
    return table


_ONE_BYTE: Final = _lengths(1, 1)
_TWO_BYTES: Final = _lengths(2, 4)


@attrs.frozen(eq=False, repr=False)
class Narrowed:
    """What was read, in UTF-8.

    Attributes:
        text: The text.
        lead: How many bytes of the file stand in front of it: a byte order mark.
        used: How many bytes of the file it stands for, those included.
        replaced: Where U+FFFD stands in `text` for what is no character. Shape (n,).
    """

    text: bytes
    lead: int
    used: int
    replaced: I64


@functools.lru_cache(maxsize=256)
def charset_of(configured: str, known: str, head: bytes) -> str:
    """Return how a file is encoded.

    The byte order mark of UTF-16 is believed also where nothing is configured.

    Args:
        configured: What the configuration says; "utf-16" leaves the order of bytes
            to the file.
        known: What was found before; "utf-8" where nothing was.
        head: How the file begins, two bytes where it has so many; empty where that
            is not at hand.
    """
    if configured not in {UTF_8, "utf-16"}:
        return configured
    for name, mark in _MARKS.items():
        if head.startswith(mark):
            return name
    if known in _MARKS or configured == UTF_8:
        return known if known in _MARKS else UTF_8
    return "utf-16-be" if head.startswith(b"\0") else "utf-16-le"


def growth(charset: str) -> int:
    """Return how many times longer a text may be in UTF-8, at most."""
    return 1 if charset == UTF_8 else 2 if charset in _MARKS else 3


def line_end(charset: str) -> bytes:
    """Return what ends a line in a file; it begins at a multiple of its length."""
    return "\n".encode(charset)


def narrow(raw: bytes, charset: str, offset: int, *, final: bool) -> Narrowed:
    """Return what was read of a file that is not in UTF-8.

    Half a character at the end is left for the next read.

    Args:
        raw: The bytes.
        charset: How they are encoded, as `charset_of` says.
        offset: Where they begin in the file.
        final: Whether the file ends with them.
    """
    if charset not in _MARKS:
        text = raw.decode(charset, "replace").encode()
        return Narrowed(text, 0, len(raw), _places(_REPLACED, text))
    lead = 2 if not offset and raw.startswith(_MARKS[charset]) else offset % 2
    body = raw[lead:]
    whole = len(body) & ~1
    if whole and not final and _is_high(body[whole - 2 : whole], charset):
        whole -= 2
    text = body[:whole].decode(charset, "surrogatepass").encode("utf-8", "surrogatepass")
    used = min(len(raw), lead + whole)
    if final and whole < len(body):
        text += b"\xed\xa0\x80"  # half a unit is no better than a lone one
        used += 1
    replaced = _places(_LONE, text)
    return Narrowed(_LONE.sub(_REPLACEMENT, text), lead, used, replaced)


def _is_high(unit: bytes, charset: str) -> bool:
    """Tell whether a unit is the first of a pair."""
    return 0xD8 <= unit[1 if charset == "utf-16-le" else 0] < 0xDC  # noqa: PLR2004 - surrogates


def _places(pattern: re.Pattern[bytes], text: bytes) -> I64:
    return np.array([found.start() for found in pattern.finditer(text)], np.int64)


def file_lengths(text: U8, places: I64, charset: str) -> I64:
    """Return how many bytes of a file stand in front of places in its text.

    Args:
        text: UTF-8. Dtype uint8.
        places: Where characters begin in it, or its length. Shape (n,).
        charset: How the file is encoded.
    """
    total = np.zeros(len(text) + 1, np.int64)
    np.cumsum((_TWO_BYTES if charset in _MARKS else _ONE_BYTE)[text], out=total[1:])
    return total[places]


def as_in_file(text: memoryview, charset: str) -> memoryview | bytes:
    """Return the end of a text as it stands in its file, as far as that can be told."""
    if charset == UTF_8:
        return text
    known = bytes(text[-_LONGEST_FOOT:]).rpartition(_REPLACEMENT)[2]
    return known.decode("utf-8", "ignore").encode(charset)

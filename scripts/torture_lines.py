# ruff: noqa: INP001 - a helper beside a script, not a package
"""The lines that `scripts/torture` writes, each of which proves itself whole.

A line bears the name of its writer, its number and a checksum, so that in an
output nothing but the line itself has to be believed:

    2026-11-25T03:08:00.123456Z w0 0000017 some "text" #1c291ca3
        at w0 0000018 more of it #7e2f3d10

The second kind has no stamp and belongs to the record before it.
"""

from __future__ import annotations

import random
import re
import time
import zlib
from typing import Final, NamedTuple

__all__ = ["Line", "make_line", "parse_line"]

_SECOND: Final = 1_000_000_000
_SHAPE: Final = re.compile(
    rb"(?:(?P<stamp>\S+Z)|    at) (?P<writer>w\d+) (?P<number>\d{7}) .*#(?P<sum>[0-9a-f]{8})\n"
)
_WORDS: Final = (
    "connection refused",
    'said "no" \\ left',
    "größer als 中文",
    "tab\there",
    "\x1b[31mred\x1b[0m",
    "x" * 90,
)


class Line(NamedTuple):
    """A line as it was found.

    Attributes:
        writer: The name of its writer.
        number: Its place among all lines of that writer, from 0.
        is_stamped: Whether it begins a record.
    """

    writer: str
    number: int
    is_stamped: bool


def make_line(writer: str, number: int, stamp_ns: int | None, chance: random.Random) -> bytes:
    """Return a line with its newline.

    Args:
        writer: The name of the writer.
        number: Its number.
        stamp_ns: Nanoseconds since 1970; None for a line without a stamp.
        chance: Decides on the text.
    """
    if stamp_ns is None:
        head = "    at"
    else:
        whole, rest = divmod(stamp_ns, _SECOND)
        head = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{rest // 1000:06d}Z"
    text = " ".join(chance.choices(_WORDS, k=chance.randrange(3)))
    body = f"{head} {writer} {number:07d} {text} ".encode()
    return body + b"#%08x\n" % zlib.crc32(body)


def parse_line(data: bytes) -> Line | None:
    """Return what a line says of itself; None if it is not whole."""
    found = _SHAPE.fullmatch(data)
    if found is None or int(found["sum"], 16) != zlib.crc32(data[: data.rindex(b"#")]):
        return None
    return Line(found["writer"].decode(), int(found["number"]), found["stamp"] is not None)

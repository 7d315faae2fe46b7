"""Where in its line a stamp stands.

A place is spelled as the columns that were seen, the likelier first, and `*`
where it may be elsewhere too: `0`, `35,39,*`, `*`; or `ts`: where a pattern of
the user says. A stamp begins in the first 256 bytes of its line.

With several columns a line's stamp is sought in the first whose bytes look like
one, else where the layout's expression first matches. A line that begins with
white space goes on with the one before it and is not searched.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import Layout
from trio_ship.decode.patterns import find_text
from trio_ship.decode.shapes import Head
from trio_ship.decode.words import MAX_WIDTH

__all__ = ["SEARCHED_BYTES", "Place"]

SEARCHED_BYTES: Final = 256
"""Where in its line a stamp begins at the latest."""

_LOW: Final = 0x0101010101010101
_HIGH: Final = 0x8080808080808080
_SPACES: Final = np.frombuffer(b" \t\r\n\v\f", np.uint8)


@attrs.frozen
class Place:
    """Where the stamps of a file stand in their lines.

    Attributes:
        columns: The columns seen, the likelier first; empty for a place that
            is only searched or that a pattern gives.
        searched: Whether other columns are possible.
        by_pattern: Whether a pattern of the user says it.
    """

    columns: tuple[int, ...] = ()
    searched: bool = False
    by_pattern: bool = False

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that a text spells.

        Raises:
            ValueError: It spells none.
        """
        if text == "ts":
            return cls(by_pattern=True)
        if re.fullmatch(r"(\d{1,3},)*(\d{1,3}|\*)", text) is None:
            raise ValueError(f"{text!r} is no place of a stamp")
        parts = text.split(",")
        columns = tuple(int(part) for part in parts if part != "*")
        if any(column >= SEARCHED_BYTES for column in columns):
            raise ValueError(f"a stamp begins in the first {SEARCHED_BYTES} bytes, not at {text!r}")
        return cls(columns, parts[-1] == "*")

    def __str__(self) -> str:
        """Return the text that `parse` understands."""
        if self.by_pattern:
            return "ts"
        return ",".join([*map(str, self.columns), *("*" if self.searched else "")])

    def locate(self, layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
        """Return where the stamp of each line may begin; -1 for nowhere.

        Args:
            layout: What is sought.
            head: The cheap look for it.
            arena: Bytes, with at least 64 more behind the last `end`.
            start: First byte of each line. Shape (n,).
            end: The byte after each line. Shape (n,).
        """
        if not self.searched and len(self.columns) == 1:
            return start + self.columns[0]
        found = np.full(len(start), -1, np.int64)
        open_rows = np.arange(len(start))
        for column in self.columns:
            at = start[open_rows] + column
            fits = head.fits(arena, at, end[open_rows])
            if len(open_rows) == len(start) and fits.all():
                return at
            found[open_rows[fits]] = at[fits]
            open_rows = open_rows[~fits]
        if not self.searched:
            return found
        if layout.marker and len(open_rows):
            at = 1 + _find_byte(arena, start[open_rows], end[open_rows], ord(layout.marker))
            fits = (at > 0) & head.fits(arena, at, end[open_rows])
            if len(open_rows) == len(start) and fits.all():
                return at
            found[open_rows[fits]] = at[fits]
            open_rows = open_rows[~fits]
        open_rows = open_rows[~np.isin(arena[start[open_rows]], _SPACES)]
        if len(open_rows):
            last = np.minimum(end[open_rows], start[open_rows] + SEARCHED_BYTES + MAX_WIDTH)
            found[open_rows] = _search(layout, head, arena, start[open_rows], last)
        return found


def _find_byte(arena: U8, start: I64, end: I64, value: int) -> I64:
    """Return where each line first has a byte in its first 256; -1 for nowhere."""
    found = np.full(len(start), -1, np.int64)
    words = np.ndarray((len(arena) - 7,), "<u8", arena, 0, (1,))
    rows = np.arange(len(start))
    at = start
    for _ in range(SEARCHED_BYTES // 8):
        other = words[at] ^ np.uint64(_LOW * value)
        zero = (other - np.uint64(_LOW)) & ~other & np.uint64(_HIGH)
        # The lowest bit is that of the first byte; those below it count its place.
        place = np.bitwise_count(zero ^ (zero - np.uint64(1))) >> 3
        here = at + place - 1
        hit = (zero != 0) & (here < end[rows])
        found[rows[hit]] = here[hit]
        on = ~hit & (at + 8 < end[rows])
        if not on.all():
            rows, at = rows[on], at[on]
        at = at + 8
        if not len(rows):
            break
    return found


def _search(layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
    """Return where the layout's expression first matches in each line, or -1."""
    at = find_text(layout.search, arena, start, end)
    rows = np.flatnonzero(at >= 0)
    place = at[rows] + start[rows]
    if layout.marker:
        place += 1
    else:
        # The match begins with the byte before the stamp, except in column 0.
        place += ~((at[rows] == 0) & head.fits(arena, place, end[rows]))
    found = np.full(len(start), -1, np.int64)
    found[rows] = np.where(place < start[rows] + SEARCHED_BYTES, place, -1)
    return found

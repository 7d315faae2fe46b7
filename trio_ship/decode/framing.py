"""Where lines begin and end in an arena that holds pieces of many files.

Every function works on the whole arena at once; a line that is too long is the
only thing that costs a step of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import attrs
import numpy as np

from trio_ship.batch import I32, I64, U8, Flag
from trio_ship.decode.search import true_places
from trio_ship.decode.words import Bools

__all__ = ["Lines", "find_lines", "newlines"]

_BLOCK = 1 << 20
_NEWLINE = np.uint8(ord("\n"))
_CHARACTER = 4
_KIND, _FOLLOWING = 0xC0, 0x80
_LEADS = (0, 0xC0, 0xE0, 0xF0)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Lines:
    """The complete lines of an arena, region after region.

    Attributes:
        start: First byte of each line. Shape (n,).
        end: The byte after each line, its line end included. Shape (n,).
        flags: `Flag.PARTIAL` where a line was cut, `Flag.UNFINISHED` where a
            file ends without a line end. Shape (n,).
        first: The first line of each region, and the number of lines at the
            end. Shape (m + 1,).
    """

    start: I64
    end: I64
    flags: U8
    first: I64

    @functools.cached_property
    def region(self) -> I32:
        """The region of each line. Shape (n,), dtype int32."""
        counts = np.diff(self.first)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)


def newlines(buffer: U8) -> I64:
    """Return where the newline bytes of `buffer` stand, in order."""
    found = [
        true_places(buffer[place : place + _BLOCK] == _NEWLINE) + place
        for place in range(0, len(buffer), _BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def find_lines(arena: U8, base: I64, size: I64, *, final: Bools, longest: int) -> Lines:
    """Find the complete lines of every region.

    Regions lie one behind the other without gaps. What stands behind the last
    newline of a region is a line only where the region is final. A line longer
    than `longest` is cut every `longest` bytes from its beginning, or in front of
    the character of UTF-8 that stands across the cut, also where its end is not
    there yet, so that the cuts depend on content alone.

    Args:
        arena: The bytes. Dtype uint8.
        base: First byte of each region, ascending. Shape (m,).
        size: Length of each region in bytes. Shape (m,).
        final: Whether nothing will follow the region's bytes. Shape (m,).
        longest: The largest length of a line, its line end included.
    """
    used = int(base[-1] + size[-1]) if len(base) else 0
    end = newlines(arena[:used]) + 1
    lines = _bounds(end, base)
    end, kinds = _with_cuts(arena, lines, base, size, final, longest)
    if kinds is not None:
        lines = _bounds(end, base)
        np.copyto(lines.flags, kinds)
    return lines


def _bounds(end: I64, base: I64) -> Lines:
    first = np.empty(len(base) + 1, np.int64)
    # An end that equals a region's base belongs to the region in front of it.
    first[:-1] = np.searchsorted(end, base, "right")
    first[-1] = len(end)
    start = np.empty_like(end)
    start[1:] = end[:-1]
    filled = first[:-1] < first[1:]
    start[first[:-1][filled]] = base[filled]
    return Lines(start=start, end=end, flags=np.zeros(len(end), np.uint8), first=first)


def _with_cuts(
    arena: U8, lines: Lines, base: I64, size: I64, final: Bools, longest: int
) -> tuple[I64, U8 | None]:
    """Return the ends with those that no newline marks, and what each end is."""
    counts = np.diff(lines.first)
    tail = base.copy()
    filled = counts > 0
    tail[filled] = lines.end[lines.first[1:][filled] - 1]
    left = base + size - tail
    extra: list[tuple[int, int]] = []
    for row in np.flatnonzero(lines.end - lines.start > longest).tolist():
        inner = _cuts(arena, int(lines.start[row]), int(lines.end[row]), longest)
        extra.extend((place, Flag.PARTIAL) for place in inner)
    for region in np.flatnonzero((left > 0) & (final | (left >= longest))).tolist():
        begin, stop = int(tail[region]), int(tail[region] + left[region])
        whole = stop if final[region] else stop + 1
        extra.extend((place, Flag.PARTIAL) for place in _cuts(arena, begin, whole, longest))
        if final[region]:
            extra.append((stop, Flag.UNFINISHED))
    if not extra:
        return lines.end, None
    places = np.array([place for place, _ in extra], np.int64)
    end = np.concatenate([lines.end, places])
    kinds = np.zeros(len(end), np.uint8)
    kinds[len(lines.end) :] = [kind for _, kind in extra]
    order = np.argsort(end, kind="stable")
    return end[order], kinds[order]


def _cuts(arena: U8, begin: int, stop: int, longest: int) -> Iterator[int]:
    """Yield where a line that begins at `begin` is cut, in front of `stop`."""
    while begin + longest < stop:
        begin = _floor(arena, begin + longest)
        yield begin


def _floor(arena: U8, place: int) -> int:
    """Return where the character of UTF-8 begins that stands across a place; else the place."""
    for back in range(1, _CHARACTER):
        byte = int(arena[place - back])
        if byte & _KIND != _FOLLOWING:
            length = sum(byte >= lead for lead in _LEADS)
            return place - back if length > back else place
    return place

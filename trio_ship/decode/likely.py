"""Where the stamp of each line most likely stands.

Some bytes of every line are looked at together, as `windows` has it: those where
stamps were seen, and the beginnings of lines that have none there. What looks like a
stamp is taken for one without a closer look, so that most lines need no other. Whoever
reads it sees whether it is one, and asks for the exact place where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import Layout
from trio_ship.decode.looks import longest, outlines, shortest
from trio_ship.decode.windows import NARROW, ROWS, WIDEST, Bits, Windows, first_bit, telling
from trio_ship.decode.words import Bools, within

__all__ = ["IS_SPACE", "behind_markers", "in_columns", "searched"]

IS_SPACE: Final = np.isin(np.arange(256), np.frombuffer(b" \t\r\n\v\f", np.uint8))
"""Which bytes are white space."""

_SAMPLES: Final = 8
_WINDOWS: Final = 3
_NOWHERE: Final = -1


def in_columns(
    layout: Layout, columns: Sequence[int], arena: U8, start: I64, *, or_first: bool
) -> I64 | None:
    """Return where stamps may stand in some columns, -1 for nowhere; None for too many of them.

    Args:
        layout: What is sought.
        columns: The columns, the likelier first.
        arena: Bytes, with at least 64 more behind the last line.
        start: First byte of each line. Shape (n,).
        or_first: Whether a line that has none there, and does not begin with white space,
            may have one where something first looks like one.
    """
    needed = max(columns) + longest(layout) + 1
    width = NARROW if needed <= NARROW else WIDEST
    # What is before a number must be seen, too.
    origin = 0 if needed <= width else max(min(columns) - 1, 0)
    if needed - origin > width:
        return None
    listed = [column - origin for column in columns]
    at = np.empty_like(start)
    for low in range(0, len(start), ROWS):
        begin = start[low : low + ROWS] + origin
        windows = Windows(arena, within(arena, begin), width)
        begins = _begins(layout, windows)
        place = _listed(begins, listed)
        if or_first and not origin:
            rows = np.flatnonzero(place >= width)
            rows = rows[~IS_SPACE[arena[begin[rows]]]]
            if len(rows):
                place[rows] = first_bit(_whole(layout, windows, begins)[rows])
        found = (place < width) & (begin <= len(arena) - WIDEST)
        at[low : low + ROWS] = np.where(found, begin + place, _NOWHERE)
    return at


def searched(layout: Layout, arena: U8, start: I64, end: I64) -> I64:
    """Return where something near the beginning of lines first looks like a stamp; -1 for nowhere.

    Args:
        layout: What is sought.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    step = WIDEST - longest(layout) - 1
    at = np.full(len(start), _NOWHERE)
    for low in range(0, len(start), ROWS):
        rows = np.arange(low, min(low + ROWS, len(start)))
        for number in range(_WINDOWS):
            # Each window begins one byte early, to see what is before a number.
            begin = start[rows] + number * step
            windows = Windows(arena, within(arena, begin))
            begins = _whole(layout, windows, _begins(layout, windows))
            begins &= ~begins.dtype.type(number > 0)
            place = first_bit(begins)
            found = (place < WIDEST) & (begin <= len(arena) - WIDEST)
            at[rows[found]] = begin[found] + place[found]
            rows = rows[~found]
            rows = rows[start[rows] + (number + 1) * step < end[rows]]
            if not len(rows):
                break
    return at


def behind_markers(layout: Layout, arena: U8, start: I64, end: I64) -> I64 | None:
    """Return the places behind the first markers; None where those are not of stamps.

    Arguments as for `searched`.
    """
    marker, needed = layout.marker.encode(), 0
    step = max(len(start) // _SAMPLES, 1)
    for low, high in zip(start[::step].tolist(), end[::step].tolist(), strict=True):
        line = arena[low:high].tobytes()
        at = line.find(marker) + 1
        if at and layout.match(line, at) is None:
            return None
        needed = max(needed, at)
    if needed > WIDEST:
        return None
    width = NARROW if needed <= NARROW else WIDEST
    places = np.empty_like(start)
    for low in range(0, len(start), ROWS):
        begin = start[low : low + ROWS]
        place = first_bit(Windows(arena, begin, width).places(marker[0]))
        places[low : low + ROWS] = np.where(place < width, begin + place + 1, _NOWHERE)
    return places


def _begins(layout: Layout, windows: Windows) -> Bits:
    """Return where stamps may begin: the places that no stamp lacks are like those of one."""
    begins: Bits | None = None
    ways = outlines(layout)
    for marks, group in ways.items():
        own = [mark for mark in marks if mark[0] >= 0]
        some = windows.begins(telling(windows.counts, own)) if own else None
        if some is None:
            some = windows.numbers(shortest(layout))
        elif len(ways) > 1 and all(outline.is_number for outline in group):
            some &= windows.digits()
        begins = some if begins is None else begins | some
    assert begins is not None  # noqa: S101 - a layout has a width at least
    if len(ways) > 1 and layout.is_number:
        # `3 Nov` is no stamp in `23 Nov`.
        begins &= ~(windows.digits() << begins.dtype.type(1))
    return begins


def _whole(layout: Layout, windows: Windows, begins: Bits) -> Bits:
    """Return the beginnings behind a marker, if stamps have one, of what is whole in its window."""
    bit = begins.dtype.type
    begins = begins & bit((1 << windows.width - longest(layout)) - 1)
    if layout.marker:
        begins &= windows.places(ord(layout.marker)) << bit(1)
    return begins


def _listed(begins: Bits, columns: Sequence[int]) -> I64:
    """Return the first of some columns at which each line has a bit, or how many bits it has."""
    bit = begins.dtype.type
    begins = begins & bit(sum(1 << column for column in columns))
    place = first_bit(begins)
    several = np.flatnonzero((begins & (begins - bit(1))) != 0)
    if len(several):
        left = begins[several]
        for column in reversed(columns):
            place[several[_has(left, column)]] = column
    return place


def _has(words: Bits, number: int) -> Bools:
    has: Bools = words & words.dtype.type(1 << number) != 0
    return has

"""What stands in front of the text of a line and is none of it.

That is a byte order mark; the NULs of a hole, which copytruncate leaves under a
writer that goes on at its old place; or sequences that make a terminal colour what
follows, as `ESC [ 2 m`.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.search import have_marks

__all__ = ["begins_coloured", "lead_of", "without_colours"]

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPE: Final = 27
_LONGEST: Final = 24  # bytes of a sequence
_MOST: Final = 4  # of them one behind the other
_SHORT: Final = 32  # bytes of all of them in most lines
_PARAMETERS: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789;:?", np.uint8))
_COLOURS: Final = re.compile(rb"(?:\x1b\[[\d;:?]{0,22}[A-Za-z]){1,4}")


def without_colours(text: bytes) -> bytes:
    """Return a line without the sequences of colours in front of it."""
    found = _COLOURS.match(text)
    return text if found is None else text[found.end() :]


def begins_coloured(arena: U8, start: I64) -> bool:
    """Tell whether the first of some lines seems to begin with colours."""
    return bool(arena[start[0]] == _ESCAPE)


def lead_of(arena: U8, start: I64, end: I64, *, coloured: bool) -> I64:
    """Return how many bytes in front of each line are no text.

    Args:
        arena: Bytes, with at least 64 more behind the last line.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).
        coloured: Whether sequences of colours are none.
    """
    lead = np.zeros(len(start), np.int64)
    first = arena[start]
    marked = np.flatnonzero(first == _BOM[0])
    marked = marked[start[marked] + len(_BOM) <= end[marked]]
    for place, value in enumerate(_BOM[1:], 1):
        marked = marked[arena[start[marked] + place] == value]
    lead[marked] = len(_BOM)
    rows = np.flatnonzero(first == 0)
    if len(rows):
        behind = _behind_nuls(arena, start[rows], int(end[rows].max()))
        lead[rows] = np.where(behind < end[rows], behind - start[rows], 0)
    rows = np.flatnonzero(first == _ESCAPE)
    if coloured and len(rows):
        lead[rows] = _behind_colours(arena, start[rows], end[rows]) - start[rows]
    return lead


def _behind_nuls(arena: U8, places: I64, stop: int) -> I64:
    """Return where the run of NULs ends that lies at each place; `stop` if not before it."""
    begin = int(places.min())
    is_text = arena[begin:stop] != 0
    ends = np.flatnonzero(is_text[1:] & ~is_text[:-1]) + begin + 1
    return np.append(ends, stop)[np.searchsorted(ends, places, side="right")]


def _behind_colours(arena: U8, start: I64, end: I64) -> I64:
    """Return where the text begins behind sequences of colours; shape (n,).

    Args:
        arena: Bytes, with at least 64 more behind the last line.
        start: Where such a sequence seems to begin. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    behind = start.copy()
    usual = _COLOURS.match(arena[start[0] : min(start[0] + _SHORT, end[0] - 1)].tobytes())
    if usual is not None:
        # A program writes the same ones in front of each line.
        behind += len(usual[0])
        alike = have_marks(arena, start, list(enumerate(usual[0])))
        alike &= (behind < end) & (arena[behind] != _ESCAPE)
        rows = np.flatnonzero(~alike)
        behind[rows] = start[rows]
    else:
        rows = np.arange(len(start))
    for _ in range(_MOST):
        at = behind[rows]
        rows = rows[(arena[at] == _ESCAPE) & (arena[at + 1] == ord("["))]
        stop = behind[rows] + 2
        for _ in range(_LONGEST - 2):
            goes_on = _PARAMETERS[arena[stop]]
            if not goes_on.any():
                break
            stop += goes_on
        letter = arena[stop] | 32
        closed = (letter >= ord("a")) & (letter <= ord("z")) & (stop + 1 < end[rows])
        rows = rows[closed]
        behind[rows] = stop[closed] + 1
    return behind

r"""Members of an object itself, told from those of objects within it.

`{"event":{"time":...},"time":...}`: what stands deeper in an object is seldom the time
of its record. How deep a byte stands is the number of braces and brackets that are
open before it; those in strings do not count, and a quote behind a `\` ends no string.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import numpy as np

from trio_ship.batch import I32, I64, U8
from trio_ship.decode.search import find_marks, first_of_lines
from trio_ship.decode.words import Bools

__all__ = ["find_member", "own_member"]

_Sums = TypeVar("_Sums", U8, I32)

_PIECE: Final = 1 << 20
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]')
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


def own_member(name: bytes, text: bytes) -> int:
    """Return where the first member of a name stands in an object itself; -1 for nowhere.

    Args:
        name: With its quotes.
        text: A line.
    """
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
        elif depth == 1 and token[0] == name and text[token.end() : token.end() + 1] == b":":
            return token.start()
    return -1


def find_member(name: bytes, arena: U8, start: I64, end: I64) -> I64:
    """Return where a member stands in the object of each line, -1 for nowhere; shape (n,).

    It is the first one of the object itself or, where it has none, of any within it.

    Args:
        name: With its quotes.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line, ascending. Shape (n,), n > 0.
        end: The byte after each line. Shape (n,).
    """
    found = np.empty_like(start)
    pieces = np.flatnonzero(np.diff((start - start[0]) // _PIECE)) + 1
    for low, high in zip([0, *pieces.tolist()], [*pieces.tolist(), len(start)], strict=True):
        found[low:high] = _find(name, arena, start[low:high], end[low:high])
    return found


def _find(name: bytes, arena: U8, start: I64, end: I64) -> I64:
    text = name + b":"
    begin, stop = int(start[0]), int(end[-1])
    at = find_marks(arena, list(enumerate(text)), begin, stop)
    first = first_of_lines(at, start, end - len(text))
    is_own = _are_own(arena[begin:stop], start - begin, at - begin)
    own = first_of_lines(at[is_own], start, end - len(text))
    return np.where(own >= 0, own, first)


def _are_own(text: U8, start: I64, at: I64) -> Bools:
    """Tell which names belong to the object of their line itself.

    What a line has left open does not count for the next one.

    Args:
        text: The lines.
        start: First byte of each line, ascending, the first one 0. Shape (n,).
        at: Where each name begins, with its quote. Shape (k,).

    Returns:
        Whether a string begins there with one brace or bracket open before it. (k,).
    """
    # The two kinds of each differ in one bit: `[` and `{`, `]` and `}`.
    kind = text | np.uint8(32)
    opens, closes, quotes = kind == ord("{"), kind == ord("}"), text == _QUOTE
    _drop_escaped(text, quotes)
    # Quotes are many, so only whether their number is odd is known, and at few places.
    looked_at = opens | closes
    looked_at[start] = True
    looked_at[at] = True
    places = np.flatnonzero(looked_at)
    of_line = np.searchsorted(places, start)
    between = np.bitwise_xor.reduceat(quotes.view(np.uint8), places)
    strings = np.bitwise_xor.accumulate(between)
    inside = _in_front(strings, of_line, np.bitwise_xor).view(np.bool_)
    steps = opens[places].view(np.int8) - closes[places].view(np.int8)
    steps *= ~inside
    depth = _in_front(np.cumsum(steps, dtype=np.int32), of_line, np.subtract)
    mine = np.searchsorted(places, at)
    own: Bools = quotes[at] & ~inside[mine] & (depth[mine] == 1)
    return own


def _in_front(sums: _Sums, of_line: I64, undo: np.ufunc) -> _Sums:
    """Return what running sums come to in front of each place, from its line's first one on.

    Args:
        sums: Over the places of all lines. Shape (k,).
        of_line: The first place of each line. Shape (n,).
        undo: Takes from a sum what it had in front of the line.
    """
    before = np.append(np.zeros(1, sums.dtype), sums[:-1])
    own: _Sums = undo(before, np.repeat(before[of_line], np.diff(of_line, append=len(sums))))
    return own


def _drop_escaped(text: U8, quotes: Bools) -> None:
    """Take back the quotes behind a backslash that is none behind another."""
    escaped = np.flatnonzero(quotes[1:] & (text[:-1] == _BACKSLASH)) + 1
    if not len(escaped):
        return
    run = np.zeros(len(escaped), np.int64)
    going = np.ones(len(escaped), np.bool_)
    while going.any():
        behind = escaped - run - 1
        going &= (behind >= 0) & (text[np.maximum(behind, 0)] == _BACKSLASH)
        run += going
    quotes[escaped[run % 2 == 1]] = False

r"""Members of an object itself, told from those of objects within it.

`{"event":{"time":...},"time":...}`: what stands deeper in an object is seldom the time
of its record. How deep a byte stands is the number of braces and brackets that are
open before it; those in strings do not count, and a quote behind a `\` ends no string.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.search import find_marks, first_of_lines, packed, true_places
from trio_ship.decode.words import Bools, Words

__all__ = ["find_member", "own_member"]

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
    limit = end - len(text)
    if len(at) == len(start) and (at >= start).all() and (at < limit).all():
        return at
    found = first_of_lines(at[_are_own(arena[begin:stop], start - begin, at - begin)], start, limit)
    rows = np.flatnonzero(found < 0)
    if len(rows):
        found[rows] = first_of_lines(at, start[rows], limit[rows])
    return found


def _are_own(text: U8, start: I64, at: I64) -> Bools:
    """Tell which quotes begin a string with one brace or bracket open before it; shape (k,).

    One bit stands for each byte, as in simdjson (Langdale and Lemire, 2019), so only
    words are counted. What a line has left open does not count for the next one.

    Args:
        text: The lines.
        start: First byte of each line, ascending, the first one 0. Shape (n,).
        at: Where the quotes are, ascending. Shape (k,).
    """
    inside = _strings(text, start)
    outside = ~inside
    # The two kinds of each differ in one bit: `[` and `{`, `]` and `}`.
    kind = text | np.uint8(32)
    opened = packed(kind == ord("{")) & outside
    closed = packed(kind == ord("}")) & outside
    steps = np.bitwise_count(opened).view(np.int8) - np.bitwise_count(closed).view(np.int8)
    depth = np.cumsum(steps, dtype=np.int64) - steps

    def depths(places: I64) -> I64:
        word, before = places >> 6, _bit(places) - np.uint64(1)
        found: I64 = depth[word] + np.bitwise_count(opened[word] & before)
        found -= np.bitwise_count(closed[word] & before)
        return found

    own = depths(at)
    left_open = depths(start)
    if left_open.any():
        own -= left_open[np.searchsorted(start, at, "right") - 1]
    # Behind a backslash it only goes on with its string.
    are_own: Bools = (own == 1) & _has(inside, at) & ~_has(inside, at - 1)
    return are_own


def _strings(text: U8, start: I64) -> Words:
    """Return a bit for each byte: whether it is in a string, the quote that begins it included.

    Arguments as for `_are_own`; of the last byte of a line whose string has no end nothing
    is said.
    """
    quotes = text == _QUOTE
    backslashes = text == _BACKSLASH
    if backslashes.any():
        escaped = true_places(quotes[1:] & backslashes[:-1]) + 1
        run = np.zeros(len(escaped), np.int64)
        going = np.ones(len(escaped), np.bool_)
        while going.any():
            behind = escaped - run - 1
            going &= (behind >= 0) & backslashes[np.maximum(behind, 0)]
            run += going
        quotes[escaped[run % 2 == 1]] = False
    inside = _between(quotes)
    last = start[1:] - 1
    is_open = _has(inside, last)
    if is_open.any():
        # One quote more ends it with its line.
        quotes[last[is_open != np.append(False, is_open[:-1])]] ^= True
        inside = _between(quotes)
    return inside


def _between(quotes: Bools) -> Words:
    """Return the bits from every odd quote up to before the next one."""
    words = packed(quotes)
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    odd = words >> np.uint64(63)
    words ^= np.uint64(0) - (np.bitwise_xor.accumulate(odd) ^ odd)
    return words


def _bit(places: I64) -> Words:
    return np.uint64(1) << (places & 63).view(np.uint64)


def _has(words: Words, places: I64) -> Bools:
    has: Bools = (words[places >> 6] & _bit(places)) != 0
    return has

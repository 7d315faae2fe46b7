r"""Members of an object itself, told from those of objects within it.

`{"event":{"time":...},"time":...}`: what stands deeper in an object is seldom the time
of its record. How deep a byte stands is the number of braces and brackets that are
open before it; those in strings do not count, and a quote behind a `\` ends no string.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8
from trio_ship.decode.search import find_marks, first_of_lines
from trio_ship.decode.words import Bools

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
    first = first_of_lines(at, start, end - len(text))
    depth, inside = _depths(arena[begin:stop], start - begin)
    is_own = (depth[at - begin] == 1) & inside[at - begin]
    own = first_of_lines(at[is_own], start, end - len(text))
    return np.where(own >= 0, own, first)


def _depths(text: U8, start: I64) -> tuple[npt.NDArray[np.int32], Bools]:
    """Return how many braces and brackets are open up to each byte, and what is in a string.

    What a line has left open does not count for the next one.

    Args:
        text: The lines.
        start: First byte of each line, ascending, the first one 0. Shape (n,).
    """
    quotes = text == _QUOTE
    escaped = np.flatnonzero(quotes[1:] & (text[:-1] == _BACKSLASH)) + 1
    if len(escaped):
        run = np.zeros(len(escaped), np.int64)
        going = np.ones(len(escaped), np.bool_)
        while going.any():
            behind = escaped - run - 1
            going &= (behind >= 0) & (text[np.maximum(behind, 0)] == _BACKSLASH)
            run += going
        quotes[escaped[run % 2 == 1]] = False
    lengths = np.diff(start, append=len(text))
    inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)).view(np.bool_)
    left_open = np.append(False, inside[start[1:] - 1])
    if left_open.any():
        inside ^= np.repeat(left_open, lengths)
    # The two kinds of each differ in one bit: `[` and `{`, `]` and `}`.
    kind = text | np.uint8(32)
    steps = (kind == ord("{")).view(np.int8) - (kind == ord("}")).view(np.int8)
    steps[inside] = 0
    depth = np.cumsum(steps, dtype=np.int32)
    depth -= np.repeat(np.append(np.int32(0), depth[start[1:] - 1]), lengths)
    return depth, inside

r"""What another program puts in front of every line that it passes on.

`docker compose logs` and pm2 write the name of a service and a bar, `kubectl logs
--prefix` and programs that start others a name in brackets:

    web-1  | I1123 08:00:00.123456       1 server.go:12] text
    [pod/api-5d9f/api] {"level":30,"at":1795420800123}

What is behind them is a line of its own, whose beginning says as much as that of any other.
So may white space be in front of lines. `kubelet[812]: ` behind the stamp of syslog, or the
rest of one that `docker logs -t` has put in front of a line, are tags of what is inside.
Which of them it is, one byte tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.leads import lead_of
from trio_ship.decode.search import have_marks
from trio_ship.decode.windows import ROWS, WIDEST, Windows, first_bit
from trio_ship.decode.words import Bools

__all__ = ["NEARLY_ALL", "SEARCHED_BYTES", "Tag", "behind_tag", "usual_tag"]

Tag: TypeAlias = Literal["", "_", "|", "]", ":", "~"]
"""What is in front of lines: nothing; white space; a name and a bar; a name in brackets;
what ends with a colon; with a space."""

SEARCHED_BYTES: Final = 256
"""Where in its line a stamp begins at the latest, if no field holds it."""

NEARLY_ALL: Final = 0.9
"""The share of lines that have a tag if they are what another program has passed on."""

_ESCAPE: Final = 27
_IS_BLANK: Final = np.isin(np.arange(256), np.frombuffer(b" \t", np.uint8))
_COLOUR: Final = rb"(?:\x1b\[[\d;]*m)*"
_NAME: Final = rb"(?:[A-Za-z][\w.@:/-]*|\d{1,3})"
_TAGS: Final[dict[Tag, re.Pattern[bytes]]] = {
    "|": re.compile(rb"%b(?:\d+\|)?%b *%b\|%b " % (_COLOUR, _NAME, _COLOUR, _COLOUR)),
    "]": re.compile(rb"\[%b(?: +%b)*\] " % (_NAME, _NAME)),
}
_SHORT: Final = 56  # bytes, as slack allows


def usual_tag(texts: Sequence[bytes]) -> Tag:
    """Return what nearly all of some lines have in front; white space does not count."""
    for tag, pattern in _TAGS.items():
        if texts and pattern.match(texts[len(texts) // 2]) is not None:
            count = sum(pattern.match(text) is not None for text in texts)
            if count >= NEARLY_ALL * len(texts):
                return tag
    return ""


def behind_tag(tag: Tag, arena: U8, start: I64, end: I64) -> I64:
    """Return where the text of each line begins behind a tag; where it begins if it has none.

    Args:
        tag: What may be in front.
        arena: Bytes, with at least 64 more behind the last line.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    if not tag or not len(start):
        return start
    if tag == "_":
        return _behind_blanks(arena, start, end)
    closing = ord(" " if tag == "~" else tag)
    behind, alike = _behind_usual(closing, arena, start, end)
    others = np.flatnonzero(~alike)
    for low in range(0, len(others), ROWS):
        rows = others[low : low + ROWS]
        behind[rows] = _behind_name(closing, arena, start[rows], end[rows])
    return behind


def _behind_usual(closing: int, arena: U8, start: I64, end: I64) -> tuple[I64, Bools]:
    """Return where lines begin behind the tag of the first, and which have the same."""
    size = int(_behind_name(closing, arena, start[:1], end[:1])[0] - start[0])
    tag = arena[start[0] : start[0] + size].tobytes()
    behind = start + size
    if not 0 < size <= _SHORT:
        return behind, np.zeros(len(start), np.bool_)
    alike = have_marks(arena, start, list(enumerate(tag))) & (behind < end)
    goes_on = arena[behind] == _ESCAPE
    if not tag.endswith(b" "):
        goes_on |= arena[behind] == ord(" ")
    return behind, alike & ~goes_on


def _behind_name(closing: int, arena: U8, start: I64, end: I64) -> I64:
    windows = Windows(arena, start)
    ends = windows.places(closing)
    if closing != ord(" "):
        ends &= (windows.places(ord(" ")) | windows.places(_ESCAPE)) >> np.uint64(1)
    place = first_bit(ends)
    has_one = (place < WIDEST) & (start + place + 2 < end)
    if closing == ord("]"):
        has_one &= arena[start] == ord("[")
    behind = np.where(has_one, start + place + 1, start)
    rows = np.flatnonzero(has_one)
    coloured = rows[arena[behind[rows]] == _ESCAPE]
    if len(coloured):
        at = behind[coloured]
        behind[coloured] += lead_of(arena, at, end[coloured], coloured=True)
    behind[rows] += arena[behind[rows]] == ord(" ")
    return behind


def _behind_blanks(arena: U8, start: I64, end: I64) -> I64:
    """Return where the text of each line begins behind spaces and tabs, if there are few."""
    start = start.copy()
    rows = np.arange(len(start))
    for _ in range(SEARCHED_BYTES):
        rows = rows[_IS_BLANK[arena[start[rows]]] & (start[rows] + 1 < end[rows])]
        if not len(rows):
            break
        start[rows] += 1
    return start

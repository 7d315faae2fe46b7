"""Whether a stamp goes on behind the variant that was read.

`2015-10-18 18:01:47` is no stamp of that length where a digit, a fraction, AM or
PM, or a zone follows: it is one of another variant, or none at all. What follows a
comma is a fraction if it has nine digits at most and does not begin a date or a time.
"""

from __future__ import annotations

import functools
import itertools
import re
import string
from typing import Final

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8
from trio_ship.decode.abbreviations import AREAS, INITIALS, OFFSETS, is_zone_name
from trio_ship.decode.layouts import Layout
from trio_ship.decode.search import lowest_bit
from trio_ship.decode.words import Bools, Words, gather, no_digits, within

__all__ = ["find_continued", "plan_ending"]

_LETTERS: Final = np.zeros(1 << 16, np.bool_)
"""Which two letters can begin the name of a zone, or are AM or PM."""
_LETTERS[
    [
        int.from_bytes(text[:2].encode(), "little")
        for text in (*OFFSETS, *AREAS, *map("".join, itertools.product("AaPp", "Mm")))
    ]
] = True
_ENDS_COLUMN: Final = np.isin(np.arange(256), np.frombuffer(b",;\r\n", np.uint8))
_JOINS: Final = np.isin(np.arange(256), np.frombuffer(b"-/:", np.uint8))
_IS_DIGIT: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789", np.uint8))
_IS_COLUMN: Final = np.isin(np.arange(9), [1, 2, 4, 5, 8])
"""Of so many digits: whether they are no fraction if nothing else goes on behind them."""
_TWO_BYTES: Final = np.uint64(0xFFFF)
_PAIRS: Final = 65536
_MOST_DIGITS: Final = 9
_WORD: Final = (string.ascii_letters + string.digits).encode()
_OPEN: Final = ("%f", "%g", "%p", "%P", "%z")


def plan_ending(layout: Layout, variant: str, chosen: frozenset[str]) -> Bools | None:
    """Return which bytes may be the rest of a longer stamp; None where none may.

    The first half of the table is for two bytes, little end first; the second one
    for the two bytes behind a space.

    Args:
        layout: The layout.
        variant: Which variant of it.
        chosen: Those of `%f`, `%g`, `%p`, `%P` and `%z` that it has.
    """
    ending = list(itertools.takewhile(_OPEN.__contains__, reversed(layout.fields)))
    left = list(itertools.takewhile(lambda field: field not in chosen, ending))
    if not (layout.ends_in_digit or ending):
        return None
    if variant.endswith("Z"):
        return _may_continue(frozenset(), behind="ZZ") if variant.endswith("ZZ") else None
    comma = re.search(r",\d$", variant) if ending else None
    if comma is not None:
        behind = "." if comma[0][1] in "3679" else "./:-,;\r\n"
        return _may_continue(frozenset(left), behind=behind)
    by_minute = "%M" in layout.fields and "%S" not in layout.fields
    behind = ":.<" if by_minute else ":" if variant.endswith("+hh") else ""
    if ending and variant.endswith(("p", "p.")):
        behind = "p"
    elif layout.zone_name(variant):
        behind = "ZZ"
    return _may_continue(frozenset(left), behind=behind)


@functools.cache
def _may_continue(left: frozenset[str], *, behind: str) -> Bools:
    """Return the table for the fields left out.

    Args:
        left: The fields.
        behind: `p` behind AM or PM, `ZZ` behind a name; else what may be before digits,
            and from a comma on what may be before anything.
    """
    first, second = np.arange(_PAIRS) & 255, np.arange(_PAIRS) >> 8

    def one_of(values: npt.NDArray[np.int64], characters: bytes) -> Bools:
        return np.isin(values, np.frombuffer(characters, np.uint8))

    table = one_of(first, b"0123456789")
    digit_next = one_of(second, b"0123456789")
    if "%f" in left:
        table |= one_of(first, b".,:") & digit_next
    if "%g" in left:
        table |= one_of(first, b".") & digit_next
    if behind in ("p", "ZZ"):
        table |= one_of(first, _WORD + b"+-_/" * (behind == "ZZ"))
    if behind[:1] in (".", ":"):
        numbers, comma, ends = behind.partition(",")
        table |= one_of(first, numbers.encode()) & digit_next
        table |= one_of(first, (comma + ends).encode())
    if "%p" in left:
        table |= one_of(first, b"AaPp") & one_of(second, b"Mm.")
        table |= one_of(first, b" ") & one_of(second, b"AaPp")
        table |= one_of(first, b"\xe2") & one_of(second, b"\x80")
    if "%z" in left:
        table |= one_of(first, b"Z") | (one_of(first, b"+-") & digit_next)
        table |= one_of(first, b" ") & one_of(second, b"+-" + INITIALS)
    # What stands behind a space is the rest of a stamp only if it is an offset,
    # AM or PM, or the name of a zone; most often it is the level of the record.
    letters = _LETTERS | (one_of(first, b"AaPp") & one_of(second, b".")) & ("%p" in left)
    behind_space = table[(first << 8) | ord(" ")] & (digit_next | letters)
    return np.concatenate([table, behind_space])


def _is_listed(arena: U8, at: I64, end: I64, *, in_column: bool) -> Bools:
    """Tell where the number behind a comma is the next one of a list, and no fraction. (n,).

    Args:
        arena: Bytes, with at least 64 more behind the last `end`.
        at: The byte behind each comma. Shape (n,).
        end: The byte after each line. Shape (n,).
        in_column: Whether it is that also where it is a column of a table, as
            `Layout.match` has it.
    """
    first, second = no_digits(gather(arena, within(arena, at), 2))
    # It may have more digits than any fraction.
    listed: Bools = (first == 0) & ((second & _TWO_BYTES) == 0) & (at + _MOST_DIGITS < end)
    if not in_column:
        return listed
    count = lowest_bit(first) >> np.uint8(3)
    rows = np.flatnonzero(_IS_COLUMN[count])
    stop = within(arena, at[rows]) + count[rows]
    goes_on = _JOINS[arena[stop]] & _IS_DIGIT[arena[stop + 1]]
    hyphens = np.flatnonzero(goes_on & (arena[stop] == ord("-")))
    if len(hyphens):
        behind = stop[hyphens] + 2
        behind += _IS_DIGIT[arena[behind]]
        goes_on[hyphens] = _JOINS[arena[behind]] & (arena[behind] != ord(":"))
    listed[rows] |= (_ENDS_COLUMN[arena[stop]] | goes_on) & (stop < end[rows])
    return listed


def find_continued(table: Bools, four: Words, arena: U8, after: I64, end: I64) -> I64:
    """Return the rows where what follows might be the rest of a longer stamp.

    Args:
        table: As `plan_ending` gives it.
        four: Words whose lowest four bytes are those behind each stamp. Shape (n,).
        arena: Bytes, with at least 64 more behind the last `end`.
        after: The byte behind each stamp. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    first = four.astype(np.uint8)
    if (first == first[0]).all():
        # So it is in most files.
        spaced = np.full(len(first), first[0] == ord(" "))
        if not spaced[0] and not table[int(first[0]) : _PAIRS : 256].any():
            return np.zeros(0, np.int64)
    else:
        spaced = first == ord(" ")
    if spaced.all():
        rows = np.flatnonzero(table[_PAIRS:][(four >> np.uint64(8)).astype(np.uint16)])
    elif spaced.any():
        code = np.where(spaced, four >> np.uint64(8), four).astype(np.uint16)
        rows = np.flatnonzero(table[code + np.where(spaced, _PAIRS, 0)])
    else:
        rows = np.flatnonzero(table[four.astype(np.uint16)])
    listed = np.flatnonzero(first[rows] == ord(","))
    if len(listed):
        # Where a comma alone goes on with a stamp it can be the point of a fraction only.
        in_column = not table[ord(",") | ord("x") << 8]
        those = rows[listed]
        is_listed = _is_listed(arena, after[those] + 1, end[those], in_column=in_column)
        rows = np.delete(rows, listed[is_listed])
    after, end, spaced = within(arena, after[rows]), end[rows], spaced[rows]
    digit = (arena[after + 2] - np.uint8(48)) <= 9  # noqa: PLR2004 - digits
    found = (after < end) & (digit | ~spaced)
    letters = np.flatnonzero(spaced & ~digit & (after + 2 < end))
    if len(letters):
        at = after[letters] + 1
        dotted = arena[at + 1] == ord(".")
        noon = (arena[at + 1 + dotted] | 32) == ord("m")
        found[letters] = noon | is_zone_name(arena, at)
    continued: I64 = rows[found]
    return continued

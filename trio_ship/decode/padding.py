"""Stamps whose numbers vary in width, given their missing zeros.

`8:5:00` becomes `08:05:00`, and `05.25Z` becomes `05.250000000Z`, for many lines at
once, so that the decoders of `shapes`, for which every byte has its place, can read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64
from trio_ship.decode.words import Bools, Words

__all__ = ["fill", "pad"]

_EVERY: Final = 0x0101010101010101
_HIGH: Final = np.uint64(0x80 * _EVERY)
_LOW: Final = np.uint64(0x7F * _EVERY)
_BELOW_ZERO: Final = np.uint64(0x50 * _EVERY)
_ABOVE_NINE: Final = np.uint64(0x46 * _EVERY)
_ZEROS: Final = np.uint64(0x30 * _EVERY)


def pad(words: Words, numbers: Sequence[range]) -> I64:
    """Insert zeros in front of numbers that have fewer digits than they may have.

    Args:
        words: The bytes of stamps, as `words.gather` gives them, which are changed.
            Shape (count, n).
        numbers: Where the numbers stand once they and all before them are full,
            ascending.

    Returns:
        How many zeros were inserted into each stamp. Shape (n,).
    """
    inserted = np.zeros(words.shape[1], np.int64)
    for places in numbers:
        for _ in places[1:]:
            short = np.zeros(words.shape[1], np.bool_)
            for place in places[1:]:
                short |= _is_no_digit(words, place)
            if not short.any():
                break
            _insert_zero(words, places.start, short)
            inserted += short
    return inserted


def _is_no_digit(words: Words, place: int) -> Bools:
    word, byte = divmod(place, 8)
    character = (words[word] >> np.uint64(8 * byte)).astype(np.uint8)
    no_digit: Bools = (character - np.uint8(48)) > 9  # noqa: PLR2004 - digits
    return no_digit


def _insert_zero(words: Words, place: int, where: Bools) -> None:
    """Insert a zero at a place of some stamps; what stands there and behind it moves on."""
    first, byte = divmod(place, 8)
    for word in range(len(words) - 1, first, -1):
        moved = words[word] << np.uint64(8)
        moved |= words[word - 1] >> np.uint64(56)
        np.copyto(words[word], moved, where=where)
    before = np.uint64((1 << 8 * byte) - 1)
    moved = (words[first] & ~before) << np.uint64(8)
    moved |= words[first] & before
    moved |= np.uint64(ord("0") << 8 * byte)
    np.copyto(words[first], moved, where=where)


def fill(words: Words, places: range) -> I64:
    """Insert zeros behind the digits of a fraction that has fewer than it may have.

    Args:
        words: As for `pad`, which are changed. Shape (count, n).
        places: Where the fraction stands once it is full: nine digits at most.

    Returns:
        How many zeros were inserted into each stamp: all digits where there is no
        fraction, of which nothing is of use then. Shape (n,).
    """
    first, last = places.start // 8, (places.stop - 1) // 8
    open_: Words | None = None
    kept = np.zeros(words.shape[1], np.uint8)
    digits = {}
    for word in range(first, last + 1):
        own = np.uint64(_mask(places, word))
        # The high bit of each byte tells whether it is no digit.
        low = words[word] & _LOW
        other = ~(low + _BELOW_ZERO)
        other |= low + _ABOVE_NINE
        other |= words[word]
        other &= _HIGH & own
        before = ((other & (~other + np.uint64(1))) >> np.uint64(7)) - np.uint64(1)
        before &= own
        if open_ is not None:
            before *= open_
        open_ = (other == 0) if open_ is None else open_ & (other == 0)
        kept += np.bitwise_count(before)
        digits[word] = before
    inserted = np.uint64(8 * len(places)) - kept
    if not inserted.any():
        return inserted.view(np.int64)
    rest = np.uint64(64) - inserted
    for word in range(len(words) - 1, first - 1, -1):
        behind = np.uint64(_mask(range(places.stop, 8 * len(words)), word))
        moved = words[word] << inserted
        if word:
            moved |= words[word - 1] >> rest
        moved &= behind
        if word <= last:
            zeros = np.uint64(_mask(places, word))
            stay = digits[word] | np.uint64(_mask(range(places.start), word))
            moved |= words[word] & stay
            moved |= _ZEROS & zeros & ~digits[word]
        words[word] = moved
    return (inserted >> np.uint64(3)).view(np.int64)


def _mask(places: range, word: int) -> int:
    """Return all bits of those bytes of a word that are among some places."""
    return sum(0xFF << 8 * byte for byte in range(8) if 8 * word + byte in places)

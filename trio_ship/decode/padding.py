"""Stamps whose numbers vary in width, given their missing zeros.

`8:5:00` becomes `08:05:00`, and `05.25Z` becomes `05.250000000Z`, for many lines at
once, so that the decoders of `shapes`, for which every byte has its place, can read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64
from trio_ship.decode.search import lowest_bit
from trio_ship.decode.words import Words, no_digits

__all__ = ["fill", "pad"]

_ALL: Final = (1 << 64) - 1
_ZEROS: Final = np.uint64(0x3030303030303030)


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
    inserted = np.zeros(words.shape[1], np.uint64)
    for places in numbers:
        missing = _missing(words, places)
        if missing is not None:
            _insert_zeros(words, places, missing)
            inserted += missing
    return (inserted >> np.uint64(3)).view(np.int64)


def _missing(words: Words, places: range) -> Words | None:
    """Return how many bits of digits a number lacks in each stamp; None if in none any."""
    # What is not the first character is a digit, or it ends the number.
    behind = len(places) - 1
    if behind == 1:
        word, byte = divmod(places.start + 1, 8)
        character = (words[word] >> np.uint64(8 * byte)).astype(np.uint8)
        short = (character - np.uint8(48)) > 9  # noqa: PLR2004 - digits
        return short.astype(np.uint64) << np.uint64(3) if short.any() else None
    other = no_digits(_eight(words, places.start + 1))
    other &= np.uint64((1 << 8 * behind) - 1)
    if not other.any():
        return None
    other |= np.uint64(0x80 << 8 * behind & _ALL)
    return np.uint64(8 * behind) - (lowest_bit(other) & np.uint8(0x78))


def _eight(words: Words, place: int) -> Words:
    """Return the eight bytes from a place on; there are zeros behind the last word."""
    word, byte = divmod(place, 8)
    eight: Words = words[word] >> np.uint64(8 * byte)
    if byte and word + 1 < len(words):
        eight |= words[word + 1] << np.uint64(64 - 8 * byte)
    return eight


def _insert_zeros(words: Words, places: range, missing: Words) -> None:
    """Insert so many bits of zeros in front of a number, 64 at most; what is behind moves on."""
    first, byte = divmod(places.start, 8)
    before = words[first] & np.uint64(_mask(range(places.start), first))
    words[first] ^= before
    rest = np.uint64(64) - missing
    for word in range(len(words) - 1, first, -1):
        words[word] <<= missing
        words[word] |= words[word - 1] >> rest
    words[first] <<= missing
    words[first] |= before
    zeros = _ZEROS >> rest
    words[first] |= zeros << np.uint64(8 * byte)
    if byte and (places.stop - 1) // 8 > first:
        words[first + 1] |= zeros >> np.uint64(64 - 8 * byte)


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
        other = no_digits(words[word]) & own
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

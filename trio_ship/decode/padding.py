"""Stamps whose numbers vary in width, given their leading zeros.

`8:5:00` becomes `08:05:00`, for many lines at once, so that the decoders of
`shapes`, for which every byte has its place, can read it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trio_ship.batch import I64
from trio_ship.decode.words import Bools, Words

__all__ = ["pad"]


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

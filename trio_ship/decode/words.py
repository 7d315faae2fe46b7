"""Numbers out of the bytes of many lines at once.

Text is gathered as 64-bit words, little end first, so that its first character
is in the lowest byte: a shift and a mask are worth eight single looks.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8

__all__ = [
    "MAX_WIDTH",
    "Bools",
    "Pairs",
    "Words",
    "gather",
    "hexadecimal",
    "no_digits",
    "stands",
    "within",
]

Bools: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]

MAX_WIDTH: Final = 56
"""No stamp is longer, in bytes; a gather of its words stays in the slack."""

_ONES: Final = 0x0101010101010101
_LOW_NIBBLES: Final = 0x0F0F0F0F0F0F0F0F


def gather(arena: U8, at: I64, count: int) -> Words:
    """Return the little-endian words at each place; shape (count, n)."""
    size = 8 * count
    # Not `take`: it copies items of such a type one by one.
    items = np.ndarray((len(arena) - size + 1,), f"V{size}", arena, 0, (1,))
    gathered = items[at].view("<u8").reshape(-1, count)
    return np.ascontiguousarray(gathered.T)


def stands(text: bytes, arena: U8, at: I64) -> Bools:
    """Tell at which places a text stands; it fits in behind each of them. Shape (n,)."""
    items = np.ndarray((len(arena) - len(text) + 1,), f"V{len(text)}", arena, 0, (1,))
    same: Bools = items[at] == np.void(text)
    return same


def within(arena: U8, at: I64) -> I64:
    """Return places from which a gather cannot leave the arena."""
    last = len(arena) - MAX_WIDTH - 8
    return np.minimum(at, last) if len(at) and at.max() > last else at


class Pairs:
    """Numbers out of words, two digits at a time."""

    def __init__(self, words: Words) -> None:
        """Take words of shape (count, n), as `gather` gives them."""
        self._words = words
        self._prepared: dict[int, tuple[Words, Words]] = {}

    def number(self, places: range) -> I64:
        """Return the decimal number that stands at the places of each row; (n,)."""
        total = None
        at = places.start
        while at < places.stop:
            word, byte = divmod(at, 8)
            double = at + 1 < places.stop and byte < 7  # noqa: PLR2004 - the last byte of a word
            part = self._prepare(word)[double] >> np.uint64(8 * byte)
            part &= np.uint64(255)
            at += 1 + double
            if at < places.stop:
                part *= np.uint64(10 ** (places.stop - at))
            if total is not None:
                part += total
            total = part
        assert total is not None  # noqa: S101 - no field is empty
        return total.view(np.int64)

    def _prepare(self, word: int) -> tuple[Words, Words]:
        """Return each byte's digit, and ten times that and the next one's."""
        if word not in self._prepared:
            digits = self._words[word] & np.uint64(_LOW_NIBBLES)
            tens = digits * np.uint64(10)
            tens += digits >> np.uint64(8)
            self._prepared[word] = digits, tens
        return self._prepared[word]


def no_digits(words: Words) -> Words:
    """Return words in which the high bit of each byte tells whether it is no digit."""
    value = words ^ np.uint64(ord("0") * _ONES)
    # What is below 128 and not a digit comes to 128 with so much more.
    other = value & np.uint64(0x7F * _ONES)
    other += np.uint64((128 - 10) * _ONES)
    other |= value
    other &= np.uint64(0x80 * _ONES)
    return other


def hexadecimal(words: Words, places: range) -> tuple[I64, Bools]:
    """Return the number of eight hexadecimal digits in each row; shape (n,).

    Args:
        words: As `gather` gives them.
        places: Where the digits stand.

    Returns:
        The numbers, and where all eight are digits or letters from `a` to `f`.
    """
    word, byte = divmod(places.start, 8)
    digits = words[word] >> np.uint64(8 * byte)
    if byte:
        digits = digits | (words[word + 1] << np.uint64(64 - 8 * byte))
    valid = np.ones(len(digits), np.bool_)
    for shift in range(0, 64, 8):
        character = (digits >> np.uint64(shift)).astype(np.uint8)
        valid &= ((character - np.uint8(48)) <= 9) | ((character - np.uint8(97)) <= 5)  # noqa: PLR2004
    letters = (digits >> np.uint64(6)) & np.uint64(_ONES)
    value = (digits & np.uint64(_LOW_NIBBLES)) + letters * np.uint64(9)
    value = (value << np.uint64(4) | value >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    value = (value << np.uint64(8) | value >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    value = (value << np.uint64(16) | value >> np.uint64(32)) & np.uint64(0xFFFFFFFF)
    return value.view(np.int64), valid

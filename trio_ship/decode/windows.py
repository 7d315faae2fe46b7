"""Some bytes of every line at once, and one bit for each of them.

What is sought in a line mostly stands near its beginning, or near its end. So a
window of 32 or 64 bytes is copied from each, compared with a byte as a whole, and the
answers are packed: a word a line. Whether several bytes stand at their distances is
then a shift and an `and` of words; where they first do is the lowest bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8
from trio_ship.decode.search import lowest_bit
from trio_ship.decode.words import Bools

__all__ = ["NARROW", "ROWS", "WIDEST", "Bits", "Windows", "first_bit", "last_bit", "telling"]

Bits: TypeAlias = npt.NDArray[np.unsignedinteger]
"""Words with one bit for each byte of a window, the first byte's lowest."""

ROWS: Final = 8192
"""So many windows are looked at together: they fit the cache of a processor."""

NARROW: Final = 32

WIDEST: Final = 64

_SAMPLE: Final = 2048


class Windows:
    """Windows into an arena.

    Args:
        arena: The bytes.
        at: The first byte of each window; at least 64 bytes follow. Shape (n,).
        width: How many bytes they have, `NARROW` or `WIDEST`.

    Attributes:
        width: As given; the place of the first bit in a word that has none.
    """

    def __init__(self, arena: U8, at: I64, width: int = WIDEST) -> None:
        items = np.ndarray((len(arena) - width + 1,), f"V{width}", arena, 0, (1,))
        self.width = width
        self._bytes = items[at].view(np.uint8)
        self._places: dict[int, Bits] = {}
        self._digits: Bits | None = None

    @functools.cached_property
    def counts(self) -> list[int]:
        """How often each byte stands in the first windows."""
        counts: list[int] = np.bincount(self._bytes[:_SAMPLE], minlength=256).tolist()
        return counts

    def places(self, byte: int) -> Bits:
        """Return where a byte stands in each window. Shape (n,)."""
        if byte not in self._places:
            self._places[byte] = self._pack(self._bytes == np.uint8(byte))
        return self._places[byte]

    def begins(self, marks: Iterable[tuple[int, int]]) -> Bits:
        """Return from where all of some bytes stand at their places.

        Args:
            marks: Places, counted from there, and bytes; at least one.
        """
        found: Bits | None = None
        for place, byte in marks:
            here = self.places(byte)
            if place:
                shift = here.dtype.type(abs(place))
                here = here >> shift if place > 0 else here << shift
            found = here if found is None else found & here
        assert found is not None  # noqa: S101 - one byte is always sought
        return found

    def digits(self) -> Bits:
        """Return where digits stand in each window. Shape (n,)."""
        if self._digits is None:
            self._digits = self._pack((self._bytes - np.uint8(48)) <= 9)  # noqa: PLR2004 - digits
        return self._digits

    def numbers(self, digits: int) -> Bits:
        """Return where numbers of so many digits begin."""
        digit = self.digits()
        bits = digit.dtype.type
        found, known = digit.copy(), 1
        while known < digits:
            step = min(known, digits - known)
            found &= found >> bits(step)
            known += step
        found &= ~(digit << bits(1))
        found &= ~(digit >> bits(digits))
        return found

    def _pack(self, hits: Bools) -> Bits:
        words: Bits = np.packbits(hits, bitorder="little").view(f"<u{self.width // 8}")
        return words


def telling(counts: Sequence[int], marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a few of some marks: two of the byte least likely at all its places, one of the next.

    Args:
        counts: How often each byte is met.
        marks: Places and bytes; at least one.
    """
    groups: dict[int, list[tuple[int, int]]] = {}
    for place, byte in marks:
        groups.setdefault(byte, []).append((place, byte))
    share = 1 / (1 + sum(counts))
    rarest, *others = sorted(
        groups.values(), key=lambda marks: ((1 + counts[marks[0][1]]) * share) ** len(marks)
    )
    return rarest[:2] + [mark for group in others[:1] for mark in group[:1]]


def first_bit(words: Bits) -> I64:
    """Return the number of the lowest bit that is set in each word, or how many it has."""
    return lowest_bit(words).astype(np.int64)


def last_bit(words: Bits) -> I64:
    """Return the number of the highest bit that is set in each word, or -1."""
    # Without the bit below it the highest one is not lost by rounding.
    exponents = (words & ~(words >> words.dtype.type(1))).astype(np.float64).view(np.int64)
    exponents >>= 52
    exponents -= 1023
    return np.maximum(exponents, -1, out=exponents)

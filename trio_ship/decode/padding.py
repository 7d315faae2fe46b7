"""Stamps whose numbers vary in width, given their leading zeros.

`8:5:00` becomes `08:05:00`, for many lines at once, so that the decoders of
`shapes`, for which every byte has its place, can read it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.words import within

__all__ = ["pad"]


def pad(arena: U8, at: I64, pieces: Sequence[tuple[int, bool]]) -> tuple[U8, I64, I64]:
    """Copy stamps, with their numbers padded.

    Args:
        arena: Bytes, with at least 64 more behind the last stamp.
        at: Where each stamp would begin. Shape (n,), n > 0.
        pieces: The length of each piece of a stamp, and whether it is a number
            that may be shorter.

    Returns:
        The copies, with 64 bytes of slack; where each begins; and the byte in
        `arena` behind each stamp. The last two have shape (n,).
    """
    width = sum(length for length, _ in pieces)
    rows = len(at)
    copy = np.zeros(rows * width + 64, np.uint8)
    table = copy[: rows * width].reshape(rows, width)
    column = 0
    for length, varies in pieces:
        place = within(arena, at)
        if varies:
            size = _digits(arena, place, length)
            for back in range(length):
                digit = arena[np.maximum(place + size - 1 - back, 0)]
                if back:
                    digit = np.where(back < size, digit, np.uint8(ord("0")))
                table[:, column + length - 1 - back] = digit
            at = at + size
        else:
            items = np.ndarray((len(arena) - length + 1,), f"V{length}", arena, 0, (1,))
            np.ndarray((rows,), f"V{length}", copy, column, (width,))[:] = items[place]
            at = at + length
        column += length
    return copy, np.arange(rows, dtype=np.int64) * width, at


def _digits(arena: U8, at: I64, most: int) -> I64:
    """Return how many digits stand at each place, but one at least; shape (n,)."""
    size = np.ones(len(at), np.int64)
    on = np.ones(len(at), np.bool_)
    for place in range(1, most):
        on &= (arena[at + place] - np.uint8(48)) <= 9  # noqa: PLR2004 - digits
        size += on
    return size

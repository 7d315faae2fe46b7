"""Stamps of a few lines, decoded, and the moments that they should be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from trio_ship.batch import NO_STAMP
from trio_ship.decode.stamps import StampDecoder, frame

__all__ = ["DAY", "SECOND", "decode", "decode_in_parts", "ns", "one"]

SECOND = 10**9
DAY = 86_400 * SECOND


def ns(text: str) -> int:
    """Return a moment in UTC as nanoseconds since 1970."""
    return int(np.datetime64(text, "ns").astype(np.int64))


def decode(
    decoder: StampDecoder, text: bytes, previous: int = NO_STAMP, cuts: tuple[int, ...] = ()
) -> list[int]:
    """Return the stamps of a text, cut into regions that begin at the given lines."""
    arena, start, end = frame(text)
    first = np.array(sorted({0, *(cut for cut in cuts if cut < len(start))}), np.int64)
    stamps = decoder.decode(arena, start, end, first, np.full(len(first), previous))
    return [int(stamp) for stamp in stamps]


def decode_in_parts(
    decoder: StampDecoder, lines: Sequence[bytes], cuts: Iterable[int], previous: int
) -> list[int]:
    """Return the stamps of lines that are cut at some numbers, each part going on from the last."""
    found: list[int] = []
    edges = [0, *sorted({cut for cut in cuts if cut < len(lines)}), len(lines)]
    for low, high in itertools.pairwise(edges):
        before = found[-1] if found else previous
        found += decode(decoder, b"".join(lines[low:high]), before)
    return found


def one(spelling: str, line: bytes, **how: str) -> int:
    """Return the stamp of a single line."""
    return decode(StampDecoder(spelling, **how), line)[0]

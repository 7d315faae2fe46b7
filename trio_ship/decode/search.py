"""Searching an arena for the bytes that a stamp, the name of a field or a line end must have.

An arena is compared as a whole, in blocks that stay in the processor's cache, and
with one byte if that is rare enough: a line is never looked at by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8
from trio_ship.decode.words import Bools, Words, gather

__all__ = [
    "Pair",
    "condense",
    "count_pair",
    "find_marks",
    "find_numbers",
    "first_of_lines",
    "have_marks",
    "lowest_bit",
    "packed",
    "rarest_pair",
    "rows_of",
    "true_places",
]

_BLOCK: Final = 1 << 19
_PAIRED: Final = 1 << 20  # so many bytes are half as many answers
_SAMPLE: Final = 2048
_SMALL: Final = 1 << 14
_PIECE: Final = 1000  # so many bytes are searched while one piece is copied
_RARE: Final = 1 / 100
_RARE_PAIR: Final = 1 / 50
_WORD: Final = 8
_FEW: Final = 4

Pair: TypeAlias = tuple[int, bytes]
"""A place and the two bytes that stand there and behind it."""


def true_places(hits: Bools, *, bits: Literal[32, 64] = 64) -> I64:
    """Return where `hits` is true, ascending; quick where that is seldom.

    One bit for each byte makes words. Where few words hold more than one hit, only
    words that hold any are looked at closely.

    Args:
        hits: Shape (n,).
        bits: How long words are; shorter ones are better where places lie closer.
    """
    words = packed(hits, bits=bits)
    where = np.flatnonzero(words != 0)
    left = words[where]
    counts = np.bitwise_count(left)
    where <<= bits.bit_length() - 1
    several = np.count_nonzero(counts > 1)
    if not several:
        return where + lowest_bit(left)
    if several * _FEW > len(left):
        return np.flatnonzero(hits)
    # The k-th hit of a word goes k places behind its first one.
    first = np.cumsum(counts, dtype=np.int64) - counts
    places = np.empty(int(first[-1]) + int(counts[-1]), np.int64)
    rows = np.arange(len(left))
    while len(rows):
        places[first[rows]] = where[rows] + lowest_bit(left)
        first[rows] += 1
        left &= left - left.dtype.type(1)
        more = left != 0
        rows, left = rows[more], left[more]
    return places


def packed(hits: Bools, *, bits: Literal[32, 64] = 64) -> npt.NDArray[np.unsignedinteger]:
    """Return words with a bit for each of `hits`, the first one lowest, and zeros behind them."""
    octets = np.packbits(hits, bitorder="little")
    if len(octets) % _WORD:
        octets = np.append(octets, np.zeros(-len(octets) % _WORD, np.uint8))
    words: npt.NDArray[np.unsignedinteger] = octets.view(f"<u{bits // 8}")
    return words


def lowest_bit(words: npt.NDArray[np.unsignedinteger]) -> U8:
    """Return the number of the lowest bit that is set in each word, or how many it has."""
    below = ~words
    below &= words - words.dtype.type(1)
    bits: U8 = np.bitwise_count(below)
    return bits


def find_marks(arena: U8, marks: Sequence[tuple[int, int]], begin: int, stop: int) -> I64:
    """Return from where all of some bytes stand at their places, ascending.

    Args:
        arena: Bytes, with at least 64 more behind `stop`.
        marks: Places and bytes; at least one.
        begin: No byte before it counts, and no place is before it.
        stop: No byte from it on counts.
    """
    begin -= min(0, *(place for place, _ in marks))
    stop -= max(0, *(place for place, _ in marks))
    small = stop - begin <= _SMALL
    sample = arena[(begin + stop) // 2 :][:_SAMPLE]
    pair = None if small else rarest_pair(sample, marks)
    if pair is not None:
        at = _find_pair(arena, pair, begin, stop)
        return at[have_marks(arena, at, marks)] if len(marks) > 2 and len(at) else at  # noqa: PLR2004 - a pair
    sought = marks if small else _rarest(sample, marks)
    found = []
    for low in range(begin, stop, _BLOCK):
        high = min(low + _BLOCK, stop)
        hits: Bools | None = None
        for place, byte in sought:
            here = arena[low + place : high + place] == np.uint8(byte)
            hits = here if hits is None else np.logical_and(hits, here, out=hits)
        assert hits is not None  # noqa: S101 - one byte is always sought
        found.append((np.flatnonzero(hits) if small else true_places(hits)) + low)
    at = np.concatenate(found) if found else np.zeros(0, np.int64)
    others = [mark for mark in marks if mark not in sought]
    return at[have_marks(arena, at, others)] if others and len(at) else at


def find_numbers(arena: U8, width: int, begin: int, stop: int) -> I64:
    """Return where numbers of so many digits begin, ascending.

    Args:
        arena: Bytes, with at least 64 more behind `stop`.
        width: How many digits a number has.
        begin: No byte before it counts.
        stop: No number begins from it on.
    """
    found = [np.zeros(0, np.int64)]
    for low in range(begin, stop, _BLOCK):
        # So many bytes more tell where numbers end that begin with the next block.
        high = min(low + _BLOCK, stop) + width + 1
        digit = (arena[low:high] - np.uint8(48)) <= 9  # noqa: PLR2004 - digits
        if low == begin:
            digit = np.concatenate(([False], digit))
        edges = true_places(digit[1:] != digit[:-1])
        begins = digit[edges + 1] & (np.diff(edges, append=-1) == width)
        found.append(edges[begins] + (low + (low > begin)))
    at = np.concatenate(found)
    return at[at < stop]


def rarest_pair(sample: U8, marks: Sequence[tuple[int, int]]) -> Pair | None:
    """Return the rarest two neighbours among some marks; None where none are rare.

    Args:
        sample: Some bytes like those that will be searched.
        marks: Places and bytes.
    """
    text = sample.tobytes()
    near = dict(marks)
    pairs = [
        (place, bytes((byte, near[place + 1])))
        for place, byte in marks
        if near.get(place + 1, byte) != byte
    ]
    counts = {pair: text.count(pair[1]) for pair in pairs}
    pair = min(pairs, key=lambda pair: counts[pair], default=None)
    return pair if pair is not None and counts[pair] <= len(text) * _RARE_PAIR else None


def count_pair(arena: U8, pair: Pair, begin: int, stop: int) -> int:
    """Return how often a pair stands between two places.

    Args:
        arena: Bytes, with at least one more behind `stop`.
        pair: As `rarest_pair` gives it.
        begin: No byte before it counts.
        stop: No byte from it on counts.
    """
    return sum(
        int(np.count_nonzero(hits))
        for low in range(begin, stop - 1, _PAIRED)
        for hits in _pair_hits(arena, pair, low, min(low + _PAIRED, stop - 1))
    )


def _pair_hits(arena: U8, pair: Pair, low: int, high: int) -> tuple[Bools, Bools]:
    """Tell of every second place, and of those between, whether a pair begins there."""
    code = np.uint16(int.from_bytes(pair[1], "little"))
    even, odd = (high - low + 1) // 2, (high - low) // 2
    return (
        np.ndarray((even,), "<u2", arena, low) == code,
        np.ndarray((odd,), "<u2", arena, low + 1) == code,
    )


def _find_pair(arena: U8, pair: Pair, begin: int, stop: int) -> I64:
    """Do as `find_marks`, for the two marks of a pair."""
    place, text = pair
    found = [np.zeros(0, np.int64)]
    for low in range(begin, stop, _PAIRED):
        even, odd = _pair_hits(arena, pair, low + place, min(low + _PAIRED, stop) + place)
        # A pair of two different bytes is never at both places.
        even[: len(odd)] |= odd
        at = 2 * true_places(even, bits=32) + (low + place)
        at += (arena[at] != text[0]) | (arena[at + 1] != text[1])
        found.append(at - place)
    return np.concatenate(found)


def _rarest(sample: U8, marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return so many of the rarest marks that few places have them all."""
    counts = np.bincount(sample, minlength=256).tolist()
    ranked = sorted(marks, key=lambda mark: (counts[mark[1]], mark))
    share = 1.0
    for number, (_, byte) in enumerate(ranked):
        if share < _RARE:
            return ranked[:number]
        share *= (counts[byte] + 1) / (len(sample) + 1)
    return ranked


def have_marks(arena: U8, at: I64, marks: Sequence[tuple[int, int]]) -> Bools:
    """Tell which places have all of some marks; arguments as for `find_marks`. Shape (n,)."""
    low, masks, expected = _plan(tuple(marks))
    count = len(masks)
    wrong: Words = np.zeros(len(at), np.uint64)
    for word, mask, value in zip(gather(arena, at + low, count), masks, expected, strict=True):
        if mask:
            wrong |= (word & mask) ^ value
    has: Bools = wrong == 0
    return has


@functools.lru_cache(maxsize=256)
def _plan(marks: tuple[tuple[int, int], ...]) -> tuple[int, list[np.uint64], list[np.uint64]]:
    """Return the first place of some marks, and which bits of the words from there are which."""
    low = min(place for place, _ in marks)
    count = (max(place for place, _ in marks) - low) // 8 + 1
    masks, expected = [0] * count, [0] * count
    for place, byte in marks:
        word, shift = divmod(place - low, 8)
        masks[word] |= 0xFF << 8 * shift
        expected[word] |= byte << 8 * shift
    return low, [np.uint64(mask) for mask in masks], [np.uint64(value) for value in expected]


def condense(arena: U8, start: I64, end: I64) -> tuple[U8, I64, I64]:
    """Return some lines, in an arena of their own where they are few among others.

    Whatever searches them passes over their bytes alone then.

    Args:
        arena: Bytes, with at least 64 more behind the last line.
        start: First byte of each line, ascending. Shape (n,), n > 0.
        end: The byte after each line. Shape (n,).

    Returns:
        An arena with as much behind its end, and start and end in it.
    """
    lengths = end - start
    # Lines that follow each other are one piece.
    begins = np.flatnonzero(np.append(True, start[1:] != end[:-1]))
    if int(lengths.sum()) + _PIECE * len(begins) > int(end[-1] - start[0]):
        return arena, start, end
    bounds = zip(
        start[begins].tolist(), end[np.append(begins[1:], len(end)) - 1].tolist(), strict=True
    )
    copy = np.concatenate([*(arena[low:high] for low, high in bounds), np.zeros(64, np.uint8)])
    stop = np.cumsum(lengths)
    return copy, stop - lengths, stop


def rows_of(at: I64, start: I64, end: I64) -> I64:
    """Return the line in which each place is, or the one before it; shape (k,).

    Args:
        at: Places, ascending. Shape (k,).
        start: First byte of each line, ascending. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    if len(at) == len(start) and (at >= start).all() and (at < end).all():
        return np.arange(len(at))
    return np.searchsorted(start, at, "right") - 1


def first_of_lines(at: I64, start: I64, end: I64, *, last: bool = False) -> I64:
    """Return the first (or last) of some places in each line, -1 for none; shape (n,).

    Args:
        at: Places, ascending. Shape (k,).
        start: First byte of each line. Shape (n,).
        end: Up to where a place counts. Shape (n,).
        last: Whether the last one is sought.
    """
    if len(at) == len(start) and (at >= start).all() and (at < end).all():
        return at
    if not len(at):
        return np.full(len(start), -1, np.int64)
    which = np.searchsorted(at, end) - 1 if last else np.searchsorted(at, start)
    found: I64 = at[np.clip(which, 0, len(at) - 1)]
    found[(found < start) | (found >= end)] = -1
    return found

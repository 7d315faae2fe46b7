"""Cheap looks at bytes: can a stamp be here, and of which layout?

They spare lines without a stamp the exact look, so none of them may miss a
stamp; each may take something else for one. All are made from the rows of the
table: which bytes can stand at each place of a stamp, in any variant.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import FIELD_WIDTHS, LOOSE, Layout
from trio_ship.decode.words import Bools, Words, gather, within

__all__ = [
    "Head",
    "Outline",
    "Sieve",
    "fits_somehow",
    "longest",
    "outlines",
    "shortest",
    "sieve_of",
]

_LOOKED_AT: Final = 8
_OPEN: Final = {"%f", "%g", "%q", "%p", "%P", "%z"}
_BITS: Final = 64  # of a word, one for each layout
_ANY: Final = frozenset(range(256))
_DIGIT: Final = frozenset(b"0123456789")
_LETTER: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_BYTES: Final = {
    "%s": [_DIGIT - frozenset(b"0"), *[_DIGIT] * 9],
    "%e": [_DIGIT | frozenset(b" "), _DIGIT],
    "%k": [_DIGIT | frozenset(b" "), _DIGIT],
    "%b": [_LETTER] * 3,
    "%a": [_LETTER] * 3,
    "%o": [frozenset(b"+-"), *[_DIGIT] * 4],
    "%O": [frozenset(b"+-"), _DIGIT, _DIGIT, frozenset(b":"), _DIGIT, _DIGIT],
    "%h": [frozenset(b"+-"), *[_DIGIT] * 2],
    "%u": [frozenset(b"+-"), *[_DIGIT] * 3],
    "%w": [frozenset(b"+-"), *[_DIGIT] * 3],
    "%x": [_DIGIT | frozenset(b"abcdef")] * 16,
    "%n": [_DIGIT | frozenset(b"abcdef")] * 8,
}

_Bytes = tuple[frozenset[int], ...]


@functools.cache
def _ways(field: str) -> list[_Bytes]:
    """Return what bytes a field can have, once for each width of it."""
    if field in LOOSE:
        return [(_DIGIT,) * width for width in range(1, LOOSE[field] + 1)]
    if field == "%E":
        return [tuple(_BYTES["%e"]), (_DIGIT,)]
    if field in ("%B", "%Z"):
        return [(_LETTER,) * width for width in (range(3, 10) if field == "%B" else (3, 4))]
    if field in FIELD_WIDTHS:
        return [tuple(_BYTES.get(field, [_DIGIT] * FIELD_WIDTHS[field]))]
    if field[0] != "{":
        return [(frozenset([byte]),) for byte in field.encode()]
    ways: dict[int, _Bytes] = {}
    for text in Layout.alternatives(field):
        these = tuple(frozenset([byte]) for byte in text.encode())
        known = ways.get(len(these))
        ways[len(these)] = (
            tuple(a | b for a, b in zip(these, known, strict=True)) if known else these
        )
    return list(ways.values())


@functools.cache
def _beginnings(layout: Layout) -> tuple[_Bytes, ...]:
    """Return what bytes a stamp can have up to its first open choice."""
    return tuple(_joined(map(_ways, _steady(layout))))


def _steady(layout: Layout) -> Iterator[str]:
    """Return the fields in front of the first open choice."""
    return itertools.takewhile(lambda field: field not in _OPEN, layout.fields)


def _joined(fields: Iterable[list[_Bytes]]) -> Iterator[_Bytes]:
    """Return what bytes fields have together, once for each choice of their widths."""
    for parts in itertools.product(*fields):
        yield tuple(itertools.chain.from_iterable(parts))


@functools.cache
def _first_bytes(layout: Layout) -> _Bytes:
    """Return what bytes can stand at the first eight places."""
    fields: list[list[_Bytes]] = []
    least = 0
    for ways in map(_ways, _steady(layout)):
        if least >= _LOOKED_AT:
            break
        fields.append(ways)
        least += min(map(len, ways))
    padded = ((*way, *[_ANY] * _LOOKED_AT)[:_LOOKED_AT] for way in _joined(fields))
    columns = (set(column) for column in zip(*padded, strict=True))
    return tuple(frozenset().union(*column) for column in columns)


@functools.cache
def _column(possible: frozenset[int]) -> Bools:
    """Return which bytes are among some. Shape (256,)."""
    column = np.zeros(256, np.bool_)
    column[list(possible)] = True
    return column


class _Window:
    """A look at eight bytes at once, each a digit, a letter or a certain character."""

    def __init__(self, possible: Sequence[frozenset[int]]) -> None:
        columns = zip(*map(self._mask_of, possible), strict=True)
        self._mask, self._expected, self._six = (
            np.uint64(int.from_bytes(bytes(column), "little")) for column in columns
        )

    @staticmethod
    def _mask_of(possible: frozenset[int]) -> tuple[int, int, int]:
        """Return mask, expected value and what finds characters behind the 9."""
        if possible <= _DIGIT:
            return 0xF0, 0x30, 6
        if possible <= _LETTER:
            return 0xC0, 0x40, 0
        return (0xFF, min(possible), 0) if len(possible) == 1 else (0, 0, 0)

    def fits(self, arena: U8, at: I64) -> Bools:
        """Tell where the eight bytes can be those; what has no mask is not looked at."""
        return self.fit_words(gather(arena, within(arena, at), 1)[0])

    def fit_words(self, words: Words) -> Bools:
        """Tell which words can be those bytes. Shape (n,)."""
        wrong = (words & self._mask) ^ self._expected
        # Adding six carries only digits over; a byte that is none was seen above.
        part = words & np.uint64(0x7F7F7F7F7F7F7F7F)
        part += self._six
        part &= self._mask
        part ^= self._expected
        wrong |= part
        fits: Bools = wrong == 0
        return fits


@attrs.frozen(eq=False, repr=False)
class Outline:
    """How a stamp looks in one of its widths; places count from its first byte.

    Attributes:
        marks: Places and bytes of the characters that stand for themselves; a
            marker stands at -1.
        first: A look at the first eight bytes.
        windows: Looks at the bytes from some later places on.
        choices: Places of several characters and which of all bytes can stand there.
        is_number: Whether it begins with a digit.
    """

    marks: tuple[tuple[int, int], ...]
    first: _Window
    windows: tuple[tuple[int, _Window], ...]
    choices: tuple[tuple[int, Bools], ...]
    is_number: bool

    @classmethod
    def of(cls, way: _Bytes, marker: str) -> Outline:
        """Return the outline of what bytes can stand at each place."""
        marks = [(-1, ord(marker))] if marker else []
        marks += [(place, min(some)) for place, some in enumerate(way) if len(some) == 1]
        padded = [*way, *[_ANY] * _LOOKED_AT]
        windows = [
            (begin, _Window(padded[begin : begin + _LOOKED_AT]))
            for begin in range(_LOOKED_AT, len(way), _LOOKED_AT)
        ]
        choices = [
            (place, _column(some))
            for place, some in enumerate(way)
            if len(some) > 1 and not (some <= _DIGIT or some <= _LETTER)
        ]
        first = _Window(padded[:_LOOKED_AT])
        return cls(tuple(marks), first, tuple(windows), tuple(choices), way[0] <= _DIGIT)

    def fits(self, arena: U8, at: I64) -> Bools:
        """Tell where a stamp can be, digits and letters of its first eight bytes apart. (n,)."""
        found = np.ones(len(at), np.bool_)
        for place, window in self.windows:
            found &= window.fits(arena, at + place)
        for place, possible in self.choices:
            found &= possible[arena[at + place]]
        return found


@functools.cache
def outlines(layout: Layout) -> dict[tuple[tuple[int, int], ...], tuple[Outline, ...]]:
    """Return how stamps of a layout look, for each width of their fields, by their marks."""
    found: dict[tuple[tuple[int, int], ...], tuple[Outline, ...]] = {}
    for way in _beginnings(layout):
        outline = Outline.of(way, layout.marker)
        found[outline.marks] = (*found.get(outline.marks, ()), outline)
    return found


def fits_somehow(layout: Layout, arena: U8, at: I64) -> Bools:
    """Tell where a stamp can be, by all bytes that every variant has. Shape (n,)."""
    found = np.zeros(len(at), np.bool_)
    words = gather(arena, within(arena, at), 1)[0]
    for outline in itertools.chain.from_iterable(outlines(layout).values()):
        rows = np.flatnonzero(outline.first.fit_words(words))
        if len(rows):
            found[rows] |= outline.fits(arena, within(arena, at[rows]))
    return found


def shortest(layout: Layout) -> int:
    """Return the length in bytes that every stamp has at least, up to its open choices."""
    return min(map(len, _beginnings(layout)))


def longest(layout: Layout) -> int:
    """Return the greatest length in bytes of a stamp up to its open choices."""
    return max(map(len, _beginnings(layout)))


class Head:
    """A cheap look at the first eight bytes: can a stamp of a layout be here?"""

    def __init__(self, layout: Layout) -> None:
        """Prepare the look for any variant of `layout`."""
        self._window = _Window(_first_bytes(layout))

    def fits(self, arena: U8, at: I64, end: I64) -> Bools:
        """Tell where a stamp can be.

        Args:
            arena: Bytes, with at least 64 more behind the last `end`.
            at: Where each stamp would begin. Shape (n,).
            end: The byte after each line. Shape (n,).
        """
        fits: Bools = at + _LOOKED_AT <= end
        fits &= self._window.fits(arena, at)
        return fits


class Sieve:
    """A cheap look at the first eight bytes: which of many layouts can be here?"""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        """Prepare the look; the order of `layouts` is that of what `split` gives."""
        self._layouts = tuple(layouts[:_BITS])
        self._rest = Sieve(layouts[_BITS:]) if len(layouts) > _BITS else None
        possible = np.zeros((_BITS, _LOOKED_AT, 256), np.bool_)
        for number, layout in enumerate(self._layouts):
            possible[number] = [_column(these) for these in _first_bytes(layout)]
        bits = np.moveaxis(np.packbits(possible, axis=0, bitorder="little"), 0, -1)
        self._tables: Words = np.ascontiguousarray(bits).view("<u8")[..., 0]

    def split(self, arena: U8, at: I64, end: I64) -> Iterator[tuple[Layout, I64]]:
        """Yield each layout that can be somewhere, and the rows where it can.

        Arguments as for `Head.fits`.
        """
        yield from self._split(arena, at, end)
        if self._rest is not None:
            yield from self._rest.split(arena, at, end)

    def _split(self, arena: U8, at: I64, end: I64) -> Iterator[tuple[Layout, I64]]:
        bits: Words = self._tables[0][arena[at]]
        rows = np.flatnonzero((bits != 0) & (at + _LOOKED_AT <= end))
        bits = bits[rows]
        for place in range(1, _LOOKED_AT):
            bits &= self._tables[place][arena[at[rows] + place]]
            left = bits != 0
            if not left.all():
                rows, bits = rows[left], bits[left]
            if not len(rows):
                return
        together = int(np.bitwise_or.reduce(bits))
        for number, layout in enumerate(self._layouts):
            if together >> number & 1:
                yield layout, rows[(bits >> np.uint64(number)) & np.uint64(1) != 0]


@functools.lru_cache(maxsize=8)
def sieve_of(layouts: tuple[Layout, ...]) -> Sieve:
    """Return the look for some layouts."""
    return Sieve(layouts)

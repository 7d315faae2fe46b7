"""Stamps of one layout at known places, in whatever variant each is written."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import Layout
from trio_ship.decode.looks import Head, fits_somehow, shortest
from trio_ship.decode.shapes import shape_of
from trio_ship.decode.words import MAX_WIDTH, Bools

__all__ = ["LayoutDecoder", "Reading"]

_REMEMBERED: Final = 16
_OFTEN: Final = 32
_LONGEST: Final = MAX_WIDTH + 8
"""With the IANA name of its zone a stamp may be so long, in bytes."""


@attrs.frozen(eq=False, repr=False)
class Reading:
    """Stamps as they are written.

    Attributes:
        value: Nanoseconds since 1970; without a year, in 2000. Shape (n,).
        found: Which lines have a stamp. Shape (n,).
        wall: Which of the values are times on the wall. Shape (n,).
        dated: Which of them say their year. Shape (n,).
    """

    value: I64
    found: Bools
    wall: Bools
    dated: Bools

    @classmethod
    def empty(cls, size: int) -> Reading:
        """Return a reading of lines without stamps."""
        none = np.zeros(size, np.bool_)
        return cls(np.zeros(size, np.int64), none, none.copy(), none.copy())

    def rows(self, rows: I64) -> Reading:
        """Return some rows."""
        return Reading(self.value[rows], self.found[rows], self.wall[rows], self.dated[rows])

    def put(self, rows: I64, part: Reading) -> None:
        """Set some rows; none of them has a stamp yet."""
        self.value[rows], self.found[rows] = part.value, part.found
        self.wall[rows], self.dated[rows] = part.wall, part.dated


class LayoutDecoder:
    """Decodes stamps of one layout in any of its variants at known places."""

    def __init__(self, layout: Layout, variant: str) -> None:
        self.layout = layout
        self.head = Head(layout)
        shape_of(layout, variant)
        self.shortest = shortest(layout)
        # The order saves time and changes no result. Replaced, never changed:
        # threads may share a decoder.
        self._variants: tuple[str, ...] = (variant,)
        self._filled = False

    def read(self, arena: U8, at: I64, end: I64) -> Reading:
        """Decode what stands at `at`; all shapes (n,)."""
        usual, filled = self._variants[0], self._filled
        reading = self._try(usual, arena, at, end, filled=filled)
        if reading.found.all():
            return reading
        rows = np.flatnonzero(~reading.found)
        rows = rows[self.head.fits(arena, at[rows], end[rows])]
        if len(rows) and not filled and shape_of(self.layout, usual).is_trimmed:
            left = self._read_variant(reading, usual, arena, rows, at, end)
            self._filled = (len(rows) - len(left)) * _OFTEN > len(at)
            rows = left
        for variant in self._variants[1:]:
            if not len(rows):
                return reading
            rows = self._read_variant(reading, variant, arena, rows, at, end)
        if len(rows):
            rows = rows[fits_somehow(self.layout, arena, at[rows])]
            self._read_rest(reading, arena, rows, at, end)
        return reading

    def _read_variant(
        self, reading: Reading, variant: str, arena: U8, rows: I64, at: I64, end: I64
    ) -> I64:
        """Decode rows of one variant; return those that are not of it."""
        part = self._try(variant, arena, at[rows], end[rows], filled=True)
        reading.put(rows, part)
        return rows[~part.found]

    def _try(
        self,
        variant: str,
        arena: U8,
        at: I64,
        end: I64,
        *,
        checked: bool = False,
        filled: bool = False,
    ) -> Reading:
        shape = shape_of(self.layout, variant)
        value, found = shape.decode(arena, at, end, checked=checked, filled=filled)
        wall, dated = np.full(len(at), not shape.own_zone), np.full(len(at), self.layout.has_year)
        return Reading(value, found, wall, dated)

    def _read_rest(self, reading: Reading, arena: U8, rows: I64, at: I64, end: I64) -> None:
        """Decode rows of variants not met before: the expression tells which.

        It is asked once for each variant, and for lines whose stamps only seem to
        go on, or to be some.
        """
        tried = set(self._variants)
        for variant in self._variants:
            rows = self._possible(variant, arena, rows, at, end)
        if len(rows):
            rows = self._matching(arena, rows, at, end)
        doubtful: dict[str, list[int]] = {}
        while len(rows):
            row = int(rows[0])
            match = self.layout.match(arena[at[row] : min(end[row], at[row] + _LONGEST)].tobytes())
            if match is not None and match[0] not in tried:
                tried.add(match[0])
                rows = self._read_variant(reading, match[0], arena, rows, at, end)
                rows = self._possible(match[0], arena, rows, at, end)
                self._remember(match[0], reading.found[row])
            if match is not None and not reading.found[row]:
                doubtful.setdefault(match[0], []).append(row)
            if len(rows) and rows[0] == row:
                rows = rows[1:]
        for variant, members in doubtful.items():
            those = np.array(members, np.int64)
            part = self._try(variant, arena, at[those], end[those], checked=True)
            reading.put(those, part)
            self._remember(variant, part.found.any())

    def _possible(self, variant: str, arena: U8, rows: I64, at: I64, end: I64) -> I64:
        """Return the rows but those that spell, by a variant, a moment that does not exist."""
        return rows[~shape_of(self.layout, variant).cannot_be(arena, at[rows], end[rows])]

    def _matching(self, arena: U8, rows: I64, at: I64, end: I64) -> I64:
        """Return the rows that the expression takes for stamps, without their variants."""
        begin = at[rows]
        texts = arena[begin[:, np.newaxis] + np.arange(_LONGEST)].tobytes()
        sizes = np.minimum(end[rows] - begin, _LONGEST)
        return rows[self.layout.matches(texts, sizes.tolist())]

    def _remember(self, variant: str, is_used: np.bool_) -> None:
        if is_used and variant not in self._variants:
            self._variants = (*self._variants, variant)[:_REMEMBERED]

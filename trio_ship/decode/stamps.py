"""Stamps of whole columns of lines, for one way of writing them.

A `StampDecoder` is made from a short text, its *spelling*, which is saved with
the file: `iso8601@0/T.3Z` is the layout, the place in the line, and the variant
that most stamps have. What is a stamp depends on the layout and the place alone;
the variant, and those met on the way, only say what to try first. So the same
line always has the same stamp, however the file is cut into chunks.

Second 60 is the following second. See `zones` for hours that exist twice or not
at all, and `years` for stamps without a year.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8
from trio_ship.decode.layouts import Layout, layout_named
from trio_ship.decode.patterns import Strptime, UserPattern, trimmed_ends
from trio_ship.decode.places import Place
from trio_ship.decode.shapes import Head, shape_of
from trio_ship.decode.words import MAX_WIDTH, Bools
from trio_ship.decode.years import (
    ORIGIN_NS,
    is_leap,
    is_leap_day,
    join,
    split,
    steps,
    with_years,
)
from trio_ship.decode.zones import Zone

__all__ = ["StampDecoder", "frame", "initial_anchor"]

_DAY: Final = 86_400 * 10**9
_BOM: Final = b"\xef\xbb\xbf"
_REMEMBERED: Final = 16
_LEAP_CYCLE: Final = 8


@attrs.frozen(eq=False)
class _Reading:
    """Stamps as they are written.

    Attributes:
        value: Nanoseconds since 1970; without a year, in 2000. Shape (n,).
        found: Which lines have a stamp. Shape (n,).
        wall: Which of the values are times on the wall. Shape (n,).
    """

    value: I64
    found: Bools
    wall: Bools

    @classmethod
    def empty(cls, size: int) -> _Reading:
        none = np.zeros(size, np.bool_)
        return cls(np.zeros(size, np.int64), none, none.copy())

    def put(self, rows: I64, value: I64, found: Bools, wall: Bools | bool) -> None:  # noqa: FBT001 - a column or one for all
        """Set some rows; none of them has a stamp yet."""
        self.value[rows], self.found[rows], self.wall[rows] = value, found, wall


class StampDecoder:
    """Finds and decodes the stamps of lines.

    Attributes:
        spelling: The text it was made from.
        resolution_ns: What one step of the last digit of a stamp is worth.
        needs_year: Whether its stamps say no year.
    """

    def __init__(self, spelling: str, *, zone: str = "UTC", pattern: str | None = None) -> None:
        """Make a decoder.

        Args:
            spelling: As `Found.spelling` gives it: `<layout>@<place>/<variant>`;
                with a pattern the place is `ts`, and `strptime@ts/<format>`
                is possible.
            zone: For stamps that say none: "local", "UTC" or an IANA name.
            pattern: An RE2 expression with a group `ts` around the stamp.

        Raises:
            ValueError: One of the three is not usable; the text says why.
        """
        self.spelling = spelling
        head, _, variant = spelling.partition("/")
        name, at, place = head.partition("@")
        if not at:
            raise ValueError(f"{spelling!r} does not spell a way of writing stamps")
        self._place = Place.parse(place)
        if self._place.by_pattern != (pattern is not None):
            raise ValueError(f"{spelling!r} needs {'no' if pattern else 'a'} pattern")
        self._pattern = None if pattern is None else UserPattern(pattern)
        self._zone = Zone(zone)
        self._strptime: Strptime | None = None
        self._exact: _LayoutDecoder | None = None
        if name == "strptime":
            if self._pattern is None:
                raise ValueError("a format of strptime needs a pattern that says where it stands")
            self._strptime = Strptime(variant)
            self.needs_year = not self._strptime.has_year
            self.resolution_ns = self._strptime.resolution_ns
        else:
            layout = layout_named(name)
            self._exact = _LayoutDecoder(layout, variant)
            self.needs_year = not layout.has_year
            self.resolution_ns = shape_of(layout, variant).resolution_ns

    def decode(self, arena: U8, start: I64, end: I64, first: I64, previous_ns: I64) -> I64:
        """Return the stamps of lines.

        Args:
            arena: Bytes, with at least 64 more behind the last line.
            start: First byte of each line. Shape (n,).
            end: The byte after each line, its line end included. Shape (n,).
            first: The first line of each region, ascending; the lines of a
                region stand together, in the order of the file. Shape (m,).
            previous_ns: The file's last stamp before each region or, where it
                says no year, a moment within half a year of the region's first
                stamp; `NO_STAMP` if there is none. Shape (m,).

        Returns:
            Nanoseconds since 1970 in UTC, or `NO_STAMP`: the line has no stamp,
            or its year is not said and there is no moment before. Shape (n,).
        """
        reading = self.read(arena, start, end)
        if not self.needs_year and (self._zone.is_utc or not reading.wall.any()):
            reading.value[~reading.found] = NO_STAMP
            return reading.value
        rows = np.flatnonzero(reading.found)
        begins = np.searchsorted(rows, first)
        counts = np.diff(begins, append=len(rows))
        used = counts > 0
        if self.needs_year:
            dated = previous_ns != NO_STAMP
            rows = rows[np.repeat(dated, counts)]
            used &= dated
        result = np.full(len(start), NO_STAMP, np.int64)
        if not len(rows):
            return result
        begins = np.searchsorted(rows, first[used])
        before = previous_ns[used]
        value = reading.value[rows]
        if self.needs_year:
            value = with_years(value - ORIGIN_NS, begins, self._zone.to_wall(before), self._settle)
        result[rows] = self._zone.resolve(value, reading.wall[rows], begins, before)
        return result

    def read(self, arena: U8, start: I64, end: I64) -> _Reading:
        """Return the stamps as they are written; arguments as in `decode`."""
        if not len(start):
            return _Reading.empty(0)
        if self._pattern is not None:
            start = start + _lead(arena, start, end)
            return self._read_pattern(arena, start, trimmed_ends(arena, start, end))
        reading = self._read_place(arena, start, end)
        if reading.found.all():
            return reading
        rows = np.flatnonzero(~reading.found)
        lead = _lead(arena, start[rows], end[rows])
        rows, lead = rows[lead > 0], lead[lead > 0]
        if len(rows):
            behind = self._read_place(arena, start[rows] + lead, end[rows])
            reading.put(rows, behind.value, behind.found, behind.wall)
        return reading

    def _read_place(self, arena: U8, start: I64, end: I64) -> _Reading:
        assert self._exact is not None  # noqa: S101 - only a pattern goes without
        at = self._place.locate(self._exact.layout, self._exact.head, arena, start, end)
        rows = np.flatnonzero(at >= 0)
        if len(rows) == len(at):
            return self._exact.read(arena, at, end)
        reading = _Reading.empty(len(start))
        if len(rows):
            part = self._exact.read(arena, at[rows], end[rows])
            reading.put(rows, part.value, part.found, part.wall)
        return reading

    def _read_pattern(self, arena: U8, start: I64, end: I64) -> _Reading:
        assert self._pattern is not None  # noqa: S101 - the caller has asked
        reading = _Reading.empty(len(start))
        rows, texts, bounds = self._pattern.extract(arena, start, end)
        if len(rows) and self._strptime is not None:
            value, found, own_zone = self._strptime.decode(texts, bounds)
            reading.put(rows, value, found, ~own_zone)
        elif len(rows) and self._exact is not None:
            part = self._exact.read(texts, bounds[:-1], bounds[1:])
            reading.put(rows, part.value, part.found, part.wall)
        return reading

    def _settle(self, wall: I64) -> I64:
        return self._zone.to_wall(self._zone.to_utc(wall))

    def anchor(self, reading: _Reading, mtime_ns: int) -> int:
        """Return a moment near the first of some stamps without a year.

        Args:
            reading: Stamps through the whole file.
            mtime_ns: When the file was last changed, nanoseconds since 1970.
        """
        position = reading.value[reading.found] - ORIGIN_NS
        if not len(position):
            return mtime_ns
        step = steps(position[1:], position[:-1])
        years_after_first = np.concatenate(([0], np.cumsum(step)))
        limit = self._zone.to_wall(np.array([mtime_ns + _DAY], np.int64))
        last_year = split(limit)[0]
        last_year -= join(last_year, position[-1:]) > limit
        years = last_year + years_after_first - years_after_first[-1]
        leap_days = is_leap_day(position)
        for back in range(_LEAP_CYCLE):
            if is_leap(years[leap_days] - back).all():
                years = years - back
                break
        return int(self._zone.to_utc(join(years[:1], position[:1]))[0])


class _LayoutDecoder:
    """Decodes stamps of one layout in any of its variants at known places."""

    def __init__(self, layout: Layout, variant: str) -> None:
        self.layout = layout
        self.head = Head(layout)
        shape_of(layout, variant)
        # The order saves time and changes no result. Replaced, never changed:
        # threads may share a decoder.
        self._variants: tuple[str, ...] = (variant,)

    def read(self, arena: U8, at: I64, end: I64) -> _Reading:
        """Decode what stands at `at`; all shapes (n,)."""
        shape = shape_of(self.layout, self._variants[0])
        value, found = shape.decode(arena, at, end)
        reading = _Reading(value, found, np.full(len(at), not shape.own_zone))
        if found.all():
            return reading
        rows = np.flatnonzero(~found)
        rows = rows[self.head.fits(arena, at[rows], end[rows])]
        for variant in self._variants[1:]:
            if not len(rows):
                return reading
            rows = self._read_variant(reading, variant, arena, rows, at, end)
        self._read_rest(reading, arena, rows, at, end)
        return reading

    def _read_variant(
        self, reading: _Reading, variant: str, arena: U8, rows: I64, at: I64, end: I64
    ) -> I64:
        """Decode rows of one variant; return those that are not of it."""
        shape = shape_of(self.layout, variant)
        value, found = shape.decode(arena, at[rows], end[rows])
        reading.put(rows, value, found, not shape.own_zone)
        return rows[~found]

    def _read_rest(self, reading: _Reading, arena: U8, rows: I64, at: I64, end: I64) -> None:
        """Decode rows of variants not met before: the expression tells which."""
        by_variant: dict[str, list[int]] = {}
        for row in rows.tolist():
            text = arena[at[row] : min(end[row], at[row] + MAX_WIDTH)].tobytes()
            match = self.layout.match(text)
            if match is not None:
                by_variant.setdefault(match[0], []).append(row)
        for variant, members in by_variant.items():
            those = np.array(members, np.int64)
            shape = shape_of(self.layout, variant)
            value, found = shape.decode(arena, at[those], end[those], checked=True)
            reading.put(those, value, found, not shape.own_zone)
            if variant not in self._variants and found.any():
                self._variants = (*self._variants, variant)[:_REMEMBERED]


def _lead(arena: U8, start: I64, end: I64) -> I64:
    """Return how many bytes in front of each line are no text.

    These are a byte order mark, or the NULs of a hole: copytruncate leaves one
    under a writer that goes on at its old place.
    """
    lead = np.zeros(len(start), np.int64)
    first = arena[start]
    marked = np.flatnonzero((first == _BOM[0]) & (start + len(_BOM) <= end))
    for place, value in enumerate(_BOM[1:], 1):
        marked = marked[arena[start[marked] + place] == value]
    lead[marked] = len(_BOM)
    rows = np.flatnonzero(first == 0)
    if len(rows):
        behind = _behind_nuls(arena, start[rows], int(end[rows].max()))
        lead[rows] = np.where(behind < end[rows], behind - start[rows], 0)
    return lead


def _behind_nuls(arena: U8, places: I64, stop: int) -> I64:
    """Return where the run of NULs ends that lies at each place; `stop` if not before it."""
    begin = int(places.min())
    is_text = arena[begin:stop] != 0
    ends = np.flatnonzero(is_text[1:] & ~is_text[:-1]) + begin + 1
    return np.append(ends, stop)[np.searchsorted(ends, places, side="right")]


def frame(text: bytes) -> tuple[U8, I64, I64]:
    """Return an arena with slack, and start and end of each line of a text."""
    arena = np.frombuffer(text + bytes(64), np.uint8)
    end = np.flatnonzero(arena[: len(text)] == ord("\n")) + 1
    if len(text) and not text.endswith(b"\n"):
        end = np.append(end, len(text))
    start = np.concatenate(([0], end[:-1])) if len(end) else end
    return arena, start.astype(np.int64), end.astype(np.int64)


def initial_anchor(decoder: StampDecoder, head: bytes, mtime_ns: int, samples: list[bytes]) -> int:
    """Return a moment within half a year of a file's first stamp.

    The last stamp is taken to be in the year before the file's last change (or
    up to a day after it), and the turns of the year between the first stamp and
    the last one are counted. A 29th of February moves all to leap years.

    Args:
        decoder: The file's decoder; its stamps say no year.
        head: The file's first lines; used where there are no samples.
        mtime_ns: When the file was last changed, nanoseconds since 1970.
        samples: Complete lines from the whole file, in order, from its
            beginning; no more than some months may pass between two.
    """
    whole = b"".join(
        block if block.endswith(b"\n") else block + b"\n" for block in samples or [head] if block
    )
    return decoder.anchor(decoder.read(*frame(whole)), mtime_ns)

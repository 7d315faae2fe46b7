"""Stamps of whole columns of lines, for one way of writing them.

A `StampDecoder` is made from a short text, its *spelling*, which is saved with
the file: `iso8601@0/T.3Z` is the layout, the place in the line, and the variant
that most stamps have. What is a stamp depends on the layout and the place alone;
the variant, and those met on the way, only say what to try first. So the same
line always has the same stamp, however the file is cut into chunks.

Second 60 is the following second. See `zones` for hours that exist twice or not
at all, `years` for stamps without a year, and `days` for those without a date.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8
from trio_ship.batch.columns import trimmed_ends
from trio_ship.decode.containers import begins_inside
from trio_ship.decode.days import first_of_days, with_days
from trio_ship.decode.leads import begins_coloured, lead_of
from trio_ship.decode.others import Others, read_at
from trio_ship.decode.patterns import Strptime, UserPattern
from trio_ship.decode.places import Place
from trio_ship.decode.readings import LayoutDecoder, Reading
from trio_ship.decode.shapes import shape_of
from trio_ship.decode.table import layout_named
from trio_ship.decode.tags import behind_tag
from trio_ship.decode.words import Bools
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

__all__ = ["AUTO", "BEHIND", "FURTHER", "StampDecoder", "frame", "initial_anchor"]

_SECOND: Final = 10**9
_DAY: Final = 86_400 * _SECOND
_HALF: Final = 182 * _DAY
_LEAP_CYCLE: Final = 8

AUTO: Final = ";auto"
"""Ends a spelling where lines that have no stamp so spelled may have others."""

BEHIND: Final = ">"
"""Stands between a stamp and the one behind it that counts."""

FURTHER: Final = "&"
"""Stands before each further way in which lines without such a stamp may have another."""


def _parse(way: str) -> tuple[str, Place, str]:
    """Return layout, place and variant of a spelling without its additions."""
    head, _, variant = way.partition("/")
    name, at, place = head.partition("@")
    if not at:
        raise ValueError(f"{way!r} does not spell a way of writing stamps")
    return name, Place.parse(place), variant


def _reader(name: str, place: Place, variant: str) -> tuple[Place, LayoutDecoder]:
    return place, LayoutDecoder(layout_named(name), variant)


class StampDecoder:
    """Finds and decodes the stamps of lines.

    Attributes:
        spelling: The text it was made from.
        resolution_ns: What one step of the last digit of a stamp is worth, of
            those that were met.
        needs_year: Whether its stamps say no year.
        needs_date: Whether they say no date either.
        wrapping: What a container runtime has put around the lines.
        tag: What is in front of them and is not theirs.
    """

    def __init__(self, spelling: str, *, zone: str = "UTC", pattern: str | None = None) -> None:
        """Make a decoder.

        Args:
            spelling: As `Found.spelling` gives it: `<layout>@<place>/<variant>`;
                with a pattern the place is `ts`, and `strptime@ts/<format>`
                is possible. `A>B` is a stamp B behind a stamp A, and `;auto`
                at the end lets lines without such a stamp have another one,
                with `&C` before it also one that is spelled C.
            zone: For stamps that say none: "local", "UTC" or an IANA name.
            pattern: An RE2 expression with a group `ts` around the stamp.

        Raises:
            ValueError: One of the three is not usable; the text says why.
        """
        self.spelling = spelling
        way, *further = spelling.removesuffix(AUTO).split(FURTHER)
        if not spelling.endswith(AUTO):
            way, further = spelling, []
        outer, behind, inner = way.partition(BEHIND)
        # A format of strptime may hold any text.
        if not behind or way.startswith("strptime"):
            outer, inner = "", way
        name, self._place, variant = _parse(inner)
        if self._place.by_pattern != (pattern is not None):
            raise ValueError(f"{spelling!r} needs {'no' if pattern else 'a'} pattern")
        self._pattern = None if pattern is None else UserPattern(pattern)
        self._zone = Zone(zone)
        self._strptime: Strptime | None = None
        self._exact: LayoutDecoder | None = None
        self._others = Others() if way != spelling else None
        self._further = [_reader(*_parse(each)) for each in further]
        self._outer: tuple[Place, LayoutDecoder] | None = None
        self.needs_date = False
        if name == "strptime":
            if self._pattern is None:
                raise ValueError("a format of strptime needs a pattern that says where it stands")
            self._strptime = Strptime(variant)
            self.needs_year = not self._strptime.has_year
            self.resolution_ns = self._strptime.resolution_ns
        else:
            layout = layout_named(name)
            self._exact = LayoutDecoder(layout, variant)
            self.needs_year, self.needs_date = not layout.has_year, not layout.has_date
            self.resolution_ns = shape_of(layout, variant).resolution_ns
        self._complete = with_days if self.needs_date else with_years
        if outer:
            self._outer = _reader(*_parse(outer))
        front = self._outer[0] if self._outer else self._place
        self.wrapping, self.tag = front.wrapping, front.tag

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
                stamp, and where it says no date, within some hours; `NO_STAMP`
                if there is none. Shape (m,).

        Returns:
            Nanoseconds since 1970 in UTC, or `NO_STAMP`: the line has no stamp,
            or its year is not said and there is no moment before. Shape (n,).
        """
        reading = self.read(arena, start, end)
        if len(start) and reading.found.all():
            return self._settled(reading, first, previous_ns)
        result = np.full(len(start), NO_STAMP, np.int64)
        rows = np.flatnonzero(reading.found)
        if len(rows):
            begins = np.searchsorted(rows, first)
            has_some = np.diff(begins, append=len(rows)) > 0
            before = previous_ns[has_some]
            result[rows] = self._settled(reading.rows(rows), begins[has_some], before)
        return result

    def _settled(self, reading: Reading, first: I64, previous_ns: I64) -> I64:
        """Return the moments of stamps; `NO_STAMP` where a year is not to be known.

        Args:
            reading: Stamps. All have been found.
            first: The first one of each region. Shape (m,), strictly ascending.
            previous_ns: As in `decode`.
        """
        if not self.needs_year and (self._others is None or reading.dated.all()):
            return self._zone.resolve(reading.value, reading.wall, first, previous_ns)
        if not (reading.dated.any() or (previous_ns == NO_STAMP).any()):
            before = self._zone.to_wall(previous_ns)
            value = self._complete(reading.value - ORIGIN_NS, first, before, self._settle)
            return self._zone.resolve(value, reading.wall, first, previous_ns)
        region = np.searchsorted(first, np.arange(len(reading.value)), "right") - 1
        value = reading.value.copy()
        known = self._add_years(reading, region, previous_ns, value)
        result = np.full(len(value), NO_STAMP, np.int64)
        rows = np.flatnonzero(known)
        if len(rows):
            begins = np.flatnonzero(np.diff(region[rows], prepend=-1))
            before = previous_ns[region[rows[begins]]]
            result[rows] = self._zone.resolve(value[rows], reading.wall[rows], begins, before)
        return result

    def _add_years(self, reading: Reading, region: I64, previous_ns: I64, value: I64) -> Bools:
        """Bring stamps without a year, or a date, into theirs; return which then have one.

        Args:
            reading: Stamps. All have been found.
            region: Their regions. Shape (n,).
            previous_ns: As in `decode`.
            value: The stamps as written, which are changed. Shape (n,).
        """
        yearless = ~reading.dated
        # A run of such stamps goes on from the stamp before it, whatever that is.
        follows = np.zeros(len(value), np.bool_)
        follows[1:] = region[1:] == region[:-1]
        runs = np.flatnonzero(yearless & ~(follows & np.roll(yearless, 1)))
        before = np.full(len(runs), NO_STAMP, np.int64)
        inside = follows[runs]
        at_begin = previous_ns[region[runs]]
        given = ~inside & (at_begin != NO_STAMP)
        before[given] = self._zone.to_wall(at_begin[given])
        if inside.any():
            last = runs[inside] - 1
            before[inside] = np.where(
                reading.wall[last], self._settle(value[last]), self._zone.to_wall(value[last])
            )
        is_run = np.zeros(len(value), np.int64)
        is_run[runs] = 1
        run = np.cumsum(is_run) - 1
        known = ~yearless
        known[yearless] = before[run[yearless]] != NO_STAMP
        those = np.flatnonzero(known & yearless)
        if len(those):
            begins = np.flatnonzero(np.diff(run[those], prepend=-1))
            value[those] = self._complete(
                value[those] - ORIGIN_NS, begins, before[run[those[begins]]], self._settle
            )
        return known

    def read(self, arena: U8, start: I64, end: I64) -> Reading:
        """Return the stamps as they are written; arguments as in `decode`."""
        if not len(start):
            return Reading.empty(0)
        if self._pattern is not None:
            start = start + lead_of(arena, start, end, coloured=False)
            return self._read_pattern(arena, start, trimmed_ends(arena, start, end))
        start = behind_tag(self.tag, arena, start, end)
        # No stamp begins with what may be in front of one.
        led = self._place.is_first and begins_coloured(arena, start)
        if led:
            start = start + lead_of(arena, start, end, coloured=True)
        reading = self._read_place(arena, start, end)
        if reading.found.all():
            return reading
        rows = np.flatnonzero(~reading.found)
        if not led:
            lead = lead_of(arena, start[rows], end[rows], coloured=True)
            start = start.copy()
            start[rows] += lead
            those = rows[lead > 0]
            reading.put(those, self._read_place(arena, start[those], end[those]))
            rows = rows[~reading.found[rows]]
        if self._others is not None:
            part = self._read_others(self._others, arena, start[rows], end[rows])
            reading.put(rows, part)
            if part.found.any():
                # They may be in whole seconds: promises go by the coarser ones.
                self.resolution_ns = max(self.resolution_ns, _SECOND)
        return reading

    def _read_others(self, others: Others, arena: U8, start: I64, end: I64) -> Reading:
        """Return stamps of lines that have none of the usual form."""
        reading = others.read(arena, start, end)
        for place, exact in self._further:
            rows = np.flatnonzero(~reading.found)
            if len(rows):
                reading.put(rows, read_at(place, exact, arena, start[rows], end[rows]))
        if self.needs_date:
            # Times of day follow from what is before them, and so would these.
            return attrs.evolve(reading, found=reading.found & reading.dated)
        return reading

    def _read_place(self, arena: U8, start: I64, end: I64) -> Reading:
        assert self._exact is not None  # noqa: S101 - only a pattern goes without
        if self._outer is None:
            return read_at(self._place, self._exact, arena, start, end)
        rows, start_inside, end_inside = _inside(*self._outer, arena, start, end)
        start_inside = behind_tag(self._place.tag, arena, start_inside, end_inside)
        part = read_at(self._place, self._exact, arena, start_inside, end_inside)
        reading = Reading.empty(len(start))
        reading.put(rows, part)
        return reading

    def inside(self, arena: U8, start: I64, end: I64) -> tuple[U8, I64, I64]:
        """Return the lines that have a stamp, as far as another can be inside it."""
        assert self._exact is not None  # noqa: S101 - asked of layouts only
        start = behind_tag(self.tag, arena, start, end)
        _, begin, stop = _inside(self._place, self._exact, arena, start, end)
        return arena, begin, stop

    def _read_pattern(self, arena: U8, start: I64, end: I64) -> Reading:
        assert self._pattern is not None  # noqa: S101 - the caller has asked
        reading = Reading.empty(len(start))
        rows, texts, bounds = self._pattern.extract(arena, start, end)
        if len(rows) and self._strptime is not None:
            value, found, own_zone = self._strptime.decode(texts, bounds)
            has_year = np.full(len(rows), self._strptime.has_year)
            reading.put(rows, Reading(value, found, ~own_zone, has_year))
        elif len(rows) and self._exact is not None:
            reading.put(rows, self._exact.read(texts, bounds[:-1], bounds[1:]))
        return reading

    def _settle(self, wall: I64) -> I64:
        return self._zone.to_wall(self._zone.to_utc(wall))

    def begins_undated(self, head: bytes) -> bool:
        """Tell whether the first stamp of some lines says no year."""
        for text in (head.partition(b"\n")[0], head):
            reading = self.read(*frame(text))
            if reading.found.any():
                return not reading.dated[reading.found.argmax()]
        return False

    def anchor(self, reading: Reading, mtime_ns: int) -> int:
        """Return a moment near the first of some stamps without a year or a date.

        Args:
            reading: Stamps through the whole file.
            mtime_ns: When the file was last changed, nanoseconds since 1970.
        """
        limit_ns = mtime_ns + _DAY
        undated = reading.found & ~reading.dated
        if not self.needs_date and (dated := np.flatnonzero(reading.found & reading.dated)).size:
            first = dated[0]
            if undated[:first].any():
                # The first stamp that says its year is near those before it.
                undated[first:] = False
                value = reading.value[first : first + 1]
                value = self._zone.to_utc(value) if reading.wall[first] else value
                limit_ns = int(value[0]) + _HALF
        position = reading.value[undated] - ORIGIN_NS
        if not len(position):
            return mtime_ns
        if self.needs_date:
            latest = int(self._zone.to_wall(np.array([mtime_ns], np.int64))[0])
            begin = np.array([first_of_days(position, latest)], np.int64)
            return int(self._zone.to_utc(begin)[0])
        step = steps(position[1:], position[:-1])
        years_after_first = np.concatenate(([0], np.cumsum(step)))
        limit = self._zone.to_wall(np.array([limit_ns], np.int64))
        last_year = split(limit)[0]
        last_year -= join(last_year, position[-1:]) > limit
        years = last_year + years_after_first - years_after_first[-1]
        leap_days = is_leap_day(position)
        for back in range(_LEAP_CYCLE):
            if is_leap(years[leap_days] - back).all():
                years = years - back
                break
        return int(self._zone.to_utc(join(years[:1], position[:1]))[0])


def _inside(
    place: Place, outer: LayoutDecoder, arena: U8, start: I64, end: I64
) -> tuple[I64, I64, I64]:
    """Return the lines that have an outer stamp, and where the text inside begins and ends.

    What a container wrote begins behind all that its runtime put there, and ends before
    a stamp that is put last; other text begins with the last byte that every such stamp has.
    """
    at = place.locate(outer.layout, outer.head, arena, start, end)
    rows = np.flatnonzero(at >= 0)
    rows = rows[outer.read(arena, at[rows], end[rows]).found]
    start, end, at = start[rows], end[rows], at[rows]
    begin = begins_inside(place.wrapping, arena, start, end) if place.wrapping else start
    begin = np.where(begin > start, begin, start if place.last else at + outer.shortest - 1)
    return rows, begin, at if place.last else end


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
    the last one are counted. A 29th of February moves all to leap years. Of stamps
    without a date it is the midnights that are counted; see `days`.

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

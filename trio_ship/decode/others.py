"""Stamps of lines that are not written as most lines of their file are.

A file may change its layout midway, or two programs may write to it. A line
without a stamp where stamps were expected has another one if one stands at a
*natural place*: at the beginning of the line, behind a bracket, a quote, or a
priority of syslog, in a usual field of JSON or of a line that begins as logfmt
does, or behind a marker. It is the first that fits, in this order and in that of
the table. Stamps elsewhere in a line are part of its text, and so are numbers that
only might be stamps.

That depends on the line alone, not on those around it.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.containers import DOCKER
from trio_ship.decode.layouts import Layout
from trio_ship.decode.looks import Sieve
from trio_ship.decode.members import FIELDS, find_field
from trio_ship.decode.places import Place
from trio_ship.decode.readings import LayoutDecoder, Reading
from trio_ship.decode.search import condense, have_marks
from trio_ship.decode.table import LAYOUTS
from trio_ship.decode.words import Bools

__all__ = ["Others", "read_at"]

_ALPHANUMERIC: Final = np.array([chr(byte).isalnum() and byte < 128 for byte in range(256)])  # noqa: PLR2004 - ASCII
_SPACE: Final = np.isin(np.arange(256), np.frombuffer(b" \t\r\n\v\f", np.uint8))
_PRIORITY: Final = 5
_SMALL: Final = 1 << 16


def read_at(place: Place, exact: LayoutDecoder, arena: U8, start: I64, end: I64) -> Reading:
    """Return the stamps that stand at a place in each line; shapes (n,)."""
    if not len(start):
        return Reading.empty(0)
    at = None if place.is_fixed else place.likely(exact.layout, arena, start, end)
    sure = at is None
    if at is None:
        at = place.locate(exact.layout, exact.head, arena, start, end)
    reading = _read_some(exact, arena, at, end)
    if sure or reading.found.all():
        return reading
    rows = np.flatnonzero(~reading.found)
    at = place.locate(exact.layout, exact.head, arena, start[rows], end[rows])
    reading.put(rows, _read_some(exact, arena, at, end[rows]))
    return reading


def _read_some(exact: LayoutDecoder, arena: U8, at: I64, end: I64) -> Reading:
    """Return the stamps at some places; -1 is none. Shapes (n,)."""
    if at.min() >= 0:
        return exact.read(arena, at, end)
    rows = np.flatnonzero(at >= 0)
    reading = Reading.empty(len(at))
    if len(rows):
        reading.put(rows, exact.read(arena, at[rows], end[rows]))
    return reading


@functools.cache
def _sieve(*, in_field: bool) -> Sieve:
    usual = (layout for layout in LAYOUTS if layout.has_date)
    return Sieve([layout for layout in usual if in_field or not layout.weak])


@functools.cache
def _before(layout: Layout) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell of every byte whether a stamp in column 1 may stand behind it."""
    table = ~_ALPHANUMERIC
    table[list(layout.after.encode())] = True
    return table


def _begin_with_key(arena: U8, start: I64, stop: I64) -> Bools:
    """Tell which lines have no white space before their first `=`. Shape (n,).

    Args:
        arena: Bytes.
        start: First byte of each line. Shape (n,).
        stop: The byte behind some `=` of each line. Shape (n,).
    """
    begins = np.zeros(len(start), np.bool_)
    rows, at = np.arange(len(start)), start.copy()
    while len(rows):
        character = arena[at]
        begins[rows[character == ord("=")]] = True
        goes_on = (character != ord("=")) & ~_SPACE[character] & (at < stop[rows])
        rows, at = rows[goes_on], at[goes_on] + 1
    return begins


class Others:
    """The decoder of stamps at natural places."""

    def __init__(self) -> None:
        self._decoders: dict[str, LayoutDecoder] = {}

    def read(self, arena: U8, start: I64, end: I64) -> Reading:
        """Return the stamps as they are written; arguments as in `Place.locate`."""
        reading = Reading.empty(len(start))
        rows = np.flatnonzero(~_SPACE[arena[start]])
        if len(rows):
            rows = self._read_front(reading, rows, arena, start, end)
        if len(rows):
            part = self._read_searched(*condense(arena, start[rows], end[rows]))
            reading.put(rows, part)
        return reading

    def _read_searched(self, arena: U8, start: I64, end: I64) -> Reading:
        """Read what stands in fields, or behind marks."""
        reading = Reading.empty(len(start))
        low, high = int(start[0]), int(end[-1])
        text = arena[low:high].tobytes() if high - low <= _SMALL else None
        rows = self._read_fields(reading, text, arena, start, end)
        for layout in LAYOUTS:
            if layout.mark and len(rows) and (text is None or layout.mark.encode() in text):
                exact = self._decoder(layout)
                part = read_at(Place(searched=True), exact, arena, start[rows], end[rows])
                reading.put(rows, part)
                rows = rows[~part.found]
        return reading

    def _read_front(self, reading: Reading, rows: I64, arena: U8, start: I64, end: I64) -> I64:
        """Read what stands at the beginning of lines; return the rows left."""
        rows = self._sift(reading, rows, arena, start[rows], end, None)
        rows = self._sift(reading, rows, arena, start[rows] + 1, end, arena[start[rows]])
        told = rows[arena[start[rows]] == ord("<")]
        if len(told):
            at = start[told]
            close = np.full(len(told), -1)
            for place in range(_PRIORITY, 1, -1):
                close[arena[at + place - 1] == ord(">")] = place
            told, at = told[close > 0], at[close > 0] + close[close > 0]
            versioned = (arena[at] == ord("1")) & (arena[at + 1] == ord(" "))
            self._sift(reading, told, arena, at + 2 * versioned, end, None)
            rows = rows[~reading.found[rows]]
        return rows

    def _read_fields(
        self, reading: Reading, text: bytes | None, arena: U8, start: I64, end: I64
    ) -> I64:
        """Read what stands in the usual fields; return the rows left.

        Args:
            reading: Where to put it.
            text: All the lines, if that is little.
            arena: Bytes, with at least 64 more behind the last line.
            start: First byte of each line. Shape (n,).
            end: The byte after each line. Shape (n,).
        """
        rows = np.arange(len(start))
        is_json = arena[start] == ord("{")
        docker = np.flatnonzero(is_json)
        docker = docker[have_marks(arena, start[docker], list(enumerate(DOCKER)))]
        self._read_field(reading, docker, arena, start, end, '"time"', last=True)
        for field in FIELDS:
            if text is None or field.encode() in text:
                those = rows[(is_json if field[0] == '"' else ~is_json) & ~reading.found]
                self._read_field(reading, those, arena, start, end, field, last=False)
        return rows[~reading.found]

    def _read_field(
        self,
        reading: Reading,
        rows: I64,
        arena: U8,
        start: I64,
        end: I64,
        field: str,
        *,
        last: bool,
    ) -> None:
        if not len(rows):
            return
        at = find_field(field, arena, start[rows], end[rows], last=last)
        rows, at = rows[at >= 0], at[at >= 0]
        if field[0] != '"':
            # `SET timestamp=1795420800;` goes on with a record.
            begins = _begin_with_key(arena, start[rows], at)
            rows, at = rows[begins], at[begins]
        self._sift(reading, rows, arena, at, end, None, in_field=True)

    def _sift(
        self,
        reading: Reading,
        rows: I64,
        arena: U8,
        at: I64,
        end: I64,
        before: U8 | None,
        *,
        in_field: bool = False,
    ) -> I64:
        """Read whatever layout stands at some places; return the rows without one."""
        if not len(rows):
            return rows
        for layout, chosen in _sieve(in_field=in_field).split(arena, at, end[rows]):
            here = chosen[~reading.found[rows[chosen]]]
            if before is not None:
                here = here[_before(layout)[before[here]]]
            if len(here):
                those = rows[here]
                part = self._decoder(layout).read(arena, at[here], end[those])
                reading.put(those, part)
        return rows[~reading.found[rows]]

    def _decoder(self, layout: Layout) -> LayoutDecoder:
        """Return the decoder of a layout in the variant of its example to begin with."""
        if layout.name not in self._decoders:
            match = layout.match(layout.example.encode())
            variant = match[0] if match else ""
            # Replaced, never changed: threads may share a decoder.
            self._decoders = {**self._decoders, layout.name: LayoutDecoder(layout, variant)}
        return self._decoders[layout.name]

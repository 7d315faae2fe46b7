"""Time on the wall to time in UTC, for whole columns.

A zone is a table: when its offset from UTC changes, and to what. It is sampled
day by day through `datetime`, for the years that are needed, and each change is
then narrowed down to its second; so it serves the machine's own zone, which has
no name, as well.

Rules where a clock is changed:

* An hour that exists twice: a stamp is in the first one unless that would be more
  than half an hour before the file's stamp before it; then it is in the second.
* An hour that does not exist: as if the clock had not been put forward yet.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP
from trio_ship.decode.words import Bools

__all__ = ["Zone", "named_zone", "resolve_zone_name"]

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BACK_STEP: Final = 1_800 * _SECOND


def resolve_zone_name() -> str:
    """Return what this machine calls its zone, for people: `UTC`, `CET/CEST`."""
    names = [datetime(2024, month, 1).astimezone().tzname() or "?" for month in (1, 7)]
    return names[0] if names[0] == names[1] else "/".join(names)


@functools.cache
def named_zone(name: str) -> tzinfo | None:
    """Return the zone of an IANA name; None if there is none."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - many name none

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@attrs.frozen(eq=False, repr=False)
class _Table:
    """Changes of the offset; all in nanoseconds.

    Attributes:
        years: The years it covers, with the year before and after each.
        changes: When, in UTC, ascending. Shape (n,).
        offsets: East of UTC before the first change and from each. Shape (n + 1,).
    """

    years: frozenset[int]
    changes: I64
    offsets: I64

    # Until when on the wall the offset before a change holds: where an hour exists
    # twice, counted as the first or as the second; where one is missing, the same
    # for `first` alone matters.

    @property
    def first(self) -> I64:
        return self.changes + np.maximum(self.offsets[:-1], self.offsets[1:])

    @property
    def second(self) -> I64:
        return self.changes + np.minimum(self.offsets[:-1], self.offsets[1:])


def _years(moments: I64) -> I64:
    return moments.view("M8[ns]").astype("M8[Y]").astype(np.int64) + 1970


class Zone:
    """One time zone."""

    def __init__(self, name: str) -> None:
        """Find a zone.

        Args:
            name: "UTC", "local" for this machine's, or an IANA name.

        Raises:
            ValueError: There is no zone of that name.
        """
        self.is_utc = name == "UTC"
        self._zone: tzinfo | None = None
        if name != "local":
            self._zone = UTC if self.is_utc else named_zone(name)
            if self._zone is None:
                raise ValueError(f'no time zone is called {name!r}: "local", "UTC" or an IANA name')
        # Replaced, never changed: threads may share a zone.
        self._changes_by_year: dict[int, list[tuple[int, int, int]]] = {}
        self._table = _Table(frozenset(), np.empty(0, np.int64), np.zeros(1, np.int64))

    def _offset(self, second: int) -> int:
        """Return seconds east of UTC at a moment in seconds since 1970."""
        offset = (_EPOCH + timedelta(seconds=second)).astimezone(self._zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    def _find_changes(self, year: int) -> list[tuple[int, int, int]]:
        """Return (moment, offset before, offset from then on) of a year, in seconds."""
        begin = int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
        until = int((datetime(year + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
        offset = self._offset(begin)
        changes = [(begin, offset, offset)]
        for day in range(begin + _DAY, until + 1, _DAY):
            now = self._offset(day)
            if now != offset:
                low, high = day - _DAY, day
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
                changes.append((high, offset, now))
                offset = now
        return changes

    def _covering(self, moments: I64) -> _Table:
        """Return a table that covers the years of the given moments."""
        table = self._table
        needed = set(_years(np.array([moments.min(), moments.max()])).tolist())
        if len(needed) > 1:
            needed = set(np.unique(_years(moments)).tolist())
        needed = {near for year in needed for near in (year - 1, year, year + 1)}
        if needed <= table.years:
            return table
        known = self._changes_by_year | {
            year: self._find_changes(year) for year in needed - table.years
        }
        # The first change of a year is none, unless the year before is not covered.
        rows = [change for year in sorted(known) for change in known[year]]
        changes = np.array([row[0] for row in rows], np.int64)
        offsets = np.array([rows[0][1], *(row[2] for row in rows)], np.int64)
        self._changes_by_year = known
        self._table = _Table(frozenset(known), changes * _SECOND, offsets * _SECOND)
        return self._table

    def to_wall(self, utc: I64) -> I64:
        """Return the time on the wall for moments in UTC; ns, shape (n,)."""
        if self.is_utc or not len(utc):
            return utc
        table = self._covering(utc)
        return utc + table.offsets[np.searchsorted(table.changes, utc, "right")]

    def to_utc(self, wall: I64) -> I64:
        """Return the (first) moment for each time on the wall; ns, shape (n,)."""
        if self.is_utc or not len(wall):
            return wall
        table = self._covering(wall)
        return wall - table.offsets[np.searchsorted(table.first, wall, "right")]

    def resolve(self, value: I64, wall: Bools, first: I64, previous: I64) -> I64:
        """Return the moments of stamps that follow each other.

        Args:
            value: The stamps of one or more files, nanoseconds since 1970.
                Shape (n,).
            wall: Which of them are times on the wall. Shape (n,).
            first: The first stamp of each file. Shape (m,), strictly ascending.
            previous: The stamp before that one, in UTC, or `NO_STAMP`. Shape (m,).
        """
        if self.is_utc or not wall.any():
            return value
        table = self._covering(value)
        low, latest = int(value.min()), int(value.max())
        index = np.searchsorted(table.first, low, "right")
        if index == np.searchsorted(table.second, latest, "right"):
            utc: I64 = value - table.offsets[index] * wall
            return utc
        before = table.offsets[np.searchsorted(table.first, value, "right")]
        after = table.offsets[np.searchsorted(table.second, value, "right")]
        utc = np.where(wall, value - before, value)
        rows = np.flatnonzero(wall & (after < before))
        if len(rows):
            before_files = dict(zip(first.tolist(), previous.tolist(), strict=True))
            _choose(utc, rows, value[rows] - after[rows], before_files)
        return utc


def _choose(utc: I64, rows: I64, second: I64, previous: dict[int, int]) -> None:
    """Put the second moment where the first would step back too far."""
    for row, later in zip(rows.tolist(), second.tolist(), strict=True):
        before = previous[row] if row in previous else utc[row - 1]
        if before != NO_STAMP and utc[row] < before - _BACK_STEP:
            utc[row] = later

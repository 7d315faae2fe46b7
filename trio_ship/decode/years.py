"""Stamps without a year: which year a stamp belongs to.

A stamp is in the year that brings it nearest to the stamp before: a step back of
more than 183 days leads into the next year, a step forward of more than that
into the one before. The 29th of February is in the nearest leap year. So
the result depends on the stamps alone, not on how they were chunked.

Columns are resolved at once, by summing the steps. That is the same as going
from stamp to stamp, except where a step is close to 183 days (a clock that was
changed between the two would matter) or where a 29th of February would fall
into a common year; then this module does go from stamp to stamp.

All times are nanoseconds on the wall. A *position* is the time since the
beginning of the year, as in a leap year.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from typing import Final

import numpy as np

from trio_ship.batch import I64
from trio_ship.decode.words import Bools

__all__ = ["ORIGIN_NS", "is_leap", "is_leap_day", "join", "split", "steps", "with_years"]

ORIGIN_NS: Final = 946_684_800 * 10**9
"""The beginning of the year 2000, in which such stamps are decoded."""

_DAY: Final = 86_400 * 10**9
_HALF: Final = 183 * _DAY
_LEAP_DAY: Final = 59
_YEARS: Final = (1679, 2260)


def is_leap(year: I64) -> Bools:
    """Tell which years have a 29th of February. Shape (n,)."""
    leap: Bools = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


def is_leap_day(position: I64) -> Bools:
    """Tell which positions are on the 29th of February. Shape (n,)."""
    return (position >= _LEAP_DAY * _DAY) & (position < (_LEAP_DAY + 1) * _DAY)


def split(wall: I64) -> tuple[I64, I64]:
    """Return the year and the position of each time. Shape (n,)."""
    year = wall.view("M8[ns]").astype("M8[Y]").astype(np.int64)
    position = wall - year.view("M8[Y]").astype("M8[ns]").astype(np.int64)
    year += 1970
    return year, position + _DAY * (~is_leap(year) & (position >= _LEAP_DAY * _DAY))


def join(year: I64, position: I64) -> I64:
    """Return the time at a position in a year. Shape (n,).

    The 29th of February of a common year is given as the 1st of March.
    """
    begin = (year - 1970).view("M8[Y]").astype("M8[ns]").astype(np.int64)
    return begin + position - _DAY * (~is_leap(year) & (position >= (_LEAP_DAY + 1) * _DAY))


def steps(position: I64, previous: I64) -> I64:
    """Return by how many years each position is ahead of the one before it."""
    forward = position - previous
    return (forward < -_HALF).astype(np.int64) - (forward > _HALF)


def with_years(position: I64, first: I64, previous: I64, settle: Callable[[I64], I64]) -> I64:
    """Return the times of positions that follow each other.

    Args:
        position: The stamps of one or more files. Shape (n,).
        first: The first stamp of each file. Shape (m,), strictly ascending.
        previous: The time before that. Shape (m,).
        settle: Gives a time as it reads after going to UTC and back.
    """
    before_year, before = split(previous)
    year, low = int(before_year[0]), int(min(position.min(), before.min()))
    high = int(max(position.max(), before.max()))
    if (
        high - low < _HALF - 2 * _DAY
        and (before_year == year).all()
        and _YEARS[0] <= year <= _YEARS[1]
        and (calendar.isleap(year) or high < _LEAP_DAY * _DAY or low >= (_LEAP_DAY + 1) * _DAY)
    ):
        # Most rounds: no two are half a year apart, and a day is a day.
        return position + (_scalar_join(year, low) - low)
    return _with_years(position, first, before_year, before, settle)


def _with_years(
    position: I64,
    first: I64,
    before_year: I64,
    before: I64,
    settle: Callable[[I64], I64],
) -> I64:
    """Do as `with_years`; the time before is given as year and position."""
    preceding = np.concatenate((position[:1], position[:-1]))
    preceding[first] = before
    forward = np.abs(position - preceding)
    counts = np.diff(first, append=len(position))
    if forward.max() < _HALF - 2 * _DAY:
        year = np.repeat(before_year, counts)
        doubtful = False
    else:
        step = steps(position, preceding)
        total = np.cumsum(step)
        year = total + np.repeat(before_year + step[first] - total[first], counts)
        doubtful = bool((np.abs(forward - _HALF) < 2 * _DAY).any())
    low, high = int(year.min()), int(year.max())
    doubtful = doubtful or low < _YEARS[0] or high > _YEARS[1]
    leap_days = is_leap_day(position)
    if doubtful or (leap_days.any() and not is_leap(year[leap_days]).all()):
        return _one_by_one(position, first, join(before_year, before), settle)
    if low == high:
        return _join_one(low, position)
    return join(year, position)


def _join_one(year: int, position: I64) -> I64:
    """Do as `join`, for one year."""
    wall = position + _scalar_join(year, 0)
    if not calendar.isleap(year):
        wall -= _DAY * (position >= (_LEAP_DAY + 1) * _DAY)
    return wall


def _one_by_one(position: I64, first: I64, previous: I64, settle: Callable[[I64], I64]) -> I64:
    """Do as `with_years`, from stamp to stamp."""
    before_files = dict(zip(first.tolist(), previous.tolist(), strict=True))
    years: list[int] = []
    year = before = 0
    for row, now in enumerate(position.tolist()):
        if row in before_files:
            year, before = _read_back(before_files[row])
        if abs(abs(now - before) - _HALF) < 2 * _DAY and row not in before_files:
            year, before = _read_back(_settled(year, before, settle))
        year += (now - before < -_HALF) - (now - before > _HALF)
        year = min(max(year, _YEARS[0]), _YEARS[1])
        if now // _DAY == _LEAP_DAY and not calendar.isleap(year):
            wall = before_files.get(row)
            wall = _settled(years[-1], before, settle) if wall is None else wall
            leap_years = filter(calendar.isleap, range(year - 8, year + 9))
            year = min(leap_years, key=lambda near: abs(_scalar_join(near, now) - wall))
        years.append(year)
        before = now
    return join(np.array(years, np.int64), position)


def _settled(year: int, position: int, settle: Callable[[I64], I64]) -> int:
    return int(settle(np.array([_scalar_join(year, position)], np.int64))[0])


def _scalar_join(year: int, position: int) -> int:
    return int(join(np.array([year], np.int64), np.array([position], np.int64))[0])


def _read_back(wall: int) -> tuple[int, int]:
    year, position = split(np.array([wall], np.int64))
    return int(year[0]), int(position[0])

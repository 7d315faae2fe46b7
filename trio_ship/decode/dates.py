"""Date, hour, minute and zone of stamps, from their bytes.

This runs once for each change of these bytes, not for each line, so it takes the
time to check that they make sense: days that exist, hours below 24, names that
are names.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.abbreviations import offset_of
from trio_ship.decode.layouts import MONTHS
from trio_ship.decode.words import Bools
from trio_ship.decode.zones import Zone

__all__ = ["Dates"]

_SECOND: Final = 1_000_000_000
_YEARS: Final = (1678, 2261)
_LEAP_YEAR: Final = 2000
_NO_DATE: Final = 10_957  # its first day
_EPOCH_SECONDS: Final = (1_000_000_000, 9_223_372_035)
_BILLION: Final = 10**9
_TAI: Final = (1 << 62) + 10
_IN_PAIRS: Final = (
    *("%Y", "%y", "%m", "%d", "%e", "%j", "%H", "%k", "%M", "%s", "%r"),
    *("hours", "minutes"),
)
_HEXADECIMAL: Final = np.array(
    [int(chr(byte), 16) if chr(byte) in "0123456789abcdef" else 255 for byte in range(256)],
    np.uint8,
)


def _names(text: str) -> I64:
    return np.array([int.from_bytes(name.encode(), "big") for name in text.split()], np.int64)


_MONTHS: Final = _names("jan feb mar apr may jun jul aug sep oct nov dec")
_DAYS: Final = _names("mon tue wed thu fri sat sun")


def _which(rows: U8, places: range, names: I64) -> I64:
    """Return which name of three letters stands in each row, from 1; 0 for none."""
    total = np.zeros(len(rows), np.int64)
    for place in places:
        total = total * 256 + (rows[:, place] | 32)
    hits = total[:, None] == names
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0)


def _which_month(rows: U8, places: range) -> I64:
    """Return the month whose name, written out, stands in each row; 0 for none."""
    month = np.zeros(len(rows), np.int64)
    letters = rows[:, places] | 32
    for number, name in enumerate(MONTHS, 1):
        if len(name) == len(places):
            month[(letters == np.frombuffer(name.encode(), np.uint8)).all(axis=1)] = number
    return month


class Dates:
    """The decoder of everything but seconds and fraction, for one shape."""

    def __init__(
        self, places: dict[str, range], characters: dict[int, int], zone: Zone | None
    ) -> None:
        """Plan the decoding.

        Args:
            places: Where in the stamp each field stands, by its code; `hours`,
                `minutes` and `sign` are those of the offset from UTC, which is
                counted to the west behind a `sign of west`.
            characters: What stands for itself, and where.
            zone: The zone that the stamps name, if it is one of IANA. An hour that
                exists twice is the first one.
        """
        self._zone = zone
        self._places = places
        # All are read two by two: a digit too few is read as a zero.
        self._pairs: dict[str, range] = {}
        digits: list[int] = []
        zeros: list[int] = []
        for code in _IN_PAIRS:
            begin = len(digits)
            own = list(places.get(code, ()))
            zeros += [begin] * (len(own) % 2)
            digits += own[: len(own) % 2] + own
            self._pairs[code] = range(begin // 2, len(digits) // 2)
        self._digits, self._zeros = np.array(digits, np.intp), np.array(zeros, np.intp)
        self._characters = np.array(list(characters), np.intp)
        self._expected = np.array(list(characters.values()), np.uint8)

    def decode(self, rows: U8) -> tuple[I64, Bools]:
        """Decode stamps.

        Args:
            rows: Their bytes. Shape (n, width or more).

        Returns:
            Nanoseconds since 1970 up to the minute (in UTC, or on the wall
            where the stamp says no offset), and whether they are right.
        """
        digits = rows[:, self._digits] - np.uint8(48)
        if len(self._zeros):
            digits[:, self._zeros] = 0
        for code in ("%e", "%k"):
            if code in self._places:
                tens = digits[:, 2 * self._pairs[code].start]
                tens[tens == 240] = 0  # noqa: PLR2004 - a space minus a zero, in eight bits
        valid = np.ones(len(rows), np.bool_)
        valid &= (digits <= 9).all(axis=1)  # noqa: PLR2004 - digits
        valid &= (rows[:, self._characters] == self._expected).all(axis=1)
        # What is no digit gives any number here, but `valid` knows.
        pairs = digits[:, 0::2].astype(np.int64) * 10 + digits[:, 1::2]
        if "%s" in self._places:
            seconds = self._number(pairs, "%s") * 100
            valid &= (seconds >= _EPOCH_SECONDS[0]) & (seconds < _EPOCH_SECONDS[1] - 100)
        elif "%r" in self._places:
            seconds = self._number(pairs, "%r") * 100 + _BILLION
        elif "%x" in self._places:
            seconds = self._decode_label(rows, valid)
        else:
            hour = self._decode_hour(rows, pairs, valid)
            minute = self._number(pairs, "%M")
            valid &= minute < 60  # noqa: PLR2004 - an hour
            seconds = self._decode_days(rows, pairs, valid) * 86_400 + hour * 3600 + minute * 60
        if "minutes" in self._places or "hours" in self._places:
            seconds -= self._decode_offset(rows, pairs, valid)
        if "name" in self._places:
            minutes, known = offset_of(rows[:, self._places["name"]])
            valid &= known
            seconds -= minutes * 60
        seconds[~valid] = 0
        value = seconds * _SECOND
        return value if self._zone is None else self._zone.to_utc(value), valid

    def _number(self, pairs: I64, code: str) -> I64:
        first, *others = self._pairs[code]
        number: I64 = pairs[:, first]
        for place in others:
            number = number * 100 + pairs[:, place]
        return number

    def _decode_label(self, rows: U8, valid: Bools) -> I64:
        """Return seconds since 1970 of a TAI64 label; clear `valid` where it is none.

        The label is 2 to the 62nd and 10 more, as the programs write it that know
        of no leap seconds.
        """
        digits = _HEXADECIMAL[rows[:, self._places["%x"]]]
        valid &= (digits <= 15).all(axis=1)  # noqa: PLR2004 - hexadecimal
        label = np.zeros(len(rows), np.int64)
        for column in range(digits.shape[1]):
            label = label << 4 | digits[:, column]
        seconds = label - _TAI
        valid &= (seconds >= 0) & (seconds <= _EPOCH_SECONDS[1])
        return seconds

    def _decode_hour(self, rows: U8, pairs: I64, valid: Bools) -> I64:
        """Return the hour of the day; clear `valid` where there is no such."""
        hour = self._number(pairs, "%k" if "%k" in self._places else "%H")
        if "half" not in self._places:
            valid &= hour < 24  # noqa: PLR2004 - a day
            return hour
        first, second = (rows[:, place] | 32 for place in self._places["half"])
        valid &= ((first == ord("a")) | (first == ord("p"))) & (second == ord("m"))
        valid &= (hour >= 1) & (hour <= 12)  # noqa: PLR2004 - half a day
        return np.where(first == ord("p"), hour % 12 + 12, hour % 12)

    def _decode_days(self, rows: U8, pairs: I64, valid: Bools) -> I64:
        """Return days since 1970; clear `valid` where the date does not exist."""
        places = self._places
        if {"%b", "%B", "%m", "%j"}.isdisjoint(places):
            return np.full(len(rows), _NO_DATE)
        if "%Y" in places:
            year = self._number(pairs, "%Y")
            valid &= (year >= _YEARS[0]) & (year <= _YEARS[1])
        elif "%y" in places:
            year = self._number(pairs, "%y")
            year = year + np.where(year < 69, 2000, 1900)  # noqa: PLR2004 - as POSIX has it
        else:
            year = np.full(len(rows), _LEAP_YEAR, np.int64)
        if "%a" in places:
            valid &= _which(rows, places["%a"], _DAYS) > 0
        if "%j" in places:
            begin = (year - 1970).view("M8[Y]").astype("M8[D]").astype(np.int64)
            following = (year - 1969).view("M8[Y]").astype("M8[D]").astype(np.int64)
            day = self._number(pairs, "%j")
            valid &= (day >= 1) & (day <= following - begin)
            return begin + day - 1
        if "%b" in places:
            month = _which(rows, places["%b"], _MONTHS)
        elif "%B" in places:
            month = _which_month(rows, places["%B"])
        else:
            month = self._number(pairs, "%m")
        day = self._number(pairs, "%e" if "%e" in places else "%d")
        valid &= (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004 - December
        months = np.where(valid, (year - 1970) * 12 + month - 1, 0)
        begin = months.view("M8[M]").astype("M8[D]").astype(np.int64)
        following = (months + 1).view("M8[M]").astype("M8[D]").astype(np.int64)
        valid &= day <= following - begin
        return begin + day - 1

    def _decode_offset(self, rows: U8, pairs: I64, valid: Bools) -> I64:
        """Return seconds east of UTC; clear `valid` where there are no such."""
        west = "sign of west" in self._places
        sign = rows[:, self._places["sign of west" if west else "sign"][0]]
        seconds = np.zeros(len(rows), np.int64)
        if "hours" in self._places:
            seconds += self._number(pairs, "hours") * 3600
        if "minutes" in self._places:
            minutes = self._number(pairs, "minutes")
            if "hours" in self._places:
                valid &= minutes < 60  # noqa: PLR2004 - an hour
            seconds += minutes * 60
        valid &= (sign == ord("+")) | (sign == ord("-"))
        valid &= seconds < 86_400  # noqa: PLR2004 - a day
        return np.where(sign == ord("+" if west else "-"), -seconds, seconds)

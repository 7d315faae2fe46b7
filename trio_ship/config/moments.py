"""Moments as people write them: where to begin, and where to end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import attrs

from trio_ship.config.values import InvalidValueError, found, shown

__all__ = ["PLACES", "Beginning", "resolve_moment"]

PLACES: Final = ("beginning", "end")
"""Where to begin that is no moment."""

_AGO: Final = re.compile(r"-(?:\d+(?:\.\d+)?[wdhms])+")
_PART: Final = re.compile(r"([\d.]+)([wdhms])")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 40
_YEARS: Final = range(1700, 2261)  # nanoseconds in 64 bits


@attrs.frozen
class Beginning:
    """Where to begin: "beginning", "end", or a moment.

    Attributes:
        places: Whether the two words are allowed; else a moment is wanted.
    """

    places: bool = True

    def __call__(self, value: object) -> str:
        """Return the place, or the moment as text that `resolve_moment` takes."""
        words = '"beginning", "end" or ' if self.places else ""
        wanted = f'{words}a time such as "2026-11-23T08:00:00Z", "2026-11-23", "08:00" or "-2h"'
        wanted += " is allowed"
        if isinstance(value, datetime | date | time):
            value = value.isoformat()
        if not isinstance(value, str):
            raise InvalidValueError(found(value), wanted)
        if self.places and value in PLACES:
            return value
        try:
            resolve_moment(value, "UTC", 0)
        except ValueError:
            raise InvalidValueError(f"{shown(value)} is no time", wanted) from None
        return value


def resolve_moment(text: str, zone: str, now_ns: int) -> int:
    """Return a moment in nanoseconds since 1970.

    Args:
        text: ISO 8601: a time with or without an offset, a date, a time of today;
            or so long ago: `-2h`, `-1d12h`, `-90s`; or a stamp as logs have it:
            `23/Nov/2026:08:00:00 +0000`, `Nov 23 08:00:00`, `1795420800.123`.
        zone: Where the wall clock hangs that is meant where no offset is given:
            "local", "UTC" or an IANA name.
        now_ns: The present, nanoseconds since 1970.

    Raises:
        ValueError: It is none of these.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long")
    if _AGO.fullmatch(text):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
        return max(0, now_ns - round(seconds * 1e9))
    hangs = None if zone == "local" else UTC if zone == "UTC" else _named(zone)
    try:
        moment = _parse(text, hangs, now_ns)
    except ValueError:
        return _copied(text, zone, now_ns)
    if moment.year not in _YEARS:
        raise ValueError("beyond all logs")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=hangs) if hangs is not None else moment.astimezone()
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _named(zone: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - many configurations name none

    return ZoneInfo(zone)


def _parse(text: str, zone: tzinfo | None, now_ns: int) -> datetime:
    readers: list[Callable[[], datetime]] = [
        lambda: datetime.fromisoformat(text),
        lambda: datetime.combine(
            datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(zone).date(),
            time.fromisoformat(text),
        ),
    ]
    # "2026" and "2026-11" could be times of today, and are meant to be a year and a month.
    for read in readers if ":" in text else readers[:1]:
        try:
            return read()
        except ValueError:
            continue
    raise ValueError("no time")


def _copied(text: str, zone: str, now_ns: int) -> int:
    """Return the moment of a stamp that was copied from a log.

    One without a year is the last before a day from now. Numbers that can be read in
    more than one way (03/04/05) are none, and neither is a time of no day.
    """
    # Arrow is slow to import, and most moments are none of these.
    import numpy as np  # noqa: PLC0415

    from trio_ship.batch import NO_STAMP  # noqa: PLC0415
    from trio_ship.decode.detect import detect  # noqa: PLC0415
    from trio_ship.decode.stamps import StampDecoder, frame, initial_anchor  # noqa: PLC0415

    line = text.encode("ascii")  # or is refused
    found = detect(line) if text.isprintable() else None
    if found is None or found.reason:
        raise ValueError("no stamp")
    decoder = StampDecoder(found.spelling, zone=zone)
    if decoder.needs_date:
        raise ValueError("no date")
    before_ns = initial_anchor(decoder, line, now_ns, []) if decoder.needs_year else NO_STAMP
    region, before = np.array([0], np.int64), np.array([before_ns], np.int64)
    moment_ns = int(decoder.decode(*frame(line), region, before)[0])
    if moment_ns == NO_STAMP:
        raise ValueError("no stamp")
    return moment_ns

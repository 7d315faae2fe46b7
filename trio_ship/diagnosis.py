"""Why records come late or ahead: said once for each source, with what mends it.

A clock that is a whole number of quarter hours off is a time zone; anything
else is a slow writer, a wrong clock, or a file of old lines.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, Kind, OrderedBatch
from trio_ship.decode.found import names_zone
from trio_ship.decode.zones import Zone
from trio_ship.state import FileEntry

__all__ = ["Diagnosis", "fitting_zone", "likely_zone"]

_SECOND: Final = 1_000_000_000
_QUARTER: Final = 900 * _SECOND
_NEAR: Final = 20 * _SECOND
_MOST: Final = 15 * 3600 * _SECOND
_SAMPLE: Final = 64
_ODD_ZONES: Final = {
    -570: "Pacific/Marquesas",
    -210: "America/St_Johns",
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    570: "Australia/Darwin",
    630: "Australia/Adelaide",
    765: "Pacific/Chatham",
}
"""Zones off the whole hours, by minutes east of UTC."""
_COMES: Final = {
    Kind.LATE: "late; they are shipped, marked and counted",
    Kind.DROPPED: 'late; `late = "drop"` leaves them out, and they are counted',
    Kind.AHEAD: "ahead of the clock; they are shipped, marked and counted",
}
"""How records come of which something is to be said, and what becomes of them."""


def likely_zone(behind_ns: I64) -> str | None:
    """Return the offset that would explain how far stamps are behind the clock.

    Args:
        behind_ns: How far each of some stamps was behind the clock when it was
            read, in nanoseconds; negative for stamps in front. Shape (n,).

    Returns:
        Such as "2 h 0 min behind", or None where no time zone explains it.
    """
    quarters = np.round(behind_ns / _QUARTER).astype(np.int64)
    off = np.abs(behind_ns - quarters * _QUARTER)
    first = int(quarters[0])
    if not first or (quarters != first).any() or (off > _NEAR).any():
        return None
    if abs(first) * _QUARTER > _MOST:
        return None
    hours, rest = divmod(abs(first), 4)
    return f"{hours} h {rest * 15} min {'behind' if first > 0 else 'in front'}"


def fitting_zone(behind_ns: int, offset_ns: int) -> str | None:
    """Return the name of a zone in which stamps would be of the time of their reading.

    Args:
        behind_ns: How far the stamps are behind the clock, nanoseconds.
        offset_ns: How far the zone that they were taken for is east of UTC.

    Returns:
        A value for `timezone`; None where no zone is there.
    """
    minutes = round((offset_ns - behind_ns) / _QUARTER) * 15
    hours, rest = divmod(minutes, 60)
    if rest:
        return _ODD_ZONES.get(minutes)
    if not hours:
        return "UTC"
    # The sign of these names is that of POSIX: west of Greenwich is plus.
    return f"Etc/GMT{-hours:+d}" if -12 <= hours <= 14 else None  # noqa: PLR2004 - all there are


class Diagnosis:
    """Looks at batches that are late, dropped or ahead; speaks once of each source."""

    def __init__(self) -> None:
        self._said: set[tuple[str, Kind]] = set()

    def sentences(self, batch: OrderedBatch, wall_ns: int) -> list[str]:
        """Return what is to be said about a batch.

        Args:
            batch: The batch; one that is in order is never spoken of.
            wall_ns: The wall clock, nanoseconds since 1970.
        """
        if batch.kind is Kind.DROPPED:
            batch = attrs.evolve(batch, rows=batch.dropped)
        if batch.kind not in _COMES or not len(batch):
            return []
        names = np.array([file.source for file in batch.files])[batch.region]
        stamps = batch.timestamp
        found = []
        for name in np.unique(names).tolist():
            if (name, batch.kind) in self._said:
                continue
            rows = np.flatnonzero((names == name) & (stamps != NO_STAMP))[:_SAMPLE]
            if len(rows):
                self._said.add((name, batch.kind))
                file = batch.files[batch.region[rows[0]]]
                found.append(_sentence(file, batch.kind, wall_ns - stamps[rows], wall_ns))
        return found


def _sentence(file: FileEntry, kind: Kind, behind_ns: I64, wall_ns: int) -> str:
    name = file.source
    text = f"sources.{name}: records come {_COMES[kind]}"
    zone = likely_zone(behind_ns)
    if zone is not None and file.layout and names_zone(file.layout):
        return (
            f"{text}. Their stamps are {zone}, and name their zone themselves, so `timezone` has "
            "no say: check the clock and the zone of what wrote them"
        )
    if zone is not None:
        wall = np.array([wall_ns], np.int64)
        offset_ns = int((Zone(file.zone or "UTC").to_wall(wall) - wall)[0])
        fitting = fitting_zone(int(np.median(behind_ns)), offset_ns)
        value = f'timezone = "{fitting}"' if fitting else "timezone"
        return (
            f"{text}. Their stamps are {zone}, which looks like a time zone: "
            f"set `{value}` (or the place's own name) in [sources.{name}.timestamp]"
        )
    seconds = abs(float(np.median(behind_ns))) / _SECOND
    if kind is Kind.AHEAD:
        return f"{text}. Their stamps are {seconds:.1f} s in front: check the clock that wrote them"
    return (
        f"{text}. Their stamps are {seconds:.1f} s old: where lines take that long to be written, "
        f"raise `max_delay_seconds` in [sources.{name}]"
    )

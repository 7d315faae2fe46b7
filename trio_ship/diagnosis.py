"""Why records come late or ahead: said once for each source, with what mends it.

A clock that is a whole number of quarter hours off is a time zone; anything
else is a slow writer, a wrong clock, or a file of old lines.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trio_ship.batch import I64, NO_STAMP, Kind, OrderedBatch

__all__ = ["Diagnosis", "likely_zone"]

_SECOND: Final = 1_000_000_000
_QUARTER: Final = 900 * _SECOND
_NEAR: Final = 20 * _SECOND
_MOST: Final = 15 * 3600 * _SECOND
_SAMPLE: Final = 64


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


class Diagnosis:
    """Looks at batches that are late or ahead; speaks once of each source."""

    def __init__(self) -> None:
        self._said: set[tuple[str, Kind]] = set()

    def sentences(self, batch: OrderedBatch, wall_ns: int) -> list[str]:
        """Return what is to be said about a batch.

        Args:
            batch: The batch; one that is in order is never spoken of.
            wall_ns: The wall clock, nanoseconds since 1970.
        """
        if batch.kind not in (Kind.LATE, Kind.AHEAD) or not len(batch):
            return []
        names = np.array([file.source for file in batch.files])[batch.region]
        stamps = batch.timestamp
        found = []
        for name in np.unique(names).tolist():
            if (name, batch.kind) in self._said:
                continue
            own = stamps[(names == name) & (stamps != NO_STAMP)][:_SAMPLE]
            if len(own):
                self._said.add((name, batch.kind))
                found.append(_sentence(name, batch.kind, wall_ns - own))
        return found


def _sentence(name: str, kind: Kind, behind_ns: I64) -> str:
    word = "late" if kind is Kind.LATE else "ahead of the clock"
    text = f"sources.{name}: records come {word}; they are shipped, marked and counted"
    zone = likely_zone(behind_ns)
    if zone is not None:
        return (
            f"{text}. Their stamps are {zone}, which looks like a time zone: "
            f"set `timezone` in [sources.{name}.timestamp]"
        )
    seconds = abs(float(np.median(behind_ns))) / _SECOND
    if kind is Kind.AHEAD:
        return f"{text}. Their stamps are {seconds:.1f} s in front: check the clock that wrote them"
    return (
        f"{text}. Their stamps are {seconds:.1f} s old: where lines take that long to be written, "
        f"raise `max_delay_seconds` in [sources.{name}]"
    )

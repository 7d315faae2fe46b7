"""Whether numbers of ten digits and more are moments, or counters and names of things.

A single one does not tell. Many do: moments mostly rise, by steps of different
lengths, and the last ones are of the time at which their file was changed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trio_ship.batch import I64

__all__ = ["are_moments", "only_count"]

_DAY: Final = 86_400 * 10**9
_HOUR: Final = 3600 * 10**9
_YEAR: Final = 366 * _DAY
_FEW: Final = 8
_NEAR: Final = 7 * _DAY
_AHEAD: Final = 5 * _YEAR
_WIDE: Final = 3 * _YEAR
_ERRATIC: Final = 0.2
_UNITS: Final = (0, 10**9, 10**6, 10**3, 1)


def are_moments(stamps: I64, mtime_ns: int | None) -> bool:
    """Tell whether numbers can be moments, being read as such.

    Args:
        stamps: What they would be, nanoseconds since 1970, in the order of the file.
            Shape (n,); fewer than eight are taken for moments.
        mtime_ns: When their file was changed last, if that is known.
    """
    if len(stamps) < _FEW:
        return True
    step = np.diff(stamps)
    span = int(stamps.max() - stamps.min())
    rises, falls = np.count_nonzero(step > _HOUR), np.count_nonzero(step < -_HOUR)
    if span > _WIDE and min(rises, falls) > _ERRATIC * len(step):
        return False
    return mtime_ns is None or int(np.median(stamps)) <= mtime_ns + _AHEAD


def only_count(stamps: I64, mtime_ns: int | None) -> bool:
    """Tell whether numbers that can be moments are rather counters: where there are others.

    They stand still or count, one a line, and not up to the change of their file. So do the
    stamps of something that is written each second, so this alone is no reason.

    Args:
        stamps: As for `are_moments`.
        mtime_ns: As for `are_moments`.
    """
    step = np.diff(stamps)
    if len(stamps) < _FEW or mtime_ns is None or abs(mtime_ns - int(stamps[-1])) < _NEAR:
        return False
    return int(step[0]) in _UNITS and bool((step == step[0]).all())

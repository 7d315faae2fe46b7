"""Stamps without a date: which day a time of day belongs to.

Time goes on: a stamp is on the day that puts it no more than an hour before the
stamp before it, and less than 23 hours behind. So midnight is crossed where the
clock begins anew, and lines that come a little out of order stay where they are. A
silence of 23 hours or more is not to be seen in such stamps.

All times are nanoseconds on the wall. A *position* is the time since midnight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from trio_ship.batch import I64

__all__ = ["first_of_days", "with_days"]

_HOUR: Final = 3600 * 10**9
_DAY: Final = 24 * _HOUR
_BEHIND: Final = 6 * _HOUR


def _steps(position: I64, previous: I64) -> I64:
    """Return by how many days each position is ahead of the one before it."""
    forward = position - previous
    return (forward < -_HOUR).astype(np.int64) - (forward >= _DAY - _HOUR)


def with_days(position: I64, first: I64, previous: I64, settle: Callable[[I64], I64]) -> I64:
    """Return the times of positions that follow each other.

    Args:
        position: The stamps of one or more files. Shape (n,).
        first: The first stamp of each file. Shape (m,), strictly ascending.
        previous: The time before that. Shape (m,).
        settle: Gives a time as it reads after going to UTC and back.
    """
    before = np.concatenate((position[:1], position[:-1]))
    before[first] = previous % _DAY
    step = _steps(position, before)
    total = np.cumsum(step)
    begin = previous // _DAY + step[first] - total[first]
    wall = (total + np.repeat(begin, np.diff(first, append=len(position)))) * _DAY + position
    if (settle(wall) == wall).all():
        return wall
    # Some are in an hour that does not exist: what follows them goes by what they became.
    given = dict(zip(first.tolist(), previous.tolist(), strict=True))
    for row in range(len(wall)):
        last = given[row] if row in given else int(settle(wall[row - 1 : row])[0])
        here = position[row : row + 1]
        wall[row] = (last // _DAY + int(_steps(here, np.array([last % _DAY]))[0])) * _DAY + here[0]
    return wall


def first_of_days(position: I64, latest: int) -> int:
    """Return the time of the first of some positions that follow each other.

    Args:
        position: All stamps of a file, or some through the whole of it with less
            than 23 hours between two. Shape (n,), n > 0.
        latest: When the file was changed last. Its last stamp is up to 18 hours
            before that, or up to 6 behind: the clock of its writer may be that of
            another zone.
    """
    days = int(_steps(position[1:], position[:-1]).sum())
    last = (latest + _BEHIND - int(position[-1])) // _DAY
    return (last - days) * _DAY + int(position[0])

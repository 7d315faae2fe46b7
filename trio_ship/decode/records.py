"""Lines to records: which lines belong together, and the key of each record.

A record is a line with a stamp and the lines without one that follow it. The
rules depend on content and on the `Position` where decoding began, never on
how the bytes were cut into rounds, so that any restart makes the same records:

* Where a file has shown no stamp yet that can be, each line is a record.
* Behind a record that has left already, the lines up to the next stamp are one
  record of their own.
* A record never grows beyond `longest` bytes: it ends in front of the line
  that would not fit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP
from trio_ship.decode.framing import Lines

__all__ = ["group", "last_known", "running_maximum"]

_Mask = npt.NDArray[np.bool_]


def group(
    lines: Lines, stamped: _Mask, *, believed: _Mask, seen: _Mask, joined: _Mask, longest: int
) -> I64:
    """Return the first line of each record.

    Args:
        lines: The lines of all regions.
        stamped: Whether a line carries a stamp. Shape (n,).
        believed: Whether it carries one that can be. Shape (n,).
        seen: Whether a region's file has shown such a one before. Shape (m,).
        joined: Whether lines without a stamp join the record before them, by
            region. Shape (m,).
        longest: The largest length of a record in bytes.

    Returns:
        Indices of lines, ascending. Shape (k,), dtype int64.
    """
    begins = stamped.copy()
    filled = lines.first[:-1][np.diff(lines.first) > 0]
    begins[filled] = True
    cut = np.flatnonzero(lines.flags)
    begins[cut[cut + 1 < len(begins)] + 1] = True
    if not joined.all():
        begins |= ~joined[lines.region]
    if not seen.all():
        count = np.cumsum(believed)
        before = np.concatenate([[0], count])[lines.first[:-1]]
        begins |= (count == before[lines.region]) & ~seen[lines.region]
    if begins.all():
        return np.arange(len(begins))  # and no line is longer than `longest`
    heads = np.flatnonzero(begins)
    return _limited(lines, heads, longest)


def _limited(lines: Lines, heads: I64, longest: int) -> I64:
    tails = np.append(heads, len(lines.end))[1:] - 1
    large = np.flatnonzero(lines.end[tails] - lines.start[heads] > longest)
    if not len(large):
        return heads
    extra: list[int] = []
    for record in large.tolist():
        head, stop = int(heads[record]), int(tails[record]) + 1
        while True:
            room = int(lines.start[head]) + longest
            head = max(int(np.searchsorted(lines.end[:stop], room, "right")), head + 1)
            if head >= stop:
                break
            extra.append(head)
    return np.sort(np.concatenate([heads, np.array(extra, np.int64)]))


def running_maximum(values: I64, first: I64, carry: I64) -> I64:
    """Return the running maximum of each region, going on from `carry`.

    Args:
        values: Stamps, `NO_STAMP` where there is none. Shape (n,).
        first: The first row of each region, and n at the end. Shape (m + 1,).
        carry: The maximum in front of each region. Shape (m,).

    Returns:
        Shape (n,); `values` itself where it is its own running maximum.
    """
    counts = np.diff(first)
    filled = counts > 0
    begin = first[:-1][filled]
    rising = np.ones(len(values), np.bool_)
    np.less_equal(values[:-1], values[1:], out=rising[1:])
    rising[begin] = values[begin] >= carry[filled]
    if rising.all():
        return values
    keys = values.copy()
    keys[begin] = np.maximum(keys[begin], carry[filled])
    known = keys[keys != NO_STAMP]
    if not len(known):
        return keys
    low = int(known.min()) - 1
    span = int(known.max()) - low + 1
    if span * len(begin) >= 2**62:
        for head, count in zip(begin.tolist(), counts[filled].tolist(), strict=True):
            np.maximum.accumulate(keys[head : head + count], out=keys[head : head + count])
        return keys
    # Each region is lifted above the one in front of it, so that one pass over
    # all of them never carries a maximum from one into the next.
    lift = np.repeat(np.arange(len(begin), dtype=np.int64) * span, counts[filled])
    keys = np.maximum(keys, low) - low + lift
    np.maximum.accumulate(keys, out=keys)
    keys += low - lift
    keys[keys == low] = NO_STAMP
    return keys


def last_known(values: I64, first: I64, carry: I64) -> I64:
    """Return each row's own stamp or the last one before it in its region.

    Args:
        values: Stamps, `NO_STAMP` where there is none. Shape (n,).
        first: The first row of each region, and n at the end. Shape (m + 1,).
        carry: What stands in front of each region. Shape (m,).

    Returns:
        Shape (n,); `values` itself where every row has a stamp.
    """
    known = values != NO_STAMP
    if known.all():
        return values
    rows = np.where(known, np.arange(len(values)), -1)
    np.maximum.accumulate(rows, out=rows)
    counts = np.diff(first)
    begin = np.repeat(first[:-1], counts)
    return np.where(rows >= begin, values[rows], np.repeat(carry, counts))

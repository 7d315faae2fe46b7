"""Stamps of lines to stamps and keys of records, over many regions at once."""

from __future__ import annotations

import numpy as np

from trio_ship.batch import I64, NO_STAMP

__all__ = ["first_known", "last_known", "running_maximum"]


def first_known(values: I64, heads: I64) -> I64:
    """Return for each record the first stamp that one of its lines has.

    Args:
        values: Stamps of lines, `NO_STAMP` where there is none. Shape (n,).
        heads: The first line of each record; not more than n. Shape (k,).

    Returns:
        Shape (k,), `NO_STAMP` where no line of a record has a stamp.
    """
    first = values[heads]
    bare = np.flatnonzero(first == NO_STAMP)
    if len(bare):
        known = np.flatnonzero(values != NO_STAMP)
        tails = np.append(heads, len(values))[bare + 1] - 1
        at = np.searchsorted(known, heads[bare])
        found = at < np.searchsorted(known, tails, "right")
        first[bare[found]] = values[known[at[found]]]
    return first


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

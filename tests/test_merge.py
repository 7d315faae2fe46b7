"""The arithmetic of the merge."""

from __future__ import annotations

from random import Random

import attrs
import numpy as np
from core_helpers import Log, column, make_batch, optional
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP, Batch, Flag
from trio_ship.follow import footprint
from trio_ship.merge import compact, ends_of, merge_order, optional_ns, positions_after
from trio_ship.state import Position

SEEDS = st.integers(0, 2**32)
KEYS = st.one_of(
    st.integers(0, 3), st.integers(0, 2**40), st.sampled_from([NO_STAMP, 0, 2**63 - 1])
)
RUNS = st.lists(st.tuples(st.lists(KEYS, max_size=20).map(sorted), st.integers(0, 6)), max_size=25)


@given(RUNS)
@settings(max_examples=300, deadline=None)
def test_s03_the_order_is_that_of_a_stable_sort_by_key_and_rank(
    runs: list[tuple[list[int], int]],
) -> None:
    """Few runs or many, near keys or far: equal keys by rank, equal ranks by place."""
    key = column(value for run, _ in runs for value in run)
    rank = column(rank for run, rank in runs for _ in run)
    assert merge_order(key, rank).tolist() == np.lexsort((rank, key)).tolist()


def test_one_run_stays_as_it_is_and_two_are_merged() -> None:
    """Rows in order are left alone; many short runs come out as from a stable sort."""
    rising = np.arange(1000)
    assert merge_order(rising, np.zeros(1000, np.int64)).tolist() == rising.tolist()
    key, rank = np.tile(np.arange(10), 100), np.repeat(np.arange(100), 10)
    assert merge_order(key, rank).tolist() == np.lexsort((rank, key)).tolist()


def test_keys_of_any_height_are_packed_by_their_distance() -> None:
    """Of stamps far from 1970 only what lies between them has to fit beside rank and place."""
    key = np.tile(2**59 + np.arange(-1, 2), 2)
    order = merge_order(key, np.zeros(6, np.int64))
    assert order.tolist() == [0, 3, 1, 4, 2, 5]


def _batch(random: Random) -> Batch:
    pieces = []
    for number in range(random.randint(1, 4)):
        log = Log(number, "app", f"/{number}")
        for _ in range(random.randint(1, 8)):
            log.write(random.choice([None, random.randint(0, 9)]), random.choice([0, Flag.PARTIAL]))
        pieces.append((log, log.records[random.randint(0, len(log.records) - 1) :]))
    batch = make_batch(pieces)
    # In UTF-16 places in the file are twice those in the text.
    ranges = (2 * batch.start + 2, 2 * batch.end + 2) if random.random() < 0.5 else None
    return attrs.evolve(batch, ranges=ranges)


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_compacting_keeps_what_waits(seed: int) -> None:
    """The last rows of each region keep bytes, offsets and columns in a buffer of just them."""
    random = Random(seed)
    batch = _batch(random)
    counts = np.bincount(batch.region, minlength=len(batch.chain))
    waiting = [random.randint(0, count) for count in counts.tolist()]
    place = np.arange(len(batch)) - (np.cumsum(counts) - counts)[batch.region]
    live = place >= (counts - waiting)[batch.region]
    if not live.any():
        live[-1] = True
    small = compact(batch, live)
    rows = np.flatnonzero(live).tolist()
    assert len(small) == len(rows)
    assert len(small.buffer) == sum(int(batch.end[row] - batch.start[row]) for row in rows)
    for new, old in enumerate(rows):
        text = small.buffer[small.start[new] : small.end[new]].tobytes()
        assert text == batch.buffer[batch.start[old] : batch.end[old]].tobytes()
    offset = small.start + small.shift[small.region]
    assert offset.tolist() == (batch.start + batch.shift[batch.region])[rows].tolist()
    for moved, place in zip(small.ranges or (), batch.ranges or (), strict=True):
        assert moved.tolist() == place[rows].tolist()
    for name in ("timestamp", "latest", "key", "flags", "region"):
        assert getattr(small, name).tolist() == getattr(batch, name)[rows].tolist()
        assert getattr(small, name).dtype == getattr(batch, name).dtype


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_positions_stand_behind_the_last_row_of_each_region(seed: int) -> None:
    """Where a file goes on is told by the last of its rows that left, and by how many bytes."""
    random = Random(seed)
    batch = _batch(random)
    left = [random.randint(0, int((batch.region == region).sum())) for region in batch.chain]
    rows = column(
        row
        for region, count in enumerate(left)
        for row in np.flatnonzero(batch.region == region)[:count].tolist()
    )
    if not len(rows):
        return
    touched, lasts, sizes = ends_of(batch, rows)
    positions = positions_after(batch, touched, lasts)
    assert touched.tolist() == [region for region, count in enumerate(left) if count]
    for region, size, position in zip(touched.tolist(), sizes.tolist(), positions, strict=True):
        mine = rows[batch.region[rows] == region]
        last = int(mine[-1])
        assert size == int((batch.end[mine] - batch.start[mine]).sum())
        plain = int(batch.end[last] + batch.shift[region])
        assert position == Position(
            plain if batch.ranges is None else 2 * int(batch.end[last]) + 2,
            optional(int(batch.key[last])),
            optional(int(batch.latest[last])),
            bool(batch.flags[last] & Flag.PARTIAL),
            footprint(batch.buffer[batch.start[last] : batch.end[last]].tobytes()),
        )


def test_no_stamp_is_none_in_a_position() -> None:
    """What a column writes as the smallest number, a position leaves out."""
    assert optional_ns(NO_STAMP) is None
    assert optional_ns(0) == 0

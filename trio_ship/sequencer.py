"""The sequencer: many chains in, one total order out.

A pure class with a verb for each event. It reads no clock and no file; whoever
drives it says what happened and asks, with `take`, what may leave.

The rules
---------
* A record leaves when (key, source, path, position) lies below the smallest
  (watermark, source, path, next position) of all open chains. As arrays: every
  key below the smallest watermark W, and those equal to W of the chains that
  rank no higher than the first chain whose watermark is W.
* A chain's watermark is the larger of two promises: its running maximum, or
  the key of the record that its reader still holds open; and the clock's
  promise for a chain found at its end. Watermarks never fall: a promise once
  given has been acted on.
* Files not found yet are bounded by the promise that the listing of their
  source's folders made. They might rank anywhere, so a key equal to that
  promise stays.
* What leaves below the last key that left in order is late. What lies above
  the frontier, but was read so long ago that every chain has since been found
  at its end (or itself above the record), is ahead. Neither moves the last key.
* The holder of the frontier never waits: all it has handed over lies below its
  own watermark. So whoever drives the sequencer can always make progress by
  reading that chain, and no budget can deadlock.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, Batch, Flag, Kind, Move, OrderedBatch
from trio_ship.merge import compact, merge_order, positions_after
from trio_ship.report import Chain, Poll, Report
from trio_ship.state import OrderKey

__all__ = ["Sequencer"]

_END = np.iinfo(np.int64).max
_SECOND = 1_000_000_000

_Mask = npt.NDArray[np.bool_]


@attrs.define(eq=False)
class _Source:
    """What is known of a source: its delay, and what its last look promised."""

    delay_ns: int
    step_ns: int = _SECOND
    seen: bool = False
    listed: int = NO_STAMP
    poll_seconds: float = -np.inf
    unread: frozenset[int] = frozenset()


@attrs.define(eq=False)
class _Held:
    """A batch of which some rows wait."""

    batch: Batch
    live: _Mask
    waiting: int
    pinned: int


class Sequencer:
    """Puts the records of all chains in order.

    Args:
        delays: For each source, how long a line may take from its stamp to its
            file, in seconds.
        follow: Whether files may grow; if not, sources make no promises and
            nothing is ever late.
        drop_late: Whether late records are left out, their positions taken.
        last_key: The last record that left in order before the restart.
        sequence: Records that had left before the restart.
    """

    def __init__(
        self,
        delays: dict[str, float],
        *,
        follow: bool,
        drop_late: bool = False,
        last_key: OrderKey | None = None,
        sequence: int = 0,
    ) -> None:
        self._sources = {
            name: _Source(round(seconds * _SECOND)) for name, seconds in delays.items()
        }
        self._follow = follow
        self._drop_late = drop_late
        self._last_key = last_key
        self._sequence = sequence
        self._number = 0
        self._names: dict[int, tuple[str, str]] = {}
        self._rank = np.zeros(0, np.int64)
        self._watermark = np.zeros(0, np.int64)
        self._clock = np.zeros(0, np.int64)
        self._resolution = np.zeros(0, np.int64)
        self._open = np.zeros(0, np.bool_)
        self._members: dict[str, I64] = {name: np.zeros(0, np.int64) for name in delays}
        self._pending = np.zeros(0, np.int64)
        self._held: list[_Held] = []

    @property
    def pending_bytes(self) -> I64:
        """Bytes of the records that wait here, by number of the chain."""
        return self._pending

    @property
    def is_empty(self) -> bool:
        """Whether no record waits here."""
        return not self._held

    @property
    def is_finished(self) -> bool:
        """Whether every chain has ended and every record has left."""
        seen = all(source.seen for source in self._sources.values())
        return seen and not self._held and not self._open.any()

    def accept(self, report: Report) -> None:
        """Take in what a reader reports."""
        self._sources[report.source].seen = True
        self._add(report.opened)
        if len(report.chains):
            self._resolution[report.chains] = report.resolution_ns
            np.maximum.at(self._watermark, report.chains, report.watermarks)
        if report.batch is not None and len(report.batch):
            self._hold(report.batch)
        if report.closed:
            self._open[list(report.closed)] = False
        if report.poll is not None:
            self._promise(report.poll, report)

    def take(self) -> list[OrderedBatch]:
        """Return what may leave now, in the order in which it leaves."""
        taken: list[OrderedBatch] = []
        while batches := self._take_in_order():
            taken += batches
        while batch := self._take_ahead():
            taken.append(batch)
        return taken

    # Chains and promises

    def _add(self, chains: tuple[Chain, ...]) -> None:
        if not chains:
            return
        size = max(len(self._open), *(chain.number + 1 for chain in chains))
        more = size - len(self._open)
        self._watermark = np.append(self._watermark, np.full(more, NO_STAMP))
        self._clock = np.append(self._clock, np.full(more, NO_STAMP))
        self._resolution = np.append(self._resolution, np.zeros(more, np.int64))
        self._open = np.append(self._open, np.zeros(more, np.bool_))
        self._pending = np.append(self._pending, np.zeros(more, np.int64))
        for chain in chains:
            self._names[chain.number] = (chain.source, chain.path)
            self._watermark[chain.number] = chain.max_ns
            self._open[chain.number] = True
        for name, members in self._members.items():
            mine = [chain.number for chain in chains if chain.source == name]
            self._members[name] = np.append(members, np.array(mine, np.int64))
        order = sorted(self._names, key=self._names.__getitem__)
        self._rank = np.full(size, -1)
        self._rank[order] = np.arange(len(order))

    def _promise(self, poll: Poll, report: Report) -> None:
        source = self._sources[report.source]
        members = self._members[report.source]
        moment = poll.wall_ns - source.delay_ns
        source.poll_seconds = poll.seconds
        source.unread = report.unread
        # A file whose stamps are not known yet may turn out to write seconds.
        known = self._resolution[members]
        coarsest = int(known.max(initial=0)) or _SECOND
        source.step_ns = coarsest
        source.listed = max(source.listed, moment // coarsest * coarsest)
        step = self._resolution[members]
        step[step == 0] = coarsest
        promised = moment // step * step
        if report.unread:
            promised[np.isin(members, list(report.unread))] = NO_STAMP
        self._clock[members] = np.maximum(self._clock[members], promised)
        # A record that its reader holds open is older than any promise.
        free = members[~np.isin(members, list(report.held))] if report.held else members
        self._watermark[free] = np.maximum(self._watermark[free], self._clock[free])

    def _frontier(self) -> tuple[int, int]:
        """Return (watermark, rank of the first chain that has it).

        A key equal to the watermark may leave up to that rank; -1: none may.
        """
        if not all(source.seen for source in self._sources.values()):
            return NO_STAMP, -1
        low, rank = self._lowest(np.flatnonzero(self._open))
        if self._follow:
            for source in self._sources.values():
                if source.listed <= low:
                    low, rank = source.listed, -1
        return low, rank

    def _lowest(self, numbers: I64) -> tuple[int, int]:
        """Return the smallest watermark of some chains, and the rank of the first that has it."""
        if not len(numbers):
            return _END, _END
        marks = self._watermark[numbers]
        low = marks.min()
        return int(low), int(self._rank[numbers[marks == low]].min())

    # What waits

    def _hold(self, batch: Batch) -> None:
        size = batch.region_bytes
        np.add.at(self._pending, batch.chain, size)
        live = np.ones(len(batch), np.bool_)
        self._held.append(_Held(batch, live, len(batch), int(size.sum())))

    def _row_rank(self, batch: Batch) -> I64:
        return batch.spread(self._rank[batch.chain])

    def _below(self, held: _Held, low: int, rank: int) -> _Mask:
        key = held.batch.key
        mask = key < low
        equal = key == low
        if equal.any():
            mask |= equal & (self._row_rank(held.batch) <= rank)
        below: _Mask = mask & held.live
        return below

    def _late(self, held: _Held, last: OrderKey) -> _Mask:
        # A record without a key of its own cannot be late.
        key = held.batch.key
        mask = (key < last.timestamp_ns) & (key != NO_STAMP)
        equal = key == last.timestamp_ns
        if equal.any():
            name = (last.source, last.path)
            before = np.array([self._names[chain] < name for chain in held.batch.chain.tolist()])
            mask |= equal & held.batch.spread(before)
        late: _Mask = mask
        return late

    # What leaves

    def _take_in_order(self) -> list[OrderedBatch]:
        low, rank = self._frontier()
        masks = [self._below(held, low, rank) for held in self._held]
        if not any(mask.any() for mask in masks):
            return []
        self._end_before_continued(masks)
        taken: list[OrderedBatch] = []
        if self._follow and self._last_key is not None:
            late = [
                self._late(held, self._last_key) & mask
                for held, mask in zip(self._held, masks, strict=True)
            ]
            if any(mask.any() for mask in late):
                # Records without a key are never late, but stand before such in their file.
                bare = [
                    (held.batch.key == NO_STAMP) & mask
                    for held, mask in zip(self._held, masks, strict=True)
                ]
                if any(mask.any() for mask in bare):
                    taken.append(self._leave(bare, Kind.IN_ORDER))
                kind = Kind.DROPPED if self._drop_late else Kind.LATE
                taken.append(self._leave(late, kind))
                masks = [mask & held.live for held, mask in zip(self._held, masks, strict=True)]
        if any(mask.any() for mask in masks):
            taken.append(self._leave(masks, Kind.IN_ORDER))
        self._release()
        return taken

    def _take_ahead(self) -> OrderedBatch | None:
        if not self._held or not self._follow:
            return None
        sources = self._sources.values()
        since = min(
            source.poll_seconds - (source.delay_ns + source.step_ns) / _SECOND for source in sources
        )
        unread = np.array(sorted(frozenset().union(*(s.unread for s in sources))), np.int64)
        low, rank = self._lowest(unread)
        # What lies below the clocks' promises only waits for a record that is held
        # open for a short while, and is not ahead of anybody.
        spoken = self._open.copy()
        spoken[unread] = False
        clock = np.maximum(self._watermark, self._clock)[spoken].min(initial=_END)
        clock = min(clock, *(source.listed for source in sources))
        leading = np.zeros(len(self._open), np.bool_)
        waiting = [
            self._below(held, low, rank) & (held.batch.read_at < since) for held in self._held
        ]
        for held, mask in zip(self._held, waiting, strict=True):
            leading[held.batch.chain[held.batch.region[mask & (held.batch.key >= clock)]]] = True
        masks = [
            mask & held.batch.spread(leading[held.batch.chain])
            for held, mask in zip(self._held, waiting, strict=True)
        ]
        if not any(mask.any() for mask in masks):
            return None
        self._end_before_continued(masks)
        batch = self._leave(masks, Kind.AHEAD)
        self._release()
        return batch

    def _end_before_continued(self, masks: list[_Mask]) -> None:
        """Let no batch hold a record and the later lines that belonged to it.

        Whoever decodes the batch's ranges again could not tell them apart; so
        such lines begin a batch, and `masks` lose them and all behind them.
        """
        bound: tuple[int, int, int, int] | None = None
        for number, (held, mask) in enumerate(zip(self._held, masks, strict=True)):
            rows = np.flatnonzero(mask & (held.batch.flags & Flag.CONTINUED.value != 0))
            for row in rows.tolist():
                chain = int(held.batch.chain[held.batch.region[row]])
                if not self._has_earlier(chain, number, row, masks):
                    continue
                candidate = (int(held.batch.key[row]), int(self._rank[chain]), number, row)
                bound = candidate if bound is None else min(bound, candidate)
        if bound is None:
            return
        key, rank, number, row = bound
        for other, (held, mask) in enumerate(zip(self._held, masks, strict=True)):
            ranks = self._row_rank(held.batch)
            keys = held.batch.key
            keep = (keys < key) | ((keys == key) & (ranks < rank))
            same = (keys == key) & (ranks == rank)
            if other < number:
                keep |= same
            elif other == number:
                keep |= same & (np.arange(len(keys)) < row)
            masks[other] = mask & keep

    def _has_earlier(self, chain: int, number: int, row: int, masks: list[_Mask]) -> bool:
        for other in range(number + 1):
            batch = self._held[other].batch
            mine = masks[other] & batch.spread(batch.chain == chain)
            if (mine[:row] if other == number else mine).any():
                return True
        return False

    def _leave(self, masks: list[_Mask], kind: Kind) -> OrderedBatch:
        """Make the ordered batch of the rows in `masks`, and take them out."""
        moves: dict[str, Move] = {}
        parts: list[Batch] = []
        rows: list[I64] = []
        keys: list[I64] = []
        ranks: list[I64] = []
        base = 0
        for held, mask in zip(self._held, masks, strict=True):
            mine = np.flatnonzero(mask)
            if not len(mine):
                continue
            held.live &= ~mask
            self._move(held, mine, moves)
            parts.append(held.batch)
            rows.append(mine + base)
            keys.append(held.batch.key[mine])
            ranks.append(self._row_rank(held.batch)[mine])
            base += len(held.batch)
        row = np.concatenate(rows)
        order = merge_order(np.concatenate(keys), np.concatenate(ranks))
        row = row[order] if kind is not Kind.DROPPED else row[:0]
        self._number += 1
        self._sequence += len(row)
        batch = OrderedBatch(
            number=self._number,
            sequence=self._sequence,
            kind=kind,
            parts=tuple(parts),
            rows=row,
            moves=tuple(moves.values()),
            last_key=self._last_key,
        )
        if kind is Kind.IN_ORDER:
            self._last_key = self._advanced(batch)
            batch = attrs.evolve(batch, last_key=self._last_key)
        return batch

    def _advanced(self, batch: OrderedBatch) -> OrderKey | None:
        row, part = int(batch.rows[-1]), 0
        while row >= len(batch.parts[part]):
            row -= len(batch.parts[part])
            part += 1
        last = batch.parts[part]
        timestamp = int(last.key[row])
        if timestamp == NO_STAMP:
            return self._last_key
        region = int(np.searchsorted(last.first, row, "right")) - 1
        file, offset = last.files[region], int(last.start[row] + last.shift[region])
        key = OrderKey(timestamp, file.source, file.path, file.generation, offset)
        return key if self._last_key is None else max(key, self._last_key)

    def _move(self, held: _Held, rows: I64, moves: dict[str, Move]) -> None:
        batch = held.batch
        held.waiting -= len(rows)
        for region, size, after in zip(*positions_after(batch, rows), strict=True):
            file = batch.files[region]
            moves[file.id] = Move(file=file, after=after, limit_ns=int(batch.limit[region]))
            self._pending[batch.chain[region]] -= size
            held.pinned -= size

    def _release(self) -> None:
        """Forget batches that have left; copy small rests out of their arenas."""
        kept: list[_Held] = []
        for held in self._held:
            if not held.waiting:
                continue
            if held.pinned * 2 < len(held.batch.buffer):
                batch = compact(held.batch, held.live)
                live = np.ones(len(batch), np.bool_)
                kept.append(_Held(batch, live, len(batch), held.pinned))
            else:
                kept.append(held)
        self._held = kept

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

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, Batch, Flag, Kind, Move, OrderedBatch
from trio_ship.merge import compact, ends_of, merge_order, positions_after
from trio_ship.report import Report
from trio_ship.state import OrderKey
from trio_ship.watermarks import Watermarks

__all__ = ["Sequencer"]

_Mask = npt.NDArray[np.bool_]


@attrs.define(eq=False, repr=False)
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
        self._marks = Watermarks(delays, follow=follow)
        self._follow = follow
        self._drop_late = drop_late
        self._last_key = last_key
        self._sequence = sequence
        self._number = 0
        self._pending = np.zeros(0, np.int64)
        self._accepted = np.zeros(0, np.int64)
        self._held: list[_Held] = []

    @property
    def pending_bytes(self) -> I64:
        """Bytes of the records that wait here, by number of the chain."""
        return self._pending

    @property
    def accepted_bytes(self) -> I64:
        """Bytes of all records that have come here, by number of the chain."""
        return self._accepted

    @property
    def is_empty(self) -> bool:
        """Whether no record waits here."""
        return not self._held

    def accept(self, report: Report) -> None:
        """Take in what a reader reports."""
        self._marks.accept(report)
        if more := len(self._marks) - len(self._pending):
            self._pending = np.append(self._pending, np.zeros(more, np.int64))
            self._accepted = np.append(self._accepted, np.zeros(more, np.int64))
        if report.batch is not None and len(report.batch):
            self._hold(report.batch)

    def take(self) -> list[OrderedBatch]:
        """Return what may leave now, in the order in which it leaves."""
        taken: list[OrderedBatch] = []
        while batches := self._take_in_order():
            taken += batches
        while batch := self._take_ahead():
            taken.append(batch)
        return taken

    # What waits

    def _hold(self, batch: Batch) -> None:
        size = batch.region_bytes
        np.add.at(self._pending, batch.chain, size)
        np.add.at(self._accepted, batch.chain, size)
        live = np.ones(len(batch), np.bool_)
        self._held.append(_Held(batch, live, len(batch), int(size.sum())))

    def _below(self, held: _Held, low: int, rank: int) -> _Mask:
        key = held.batch.key
        mask = key < low
        equal = key == low
        if equal.any():
            mask |= equal & (self._marks.row_rank(held.batch) <= rank)
        below: _Mask = mask & held.live
        return below

    def _late(self, held: _Held, last: OrderKey) -> _Mask:
        # A record without a key of its own cannot be late.
        key = held.batch.key
        mask = (key < last.timestamp_ns) & (key != NO_STAMP)
        equal = key == last.timestamp_ns
        if equal.any():
            mask |= equal & self._marks.ranks_before(last, held.batch)
        late: _Mask = mask
        return late

    # What leaves

    def _take_in_order(self) -> list[OrderedBatch]:
        low, rank = self._marks.frontier()
        masks = [self._below(held, low, rank) for held in self._held]
        if not _has_rows(masks):
            return []
        self._end_before_continued(masks)
        taken = self._take_late(masks)
        if taken:
            masks = [mask & held.live for held, mask in zip(self._held, masks, strict=True)]
        if _has_rows(masks):
            taken.append(self._leave(masks, Kind.IN_ORDER))
        self._release()
        return taken

    def _take_late(self, masks: list[_Mask]) -> list[OrderedBatch]:
        """Return what is late of the rows in `masks`, behind what stands before it in its file."""
        if not self._follow or self._last_key is None:
            return []
        late = [
            self._late(held, self._last_key) & mask
            for held, mask in zip(self._held, masks, strict=True)
        ]
        if not _has_rows(late):
            return []
        taken = []
        # Records without a key are never late, but stand before such in their file.
        bare = [
            (held.batch.key == NO_STAMP) & mask
            for held, mask in zip(self._held, masks, strict=True)
        ]
        if _has_rows(bare):
            taken.append(self._leave(bare, Kind.IN_ORDER))
        taken.append(self._leave(late, Kind.DROPPED if self._drop_late else Kind.LATE))
        return taken

    def _take_ahead(self) -> OrderedBatch | None:
        if not self._held or not self._follow:
            return None
        bound = self._marks.overdue()
        leading = np.zeros(len(self._marks), np.bool_)
        waiting = [
            self._below(held, bound.low, bound.rank) & (held.batch.read_at < bound.since)
            for held in self._held
        ]
        for held, mask in zip(self._held, waiting, strict=True):
            regions = held.batch.region[mask & (held.batch.key >= bound.clock)]
            leading[held.batch.chain[regions]] = True
        masks = [
            mask & held.batch.spread(leading[held.batch.chain])
            for held, mask in zip(self._held, waiting, strict=True)
        ]
        if not _has_rows(masks):
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
                candidate = (int(held.batch.key[row]), int(self._marks.rank[chain]), number, row)
                bound = candidate if bound is None else min(bound, candidate)
        if bound is None:
            return
        key, rank, number, row = bound
        for other, (held, mask) in enumerate(zip(self._held, masks, strict=True)):
            ranks = self._marks.row_rank(held.batch)
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
        parts: list[Batch] = []
        ends: list[tuple[I64, I64]] = []
        rows: list[I64] = []
        keys: list[I64] = []
        ranks: list[I64] = []
        base = 0
        for held, mask in zip(self._held, masks, strict=True):
            mine = np.flatnonzero(mask)
            if not len(mine):
                continue
            held.live &= ~mask
            ends.append(self._take_out(held, mine))
            parts.append(held.batch)
            rows.append(mine + base)
            keys.append(held.batch.key[mine])
            ranks.append(self._marks.row_rank(held.batch)[mine])
            base += len(held.batch)
        row = np.concatenate(rows)
        order = merge_order(np.concatenate(keys), np.concatenate(ranks))
        row = row[order]
        row, dropped = (row, row[:0]) if kind is not Kind.DROPPED else (row[:0], row)
        self._number += 1
        self._sequence += len(row)
        batch = OrderedBatch(
            number=self._number,
            sequence=self._sequence,
            kind=kind,
            parts=tuple(parts),
            rows=row,
            dropped=dropped,
            moves=_moves(parts, ends),
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
        file, offset = last.files[region], last.offset_of(row, region)
        key = OrderKey(timestamp, file.source, file.path, file.generation, offset)
        return key if self._last_key is None else max(key, self._last_key)

    def _take_out(self, held: _Held, rows: I64) -> tuple[I64, I64]:
        """Take rows out of what waits; return the regions touched, and the last row of each."""
        regions, last, size = ends_of(held.batch, rows)
        np.subtract.at(self._pending, held.batch.chain[regions], size)
        held.waiting -= len(rows)
        held.pinned -= int(size.sum())
        return regions, last

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


def _has_rows(masks: list[_Mask]) -> bool:
    return any(mask.any() for mask in masks)


def _moves(parts: Sequence[Batch], ends: Sequence[tuple[I64, I64]]) -> tuple[Move, ...]:
    """Return how far files have come.

    Args:
        parts: Batches; of the rows of one file those further back stand in later ones.
        ends: Of each part the regions touched, and the last row of each.
    """
    moves: dict[str, Move] = {}
    for batch, (touched, last) in zip(reversed(parts), reversed(ends), strict=True):
        numbers = enumerate(touched.tolist())
        fresh = [place for place, region in numbers if batch.files[region].id not in moves]
        regions, rows = touched[fresh], last[fresh]
        positions = positions_after(batch, regions, rows)
        limits = batch.limit[regions].tolist()
        for region, after, limit_ns in zip(regions.tolist(), positions, limits, strict=True):
            file = batch.files[region]
            moves[file.id] = Move(file=file, after=after, limit_ns=limit_ns)
    return tuple(moves.values())

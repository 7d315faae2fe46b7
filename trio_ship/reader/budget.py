"""How much may be read: the budget of bytes in flight, divided among all chains.

Every chain has a share, so that whoever holds the frontier can always be read.
What waits in the sequencer counts against it, and so do the columns of records,
which weigh more than the bytes of very short ones. While a sink is behind nobody
reads: what it has to write needs no reader to become free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64, Batch
from trio_ship.board import Board
from trio_ship.reader.reading import Job

__all__ = ["Budget", "most_unwritten", "weight"]

_ROUNDS: Final = 4
# Measured: beside reading so much, what a round costs by itself is little.
_FEW: Final = 14 << 20
_MOST: Final = _FEW // 8
# Of so many files that each gives less, a round read early only holds memory. Instead their
# rounds are larger, as far as little waits: what each file costs in each of them is most of
# their time.
_EARLY: Final = 64 << 10
_LARGER: Final = 7 / 16
_LEAST: Final = 4096
_RECORD: Final = 32
_UNKNOWN: Final = 8.0
_LIGHTER: Final = 4
# One round is read while another is written; no third waits, where rounds are largest.
_UNWRITTEN: Final = 1.5 / _ROUNDS


def most_unwritten(most: int) -> float:
    """Return how many bytes a sink may have to write yet while readers go on.

    Args:
        most: How many bytes may be in flight.
    """
    return most * _UNWRITTEN


def weight(records: int, size: int) -> int:
    """Return what records of `size` bytes together count for, in bytes."""
    return max(size, _RECORD * records)


class Budget:
    """What one reader may have in flight.

    Args:
        board: Shows how many bytes of every chain wait in the sequencer.
        most: How many bytes may be in flight, of all chains together.
    """

    def __init__(self, board: Board, most: int) -> None:
        self._board = board
        self._most = most
        self._weight = _UNKNOWN
        self._read = board.accepted.copy()

    def granted(self, jobs: Sequence[Job]) -> list[Job]:
        """Return those jobs that may be done now, each cut to what it may read.

        A job that reads less than it asked for leaves its last record open.
        """
        grants = self.grants([job.chain.number for job in jobs])
        return [_cut(job, length) for job, length in zip(jobs, grants, strict=True) if length]

    def grants(self, numbers: Sequence[int]) -> list[int]:
        """Return how many bytes may be read of each of some chains; 0: it has to wait.

        Who has something waiting reads so much less: else chains that are read by
        the same steps would drift apart, and ever more would wait. While the sequencer
        is at the last round, the next one is read, if it is not large and not of
        very many files.
        """
        if not numbers or self._board.is_behind:
            return [0] * len(numbers)
        waiting = _of(self._board.pending, numbers)
        unheard = _of(self._read, numbers) - _of(self._board.accepted, numbers)
        is_early = bool(unheard.any())
        if is_early:
            # What the chain with the least has is what all of them will have given.
            waiting = np.maximum(waiting, waiting + unheard - (waiting + unheard).min())
        # The sequencer may not have heard of all chains yet.
        chains = max(1 + max(numbers), len(self._board.pending))
        most = int(self._most / self._weight)
        share = max(_LEAST, min(most // (_ROUNDS * chains), _MOST))
        is_ready = 2 * waiting <= share
        ready = max(1, int(np.count_nonzero(is_ready)))
        chunk = max(share, min(_FEW, most // _ROUNDS) // ready)
        if is_early and (chunk < _EARLY or chunk * ready > most // _ROUNDS):
            return [0] * len(numbers)
        left = int(most * _LARGER) - int(waiting.sum())
        chunk = max(chunk, min(_EARLY, left // ready))
        granted: list[int] = np.where(is_ready, chunk - waiting, 0).tolist()
        return granted

    def take(self, batch: Batch) -> None:
        """Take in what was read of them.

        How long records are is known only then; so the first rounds are small.
        """
        size = batch.region_bytes
        more = 1 + int(batch.chain.max()) - len(self._read)
        self._read = np.append(self._read, np.zeros(max(0, more), np.int64))
        np.add.at(self._read, batch.chain, size)
        total = max(1, int(size.sum()))
        self._weight = max(weight(len(batch), total) / total, self._weight / _LIGHTER)


def _cut(job: Job, length: int) -> Job:
    granted = max(length, job.chain.tails[0].want)
    if granted < job.length:
        job.length, job.closing = granted, False
    return job


def _of(column: I64, numbers: Sequence[int]) -> I64:
    """Return the values of some chains in a column that may not have all of them yet."""
    padded = np.zeros(max(numbers) + 1, np.int64)
    known = column[: len(padded)]
    padded[: len(known)] = known
    return padded[list(numbers)]

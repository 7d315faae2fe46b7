"""How much may be read of each chain, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from encode_helpers import Row, make_part

from trio_ship.batch import Batch
from trio_ship.board import Board
from trio_ship.reader.budget import Budget, most_unwritten, weight
from trio_ship.reader.reading import Job
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.state import FileEntry, Position, Snapshot

MIB = 1 << 20


def _settled(pending: list[int], most: int) -> Budget:
    """Return a budget whose records are known to be of a usual length."""
    board = Board(Snapshot())
    budget = Budget(board, most)
    for _ in range(2):  # from an eighth through a half to all
        budget.take(_line_of_each([100] * len(pending)))
    board.put_pending(np.array(pending, np.int64), np.full(len(pending), 200))
    return budget


def _line_of_each(sizes: list[int]) -> Batch:
    """Return what a round gave: a line of each chain, of so many bytes."""
    return make_part([[Row(data=b"x" * (size - 1) + b"\n")] for size in sizes])


@pytest.mark.parametrize(
    ("chains", "each"), [(8, 14 * MIB // 8), (100, 167_772), (300, 65_536), (1000, 29_360)]
)
def test_how_large_a_round_is(chains: int, each: int) -> None:
    """Of 64 MiB: 14 MiB of few files, a quarter of many, up to 7/16 of very many.

    Those have 64 KiB each, if that is less.
    """
    assert _settled([0] * chains, 64 * MIB).grants(range(chains)) == [each] * chains


def test_few_that_may_be_read_get_what_the_others_leave() -> None:
    """Two of a thousand chains share a round of 14 MiB."""
    assert _settled([0] * 1000, 64 * MIB).grants([3, 999]) == [7 * MIB, 7 * MIB]


def test_who_has_something_waiting_reads_so_much_less_and_from_half_a_share_on_nothing() -> None:
    """Whoever holds the frontier has nothing waiting, and is never refused."""
    half = 7 * MIB // 8
    waiting = [0, 1000, half, half + 1, 0, 0, 0, 0]
    granted = _settled(waiting, 64 * MIB).grants(range(8))
    each = 14 * MIB // 7
    assert granted == [each, each - 1000, each - half, 0, each, each, each, each]


def test_a_round_is_read_while_the_sequencer_is_at_the_one_before() -> None:
    """It will let go of as much of each chain as the chain with the least has."""
    budget = _settled([0, 0, 100], 48 * MIB)
    budget.take(_line_of_each([1000, 400, 350]))
    assert budget.grants([0, 1, 2]) == [4 * MIB - 600, 4 * MIB, 4 * MIB - 100]


def test_who_waited_before_that_round_waits_on() -> None:
    """Whether it has left meanwhile is not known: a chain far ahead must not get further."""
    budget = _settled([2 * MIB, 0], 64 * MIB)
    budget.take(_line_of_each([100, 100]))
    assert budget.grants([0, 1]) == [0, 14 * MIB]


def test_of_very_many_files_no_round_is_read_before_the_last_has_left() -> None:
    """Two of them would be in memory at once, and none would be ready earlier."""
    budget = _settled([0] * 1000, 64 * MIB)
    budget.take(_line_of_each([100] * 1000))
    assert budget.grants(range(1000)) == [0] * 1000
    assert budget.grants(range(224)) == [65_536] * 224
    assert budget.grants(range(225)) == [0] * 225


def test_a_round_of_more_than_a_quarter_of_the_budget_is_not_read_before_the_last_has_left() -> (
    None
):
    """So small a budget cannot be divided among so many files."""
    budget = _settled([0] * 20, MIB // 4)
    budget.take(_line_of_each([100] * 20))
    assert budget.grants(range(20)) == [0] * 20


def test_the_first_round_is_small_whatever_the_sequencer_has_heard_of() -> None:
    """Nobody knows yet how short records are: it is as if of an eighth of the budget."""
    budget = Budget(Board(Snapshot()), 64 * MIB)
    assert budget.grants(range(8)) == [MIB // 4] * 8
    assert budget.grants(range(100)) == [36_700] * 100


def test_short_records_weigh_more_than_their_bytes() -> None:
    """Lines of a byte are read in rounds of a sixteenth, until longer ones have come twice."""
    budget = _settled([0], 32 * MIB)
    assert budget.grants([0]) == [8 * MIB]
    budget.take(make_part([[Row(data=b"x\n")] * 100]))
    assert budget.grants([0]) == [8 * MIB // 16]
    budget.take(make_part([[Row(data=b"x" * 100)]]))
    assert budget.grants([0]) == [8 * MIB // 4]


def test_a_chain_has_4_kib_however_many_there_are() -> None:
    """A budget cannot be divided among so many that no line fits."""
    assert _settled([0] * 5000, MIB).grants([4]) == [MIB // 4]
    assert _settled([0] * 5000, MIB).grants(range(5000)) == [4096] * 5000


def _job(number: int, length: int, *, want: int = 0) -> Job:
    """Return a job that would end the wait for more lines of a record."""
    path = f"/logs/{number}.log"
    entry = FileEntry(id=f"{number:016x}", source="s", path=path, file=path, device=1, inode=number)
    chain = ChainFiles(number=number, path=path)
    chain.tails.append(Tail(entry=entry, position=Position(), want=want))
    return Job(chain, length, closing=True)


def test_a_job_that_is_cut_leaves_its_last_record_open_and_one_without_room_waits() -> None:
    """Three share a round of 14 MiB; but a long record may have what it wants."""
    third = 14 * MIB // 3
    jobs = [
        _job(0, third),
        _job(1, third + 1),
        _job(2, 16 * MIB, want=6 * MIB),
        _job(3, 100),
    ]
    granted = _settled([0, 0, 0, 2 * MIB, 0, 0, 0, 0], 64 * MIB).granted(jobs)
    assert [(job.chain.number, job.length, job.closing) for job in granted] == [
        (0, third, True),
        (1, third, False),
        (2, 6 * MIB, False),
    ]


def test_nobody_reads_while_a_sink_has_more_than_three_eighths_of_the_budget_to_write() -> None:
    """The slowest sink counts; short records count for 32 bytes each."""
    board = Board(Snapshot(), most_unwritten=most_unwritten(8000))
    budget = Budget(board, 8000)
    board.put_unwritten(["slow", "fast"], weight(10, 3000))
    board.put_written("fast", 3000)
    assert not board.is_behind
    assert budget.grants([0]) == [4096]
    board.put_unwritten(["slow", "fast"], weight(1, 2))
    assert board.is_behind
    assert budget.grants([0, 1]) == [0, 0]
    board.put_written("slow", weight(1, 2))
    assert budget.grants([0]) == [4096]

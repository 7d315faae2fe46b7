"""Whole pipelines on a simulated disk and clock; `scripts/simulate` runs many more of them."""

from __future__ import annotations

import pytest
from simulation.broken import VARIANTS, broken
from simulation.report import failure_lines
from simulation.runner import run
from simulation.seeds import make
from simulation.shrink import shrink

CAUGHT = {
    "checkpoint-before-fsync": 0,
    "position-at-read": 1,
    "no-folder-fsync": 0,
    "journal-after-batch": 38,
    "no-rewrite-after-failed-fsync": 314,
}
"""For each broken variant of the protocol a seed that shows it."""


def test_a_seed_gives_the_same_run_every_time() -> None:
    """Two runs of one seed make the same disk calls at the same times and the same outputs."""
    for seed in range(5):
        assert run(make(seed)) == run(make(seed))


@pytest.mark.parametrize("first", range(0, 300, 15))
def test_d01_d03_d04_nothing_is_lost_doubled_or_out_of_order(first: int) -> None:
    """Whatever dies and when; these are the first of the seeds that `scripts/simulate` takes."""
    for seed in range(first, first + 15):
        outcome = run(make(seed))
        if outcome.failure:
            shrunk = shrink(make(seed))
            pytest.fail("\n".join(failure_lines(shrunk, run(shrunk))))


def test_r15_a_log_is_copied_and_cut_while_what_stood_in_it_before_is_looked_for() -> None:
    """The copy of what is being read is no file that came before it; it takes this seed to show."""
    assert not run(make(900_055)).failure


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_broken_protocol_is_caught(variant: str) -> None:
    """A simulation that finds nothing in a pipeline that is wrong would prove nothing."""
    scenario = make(CAUGHT[variant])
    assert not run(scenario).failure
    with broken(variant):
        assert run(scenario).failure

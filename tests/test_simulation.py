"""Whole pipelines on a simulated disk and clock; `scripts/simulate` runs many more of them."""

from __future__ import annotations

from simulation.runner import run
from simulation.scenario import make


def test_a_seed_gives_the_same_run_every_time() -> None:
    """Two runs of one seed make the same disk calls at the same times and the same outputs."""
    for seed in range(5):
        assert run(make(seed)) == run(make(seed))

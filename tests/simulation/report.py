"""What is said of runs: what they covered, and how to see a failing one again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from simulation.runner import Outcome
from simulation.scenario import Scenario

__all__ = ["failure_lines", "total_line"]

_ORDER = (
    "lives",
    "kills",
    "power losses",
    "drains",
    "edits",
    "faults",
    "failed lives",
    "short transfers",
    "slow calls",
    "rotations",
    "records",
    "checkpoints",
    "disk calls",
)


def failure_lines(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    """Tell what went wrong, in what events, and how to see it again."""
    yield f"seed {scenario.seed} FAILED: {outcome.failure}"
    yield f"  {scenario.settings}"
    yield from (f"  {event}" for event in scenario.events)
    yield f"  scripts/simulate --seed {scenario.seed} --trace"


def total_line(runs: int, failed: int, counts: Counter[str], seconds: float) -> str:
    """Tell what many runs covered."""
    covered = ", ".join(f"{counts[name]:,} {name}" for name in _ORDER)
    rate = f"{runs / seconds:.1f} seeds/s" if seconds else ""
    return f"{runs:,} seeds, {failed} failed: {covered}; {rate}"

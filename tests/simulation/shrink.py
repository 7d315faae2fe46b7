"""Making a failing scenario small: leave events out for as long as it goes on failing."""

from __future__ import annotations

import attrs

from simulation.runner import run
from simulation.scenario import Event, Scenario

__all__ = ["shrink"]

_RUNS: int = 400


def shrink(scenario: Scenario) -> Scenario:
    """Return a scenario with fewer events that fails too, if there is one.

    Halves are left out first, then quarters, and so on down to single events; at
    last every event is tried without its pace.
    """
    budget = [_RUNS]
    events = list(scenario.events)
    size = max(1, len(events) // 2)
    while size:
        start, smaller = 0, False
        while start < len(events):
            fewer = events[:start] + events[start + size :]
            if _fails(scenario, fewer, budget):
                events, smaller = fewer, True
            else:
                start += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    for number, event in enumerate(events):
        plain = [*events[:number], attrs.evolve(event, pace=0), *events[number + 1 :]]
        if event.pace and _fails(scenario, plain, budget):
            events = plain
    return attrs.evolve(scenario, events=tuple(events))


def _fails(scenario: Scenario, events: list[Event], budget: list[int]) -> bool:
    budget[0] -= 1
    return budget[0] >= 0 and bool(run(attrs.evolve(scenario, events=tuple(events))).failure)

"""Making a failing scenario small: leave events out for as long as it goes on failing."""

from __future__ import annotations

import re
from typing import Final

import attrs

from simulation.runner import run
from simulation.scenario import Event, Scenario

__all__ = ["shrink"]

_RUNS: Final = 400


def shrink(scenario: Scenario) -> Scenario:
    """Return a scenario with fewer events that fails too, if there is one.

    Halves are left out first, then quarters, and so on down to single events; at
    last every event is tried without its pace.
    """
    trial = _Trial(scenario)
    events = list(scenario.events)
    size = max(1, len(events) // 2)
    while size:
        start, smaller = 0, False
        while start < len(events):
            fewer = events[:start] + events[start + size :]
            if trial.fails(fewer):
                events, smaller = fewer, True
            else:
                start += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    for number, event in enumerate(events):
        plain = [*events[:number], attrs.evolve(event, pace=0), *events[number + 1 :]]
        if event.pace and trial.fails(plain):
            events = plain
    return attrs.evolve(scenario, events=tuple(events))


class _Trial:
    """Tries whether other events fail in the same way."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._kind = _kind(run(scenario).failure)
        self._left = _RUNS

    def fails(self, events: list[Event]) -> bool:
        """Tell whether a run with these events fails in the same way."""
        self._left -= 1
        if self._left < 0:
            return False
        return _kind(run(attrs.evolve(self._scenario, events=tuple(events))).failure) == self._kind


def _kind(failure: str) -> str:
    """Return a failure without its names, numbers and texts."""
    return re.sub(r"b'.*'|/\S+|\d+|raw|json", "", failure)

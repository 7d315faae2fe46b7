"""The scenario that a seed stands for.

Each seed switches some kinds of events on and the others off. A run in which
everything happens at once shows less than many runs in which a few things do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import attrs

from simulation.faults import READING, SAVING, WRITING
from simulation.scenario import RULES, Event, Scenario, Settings

__all__ = ["make"]


def make(seed: int) -> Scenario:
    """Make the scenario of a seed."""
    return _with_edits(_with_outputs(_with_records(_usual(seed))))


def _with_records(scenario: Scenario) -> Scenario:
    """Have records of more kinds than a line with a stamp and those behind it, in every second."""
    rng = random.Random(f"records of seed {scenario.seed}")
    if rng.random() < 1 / 2:
        return scenario
    settings = attrs.evolve(scenario.settings, rule=rng.choice(sorted(RULES)))
    events = list(scenario.events)
    for _ in range(rng.choice((0, 2, 5)) * settings.follow):
        at = round(rng.uniform(0, scenario.seconds), 3)
        log = rng.choice(settings.logs)
        later = min(scenario.seconds, round(at + rng.choice((0.01, 0.1, 0.6, 2.5)), 3))
        events.append(Event(at, "open", {"log": log}, _pace(rng)))
        events.append(Event(later, "rest", {"log": log}, _pace(rng)))
    events.sort(key=lambda event: event.at)
    return attrs.evolve(scenario, settings=settings, events=tuple(events))


def _with_outputs(scenario: Scenario) -> Scenario:
    """Have outputs rotated, in every fifth."""
    rng = random.Random(f"outputs of seed {scenario.seed}")
    if rng.random() < 4 / 5:
        return scenario
    events = list(scenario.events)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = round(rng.uniform(0, scenario.seconds), 3)
        values = {"sink": rng.choice(scenario.settings.sinks), "create": rng.random() < 1 / 2}
        events.append(Event(at, "output", values, _pace(rng)))
    events.sort(key=lambda event: event.at)
    return attrs.evolve(scenario, events=tuple(events))


def _with_edits(scenario: Scenario) -> Scenario:
    """Have the configuration edited while logs are followed, in every fifth."""
    rng = random.Random(f"edits of seed {scenario.seed}")
    settings = scenario.settings
    if not settings.follow or rng.random() < 4 / 5:
        return scenario
    may_go = rng.choice(settings.sinks) if len(settings.sinks) > 1 else ""
    if may_go and rng.random() < 1 / 4:
        settings = attrs.evolve(settings, late_sinks=(may_go,))
    events = list(scenario.events)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = round(rng.uniform(0, scenario.seconds), 3)
        what, name = "rename", rng.choice((*settings.sources, *settings.sinks))
        if may_go and rng.random() < 1 / 2:
            what, name = "absent", may_go
        values = {"what": what, "name": name, "down": rng.choice((0.0, 0.3))}
        events.append(Event(at, "edit", {**values, "twice": False}))
    events.sort(key=lambda event: event.at)
    return attrs.evolve(scenario, settings=settings, events=tuple(events))


def _usual(seed: int) -> Scenario:
    """Make a scenario in which a record is a line with a stamp and those behind it."""
    rng = random.Random(seed)
    settings = _settings(rng)
    if not settings.follow:
        return _one_shot(rng, seed, settings)
    seconds = rng.choice((2.0, 3.0, 5.0))
    kinds = [kind for kind in _KINDS if rng.random() < _KINDS[kind][0]]
    if "rotate" in kinds and "copytruncate" in kinds:
        # Whoever rotates a log does it in one way.
        kinds.remove(rng.choice(("rotate", "copytruncate")))
    weights = [_KINDS[kind][1] for kind in kinds]
    events = [_first(rng, log) for log in settings.logs]
    for _ in range(rng.randint(4, 24)):
        at = round(rng.uniform(0, seconds), 3)
        kind = rng.choices(["append", *kinds], [6.0, *weights])[0]
        events.append(_KINDS[kind][2](rng, at, settings))
    if rng.random() < 1 / 4:
        # While the pipeline is down, or just before it starts again, much may happen.
        events += _around_a_death(rng, seconds, settings, kinds)
    events.sort(key=lambda event: event.at)
    return Scenario(
        seed=seed,
        settings=settings,
        events=tuple(events),
        seconds=seconds,
        again=rng.random() < 1 / 5,
    )


def _settings(rng: random.Random) -> Settings:
    names = rng.sample(("a", "b", "c"), rng.randint(1, 3))
    folders = rng.choice((("app",), ("app",), ("app", "web")))
    logs = tuple(f"/logs/{rng.choice(folders)}/{name}.log" for name in names)
    return Settings(
        follow=rng.random() < 5 / 6,
        logs=logs,
        every_name=rng.random() < 1 / 3,
        sinks=rng.choice((("raw",), ("json",), ("raw", "json"))),
        max_delay=rng.choice((0.2, 0.5, 1.0)),
        interval=rng.choice((0.2, 0.7, 2.0, 5.0)),
        buffer_bytes=rng.choice((65_536, 65_536, 1 << 20)),
        hop_seconds=rng.choice((0.0, 0.001, 0.004)),
        reuse_inodes=rng.random() < 1 / 2,
    )


def _one_shot(rng: random.Random, seed: int, settings: Settings) -> Scenario:
    settings = attrs.evolve(settings, hop_seconds=0.001)
    events = [
        Event(0, "fill", {"log": log, "count": rng.choice((0, 3, 40, 300)), "traces": True})
        for log in settings.logs
    ]
    at = 0.0
    for _ in range(rng.randint(1, 6)):
        kind = rng.choice(("kill", "kill", "power", "interrupt", "fault", "short"))
        event = _KINDS["drain" if kind == "interrupt" else kind][2](rng, at, settings)
        events.append(attrs.evolve(event, at=round(at, 3)))
        at += rng.uniform(0, 0.05)
    return Scenario(seed=seed, settings=settings, events=tuple(events), seconds=at, again=True)


# The kinds of events


def _first(rng: random.Random, log: str) -> Event:
    return Event(0, "append", {"log": log, "count": rng.randint(1, 4), "width": 20})


def _append(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {
        "log": rng.choice(settings.logs),
        "count": rng.choice((1, 1, 2, 5, 5, 40)),
        "width": rng.choice((5, 40, 40, 300)),
        "traces": rng.choice((0, 0, 3)),
    }
    return Event(at, "append", values, _pace(rng))


def _half(rng: random.Random, at: float, settings: Settings) -> Event:
    return Event(at, "half", {"log": rng.choice(settings.logs)}, _pace(rng))


def _behind(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {"log": rng.choice(settings.logs), "seconds": rng.choice((1.0, 3.0, 60.0, -60.0))}
    return Event(at, "behind", values, _pace(rng))


def _rotate(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {
        "log": rng.choice(settings.logs),
        "turns": rng.choice((1, 1, 1, 2, 3)),
        "keep": rng.choice((2, 9, 9, 9)),
        "dated": rng.random() < 1 / 4,
        "after": rng.choice((0, 0, 2)),
        "create": rng.random() < 1 / 2,
    }
    return Event(at, "rotate", values, _pace(rng))


def _copytruncate(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {
        "log": rng.choice(settings.logs),
        "keep": rng.choice((1, 9, 9)),
        "before": rng.choice((0, 2)),
        "gap": rng.choice((0, 0, 2)),
        "fast": rng.choice((0, 0, 30)),
    }
    return Event(at, "copytruncate", values, _pace(rng))


def _replaced(kind: str) -> Callable[[random.Random, float, Settings], Event]:
    def one(rng: random.Random, at: float, settings: Settings) -> Event:
        log = rng.choice(settings.logs)
        return Event(at, kind, {"log": log, "count": rng.choice((0, 1, 3, 30))}, _pace(rng))

    return one


def _symlink(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {
        "log": rng.choice(settings.logs),
        "count": rng.choice((1, 3, 30)),
        "beside": rng.random() < 1 / 2,
    }
    return Event(at, "symlink", values, _pace(rng))


def _compress(rng: random.Random, at: float, settings: Settings) -> Event:
    values = {"log": rng.choice(settings.logs), "keeps_time": rng.random() < 2 / 3}
    return Event(at, "compress", values, _pace(rng))


def _on_log(kind: str) -> Callable[[random.Random, float, Settings], Event]:
    def one(rng: random.Random, at: float, settings: Settings) -> Event:
        return Event(at, kind, {"log": rng.choice(settings.logs)}, _pace(rng))

    return one


def _clock(rng: random.Random, at: float, settings: Settings) -> Event:
    return Event(at, "clock", {"seconds": rng.choice((-3600.0, -1.0, 2.0, 3600.0))})


def _fault(rng: random.Random, at: float, settings: Settings) -> Event:
    call, path, errors = rng.choice(rng.choice((READING, WRITING, SAVING)))
    values = {
        "call": call,
        "path": path,
        "error": rng.choice(errors),
        "times": rng.choice((1, 1, 2, 4)),
        "after": rng.choice((0, 0, 1, 3, 10)),
    }
    return Event(at, "fault", values)


def _short(rng: random.Random, at: float, settings: Settings) -> Event:
    return Event(at, "short", {"most": rng.choice((1, 7, 100, 4096)), "seconds": 0.3})


def _slow(rng: random.Random, at: float, settings: Settings) -> Event:
    return Event(at, "slow", {"seconds": rng.choice((0.3, 1.5, 4.0))})


def _descriptors(rng: random.Random, at: float, settings: Settings) -> Event:
    return Event(at, "descriptors", {"spare": rng.choice((0, 1)), "seconds": rng.choice((0.3, 1))})


def _full(rng: random.Random, at: float, settings: Settings) -> Event:
    spare = rng.choice((0, 10, 500, 5000))
    return Event(at, "full", {"spare": spare, "seconds": rng.choice((0.3, 2.5))})


def _death(kind: str) -> Callable[[random.Random, float, Settings], Event]:
    def one(rng: random.Random, at: float, settings: Settings) -> Event:
        most = 20 if rng.random() < 1 / 2 else 200
        again = rng.choice((0, 0, 0, 1, 3))
        values = {
            "calls": rng.randrange(most),
            "torn": rng.choice((0, 1, 30, 200)),
            "down": rng.choice((0.0, 0.05, 0.4, 1.5)) * settings.follow,
            "again": tuple(rng.randrange(60) for _ in range(again)),
        }
        if kind == "power":
            values["chance"] = rng.randrange(1 << 16)
        return Event(at, kind, values)

    return one


def _drain(rng: random.Random, at: float, settings: Settings) -> Event:
    down = rng.choice((0.0, 0.3, 1.5)) * settings.follow
    return Event(at, "drain", {"down": down, "twice": rng.random() < 1 / 3})


def _around_a_death(
    rng: random.Random, seconds: float, settings: Settings, kinds: list[str]
) -> list[Event]:
    at = round(rng.uniform(0.3, seconds), 3)
    death = _KINDS[rng.choice(("kill", "power", "drain"))][2](rng, at, settings)
    death = attrs.evolve(death, values={**death.values, "down": 0.6, "again": ()})
    moving = [kind for kind in kinds if kind in _MOVES] or ["rotate"]
    events = [death]
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(["append", *moving])
        later = round(at + rng.uniform(0.0, 0.6), 3)
        events.append(_KINDS[kind][2](rng, later, settings))
    return events


def _pace(rng: random.Random) -> int:
    return rng.choice((0, 0, 1, 2, 5, 13))


_MOVES: Final = ("rotate", "copytruncate", "compress", "recreate", "remove", "replace", "symlink")
_KINDS: Final[dict[str, tuple[float, float, Callable[[random.Random, float, Settings], Event]]]] = {
    # How often a seed has the kind at all, its weight there, and what makes one.
    "append": (0.0, 0.0, _append),
    "half": (0.3, 1.0, _half),
    "behind": (0.2, 1.0, _behind),
    "rotate": (0.6, 2.0, _rotate),
    "copytruncate": (0.3, 1.5, _copytruncate),
    "compress": (0.3, 2.0, _compress),
    "recreate": (0.15, 1.0, _replaced("recreate")),
    "remove": (0.15, 1.0, _on_log("remove")),
    "replace": (0.15, 1.0, _replaced("replace")),
    "symlink": (0.15, 1.0, _symlink),
    "hardlink": (0.1, 0.5, _on_log("hardlink")),
    "touch": (0.2, 0.5, _on_log("touch")),
    "clock": (0.1, 0.5, _clock),
    "fault": (0.4, 2.0, _fault),
    "short": (0.2, 0.5, _short),
    "slow": (0.1, 0.5, _slow),
    "descriptors": (0.1, 0.7, _descriptors),
    "full": (0.15, 0.7, _full),
    "kill": (0.7, 2.0, _death("kill")),
    "power": (0.4, 2.0, _death("power")),
    "drain": (0.4, 1.0, _drain),
}

# ruff: noqa: INP001 - a helper beside a script, not a package
"""The backlog run of `scripts/torture`: killed while it catches up, again and again.

What comes out must be, byte for byte, what an uninterrupted run gives.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from typing import Final

from torture_lines import make_line
from torture_live import Plan, Result
from torture_ship import Ship, can_trace, make_fault, wait_until

__all__ = ["WRITERS", "are_equal", "make_logs", "run_backlog", "run_to_end", "write_config"]

WRITERS: Final = ("w0", "w1", "w2", "w3")
"""Who writes: each has a log of that name."""

_BEGIN_NS: Final = 1_795_420_800_000_000_000
_OUTPUTS: Final = ("text.log", "objects.jsonl")
_CONFIG: Final = """\
[pipeline]
follow = false
max_buffer_bytes = {buffer_bytes}
[pipeline.checkpoint]
interval_seconds = {interval_seconds}
[sources.all]
type = "file"
paths = ["../logs/*.log"]
[sinks.text]
type = "file"
path = "text.log"
[sinks.objects]
type = "file"
path = "objects.jsonl"
encoding = "json"
"""


def run_backlog(folder: str, plan: Plan, *, lines: int, kills: int) -> Result:
    """Ship a backlog twice, once undisturbed, and compare.

    Args:
        folder: A folder of its own.
        plan: Its name and seed count here.
        lines: Lines of the backlog.
        kills: How often the second run is ended before its time.
    """
    began = time.monotonic()
    result = Result(plan.name)
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
    os.mkdir(os.path.join(folder, "logs"))
    logs = make_logs(os.path.join(folder, "logs"), lines, chance)
    whole, killed = (os.path.join(folder, name) for name in ("whole", "killed"))
    for place in (whole, killed):
        os.mkdir(place)
        write_config(place)
    run_to_end(Ship(whole), result)
    size = os.path.getsize(os.path.join(whole, _OUTPUTS[0]))
    ship = Ship(killed)
    for place in range(kills):
        _interrupt(ship, killed, result, chance, size * place // kills, logs)
    run_to_end(ship, result)
    result.problems += ship.problems
    for name in _OUTPUTS:
        result.events[f"bytes of {name}"] = os.path.getsize(os.path.join(whole, name))
        if not are_equal(os.path.join(whole, name), os.path.join(killed, name)):
            result.problems.append(f"{name} differs from that of an uninterrupted run")
    shutil.rmtree(whole)
    result.events["lines"] = lines
    result.seconds = time.monotonic() - began
    return result


def write_config(
    folder: str, *, buffer_bytes: int = 1_048_576, interval_seconds: float = 0.2
) -> None:
    """Write a configuration that ships the logs in `../logs` once, to two outputs."""
    text = _CONFIG.format(buffer_bytes=buffer_bytes, interval_seconds=interval_seconds)
    with open(os.path.join(folder, "ship.toml"), "w", encoding="utf-8") as config:
        config.write(text)


def make_logs(folder: str, lines: int, chance: random.Random) -> list[str]:
    """Write so many lines to some logs; return their paths."""
    paths = [os.path.join(folder, f"{writer}.log") for writer in WRITERS]
    files = [open(path, "wb") for path in paths]  # noqa: SIM115 - closed below
    numbers = [0] * len(WRITERS)
    for line in range(lines):
        place = chance.randrange(len(WRITERS))
        stamp = None if numbers[place] and chance.random() < 0.05 else _BEGIN_NS + line // 3 * 10**6  # noqa: PLR2004 - one in twenty
        files[place].write(make_line(WRITERS[place], numbers[place], stamp, chance))
        numbers[place] += 1
    for file in files:
        file.close()
    return paths


def run_to_end(ship: Ship, result: Result) -> None:
    """Run it to its end, which must be a good one."""
    ship.start()
    status = ship.wait()
    if status:
        result.problems.append(f"status {status}: {ship.said[-800:]!r}")


def _interrupt(
    ship: Ship, folder: str, result: Result, chance: random.Random, size: int, logs: list[str]
) -> None:
    """Start it; end it once its output is so long, or at some system call."""
    output = os.path.join(folder, _OUTPUTS[0])
    before = os.path.getsize(output) if os.path.exists(output) else 0
    fault = make_fault(chance, logs) if not can_trace() and chance.random() < 0.5 else None  # noqa: PLR2004 - every other time
    ship.start(fault)
    wait_until(
        lambda: (
            ship.wait(0) is not None or (os.path.exists(output) and os.path.getsize(output) > size)
        )
    )
    time.sleep(chance.uniform(0.0, 0.1))
    if fault is not None and fault.is_deadly and ship.wait(0) == -signal.SIGKILL:
        result.events["deaths at a call"] += 1
    else:
        result.events["kills"] += 1
    ship.kill()
    if os.path.exists(output) and os.path.getsize(output) < before:
        result.problems.append(f"{output} shrank")


def are_equal(one: str, other: str) -> bool:
    """Tell whether two files hold the same bytes."""
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            data = left.read(1 << 20)
            if data != right.read(1 << 20):
                return False
            if not data:
                return True

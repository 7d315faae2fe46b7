# ruff: noqa: INP001 - a helper beside a script, not a package
"""The run of `scripts/torture` that goes through system calls, one after the other.

A small backlog is shipped once undisturbed. Then again and again from the
beginning, each time with one fault at one system call, by strace: an error, or
death. Whatever had to be started again is, now and then with a second fault,
until it is done. What comes out must be, byte for byte, the undisturbed output,
and must never have shrunk on the way. Only where a log could not be read may its
lines stand behind those of the others.

Calls are counted in every thread by itself, and two threads do not share their
work alike every time: a fault that never came is counted as such.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Final

from torture_backlog import WRITERS, are_equal, make_logs, run_to_end, write_config
from torture_live import Plan, Result
from torture_ship import PATIENCE, Fault, Ship

__all__ = ["hold_the_same", "run_calls"]

_OUTPUTS: Final = ("text.log", "objects.jsonl")
_LINES: Final = 3_000
_AGAIN: Final = 0.3
_STARTS: Final = 40

# What the program does with files, by what it is for. A question mark: where there is such a call.
_CALLS: Final = {
    "fsync": "fsync",
    "pwrite": "pwrite64",
    "rename": "?rename,?renameat,?renameat2",
    "link": "?link,?linkat",
    "unlink": "?unlink,?unlinkat",
    "open": "openat",
    "read": "preadv",
    "pread": "pread64",
    "truncate": "ftruncate",
    "lock": "flock",
}
# Opens before these are Python's own, of its modules.
_OWN_OPENS: Final = 350
_ERRORS: Final = (
    ("fsync", "EIO", "3+5"),
    ("fsync", "EIO", "1"),
    ("fsync", "EIO", "2..4"),
    ("fsync", "ENOSPC", "2+3"),
    ("fsync", "EINTR", "2"),
    ("pwrite", "ENOSPC", "10..12"),
    ("pwrite", "ENOSPC", "1"),
    ("pwrite", "ENOSPC", "3..5"),
    ("pwrite", "EDQUOT", "6"),
    ("pwrite", "EIO", "4+7"),
    ("rename", "EIO", "1"),
    ("rename", "EIO", "2..4"),
    ("rename", "EROFS", "3+2"),
    ("rename", "ENOSPC", "2+2"),
    ("link", "EPERM", "1+1"),
    ("link", "EMLINK", "2"),
    ("unlink", "EROFS", "1+1"),
    ("unlink", "EIO", "2+3"),
    ("lock", "ENOLCK", "1"),
    ("lock", "EINTR", "1"),
    ("truncate", "EIO", "1"),
)
_LOG_ERRORS: Final = (
    ("open", "EMFILE", "1..2"),
    ("open", "EACCES", "1"),
    ("open", "EIO", "2"),
    ("read", "EIO", "1"),
    ("read", "EIO", "2..3"),
    ("pread", "EIO", "1..2"),
)
_DEADLY: Final = ("fsync", "pwrite", "rename", "link", "unlink", "open", "read", "truncate", "lock")


def _faults(logs: Sequence[str], deaths: int) -> Iterator[Fault]:
    """Return what is done to the program, one fault for each round.

    Args:
        logs: The paths of the logs, for faults of reading.
        deaths: At how many of each call it dies.
    """
    only = tuple(part for path in logs for part in ("-P", path))
    for call, error, when in _ERRORS:
        yield _fault(call, f"error={error}", when)
    for call, error, when in _LOG_ERRORS:
        yield _fault(call, f"error={error}", when, only)
    for number in range(1, deaths + 1):
        for call in _DEADLY:
            before = _OWN_OPENS if call == "open" else 0
            yield _fault(call, "signal=SIGKILL", str(before + number))


def _fault(call: str, what: str, when: str, only: tuple[str, ...] = ()) -> Fault:
    inject = f"inject={_CALLS[call]}:{what}:when={when}"
    arguments = (*only, "-e", inject)
    return Fault(f"{what} from {call} {when}", arguments, "SIGKILL" in what, bool(only))


def run_calls(folder: str, plan: Plan, *, deaths: int, step: int = 1) -> Result:
    """Ship a small backlog with one fault after the other.

    Args:
        folder: A folder of its own.
        plan: Its name and seed count here.
        deaths: At how many of each call it dies.
        step: Only every so manieth fault is tried.
    """
    began = time.monotonic()
    result = Result(plan.name)
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
    logs = os.path.join(folder, "logs")
    os.mkdir(logs)
    chosen = list(_faults(make_logs(logs, _LINES, chance), deaths))[::step]
    whole = os.path.join(folder, "whole")
    _make_place(whole)
    run_to_end(Ship(whole), result)
    for number, fault in enumerate(chosen):
        place = os.path.join(folder, str(number))
        _make_place(place)
        before = len(result.problems)
        again = chance.choice(chosen) if chance.random() < _AGAIN else None
        _ship(place, fault, again, result)
        # A log that could not be read came after the others, in a run of its own.
        is_same = hold_the_same if fault.is_reading or (again and again.is_reading) else are_equal
        for name in _OUTPUTS:
            if not is_same(os.path.join(whole, name), os.path.join(place, name)):
                result.problems.append(f"{name} differs from that of an undisturbed run")
        what = f"{fault.text}, then {again.text}" if again else fault.text
        result.problems[before:] = [f"{what}: {text}" for text in result.problems[before:]]
        shutil.rmtree(place)
    result.seconds = time.monotonic() - began
    return result


def hold_the_same(one: str, other: str) -> bool:
    """Tell whether two outputs hold the same lines, those of each writer in the same order."""
    with open(one, "rb") as left, open(other, "rb") as right:
        lines, others = left.readlines(), right.readlines()
    if len(lines) != len(others):
        return False
    marks = [f" {writer} ".encode() for writer in WRITERS]
    return all(
        [line for line in lines if mark in line] == [line for line in others if mark in line]
        for mark in marks
    )


def _make_place(place: str) -> None:
    os.mkdir(place)
    # Small batches and many checkpoints, so that there is much to go wrong.
    write_config(place, buffer_bytes=65_536, interval_seconds=0.01)


def _ship(place: str, fault: Fault, again: Fault | None, result: Result) -> None:
    """Start it with a fault, perhaps with another, and then until it is done."""
    ship = Ship(place)
    sizes = dict.fromkeys(_OUTPUTS, 0)
    for start in range(_STARTS):
        present = (fault, again)[start] if start < 2 else None  # noqa: PLR2004 - the two faults
        ship.start(present)
        status = ship.wait(PATIENCE)
        ship.kill()
        if status is None:
            result.problems.append(f"it did not end within {PATIENCE:.0f} s")
            break
        if present is not None:
            result.events[_outcome(status, present)] += 1
        elif status:
            result.problems.append(f"status {status} without a fault: {ship.said[-800:]!r}")
            break
        for name, size in sizes.items():
            path = os.path.join(place, name)
            sizes[name] = os.path.getsize(path) if os.path.exists(path) else 0
            if sizes[name] < size:
                result.problems.append(f"{name} shrank from {size} to {sizes[name]}")
        if not status:
            break
    result.problems += ship.problems


def _outcome(status: int, fault: Fault) -> str:
    if fault.is_deadly:
        return "deaths at a call" if status == -signal.SIGKILL else "deaths that never came"
    return {0: "errors outlived", 1: "errors said", 2: "errors refused"}.get(status, "odd ends")

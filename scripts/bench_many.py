# ruff: noqa: INP001 - a helper beside a script, not a package
"""Ten thousand followed files: what they cost.

How much of a core they take while nothing is written, and how long checkpoints
of them keep an event loop waiting.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench_live import cpu_seconds

__all__ = ["Stall", "idle_share", "stall"]

_STALL: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench_stall.py")
_PATIENCE_SECONDS: Final = 180.0
_SETTLING_SECONDS: Final = 5.0
_CONFIG: Final = """\
[pipeline.checkpoint]
interval_seconds = {interval}

[sources.many]
type = "file"
paths = ["files/*.log"]

[sinks.merged]
type = "file"
path = "merged.log"
"""


@dataclass(frozen=True)
class Stall:
    """How long the event loop was kept waiting, in seconds.

    Attributes:
        longest: At worst, beside a pipeline.
        p99: In all but one of a hundred sleeps, beside a pipeline.
        bare: At worst, with nothing beside it, just before.
        checkpoints: How many were saved while it was measured.
    """

    longest: float
    p99: float
    bare: float
    checkpoints: int


def _line(text: str) -> bytes:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{stamp} INFO {text}\n".encode()


def _prepare(folder: str, files: int, interval: float) -> int:
    """Write the files and the configuration; return the bytes that will be merged."""
    os.mkdir(os.path.join(folder, "files"))
    size = 0
    for number in range(files):
        line = _line(f"file {number} begins")
        size += len(line)
        with open(os.path.join(folder, "files", f"{number:05d}.log"), "wb") as file:
            file.write(line)
    with open(os.path.join(folder, "ship.toml"), "w", encoding="ascii") as config:
        config.write(_CONFIG.format(interval=interval))
    return size


def idle_share(folder: str, *, files: int, seconds: float) -> float:
    """Return the share of one core that idle followed files take.

    Args:
        folder: An empty folder.
        files: How many files are followed.
        seconds: How long is measured, after all has settled.

    Raises:
        RuntimeError: The program ended, or did not catch up.
    """
    size = _prepare(folder, files, 5.0)
    with open(os.path.join(folder, "said"), "wb") as said:
        ship = subprocess.Popen(
            [sys.executable, "-m", "trio_ship", "run", "-c", "ship.toml"], cwd=folder, stderr=said
        )
    try:
        _wait_size(os.path.join(folder, "merged.log"), size, ship)
        time.sleep(_SETTLING_SECONDS)
        before, began = cpu_seconds(ship.pid), time.perf_counter()
        time.sleep(seconds)
        return (cpu_seconds(ship.pid) - before) / (time.perf_counter() - began)
    finally:
        ship.send_signal(signal.SIGTERM)
        ship.wait()


def _wait_size(path: str, size: int, ship: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not os.path.exists(path) or os.path.getsize(path) < size:
        if ship.poll() is not None:
            raise RuntimeError(f"trio-ship ended with status {ship.returncode}")
        if time.monotonic() > end:
            raise RuntimeError(f"trio-ship has not caught up after {_PATIENCE_SECONDS:g} s")
        time.sleep(0.1)


def stall(folder: str, *, files: int, seconds: float) -> Stall:
    """Measure how long checkpoints of many files keep an event loop waiting.

    Lines are appended to files picked by chance all the while, by this process.

    Args:
        folder: An empty folder.
        files: How many files are followed.
        seconds: How long is measured.

    Raises:
        RuntimeError: The measuring program failed.
    """
    size = _prepare(folder, files, 0.5)
    bare = json.loads(subprocess.check_output([sys.executable, _STALL, "5"]))  # noqa: S603 - our own program
    command = [sys.executable, _STALL, str(seconds), "ship.toml", "merged.log", str(size)]
    checkpoint = os.path.join(folder, "ship.checkpoint.toml")
    saved = set()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own program
        assert child.stdout is not None  # noqa: S101 - for the type checker
        if child.stdout.readline() != "caught up\n":
            raise RuntimeError("the measuring program has failed")
        chance = random.Random(1)  # noqa: S311 - repeatable, not secret
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for number in chance.sample(range(files), 20):
                with open(os.path.join(folder, "files", f"{number:05d}.log"), "ab") as file:
                    file.write(_line("still here"))
            saved.add(os.stat(checkpoint).st_mtime_ns)
            time.sleep(0.1)
        answer = json.loads(child.stdout.readline() or "{}")
    if not answer:
        raise RuntimeError("the measuring program has failed")
    return Stall(answer["longest"], answer["p99"], bare["longest"], len(saved) - 1)

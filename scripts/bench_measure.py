# ruff: noqa: INP001 - a helper beside a script, not a package
"""How `scripts/bench` measures: whole processes, fairly, with their output checked.

Before every run the inputs are read once and a large file is written and deleted,
so that each program finds them in memory and has to get fresh pages for its
output. Programs that are compared take turns in an order that chance shuffles.
"""

from __future__ import annotations

import filecmp
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "Program",
    "Row",
    "Run",
    "compare",
    "equalise",
    "median_seconds",
    "peak_mb",
    "run_once",
    "same_bytes",
    "table",
]

_MEGABYTE: Final = 1_000_000
_PIECE: Final = 1 << 20
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Program:
    """A command that is measured.

    Attributes:
        name: What the table calls it.
        command: Program and arguments.
        output: Where its output is found.
        to_stdout: Whether its standard output is to go there.
        environment: What is added to the environment.
    """

    name: str
    command: Sequence[str]
    output: str
    to_stdout: bool
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes:
        seconds: From start to end.
        cpu_seconds: Of the processor, in the program and in the kernel for it.
        peak_bytes: The most memory it had.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes:
        name: What was measured.
        text: What came out, for people.
        value: The number that the bound is for.
        bound: What the number may be at most; None if nothing is asked.
        unit: What is counted, for the bound.
        failed: Whether there is no number, because the output was wrong or there was none.
    """

    name: str
    text: str
    value: float
    bound: float | None
    unit: str
    failed: bool = False

    @property
    def verdict(self) -> str:
        """Whether the bound is kept: "ok", "MISSED", or nothing."""
        if self.failed:
            return "MISSED"
        if self.bound is None:
            return ""
        return "ok" if self.value <= self.bound else "MISSED"


def equalise(inputs: Sequence[str], size: int, folder: str) -> None:
    """Put the page cache into the same state before every run.

    Args:
        inputs: Files that are read once.
        size: How many bytes are written and deleted.
        folder: Where.
    """
    path = os.path.join(folder, "flush")
    block = bytes(_PIECE)
    with open(path, "wb") as file:
        file.writelines(block for _ in range(0, size, _PIECE))
    os.unlink(path)
    for name in inputs:
        with open(name, "rb", buffering=0) as file:
            while file.read(_PIECE):
                pass


def run_once(program: Program, folder: str) -> Run:
    """Run a program to its end.

    Args:
        program: What to run.
        folder: Its current folder; what it says goes to a file there.

    Raises:
        RuntimeError: It failed.
    """
    said = os.path.join(folder, "said")
    with (
        open(said, "wb") as errors,
        open(program.output if program.to_stdout else os.devnull, "wb") as out,
    ):
        began = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - our own commands
            program.command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env={**os.environ, **program.environment},
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        # Its end has been taken note of; `Popen` must not wait for it again.
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        with open(said, encoding="utf-8", errors="replace") as text:
            raise RuntimeError(f"{program.name}: status {child.returncode}: {text.read()[-2000:]}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * _RSS_UNIT)


def compare(
    makers: Mapping[str, Callable[[str], Program]],
    inputs: Sequence[str],
    check: Callable[[Program], None],
    *,
    runs: int,
    scratch: Callable[[], str],
    seed: int = 1,
) -> dict[str, list[Run]]:
    """Measure programs several times, in shuffled order.

    Args:
        makers: By name, what makes a program for a fresh folder.
        inputs: The files that all of them read.
        check: Raises if the output of a program is wrong.
        runs: How often each is run.
        scratch: Makes a fresh folder; what is in it is deleted afterwards.
        seed: What chance begins with.

    Returns:
        By name, what each run took.
    """
    size = sum(map(os.path.getsize, inputs))
    order = [name for name in makers for _ in range(runs)]
    random.Random(seed).shuffle(order)  # noqa: S311 - repeatable, not secret
    done: dict[str, list[Run]] = {name: [] for name in makers}
    for name in order:
        folder = scratch()
        program = makers[name](folder)
        equalise(inputs, size, folder)
        run = run_once(program, folder)
        check(program)
        done[name].append(run)
        sys.stderr.write(f"  {name}: {run.seconds:.2f} s, {run.cpu_seconds:.2f} s of CPU\n")
        for entry in os.scandir(folder):
            os.unlink(entry.path)
        os.rmdir(folder)
    return done


def same_bytes(output: str, expected: str) -> None:
    """Make sure that two files hold the same bytes.

    Raises:
        ValueError: They differ.
    """
    filecmp.clear_cache()
    if not filecmp.cmp(output, expected, shallow=False):
        sizes = f"{os.path.getsize(output):,} and {os.path.getsize(expected):,} bytes"
        raise ValueError(f"{output} differs from {expected} ({sizes})")


def median_seconds(runs: Sequence[Run]) -> float:
    """Return the median of what runs took, in seconds."""
    return statistics.median(run.seconds for run in runs)


def peak_mb(runs: Sequence[Run]) -> float:
    """Return the most memory that any of the runs had, in megabytes."""
    return max(run.peak_bytes for run in runs) / _MEGABYTE


def table(rows: Sequence[Row]) -> str:
    """Return the report for people; a bound that was missed is said as loudly as one kept."""
    cells = [("", "measured", "required", "")]
    for row in rows:
        bound = "" if row.bound is None else f"<= {row.bound:g} {row.unit}"
        cells.append((row.name, row.text, bound, row.verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )

# ruff: noqa: INP001 - a helper beside a script, not a package
"""How `scripts/bench` measures: whole processes, fairly, with their output checked.

Before every run the inputs are read once and a large file is written and deleted,
so that each program finds them in memory and has to get fresh pages for its
output. Programs that are compared take turns in an order that chance shuffles. A
program that goes on waiting for more is stopped as soon as its output is
complete; what it does after that counts for its processor time only.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

__all__ = [
    "Measured",
    "Program",
    "Run",
    "compare",
    "equalise",
    "run_once",
    "seconds_to_first_byte",
]

_MEGABYTE: Final = 1_000_000
_PIECE: Final = 1 << 20
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
_POLL_SECONDS: Final = 0.005
_LOOK_SECONDS: Final = 0.02
_STUCK_SECONDS: Final = 60.0
_END_SECONDS: Final = 15.0
_SAID_AT_MOST: Final = 2000
_TINY: Final = b"2026-11-23T00:00:00.000Z INFO the only line\n"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command that is measured.

    Attributes:
        name: What the table calls it.
        command: Program and arguments.
        output: Where its output is found.
        to_stdout: Whether its standard output is to go there.
        follows: Whether it waits for more when all is read.
        environment: What is added to the environment.
    """

    name: str
    command: Sequence[str]
    output: str
    to_stdout: bool = False
    follows: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


_Maker: TypeAlias = Callable[[Sequence[str], str], Program]
"""Makes a program for some inputs and a fresh folder."""


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes:
        seconds: From start to end, or until the output was complete.
        cpu_seconds: Of the processor, in the program and in the kernel for it.
        peak_bytes: The most memory it had.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Measured:
    """All runs of one program.

    Attributes:
        size: Bytes that each run read.
        runs: What each took.
        starts: What runs over one line took.
    """

    size: int
    runs: Sequence[Run]
    starts: Sequence[Run] = ()

    @property
    def seconds(self) -> float:
        """The median time of a run, in seconds."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def start_seconds(self) -> float:
        """The median time of a run over one line; 0 if there was none."""
        return statistics.median(run.seconds for run in self.starts) if self.starts else 0.0

    @property
    def cpu_seconds(self) -> float:
        """The median of what runs used of the processor, in seconds."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def peak_mb(self) -> float:
        """The most memory that any of the runs had, in megabytes."""
        return max(run.peak_bytes for run in self.runs) / _MEGABYTE

    @property
    def rate(self) -> float:
        """Megabytes a second, start-up included."""
        return self.size / _MEGABYTE / self.seconds


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


def run_once(program: Program, folder: str, size: int) -> Run:
    """Run a program to its end, or until its output is complete.

    Args:
        program: What to run.
        folder: Its current folder; what it says goes to a file there.
        size: How long its output will be, in bytes, if it follows.

    Raises:
        RuntimeError: It failed, or its output does not grow any more.
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
    with _HighWater(child.pid) as memory:
        if program.follows:
            problem = _wait_complete(child.pid, program.output, size)
        else:
            problem = ""
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - began
    _, status, used = _stop(child.pid) if program.follows else os.wait4(child.pid, 0)
    # Its end has been taken note of; `Popen` must not wait for it again.
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode and not program.follows:
        problem = f"status {child.returncode}"
    if problem:
        with open(said, encoding="utf-8", errors="replace") as text:
            raise RuntimeError(f"{program.name}: {problem}: {text.read()[-_SAID_AT_MOST:]}")
    peak = memory.bytes or used.ru_maxrss * _RSS_UNIT
    return Run(seconds, used.ru_utime + used.ru_stime, peak)


class _HighWater:
    """Looks now and then at the most memory that a process has had (Linux).

    The kernel's own account of a child, `ru_maxrss`, begins with the memory of
    whoever started it, so it says nothing of small programs.

    Attributes:
        bytes: What was seen last; 0 if nothing.
    """

    def __init__(self, pid: int) -> None:
        self._path = f"/proc/{pid}/status"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._look()
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                found = [line.split()[1] for line in file if line.startswith("VmHWM:")]
        except OSError:
            return
        if found:
            self.bytes = int(found[0]) * 1024


def _wait_complete(pid: int, output: str, size: int) -> str:
    """Wait for an output of so many bytes; return what went wrong, or ""."""
    found, since = 0, time.monotonic()
    while found < size:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return "it has ended by itself"
        now = os.path.getsize(output) if os.path.exists(output) else 0
        if now > found:
            found, since = now, time.monotonic()
        elif time.monotonic() - since > _STUCK_SECONDS:
            return f"its output stays at {found:,} of {size:,} bytes"
        time.sleep(_POLL_SECONDS)
    return ""


def _stop(pid: int) -> tuple[int, int, os.wait4_result]:  # type: ignore[name-defined]
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _END_SECONDS
    while True:
        ended = os.wait4(pid, os.WNOHANG)
        if ended[0]:
            return ended
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            return os.wait4(pid, 0)
        time.sleep(_POLL_SECONDS)


def compare(
    makers: Mapping[str, _Maker],
    inputs: Sequence[str],
    check: Callable[[Program], None],
    *,
    runs: int,
    scratch: Callable[[], str],
    starts: int = 0,
    seed: int = 1,
) -> tuple[dict[str, Measured], dict[str, str]]:
    """Measure programs several times, in shuffled order.

    Args:
        makers: By name, what makes a program for some inputs and a fresh folder.
        inputs: The files that all of them read.
        check: Raises ValueError if the output of a program is wrong.
        runs: How often each is run.
        scratch: Makes a fresh folder; it is deleted afterwards.
        starts: How often each is run over one line.
        seed: What chance begins with.

    Returns:
        By name, what was measured; and, of those that failed, why.
    """
    size = sum(map(os.path.getsize, inputs))
    order = [name for name in makers for _ in range(runs)]
    random.Random(seed).shuffle(order)  # noqa: S311 - repeatable, not secret
    done: dict[str, list[Run]] = {name: [] for name in makers}
    begun: dict[str, list[Run]] = {name: [] for name in makers}
    failed: dict[str, str] = {}
    for name in order:
        if name in failed:
            continue
        folders = scratch(), scratch()
        try:
            if len(begun[name]) < starts:
                begun[name].append(_start(makers[name], folders[0]))
            program = makers[name](inputs, folders[1])
            equalise(inputs, size, folders[1])
            done[name].append(run_once(program, folders[1], size))
            check(program)
        except (RuntimeError, ValueError) as error:
            failed[name] = str(error).strip()
            sys.stderr.write(f"  {name} failed: {failed[name]}\n")
        else:
            last = done[name][-1]
            sys.stderr.write(f"  {name}: {last.seconds:.2f} s, {last.cpu_seconds:.2f} s of CPU\n")
        for folder in folders:
            shutil.rmtree(folder)
    good = {name: Measured(size, done[name], begun[name]) for name in makers if name not in failed}
    return good, failed


def _start(make: _Maker, folder: str) -> Run:
    """Run a program over one line."""
    tiny = os.path.join(folder, "tiny.log")
    with open(tiny, "wb") as file:
        file.write(_TINY)
    return run_once(make([tiny], folder), folder, len(_TINY))


def seconds_to_first_byte(program: Program, folder: str) -> float:
    """Return how long it takes from the start of a program to its first byte of output.

    Raises:
        RuntimeError: There was none.
    """
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own commands
        program.command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **program.environment},
    ) as child:
        assert child.stdout is not None  # noqa: S101 - for the type checker
        first = child.stdout.read(1)
        seconds = time.perf_counter() - began
        child.stdout.read()
    if not first:
        raise RuntimeError(f"{program.name}: status {child.returncode} and no output")
    return seconds

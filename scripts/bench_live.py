# ruff: noqa: INP001 - a helper beside a script, not a package
"""Writers and a reader of live logs: how long a line takes from its file to the output.

Both are this process, in one loop: it writes what is due, then looks what has
arrived. So both ends of a delay are on one clock, and the figure includes the
looking, which is done every few milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from typing import Final

from bench_contenders import ship

__all__ = ["Live", "Traffic", "cpu_seconds", "measure_live"]

_WRITERS: Final = 8
_LINES_PER_SECOND: Final = 5000
_STEP_SECONDS: Final = 0.004
_WARM_UP_SECONDS: Final = 3.0
_LAST_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Live:
    """What was found.

    Attributes:
        lines: How many lines were written and delivered, after the warm-up.
        p50: The median delay, in seconds.
        p99: What 99 of 100 lines did not exceed, in seconds.
        longest: The longest delay, in seconds.
        cpu_share: The share of one core that the program took.
        disorder: How many lines stand behind one with a later stamp.
    """

    lines: int
    p50: float
    p99: float
    longest: float
    cpu_share: float
    disorder: int


def cpu_seconds(pid: int) -> float:
    """Return what a living process has used of the processor (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Traffic:
    """Lines that were written, and when each has arrived.

    Args:
        files: Where lines are written, in turn.
        output: Where they arrive.

    Attributes:
        written: When each line was written, by its number; in seconds.
        arrived: When each was first seen in the output, by its number.
        disorder: How many stand there behind one with a later stamp.
    """

    def __init__(self, files: list[FileIO], output: str) -> None:
        self._files = files
        self._output = output
        self._rest = b""
        self._offset = 0
        self.written: list[float] = []
        self.arrived: dict[int, float] = {}
        self.disorder = 0
        self._latest = b""

    def write(self, count: int) -> None:
        """Write so many lines, spread over the files."""
        first = len(self.written)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        now = time.perf_counter()
        for writer, file in enumerate(self._files):
            file.write(
                b"".join(
                    b"%s INFO writer %d says something of a usual length, number %d\n"
                    % (moment.encode(), writer, number)
                    for number in range(first, first + count)
                    if number % len(self._files) == writer
                )
            )
        self.written += [now] * count

    def look(self) -> None:
        """Take note of what has arrived."""
        try:
            with open(self._output, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        now = time.perf_counter()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.arrived.setdefault(int(line.rpartition(b" ")[2]), now)
            stamp = line[:24]
            self.disorder += stamp < self._latest
            self._latest = max(stamp, self._latest)


def measure_live(folder: str, *, seconds: float) -> Live:
    """Measure a pipeline beside writers that never pause.

    Args:
        folder: An empty folder.
        seconds: How long is measured, after a warm-up.

    Raises:
        RuntimeError: The program ended, or lines did not arrive.
    """
    os.mkdir(os.path.join(folder, "live"))
    program = ship(
        [os.path.join(folder, "live", "*.log")],
        folder,
        follow=True,
        pipeline="max_delay_seconds = 0.2",
    )
    files = [
        FileIO(os.path.join(folder, "live", f"{number}.log"), "w") for number in range(_WRITERS)
    ]
    traffic = Traffic(files, program.output)
    with open(os.path.join(folder, "said"), "wb") as said:
        child = subprocess.Popen(program.command, cwd=folder, stderr=said)  # noqa: S603 - our own program
    try:
        while not traffic.arrived:
            _go_on(traffic, child, 0.1)
        _go_on(traffic, child, _WARM_UP_SECONDS)
        first = len(traffic.written)
        used, began = cpu_seconds(child.pid), time.perf_counter()
        _go_on(traffic, child, seconds)
        share = (cpu_seconds(child.pid) - used) / (time.perf_counter() - began)
        end = time.monotonic() + _LAST_SECONDS
        while len(traffic.arrived) < len(traffic.written) and time.monotonic() < end:
            time.sleep(_STEP_SECONDS)
            traffic.look()
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()
        for file in files:
            file.close()
    lost = len(traffic.written) - len(traffic.arrived)
    if lost:
        raise RuntimeError(f"{lost} of {len(traffic.written)} lines did not arrive")
    delays = sorted(
        traffic.arrived[number] - traffic.written[number]
        for number in range(first, len(traffic.written))
    )
    return Live(
        lines=len(delays),
        p50=delays[len(delays) // 2],
        p99=delays[len(delays) * 99 // 100],
        longest=delays[-1],
        cpu_share=share,
        disorder=traffic.disorder,
    )


def _go_on(traffic: Traffic, child: subprocess.Popen[bytes], seconds: float) -> None:
    """Write and look for a while, at the rate that is wanted."""
    began = time.perf_counter()
    done = 0
    while (passed := time.perf_counter() - began) < seconds:
        due = int(passed * _LINES_PER_SECOND) - done
        if due:
            traffic.write(due)
            done += due
        traffic.look()
        if child.poll() is not None:
            raise RuntimeError(f"trio-ship ended with status {child.returncode}")
        time.sleep(_STEP_SECONDS)

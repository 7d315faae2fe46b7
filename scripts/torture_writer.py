# ruff: noqa: INP001 - a helper beside a script, not a package
"""One writer of `scripts/torture`, a process of its own: a log, and its rotation.

It writes until its standard input ends, flushes every line at once, and does
what services do: several lines in one call, half a line and the rest a moment
later, records of more than one line, pauses. From the first byte on standard
input on it also rotates its log.

At its end it leaves a ledger: for every line two numbers of 64 bits, the stamp
of its record and the moment just after it was written, both in nanoseconds. So
a line that came late because this process was not given the processor can be
told from one that trio-ship made late.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import gzip
import os
import random
import select
import shutil
import sys
import time
from typing import Final

from torture_lines import make_line

__all__ = ["LEDGER", "Log", "main"]

LEDGER: Final = "{}.ledger"
_TICK_SECONDS: Final = 0.01
_GENERATIONS: Final = 60
_HALF: Final = 0.05
_LONG: Final = 0.1
_PAUSE: Final = 0.003
_SLOW: Final = 0.3
_DATED: Final = 3


class Log:
    """A log that is written and rotated.

    Args:
        path: Where it is.
        rotation: "rename", "copytruncate" or "gzip".
        seed: What chance begins with.
        is_dated: Whether rotated files bear a date, not a number.
    """

    def __init__(self, path: str, *, rotation: str, seed: int, is_dated: bool) -> None:
        self.ledger = array.array("q")
        self.rotations = 0
        self._path = path
        self._writer = os.path.basename(path).partition(".")[0]
        self._rotation = rotation
        self._is_dated = is_dated
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._fd = self._open()
        self._aside = ""
        self._reopen_at = 0.0

    @property
    def lines(self) -> int:
        """Lines written."""
        return len(self.ledger) // 2

    def write_some(self, most: int) -> None:
        """Write up to `most` records, one call each, or some in one."""
        left = self._chance.randrange(most + 1)
        while left > 0:
            count = min(left, self._chance.choice((1, 1, 1, 5)))
            left -= count
            self._write(count)

    def rotate(self) -> None:
        """Put the log aside, as the kind of rotation has it."""
        if self._aside:
            return
        self.rotations += 1
        target = self._free_name()
        if self._rotation == "copytruncate":
            # Nothing is written between the two, or it would be in neither file.
            shutil.copyfile(self._path, target)
            os.truncate(self._path, 0)
            return
        os.rename(self._path, target)
        # A service writes on to the old file until it has been told, at once or later.
        self._aside = target
        slow = self._chance.random() < _SLOW
        self._reopen_at = time.monotonic() + (self._chance.uniform(0.0, 1.0) if slow else 0.0)
        self._write(self._chance.randrange(4))

    def reopen(self, *, at_once: bool = False) -> None:
        """Begin a new log, if the old one was renamed and it is time."""
        if not self._aside or (time.monotonic() < self._reopen_at and not at_once):
            return
        os.close(self._fd)
        self._fd = self._open()
        if self._rotation == "gzip":
            self._compress(self._aside)
        self._aside = ""

    def _write(self, records: int) -> None:
        stamps, data = [], b""
        for _ in range(records):
            stamp = time.time_ns()
            more = self._chance.randrange(1, 4) if self._chance.random() < _LONG else 0
            for place in range(1 + more):
                number = self.lines + len(stamps)
                data += make_line(self._writer, number, stamp if place == 0 else None, self._chance)
                stamps.append(stamp)
        half = self._chance.randrange(len(data)) if data and self._chance.random() < _HALF else 0
        if half:
            self._put(data[:half])
            time.sleep(self._chance.random() * 2 * _TICK_SECONDS)
        self._put(data[half:])
        done = time.time_ns()
        for stamp in stamps:
            self.ledger.extend((stamp, done))

    def _put(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def _free_name(self) -> str:
        if self._is_dated:
            now = time.time_ns()
            moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now // 10**9))
            return f"{self._path}-{moment}.{now // 1000 % 10**6:06d}"
        for age in range(_GENERATIONS, 0, -1):
            for end in ("", ".gz"):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{self._path}.{age}{end}", f"{self._path}.{age + 1}{end}")
        return f"{self._path}.1"

    def _compress(self, path: str) -> None:
        status = os.stat(path)
        with open(path, "rb") as source, gzip.open(f"{path}.gz", "wb", 6) as packed:
            shutil.copyfileobj(source, packed)
        os.utime(f"{path}.gz", ns=(status.st_atime_ns, status.st_mtime_ns))
        os.unlink(path)


def main() -> int:
    """Write until standard input ends; leave the ledger beside the log's folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("ledger")
    parser.add_argument("--rotation", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--every", type=float, required=True)
    options = parser.parse_args()
    dated = options.seed % _DATED == 0 and options.rotation == "rename"
    log = Log(options.path, rotation=options.rotation, seed=options.seed, is_dated=dated)
    chance = random.Random(options.seed)  # noqa: S311 - repeatable, not secret
    most = max(1, round(2 * options.rate * _TICK_SECONDS))
    may_rotate = False
    silent_until = 0.0
    while True:
        ready, _, _ = select.select([0], [], [], _TICK_SECONDS)
        if ready and not os.read(0, 4096):
            break
        may_rotate = may_rotate or bool(ready)
        log.reopen()
        if time.monotonic() < silent_until:
            continue
        log.write_some(most)
        if chance.random() < _PAUSE:
            silent_until = time.monotonic() + chance.uniform(0.1, 1.5)
        if may_rotate and chance.random() < _TICK_SECONDS / options.every:
            log.rotate()
    log.reopen(at_once=True)
    with open(options.ledger, "wb") as file:
        log.ledger.tofile(file)
    sys.stdout.write(f"{log.rotations}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

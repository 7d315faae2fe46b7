# ruff: noqa: INP001 - a helper beside a script, not a package
"""What `scripts/torture` counts in an output: lost, doubled, torn, out of order."""

from __future__ import annotations

import array
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from torture_lines import parse_line

__all__ = ["Count", "Ledger", "Verdict", "judge_json", "judge_raw", "read_ledger"]

_SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class Ledger:
    """What one writer wrote.

    Attributes:
        stamp_ns: The stamp of every line's record, by number of the line.
        done_ns: The moment just after every line was written.
    """

    stamp_ns: array.array[int]
    done_ns: array.array[int]

    def is_slow(self, number: int, delay_ns: int) -> bool:
        """Tell whether a line took longer from its stamp to its file than it may."""
        return self.done_ns[number] - self.stamp_ns[number] > delay_ns


@dataclass
class Count:
    """How the lines of one writer differ in one output from what was written.

    Attributes:
        written: Lines written.
        lost: Lines that are not in the output.
        doubled: Lines that are in it again.
        torn: Pieces that are no whole line of anybody.
        disordered: Lines that stand behind a later one of the same writer.
        untimely: Records not marked that stand behind a later one of any writer.
        misjudged: Records marked late or ahead that were written in time.
        slow: Records marked late because their writer was slow.
    """

    written: int
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    disordered: int = 0
    untimely: int = 0
    misjudged: int = 0
    slow: int = 0

    @property
    def is_good(self) -> bool:
        """Whether every line is there once, whole, in its place."""
        bad = (self.lost, self.doubled, self.torn, self.disordered, self.untimely, self.misjudged)
        return not any(bad)


@dataclass
class Verdict:
    """One output.

    Attributes:
        counts: By writer; pieces that bear no name are under "?".
        examples: A few of the things that are wrong.
    """

    counts: dict[str, Count]
    examples: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return all(count.is_good for count in self.counts.values())

    def complain(self, text: str) -> None:
        """Keep one of the first things that are wrong."""
        if len(self.examples) < 10:  # noqa: PLR2004 - enough to see what it is
            self.examples.append(text)


class _Seen:
    """Counts lines as they come."""

    def __init__(self, ledgers: Mapping[str, Ledger]) -> None:
        counts = {name: Count(len(ledger.stamp_ns)) for name, ledger in ledgers.items()}
        self.verdict = Verdict({**counts, "?": Count(0)})
        self._times = {name: bytearray(len(one.stamp_ns)) for name, one in ledgers.items()}
        self._last = dict.fromkeys(ledgers, -1)

    def add(self, data: bytes, place: int) -> tuple[str, int] | None:
        """Take in a line; return whose it is, and its number."""
        line = parse_line(data)
        if line is None or line.number >= len(self._times.get(line.writer, b"")):
            self.verdict.counts["?"].torn += 1
            self.verdict.complain(f"torn, line {place}: {data[:120]!r}")
            return None
        count, times = self.verdict.counts[line.writer], self._times[line.writer]
        if times[line.number]:
            count.doubled += 1
            self.verdict.complain(f"doubled, line {place}: {line.writer} {line.number}")
        elif line.number < self._last[line.writer]:
            count.disordered += 1
            self.verdict.complain(
                f"out of order, line {place}: {line.writer} {line.number} "
                f"behind {self._last[line.writer]}"
            )
        times[line.number] = 1
        self._last[line.writer] = max(self._last[line.writer], line.number)
        return line.writer, line.number

    def end(self) -> Verdict:
        """Count what never came."""
        for name, times in self._times.items():
            self.verdict.counts[name].lost = times.count(0)
            first = times.find(0)
            if first >= 0:
                lost = self.verdict.counts[name].lost
                self.verdict.complain(f"lost: {lost} lines of {name}, the first is {first}")
        return self.verdict


def read_ledger(path: str) -> Ledger:
    """Read what a writer left."""
    both = array.array("q")
    with open(path, "rb") as file:
        both.fromfile(file, os.path.getsize(path) // both.itemsize)
    return Ledger(both[0::2], both[1::2])


def judge_raw(path: str, ledgers: Mapping[str, Ledger]) -> Verdict:
    """Judge an output of raw records.

    Args:
        path: The output.
        ledgers: What each writer wrote, by name.
    """
    seen = _Seen(ledgers)
    with open(path, "rb") as output:
        for place, line in enumerate(output, 1):
            seen.add(line, place)
    return seen.end()


def judge_json(path: str, ledgers: Mapping[str, Ledger], *, delay_seconds: float) -> Verdict:
    """Judge an output of JSON objects, and also the order of time and the marks.

    Args:
        path: The output.
        ledgers: What each writer wrote, by name.
        delay_seconds: How long a line may take from its stamp to its file.
    """
    seen = _Seen(ledgers)
    last: tuple[str, str, str] | None = None
    for place, record in _objects(path, seen):
        lines = [text.encode() + b"\n" for text in record["message"].split("\n")]
        found = [seen.add(line, place) for line in lines]
        if found[0] is None:
            continue
        writer, number = found[0]
        count = seen.verdict.counts[writer]
        mark = next((mark for mark in ("late", "ahead") if record.get(mark)), "")
        if mark:
            slow = ledgers[writer].is_slow(number, round(delay_seconds * _SECOND))
            count.slow += slow
            count.misjudged += not slow
            if not slow:
                took = ledgers[writer].done_ns[number] - ledgers[writer].stamp_ns[number]
                seen.verdict.complain(
                    f"marked {mark}, line {place}: {writer} {number}, "
                    f"written {took / 1e6:.1f} ms after its stamp {record['timestamp']}"
                )
            continue
        if record["timestamp"] is None:
            continue
        here = (_sortable(record["timestamp"]), record["source"], record["path"])
        if last is not None and here < last:
            count.untimely += 1
            seen.verdict.complain(f"untimely, line {place}: {here} behind {last}")
        last = here
    return seen.end()


def _objects(path: str, seen: _Seen) -> Iterator[tuple[int, dict[str, Any]]]:
    with open(path, "rb") as output:
        for place, line in enumerate(output, 1):
            try:
                record = json.loads(line)
            except ValueError:
                seen.add(line, place)
            else:
                yield place, record


def _sortable(timestamp: str) -> str:
    """Return a stamp such that the order of texts is that of times."""
    return datetime.fromisoformat(timestamp).isoformat(timespec="microseconds")

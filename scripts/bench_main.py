#!/usr/bin/env python3
"""The benchmark: what is measured, against what, and how much is allowed.

Every figure is of whole processes, start-up included. The outputs of trio-ship
are compared byte by byte with those of the programs beside it; a wrong output
ends its section. What failed or missed its bound is shown as missed: status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final

import bench_many
from bench_corpus import Corpus, make_corpus
from bench_measure import (
    Program,
    Row,
    Run,
    compare,
    median_seconds,
    peak_mb,
    run_once,
    same_bytes,
    table,
)

__all__ = ["SECTIONS", "Bench", "check_json", "main", "ship"]

SECTIONS: Final = ("merge", "single", "memory", "idle", "stall", "json")
_MERGE_BOUND: Final = 1.0
_SINGLE_BOUND: Final = 3.0
_PEAK_BOUND: Final = 250.0
_IDLE_BOUND: Final = 5.0
_STALL_BOUND: Final = 50.0
_MEMORY_FACTOR: Final = 4
_JSON_SAMPLE: Final = 97
_CONFIG: Final = """\
[pipeline]
follow = false

[sources.logs]
type = "file"
paths = {paths}

[sinks.merged]
type = "file"
path = "merged.log"
encoding = "{encoding}"
"""


def ship(name: str, paths: Sequence[str], folder: str, *, encoding: str = "raw") -> Program:
    """Return trio-ship with its checkpoint on, nothing done yet, and a file as output.

    Args:
        name: What the table calls it.
        paths: What it reads.
        folder: An empty folder for configuration, checkpoint and output.
        encoding: That of the output.
    """
    with open(os.path.join(folder, "ship.toml"), "w", encoding="utf-8") as config:
        config.write(_CONFIG.format(paths=json.dumps(list(paths)), encoding=encoding))
    command = [sys.executable, "-m", "trio_ship", "run", "-q", "-c", "ship.toml"]
    return Program(
        name, command, os.path.join(folder, "merged.log"), to_stdout=False, environment={}
    )


def _sort(paths: Sequence[str], folder: str) -> Program:
    command = ["sort", "-m", "-s", "-k1,1", *paths]
    output = os.path.join(folder, "sorted")
    return Program("sort -m", command, output, to_stdout=True, environment={"LC_ALL": "C"})


def _cat(path: str, folder: str) -> Program:
    return Program(
        "cat", ["cat", path], os.path.join(folder, "copy"), to_stdout=True, environment={}
    )


def check_json(output: str, expected: str) -> None:
    """Make sure that there is an object for every line, and that a sample holds its text.

    Raises:
        ValueError: It is not so.
    """
    with open(output, "rb") as objects, open(expected, "rb") as texts:
        number = 0
        for number, (item, text) in enumerate(zip(objects, texts, strict=True)):
            if number % _JSON_SAMPLE == 0:
                message = json.loads(item)["message"]
                if message.encode() + b"\n" != text:
                    raise ValueError(f"{output}: line {number + 1} is not that of {expected}")


class Bench:
    """All sections, with what they share.

    Args:
        options: The command line.
        folder: An empty folder for all that is written.
    """

    def __init__(self, options: argparse.Namespace, folder: str) -> None:
        self.rows: list[Row] = []
        self.runs: dict[str, list[Run]] = {}
        self._options = options
        self._folder = folder
        self._expected = os.path.join(folder, "expected")
        self._expected_of: tuple[str, ...] = ()

    def measure(self, section: str) -> None:
        """Measure one section and add its rows; a failure is a row too."""
        sys.stderr.write(f"{section}\n")
        try:
            getattr(self, f"_{section}")()
        except (RuntimeError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            text = str(error).partition("\n")[0]
            self.rows.append(Row(section, f"failed: {text}", 0.0, None, "", failed=True))

    def _scratch(self) -> str:
        return tempfile.mkdtemp(dir=self._folder)

    def _compare(
        self,
        makers: dict[str, Callable[[str], Program]],
        inputs: Sequence[str],
        check: Callable[[Program], None],
    ) -> dict[str, list[Run]]:
        done = compare(makers, inputs, check, runs=self._options.runs, scratch=self._scratch)
        self.runs.update(done)
        return done

    def _reference(self, corpus: Corpus) -> str:
        """Return a file with what `sort` makes of the parts."""
        if self._expected_of != corpus.parts:
            folder = self._scratch()
            program = _sort(corpus.parts, folder)
            run_once(program, folder)
            os.replace(program.output, self._expected)
            self._expected_of = corpus.parts
        return self._expected

    def _merge(self) -> None:
        corpus = make_corpus(self._options.size_mb, with_whole=True)
        expected = self._reference(corpus)
        done = self._compare(
            {
                "trio-ship": lambda folder: ship("trio-ship", corpus.parts, folder),
                "sort -m": lambda folder: _sort(corpus.parts, folder),
            },
            corpus.parts,
            lambda program: same_bytes(program.output, expected),
        )
        ours, theirs = median_seconds(done["trio-ship"]), median_seconds(done["sort -m"])
        self._ratio(
            f"merge of {len(corpus.parts)} files, {corpus.size / 1e6:,.0f} MB",
            ours,
            theirs,
            "sort -m",
            _MERGE_BOUND,
        )
        rate = corpus.lines / ours
        self.rows.append(Row("  lines", f"{rate:,.0f} lines/s", rate, None, ""))
        self._peak("  peak memory", done["trio-ship"])

    def _single(self) -> None:
        corpus = make_corpus(self._options.size_mb, with_whole=True)
        whole = corpus.whole or ""
        done = self._compare(
            {
                "trio-ship, one file": lambda folder: ship("trio-ship, one file", [whole], folder),
                "cat": lambda folder: _cat(whole, folder),
            },
            [whole],
            lambda program: same_bytes(program.output, whole),
        )
        ours, theirs = median_seconds(done["trio-ship, one file"]), median_seconds(done["cat"])
        self._ratio(f"one file of {corpus.size / 1e6:,.0f} MB", ours, theirs, "cat", _SINGLE_BOUND)
        self._peak("  peak memory", done["trio-ship, one file"])

    def _memory(self) -> None:
        for factor in (1, _MEMORY_FACTOR):
            corpus = make_corpus(self._options.size_mb * factor, with_whole=factor == 1)
            folder = self._scratch()
            run = run_once(ship("trio-ship", corpus.parts, folder), folder)
            shutil.rmtree(folder)
            name = f"memory for {corpus.size / 1e6:,.0f} MB"
            self.runs[name] = [run]
            self._peak(name, [run])

    def _json(self) -> None:
        corpus = make_corpus(self._options.size_mb, with_whole=True)
        expected = self._reference(corpus)

        def check(program: Program) -> None:
            right = check_json if program.name == "trio-ship, json" else same_bytes
            right(program.output, expected)

        done = self._compare(
            {
                "trio-ship, json": lambda folder: ship(
                    "trio-ship, json", corpus.parts, folder, encoding="json"
                ),
                "trio-ship, raw": lambda folder: ship("trio-ship, raw", corpus.parts, folder),
            },
            corpus.parts,
            check,
        )
        ours = median_seconds(done["trio-ship, json"])
        share = median_seconds(done["trio-ship, raw"]) / ours
        text = f"{corpus.lines / ours:,.0f} lines/s, {share:.2f} x the rate of raw"
        self.rows.append(Row("json", text, share, None, ""))
        self._peak("  peak memory", done["trio-ship, json"])

    def _idle(self) -> None:
        files, seconds = self._options.files, self._options.seconds
        if not os.path.exists("/proc/self/stat"):
            self.rows.append(Row("idle", "not measured: there is no /proc", 0.0, None, ""))
            return
        share = 100 * bench_many.idle_share(self._scratch(), files=files, seconds=seconds)
        text = f"{share:.1f} % of one core"
        self.rows.append(Row(f"{files:,} idle files", text, share, _IDLE_BOUND, "%"))

    def _stall(self) -> None:
        files, seconds = self._options.files, self._options.seconds
        found = bench_many.stall(self._scratch(), files=files, seconds=seconds)
        text = (
            f"{found.longest * 1e3:.0f} ms at worst in {found.checkpoints} checkpoints "
            f"(p99 {found.p99 * 1e3:.0f}, empty loop {found.bare * 1e3:.0f})"
        )
        name = f"event loop, {files:,} files"
        self.rows.append(Row(name, text, found.longest * 1e3, _STALL_BOUND, "ms"))

    def _ratio(self, name: str, ours: float, theirs: float, other: str, bound: float) -> None:
        ratio = ours / theirs
        text = f"{ours:.2f} s, {other} {theirs:.2f} s: {ratio:.2f} x"
        self.rows.append(Row(name, text, ratio, bound, f"x {other}"))

    def _peak(self, name: str, runs: Sequence[Run]) -> None:
        peak = peak_mb(runs)
        self.rows.append(Row(name, f"{peak:.0f} MB", peak, _PEAK_BOUND, "MB"))


def _machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--size-mb", type=int, default=640, help="of each corpus (640)")
    parser.add_argument("--runs", type=int, default=3, help="of each program; medians count (3)")
    parser.add_argument("--files", type=int, default=10_000, help="for idle and stall (10,000)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for idle and stall (20)")
    parser.add_argument("--json", metavar="FILE", help="write all runs there too")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = [section for section in options.sections if section not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    folder = tempfile.mkdtemp(prefix="trio-ship-bench-")
    bench = Bench(options, folder)
    try:
        for section in options.sections or SECTIONS:
            bench.measure(section)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"{_machine()}\n{table(bench.rows)}\n")
    if options.json:
        report = {
            "machine": _machine(),
            "rows": [{**asdict(row), "verdict": row.verdict} for row in bench.rows],
            "runs": {name: [asdict(run) for run in runs] for name, runs in bench.runs.items()},
        }
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
    return int(any(row.verdict == "MISSED" for row in bench.rows))


if __name__ == "__main__":
    sys.exit(main())

# ruff: noqa: INP001 - a helper beside a script, not a package
"""What `scripts/bench` measures, section by section, and how much is allowed."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import bench_live
import bench_many
from bench_checks import check_json, digest, same_bytes, same_lines
from bench_contenders import CONTENDERS, OURS, Contender, Order, installed, ship
from bench_corpus import TEXTS, Corpus, make_corpus
from bench_measure import Measured, Program, compare, run_once, seconds_to_first_byte
from bench_report import Report, Row

__all__ = ["SECTIONS", "Options", "Sections"]

_Maker = Callable[[Sequence[str], str], Program]

SECTIONS: Final = {
    "merge": "8 files, beside all that is installed",
    "large": "8 files, four times the size, beside what merges",
    "single": "one file, beside all that is installed",
    "json": "json beside raw: plain text, quotes, other scripts",
    "many": "100 and 1,000 files with the bytes of 8",
    "checkpoints": "one every 0.1 s beside one every 5 s",
    "linear": "twice the bytes, twice the time",
    "start": "start to first record",
    "live": "8 writers: delay and processor",
    "idle": "followed files in which nothing is written",
    "stall": "how long checkpoints of many files keep the event loop",
}
"""Every section, with what it measures."""

_LARGE: Final = 4
_RATIO_TO_SORT: Final = 0.75
_RATIO_TO_SORT_LARGE: Final = 0.67
_CPU_PER_SORT_SECOND: Final = 1.5
_TIMES_SHIPPER: Final = 3.0
_RATIO_TO_TAIL: Final = 1.5
_RATIO_TO_CAT: Final = 3.0
_JSON_SHARES: Final = {"plain": 1 / 2, "quotes": 1 / 3, "non-ASCII": 1 / 3}
_MANY_SHARES: Final = {100: 0.6, 1000: 0.4}
_PEAK_MB: Final = 200.0
_SAID_AT_MOST: Final = 60
_CHECKPOINT_RATIO: Final = 1.05
_LINEAR_RATIO: Final = 1.1
_FULL_MB: Final = 4096
_START_SECONDS: Final = 0.7
_DELAY_SECONDS: Final = 0.5
_LIVE_PERCENT: Final = 15.0
_IDLE_PERCENT: Final = 5.0
_STALL_MS: Final = 50.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is measured.

    Attributes:
        size_mb: Size of a corpus, in megabytes.
        runs: How often each program is run; medians count.
        starts: How often each is run over one line.
        files: How many files for "idle" and "stall".
        seconds: How long "live", "idle" and "stall" last.
        full: Whether "linear" goes up to 4 GB.
        only: Names of the contenders beside trio-ship; all if empty.
    """

    size_mb: int = 640
    runs: int = 5
    starts: int = 3
    files: int = 10_000
    seconds: float = 20.0
    full: bool = False
    only: Sequence[str] = ()


class Sections:
    """Measures section by section.

    Args:
        options: How much.
        folder: An empty folder for all that is written.

    Attributes:
        report: What was found so far.
    """

    def __init__(self, options: Options, folder: str) -> None:
        self.report = Report()
        self._options = options
        self._folder = folder
        self._expected: dict[tuple[str, ...], str] = {}

    def measure(self, section: str) -> None:
        """Measure one of `SECTIONS`; that it fails is a row too."""
        sys.stderr.write(f"{section}: {SECTIONS[section]}\n")
        try:
            getattr(self, f"_{section}")()
        except (RuntimeError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            self._fail(section, str(error))
        for path in self._expected.values():
            os.unlink(path)
        self._expected.clear()

    # Sections

    def _merge(self) -> None:
        corpus = make_corpus(self._options.size_mb)
        found = self._race(f"8 files, {_mb(corpus)}", corpus, self._contenders)
        self._against_sort(found, "merge", _RATIO_TO_SORT)
        self._against_shippers(found, "merge")

    def _large(self) -> None:
        corpus = make_corpus(self._options.size_mb * _LARGE)
        chosen = [one for one in self._contenders if one.name in {OURS, "cat", "sort -m"}]
        found = self._race(f"8 files, {_mb(corpus)}", corpus, chosen)
        self._against_sort(found, "merge, large", _RATIO_TO_SORT_LARGE)

    def _single(self) -> None:
        corpus = make_corpus(self._options.size_mb, files=1)
        found = self._race(f"one file, {_mb(corpus)}", corpus, self._contenders)
        self._ratio("one file", found, OURS, "tail -n +1", _RATIO_TO_TAIL)
        self._ratio("one file", found, OURS, "cat", _RATIO_TO_CAT)
        self._against_shippers(found, "one file")

    def _json(self) -> None:
        for text in TEXTS:
            corpus = make_corpus(self._options.size_mb, text=text)
            makers: dict[str, _Maker] = {
                OURS: ship,
                f"{OURS}, json": partial(ship, encoding="json"),
            }
            found = self._ours(f"json, {text}, {_mb(corpus)}", corpus, makers)
            self._share(f"json, {text}", found, f"{OURS}, json", OURS, _JSON_SHARES[text], "raw")

    def _many(self) -> None:
        ours: dict[str, Measured] = {}
        for files in (8, *_MANY_SHARES):
            corpus = make_corpus(self._options.size_mb, files=files)
            name = f"{OURS}, {files:,} files"
            ours |= self._ours(name, corpus, {name: ship}, is_table=False)
        self._show("many files", ours)
        for files, share in _MANY_SHARES.items():
            name = f"{OURS}, {files:,} files"
            self._share(f"{files:,} files", ours, name, f"{OURS}, 8 files", share, "8 files")

    def _checkpoints(self) -> None:
        corpus = make_corpus(self._options.size_mb)
        often = f"{OURS}, every 0.1 s"
        makers: dict[str, _Maker] = {OURS: ship, often: partial(ship, interval=0.1)}
        found = self._ours(f"checkpoints, {_mb(corpus)}", corpus, makers)
        self._ratio("checkpoints every 0.1 s", found, often, OURS, _CHECKPOINT_RATIO)

    def _linear(self) -> None:
        sizes = [self._options.size_mb, self._options.size_mb * 2]
        while self._options.full and sizes[-1] < _FULL_MB:
            sizes.append(min(sizes[-1] * 2, _FULL_MB))
        found: dict[str, Measured] = {}
        for size in sizes:
            corpus = make_corpus(size)
            name = f"{OURS}, {_mb(corpus)}"
            found |= self._ours(name, corpus, {name: ship}, is_table=False)
        self._show("linear", found)
        names = list(found)
        for name in names[1:]:
            less, more = found[names[0]], found[name]
            times = more.seconds / less.seconds
            text = f"{more.size / less.size:.1f} x the bytes in {times:.2f} x the time"
            self._add(
                Row(f"linear: {name}", text, times * less.size / more.size, _LINEAR_RATIO, "x")
            )

    def _start(self) -> None:
        tiny = os.path.join(self._scratch(), "tiny.log")
        with open(tiny, "wb") as file:
            file.write(b"2026-11-23T00:00:00.000Z INFO the first record\n")
        command = [sys.executable, "-m", "trio_ship", "run", "-q", tiny]
        program = Program(name=OURS, command=command, output="", to_stdout=True)
        taken = [
            seconds_to_first_byte(program, self._folder)
            for _ in range(max(self._options.runs, self._options.starts) + 1)
        ][1:]
        median = statistics.median(taken)
        text = f"{median:.2f} s ({min(taken):.2f} to {max(taken):.2f})"
        self._add(Row("start to first record", text, median, _START_SECONDS, "s"))

    def _live(self) -> None:
        if not _has_proc():
            return
        found = bench_live.measure_live(self._scratch(), seconds=self._options.seconds)
        text = (
            f"p50 {found.p50 * 1e3:.0f} ms, p99 {found.p99 * 1e3:.0f} ms, at most "
            f"{found.longest * 1e3:.0f} ms; {found.disorder} of {found.lines:,} out of order"
        )
        self._add(Row("live: write to delivery, p99", text, found.p99, _DELAY_SECONDS, "s"))
        share = 100 * found.cpu_share
        self._add(Row("  processor", f"{share:.1f} % of one core", share, _LIVE_PERCENT, "%"))

    def _idle(self) -> None:
        if not _has_proc():
            return
        files, seconds = self._options.files, self._options.seconds
        share = 100 * bench_many.idle_share(self._scratch(), files=files, seconds=seconds)
        text = f"{share:.1f} % of one core"
        self._add(Row(f"{files:,} idle files", text, share, _IDLE_PERCENT, "%"))

    def _stall(self) -> None:
        files, seconds = self._options.files, self._options.seconds
        found = bench_many.stall(self._scratch(), files=files, seconds=seconds)
        text = (
            f"{found.longest * 1e3:.0f} ms at worst in {found.checkpoints} checkpoints "
            f"(p99 {found.p99 * 1e3:.0f}, empty loop {found.bare * 1e3:.0f})"
        )
        name = f"event loop, {files:,} files"
        self._add(Row(name, text, found.longest * 1e3, _STALL_MS, "ms"))

    # What they share

    @cached_property
    def _contenders(self) -> list[Contender]:
        """Who takes part: who is installed and wanted."""
        only = self._options.only
        wanted = [one for one in CONTENDERS if not only or one.name in {OURS, *only}]
        for one in wanted:
            if not installed(one):
                sys.stderr.write(f"  {one.name} is not installed\n")
        return [one for one in wanted if installed(one)]

    def _race(
        self, title: str, corpus: Corpus, contenders: Sequence[Contender]
    ) -> dict[str, Measured]:
        expected = self._reference(corpus)
        lines = digest(corpus.paths)
        orders = {one.name: one.order for one in contenders}

        def check(program: Program) -> None:
            order = orders[program.name]
            if order is Order.EXACT:
                same_bytes(program.output, expected)
            else:
                same_lines(program.output, lines, in_order=order is Order.STAMPS)

        makers = {one.name: one.make for one in contenders}
        return self._compare(title, corpus, makers, check)

    def _ours(
        self,
        title: str,
        corpus: Corpus,
        makers: Mapping[str, _Maker],
        *,
        is_table: bool = True,
    ) -> dict[str, Measured]:
        """Measure trio-ship in several settings."""
        expected = self._reference(corpus)

        def check(program: Program) -> None:
            with open(program.output, "rb") as file:
                is_json = file.read(1) == b"{"
            (check_json if is_json else same_bytes)(program.output, expected)

        return self._compare(title, corpus, makers, check, is_table=is_table)

    def _compare(
        self,
        title: str,
        corpus: Corpus,
        makers: Mapping[str, _Maker],
        check: Callable[[Program], None],
        *,
        is_table: bool = True,
    ) -> dict[str, Measured]:
        found, failed = compare(
            makers,
            corpus.paths,
            check,
            runs=self._options.runs,
            starts=self._options.starts if is_table else 0,
            scratch=self._scratch,
        )
        for name, why in failed.items():
            self._fail(f"{title}: {name}", why)
        if is_table:
            self._show(title, found)
        return found

    def _show(self, title: str, found: Mapping[str, Measured]) -> None:
        """Add a table, and how much memory was wanted at most."""
        self.report.sections[title] = found
        ours = [measured.peak_mb for name, measured in found.items() if name.startswith(OURS)]
        if ours:
            peak = max(ours)
            self._add(Row(f"memory: {title}", f"{peak:.0f} MB", peak, _PEAK_MB, "MB"))

    def _reference(self, corpus: Corpus) -> str:
        """Return a file with the lines in the order that is right, made by `sort`."""
        if corpus.paths not in self._expected:
            folder = self._scratch()
            sort = next(one for one in CONTENDERS if one.name == "sort -m")
            program = sort.make(corpus.paths, folder)
            run_once(program, folder, corpus.size)
            path = os.path.join(self._folder, f"expected-{len(self._expected)}")
            os.replace(program.output, path)
            shutil.rmtree(folder)
            self._expected[corpus.paths] = path
        return self._expected[corpus.paths]

    def _against_sort(self, found: Mapping[str, Measured], name: str, bound: float) -> None:
        self._ratio(name, found, OURS, "sort -m", bound)
        if {OURS, "sort -m"} <= found.keys():
            used, sort = found[OURS].cpu_seconds, found["sort -m"].seconds
            text = f"{used:.2f} s of CPU, sort -m took {sort:.2f} s"
            self._add(Row(f"{name}, CPU", text, used / sort, _CPU_PER_SORT_SECOND, "x sort -m"))

    def _against_shippers(self, found: Mapping[str, Measured], name: str) -> None:
        shippers = [one.name for one in CONTENDERS if one.is_shipper and one.name in found]
        if shippers and OURS in found:
            fastest = max(shippers, key=lambda other: found[other].rate)
            times = found[OURS].rate / found[fastest].rate
            text = (
                f"{found[OURS].rate:,.0f} MB/s, {fastest} {found[fastest].rate:,.0f}: {times:.1f} x"
            )
            row = Row(f"{name}, fastest shipper", text, times, _TIMES_SHIPPER, "x", at_least=True)
            self._add(row)

    def _ratio(
        self, name: str, found: Mapping[str, Measured], ours: str, other: str, bound: float
    ) -> None:
        if {ours, other} <= found.keys():
            one, two = found[ours].seconds, found[other].seconds
            text = f"{one:.2f} s, {other} {two:.2f} s: {one / two:.2f} x"
            self._add(Row(name, text, one / two, bound, f"x {other}"))

    def _share(
        self,
        name: str,
        found: Mapping[str, Measured],
        ours: str,
        other: str,
        bound: float,
        unit: str,
    ) -> None:
        if {ours, other} <= found.keys():
            share = found[ours].rate / found[other].rate
            text = (
                f"{found[ours].rate:,.0f} MB/s read, {unit} {found[other].rate:,.0f}: {share:.2f} x"
            )
            self._add(Row(name, text, share, round(bound, 2), f"x {unit}", at_least=True))

    def _add(self, row: Row) -> None:
        self.report.rows.append(row)

    def _fail(self, name: str, why: str) -> None:
        self._add(Row(name, f"failed: {why[:_SAID_AT_MOST]!r}", None))

    def _scratch(self) -> str:
        return tempfile.mkdtemp(dir=self._folder)


def _mb(corpus: Corpus) -> str:
    return f"{corpus.size / 1e6:,.0f} MB"


def _has_proc() -> bool:
    if os.path.exists("/proc/self/stat"):
        return True
    sys.stderr.write("  not measured: there is no /proc\n")
    return False

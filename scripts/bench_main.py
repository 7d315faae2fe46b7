#!/usr/bin/env python3
"""Measures trio-ship beside the programs that are installed, and against stated bounds.

Every figure is of whole processes, start-up included, and every output is checked:
count, content, and order where a program promises one. What failed or missed its
bound is shown as MISSED, and the status is 1.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence

from bench_contenders import CONTENDERS
from bench_report import plot, save
from bench_sections import SECTIONS, Options, Sections

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    standard = Options()
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=__doc__,
        epilog="sections: " + "; ".join(f"{name}: {what}" for name, what in SECTIONS.items()),
    )
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help="what to measure; all if left out")
    add("--size-mb", type=int, default=standard.size_mb, help="of a corpus (%(default)s)")
    add("--runs", type=int, default=standard.runs, help="of each program (%(default)s)")
    add("--starts", type=int, default=standard.starts, help="of each over one line (%(default)s)")
    add("--files", type=int, default=standard.files, help="for idle and stall (%(default)s)")
    add(
        "--seconds",
        type=float,
        default=standard.seconds,
        help="for live, idle, stall (%(default)s)",
    )
    add("--full", action="store_true", help="linear goes up to 4 GB")
    names = ", ".join(contender.name for contender in CONTENDERS[1:])
    add("--only", action="append", default=[], metavar="NAME", help=f"beside: {names}")
    add("--json", metavar="FILE", help="write all runs there")
    add("--plot", metavar="FILE", help="draw the throughput there (SVG, PNG, ...)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; return the exit status."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    chosen, json_path, plot_path = (options.pop(key) for key in ("sections", "json", "plot"))
    unknown = [section for section in chosen if section not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = tempfile.mkdtemp(prefix="trio-ship-bench-")
    sections = Sections(Options(**options), folder)
    try:
        for section in chosen or SECTIONS:
            sections.measure(section)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = sections.report
    sys.stdout.write(f"{report.as_text()}\n")
    if json_path:
        save(report, json_path)
    if plot_path and report.sections:
        plot(report, plot_path)
    return int(not report.is_good)


if __name__ == "__main__":
    sys.exit(main())

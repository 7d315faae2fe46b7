#!/usr/bin/env python3
"""What `scripts/torture` does: a few runs, one table, status 1 if anything is wrong."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

from torture_backlog import run_backlog
from torture_calls import run_calls
from torture_live import Plan, Result, run_live
from torture_ship import can_trace

__all__ = ["main", "table"]

_COMMON: Final = ("kill", "kill", "kills", "term", "pause", "second", "hangup")
_RUNS: Final = {
    "rename": "rotation by renaming; SIGKILL, SIGTERM, SIGSTOP, SIGHUP, a second instance",
    "copytruncate": "rotation by copying and truncating; the same",
    "gzip": "rotation by renaming and compressing; the same",
    "disk": "a full disk: file size limits, and a small tmpfs where that may be mounted",
    "faults": "errors and deaths at single system calls, by strace",
    "calls": "an error or death at one system call after the other, by strace",
    "backlog": "killed while catching up; compared with an uninterrupted run",
}
_USUAL: Final = ("rename", "copytruncate", "gzip", "disk", "faults", "calls", "backlog")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs; return the exit status."""
    options = _options(arguments)
    folder = tempfile.mkdtemp(prefix="trio-ship-torture-")
    results = []
    try:
        for place, name in enumerate(options.runs):
            _say(f"{name}: {_RUNS[name]} ...")
            home = os.path.join(folder, name)
            os.mkdir(home)
            results.append(_run(name, home, options, options.seed + 100 * place))
            _tell(results[-1])
    except KeyboardInterrupt:
        return 130
    finally:
        good = bool(results) and all(result.is_good for result in results)
        if good or not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _say(f"everything is kept in {folder}")
    _say()
    for row in table(results):
        _say(row)
    _say()
    _say("nothing lost, nothing twice, nothing torn, all in order" if good else "WRONG: a defect")
    return 0 if good else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    runs = "\n".join(f"  {name:<13} {text}" for name, text in _RUNS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/torture",
        description="Torture trio-ship with real processes; count what it did wrong.",
        epilog=f"runs:\n{runs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="what chance begins with")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each live run")
    parser.add_argument("--rate", type=float, default=300.0, help="records a second and writer")
    parser.add_argument("--lines", type=int, default=400_000, help="of the backlog")
    parser.add_argument("--kills", type=int, default=12, help="while catching up")
    parser.add_argument("--deaths", type=int, default=8, help="at so many of each system call")
    parser.add_argument("--keep", action="store_true", help="keep the files of a failure")
    parser.add_argument(
        "--runs", nargs="+", choices=_RUNS, default=_USUAL, metavar="RUN", help="which, see below"
    )
    return parser.parse_args(arguments)


def _run(name: str, folder: str, options: argparse.Namespace, seed: int) -> Result:
    rotation = name if name in {"copytruncate", "gzip"} else "rename"
    harms = _COMMON
    is_small = False
    if name == "disk":
        refusal = _mount_refusal(folder)
        is_small = not refusal
        harms = ("limit", "limit", "kill", "fill" if is_small else "limit")
        if refusal:
            _say(f"  no small disk: {refusal}")
    if name in {"faults", "calls"}:
        refusal = can_trace()
        if refusal:
            _say(f"  skipped: {refusal}")
            return Result(name)
        harms = ("trace", "trace", "trace", "trace", "kill")
    plan = Plan(
        name=name,
        rotation=rotation,
        harms=harms,
        seconds=options.seconds,
        rate=options.rate,
        seed=seed,
        is_small=is_small,
    )
    if name == "calls":
        return run_calls(folder, plan, deaths=options.deaths)
    if name == "backlog":
        return run_backlog(folder, plan, lines=options.lines, kills=options.kills)
    return run_live(folder, plan)


def _mount_refusal(folder: str) -> str:
    """Return why a disk cannot be mounted here; empty if it can."""
    place = os.path.join(folder, "trial")
    os.mkdir(place)
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return str(error)
    if done.returncode:
        return done.stderr.strip()
    subprocess.run(["umount", place], check=True)  # noqa: S603, S607 - our own words
    return ""


def _tell(result: Result) -> None:
    events = ", ".join(f"{count:,} {what}" for what, count in sorted(result.events.items()))
    _say(f"  {result.seconds:.0f} s: {events}")
    for problem in result.problems:
        _say(f"  WRONG: {problem}")
    for output, verdict in result.verdicts.items():
        for example in verdict.examples:
            _say(f"  {output}: {example}")


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the table: a row for each run, writer and output."""
    words = ("written", "lost", "doubled", "torn", "disordered", "untimely", "misjudged", "slow")
    yield f"{'run':<13}{'writer':<7}{'output':<7}" + "".join(f"{word:>11}" for word in words)
    for result in results:
        for output, verdict in result.verdicts.items():
            for writer, count in verdict.counts.items():
                if writer == "?" and count.is_good:
                    continue
                numbers = "".join(f"{getattr(count, word):>11,}" for word in words)
                yield f"{result.name:<13}{writer:<7}{output:<7}{numbers}"
        if not result.verdicts:
            what = "as it must be" if result.is_good else f"{len(result.problems)} things wrong"
            yield f"{result.name:<13}{what}"


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""The command line of the simulation; see `scripts/simulate`."""

from __future__ import annotations

import argparse
import functools
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from simulation.broken import VARIANTS, broken
from simulation.report import failure_lines, total_line
from simulation.runner import Outcome, run
from simulation.seeds import make
from simulation.shrink import shrink


def main() -> int:
    """Run what the arguments ask for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: tell what happens")
    parser.add_argument("--whole", action="store_true", help="do not shrink what fails")
    parser.add_argument("--broken", choices=VARIANTS, default="", help="break the pipeline so")
    options = parser.parse_args()
    logging.getLogger("trio_ship").setLevel(logging.INFO if options.trace else logging.CRITICAL)
    logging.lastResort = None
    with broken(options.broken):
        if options.seed is not None:
            return _one(options.seed, trace=options.trace, whole=options.whole)
        return _many(options)


def _many(options: argparse.Namespace) -> int:
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    failed = 0
    seeds = range(options.first, options.first + options.seeds)
    for seed, outcome in _outcomes(seeds, options.jobs, options.broken):
        counts += outcome.counts
        if outcome.failure:
            failed += 1
            _tell(seed, outcome, whole=options.whole)
    _say(total_line(len(seeds), failed, counts, time.perf_counter() - began))
    return int(failed > 0)


def _outcomes(seeds: range, jobs: int, variant: str) -> Iterator[tuple[int, Outcome]]:
    if jobs < 2:
        yield from ((seed, run(make(seed))) for seed in seeds)
        return
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap(functools.partial(_run, variant), seeds, chunksize=8)


def _run(variant: str, seed: int) -> tuple[int, Outcome]:
    with broken(variant):
        return seed, run(make(seed))


def _one(seed: int, *, trace: bool, whole: bool) -> int:
    outcome = run(make(seed))
    if trace:
        shrunk = outcome.failure and not whole
        outcome = run(shrink(make(seed)) if shrunk else make(seed), _say)
        _say(outcome.failure or "no failure")
    else:
        if outcome.failure:
            _tell(seed, outcome, whole=whole)
        _say(total_line(1, int(bool(outcome.failure)), outcome.counts, 0))
    return int(bool(outcome.failure))


def _tell(seed: int, outcome: Outcome, *, whole: bool) -> None:
    scenario = make(seed)
    if not whole:
        scenario = shrink(scenario)
        outcome = run(scenario)
    for text in failure_lines(scenario, outcome):
        _say(text)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

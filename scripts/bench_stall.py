# ruff: noqa: INP001 - a helper beside a script, not a package
"""How long an event loop is kept waiting: a task that sleeps 5 ms, again and again.

`bench_stall.py SECONDS` measures a loop that does nothing else. With a
configuration and the size that the output will have when all is caught up with,
the loop runs that pipeline too. The answer is one JSON object on standard output.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time

import trio

import trio_ship

_SLEEP_SECONDS = 0.005


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


async def _tick(seconds: float) -> list[float]:
    """Return how much longer than it should each sleep took, in seconds."""
    over = []
    end = trio.current_time() + seconds
    while trio.current_time() < end:
        began = time.perf_counter()
        await trio.sleep(_SLEEP_SECONDS)
        over.append(time.perf_counter() - began - _SLEEP_SECONDS)
    return over


async def _measure(seconds: float, config: str | None, output: str, size: int) -> list[float]:
    if config is None:
        return await _tick(seconds)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio_ship.run, trio_ship.load_config(config))
        while _size(output) < size:  # noqa: ASYNC110 - a file rings no bell
            await trio.sleep(0.1)
        await trio.sleep(2)
        gc.collect()
        gc.freeze()  # as the command line does, once it has settled
        sys.stdout.write("caught up\n")
        sys.stdout.flush()
        over = await _tick(seconds)
        nursery.cancel_scope.cancel()
    return over


def main() -> None:
    """Measure as the command line says."""
    seconds = float(sys.argv[1])
    config, output, size = sys.argv[2:5] or (None, "", "0")
    over = sorted(trio.run(_measure, seconds, config, output, int(size)))
    answer = {"longest": over[-1], "p99": over[len(over) * 99 // 100], "sleeps": len(over)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

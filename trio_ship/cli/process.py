"""What a process that moves records asks of its system and its interpreter."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import sys
from typing import Final

import attrs
import numpy as np
import trio

from trio_ship.pipeline import Pipeline

__all__ = ["SIGNAL_STATUS", "Ending", "abort_on_signal", "settle_heap", "tune_process"]

SIGNAL_STATUS: Final = 128
"""With the number of a signal added, the exit status of whoever was ended by it."""

_SETTLED_SECONDS: Final = 10.0
# How long a worker thread that has read waits for the interpreter, at most.
_SWITCH_SECONDS: Final = 0.0005
# So many collections of younger objects go before one of all objects. Where 10,000 files are
# begun, renamed or cut at once, that takes 30 to 50 ms; after 10, as usual, it falls among them.
_SELDOM: Final = 1000
_HEAP_BLOCK: Final = (32 << 20) - (64 << 10)


@attrs.define
class Ending:
    """How a command ended.

    Attributes:
        signal: The signal that ended it; 0: none did.
        seconds: How long its pipeline ran, where somebody asks.
    """

    signal: int = 0
    seconds: float = 0.0


def tune_process() -> None:
    """Have this process open many files, keep freed memory, and seldom stand still."""
    _raise_file_limit()
    _keep_freed_memory()
    gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)
    sys.setswitchinterval(_SWITCH_SECONDS)


async def settle_heap(pipeline: Pipeline) -> None:
    """Keep what lives as long as the program out of garbage collections.

    With 10,000 files a full collection takes 70 ms, and everything waits for it.
    """
    await pipeline.started.wait()
    gc.collect()
    gc.freeze()
    await trio.sleep(_SETTLED_SECONDS)
    gc.freeze()


async def abort_on_signal(
    pipeline: Pipeline,
    ending: Ending,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """End at the first signal, whatever was not done yet; there is nothing to save."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if ending.signal:
                os._exit(SIGNAL_STATUS + ending.signal)
            ending.signal = number
            pipeline.abort()


def _keep_freed_memory() -> None:
    """Have freed columns serve the next batch, instead of going back to the system.

    glibc maps a block of over 128 KiB by itself and unmaps it when it is freed, so
    that every column costs page faults: a quarter of a merge. Freeing one large
    block raises that bound to its size, as mallopt(3) says, up to 32 MiB. Nothing is
    touched, so it costs no memory; elsewhere it has no effect.
    """
    np.empty(_HEAP_BLOCK, np.uint8)


def _raise_file_limit() -> None:
    """Ask for as many open files as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

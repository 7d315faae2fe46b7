"""`run`: a pipeline, the signals that end it, and what is said on the way."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time

import attrs
import trio

from trio_ship.cli.configuration import chosen_config, with_times
from trio_ship.cli.logs import is_terminal
from trio_ship.cli.process import SIGNAL_STATUS, Ending, settle_heap, tune_process
from trio_ship.cli.progress import show_progress, stage_lines, summary
from trio_ship.cli.streams import discard_output
from trio_ship.config import Config
from trio_ship.errors import SourceError, ungrouped
from trio_ship.pipeline import Pipeline
from trio_ship.sinks.stdout import OutputClosedError
from trio_ship.stages import OFF, Stages

__all__ = ["run"]

_LOG = logging.getLogger("trio_ship")
_STATS = logging.getLogger("trio_ship.stages")


def run(options: argparse.Namespace) -> int:
    """Run a pipeline; return the exit status.

    Raises:
        ShipError: What keeps it from its work.
    """
    config = _config(options)
    tune_process()
    stages = Stages(_clock) if options.stats else OFF
    pipeline = Pipeline(
        config,
        ignore_checkpoint=options.ignore_checkpoint,
        raw_terminal=options.raw,
        stages=stages,
    )
    ending = Ending()
    used = time.process_time()
    error: SourceError | None = None
    try:
        trio.run(_run, pipeline, config, options, ending)
    except SourceError as unread:
        error = unread  # all else was delivered
    for line in summary(pipeline, ending.seconds):
        _LOG.info("%s", line)
    if options.stats:
        _tell_stages(stages, ending.seconds, time.process_time() - used)
    if error is not None:
        raise error
    if ending.signal and not config.pipeline.follow:
        return SIGNAL_STATUS + ending.signal
    return 0


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def _tell_stages(stages: Stages, seconds: float, cpu_seconds: float) -> None:
    """Say what the stages took: it was asked for, so also with --quiet."""
    _STATS.setLevel(logging.INFO)
    for line in stage_lines(stages.spent(), seconds=seconds, cpu_seconds=cpu_seconds):
        _STATS.info("%s", line)


def _config(options: argparse.Namespace) -> Config:
    config = chosen_config(options, needs_sink=True)
    if options.once:
        config = attrs.evolve(config, pipeline=attrs.evolve(config.pipeline, follow=False))
    return with_times(config, options, follow=config.pipeline.follow)


async def _run(
    pipeline: Pipeline, config: Config, options: argparse.Namespace, ending: Ending
) -> None:
    """Run the pipeline beside its signals and its progress."""
    began = trio.current_time()
    quits_quietly = bool(options.files)
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(_heed_signals, pipeline, ending)
                if not options.quiet:
                    bar = _bar_is_welcome(config, options)
                    nursery.start_soon(show_progress, pipeline, bar)
                if options.begin is not None:
                    nursery.start_soon(_tell_begun, pipeline)
                nursery.start_soon(settle_heap, pipeline)
                await pipeline.run()
                nursery.cancel_scope.cancel()
    except OutputClosedError:
        if not quits_quietly:
            raise
        discard_output()
    finally:
        ending.seconds = trio.current_time() - began


async def _tell_begun(pipeline: Pipeline) -> None:
    """Say that --from has no effect on a pipeline that goes on where it was."""
    await pipeline.started.wait()
    if pipeline.is_resumed:
        _LOG.warning(
            "--from counts at the very first start only, and there was a checkpoint; "
            "to start over, add --ignore-checkpoint"
        )


def _bar_is_welcome(config: Config, options: argparse.Namespace) -> bool:
    if options.log_format == "json" or not is_terminal(sys.stderr):
        return False
    to_terminal = any(sink.type == "stdout" for sink in config.sinks.values())
    return not (to_terminal and sys.stdout.isatty())


async def _heed_signals(
    pipeline: Pipeline,
    ending: Ending,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Turn signals into verbs: the first ends in order, the second at once."""
    has_terminal = _has_terminal()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                if not has_terminal or _has_terminal():
                    _LOG.info("SIGHUP: outputs that were renamed are left by themselves")
                    continue
                number = signal.SIGTERM  # noqa: PLW2901  (the terminal has gone away)
            if ending.signal:
                # The next start is exact after any death, so this one may be quick.
                os._exit(SIGNAL_STATUS + ending.signal)
            ending.signal = number
            _LOG.info("stopping; once more stops at once")
            pipeline.drain()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True

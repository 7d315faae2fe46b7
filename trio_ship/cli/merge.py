"""`merge`: the stream for people. Labels and colours on a terminal, records as read in a pipe."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import signal
import sys
from typing import Final

import attrs
import trio

from trio_ship.cli.configuration import chosen_config
from trio_ship.cli.logs import wants_color
from trio_ship.cli.process import SIGNAL_STATUS, settle_heap, tune_process
from trio_ship.cli.streams import discard_output
from trio_ship.config import CheckpointConfig, Config
from trio_ship.encode import Encoder, encoder
from trio_ship.encode.labelled import LabelledEncoder, Rule
from trio_ship.errors import ConfigError, ungrouped
from trio_ship.fields.severity import batch_severities
from trio_ship.pipeline import Pipeline
from trio_ship.sinks.stdout import OutputClosedError, StdoutSink

__all__ = ["merge"]

_RESET: Final = b"\x1b[0m"
_PLAIN_RULE: Final = Rule(in_order="|", late="<", ahead=">")
_DRAWN_RULE: Final = Rule(in_order="│", late="◂", ahead="▸")
_LABEL_SHARE: Final = 4
_LABEL_LEAST: Final = 8
_LABEL_MOST: Final = 32


@attrs.define
class _Ending:
    """The signal that ended the merge, if one did."""

    signal: int = 0


def merge(options: argparse.Namespace) -> int:
    """Merge files to standard output, for reading; return the exit status.

    Raises:
        ShipError: What keeps it from its work.
    """
    config = _config(options)
    tune_process()
    to_terminal = sys.stdout.isatty()
    colored = wants_color(options.color, sys.stdout) and not options.json
    shown = (to_terminal or colored) and not options.json

    def paths() -> list[str]:
        return [file.path for file in pipeline.snapshot.files.values()]

    encode: Encoder
    if shown:
        is_one = options.files and len(set(options.files)) == 1
        encode = LabelledEncoder(
            None if is_one else paths,
            widest=_widest_label(),
            rule=_rule(),
            severities=batch_severities if colored else None,
            raw=options.raw,
        )
    else:
        encode = encoder("json" if options.json else "raw")
    sink = StdoutSink("stdout", encode, raw=options.raw or shown)
    pipeline = Pipeline(config, sinks=(sink,))
    ending = _Ending()
    trio.run(_merge, pipeline, ending)
    if ending.signal and colored:
        _reset_color()
    if ending.signal and not config.pipeline.follow:
        return SIGNAL_STATUS + ending.signal
    return 0


def _config(options: argparse.Namespace) -> Config:
    """Return what is to be read; nothing but that is taken from a configuration."""
    if not options.files:
        config = chosen_config(options.config)
    elif options.config is None:
        config = Config.for_files(options.files)
    else:
        raise ConfigError("FILEs and --config exclude each other; give one of them")
    sources = {
        name: attrs.evolve(source, start="beginning") for name, source in config.sources.items()
    }
    pipeline = attrs.evolve(
        config.pipeline, follow=options.follow, checkpoint=CheckpointConfig(enabled=False)
    )
    return attrs.evolve(config, pipeline=pipeline, sources=sources, sinks={})


def _reset_color() -> None:
    """End the colour of a line that was broken off, unless nobody takes it."""
    _, ready, _ = select.select([], [sys.stdout], [], 0)
    if ready:
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), _RESET)


def _widest_label() -> int:
    columns = shutil.get_terminal_size().columns
    return max(_LABEL_LEAST, min(columns // _LABEL_SHARE, _LABEL_MOST))


def _rule() -> Rule:
    """Return what stands behind labels, in characters that the terminal has."""
    try:
        "".join(attrs.astuple(_DRAWN_RULE)).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN_RULE
    return _DRAWN_RULE


async def _merge(pipeline: Pipeline, ending: _Ending) -> None:
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(_heed_signals, pipeline, ending)
                nursery.start_soon(settle_heap, pipeline)
                await pipeline.run()
                nursery.cancel_scope.cancel()
    except OutputClosedError:
        discard_output()


async def _heed_signals(
    pipeline: Pipeline,
    ending: _Ending,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """End at the first signal, whatever was not shown yet; there is nothing to save."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if ending.signal:
                os._exit(SIGNAL_STATUS + ending.signal)
            ending.signal = number
            pipeline.abort()

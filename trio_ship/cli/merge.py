"""`merge`: the stream for people. Labels and colours on a terminal, records as read in a pipe."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import sys
from typing import Final

import attrs
import trio

from trio_ship.cli.configuration import reading_config
from trio_ship.cli.logs import wants_color
from trio_ship.cli.process import SIGNAL_STATUS, Ending, abort_on_signal, settle_heap, tune_process
from trio_ship.cli.streams import can_show, discard_output
from trio_ship.config import SinkConfig, WhenConfig
from trio_ship.config.expressions import Expression
from trio_ship.config.values import InvalidValueError
from trio_ship.encode import Encoder, encoder
from trio_ship.encode.labelled import LabelledEncoder, Rule
from trio_ship.errors import ConfigError, ungrouped
from trio_ship.fields.severity import batch_severities
from trio_ship.pipeline import Pipeline
from trio_ship.shaping import Shaping
from trio_ship.sinks.stdout import OutputClosedError, StdoutSink

__all__ = ["merge"]

_RESET: Final = b"\x1b[0m"
_PLAIN_RULE: Final = Rule(in_order="|", late="<", ahead=">")
_DRAWN_RULE: Final = Rule(in_order="│", late="◂", ahead="▸")
_LABEL_SHARE: Final = 4
_LABEL_LEAST: Final = 8
_LABEL_MOST: Final = 32


def merge(options: argparse.Namespace) -> int:
    """Merge files to standard output, for reading; return the exit status.

    Raises:
        ShipError: What keeps it from its work.
    """
    config = reading_config(options, follow=options.follow or options.new, is_new=options.new)
    if options.json and options.files:
        parsed = {name: attrs.evolve(one, parse="auto") for name, one in config.sources.items()}
        config = attrs.evolve(config, sources=parsed)
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
            rule=_DRAWN_RULE if can_show("".join(attrs.astuple(_DRAWN_RULE))) else _PLAIN_RULE,
            severities=batch_severities if colored else None,
            marked=options.grep if colored else None,
            raw=options.raw,
        )
    else:
        encode = encoder("json" if options.json else "raw")
    own = Shaping(config).own(_wanted(options), encode)
    sink = StdoutSink("stdout", own or encode, raw=options.raw or shown)
    pipeline = Pipeline(config, sinks=(sink,))
    ending = Ending()
    trio.run(_merge, pipeline, ending)
    if ending.signal and colored:
        _reset_color()
    if ending.signal and not config.pipeline.follow:
        return SIGNAL_STATUS + ending.signal
    return 0


def _wanted(options: argparse.Namespace) -> SinkConfig:
    """Return which records are shown.

    Raises:
        ConfigError: The expression is none.
    """
    when = None
    if options.grep is not None:
        try:
            Expression()(options.grep)
        except InvalidValueError as error:
            raise ConfigError(f"--grep: {error}") from None
    if options.grep is not None or options.min_severity is not None:
        when = WhenConfig(min_severity=options.min_severity, match=options.grep)
    return SinkConfig(
        name="stdout", type="stdout", when=when, encoding="json" if options.json else "raw"
    )


def _reset_color() -> None:
    """End the colour of a line that was broken off, unless nobody takes it."""
    _, ready, _ = select.select([], [sys.stdout], [], 0)
    if ready:
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), _RESET)


def _widest_label() -> int:
    columns = shutil.get_terminal_size().columns
    return max(_LABEL_LEAST, min(columns // _LABEL_SHARE, _LABEL_MOST))


async def _merge(pipeline: Pipeline, ending: Ending) -> None:
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(abort_on_signal, pipeline, ending)
                nursery.start_soon(settle_heap, pipeline)
                await pipeline.run()
                nursery.cancel_scope.cancel()
    except OutputClosedError:
        discard_output()

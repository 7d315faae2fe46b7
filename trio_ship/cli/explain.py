"""`explain`: how files are understood, before anything is made of them."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import trio

from trio_ship.cli.configuration import current_folder, reading_config
from trio_ship.cli.explanation import Explained, Line, as_json, details, overview, total
from trio_ship.cli.logs import is_terminal, wants_color
from trio_ship.cli.process import SIGNAL_STATUS, Ending, abort_on_signal, tune_process
from trio_ship.cli.progress import show_progress
from trio_ship.cli.streams import answer, can_show, show
from trio_ship.config import Config
from trio_ship.decode.table import LAYOUTS
from trio_ship.errors import ConfigError, SourceError, ungrouped
from trio_ship.fields.severity import batch_severities
from trio_ship.globs import has_magic
from trio_ship.pipeline import Pipeline
from trio_ship.sinks.survey import SurveySink
from trio_ship.survey import Survey

__all__ = ["explain"]

_LOG = logging.getLogger("trio_ship")

_EACH_AT_MOST: Final = 20


def explain(options: argparse.Namespace) -> int:
    """Say what was found in files, or what may be found; return the exit status.

    Raises:
        ShipError: What keeps it from its work; of files that cannot be read it
            is raised after the others were explained.
    """
    if options.layouts:
        answer("\n".join(_layouts(options)))
        return 0
    config = attrs.evolve(reading_config(options), steps=())
    tune_process()
    survey = Survey(batch_severities)
    pipeline = Pipeline(config, sinks=(SurveySink("survey", survey),))
    ending = Ending()
    refused = None
    try:
        trio.run(_explain, pipeline, ending, is_terminal(sys.stderr) and not options.quiet)
    except SourceError as error:
        refused = error
    if ending.signal:
        return SIGNAL_STATUS + ending.signal
    files = list(_files(config, pipeline, survey))
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if options.json:
        answer("\n".join(json.dumps(as_json(file)) for file in files))
    elif files:
        lines = list(_lines(files, draws=can_show("█…")))
        if wants_color(options.color, sys.stdout):
            show(_painted(lines))
        else:
            answer("\n".join("".join(text for text, _ in line) for line in lines))
    for path in _passed_over(config, files, str(refused)):
        _LOG.warning("%s is a file that was named before, or a copy of one; it is read once", path)
    if refused is not None:
        raise refused
    return 0


async def _explain(pipeline: Pipeline, ending: Ending, bar: bool) -> None:  # noqa: FBT001
    with ungrouped():
        async with trio.open_nursery() as nursery:
            await nursery.start(abort_on_signal, pipeline, ending)
            nursery.start_soon(show_progress, pipeline, bar)
            await pipeline.run()
            nursery.cancel_scope.cancel()


def _layouts(options: argparse.Namespace) -> Iterator[str]:
    if options.files or options.config is not None:
        raise ConfigError("--layouts lists what is known of stamps; leave FILEs and --config out")
    names = ("auto", *(layout.name for layout in LAYOUTS))
    examples = ("found out", *(layout.example for layout in LAYOUTS))
    writers = ("any of these", *(layout.writers for layout in LAYOUTS))
    widths = [max(map(len, column)) for column in (names, examples)]
    for row in zip(names, examples, writers, strict=True):
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}"


def _files(config: Config, pipeline: Pipeline, survey: Survey) -> Iterator[Explained]:
    """Yield the files in the order in which they were given, or of their paths."""
    given = [path for source in config.sources.values() for path in source.paths]
    place = {path: number for number, path in enumerate(given)}
    folder = os.path.join(current_folder(), "")
    # Standard input is none of the files that a checkpoint would know.
    files = {**survey.files, **pipeline.snapshot.files}.values()
    for entry in sorted(files, key=lambda file: (place.get(file.path, len(place)), file.path)):
        pattern = config.sources[entry.source].timestamp.pattern
        yield Explained(entry, survey.of(entry.id), pattern, folder)


def _passed_over(config: Config, files: Sequence[Explained], refused: str) -> list[str]:
    """Return the paths of which nothing was said."""
    explained = {file.entry.path for file in files}
    return [
        path
        for source in config.sources.values()
        for path in source.paths
        if (source.literal or not has_magic(path)) and path not in explained
        if path not in refused
    ]


def _lines(files: Sequence[Explained], *, draws: bool) -> Iterator[Line]:
    if len(files) > _EACH_AT_MOST:
        yield from overview(files)
    else:
        for number, file in enumerate(files):
            if number:
                yield []
            yield from details(file, draws=draws)
    if len(files) > 1:
        yield []
        yield total(files)


def _painted(lines: Sequence[Line]) -> str:
    from rich.console import Console  # noqa: PLC0415  (only where there is a terminal)
    from rich.text import Text  # noqa: PLC0415

    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        no_color=False,
        highlight=False,
        soft_wrap=True,
    )
    with console.capture() as capture:
        for line in lines:
            console.print(Text.assemble(*line), soft_wrap=True)
    return capture.get().removesuffix("\n")

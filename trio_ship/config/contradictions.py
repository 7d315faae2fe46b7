"""What the keys of a configuration may not say together.

Each check takes a whole tree, with absolute paths, and yields its faults. Those
that compare paths ask the disk where links lead, and nothing else.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from typing import Final

from trio_ship.config.model import Config, SourceConfig
from trio_ship.config.steps import check_fields, check_inputs, check_steps
from trio_ship.config.structure import Fault
from trio_ship.config.values import quoted, shown
from trio_ship.globs import has_magic, matches

__all__ = ["NO_SINK", "contradictions"]

NO_SINK: Final = Fault(("sinks",), "there is no sink; at least one [sinks.NAME] is wanted")
"""What is said where nobody would take the records."""


def contradictions(config: Config, *, needs_sink: bool) -> Iterator[Fault]:
    """Return all contradictions of a configuration.

    Args:
        config: The configuration, with absolute paths.
        needs_sink: Whether it is a fault that there is no sink.
    """
    for check in _CHECKS:
        yield from check(config)
    if needs_sink and not config.sinks:
        yield NO_SINK


def _check_sources(config: Config) -> Iterator[Fault]:
    if not config.sources:
        yield Fault(("sources",), "there is no source; at least one [sources.NAME] is wanted")
    for name, source in config.sources.items():
        path = ("sources", name)
        if source.type == "file" and not source.paths:
            text = 'no paths; a source of type "file" wants one or more'
            yield Fault((*path, "paths"), text)
        for key in ("paths", "exclude"):
            if source.type == "stdin" and getattr(source, key):
                text = f'{key} are given; a source of type "stdin" has none'
                yield Fault((*path, key), text)
        if source.type == "stdin" and source.start == "end":
            text = '"end" is given; a source of type "stdin" begins at its beginning or at a time'
            yield Fault((*path, "start"), text)
        stamp = source.timestamp
        if "%" in stamp.format and stamp.pattern is None:
            text = "missing; a strptime format wants a pattern with (?P<ts>...) around the stamp"
            yield Fault((*path, "timestamp", "pattern"), text)
        if stamp.prefer == "inner" and stamp.pattern is not None:
            text = '"inner" is given; a pattern says which stamp counts, so leave one of them out'
            yield Fault((*path, "timestamp", "prefer"), text)


def _check_sinks(config: Config) -> Iterator[Fault]:
    for name, sink in config.sinks.items():
        path = ("sinks", name, "path")
        if sink.type == "file" and not sink.path:
            yield Fault(path, 'missing; a sink of type "file" wants the path of its output')
        if sink.type == "stdout" and sink.path:
            yield Fault(path, 'a path is given; a sink of type "stdout" has none')


def _check_standard_streams(config: Config) -> Iterator[Fault]:
    stdin = [("sources", name) for name, one in config.sources.items() if one.type == "stdin"]
    stdout = [("sinks", name) for name, one in config.sinks.items() if one.type == "stdout"]
    for users, type_name in ((stdin, "stdin"), (stdout, "stdout")):
        for path in users[1:]:
            text = f'{".".join(users[0])} has it already; one of type "{type_name}" is allowed'
            yield Fault((*path, "type"), text)


def _outputs(config: Config) -> dict[str, str]:
    """Return the path of each sink that has one, by name."""
    return {
        name: sink.path for name, sink in config.sinks.items() if sink.type == "file" and sink.path
    }


def _check_outputs(config: Config) -> Iterator[Fault]:
    owners = {}
    if config.file:
        owners[os.path.realpath(config.file)] = "this configuration"
    checkpoint = config.pipeline.checkpoint
    if checkpoint.enabled:
        real = os.path.realpath(checkpoint.path)
        if real in owners or os.path.isdir(real):
            other = owners.get(real, "a folder")
            text = f"{shown(checkpoint.path)} is {other}; the path of a file of its own is wanted"
            yield Fault(("pipeline", "checkpoint", "path"), text)
        owners.setdefault(real, "the checkpoint")
    for name, output in _outputs(config).items():
        real = os.path.realpath(output)
        if real in owners or os.path.isdir(real):
            other = owners.get(real, "a folder")
            text = f"{shown(output)} is {other}; the path of a file of its own is wanted"
            yield Fault(("sinks", name, "path"), text)
        owners.setdefault(real, f"the output of sinks.{name}")


def _check_loops(config: Config) -> Iterator[Fault]:
    """Refuse sources that would read what is written here."""
    outputs = {f"the output of sinks.{name}": path for name, path in _outputs(config).items()}
    if config.pipeline.checkpoint.enabled:
        outputs["the checkpoint"] = config.pipeline.checkpoint.path
    for name, source in config.sources.items():
        eaten = {what: list(_seen(source, path)) for what, path in outputs.items()}
        paths = [path for paths in eaten.values() for path in paths]
        if not paths:
            continue
        # What is written is rotated too, or has a generation kept beside it.
        added = [glob.escape(path) + end for path in paths for end in ("", ".*")]
        line = ", ".join(map(quoted, [*source.exclude, *added]))
        what = " and ".join(what for what, paths in eaten.items() if paths)
        text = f"paths match {what}, an endless loop; exclude it with: exclude = [{line}]"
        yield Fault(("sources", name, "exclude"), text)


def _seen(source: SourceConfig, output: str) -> dict[str, None]:
    """Return the names under which a source would read an output, in order."""
    return {
        name: None
        for pattern in source.paths
        for name in _names(pattern, output)
        if matches(pattern, name) and not any(matches(other, name) for other in source.exclude)
    }


def _names(pattern: str, output: str) -> Iterator[str]:
    """Return names of an output which a pattern might match."""
    real = os.path.realpath(output)
    yield output
    yield real
    folder = _fixed_folder(pattern)
    real_folder = os.path.realpath(folder).rstrip("/")
    if real.startswith(real_folder + "/"):
        yield folder.rstrip("/") + real[len(real_folder) :]
    # Links below `**` are not looked for: that could mean to walk a whole disk.
    for path in glob.iglob(pattern):
        if os.path.islink(path) and os.path.realpath(path) == real:
            yield path


def _fixed_folder(pattern: str) -> str:
    """Return the folder that a pattern names before anything special begins."""
    folder = os.path.dirname(pattern)
    while has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


_CHECKS: Final[tuple[Callable[[Config], Iterator[Fault]], ...]] = (
    _check_sources,
    _check_sinks,
    check_steps,
    check_inputs,
    check_fields,
    _check_standard_streams,
    _check_outputs,
    _check_loops,
)

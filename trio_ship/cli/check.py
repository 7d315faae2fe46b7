"""`check`: what a configuration would read and write, without doing either."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Iterator

from trio_ship.cli.configuration import chosen_config
from trio_ship.cli.streams import answer
from trio_ship.config import Config, describe
from trio_ship.config.values import printable
from trio_ship.filesystem import Disk
from trio_ship.follow import Candidate
from trio_ship.look import Look, Problem
from trio_ship.notes import refusal
from trio_ship.quantities import counted
from trio_ship.reader.watch import Watch
from trio_ship.report import Poll

__all__ = ["check"]


def check(options: argparse.Namespace) -> int:
    """Check a configuration; return the exit status.

    Raises:
        ConfigError: It cannot be used; all faults are named.
    """
    config = chosen_config(options, needs_sink=True)
    disk = Disk()
    lines = [describe(config), ""]
    for name, source in config.sources.items():
        if source.type != "file":
            continue
        watch = Watch(disk, source.paths, source.exclude, literal=source.literal)
        look = watch.look(Poll(wall_ns=0, seconds=0.0))
        lines.append(f"sources.{name} would read now:")
        lines += [f"  {printable(line)}" for line in _seen(disk, look)]
    if unusable := list(_unusable(config)):
        lines += ["", *map(printable, unusable)]
    answer("\n".join(lines))
    return 0


def _seen(disk: Disk, look: Look) -> Iterator[str]:
    """Yield what would be read of a source, and what would not be."""
    for path, seen in sorted(look.changed.items()):
        if isinstance(seen, Problem):
            if seen.error is not None:
                yield refusal(disk, path, seen.error).text
            else:
                yield f"{path}: not a file but a {seen.kind}"
        elif isinstance(seen, Candidate):
            if os.access(path, os.R_OK):
                yield f"{path}  {counted(seen.size, 'byte')}"
            else:
                yield refusal(disk, path, PermissionError(errno.EACCES, "denied")).text
    for folder, error in sorted(look.unreadable.items()):
        yield refusal(disk, folder, error).text
    for pattern in look.empty:
        yield f"nothing: {pattern} matches no file"
    for path in look.missing:
        yield f"nothing: {path} does not exist"


def _unusable(config: Config) -> Iterator[str]:
    """Yield which outputs `run` could not write, and why: the place, what is there, a right."""
    sinks = [(f"sinks.{sink.name}", sink.path) for sink in config.sinks.values() if sink.path]
    written = [(what, path, path) for what, path in sinks]
    checkpoint = config.pipeline.checkpoint
    if checkpoint.enabled:
        # Each one is a new file that takes the place of the old one.
        written.append(("the checkpoint", checkpoint.path, ""))
    for what, path, changed in written:
        folder = os.path.dirname(path) or "."
        target = changed if os.path.exists(changed) else folder
        if not os.path.isdir(folder):
            yield f"{what} could not be written: there is no folder {folder}"
        elif os.path.islink(path):
            yield f"{what} could not be written: {path} is a symbolic link"
        elif os.path.exists(path) and not os.path.isfile(path):
            yield f"{what} could not be written: {path} is not a regular file"
        elif not os.access(target, os.W_OK):
            yield f"{what} could not be written: this user may not write to {target}"

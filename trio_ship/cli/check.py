"""`check`: what a configuration would read and write, without doing either."""

from __future__ import annotations

import argparse
import os

from trio_ship.cli.configuration import chosen_config
from trio_ship.cli.streams import answer
from trio_ship.config import describe
from trio_ship.filesystem import Disk
from trio_ship.follow import Candidate
from trio_ship.notes import refusal
from trio_ship.reader.watch import Problem, Watch
from trio_ship.report import Poll

__all__ = ["check"]


def check(options: argparse.Namespace) -> int:
    """Check a configuration; return the exit status.

    Raises:
        ConfigError: It cannot be used; all faults are named.
    """
    config = chosen_config(options)
    disk = Disk()
    lines = [describe(config), ""]
    for name, source in config.sources.items():
        if source.type != "file":
            continue
        watch = Watch(disk, source.paths, source.exclude, literal=source.literal)
        look = watch.look(Poll(wall_ns=0, seconds=0.0))
        lines.append(f"sources.{name} would read now:")
        for path, seen in sorted(look.changed.items()):
            if isinstance(seen, Problem):
                why = f"not a file but a {seen.kind}"
                if seen.error is not None:
                    why = refusal(disk, path, seen.error).text
                lines.append(f"  {path}: {why}")
            elif isinstance(seen, Candidate):
                readable = os.access(path, os.R_OK)
                denied = refusal(disk, path, PermissionError(13, "Permission denied")).text
                lines.append(f"  {path}  {seen.size:,} bytes" if readable else f"  {denied}")
        lines += [f"  nothing: {pattern} matches no file" for pattern in look.empty]
        lines += [f"  nothing: {path} does not exist" for path in look.missing]
    answer("\n".join(lines))
    return 0

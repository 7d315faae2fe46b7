"""Which command does what was asked for, and what becomes of its errors."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from trio_ship.cli.arguments import parsed
from trio_ship.cli.heap import keep_one_heap
from trio_ship.cli.logs import set_up_logging
from trio_ship.cli.streams import complain, open_missing
from trio_ship.errors import ConfigError, ShipError

__all__ = ["main"]

_READ: Final = {"explain", "merge"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    0: done. 1: a retry may help. 2: somebody must act (usage, configuration,
    checkpoint, lock). 130 and 143: ended by a signal before all was done.

    Raises:
        KeyboardInterrupt: Before whoever heeds signals was there.
    """
    open_missing()
    log_format = "auto"
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments)
        log_format = options.log_format
        # What people read on the same terminal is not mixed with what went well.
        is_read = options.command in _READ and not options.verbose
        set_up_logging(
            quiet=options.quiet or is_read,
            verbose=options.verbose,
            style=log_format,
            color=options.color,
        )
        # Nothing here does linear algebra, and the threads for it cost more than all other imports.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        keep_one_heap()
        return _command(options.command)(options)
    except ShipError as error:
        if log_format == "json":
            logging.getLogger("trio_ship").log(logging.ERROR, "%s", error)
        else:
            kind = "configuration" if isinstance(error, ConfigError) else "error"
            complain(f"{kind}: {error}")
        return error.exit_status
    except BrokenPipeError:
        return 1


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """Import a command late: arguments are checked at once, NumPy and Arrow take a while.

    Imports make no garbage, and what they make stays; so no time is spent on looking for it.
    """
    gc.disable()
    module = importlib.import_module(f"trio_ship.cli.{name}")
    gc.freeze()
    gc.enable()
    command: Callable[[argparse.Namespace], int] = getattr(module, name)
    return command

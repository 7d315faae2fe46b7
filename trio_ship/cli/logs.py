"""Messages: to standard error, for a person, a log file or a machine."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TextIO

from trio_ship.config.values import printable

__all__ = ["is_terminal", "set_up_logging", "wants_color"]

_COLORS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a stream goes to a terminal that can do more than show lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_color(color: str, stream: TextIO) -> bool:
    """Tell whether to colour a stream: "always", "never", or "auto"."""
    if color != "auto":
        return color == "always"
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is now: a progress bar puts itself in its place."""

    @property
    def stream(self) -> TextIO:
        """The present standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        pass


class _Text(logging.Formatter):
    """A line for a person; with the time where it goes to a log."""

    def __init__(self, *, color: bool) -> None:
        super().__init__()
        self._color = color
        self._dated = not sys.stderr.isatty()

    def format(self, record: logging.LogRecord) -> str:
        text = printable(record.getMessage())
        if record.levelno >= logging.WARNING:
            word = record.levelname.lower()
            if self._color:
                word = f"\x1b[{_COLORS[record.levelno]}m{word}\x1b[0m"
            text = f"{word}: {text}"
        if not self._dated:
            return text
        return f"{_time(record)} {text}"


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": _time(record),
                "level": record.levelname.lower(),
                "message": record.getMessage(),
            }
        )


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_up_logging(*, quiet: bool, verbose: bool, style: str, color: str) -> None:
    """Send what trio-ship says to standard error.

    Args:
        quiet: Whether to say only what is wrong.
        verbose: Whether to say more.
        style: "json", or "auto" or "text" for lines.
        color: "auto", "always" or "never".
    """
    # A closed or full standard error must not keep records from their way.
    logging.raiseExceptions = False
    handler = _Stderr()
    formatter = _Json() if style == "json" else _Text(color=wants_color(color, sys.stderr))
    handler.setFormatter(formatter)
    logger = logging.getLogger("trio_ship")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)

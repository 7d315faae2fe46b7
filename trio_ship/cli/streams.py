"""The standard streams, which may be closed, full, or read by nobody.

What is said on standard error must never keep records from their way, so what
cannot be said is forgotten. An answer that cannot be given is an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from trio_ship.config.values import printable
from trio_ship.errors import SinkError

__all__ = ["answer", "can_show", "complain", "discard_output", "open_missing", "show"]

# The wrong way round, so that whoever needs what is missing fails as if it were closed.
_STAND_INS: Final = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def open_missing() -> None:
    """Open something in the place of each standard stream that was closed.

    Else the next file that is opened would stand in its place: an output, and
    what is said would go into it.
    """
    for fd, flags in _STAND_INS:
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest number that is free
    # Python has none where they were closed.
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def complain(text: str) -> None:
    """Say on standard error why the program ends."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"trio-ship: {_lines(text)}\n")
        sys.stderr.flush()


def answer(text: str) -> None:
    """Write to standard output what was asked for.

    Raises:
        BrokenPipeError: Nobody reads it.
        SinkError: It cannot be written.
    """
    show(_lines(text))


def show(text: str) -> None:
    """Write to standard output what may steer a terminal; see `answer`."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        if isinstance(error, BrokenPipeError):
            raise
        raise SinkError(f"standard output cannot be written: {error.strerror}") from error


def can_show(text: str) -> bool:
    """Tell whether standard output has the characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def discard_output() -> None:
    """Have Python forget what it could not write, of which it would complain at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))

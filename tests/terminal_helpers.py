"""The program on a terminal of its own: what it shows there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tty
from pathlib import Path

from process_helpers import PATIENCE

__all__ = ["on_terminal"]


def on_terminal(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
    """Run the program with a terminal as standard output; return what that got.

    It has to end with status 0, and to say nothing on standard error.

    Args:
        folder: Where to run it.
        arguments: Its arguments.
        environment: Variables beside those of the tests, of which `NO_COLOR` is none.
    """
    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # else the terminal itself makes \r\n of \n
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "trio_ship", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**inherited, "TERM": "xterm", "TZ": "UTC", "PYTHONUTF8": "1", **(environment or {})},
    )
    os.close(theirs)
    data = b""
    try:
        while piece := os.read(ours, 4096):
            data += piece
    except OSError:  # what Linux says when nobody has the other end any more
        pass
    finally:
        os.close(ours)
    said = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, said) == (0, b"")
    return data

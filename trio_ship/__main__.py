"""`python -m trio_ship`, and the console script `trio-ship`."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import Final, NoReturn

__all__ = ["main"]

_INTERRUPTED: Final = 130


def main() -> NoReturn:
    """Run the command line, and end the process with its exit status.

    A short run is mostly start and end. Imports make no garbage, so none is looked for
    until the command begins; and once all is said, the process ends without being taken
    apart object by object.
    """
    gc.disable()
    try:
        from trio_ship import cli  # noqa: PLC0415  (it imports much)

        status = cli.main()
    except SystemExit as end:  # arguments that are none, or ask for help
        status = end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:  # imports take long enough on a cold disk to be interrupted
        status = _INTERRUPTED
    try:
        sys.stdout.flush()
    except OSError:
        status = status or 1  # whoever answers has flushed: nothing should be left
    with contextlib.suppress(OSError):
        sys.stderr.flush()  # what cannot be said there is forgotten
    os._exit(status)


if __name__ == "__main__":
    main()

"""`python -m trio_ship`, and the console script `trio-ship`."""

from __future__ import annotations

import sys

from trio_ship.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())

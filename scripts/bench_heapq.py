# ruff: noqa: INP001 - a helper beside a script, not a package
"""What a script would do: `heapq.merge` of files by their stamps, to standard output."""

from __future__ import annotations

import heapq
import operator
import sys
from contextlib import ExitStack
from typing import Final

__all__ = ["main"]

_STAMP: Final = operator.itemgetter(slice(0, 24))


def main() -> None:
    """Merge the files of the command line."""
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "rb")) for path in sys.argv[1:]]
        sys.stdout.buffer.writelines(heapq.merge(*files, key=_STAMP))


if __name__ == "__main__":
    main()

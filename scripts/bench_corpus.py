# ruff: noqa: INP001 - a helper beside a script, not a package
"""Makes the logs that `scripts/bench` reads: the same bytes for the same size.

Lines are about 150 bytes long and begin with `YYYY-MM-DDTHH:MM:SS.mmmZ`, which
never goes back; some share their stamp. Line by line they go to eight files in
turn, and all of them to one file as well. Corpora are kept and used again.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["FILES", "Corpus", "cache_folder", "lines", "make_corpus"]

FILES: Final = 8
"""How many files are merged."""

_BEGIN: Final = datetime(2026, 11, 23, tzinfo=UTC)
_BLOCK: Final = 80_000  # lines; a multiple of FILES
_MEGABYTE: Final = 1_000_000
_MAKING: Final = "10"  # rises when the bytes change
_WORDS: Final = (
    b"accepted batch block bytes cache client closed commit connection delivered disk done "
    b"error fetched flush from handler index job latency leader lock merged node offset open "
    b"partition peer queue read replica request retry session shard socket stored stream sync "
    b"table task thread timeout token user wrote"
).split()


@dataclass(frozen=True)
class Corpus:
    """Logs on disk.

    Attributes:
        parts: Eight files, interleaved in time line by line.
        whole: One file with all of their lines, in order; None if not made.
        size: Bytes in all parts.
        lines: Lines in all parts.
    """

    parts: tuple[str, ...]
    whole: str | None
    size: int
    lines: int


def cache_folder() -> str:
    """Return the folder where corpora are kept, under $TMPDIR."""
    return os.path.join(os.environ.get("TMPDIR", "/tmp"), "trio-ship-bench")  # noqa: S108 - a cache, nothing secret


def lines(size: int, seed: int = 1) -> Iterator[list[bytes]]:
    """Return lines of at least so many bytes together, in blocks.

    Args:
        size: How many bytes are wanted.
        seed: What chance begins with.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    text = b" ".join(chance.choices(_WORDS, k=200_000))
    millis = [b".%03dZ INFO " % number for number in range(1000)]
    made = tick = 0
    while made < size:
        steps = chance.choices((0, 1, 1, 2), k=_BLOCK)
        places = [int(chance.random() * 1_000_000) for _ in range(1000)]
        lengths = chance.choices(range(70, 170), k=1000)
        block = []
        second, head = -1, b""
        for row, step in enumerate(steps):
            tick += step
            if tick // 1000 != second:
                second = tick // 1000
                head = (_BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S").encode()
            place = places[row % 1000] + row // 1000
            payload = text[place : place + lengths[(row * 7 + tick) % 1000]]
            block.append(head + millis[tick % 1000] + payload + b"\n")
        made += sum(map(len, block))
        yield block


def make_corpus(size_mb: int, *, with_whole: bool) -> Corpus:
    """Return a corpus of a size; made if it is not in the cache.

    Args:
        size_mb: Size of all parts together, in megabytes.
        with_whole: Whether the one file with all lines is wanted too.
    """
    folder = os.path.join(cache_folder(), f"{_MAKING}-{size_mb}mb")
    parts = tuple(os.path.join(folder, f"part-{number}.log") for number in range(FILES))
    whole = os.path.join(folder, "whole.log") if with_whole else None
    mark = os.path.join(folder, "with-whole" if with_whole else "parts")
    if not os.path.exists(mark):
        sys.stderr.write(f"making {size_mb} MB of logs in {folder} ...\n")
        os.makedirs(folder, exist_ok=True)
        count = _write(size_mb * _MEGABYTE, parts, whole)
        with open(mark, "w", encoding="ascii") as file:
            file.write(str(count))
    with open(mark, encoding="ascii") as file:
        count = int(file.read())
    return Corpus(parts, whole, sum(map(os.path.getsize, parts)), count)


def _write(size: int, parts: tuple[str, ...], whole: str | None) -> int:
    count = 0
    files = [open(path, "wb") for path in parts]  # noqa: SIM115 - closed below
    one = open(whole, "wb") if whole else None  # noqa: SIM115 - closed below
    try:
        for block in lines(size):
            count += len(block)
            for number, file in enumerate(files):
                file.write(b"".join(block[number::FILES]))
            if one is not None:
                one.write(b"".join(block))
    finally:
        for file in [*files, *([one] if one else [])]:
            file.close()
    return count

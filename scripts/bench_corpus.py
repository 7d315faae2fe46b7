# ruff: noqa: INP001 - a helper beside a script, not a package
"""Makes the logs that `scripts/bench` reads: the same bytes for the same request.

Lines are about 150 bytes long and begin with `YYYY-MM-DDTHH:MM:SS.mmmZ`, which
never goes back; some share their stamp. Line by line they go to the files in
turn. Corpora are kept and used again.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["TEXTS", "Corpus", "cache_folder", "lines", "make_corpus"]

_BEGIN: Final = datetime(2026, 11, 23, tzinfo=UTC)
_BLOCK: Final = 80_000  # lines; a multiple of every number of files that is asked for
_MEGABYTE: Final = 1_000_000
_MAKING: Final = "11"  # rises when the bytes change
_WORDS: Final = (
    b"accepted batch block bytes cache client closed commit connection delivered disk done "
    b"error fetched flush from handler index job latency leader lock merged node offset open "
    b"partition peer queue read replica request retry session shard socket stored stream sync "
    b"table task thread timeout token user wrote"
).split()

TEXTS: Final = {
    "plain": b"",
    "quotes": b'msg="said \\"no\\"" path="C:\\logs" ',
    "non-ASCII": "größe=5µs naïve 日本語 → ".encode(),
}
"""What stands in every line, by the name of the text."""


@dataclass(frozen=True)
class Corpus:
    """Logs on disk.

    Attributes:
        paths: The files, interleaved in time line by line; sorted by name.
        size: Bytes in all of them.
        lines: Lines in all of them.
    """

    paths: tuple[str, ...]
    size: int
    lines: int


def cache_folder() -> str:
    """Return the folder where corpora are kept, under $TMPDIR."""
    return os.path.join(os.environ.get("TMPDIR", "/tmp"), "trio-ship-bench")  # noqa: S108 - a cache, nothing secret


def lines(size: int, *, text: str = "plain", seed: int = 1) -> Iterator[list[bytes]]:
    """Return lines of at least so many bytes together, in blocks.

    Args:
        size: How many bytes are wanted.
        text: One of `TEXTS`.
        seed: What chance begins with.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    words = b" ".join(chance.choices(_WORDS, k=200_000))
    millis = [b".%03dZ INFO " % number + TEXTS[text] for number in range(1000)]
    lengths_from = range(70 - len(TEXTS[text]), 170 - len(TEXTS[text]))
    made = tick = 0
    while made < size:
        steps = chance.choices((0, 1, 1, 2), k=_BLOCK)
        places = [int(chance.random() * 1_000_000) for _ in range(1000)]
        lengths = chance.choices(lengths_from, k=1000)
        block = []
        second, head = -1, b""
        for row, step in enumerate(steps):
            tick += step
            if tick // 1000 != second:
                second = tick // 1000
                head = (_BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S").encode()
            place = places[row % 1000] + row // 1000
            payload = words[place : place + lengths[(row * 7 + tick) % 1000]]
            block.append(head + millis[tick % 1000] + payload + b"\n")
        made += sum(map(len, block))
        yield block


def make_corpus(size_mb: int, *, files: int = 8, text: str = "plain") -> Corpus:
    """Return a corpus; made if it is not in the cache.

    Args:
        size_mb: Size of all files together, in megabytes.
        files: How many there are.
        text: One of `TEXTS`.
    """
    folder = os.path.join(cache_folder(), f"{_MAKING}-{size_mb}mb-{files}-{text.lower()}")
    paths = tuple(os.path.join(folder, f"part-{number:04d}.log") for number in range(files))
    if not os.path.exists(folder):
        sys.stderr.write(f"making {size_mb} MB of logs in {folder} ...\n")
        unfinished = f"{folder}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(unfinished)
        count = _write(
            size_mb * _MEGABYTE, text, [unfinished + path[len(folder) :] for path in paths]
        )
        with open(os.path.join(unfinished, "lines"), "w", encoding="ascii") as file:
            file.write(str(count))
        os.replace(unfinished, folder)
    with open(os.path.join(folder, "lines"), encoding="ascii") as file:
        count = int(file.read())
    return Corpus(paths, sum(map(os.path.getsize, paths)), count)


def _write(size: int, text: str, paths: list[str]) -> int:
    count = 0
    files = [open(path, "wb") for path in paths]  # noqa: SIM115 - closed below
    try:
        for block in lines(size, text=text):
            for number, file in enumerate(files):
                file.write(b"".join(block[number :: len(files)]))
            count += len(block)
    finally:
        for file in files:
            file.close()
    return count

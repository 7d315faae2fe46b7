# ruff: noqa: INP001 - a helper beside a script, not a package
"""Whether the output of a program is right: the lines it read, and in what order."""

from __future__ import annotations

import filecmp
import json
import operator
import os
from collections.abc import Iterable
from typing import Final

__all__ = ["check_json", "digest", "same_bytes", "same_lines"]

_STAMP: Final = slice(0, 24)
_JSON_SAMPLE: Final = 97


def same_bytes(output: str, expected: str) -> None:
    """Make sure that two files hold the same bytes.

    Raises:
        ValueError: They differ.
    """
    filecmp.clear_cache()
    if not filecmp.cmp(output, expected, shallow=False):
        sizes = f"{os.path.getsize(output):,} and {os.path.getsize(expected):,} bytes"
        raise ValueError(f"{output} differs from {expected} ({sizes})")


def digest(paths: Iterable[str]) -> tuple[int, int]:
    """Return how many lines files hold, and a number that depends on which, not on their order.

    The number is good within one process only: hashes of Python are seeded anew by each.
    """
    count = total = 0
    for path in paths:
        with open(path, "rb") as file:
            hashes = list(map(hash, file))
        count += len(hashes)
        total += sum(hashes)
    return count, total


def same_lines(output: str, expected: tuple[int, int], *, in_order: bool) -> None:
    """Make sure that a file holds the lines of a digest.

    Args:
        output: The file.
        expected: The digest.
        in_order: Whether their stamps must not go back.

    Raises:
        ValueError: It is not so.
    """
    found = digest([output])
    if found != expected:
        raise ValueError(f"{output}: {found[0]:,} lines for {expected[0]:,}, or others")
    if in_order:
        with open(output, "rb") as file:
            stamps = list(map(operator.itemgetter(_STAMP), file))
        if any(map(operator.gt, stamps, stamps[1:])):
            raise ValueError(f"{output}: its lines are not in the order of their stamps")


def check_json(output: str, expected: str) -> None:
    """Make sure that there is an object for every line, and that a sample holds its text.

    Raises:
        ValueError: It is not so.
    """
    with open(output, "rb") as objects, open(expected, "rb") as texts:
        for number, (item, text) in enumerate(zip(objects, texts, strict=True)):
            if number % _JSON_SAMPLE == 0:
                message = json.loads(item)["message"]
                if message.encode() + b"\n" != text:
                    raise ValueError(f"{output}: line {number + 1} is not that of {expected}")

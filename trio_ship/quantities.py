"""Numbers in messages for people: how many of something, and how large."""

from __future__ import annotations

__all__ = ["counted", "sized"]

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def counted(count: int, noun: str) -> str:
    """Return so many of something, such as "1 file" or "2,000 files"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sized(count: float) -> str:
    """Return a number of bytes in the unit that suits it, such as "68.6 kB" or "23 bytes"."""
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return counted(round(count), "byte")

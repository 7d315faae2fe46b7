"""What somebody may have meant who misspelt a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["nearest"]

# Whoever wrote more has not misspelt a name, and the comparison takes its square.
_LONGEST: Final = 80


def nearest(text: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """Return the name that is most like a text in lower case; None if none is like it.

    Args:
        text: What was written.
        known: The names that there are.
        alike: How much it has to be like it, from 0 to 1.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - mistakes are rare

    found = get_close_matches(text.lower()[:_LONGEST], known, n=1, cutoff=alike)
    return found[0] if found else None

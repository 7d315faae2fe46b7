"""Path patterns as shells write them: `*`, `?`, `[...]`, and `**` for folders.

A name that begins with a point is matched only by a pattern that writes the
point, as everywhere.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable

__all__ = ["has_magic", "matches", "matches_name", "segment_matcher"]

_MAGIC = re.compile(r"[*?[]")


def has_magic(pattern: str) -> bool:
    """Tell whether a pattern can match more than itself."""
    return _MAGIC.search(pattern) is not None


@functools.lru_cache(maxsize=1024)
def segment_matcher(segment: str) -> Callable[[str], bool]:
    """Return what tells whether one name matches one segment of a pattern."""
    expression = re.compile(fnmatch.translate(segment))
    hidden = segment.startswith(".")

    def match(name: str) -> bool:
        return (hidden or not name.startswith(".")) and expression.match(name) is not None

    return match


def matches_name(pattern: str, name: str) -> bool:
    """Tell whether the name of a source matches a name, or a pattern of names."""
    return segment_matcher(pattern)(name)


def matches(pattern: str, path: str) -> bool:
    """Tell whether an absolute path matches an absolute pattern."""
    return _matches(tuple(pattern.strip("/").split("/")), tuple(path.strip("/").split("/")))


def _matches(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    segment, rest = pattern[0], pattern[1:]
    if segment == "**":
        if not rest:
            return len(path) > 0 and not any(name.startswith(".") for name in path)
        return _matches(rest, path) or (
            bool(path) and not path[0].startswith(".") and _matches(pattern, path[1:])
        )
    if not path:
        return False
    same = segment_matcher(segment)(path[0]) if has_magic(segment) else segment == path[0]
    return same and _matches(rest, path[1:])

"""Paths and patterns of a configuration, made absolute."""

from __future__ import annotations

import glob
import os

__all__ = ["absolute", "absolute_pattern"]


def absolute(path: str, folder: str) -> str:
    """Return the absolute path of a file.

    Args:
        path: As the user wrote it; `~` and `~user` are expanded.
        folder: The absolute folder that relative paths are taken from.
    """
    return _normal(os.path.join(folder, os.path.expanduser(path)))


def absolute_pattern(pattern: str, folder: str) -> str:
    """Return the absolute pattern of files.

    Args:
        pattern: As the user wrote it; `~` and `~user` are expanded.
        folder: The absolute folder that relative patterns are taken from. It is
            a name, as homes are: nothing is special in it.
    """
    if pattern.startswith("~"):
        user, slash, rest = pattern.partition("/")
        pattern = glob.escape(os.path.expanduser(user)) + slash + rest
    return _normal(os.path.join(glob.escape(folder), pattern))


def _normal(path: str) -> str:
    # POSIX lets a path begin with two slashes, which Python keeps.
    return "/" + os.path.normpath(path).lstrip("/")

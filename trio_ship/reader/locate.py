"""Finding a known file again: by identity and head, wherever it has gone.

A file that was renamed is looked for in the folders where it was seen, never
further: a rotation out of every watched folder cannot be followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    HEAD,
    Candidate,
    foot_length,
    head_length,
    matches_foot,
    matches_head,
)
from trio_ship.reader.content import Content, open_content
from trio_ship.reader.packed import Packed
from trio_ship.state import FileEntry, Position

__all__ = [
    "candidate_at",
    "candidates_in",
    "find_by_identity",
    "holds",
    "is_at",
    "is_in_the_making",
    "is_still",
    "open_candidate",
    "open_known",
]

_TRIES: Final = 10


def candidates_in(disk: ReadableFilesystem, folder: str) -> list[Candidate]:
    """Return the regular files of a folder; none if there is no such folder.

    While files are renamed, a listing may miss one or show it twice; so the
    folder is listed until two listings agree (ten times at most).

    Raises:
        OSError: It cannot be looked at just now, which says nothing of its files.
    """
    before: list[Candidate] | None = None
    for _ in range(_TRIES):
        found = _listed(disk, folder)
        if before is not None and _names(found) == _names(before):
            return found
        before = found
    return before or []


def open_candidate(disk: ReadableFilesystem, seen: Candidate) -> tuple[Content, Candidate, bytes]:
    """Open a file that was seen a moment ago, though it may have been renamed since.

    Returns:
        The open file, where and how it is now, and its first bytes.

    Raises:
        OSError: It cannot be opened or read, or is not in its folder any more.
    """
    for _ in range(_TRIES):
        content = _open(disk, seen.path)
        if content is not None:
            try:
                status = content.status()
                is_it = (status.device, status.inode) == (seen.device, seen.inode)
                head = content.pread(HEAD, 0) if is_it else b""
            except OSError:
                content.close()
                raise
            if is_it:
                now = attrs.evolve(seen, size=status.size, mtime_ns=status.mtime_ns)
                return content, now, head
            content.close()
        renamed = [
            other
            for other in candidates_in(disk, os.path.dirname(seen.path))
            if (other.device, other.inode) == (seen.device, seen.inode)
        ]
        if not renamed:
            break
        seen = renamed[0]
    raise FileNotFoundError(errno.ENOENT, "the file is gone", seen.path)


def _open(disk: ReadableFilesystem, path: str) -> Content | None:
    try:
        return open_content(disk, path)
    except FileNotFoundError:
        return None


def _listed(disk: ReadableFilesystem, folder: str) -> list[Candidate]:
    try:
        entries = disk.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for entry in entries:
        with contextlib.suppress(PermissionError):  # one that is nothing for us hides no other
            seen = None if entry.is_dir else candidate_at(disk, os.path.join(folder, entry.name))
            found += [] if seen is None else [seen]
    return found


def _names(found: list[Candidate]) -> set[tuple[str, int]]:
    return {(candidate.path, candidate.inode) for candidate in found}


def is_still(
    disk: ReadableFilesystem, seen: Candidate, entry: FileEntry, position: Position | None = None
) -> bool:
    """Tell whether a file that was seen begins as a known one did, up to a position if given.

    Raises:
        OSError: It cannot be read just now, which says nothing of it.
    """
    try:
        content, _, head = open_candidate(disk, seen)
    except FileNotFoundError:
        return False
    try:
        return matches_head(entry.fingerprint, head) and (
            position is None or is_at(content, position)
        )
    finally:
        content.close()


def holds(disk: ReadableFilesystem, seen: Candidate, length: int, wall_ns: int) -> bool:
    """Tell whether a compressed file has so many bytes inside, as far as it can be read.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        content = open_candidate(disk, seen)[0]
    except (FileNotFoundError, PermissionError):
        return False
    try:
        return isinstance(content, Packed) and content.holds(length, wall_ns)
    finally:
        content.close()


def is_in_the_making(disk: ReadableFilesystem, seen: Candidate, wall_ns: int) -> bool:
    """Tell whether a compressed file is not whole yet, and was written just now.

    Raises:
        OSError: It cannot be read.
    """
    try:
        content = open_candidate(disk, seen)[0]
    except FileNotFoundError:
        return False
    try:
        if isinstance(content, Packed):
            content.settle(wall_ns)
    except BlockingIOError:
        return True
    finally:
        content.close()
    return False


def is_at(content: Content, position: Position) -> bool:
    """Tell whether an open file is in front of a position what it was there."""
    length = foot_length(position.footprint)
    if not length:
        return True
    return matches_foot(position.footprint, content.pread(length, position.offset - length))


def find_by_identity(disk: ReadableFilesystem, entry: FileEntry) -> Candidate | None:
    """Find a known file where it was seen, or under another name beside it.

    Raises:
        OSError: Nobody can tell just now where it is.
    """
    for path in dict.fromkeys((entry.file, entry.path)):
        seen = candidate_at(disk, path)
        if seen is not None and seen.inode == entry.inode and is_still(disk, seen, entry):
            return seen
    for folder in dict.fromkeys((os.path.dirname(entry.file), os.path.dirname(entry.path))):
        for seen in candidates_in(disk, folder):
            # A disk may have another number after a reboot; a head that is empty tells nothing.
            is_possible = seen.device == entry.device or head_length(entry.fingerprint)
            if is_possible and seen.inode == entry.inode and is_still(disk, seen, entry):
                return seen
    return None


def open_known(disk: ReadableFilesystem, entry: FileEntry) -> Content:
    """Open a known file for reading, wherever it is now.

    Raises:
        OSError: It cannot be opened, or is not to be found.
    """
    seen = find_by_identity(disk, entry)
    if seen is None:
        raise FileNotFoundError(errno.ENOENT, "the file is gone", entry.file)
    return open_candidate(disk, seen)[0]


def candidate_at(disk: ReadableFilesystem, path: str) -> Candidate | None:
    """Return the regular file behind a path, if there is one.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        status = disk.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.mode):
        return None
    return Candidate(path, status.device, status.inode, status.size, status.mtime_ns)

"""Finding a known file again: by identity and head, wherever it has gone.

A file that was renamed is looked for in the folders where it was seen, never
further: a rotation out of every watched folder cannot be followed.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    HEAD,
    Candidate,
    foot_length,
    head_length,
    is_named_after,
    is_renamed,
    matches_foot,
    matches_head,
)
from trio_ship.reader.content import Content, open_content
from trio_ship.reader.folders import Folders, candidate_at, candidates_in
from trio_ship.reader.packed import Packed
from trio_ship.state import FileEntry, Position

__all__ = [
    "find_by_identity",
    "holds",
    "is_at",
    "is_in_the_making",
    "is_still",
    "length_inside",
    "open_candidate",
    "open_known",
]

_TRIES: Final = 10


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
                is_it = status.identity == seen.identity
                head = content.pread(HEAD, 0) if is_it else b""
            except OSError:
                content.close()
                raise
            if is_it:
                now = attrs.evolve(seen, size=status.size, mtime_ns=status.mtime_ns)
                return content, now, head
            content.close()
        seen = attrs.evolve(seen, path=disk.resolve(seen.path))
        renamed = [
            other
            for other in candidates_in(disk, os.path.dirname(seen.path))
            if other.identity == seen.identity and is_renamed(seen, other)
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


def is_still(
    disk: ReadableFilesystem, seen: Candidate, entry: FileEntry, position: Position | None = None
) -> bool:
    """Tell whether a file that was seen begins as a known one did, up to a position if given.

    Raises:
        OSError: It cannot be read just now, which says nothing of it.
    """
    try:
        return _is_alike(disk, seen, entry, position)
    except FileNotFoundError:
        return False


def _is_alike(
    disk: ReadableFilesystem, seen: Candidate, entry: FileEntry, position: Position | None = None
) -> bool:
    """As `is_still`; FileNotFoundError if the file that was seen is gone."""
    content, _, head = open_candidate(disk, seen)
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


def length_inside(disk: ReadableFilesystem, seen: Candidate, wall_ns: int) -> int:
    """Return how many bytes a compressed file has inside; 0 where that is not to be seen.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        content = open_candidate(disk, seen)[0]
    except (FileNotFoundError, PermissionError):
        return 0
    try:
        if not isinstance(content, Packed):
            return 0
        content.settle(wall_ns)
        return content.measure()
    finally:
        content.close()


def is_in_the_making(disk: ReadableFilesystem, seen: Candidate, wall_ns: int) -> bool:
    """Tell whether a compressed file is not whole yet, and was written just now.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        content = open_candidate(disk, seen)[0]
    except (FileNotFoundError, PermissionError):
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


def find_by_identity(
    disk: ReadableFilesystem, entry: FileEntry, folders: Folders | None = None
) -> Candidate | None:
    """Find a known file where it was seen, or under another name beside it.

    Args:
        disk: Where it may be.
        entry: The file.
        folders: Listings that are young enough to say that it is gone; if left out,
            they are made.

    Raises:
        OSError: Nobody can tell just now where it is.
    """
    for path in dict.fromkeys((entry.path, entry.file)):
        seen = candidate_at(disk, path)
        if seen is not None and seen.inode == entry.inode and is_still(disk, seen, entry):
            return seen
    folders = folders or Folders(disk)
    try:
        return _find_listed(disk, entry, folders)
    except FileNotFoundError:
        folders.forget()  # it was there a moment ago
        try:
            return _find_listed(disk, entry, folders)
        except FileNotFoundError:
            return None


def _find_listed(disk: ReadableFilesystem, entry: FileEntry, folders: Folders) -> Candidate | None:
    """Find a known file in the folders where it was seen.

    Raises:
        FileNotFoundError: One that it may be is not there any more.
    """
    for listing in folders.of(os.path.dirname(entry.file), os.path.dirname(entry.path)):
        for seen in listing.with_inode(entry.inode):
            # A disk may have another number after a reboot; a head that is empty tells nothing.
            is_possible = head_length(entry.fingerprint) or (
                seen.device == entry.device
                and any(is_named_after(seen.path, name) for name in (entry.path, entry.file))
            )
            if is_possible and _is_alike(disk, seen, entry):
                return seen
    return None


def open_known(
    disk: ReadableFilesystem, entry: FileEntry, folders: Folders | None = None
) -> Content:
    """Open a known file for reading, wherever it is now; arguments as `find_by_identity`.

    Raises:
        OSError: It cannot be opened, or is not to be found.
    """
    seen = find_by_identity(disk, entry, folders)
    if seen is None:
        raise FileNotFoundError(errno.ENOENT, "the file is gone", entry.file)
    return open_candidate(disk, seen)[0]

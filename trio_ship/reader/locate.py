"""Finding a known file again: by identity and head, wherever it has gone.

A file that was renamed is looked for in the folders where it was seen, never
further: a rotation out of every watched folder cannot be followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from trio_ship.filesystem import Filesystem
from trio_ship.follow import HEAD, Candidate, matches_head
from trio_ship.state import FileEntry

__all__ = ["candidates_in", "find_by_identity", "open_known", "read_head"]


def candidates_in(disk: Filesystem, folder: str) -> Iterator[Candidate]:
    """Return the regular files of a folder; none if it cannot be listed."""
    try:
        entries = disk.scandir(folder)
    except OSError:
        return
    for entry in entries:
        if not entry.is_dir:
            seen = _candidate(disk, os.path.join(folder, entry.name))
            if seen is not None:
                yield seen


def read_head(disk: Filesystem, path: str) -> bytes | None:
    """Return the first bytes of a file, or None if they cannot be read."""
    try:
        fd = disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return disk.pread(fd, HEAD, 0)
    except OSError:
        return None
    finally:
        disk.close(fd)


def find_by_identity(disk: Filesystem, entry: FileEntry) -> Candidate | None:
    """Find a known file where it was seen, or under another name beside it."""
    for path in dict.fromkeys((entry.file, entry.path)):
        seen = _candidate(disk, path)
        if seen is not None and _is(disk, entry, seen, same_device=False):
            return seen
    for folder in dict.fromkeys((os.path.dirname(entry.file), os.path.dirname(entry.path))):
        for seen in candidates_in(disk, folder):
            if _is(disk, entry, seen, same_device=True):
                return seen
    return None


def open_known(disk: Filesystem, entry: FileEntry) -> int:
    """Open a known file for reading, wherever it is now.

    Raises:
        OSError: It cannot be opened, or is not to be found.
    """
    for path in dict.fromkeys((entry.file, entry.path)):
        try:
            fd = disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        status = disk.fstat(fd)
        if (status.device, status.inode) == (entry.device, entry.inode):
            return fd
        disk.close(fd)
    seen = find_by_identity(disk, entry)
    if seen is None:
        raise FileNotFoundError(2, "the file is gone", entry.file)
    return disk.open(seen.path, os.O_RDONLY | os.O_NONBLOCK)


def _candidate(disk: Filesystem, path: str) -> Candidate | None:
    try:
        status = disk.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.mode):
        return None
    return Candidate(path, status.device, status.inode, status.size, status.mtime_ns)


def _is(disk: Filesystem, entry: FileEntry, seen: Candidate, *, same_device: bool) -> bool:
    if seen.inode != entry.inode or (same_device and seen.device != entry.device):
        return False
    head = read_head(disk, seen.path)
    return head is not None and matches_head(entry.fingerprint, head)

"""Copies of the files that a source knows, which must not be read again.

Some are made before a log is truncated: then what was not read of it is read there. Others
come under another name beside it, or are put back in its place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import HEAD, Candidate, head_length
from trio_ship.reader.known import KnownFiles
from trio_ship.reader.locate import open_candidate, open_known
from trio_ship.state import FileEntry, Position

__all__ = ["Copies"]

_PIECE: Final = 1 << 20
_SOON_NS: Final = 2_000_000_000


class Copies:
    """Finds copies, and tells whether something is one.

    Args:
        disk: Where they are.
        known: What they may be copies of.
    """

    def __init__(self, disk: ReadableFilesystem, known: KnownFiles) -> None:
        self._disk = disk
        self._known = known

    def find(self, path: str, entry: FileEntry, position: Position) -> Candidate | None:
        """Look for the copy that was made before a file was truncated."""
        if not head_length(entry.fingerprint) and not position.footprint:
            return None
        found = [
            seen
            for seen in self._beside(path, entry)
            if (seen.is_packed or seen.size >= position.offset)
            and self._known.is_still(seen, entry, position)
            and self._known.entry_of(seen) in (None, entry)
        ]
        return max(found, key=lambda seen: seen.mtime_ns, default=None)

    def find_earlier(
        self, path: str, entry: FileEntry, position: Position, shorter: Iterable[str]
    ) -> tuple[Candidate, FileEntry] | None:
        """Look for the copy of a truncated file that lacks the last of what was read of it.

        Args:
            path: The path of its chain.
            entry: The file.
            position: How far it was read.
            shorter: Its fingerprints while it was shorter.

        Returns:
            The copy, and the file with the fingerprint that is the copy's too.
        """
        if not head_length(entry.fingerprint) or position.last_ns is None:
            return None
        prints = (entry.fingerprint, *(each for each in shorter if head_length(each)))
        entries = [attrs.evolve(entry, fingerprint=each) for each in prints]
        found = [
            (seen, alike)
            for seen in self._beside(path, entry)
            if not seen.is_packed
            and 0 < seen.size < position.offset
            and self._known.bearer(seen) is None
            for alike in entries
            if self._known.is_still(seen, alike)
        ]
        return max(found, key=lambda one: one[0].size, default=None)

    def _beside(self, path: str, entry: FileEntry) -> list[Candidate]:
        """Return the files that bear the path of a log and more, or another name of it and more."""
        folders = self._known.folders
        home = folders.home_of(path)
        named = [
            seen.path
            for place in dict.fromkeys((path, home))
            for seen in folders[os.path.dirname(place)].with_inode(entry.inode)
            if seen.device == entry.device
        ]
        return [
            seen
            for name in dict.fromkeys((path, home, *named))
            for seen in folders.beginning_with(name)
            if seen.path not in {path, home, name}
        ]

    def find_original(self, path: str, seen: Candidate) -> tuple[FileEntry, Position] | None:
        """Return the finished file of a chain that a new one begins with, and its position.

        Somebody has put a rotated file back. Content without stamps may well be
        written twice, and so may content that is as old as its file: that is new.
        """
        for entry in self._known.of_chain(path):
            position = self._known.finished.get(entry.id)
            if (
                position is not None
                and position.last_ns is not None
                and not seen.is_packed
                and seen.mtime_ns > position.last_ns + _SOON_NS
                and 0 < position.offset <= seen.size
                and self._known.is_still(seen, entry, position)
                and self._is_alike(seen, entry, 0, position.offset)
            ):
                return entry, position
        return None

    def is_copy(
        self, seen: Candidate, entry: FileEntry, position: Position, size: int
    ) -> bool | None:
        """Tell whether a new file holds what a known one holds.

        Both begin alike, and the last bytes of the new one stand at the same place in
        the known one. That may be truncated by now: then it counts what was read of it.

        Args:
            seen: The new file.
            entry: The known one.
            position: How far it was read.
            size: How long it was when it was seen last.

        Returns:
            None if it may be one, and the known file is nowhere to be found as it was.
        """
        return self._holds_read(seen, entry, position) or self._holds_all(seen, entry, size)

    def _holds_read(self, seen: Candidate, entry: FileEntry, position: Position) -> bool:
        # Content without stamps may well be written twice: that is not told from a copy.
        return (
            position.last_ns is not None
            and bool(position.footprint)
            and seen.size >= position.offset
            and self._known.is_still(seen, entry, position)
        )

    def _holds_all(self, seen: Candidate, entry: FileEntry, size: int) -> bool | None:
        if not head_length(entry.fingerprint) or seen.size > size:
            return False
        if not self._known.is_still(seen, entry):
            return False
        return self._is_alike(seen, entry, max(0, seen.size - 4 * HEAD), seen.size)

    def _is_alike(self, seen: Candidate, entry: FileEntry, begin: int, stop: int) -> bool | None:
        """Tell whether a range of a file is that of a known one; None if that is not there."""
        try:
            with contextlib.ExitStack() as stack:
                try:
                    original = open_known(self._disk, entry, self._known.folders)
                except FileNotFoundError:
                    return None
                stack.callback(original.close)
                copy = open_candidate(self._disk, seen)[0]
                stack.callback(copy.close)
                for place in range(begin, stop, _PIECE):
                    length = min(_PIECE, stop - place)
                    there = original.pread(length, place)
                    if len(there) < length or there != copy.pread(length, place):
                        return False
        except (FileNotFoundError, PermissionError):
            return False
        return True

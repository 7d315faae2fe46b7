"""The files that a source knows, and telling them from copies and from strangers.

An identity alone proves nothing: an inode is used again as soon as its file is
gone. So whoever looks like a known file must also begin like it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import HEAD, Candidate, head_length
from trio_ship.reader.content import holds, open_content
from trio_ship.reader.locate import candidates_in, is_still, open_known
from trio_ship.state import FileEntry, Position

__all__ = ["KnownFiles"]

_DAY: Final = 86_400.0


class KnownFiles:
    """Every file that a source has met, by identity.

    Args:
        disk: Where they are.
        recorded: Those of the checkpoint, and how far each was taken.
    """

    def __init__(
        self, disk: ReadableFilesystem, recorded: Iterable[tuple[FileEntry, Position]]
    ) -> None:
        self._disk = disk
        self._entries: dict[tuple[int, int], FileEntry] = {}
        self._gone_since: dict[str, float] = {}
        self._packed: set[tuple[int, int]] = set()
        self.finished: dict[str, Position] = {}
        for entry, position in recorded:
            self.add(entry)
            self.finished[entry.id] = position

    def add(self, entry: FileEntry) -> None:
        """Take in a file, or a better description of one."""
        self._entries[entry.device, entry.inode] = entry

    def _begins_alike(self, seen: Candidate, entry: FileEntry) -> bool:
        """Tell whether some file begins as a known one; no, if it is nothing for us to read."""
        try:
            return is_still(self._disk, seen, entry)
        except PermissionError:
            return False

    def entry_of(self, seen: Candidate) -> FileEntry | None:
        """Return which known file this is, if any."""
        entry = self._entries.get((seen.device, seen.inode))
        return entry if entry is not None and is_still(self._disk, seen, entry) else None

    def find_copy(self, path: str, entry: FileEntry, position: Position) -> Candidate | None:
        """Look for the copy that was made before a file was truncated."""
        if not head_length(entry.fingerprint):
            return None
        found = [
            seen
            for seen in candidates_in(self._disk, os.path.dirname(path))
            if seen.path != path
            and seen.path.startswith(path)
            and (seen.is_packed or seen.size >= position.offset)
            and self._begins_alike(seen, entry)
            and self.entry_of(seen) in (None, entry)
        ]
        return max(found, key=lambda seen: seen.mtime_ns, default=None)

    def packed_form(self, entry: FileEntry, position: Position) -> Candidate | None:
        """Look for what compressing has made of a file that is gone.

        Of files that begin alike it is the first that was changed after the
        last record read of it.
        """
        if not head_length(entry.fingerprint):
            return None
        folders = dict.fromkeys((os.path.dirname(entry.file), os.path.dirname(entry.path)))
        found = [
            seen
            for folder in folders
            for seen in candidates_in(self._disk, folder)
            if seen.is_packed
            and seen.path.startswith(entry.path)
            and self._begins_alike(seen, entry)
            and self.entry_of(seen) in (None, entry)
        ]
        later = [seen for seen in found if seen.mtime_ns >= (position.last_ns or 0)]
        return min(later or found, key=lambda seen: seen.mtime_ns, default=None)

    def is_packed_form(self, seen: Candidate, lengths: Mapping[str, int], wall_ns: int) -> bool:
        """Tell whether a compressed file holds what a known file holds.

        Args:
            seen: The compressed file.
            lengths: How long files are that are being read, by id.
            wall_ns: The wall clock, nanoseconds since 1970.
        """
        if (seen.device, seen.inode) in self._packed:
            return True
        likely = [
            entry
            for entry in self._entries.values()
            if seen.path.startswith(entry.path)
            and head_length(entry.fingerprint)
            and self._begins_alike(seen, entry)
        ]
        known = {self.finished.get(entry.id, Position()).offset for entry in likely}
        known |= {lengths[entry.id] for entry in likely if entry.id in lengths}
        if any(holds(self._disk, seen.path, length, wall_ns) for length in known):
            self._packed.add((seen.device, seen.inode))
            return True
        return False

    def is_copy(self, seen: Candidate, entry: FileEntry, size: int) -> bool:
        """Tell whether a new file holds what a known one of `size` bytes holds.

        Both begin alike, and the last bytes of the new one stand at the same
        place in the known one.
        """
        if not head_length(entry.fingerprint) or seen.size > size:
            return False
        if not self._begins_alike(seen, entry):
            return False
        length = min(seen.size, 4 * HEAD)
        try:
            original = open_known(self._disk, entry)
            try:
                there = original.pread(length, seen.size - length)
            finally:
                original.close()
            copy = open_content(self._disk, seen.path)
            try:
                return there == copy.pread(length, seen.size - length)
            finally:
                copy.close()
        except (FileNotFoundError, PermissionError):
            return False

    def outlived(self, now: float, needed: set[str]) -> list[str]:
        """Forget finished files that were gone for a day; return their ids.

        The last file of a chain stays, for its running maximum and generation.

        Args:
            now: The pipeline's clock, in seconds.
            needed: Ids of files that are still read.
        """
        newest: dict[str, FileEntry] = {}
        for entry in self._entries.values():
            if entry.path not in newest or newest[entry.path].generation < entry.generation:
                newest[entry.path] = entry
        kept = needed | {entry.id for entry in newest.values()}
        folders = {os.path.dirname(entry.file) for entry in self._entries.values()}
        there = {
            (seen.device, seen.inode)
            for folder in folders
            for seen in candidates_in(self._disk, folder)
        }
        gone = [
            entry
            for identity, entry in self._entries.items()
            if identity not in there and entry.id not in kept
        ]
        since = {entry.id: self._gone_since.get(entry.id, now) for entry in gone}
        forgotten = [entry for entry in gone if now - since[entry.id] >= _DAY]
        for entry in forgotten:
            del self._entries[entry.device, entry.inode], since[entry.id]
            self.finished.pop(entry.id, None)
        self._gone_since = since
        return [entry.id for entry in forgotten]

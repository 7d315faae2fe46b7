"""The files that a source knows, and telling them from strangers; copies are in `copies`.

An identity alone proves nothing: an inode is used again as soon as its file is
gone. So whoever looks like a known file must also begin like it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import HEAD, Candidate, head_length, originals, stem
from trio_ship.reader.folders import Folders, beginnings
from trio_ship.reader.locate import (
    holds,
    is_in_the_making,
    is_still,
    length_inside,
)
from trio_ship.state import FileEntry, Identity, Position

__all__ = ["LONG_KEPT_NS", "KnownFiles"]

_KEPT_NS: Final = 86_400_000_000_000
LONG_KEPT_NS: Final = 30 * _KEPT_NS
"""How long the position in a file is kept that nobody finds or asks for, in ns."""

_DENIED_SECONDS: Final = 5.0


class KnownFiles:
    """Every file that a source has met, by identity.

    Args:
        disk: Where they are.
        recorded: Those of the checkpoint, and how far each was taken.

    Attributes:
        folders: What is in the folders; to be forgotten before each look is taken in.
        finished: How far the files were taken that are not read just now, by id.
        lingering: Ids of those among them that are still open: their identity
            cannot be another's.
        now: The pipeline's clock at the last look, in seconds.
        wall_ns: The wall clock then, nanoseconds since 1970.
    """

    def __init__(
        self, disk: ReadableFilesystem, recorded: Iterable[tuple[FileEntry, Position]]
    ) -> None:
        self._disk = disk
        self.folders = Folders(disk)
        self._files: dict[str, FileEntry] = {}
        self._ids: dict[Identity, str] = {}
        self._chains: dict[str, dict[str, None]] = {}
        self._stems: dict[str, dict[str, None]] = {}
        self._packed: dict[Identity, str] = {}
        self._denied: dict[Identity, float] = {}
        self.now = 0.0
        self.wall_ns = 0
        self.finished: dict[str, Position] = {}
        self.lingering: set[str] = set()
        # An inode is known by what was in it, before files of which nothing is known.
        for entry, position in sorted(recorded, key=lambda one: head_length(one[0].fingerprint)):
            self.add(entry)
            self.finished[entry.id] = position

    def add(self, entry: FileEntry) -> None:
        """Take in a file, or a better description of one."""
        identity = entry.identity
        before = self._files.get(entry.id, entry)
        if before.identity != identity:
            self._release(before)
        self._files[entry.id] = entry
        self._ids[identity] = entry.id
        if entry.path not in self._chains:
            self._chains[entry.path] = {}
        self._chains[entry.path][entry.id] = None
        for name in _stems(entry):
            self._stems.setdefault(name, {})[entry.path] = None

    def _release(self, entry: FileEntry) -> None:
        """Let the identity of a file be another's, unless it is already."""
        if self.has_identity(entry):
            del self._ids[entry.identity]

    def of_chain(self, path: str) -> list[FileEntry]:
        """Return the files that the chain of a path has had."""
        return [self._files[name] for name in self._chains.get(path, ())]

    def has_identity(self, entry: FileEntry) -> bool:
        """Tell whether no other file was found to have the inode of a known one."""
        return self._ids.get(entry.identity) == entry.id

    def is_still(self, seen: Candidate, entry: FileEntry, position: Position | None = None) -> bool:
        """Tell whether some file is what a known one was; no, if it is nothing for us to read.

        Whoever copies or compresses a file may set its owner and mode a moment later.
        """
        identity = seen.identity
        try:
            answer = is_still(self._disk, seen, entry, position)
        except PermissionError:
            if self.now - self._denied.setdefault(identity, self.now) < _DENIED_SECONDS:
                raise
            return False
        self._denied.pop(identity, None)
        return answer

    def bearer(self, seen: Candidate) -> FileEntry | None:
        """Return which file had this identity last, whether this is it or not."""
        name = self._ids.get(seen.identity)
        return None if name is None else self._files[name]

    def entry_of(self, seen: Candidate) -> FileEntry | None:
        """Return which known file this is, if any."""
        entry = self.bearer(seen)
        if entry is None:
            return None
        taken = self.finished.get(entry.id)
        is_empty = taken is not None and not taken.offset and not head_length(entry.fingerprint)
        if is_empty and seen.size and entry.id not in self.lingering:
            return None  # everything is like it, so an inode alone says nothing
        position = None if seen.is_packed else taken
        if position is not None and seen.size < position.offset:
            if position.last_ns is None or entry.path in {entry.file, seen.path}:
                return None
            position = None  # a copy that was made before the last reads
        return entry if is_still(self._disk, seen, entry, position) else None

    def packed_form(self, entry: FileEntry, position: Position) -> Candidate | None:
        """Look for what compressing has made of a file that is gone.

        Of files that begin alike it is the first that was changed after the
        last record read of it.

        Raises:
            OSError: Nobody can tell just now; it may be in the making.
        """
        if not head_length(entry.fingerprint):
            return None
        folders = os.path.dirname(entry.file), os.path.dirname(entry.path)
        packed = [
            seen
            for listing in self.folders.of(*folders)
            for name in _stems(entry)
            for seen in (*listing.beginning_with(name), *listing.made_of(name))
            if seen.is_packed
        ]
        found = [
            seen
            for seen in packed
            if self.is_still(seen, entry, position)
            and self.entry_of(seen) in (None, entry)
            and not self._is_read_further(seen, entry, position)
        ]
        for seen in packed if not found else ():
            self._wait_made(seen)
        later = [seen for seen in found if seen.mtime_ns >= (position.last_ns or 0)]
        return min(later or found, key=lambda seen: seen.mtime_ns, default=None)

    def _is_read_further(self, seen: Candidate, entry: FileEntry, position: Position) -> bool:
        """Tell whether a compressed file holds what was read, and further, of another known one.

        The copy of a log that was cut may have been read as a log of its own.
        """
        return any(
            other.fingerprint == entry.fingerprint
            and taken.offset > position.offset
            and self.is_still(seen, other, taken)
            for other in self._named_like(seen.path)
            if (taken := self.finished.get(other.id)) is not None
        )

    def _wait_made(self, seen: Candidate) -> None:
        """Refuse a compressed file that is not whole yet, and may become any file's form."""
        if is_in_the_making(self._disk, seen, self.wall_ns):
            raise BlockingIOError(errno.EAGAIN, "it is still being compressed", seen.path)

    def form_of(
        self, seen: Candidate, read_of: Callable[[FileEntry], tuple[int, Position]]
    ) -> FileEntry | None:
        """Return the known file that holds what a compressed file holds, if there is one.

        Args:
            seen: The compressed file.
            read_of: Returns how long a file is that is being read, and the position
                in it; 0 and none for others.

        Raises:
            OSError: Nobody can tell just now.
        """
        identity = seen.identity
        if identity in self._packed:
            return self._files.get(self._packed[identity])
        alike = [
            entry
            for entry in self._named_like(seen.path)
            if head_length(entry.fingerprint) and self.is_still(seen, entry)
        ]
        for is_made_of in (self._is_whole, self._lacks_end):
            for entry in alike:
                length, position = read_of(entry)
                if is_made_of(seen, entry, self.finished.get(entry.id, position), length):
                    self._packed[identity] = entry.id
                    return entry
        self._wait_made(seen)
        return None

    def _is_whole(self, seen: Candidate, entry: FileEntry, position: Position, length: int) -> bool:
        """Tell whether a compressed file holds as much as a known one: what was read, or all."""
        lengths = {position.offset if entry.id in self.finished else 0, length} - {0}
        return any(holds(self._disk, seen, one, self.wall_ns) for one in lengths)

    def _lacks_end(
        self, seen: Candidate, entry: FileEntry, position: Position, length: int
    ) -> bool:
        """Tell whether a compressed file was made of a known one before its last lines came.

        A log that is cut or compressed under its writer leaves such a form. Its time is
        that of the log when it was copied, and no other file of the chain was written then.
        """
        return (
            head_length(entry.fingerprint) == HEAD
            and 0 < entry.changed_ns <= seen.mtime_ns <= (position.last_ns or 0)
            and 0 < length_inside(self._disk, seen, self.wall_ns) < max(length, position.offset)
        )

    def _named_like(self, path: str) -> list[FileEntry]:
        """Return the files of chains whose rotated files may be called so."""
        return [
            entry
            for name in (*beginnings(path), *originals(path))
            for chain in self._stems.get(name, ())
            for entry in self.of_chain(chain)
        ]

    def outlived(self, now_ns: int, needed: set[str]) -> tuple[list[FileEntry], list[str]]:
        """Forget finished files that were gone for long; know others by their compressed form.

        The last file of a chain is kept longer: it may be on a disk that is not
        there just now, and its position is what keeps it from being read again.

        Args:
            now_ns: The wall clock, nanoseconds since 1970.
            needed: Ids of files that are still read.

        Returns:
            The files of which it is news that they are gone, or there again; and
            the ids of those that are forgotten.
        """
        suspects = [entry for entry in self._files.values() if entry.id not in needed]
        folders = {os.path.dirname(entry.file) for entry in suspects}
        there = {seen.identity: seen for folder in folders for seen in self.folders[folder]}
        forms = {
            name: there[identity] for identity, name in self._packed.items() if identity in there
        }
        changed, forgotten = [], []
        for entry in suspects:
            if entry.id in forms and entry.identity not in there:
                changed.append(self._adopt(entry, forms[entry.id]))
                continue
            if self.has_identity(entry) and entry.identity in there:
                gone_ns = None
            else:
                gone_ns = now_ns if entry.gone_ns is None else entry.gone_ns
            kept_ns = LONG_KEPT_NS if self._is_last(entry) else _KEPT_NS
            if gone_ns is not None and now_ns - gone_ns >= kept_ns:
                self._forget(entry)
                forgotten.append(entry.id)
            elif gone_ns != entry.gone_ns:
                changed.append(attrs.evolve(entry, gone_ns=gone_ns))
                self._files[entry.id] = changed[-1]
        return changed, forgotten

    def _adopt(self, entry: FileEntry, form: Candidate) -> FileEntry:
        """Know a finished file by its compressed form from now on."""
        adopted = attrs.evolve(
            entry,
            file=form.path,
            device=form.device,
            inode=form.inode,
            changed_ns=form.mtime_ns,
            unpacked=self.finished[entry.id].offset,
            gone_ns=None,
        )
        self.add(adopted)
        return adopted

    def _is_last(self, entry: FileEntry) -> bool:
        return entry.generation == max(one.generation for one in self.of_chain(entry.path))

    def _forget(self, entry: FileEntry) -> None:
        self._release(entry)
        del self._files[entry.id], self._chains[entry.path][entry.id]
        self.finished.pop(entry.id, None)


def _stems(entry: FileEntry) -> set[str]:
    """Return what the paths of all files of a rotation begin with, at the log's path and home."""
    return {stem(entry.path), stem(entry.file)}

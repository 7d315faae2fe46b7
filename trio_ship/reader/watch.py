"""The watcher's eyes: which files there are, and which of them have changed.

A `Watch` looks for one source. Folders are listed again when their modification
time has changed (or is too young to be trusted), and once a minute in any case;
a file that shows the same identity, size and time as before costs one `stat` and
nothing else. Every look begins with both clocks, because what it did not find
was written after them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from trio_ship.filesystem import Entry, ReadableFilesystem, Status
from trio_ship.follow import believed_time
from trio_ship.globs import has_magic, matches, segment_matcher
from trio_ship.look import Look, Problem, Sighting
from trio_ship.reader.folders import as_candidate
from trio_ship.report import Poll
from trio_ship.state import Identity

__all__ = ["Watch", "kind_of"]

_YOUNG_NS: Final = 2_000_000_000
"""A folder changed less than this before its listing may change unseen."""

_LONG_SECONDS: Final = 60.0
"""A listing this old is made again: on some mounts the time of a folder never changes."""


def kind_of(status: Status) -> str:
    """Name the kind of a file."""
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(status.mode), "device")


@attrs.define
class _Folder:
    identity: Identity
    mtime_ns: int
    listed_ns: int
    listed_at: float
    entries: list[Entry]


class Watch:
    """Looks for the files of one source.

    Args:
        disk: Where to look.
        patterns: Absolute paths, which may hold `*`, `?`, `[...]` and `**`.
        exclude: Patterns of paths to pass over.
        literal: Whether `patterns` are names in which nothing is special.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        patterns: Sequence[str],
        exclude: Sequence[str],
        *,
        literal: bool,
    ) -> None:
        self._disk = disk
        self._patterns = tuple(patterns)
        self._exclude = tuple(exclude)
        self._literal = literal
        self._plain = tuple(path for path in patterns if literal or not has_magic(path))
        self._folders: dict[str, _Folder] = {}
        self._unreadable: dict[str, OSError] = {}
        self._missing = False
        self._seconds = 0.0
        self._found: tuple[dict[str, None], tuple[str, ...]] | None = None
        self._seen: dict[str, Status | str | None] = {}

    def look(self, poll: Poll) -> Look:
        """Look once; every call tells what has changed since the one before.

        Args:
            poll: Both clocks, read before the call.
        """
        self._seconds = poll.seconds
        self._renamed: set[str] = set()
        if self._found is None or not self._is_unchanged():
            self._find(poll.wall_ns)
        paths, empty = self._found or ({}, ())
        changed = self._changes(paths)
        return Look(
            poll=poll,
            changed=changed,
            renamed=frozenset(self._renamed),
            unreadable=self._unreadable,
            empty=empty,
            missing=tuple(path for path in self._plain if self._seen.get(path, "") is None),
        )

    def _find(self, now_ns: int) -> None:
        """List the folders that may have changed, and match all names again."""
        self._unreadable = {}
        self._missing = False
        fresh: set[str] = set()
        paths: dict[str, None] = {}
        empty = []
        for pattern in self._patterns:
            found = list(self._expand(pattern, now_ns, fresh))
            kept = [path for path in found if not self._is_excluded(path)]
            if not kept:
                empty.append(pattern)
            paths.update(dict.fromkeys(kept))
        listed = fresh | self._unreadable.keys()
        self._folders = {path: self._folders[path] for path in self._folders.keys() & listed}
        self._found = (paths, tuple(empty))

    def _is_unchanged(self) -> bool:
        """Tell whether every folder that was listed shows the same, trusted time."""
        if self._missing or self._unreadable:
            return False
        try:
            return all(
                self._is_settled(folder) and self._disk.stat(path).mtime_ns == folder.mtime_ns
                for path, folder in self._folders.items()
            )
        except OSError:
            return False

    def _is_settled(self, folder: _Folder) -> bool:
        """Tell whether a change since the listing would show in the folder's time."""
        believed = believed_time(folder.mtime_ns, folder.listed_ns)
        is_old = self._seconds - folder.listed_at >= _LONG_SECONDS
        return not is_old and believed + _YOUNG_NS < folder.listed_ns

    def _is_excluded(self, path: str) -> bool:
        return any(matches(pattern, path) for pattern in self._exclude)

    def _changes(self, paths: dict[str, None]) -> dict[str, Sighting]:
        changed: dict[str, Sighting] = {}
        for path in self._seen.keys() - paths.keys():
            if self._seen.pop(path) is not None:
                changed[path] = None
        for path in paths:
            known = self._seen.get(path, "")
            try:
                status = self._disk.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                if known is not None:
                    changed[path] = self._seen[path] = None
            except OSError as error:
                if known != str(error):
                    self._seen[path] = str(error)
                    changed[path] = Problem(error)
            else:
                if status != known:
                    self._seen[path] = status
                    changed[path] = _sighting(path, status)
        return changed

    def _expand(self, pattern: str, now_ns: int, fresh: set[str]) -> Iterator[str]:
        if self._literal or not has_magic(pattern):
            yield pattern
            return
        yield from self._descend("/", pattern.strip("/").split("/"), now_ns, fresh)

    def _descend(
        self, folder: str, segments: Sequence[str], now_ns: int, fresh: set[str]
    ) -> Iterator[str]:
        segment, rest = segments[0], segments[1:]
        path = os.path.join(folder, segment)
        if segment == "**":
            yield from self._descend_all(folder, rest, now_ns, fresh, frozenset())
        elif has_magic(segment):
            match = segment_matcher(segment)
            for entry in self._list(folder, now_ns, fresh):
                if not match(entry.name):
                    continue
                path = os.path.join(folder, entry.name)
                if rest and entry.is_dir:
                    yield from self._descend(path, rest, now_ns, fresh)
                elif not rest and not entry.is_dir:
                    yield path
        elif rest:
            yield from self._descend(path, rest, now_ns, fresh)
        elif any(entry.name == segment for entry in self._list(folder, now_ns, fresh)):
            yield path

    def _descend_all(
        self,
        folder: str,
        rest: Sequence[str],
        now_ns: int,
        fresh: set[str],
        above: frozenset[Identity],
    ) -> Iterator[str]:
        """Do what `**` stands for: look in a folder and in all below it."""
        entries = self._list(folder, now_ns, fresh)
        known = self._folders.get(folder)
        if known is None or known.identity in above:
            return  # a link that leads back up would never end
        if rest:
            yield from self._descend(folder, rest, now_ns, fresh)
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir:
                yield from self._descend_all(path, rest, now_ns, fresh, above | {known.identity})
            elif not rest:
                yield path

    def _list(self, folder: str, now_ns: int, fresh: set[str]) -> list[Entry]:
        known = self._folders.get(folder)
        if known is not None and folder in fresh:
            return known.entries
        try:
            status = self._disk.stat(folder)
            mtime_ns = status.mtime_ns
            if known is None or known.mtime_ns != mtime_ns or not self._is_settled(known):
                entries = sorted(self._disk.scandir(folder), key=lambda entry: entry.name)
                identity = status.identity
                # A rotation may leave other files under the same names.
                if known is not None and (known.mtime_ns, known.entries) != (mtime_ns, entries):
                    self._renamed.add(folder)
                known = self._folders[folder] = _Folder(
                    identity, mtime_ns, now_ns, self._seconds, entries
                )
        except (FileNotFoundError, NotADirectoryError):
            self._folders.pop(folder, None)
            self._missing = True
            return []
        except OSError as error:
            self._unreadable[folder] = error
            return [] if known is None else known.entries
        fresh.add(folder)
        return known.entries


def _sighting(path: str, status: Status) -> Sighting:
    kind = kind_of(status)
    if kind != "file":
        return Problem(None, kind)
    return as_candidate(path, status)

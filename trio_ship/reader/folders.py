"""What is in folders: listed once, however many of their files have changed.

When ten thousand logs of one folder are rotated at midnight, each of them asks
what else bears its name, and where its old file has gone. One listing answers all
of them, as long as it was made after what they ask about was seen.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from trio_ship.filesystem import ReadableFilesystem, Status, is_regular
from trio_ship.follow import Candidate, originals, packing_of

__all__ = ["Folders", "Listing", "as_candidate", "beginnings", "candidate_at", "candidates_in"]

_TRIES: Final = 10


class Listing:
    """The regular files of one folder at one moment.

    Args:
        found: The files, in any order.
    """

    def __init__(self, found: Sequence[Candidate]) -> None:
        self._files = sorted(found, key=lambda seen: seen.path)
        self._paths = [seen.path for seen in self._files]
        self._made_of: dict[str, list[Candidate]] | None = None
        self._by_inode: dict[int, list[Candidate]] = {}
        for seen in self._files:
            self._by_inode.setdefault(seen.inode, []).append(seen)

    def __iter__(self) -> Iterator[Candidate]:
        """Give every file, by path."""
        return iter(self._files)

    def __contains__(self, path: str) -> bool:
        """Tell whether a file has this path."""
        return self._at(path) is not None

    def beginning_with(self, path: str) -> list[Candidate]:
        """Return the files whose paths begin so, by path."""
        first = stop = bisect_left(self._paths, path)
        while stop < len(self._paths) and self._paths[stop].startswith(path):
            stop += 1
        return self._files[first:stop]

    def made_of(self, path: str) -> list[Candidate]:
        """Return the files that a rotation may have made of a log, as `originals` has it."""
        if self._made_of is None:
            self._made_of = {}
            for seen in self._files:
                for log in originals(seen.path):
                    self._made_of.setdefault(log, []).append(seen)
        return self._made_of.get(path, [])

    def names_of(self, path: str) -> list[str]:
        """Return a path, and the other names here of the file that stands there."""
        seen = self._at(path)
        if seen is None:
            return [path]
        others = [
            other.path
            for other in self.with_inode(seen.inode)
            if other.identity == seen.identity and other.path != path
        ]
        return [path, *others]

    def with_inode(self, inode: int) -> list[Candidate]:
        """Return the files that have a number; more than one if it has several names."""
        return self._by_inode.get(inode, [])

    def _at(self, path: str) -> Candidate | None:
        place = bisect_left(self._paths, path)
        is_there = self._paths[place : place + 1] == [path]
        return self._files[place] if is_there else None


class Folders:
    """Listings of folders, each made when it is first asked for.

    Args:
        disk: Where the folders are.
    """

    def __init__(self, disk: ReadableFilesystem) -> None:
        self._disk = disk
        self._listed: dict[str, Listing] = {}

    def forget(self) -> None:
        """Have every folder listed anew: what is asked about now is younger."""
        # Not cleared: a thread that hangs in a listing puts it where nobody looks any more.
        self._listed = {}

    def __getitem__(self, folder: str) -> Listing:
        """Return the files of a folder.

        Raises:
            OSError: It cannot be looked at just now, which says nothing of its files.
        """
        listed = self._listed
        if folder not in listed:
            listed[folder] = Listing(candidates_in(self._disk, folder))
        return listed[folder]

    def home_of(self, path: str) -> str:
        """Return where the file stands whose path this is, beside which a rotation leaves it.

        That is what a symbolic link leads to, also when nothing is there just now; a path
        stands for itself where it is no link, or leads where nobody can look around.
        """
        try:
            home = self._disk.resolve(path)
            if home != path:
                self[os.path.dirname(home)]
        except OSError:
            return path
        return home if packing_of(home) == packing_of(path) else path

    def names_of(self, path: str) -> list[str]:
        """Return a path, and the other names of the file there, in its folder and at its home.

        Raises:
            OSError: The folder cannot be looked at just now.
        """
        places = dict.fromkeys((path, self.home_of(path)))
        names = [name for place in places for name in self[os.path.dirname(place)].names_of(place)]
        return list(dict.fromkeys(names))

    def beginning_with(self, path: str) -> list[Candidate]:
        """Return the files of a path's folder whose paths begin so, by path.

        Raises:
            OSError: The folder cannot be looked at just now.
        """
        return self[os.path.dirname(path)].beginning_with(path)

    def of(self, first: str, second: str) -> Iterator[Listing]:
        """Give the listings of two folders, between which a file may just have moved.

        The second is never older than the first: so a file that has moved from the
        first to the second is in one of them.

        Raises:
            OSError: As for one.
        """
        yield self[first]
        if second != first:
            if second in itertools.takewhile(lambda folder: folder != first, list(self._listed)):
                del self._listed[second]
            yield self[second]


def beginnings(path: str) -> Iterator[str]:
    """Give everything that a path begins with, the whole path first."""
    return (path[:length] for length in range(len(path), 0, -1))


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


def candidate_at(disk: ReadableFilesystem, path: str) -> Candidate | None:
    """Return the regular file behind a path, if there is one.

    Raises:
        OSError: Nobody can tell just now.
    """
    try:
        status = disk.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not is_regular(status):
        return None
    return as_candidate(path, status)


def as_candidate(path: str, status: Status) -> Candidate:
    """Return what a path and a status say of a file."""
    return Candidate(path, *status.identity, status.size, status.mtime_ns)

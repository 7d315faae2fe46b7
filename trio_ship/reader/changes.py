"""What a look means: files that are new, have grown, were renamed, truncated, replaced.

`Changes` takes one path at a time and says with `follow` what has become of the
file behind it; what comes of that it does to the chains. All of it is disk work
for a worker thread. A step may raise `OSError`, which says that nobody can tell
just now: the caller takes the same step again later.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    HEAD,
    Candidate,
    Change,
    fingerprint,
    head_length,
    judge,
    matches_head,
    successors,
)
from trio_ship.notes import Note, refusal
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import DamagedError, Plain, last_line_end
from trio_ship.reader.locate import candidates_in, open_candidate
from trio_ship.reader.tails import ChainFiles, Tail, new_id
from trio_ship.state import FileEntry, Position

__all__ = ["Changes"]


class Changes:
    """Decides what has become of the files of one source.

    Args:
        disk: Where the files are.
        chains: What is being read; the decisions change it.
        covers: Tells whether a path belongs to the source.
        outputs: Returns the identities of the files that sinks write.

    Attributes:
        since_ns: When all files of the source that were there were known, in
            nanoseconds since 1970; 0 if never.
        listed: Files that no pattern matches, by folder; listed once a look.
        refused: Files that could not be opened, with their chains, by identity.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        chains: Chains,
        *,
        covers: Callable[[str], bool],
        outputs: Callable[[], set[tuple[int, int]]],
    ) -> None:
        self._disk = disk
        self._chains = chains
        self._covers = covers
        self._outputs = outputs
        self.since_ns = 0
        self.listed: dict[str, list[Candidate]] = {}
        self.refused: dict[tuple[int, int], tuple[ChainFiles, Candidate]] = {}

    def discover(self, path: str, seen: Candidate, now: float, *, at_end: bool) -> None:
        """Take in a file at a path that had none before.

        Args:
            path: The path.
            seen: The file.
            now: The pipeline's clock, in seconds.
            at_end: Whether it is read from its end.

        Raises:
            OSError: It cannot be looked at just now.
        """
        chains = self._chains
        if (seen.device, seen.inode) in self._outputs():
            chains.notes.append(
                Note.warning(
                    f"{path} is written by a sink and not read; say so with "
                    f'exclude = ["{path}"] in [sources.{chains.source}]'
                )
            )
            return
        known = chains.known.entry_of(seen)
        if known is not None:
            if known.path != path:
                chains.notes.append(
                    Note.info(f"{path} is the same file as {known.path}; it is read once")
                )
            return
        if seen.is_packed and self._is_passed_over(path, seen):
            return
        if self._is_copy(path, seen):
            chains.notes.append(Note.info(f"{path} is a copy of a file that is read; passed over"))
            return
        chain = chains.new(path)
        chain.since_ns = self.since_ns
        self.begin(chain, seen, now, at_end=at_end)

    def change(self, chain: ChainFiles, seen: Candidate | None, now: float) -> None:
        """Take in what stands behind the path of a chain now.

        Args:
            chain: The chain.
            seen: The file; None if there is none.
            now: The pipeline's clock, in seconds.

        Raises:
            OSError: It cannot be looked at just now.
        """
        tail = chain.tails[-1] if chain.tails else None
        if tail is None:
            if seen is None:
                self.append_passed(chain, now)
            else:
                self.begin(chain, seen, now)
            return
        self._chains.active[chain.number] = chain
        match judge(tail.entry, max(tail.read_to, tail.position.offset), seen):
            case Change.GONE:
                self._chains.rotate(tail, now)
                self.append_passed(chain, now)
            case Change.REPLACED:
                assert seen is not None  # noqa: S101  (judge says so)
                self._chains.rotate(tail, now)
                self.begin(chain, seen, now)
            case Change.SHRANK:
                assert seen is not None  # noqa: S101  (judge says so)
                self._truncated(chain, tail, seen, now)
            case Change.SAME | Change.GREW:
                assert seen is not None  # noqa: S101  (judge says so)
                self._grown(chain, tail, seen, now)

    def begin(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        """Add the file at the chain's path, and those that came before it unseen.

        Raises:
            OSError: It cannot be looked at just now.
        """
        self._chains.active[chain.number] = chain
        known = self._chains.known.entry_of(seen)
        if known is not None:
            if known.path == chain.path and not any(
                tail.entry.id == known.id for tail in chain.tails
            ):
                position = self._chains.known.finished.get(known.id, Position())
                self._chains.add(chain, self._chains.moved(known, seen), position, seen, now)
            return
        passed = self.append_passed(chain, now)
        if (seen.device, seen.inode) not in passed:
            self._append_new(chain, seen, now, at_end=at_end)

    def append_passed(self, chain: ChainFiles, now: float) -> set[tuple[int, int]]:
        """Add the files that came and were renamed unseen; return their identities.

        Raises:
            OSError: The folder cannot be looked at just now.
        """
        if not chain.since_ns:
            return set()
        known = self._chains.known
        folder = os.path.dirname(chain.path)
        # While nothing is known of a chain, what a pattern matches is another's.
        found = candidates_in(self._disk, folder) if chain.generation else self._unnamed(folder)
        known_here = {
            (other.device, other.inode) for other in found if known.entry_of(other) is not None
        }
        lengths = {tail.entry.id: tail.size for tail in chain.tails}
        between = [
            other
            for other in successors(chain.path, chain.since_ns, found, known_here)
            if not (other.is_packed and known.is_packed_form(other, lengths, self._chains.wall_ns))
        ]
        for passed in between:
            self._append_new(chain, passed, now)
        return {(other.device, other.inode) for other in between}

    def _unnamed(self, folder: str) -> list[Candidate]:
        """Return the files of a folder that no pattern matches."""
        if folder not in self.listed:
            found = candidates_in(self._disk, folder)
            self.listed[folder] = [other for other in found if not self._covers(other.path)]
        return self.listed[folder]

    def _grown(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        if not self._chains.follow:
            return
        head = self._chains.open(tail).pread(HEAD, 0)
        if not matches_head(tail.entry.fingerprint, head):
            self._truncated(chain, tail, seen, now)
            return
        if head_length(tail.entry.fingerprint) < min(len(head), HEAD):
            self._chains.update(tail, attrs.evolve(tail.entry, fingerprint=fingerprint(head)))
        if tail.size != seen.size:
            tail.changed_at = now
        tail.size, tail.mtime_ns, tail.rotated_at = seen.size, seen.mtime_ns, None
        chain.since_ns = seen.mtime_ns

    def _truncated(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        chains = self._chains
        copy = chains.known.find_copy(chain.path, tail.entry, tail.position)
        chains.close_tail(tail)
        if copy is not None:
            chains.go_on_in(tail, copy)
            tail.rotated_at = tail.changed_at = now
        else:
            lost = tail.size - tail.position.offset
            text = f"{chain.path} was truncated; it is read from its beginning"
            if lost > 0:
                text += f", and bytes {tail.position.offset} to {tail.size} of it are lost"
            chains.notes.append(Note.warning(text) if lost > 0 else Note.info(text))
            chain.tails.remove(tail)
            chains.known.finished[tail.entry.id] = tail.position
            chain.leave(tail.position)
        # Several truncations may lie between two looks, and each has left its copy.
        self.append_passed(chain, now)
        self._append_new(chain, seen, now)

    def _append_new(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        chains = self._chains
        try:
            content, seen, head = open_candidate(self._disk, seen)
        except FileNotFoundError:
            return
        except OSError as error:
            chains.notes.append(refusal(self._disk, seen.path, error))
            chains.unreadable[seen.path] = str(error)
            self.refused[seen.device, seen.inode] = (chain, seen)
            return
        chains.unreadable.pop(seen.path, None)
        chain.generation += 1
        entry = FileEntry(
            id=new_id(chains.source, chain.path, chain.generation, seen, head),
            source=chains.source,
            path=chain.path,
            file=seen.path,
            generation=chain.generation,
            device=seen.device,
            inode=seen.inode,
            fingerprint=fingerprint(head),
            changed_ns=seen.mtime_ns,
        )
        offset = last_line_end(content, seen.size) if at_end else 0
        tail = chains.add(chain, entry, Position(offset), seen, now)
        tail.content = content
        if seen.path != chain.path:
            tail.rotated_at = chains.age(seen, now)
        chain.since_ns = seen.mtime_ns

    def _is_passed_over(self, path: str, seen: Candidate) -> bool:
        """Tell whether a compressed file is not to be read, and say why."""
        try:
            content = open_candidate(self._disk, seen)[0]
        except DamagedError:
            pass
        except (FileNotFoundError, PermissionError):
            return False
        else:
            content.close()
            if isinstance(content, Plain):
                return False
        chains = self._chains
        if any(path.startswith(followed) for followed in chains.by_path):
            text = f"{path} is compressed, and older than what is followed; it is not read"
            chains.notes.append(Note.info(text))
        else:
            text = (
                f"{path} is compressed and not read: only what rotation makes of a followed file "
                f'is; say so with exclude = ["{path}"] in [sources.{chains.source}]'
            )
            chains.notes.append(Note.warning(text))
            chains.unreadable[path] = text
        return True

    def _is_copy(self, path: str, seen: Candidate) -> bool:
        """Tell whether a new file holds what a file of this source holds."""
        return any(
            self._chains.known.is_copy(seen, tail.entry, tail.size)
            for chain in self._chains.by_path.values()
            if chain.path != path and path.startswith(chain.path) and not chain.hangs
            for tail in chain.tails
        )

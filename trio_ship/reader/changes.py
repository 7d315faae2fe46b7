"""What a look means: files that are new, have grown, were renamed, truncated, replaced.

`Changes` takes one path at a time and says with `follow` what has become of the
file behind it; what comes of that it does to the chains. All of it is disk work
for a worker thread. A step may raise `OSError`, which says that nobody can tell
just now: the caller takes the same step again later.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    HEAD,
    Candidate,
    Change,
    begun_ns,
    fingerprint,
    head_length,
    is_taken,
    judge,
    successors,
)
from trio_ship.notes import Note, refusal
from trio_ship.reader import compressed
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import Content, Plain, end_of_lines
from trio_ship.reader.locate import candidate_at, candidates_in, open_candidate
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles, Tail, new_id
from trio_ship.state import FileEntry, Position

__all__ = ["Changes"]

_PATIENCE_SECONDS: Final = 20.0
"""How long the files of a chain wait for one before them that cannot be opened."""


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
        listed: The files of folders, all or those that no pattern matches, where
            one listing a look will do.
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
        self.listed: dict[tuple[str, bool], list[Candidate]] = {}
        self.refused: dict[tuple[int, int], tuple[ChainFiles, Candidate]] = {}
        self._failing: dict[tuple[int, int], float] = {}

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
        if compressed.is_known_form(self._chains, seen):
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
        if seen is not None and seen.is_packed and _is_same_file(tail, seen):
            content = self._chains.open(tail)
            if isinstance(content, Packed):
                self._written_on(chain, tail, content, seen, now)
                return
        self._chains.active[chain.number] = chain
        match judge(tail.entry, max(tail.read_to, tail.position.offset), seen):
            case Change.GONE:
                self._rotated(chain, tail, now)
                self.append_passed(chain, now)
            case Change.REPLACED:
                assert seen is not None  # noqa: S101  (judge says so)
                self._rotated(chain, tail, now)
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
        compressed.wait_written(self._chains, seen)
        self._chains.active[chain.number] = chain
        known = self._chains.known.entry_of(seen)
        if known is not None:
            position = self._chains.known.finished.get(known.id, Position())
            if (
                known.path == chain.path
                and not any(tail.entry.id == known.id for tail in chain.tails)
                and not is_taken(known, position, seen)
            ):
                self._chains.add(chain, self._chains.moved(known, seen), position, seen, now)
            return
        if compressed.is_known_form(self._chains, seen):
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
        lengths = compressed.lengths(self._chains)
        found = self._beside(chain)
        known_here = {
            (other.device, other.inode) for other in found if known.entry_of(other) is not None
        }
        between = [
            other
            for other in successors(chain.path, chain.since_ns, found, known_here)
            if not any(known.is_copy(other, tail.entry, tail.size) for tail in chain.tails)
            and not (other.is_packed and known.form_of(other, lengths))
        ]
        for passed in between:
            self._append_new(chain, passed, now)
        return {(other.device, other.inode) for other in between}

    def _beside(self, chain: ChainFiles) -> list[Candidate]:
        """Return the files that bear the name of a chain and more."""
        folder = os.path.dirname(chain.path)
        # While nothing is known of a chain, what a pattern matches is another's.
        is_known = chain.generation > 0
        if is_known and chain.tails:
            found = candidates_in(self._disk, folder)
        elif (folder, is_known) in self.listed:
            found = self.listed[folder, is_known]
        else:
            found = [
                other
                for other in candidates_in(self._disk, folder)
                if is_known or not self._covers(other.path)
            ]
            self.listed[folder, is_known] = found
        return [other for other in found if other.path.startswith(chain.path)]

    def take_up_again(self, chain: ChainFiles, now: float) -> None:
        """Find out what became of a chain's first file, which was not what it is read as.

        Raises:
            OSError: It cannot be looked at just now.
        """
        if not chain.tails or chain.hangs:
            return
        tail = chain.tails[0]
        seen = candidate_at(self._disk, chain.path)
        if seen is not None and tail.rotated_at is None:
            self.change(chain, seen, now)
            return
        try:
            content = self._chains.open(tail)
        except FileNotFoundError:
            self._let_go(chain, tail, now)
            return
        self._truncated_unseen(chain, tail, content, now)

    def _rotated(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        self._chains.rotate(tail, now)
        content = tail.content
        if isinstance(content, Plain) and not self._chains.is_same(tail, content.pread(HEAD, 0)):
            self._truncated_unseen(chain, tail, content, now)

    def _truncated_unseen(
        self, chain: ChainFiles, tail: Tail, content: Content, now: float
    ) -> None:
        """Take in that a file was truncated and has lost its name; its descriptor leads to it."""
        status = content.status()
        held = Candidate(tail.entry.file, status.device, status.inode, status.size, status.mtime_ns)
        self._truncated(chain, tail, held, now)
        chain.tails[-1].rotated_at = now

    def _grown(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        if not self._chains.follow:
            return
        head = self._chains.open(tail).pread(HEAD, 0)
        if not self._chains.is_same(tail, head):
            self._truncated(chain, tail, seen, now)
            return
        was_empty = not head_length(tail.entry.fingerprint) and seen.mtime_ns > chain.since_ns
        if was_empty or tail.hides:
            self._look_behind(chain, tail, now)
        if head_length(tail.entry.fingerprint) < min(len(head), HEAD):
            self._chains.update(tail, attrs.evolve(tail.entry, fingerprint=fingerprint(head)))
        if tail.size != seen.size:
            tail.changed_at = now
            tail.mtime_ns = self._chains.grown_ns(seen.mtime_ns)
        tail.size, tail.rotated_at = seen.size, None
        chain.since_ns = seen.mtime_ns

    def _written_on(
        self, chain: ChainFiles, tail: Tail, content: Packed, seen: Candidate, now: float
    ) -> None:
        """Take in that a compressed file may have been changed in its place."""
        before = content.seen
        if not self._chains.follow or (
            before is not None and (before.size, before.mtime_ns) == (seen.size, seen.mtime_ns)
        ):
            return
        compressed.wait_written(self._chains, seen)
        self._chains.active[chain.number] = chain
        content.forget()
        if not self._chains.is_same(tail, content.pread(HEAD, 0)):
            self._truncated(chain, tail, seen, now)
            return
        tail.size = self._chains.length(seen, tail.position, tail.entry)
        tail.changed_at, tail.mtime_ns = now, self._chains.grown_ns(seen.mtime_ns)
        chain.since_ns = seen.mtime_ns

    def _look_behind(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        """Put what copies have of a chain unseen before the file that it has now."""
        if self.append_passed(chain, now):
            chain.tails.remove(tail)
            chain.tails.append(tail)
            chain.tails[0].position = chain.carry(chain.tails[0].position)
            chain.generation += 1
            self._chains.update(tail, attrs.evolve(tail.entry, generation=chain.generation))
        tail.hides = False

    def _truncated(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        content = self._let_go(chain, tail, now)
        since_ns, generation = chain.since_ns, chain.generation
        self._append_new(chain, seen, now, content=content)
        if chain.generation == generation:
            self.append_passed(chain, now)
            return
        # Several truncations may lie between two looks, and each has left its copy.
        chain.since_ns = since_ns
        chain.tails[-1].hides = True
        self._look_behind(chain, chain.tails[-1], now)
        chain.since_ns = seen.mtime_ns

    def _let_go(self, chain: ChainFiles, tail: Tail, now: float) -> Content | None:
        """Go on with what a truncated file was in its copy, or without.

        Returns:
            The truncated file, where it is open: its name may be gone in a moment.

        Raises:
            OSError: Its copies cannot be looked for just now.
        """
        chains = self._chains
        copy = chains.known.find_copy(chain.path, tail.entry, tail.position)
        earlier = copy or chains.known.find_earlier_copy(chain.path, tail.entry, tail.position)
        content = chains.part(tail)
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
            if earlier is not None:
                chains.know(chains.moved(tail.entry, earlier), tail.position)
            chain.leave(tail.position)
        return content

    def _append_new(
        self,
        chain: ChainFiles,
        seen: Candidate,
        now: float,
        *,
        content: Content | None = None,
        at_end: bool = False,
    ) -> None:
        """Put a file that is new, open already or not, behind the others of its chain."""
        chains = self._chains
        try:
            if content is None:
                content, seen, head = open_candidate(self._disk, seen)
            else:
                head = content.pread(HEAD, 0)
        except FileNotFoundError:
            return
        except OSError as error:
            # Once a later file is known, nobody looks for one that came before it.
            first = self._failing.setdefault((seen.device, seen.inode), now)
            if seen.path != chain.path and now - first < _PATIENCE_SECONDS:
                raise
            chains.notes.append(refusal(self._disk, seen.path, error))
            chains.unreadable[seen.path] = str(error)
            self.refused[seen.device, seen.inode] = (chain, seen)
            return
        if not isinstance(content, Packed) and compressed.is_misnamed(chains, seen.path, head):
            content.close()
            return
        try:
            self._add(chain, content, seen, head, now, at_end=at_end)
        except OSError:
            content.close()
            raise
        self._failing.pop((seen.device, seen.inode), None)

    def _add(
        self,
        chain: ChainFiles,
        content: Content,
        seen: Candidate,
        head: bytes,
        now: float,
        *,
        at_end: bool = False,
    ) -> None:
        """Put an open file that is new behind the others of its chain."""
        chains = self._chains
        position = Position(end_of_lines(content, seen.size, chains.wall_ns) if at_end else 0)
        chains.unreadable.pop(seen.path, None)
        chains.active[chain.number] = chain
        original = chains.known.find_original(chain.path, seen)
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
        if original is not None:
            known, position = original
            entry = attrs.evolve(
                entry, layout=known.layout, zone=known.zone, anchor_ns=known.anchor_ns
            )
            chains.notes.append(
                Note.info(
                    f"{seen.path} begins with what was read of {known.file}; it is read from "
                    f"byte {position.offset}"
                )
            )
        tail = chains.add(chain, entry, position, seen, now)
        chains.hold(tail, content)
        if seen.path != chain.path:
            tail.rotated_at = chains.age(seen, now)
        chains.rest(tail)
        chain.since_ns = begun_ns(entry)

    def _is_copy(self, path: str, seen: Candidate) -> bool:
        """Tell whether a new file holds what a file of this source holds."""
        known = self._chains.known
        return any(
            known.is_copy(seen, tail.entry, tail.size)
            or known.holds_read(seen, tail.entry, tail.position)
            for chain in self._chains.by_path.values()
            if chain.path != path and path.startswith(chain.path) and not chain.hangs
            for tail in chain.tails
        )


def _is_same_file(tail: Tail, seen: Candidate) -> bool:
    return (tail.entry.device, tail.entry.inode) == (seen.device, seen.inode)

"""Files that come to a chain: seen at its path, or passed it by while nobody looked.

Disk work for a worker thread, on behalf of `changes`. A step may raise `OSError`,
which says that nobody can tell just now: the caller takes it again later.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

import attrs

from trio_ship.decode.charsets import UTF_8, charset_of
from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    Candidate,
    begun_ns,
    believed_time,
    fingerprint,
    is_named_after,
    is_renamed,
    is_taken,
    originals,
    stem,
    successors,
    word,
)
from trio_ship.notes import Note, refusal
from trio_ship.reader import compressed
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import Content, end_of_lines
from trio_ship.reader.folders import beginnings, candidate_at
from trio_ship.reader.locate import open_candidate
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles, new_id
from trio_ship.state import FileEntry, Identity, Position

__all__ = ["Arrivals", "Seek"]

Seek: TypeAlias = Callable[[Content, FileEntry, int, int], tuple[FileEntry, Position]]
"""As `seek.Seeker.seek`."""

_PATIENCE_SECONDS: Final = 20.0
"""How long the files of a chain wait for one before them that cannot be opened."""


class Arrivals:
    """Puts files that are new behind the others of their chains.

    Args:
        disk: Where the files are.
        chains: What is being read.
        covers: Tells whether a path belongs to the source.
        seek: Finds where to begin in a file that is not read from its beginning;
            None: at its end.

    Attributes:
        refused: Files that could not be opened, with their chains, by identity.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        chains: Chains,
        *,
        covers: Callable[[str], bool],
        seek: Seek | None = None,
    ) -> None:
        self._disk = disk
        self._chains = chains
        self._covers = covers
        self._seek = seek
        self.refused: dict[Identity, tuple[ChainFiles, Candidate]] = {}
        self._failing: dict[Identity, float] = {}

    def begin(self, chain: ChainFiles, seen: Candidate, now: float) -> None:
        """Add the file at the chain's path, known or not, and those that came before it unseen.

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
        held = self._chains.held_as(seen)
        if held is not None and held.path != chain.path:
            return  # it was cut, which the chain that reads it finds out
        if not self.is_nothing_new(chain.path, seen):
            self.start(chain, seen, now)

    def is_nothing_new(self, path: str, seen: Candidate) -> bool:
        """Tell whether an unknown file holds what files of other chains hold, and say so.

        Args:
            path: The path that it came to.
            seen: The file.

        Raises:
            OSError: Nobody can tell just now.
        """
        if compressed.is_known_form(self._chains, seen):
            return True
        for beginning in beginnings(path[:-1]):
            chain = self._chains.by_path.get(beginning)
            if chain is not None and self._is_copy(seen, chain):
                text = f"{path} is a copy of a file that is read; passed over"
                self._chains.notes.append(Note.info(text))
                return True
        return False

    def _is_copy(self, seen: Candidate, chain: ChainFiles) -> bool:
        """Tell whether an unknown file holds what a file of a chain holds.

        Raises:
            OSError: Nobody can tell just now.
        """
        copies = self._chains.copies
        for tail in chain.tails:
            is_copy = copies.is_copy(seen, tail.entry, tail.position, tail.size)
            if is_copy is None and self._chains.follow:
                # The log was cut or removed behind the look; the next one shows it.
                raise BlockingIOError(errno.EAGAIN, "it may be a copy", seen.path)
            if is_copy:
                return True
        return False

    def start(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        """Add a new file at the chain's path, and those that came before it unseen.

        Raises:
            OSError: It cannot be looked at just now.
        """
        self._chains.active[chain.number] = chain
        passed = self.append_passed(chain, now)
        if seen.identity not in passed:
            self.append(chain, seen, now, at_end=at_end)

    def retry(self, chain: ChainFiles, seen: Candidate, now: float) -> None:
        """Try again what could not be opened, by the name and with the length that it has now.

        Raises:
            OSError: It cannot be looked at just now.
        """
        identity = seen.identity
        there = candidate_at(self._disk, seen.path)
        if there is None or there.identity != identity:
            listed = self._chains.known.folders[os.path.dirname(seen.path)]
            named = listed.with_inode(seen.inode)
            named = [one for one in named if one.device == seen.device and is_renamed(seen, one)]
            there = next(iter(named), None)
        if there is not None:
            self.begin(chain, there, now)

    def append_passed(self, chain: ChainFiles, now: float) -> set[Identity]:
        """Add the files that came and were renamed unseen; return their identities.

        Raises:
            OSError: The folder cannot be looked at just now.
        """
        if not chain.since_ns:
            return set()
        known = self._chains.known
        read_of = partial(compressed.read_of, self._chains)
        names = known.folders.names_of(chain.path)
        found = self._beside(chain, names)
        if dated := self._dated(chain):
            found, names = [*found, *dated], [*names, word(chain.path)]
        known_here = {other.identity for other in found if known.entry_of(other) is not None}
        between = [
            other
            for other in successors(names, chain.since_ns, found, known_here)
            # What was compressed is known by its form, also when the file itself has gone.
            if not (other.is_packed and known.form_of(other, read_of))
            and not self._is_copy(other, chain)
        ]
        for passed in between:
            if not self.append(chain, passed, now):
                # What compressing makes of it is to be seen when it is looked for again.
                raise BlockingIOError(errno.EAGAIN, "it has gone just now", passed.path)
        return {other.identity for other in between}

    def append(
        self,
        chain: ChainFiles,
        seen: Candidate,
        now: float,
        *,
        opened: tuple[Content, bytes] | None = None,
        at_end: bool = False,
    ) -> bool:
        """Put a file that is new behind the others of its chain.

        Args:
            chain: The chain.
            seen: The file.
            now: The pipeline's clock, in seconds.
            opened: The file and its first bytes, where it is open already.
            at_end: Whether it is read from its end.

        Returns:
            Whether it was still there.
        """
        chains, was_rotated = self._chains, seen.path != chain.path
        try:
            if opened is None:
                content, seen, head = open_candidate(self._disk, seen)
            else:
                content, head = opened
        except FileNotFoundError:
            return False
        except OSError as error:
            # Once a later file is known, nobody looks for one that came before it.
            first = self._failing.setdefault(seen.identity, now)
            if seen.path != chain.path and now - first < _PATIENCE_SECONDS:
                raise
            chains.refuse(seen.path, refusal(self._disk, seen.path, error))
            self.refused[seen.identity] = (chain, seen)
            return True
        if was_rotated and seen.path == chain.path:
            content.close()
            return False  # no file comes back under the log's name: its inode is another's
        if not isinstance(content, Packed) and compressed.is_misnamed(chains, seen.path, head):
            content.close()
            return True
        try:
            self._add(chain, content, seen, head, now, at_end=at_end)
        except OSError:
            content.close()
            raise
        self._failing.pop(seen.identity, None)
        return True

    def _entry(self, chain: ChainFiles, seen: Candidate, head: bytes) -> FileEntry:
        """Return the entry of the next file of a chain."""
        chains, generation = self._chains, chain.generation + 1
        return FileEntry(
            id=new_id(chains.source, chain.path, generation, seen, head),
            source=chains.source,
            path=chain.path,
            file=chains.known.folders.home_of(seen.path),
            generation=generation,
            device=seen.device,
            inode=seen.inode,
            fingerprint=fingerprint(head),
            charset=charset_of(chains.charset, UTF_8, head),
            changed_ns=seen.mtime_ns,
        )

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
        entry, position = self._entry(chain, seen, head), Position()
        if at_end and self._seek is not None:
            mtime_ns = believed_time(seen.mtime_ns, chains.wall_ns)
            entry, position = self._seek(content, entry, seen.size, mtime_ns)
        elif at_end:
            end = end_of_lines(content, seen.size, entry.charset, chains.wall_ns)
            position = Position(end)
        chains.unreadable.pop(seen.path, None)
        chains.active[chain.number] = chain
        original = chains.copies.find_original(chain.path, seen)
        chain.generation += 1
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

    def _beside(self, chain: ChainFiles, names: Sequence[str]) -> list[Candidate]:
        """Return the files that bear one of the names of a chain and more."""
        folders = self._chains.known.folders
        found = folders.beginning_with(chain.path)
        # Another name may be any word, which names of other files begin with too.
        found += [
            other
            for name in names
            if name != chain.path
            for other in folders.beginning_with(name)
            if stem(other.path) == name and not self._covers(other.path)
        ]
        if chain.generation:
            return found
        # While nothing is known of a chain, what a pattern matches is another's.
        return [other for other in found if not self._covers(other.path)]

    def _dated(self, chain: ChainFiles) -> list[Candidate]:
        """Return compressed files that have a date or number inside the name of a known chain.

        `app-1-2026.log.gz` is of `app-1.log` where there is such a log, else of `app.log`.
        """
        if not chain.generation:
            return []
        listing = self._chains.known.folders[os.path.dirname(chain.path)]
        return [
            other
            for other in listing.made_of(chain.path)
            if other.is_packed
            and is_named_after(other.path, chain.path)
            and not any(
                len(log) > len(chain.path) and (log in self._chains.by_path or log in listing)
                for log in originals(other.path)
            )
        ]

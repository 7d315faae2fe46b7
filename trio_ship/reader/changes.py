"""What a look means: files that are new, have grown, were renamed, truncated, replaced.

`Changes` takes one path at a time and says with `follow` what has become of the
file behind it; what comes of that it does to the chains. All of it is disk work
for a worker thread. A step may raise `OSError`, which says that nobody can tell
just now: the caller takes the same step again later.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import (
    CLOCK_NS,
    HEAD,
    Candidate,
    Change,
    fingerprint,
    head_length,
    judge,
)
from trio_ship.notes import Note
from trio_ship.reader import compressed
from trio_ship.reader.arrivals import Arrivals, Seek
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import Content, Plain
from trio_ship.reader.folders import as_candidate, candidate_at
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.state import FileEntry, Identity

__all__ = ["Changes"]


class Changes:
    """Decides what has become of the files of one source.

    Args:
        disk: Where the files are.
        chains: What is being read; the decisions change it.
        covers: Tells whether a path belongs to the source.
        outputs: Returns the identities of the files that sinks write.
        seek: As for `Arrivals`.

    Attributes:
        arrivals: Takes in what is new.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        chains: Chains,
        *,
        covers: Callable[[str], bool],
        outputs: Callable[[], set[Identity]],
        seek: Seek | None = None,
    ) -> None:
        self._disk = disk
        self._chains = chains
        self._outputs = outputs
        self.arrivals = Arrivals(disk, chains, covers=covers, seek=seek)

    def discover(
        self, path: str, seen: Candidate, now: float, *, since_ns: int, at_end: bool
    ) -> None:
        """Take in a file at a path that had none before.

        Args:
            path: The path.
            seen: The file.
            now: The pipeline's clock, in seconds.
            since_ns: When all files that were there were known, in nanoseconds since
                1970; 0 if never.
            at_end: Whether it is read from its end.

        Raises:
            OSError: It cannot be looked at just now.
        """
        chains = self._chains
        if seen.identity in self._outputs():
            chains.notes.append(
                Note.warning(
                    f"{path} is written by a sink and not read; say so with "
                    f'exclude = ["{path}"] in [sources.{chains.source}]'
                )
            )
            return
        known = chains.known.entry_of(seen) or chains.held_as(seen)
        if known is not None:
            if known.path != path:
                chains.notes.append(
                    Note.info(f"{path} is the same file as {known.path}; it is read once")
                )
                self._follow_name(known, seen)
            return
        if self.arrivals.is_nothing_new(path, seen):
            return
        chain = chains.new(path)
        chain.since_ns = since_ns
        self.arrivals.start(chain, seen, now, at_end=at_end)

    def _follow_name(self, known: FileEntry, seen: Candidate) -> None:
        """Keep where a known file is now, if it was renamed into another folder that is watched.

        After a restart it is looked for there.
        """
        folder = os.path.dirname(seen.path)
        if folder in {os.path.dirname(known.file), os.path.dirname(known.path)}:
            return
        there = candidate_at(self._disk, known.file)
        if there is not None and there.identity == seen.identity:
            return
        chains = self._chains
        chain = chains.by_path.get(known.path)
        for tail in () if chain is None else (*chain.tails, *chain.lingering):
            if tail.entry.id == known.id:
                chains.update(tail, chains.moved(known, seen))
                return
        if known.id in chains.known.finished:
            chains.know(chains.moved(known, seen), chains.known.finished[known.id])

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
                self.arrivals.append_passed(chain, now)
            else:
                self.arrivals.begin(chain, seen, now)
            return
        if seen is not None and self._is_another(chain, tail, seen):
            self._truncated(chain, tail, seen, now)
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
                self.arrivals.append_passed(chain, now)
            case Change.REPLACED:
                assert seen is not None  # noqa: S101  (judge says so)
                self._rotated(chain, tail, now)
                self.arrivals.begin(chain, seen, now)
            case Change.SHRANK:
                assert seen is not None  # noqa: S101  (judge says so)
                self._truncated(chain, tail, seen, now)
            case Change.SAME | Change.GREW:
                assert seen is not None  # noqa: S101  (judge says so)
                self._grown(chain, tail, seen, now)

    def take_up_again(self, chain: ChainFiles, now: float) -> None:
        """Find out what became of a chain's first file, which was not what it is read as.

        Raises:
            OSError: It cannot be looked at just now.
        """
        if not chain.tails or chain.hangs:
            return
        if chain.tails[-1].hides:
            # It was found out before, but for what lies behind.
            self._look_behind(chain, chain.tails[-1], now)
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
        if not self._chains.is_same(tail, content.pread(HEAD, 0)):
            self._truncated_unseen(chain, tail, content, now)

    def _is_another(self, chain: ChainFiles, tail: Tail, seen: Candidate) -> bool:
        """Tell whether a file that was not open is gone, and another has its name and inode."""
        if not self._chains.follow or not _is_same_file(tail, seen):
            return False
        try:
            self._chains.open(tail)
        except FileNotFoundError:
            there = candidate_at(self._disk, chain.path)
            if there is None or not _is_same_file(tail, there):
                raise
            return True
        return False

    def _rotated(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        self._chains.rotate(tail, now)
        content = tail.content
        if isinstance(content, Plain) and not self._chains.is_same(tail, content.pread(HEAD, 0)):
            self._truncated_unseen(chain, tail, content, now)
        else:
            self._chains.rest(tail)

    def _truncated_unseen(
        self, chain: ChainFiles, tail: Tail, content: Content, now: float
    ) -> None:
        """Take in that a file was truncated and has lost its name; its descriptor leads to it."""
        held = as_candidate(tail.entry.file, content.status())
        self._truncated(chain, tail, held, now)
        chain.tails[-1].rotated_at = now

    def _grown(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        if not self._chains.follow:
            return
        head = self._chains.open(tail).pread(HEAD, 0)
        if not self._chains.is_same(tail, head):
            self._truncated(chain, tail, seen, now)
            return
        size = tail.size
        was_empty = not head_length(tail.entry.fingerprint) and seen.mtime_ns > chain.since_ns
        if head_length(tail.entry.fingerprint) < min(len(head), HEAD):
            tail.shorter = (*tail.shorter, tail.entry.fingerprint)
            self._chains.update(tail, attrs.evolve(tail.entry, fingerprint=fingerprint(head)))
        if tail.size != seen.size:
            tail.changed_at = now
            tail.mtime_ns = self._chains.grown_ns(seen.mtime_ns)
        tail.size, tail.rotated_at = seen.size, None
        if was_empty or tail.hides:
            try:
                self._look_behind(chain, tail, now)
            except OSError:
                tail.size, tail.hides = size, True  # files before it may be yet to be found
                raise
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
        if self.arrivals.append_passed(chain, now):
            chain.tails.remove(tail)
            chain.tails.append(tail)
            chain.tails[0].position = chain.carry(chain.tails[0].position)
            chain.generation += 1
            self._chains.update(tail, attrs.evolve(tail.entry, generation=chain.generation))
        tail.hides = False

    def _truncated(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        # Nothing is changed before this read, which may fail: the name may be gone by then.
        head = b"" if tail.content is None else tail.content.pread(HEAD, 0)
        content = self._let_go(chain, tail, now)
        since_ns, generation = chain.since_ns, chain.generation
        opened = None if content is None else (content, head)
        self.arrivals.append(chain, seen, now, opened=opened)
        if chain.generation == generation:
            self.arrivals.append_passed(chain, now)
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
        copy = chains.copies.find(chain.path, tail.entry, tail.position)
        earlier = None
        if copy is None:
            earlier = chains.copies.find_earlier(
                chain.path, tail.entry, tail.position, tail.shorter
            )
        if copy is None and earlier is None:
            self._wait_listed(chain, tail, now)
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
                there, entry = earlier
                chains.know(chains.moved(entry, there), tail.position)
            chain.leave(tail.position)
        return content

    def _wait_listed(self, chain: ChainFiles, tail: Tail, now: float) -> None:
        """Have a truncated file wait, once, for a listing that was made after it was truncated.

        One listing of a folder serves all files of a look, and while they are taken in
        the next ones may be copied and truncated.

        Raises:
            OSError: Its folder has changed since the look began, or cannot be looked at.
        """
        if tail.cut_at is None:
            tail.cut_at = now
        if tail.cut_at < now or not self._chains.follow:
            return
        folder = os.path.dirname(chain.path)
        if self._disk.stat(folder).mtime_ns >= self._chains.wall_ns - CLOCK_NS:
            raise BlockingIOError(errno.EAGAIN, "it was truncated just now", chain.path)


def _is_same_file(tail: Tail, seen: Candidate) -> bool:
    return tail.entry.identity == seen.identity

"""The files of one source: which there are, and what a change on disk makes of them.

Everything here is synchronous disk work for a worker thread. `SourceFiles` is
told what the watcher saw (`settle`), decides with `follow` what that means,
and keeps in `chains` the files still to be read, oldest first. Only one task
uses it, and only one thread at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

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
from trio_ship.reader.content import Content, Plain
from trio_ship.reader.locate import candidates_in, open_candidate
from trio_ship.reader.restore import restore
from trio_ship.reader.tails import ChainFiles, Tail, new_id
from trio_ship.reader.watch import Look, Problem, Sighting
from trio_ship.state import FileEntry, Position

__all__ = ["SourceFiles"]

_TAIL_BLOCK: Final = 65_536
_CHECK_SECONDS: Final = 3600.0
_RETRY_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 900.0
_DELETED_SECONDS: Final = 60.0


class SourceFiles:
    """Decides which files the chains of one source have.

    Args:
        disk: Where the files are.
        source: The name of the source.
        follow: Whether files may grow.
        covers: Tells whether a path belongs to the source.
        number: Returns the next free number of a chain.
        from_end: Whether files found by the first look begin at their end.
        recorded: The files known from the checkpoint, and their positions.
        outputs: Returns the identities of the files that sinks write.

    Attributes:
        chains: What is being read.
        forgotten: Files that the snapshot need not know any more, by id.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        source: str,
        *,
        follow: bool,
        covers: Callable[[str], bool],
        number: Callable[[], int],
        from_end: bool,
        recorded: Iterable[tuple[FileEntry, Position]],
        outputs: Callable[[], set[tuple[int, int]]],
    ) -> None:
        self._disk = disk
        self._source = source
        self._follow = follow
        self._covers = covers
        self._from_end = from_end
        self._recorded = list(recorded)
        self._checked_at = 0.0
        self._refused: dict[str, tuple[Candidate, float]] = {}
        self._postponed: dict[str, Sighting] = {}
        self._outputs = outputs
        self._settled = False
        self.chains = Chains(disk, source, follow=follow, number=number, recorded=self._recorded)
        self.forgotten: list[str] = []

    def settle(self, look: Look) -> None:
        """Take in what the watcher saw."""
        now = look.poll.seconds
        self.chains.wall_ns = look.poll.wall_ns
        for active in self.chains.active.values():
            for tail in [] if active.hangs else active.tails:
                self.chains.measure_rotated(tail, now)
        if now - self._checked_at >= _CHECK_SECONDS:
            self._forget(now)
        for folder, error in look.unreadable.items():
            self.chains.notes.append(refusal(self._disk, folder, error))
        first, self._settled = not self._settled, True
        if first:
            restore(self._disk, self.chains, self._recorded, self._covers, look)
        self._look_again(now)
        changed, self._postponed = {**self._postponed, **look.changed}, {}
        for path in sorted(changed):
            self._take(path, changed[path], now, at_end=first and self._from_end)

    def _take(self, path: str, seen: Sighting, now: float, *, at_end: bool) -> None:
        chain = self.chains.by_path.get(path)
        if chain is not None and chain.hangs:
            self._postponed[path] = seen
        elif isinstance(seen, Problem):
            self._refuse(path, seen)
        elif chain is not None:
            self._change(chain, seen, now)
        elif seen is not None:
            self._discover(path, seen, now, at_end=at_end)

    def _forget(self, now: float) -> None:
        """Forget files that were gone for a day."""
        chains = self.chains.by_path.values()
        if not any(chain.hangs for chain in chains):
            self._checked_at = now
            reading = {tail.entry.id for chain in chains for tail in chain.tails}
            self.forgotten += self.chains.known.outlived(now, reading)

    def _look_after(self, chain: ChainFiles, now: float) -> None:
        """Go back to finished files that were written on; let go of those long quiet."""
        for tail in list(chain.lingering):
            content = self.chains.open(tail)
            status = content.status()
            grew = status.size > tail.read_to
            if grew and matches_head(tail.entry.fingerprint, content.pread(HEAD, 0)):
                tail.size, tail.mtime_ns = status.size, status.mtime_ns
                tail.rotated_at = tail.changed_at = now
                tail.retry_at = 0.0
                tail.position = chain.carry(tail.position)
                chain.tails.insert(0, tail)
                self.chains.active[chain.number] = chain
            elif not grew and not self._is_out_of_reach(chain, tail, now):
                continue
            else:
                self.chains.close_tail(tail)
            chain.lingering.remove(tail)

    def _is_out_of_reach(self, chain: ChainFiles, tail: Tail, now: float) -> bool:
        """Tell whether a finished file is to be closed: long quiet, or deleted."""
        if now - tail.changed_at >= _LINGER_SECONDS:
            return True
        if now < tail.retry_at + _DELETED_SECONDS or now < tail.changed_at + _DELETED_SECONDS:
            return False
        tail.retry_at = now
        return all(
            (seen.device, seen.inode) != (tail.entry.device, tail.entry.inode)
            for seen in candidates_in(self._disk, os.path.dirname(chain.path))
        )

    def _look_again(self, now: float) -> None:
        """Look at what is not in the look: files written on, files refused before."""
        for chain in self.chains.by_path.values():
            if chain.lingering and not chain.hangs:
                self._look_after(chain, now)
        for path, (refused, again_at) in list(self._refused.items()):
            if now >= again_at and not self.chains.by_path[path].hangs:
                del self._refused[path]
                self._begin(self.chains.by_path[path], refused, now)

    # What a later look means

    def _discover(self, path: str, seen: Candidate, now: float, *, at_end: bool) -> None:
        if (seen.device, seen.inode) in self._outputs():
            self.chains.notes.append(
                Note.warning(
                    f"{path} is written by a sink and not read; say so with "
                    f'exclude = ["{path}"] in [sources.{self._source}]'
                )
            )
            return
        known = self.chains.known.entry_of(seen)
        if known is not None:
            if known.path != path:
                self.chains.notes.append(
                    Note.info(f"{path} is the same file as {known.path}; it is read once")
                )
            return
        if seen.is_packed and self._is_passed_over(path, seen):
            return
        if self._is_copy(path, seen):
            self.chains.notes.append(
                Note.info(f"{path} is a copy of a file that is read; passed over")
            )
            return
        chain = self.chains.new(path)
        self._begin(chain, seen, now, at_end=at_end)

    def _is_passed_over(self, path: str, seen: Candidate) -> bool:
        """Tell whether a compressed file is not to be read, and say why."""
        try:
            content, _ = open_candidate(self._disk, seen)
        except OSError:
            return False
        content.close()
        if isinstance(content, Plain):
            return False
        if any(path.startswith(followed) for followed in self.chains.by_path):
            text = f"{path} is compressed, and older than what is followed; it is not read"
            self.chains.notes.append(Note.info(text))
        else:
            text = (
                f"{path} is compressed and not read: only what rotation makes of a followed file "
                f'is; say so with exclude = ["{path}"] in [sources.{self._source}]'
            )
            self.chains.notes.append(Note.warning(text))
            self.chains.unreadable[path] = text
        return True

    def _change(self, chain: ChainFiles, seen: Sighting, now: float) -> None:
        tail = chain.tails[-1] if chain.tails else None
        assert not isinstance(seen, Problem)  # noqa: S101  (told apart by the caller)
        if tail is None:
            if seen is not None:
                self._begin(chain, seen, now)
            return
        self.chains.active[chain.number] = chain
        match judge(tail.entry, max(tail.read_to, tail.position.offset), seen):
            case Change.GONE:
                self.chains.rotate(tail, now)
                self._append_passed(chain, now)
            case Change.REPLACED:
                assert seen is not None  # noqa: S101  (judge says so)
                self.chains.rotate(tail, now)
                self._begin(chain, seen, now)
            case Change.SHRANK:
                assert seen is not None  # noqa: S101  (judge says so)
                self._truncated(chain, tail, seen, now)
            case Change.SAME | Change.GREW:
                assert seen is not None  # noqa: S101  (judge says so)
                self._grown(chain, tail, seen, now)

    def _grown(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        if not self._follow:
            return
        try:
            head = self.chains.open(tail).pread(HEAD, 0)
        except OSError as error:
            self.chains.notes.append(refusal(self._disk, chain.path, error))
            return
        if not matches_head(tail.entry.fingerprint, head):
            self._truncated(chain, tail, seen, now)
            return
        if head_length(tail.entry.fingerprint) < min(len(head), HEAD):
            self.chains.update(tail, attrs.evolve(tail.entry, fingerprint=fingerprint(head)))
        if tail.size != seen.size:
            tail.changed_at = now
        tail.size, tail.mtime_ns, tail.rotated_at = seen.size, seen.mtime_ns, None
        chain.since_ns = seen.mtime_ns

    def _truncated(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        copy = self.chains.known.find_copy(chain.path, tail.entry, tail.position)
        self.chains.close_tail(tail)
        if copy is not None:
            self.chains.go_on_in(tail, copy)
            tail.rotated_at = tail.changed_at = now
        else:
            lost = tail.size - tail.position.offset
            text = f"{chain.path} was truncated; it is read from its beginning"
            if lost > 0:
                text += f", and bytes {tail.position.offset} to {tail.size} of it are lost"
            self.chains.notes.append(Note.warning(text) if lost > 0 else Note.info(text))
            chain.tails.remove(tail)
            self.chains.known.finished[tail.entry.id] = tail.position
            chain.leave(tail.position)
        self._append_new(chain, seen, now)

    def _begin(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        """Add the file at the chain's path, and those that came before it unseen."""
        self.chains.active[chain.number] = chain
        known = self.chains.known.entry_of(seen)
        if known is not None:
            if known.path == chain.path and not any(
                tail.entry.id == known.id for tail in chain.tails
            ):
                position = self.chains.known.finished.get(known.id, Position())
                self.chains.add(chain, self.chains.moved(known, seen), position, seen, now)
            return
        passed = self._append_passed(chain, now)
        if (seen.device, seen.inode) not in passed:
            self._append_new(chain, seen, now, at_end=at_end)

    def _append_passed(self, chain: ChainFiles, now: float) -> set[tuple[int, int]]:
        """Add the files that came and were renamed unseen; return their identities."""
        if not chain.since_ns:
            return set()
        known = self.chains.known
        found = candidates_in(self._disk, os.path.dirname(chain.path))
        known_here = {
            (other.device, other.inode) for other in found if known.entry_of(other) is not None
        }
        lengths = {tail.entry.id: tail.size for tail in chain.tails}
        between = [
            other
            for other in successors(chain.path, chain.since_ns, found, known_here)
            if not (other.is_packed and known.is_packed_form(other, lengths, self.chains.wall_ns))
        ]
        for passed in between:
            self._append_new(chain, passed, now)
        return {(other.device, other.inode) for other in between}

    def _append_new(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        try:
            content, seen = open_candidate(self._disk, seen)
        except FileNotFoundError:
            return
        except OSError as error:
            self.chains.notes.append(refusal(self._disk, seen.path, error))
            self.chains.unreadable[seen.path] = str(error)
            self._refused[chain.path] = (seen, now + _RETRY_SECONDS)
            return
        head = content.pread(HEAD, 0)
        self.chains.unreadable.pop(seen.path, None)
        chain.generation += 1
        entry = FileEntry(
            id=new_id(self._source, chain.path, chain.generation, seen, head),
            source=self._source,
            path=chain.path,
            file=seen.path,
            generation=chain.generation,
            device=seen.device,
            inode=seen.inode,
            fingerprint=fingerprint(head),
        )
        offset = _last_line_end(content, seen.size) if at_end else 0
        tail = self.chains.add(chain, entry, Position(offset), seen, now)
        tail.content = content
        if seen.path != chain.path:
            tail.rotated_at = self.chains.age(seen, now)
        chain.since_ns = seen.mtime_ns

    # Small parts

    def _refuse(self, path: str, problem: Problem) -> None:
        if problem.error is None:
            note = Note.warning(f"{path} is a {problem.kind}, not a file; it is not read")
        else:
            note = refusal(self._disk, path, problem.error)
        self.chains.notes.append(note)
        self.chains.unreadable[path] = note.text

    def _is_copy(self, path: str, seen: Candidate) -> bool:
        """Tell whether a new file holds what a file of this source holds."""
        return any(
            self.chains.known.is_copy(seen, tail.entry, tail.size)
            for chain in self.chains.by_path.values()
            if chain.path != path and path.startswith(chain.path) and not chain.hangs
            for tail in chain.tails
        )


def _last_line_end(content: Content, size: int) -> int:
    begin = size
    while begin > 0:
        length = min(_TAIL_BLOCK, begin)
        place = content.pread(length, begin - length).rfind(b"\n")
        if place >= 0:
            return begin - length + place + 1
        begin -= length
    return 0

"""The files of one source: which there are, and what a change on disk makes of them.

Everything here is synchronous disk work for a worker thread. `SourceFiles` is
told what the watcher saw (`settle`), decides with `follow` what that means,
and keeps for every chain the files still to be read, oldest first. Only one
task uses it, and only one thread at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from trio_ship.filesystem import Filesystem
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
from trio_ship.reader.known import KnownFiles
from trio_ship.reader.locate import candidates_in, find_by_identity, open_candidate, open_known
from trio_ship.reader.tails import ChainFiles, Tail, new_id
from trio_ship.reader.watch import Look, Problem, Sighting
from trio_ship.state import FileEntry, Position

__all__ = ["SourceFiles"]

_TAIL_BLOCK: Final = 65_536
_CHECK_SECONDS: Final = 3600.0
_RETRY_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 900.0
_DELETED_SECONDS: Final = 60.0
_SECOND: Final = 1_000_000_000


class SourceFiles:
    """Keeps the chains of one source.

    Args:
        disk: Where the files are.
        source: The name of the source.
        follow: Whether files may grow.
        covers: Tells whether a path belongs to the source.
        number: Returns the next free number of a chain.
        from_end: Whether files found by the first look begin at their end.
        recorded: The files known from the checkpoint, and their positions.
        outputs: Returns the identities of the files that sinks write.
    """

    def __init__(
        self,
        disk: Filesystem,
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
        self._number = number
        self._from_end = from_end
        self._recorded = list(recorded)
        self._known = KnownFiles(disk, self._recorded)
        self._checked_at = 0.0
        self._wall_ns = 0
        self._refused: dict[str, tuple[Candidate, float]] = {}
        self._outputs = outputs
        self._settled = False
        self.chains: dict[str, ChainFiles] = {}
        self.active: dict[int, ChainFiles] = {}
        self.opened: list[ChainFiles] = []
        self.discovered: dict[str, tuple[FileEntry, Position]] = {}
        self.forgotten: list[str] = []
        self.notes: list[Note] = []
        self.unreadable: dict[str, str] = {}

    def settle(self, look: Look) -> None:
        """Take in what the watcher saw."""
        now = look.poll.seconds
        self._wall_ns = look.poll.wall_ns
        for active in self.active.values():
            self._measure_rotated(active, now)
        if now - self._checked_at >= _CHECK_SECONDS:
            self._checked_at = now
            reading = {tail.entry.id for chain in self.chains.values() for tail in chain.tails}
            self.forgotten += self._known.outlived(now, reading)
        for folder, error in look.unreadable.items():
            self.notes.append(refusal(self._disk, folder, error))
        first, self._settled = not self._settled, True
        if first:
            self._restore(look, now)
        self._look_again(now)
        for path in sorted(look.changed):
            seen = look.changed[path]
            chain = self.chains.get(path)
            if isinstance(seen, Problem):
                self._refuse(path, seen)
            elif chain is not None:
                self._change(chain, seen, now)
            elif seen is not None:
                self._discover(path, seen, now, at_end=first and self._from_end)

    def _look_after(self, chain: ChainFiles, now: float) -> None:
        """Go back to finished files that were written on; let go of those long quiet."""
        for tail in list(chain.lingering):
            fd = self.open_tail(tail)
            status = self._disk.fstat(fd)
            grew = status.size > tail.read_to
            if grew and matches_head(tail.entry.fingerprint, self._disk.pread(fd, HEAD, 0)):
                tail.size, tail.mtime_ns = status.size, status.mtime_ns
                tail.rotated_at = tail.changed_at = now
                tail.retry_at = 0.0
                tail.position = chain.carry(tail.position)
                chain.tails.insert(0, tail)
                self.active[chain.number] = chain
            elif not grew and not self._is_out_of_reach(chain, tail, now):
                continue
            else:
                self._close(tail)
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
        for chain in self.chains.values():
            if chain.lingering:
                self._look_after(chain, now)
        for path, (refused, again_at) in list(self._refused.items()):
            if now >= again_at:
                del self._refused[path]
                self._begin(self.chains[path], refused, now)

    def update(self, tail: Tail, entry: FileEntry) -> None:
        """Put a new description of a file in the place of the old one."""
        tail.entry = entry
        self._known.add(entry)
        self.discovered[entry.id] = (entry, tail.position)

    def open_tail(self, tail: Tail) -> int:
        """Return the open file of a tail; OSError if it is not to be had."""
        if tail.fd is None:
            tail.fd = open_known(self._disk, tail.entry)
        return tail.fd

    def finish(self, chain: ChainFiles) -> None:
        """Let go of a chain's first file; the next one begins."""
        tail = chain.tails.pop(0)
        if self._follow and tail.rotated_at is not None and tail.fd is not None:
            chain.lingering.append(tail)
        else:
            self._close(tail)
        self._known.finished[tail.entry.id] = tail.position
        chain.leave(tail.position)
        if chain.tails:
            chain.tails[0].position = chain.carry(chain.tails[0].position)

    def close(self) -> None:
        """Close every file."""
        for chain in self.chains.values():
            for tail in [*chain.tails, *chain.lingering]:
                self._close(tail)

    def close_quiet(self, keep: int) -> None:
        """Close files that are at their end until no more than `keep` are open."""
        tails = [tail for chain in self.chains.values() for tail in chain.tails]
        is_open = [tail for tail in tails if tail.fd is not None]
        quiet = [tail for tail in is_open if tail.rotated_at is None and not tail.is_unread]
        quiet.sort(key=lambda tail: tail.changed_at)
        for tail in quiet[: max(0, len(is_open) - keep)]:
            self._close(tail)

    # The first look after a restart

    def _restore(self, look: Look, now: float) -> None:
        by_path: dict[str, list[tuple[FileEntry, Position]]] = {}
        for entry, position in self._recorded:
            if self._covers(entry.path):
                by_path.setdefault(entry.path, []).append((entry, position))
        for path, recorded in by_path.items():
            recorded.sort(key=lambda item: item[0].generation)
            chain = self._new_chain(path)
            chain.generation = recorded[-1][0].generation
            for entry, position in recorded:
                self._resume(chain, entry, position, now, last=entry is recorded[-1][0])
            if chain.tails:
                chain.tails[0].position = chain.carry(chain.tails[0].position)
            if not isinstance(look.changed.get(path), Candidate):
                for tail in chain.tails:
                    tail.rotated_at = now

    def _resume(
        self, chain: ChainFiles, entry: FileEntry, position: Position, now: float, *, last: bool
    ) -> None:
        seen = find_by_identity(self._disk, entry)
        if seen is None or seen.size < position.offset:
            chain.leave(position)
            # Its time is not known any more; it was changed after its last stamp.
            chain.since_ns = max(chain.since_ns, position.last_ns or 0)
            if not last:
                return
            copy = self._known.find_copy(chain.path, entry, position)
            if copy is not None:
                self._add_tail(chain, self._moved(entry, copy), position, copy, now)
                chain.tails[-1].rotated_at = self._age(copy, now)
            else:
                self.notes.append(
                    Note.warning(
                        f"{entry.file} is gone or was truncated; what stood in it after byte "
                        f"{position.offset} cannot be read"
                    )
                )
            return
        chain.since_ns = seen.mtime_ns
        moved = self._moved(entry, seen)
        if not last and seen.size == position.offset:
            chain.leave(position)
            return
        self._add_tail(chain, moved, position, seen, now)
        if seen.path != chain.path:
            chain.tails[-1].rotated_at = self._age(seen, now)

    # What a later look means

    def _discover(self, path: str, seen: Candidate, now: float, *, at_end: bool) -> None:
        if (seen.device, seen.inode) in self._outputs():
            self.notes.append(
                Note.warning(
                    f"{path} is written by a sink and not read; say so with "
                    f'exclude = ["{path}"] in [sources.{self._source}]'
                )
            )
            return
        known = self._known.entry_of(seen)
        if known is not None:
            if known.path != path:
                self.notes.append(
                    Note.info(f"{path} is the same file as {known.path}; it is read once")
                )
            return
        if self._is_copy(path, seen):
            self.notes.append(Note.info(f"{path} is a copy of a file that is read; passed over"))
            return
        chain = self._new_chain(path)
        self._begin(chain, seen, now, at_end=at_end)

    def _change(self, chain: ChainFiles, seen: Sighting, now: float) -> None:
        tail = chain.tails[-1] if chain.tails else None
        assert not isinstance(seen, Problem)  # noqa: S101  (told apart by the caller)
        if tail is None:
            if seen is not None:
                self._begin(chain, seen, now)
            return
        self.active[chain.number] = chain
        match judge(tail.entry, max(tail.read_to, tail.position.offset), seen):
            case Change.GONE:
                tail.rotated_at = now if tail.rotated_at is None else tail.rotated_at
                self._hold_on(tail)
                self._append_passed(chain, now)
            case Change.REPLACED:
                assert seen is not None  # noqa: S101  (judge says so)
                tail.rotated_at = now if tail.rotated_at is None else tail.rotated_at
                self._hold_on(tail)
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
            head = self._disk.pread(self.open_tail(tail), HEAD, 0)
        except OSError as error:
            self.notes.append(refusal(self._disk, chain.path, error))
            return
        if not matches_head(tail.entry.fingerprint, head):
            self._truncated(chain, tail, seen, now)
            return
        if head_length(tail.entry.fingerprint) < min(len(head), HEAD):
            self.update(tail, attrs.evolve(tail.entry, fingerprint=fingerprint(head)))
        if tail.size != seen.size:
            tail.changed_at = now
        tail.size, tail.mtime_ns, tail.rotated_at = seen.size, seen.mtime_ns, None
        chain.since_ns = seen.mtime_ns

    def _truncated(self, chain: ChainFiles, tail: Tail, seen: Candidate, now: float) -> None:
        copy = self._known.find_copy(chain.path, tail.entry, tail.position)
        self._close(tail)
        if copy is not None:
            self.update(tail, self._moved(tail.entry, copy))
            tail.size, tail.mtime_ns, tail.read_to = copy.size, copy.mtime_ns, tail.position.offset
            tail.rotated_at = tail.changed_at = now
        else:
            lost = tail.size - tail.position.offset
            text = f"{chain.path} was truncated; it is read from its beginning"
            if lost > 0:
                text += f", and bytes {tail.position.offset} to {tail.size} of it are lost"
            self.notes.append(Note.warning(text) if lost > 0 else Note.info(text))
            chain.tails.remove(tail)
            self._known.finished[tail.entry.id] = tail.position
            chain.leave(tail.position)
        self._append_new(chain, seen, now)

    def _begin(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        """Add the file at the chain's path, and those that came before it unseen."""
        self.active[chain.number] = chain
        known = self._known.entry_of(seen)
        if known is not None:
            if known.path == chain.path and not any(
                tail.entry.id == known.id for tail in chain.tails
            ):
                position = self._known.finished.get(known.id, Position())
                self._add_tail(chain, self._moved(known, seen), position, seen, now)
            return
        passed = self._append_passed(chain, now)
        if (seen.device, seen.inode) not in passed:
            self._append_new(chain, seen, now, at_end=at_end)

    def _append_passed(self, chain: ChainFiles, now: float) -> set[tuple[int, int]]:
        """Add the files that came and were renamed unseen; return their identities."""
        if not chain.since_ns:
            return set()
        found = candidates_in(self._disk, os.path.dirname(chain.path))
        known_here = {
            (other.device, other.inode)
            for other in found
            if self._known.entry_of(other) is not None
        }
        between = successors(chain.path, chain.since_ns, found, known_here)
        for passed in between:
            self._append_new(chain, passed, now)
        return {(other.device, other.inode) for other in between}

    def _append_new(
        self, chain: ChainFiles, seen: Candidate, now: float, *, at_end: bool = False
    ) -> None:
        try:
            fd, seen = open_candidate(self._disk, seen)
        except FileNotFoundError:
            return
        except OSError as error:
            self.notes.append(refusal(self._disk, seen.path, error))
            self.unreadable[seen.path] = str(error)
            self._refused[chain.path] = (seen, now + _RETRY_SECONDS)
            return
        head = self._disk.pread(fd, HEAD, 0)
        self.unreadable.pop(seen.path, None)
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
        offset = self._last_line_end(fd, seen.size) if at_end else 0
        self._add_tail(chain, entry, Position(offset), seen, now)
        chain.tails[-1].fd = fd
        if seen.path != chain.path:
            chain.tails[-1].rotated_at = self._age(seen, now)
        chain.since_ns = seen.mtime_ns
        if len(chain.tails) == 1:
            chain.tails[0].position = chain.carry(chain.tails[0].position)

    def _last_line_end(self, fd: int, size: int) -> int:
        begin = size
        while begin > 0:
            length = min(_TAIL_BLOCK, begin)
            block = self._disk.pread(fd, length, begin - length)
            place = block.rfind(b"\n")
            if place >= 0:
                return begin - length + place + 1
            begin -= length
        return 0

    # Small parts

    def _new_chain(self, path: str) -> ChainFiles:
        chain = ChainFiles(number=self._number(), path=path)
        self.chains[path] = self.active[chain.number] = chain
        self.opened.append(chain)
        return chain

    def _add_tail(
        self, chain: ChainFiles, entry: FileEntry, position: Position, seen: Candidate, now: float
    ) -> None:
        tail = Tail(
            entry=entry,
            position=position,
            size=seen.size,
            mtime_ns=seen.mtime_ns,
            read_to=position.offset,
            changed_at=self._age(seen, now),
        )
        chain.tails.append(tail)
        self.update(tail, entry)

    def _age(self, seen: Candidate, now: float) -> float:
        """Return when a file was changed last, on the pipeline's clock, `now` at the latest."""
        return now - max(0.0, (self._wall_ns - seen.mtime_ns) / _SECOND)

    def _moved(self, entry: FileEntry, seen: Candidate) -> FileEntry:
        if entry.device != seen.device and entry.inode == seen.inode:
            self.notes.append(Note.info(f"{seen.path}: its disk has another number now"))
        return attrs.evolve(
            entry, source=self._source, file=seen.path, device=seen.device, inode=seen.inode
        )

    def _measure_rotated(self, chain: ChainFiles, now: float) -> None:
        for tail in chain.tails:
            if tail.rotated_at is not None and tail.fd is not None:
                status = self._disk.fstat(tail.fd)
                if status.size != tail.size:
                    tail.size, tail.mtime_ns, tail.changed_at = status.size, status.mtime_ns, now

    def _hold_on(self, tail: Tail) -> None:
        """Have a renamed file open before its folder forgets it."""
        try:
            self.open_tail(tail)
        except OSError:
            if tail.is_unread:
                self.notes.append(
                    Note.warning(
                        f"{tail.entry.file} is gone; bytes {tail.position.offset} to {tail.size} "
                        "of it are lost"
                    )
                )
            tail.size = tail.read_to

    def _close(self, tail: Tail) -> None:
        if tail.fd is not None:
            self._disk.close(tail.fd)
            tail.fd = None

    def _refuse(self, path: str, problem: Problem) -> None:
        if problem.error is None:
            note = Note.warning(f"{path} is a {problem.kind}, not a file; it is not read")
        else:
            note = refusal(self._disk, path, problem.error)
        self.notes.append(note)
        self.unreadable[path] = note.text

    def _is_copy(self, path: str, seen: Candidate) -> bool:
        """Tell whether a new file holds what a file of this source holds."""
        return any(
            self._known.is_copy(seen, tail.entry, tail.size)
            for chain in self.chains.values()
            if chain.path != path and path.startswith(chain.path)
            for tail in chain.tails
        )

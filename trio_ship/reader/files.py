"""The files of one source: what the watcher saw is taken in, at once or as soon as it can be.

Everything here is synchronous disk work for a worker thread. `SourceFiles` is
told what the watcher saw (`settle`), has `Changes` decide what that means, and
keeps in `chains` the files still to be read, oldest first. A path that cannot be
looked at just now is not gone, not new and not a stranger: it is put off. Only
one task uses it, and only one thread at a time.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import CLOCK_NS, HEAD, Candidate
from trio_ship.globs import has_magic
from trio_ship.look import Look, Problem, Sighting
from trio_ship.notes import Note, refusal
from trio_ship.reader.arrivals import Seek
from trio_ship.reader.chains import Chains
from trio_ship.reader.changes import Changes
from trio_ship.reader.folders import beginnings
from trio_ship.reader.restore import by_chain, restore
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.state import FileEntry, Identity, Position

__all__ = ["SourceFiles"]

_CHECK_SECONDS: Final = 3600.0
_RETRY_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 900.0
_DELETED_SECONDS: Final = 60.0
_CLOSED_SECONDS: Final = 10.0
"""How often a finished file is looked at for which there is no descriptor."""
_PARTS: Final = 16


@attrs.frozen
class _Waiting:
    """A path that was not taken in yet.

    Attributes:
        seen: What stood there last.
        at: When to try again, in seconds of the pipeline's clock.
        since_ns: When all files of its folder were known, before it was seen, in
            nanoseconds since 1970; 0 if never.
    """

    seen: Sighting
    at: float
    since_ns: int


class SourceFiles:
    """Keeps the files that the chains of one source have.

    Args:
        disk: Where the files are.
        chains: What is being read.
        covers: Tells whether a path belongs to the source.
        from_end: Whether files found by the first look begin at their end, or
            where `seek` says.
        since_ns: When all files of the source that were there were known, in
            nanoseconds since 1970; 0 at the very first start.
        recorded: The files known from the checkpoint, and their positions.
        outputs: Returns the identities of the files that sinks write.
        seek: As for `Changes`.

    Attributes:
        chains: As given.
        forgotten: Files that the snapshot need not know any more, by id.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        chains: Chains,
        *,
        covers: Callable[[str], bool],
        from_end: bool,
        since_ns: int,
        recorded: Sequence[tuple[FileEntry, Position]],
        outputs: Callable[[], set[Identity]],
        seek: Seek | None = None,
    ) -> None:
        self._disk = disk
        self._from_end = from_end
        self._since_ns = since_ns
        self._checked_at = -_CHECK_SECONDS
        self._put_off: dict[str, _Waiting] = {}
        self._refused_until = 0.0
        self._absent: dict[str, float] = {}
        self._unlisted: dict[str, int] = {}
        self._unrestored = by_chain(recorded)
        self._sighted: dict[int, Candidate] = {}
        self._hanging: set[str] = set()
        self._changes = Changes(disk, chains, covers=covers, outputs=outputs, seek=seek)
        self.chains = chains
        self.forgotten: list[str] = []

    def settle(self, look: Look) -> None:
        """Take in what the watcher saw."""
        now = look.poll.seconds
        self.chains.known.folders.forget()
        self.chains.before_ns, self.chains.wall_ns = self.chains.wall_ns, look.poll.wall_ns
        self.chains.known.now, self.chains.known.wall_ns = now, look.poll.wall_ns
        for chain in self.chains.active.values():
            for tail in [] if chain.hangs else chain.tails:
                if tail.rotated_at is not None:
                    self.chains.hold_on(tail, now)
                    self.chains.rest(tail)
        self._hanging = {path for path, chain in self.chains.by_path.items() if chain.hangs}
        self._note_unlisted(look)
        if self._unrestored:
            self._restore_all(look, now)
        self._look_again(now)
        due = {path: one.seen for path, one in self._put_off.items() if now >= one.at}
        changed = {**dict.fromkeys(self._left(look, now)), **due, **look.changed}
        for path in sorted(changed):
            self._put_off[path] = self._waiting(path, changed[path], now + _RETRY_SECONDS)
            if not self._can_take_in(path):
                continue
            if self._try(path, functools.partial(self._take_in, path, changed[path], now)):
                del self._put_off[path]
            self._rest(self.chains.by_path.get(path))
        self._retry_refused(now)
        self._tell_missing(look)
        self._since_ns = look.poll.wall_ns - CLOCK_NS
        self._unlisted = {folder: self._unlisted[folder] for folder in look.unreadable}
        if now - self._checked_at >= _CHECK_SECONDS:
            self._forget_gone(now)
        self.chains.known.folders.forget()

    def _note_unlisted(self, look: Look) -> None:
        for folder in self._unlisted.keys() - look.unreadable.keys():
            self.chains.unreadable.pop(folder, None)
        for folder, error in look.unreadable.items():
            self._unlisted.setdefault(folder, self._since_ns)
            self.chains.refuse(folder, refusal(self._disk, folder, error))

    def _left(self, look: Look, now: float) -> list[str]:
        """Return the paths that files may have come to and left again unseen."""
        self._absent = {
            path: since for path, since in self._absent.items() if now - since < _LINGER_SECONDS
        }
        return [path for path in self._absent if os.path.dirname(path) in look.renamed]

    def _waiting(self, path: str, seen: Sighting, at: float) -> _Waiting:
        """Return what to keep of a path until it is taken in."""
        if path in self._put_off:
            return attrs.evolve(self._put_off[path], seen=seen, at=at)
        unlisted = (self._unlisted[folder] for folder in _above(path, self._unlisted))
        return _Waiting(seen, at, min(unlisted, default=self._since_ns))

    def _seen_before(self, path: str) -> Sighting:
        return self._put_off[path].seen if path in self._put_off else None

    def _can_take_in(self, path: str) -> bool:
        chain = self.chains.by_path.get(path)
        if chain is None:
            # It may be what has become of a file that nobody could look for yet.
            return not (self._unrestored or self._hanging) or not any(
                beginning in self._unrestored or beginning in self._hanging
                for beginning in beginnings(path)
            )
        return not chain.hangs

    def _try(self, path: str, step: Callable[[], None]) -> bool:
        """Do a step that may fail; it is done again later then."""
        try:
            step()
        except BlockingIOError as error:
            # Written just now: that is no trouble yet.
            self.chains.unreadable[path] = f"{path} cannot be read: {error.strerror}"
            return False
        except OSError as error:
            self.chains.refuse(path, refusal(self._disk, path, error))
            return False
        return True

    def _rest(self, chain: ChainFiles | None) -> None:
        """Close what was opened to see how it has changed, as far as others may need it.

        The files of one look may be more than may stay open, and are read only behind it.
        """
        if chain is not None and not chain.hangs:
            for tail in chain.tails:
                self.chains.rest(tail)

    def _take_in(self, path: str, seen: Sighting, now: float) -> None:
        chain = self.chains.by_path.get(path)
        self.chains.unreadable.pop(path, None)
        if seen is not None:
            self._absent.pop(path, None)
        elif chain is not None:
            self._absent.setdefault(path, now)
        if isinstance(seen, Problem):
            self._refuse(path, seen)
        elif chain is not None:
            self._changes.change(chain, seen, now)
        elif seen is not None:
            since_ns = self._put_off[path].since_ns
            at_end = self._from_end and not since_ns
            self._changes.discover(path, seen, now, since_ns=since_ns, at_end=at_end)

    def _refuse(self, path: str, problem: Problem) -> None:
        if problem.error is None:
            text = f"{path} is a {problem.kind}, not a file; it is not read"
            if problem.kind == "folder":
                text += f" (the files in it: {os.path.join(path, '*')})"
            note = Note.warning(text)
        else:
            note = refusal(self._disk, path, problem.error)
        self.chains.refuse(path, note)

    def _tell_missing(self, look: Look) -> None:
        """Say which paths that were named lead nowhere, where nothing is known of them either."""
        for path in look.missing:
            if path in self.chains.by_path or path in self._unrestored:
                continue
            text = f"{path}: there is no such file"
            if self.chains.follow:
                text += " yet; it is waited for"
            else:
                text += "; give a pattern without quotes" if has_magic(path) else "; check the path"
                self.chains.unreadable[path] = text
            self.chains.notes.append(Note.warning(text))

    def _restore_all(self, look: Look, now: float) -> None:
        """Take up what the checkpoint knows, as far as that can be done by now."""
        found = [seen for seen in look.changed.values() if isinstance(seen, Candidate)]
        self._sighted |= {seen.inode: seen for seen in found}
        for path in list(self._unrestored):
            seen = look.changed[path] if path in look.changed else self._seen_before(path)
            self._try(path, functools.partial(self._restore, path, seen, look, now))
        if not self._unrestored:
            self._sighted = {}

    def _restore(self, path: str, seen: Sighting, look: Look, now: float) -> None:
        """Take up what is known of a chain, also where nothing bears the name of its log now."""
        is_there = isinstance(seen, Candidate)
        if seen is None and _above(path, look.unreadable):
            raise BlockingIOError(errno.EAGAIN, "its folder could not be listed", path)
        restore(
            self._disk,
            self.chains,
            self._unrestored[path],
            now,
            is_there=is_there,
            sighted=self._sighted,
        )
        del self._unrestored[path]
        self.chains.unreadable.pop(path, None)
        if not is_there:
            # Is there really nothing, and what came before it?
            self._put_off[path] = self._waiting(path, None, now)

    def _forget_gone(self, now: float) -> None:
        """Let the entries of files go that were gone for long."""
        chains = self.chains.by_path.values()
        if self._unrestored or any(chain.hangs for chain in chains):
            return
        self._checked_at = now
        reading = {tail.entry.id for chain in chains for tail in (*chain.tails, *chain.lingering)}
        known = self.chains.known
        with contextlib.suppress(OSError):  # the next check does it
            changed, forgotten = known.outlived(self.chains.wall_ns, reading)
            self.forgotten += forgotten
            for entry in changed:
                self.chains.discovered[entry.id] = (entry, known.finished[entry.id])

    def _look_again(self, now: float) -> None:
        """Look at what is not in the look: files written on, or doubted."""
        for chain in self.chains.by_path.values():
            if chain.lingering and not chain.hangs:
                self._look_after(chain, now)
        doubtful, self.chains.doubtful = self.chains.doubtful, set()
        for path in doubtful:
            chain = self.chains.by_path[path]
            step = functools.partial(self._changes.take_up_again, chain, now)
            if not self._try(path, step):
                self.chains.doubtful.add(path)
            self._rest(chain)

    def _retry_refused(self, now: float) -> None:
        """Try again what could not be opened, behind what the look has shown of its chain."""
        if now < self._refused_until:
            return
        self._refused_until = now + _RETRY_SECONDS
        refused, self._changes.arrivals.refused = self._changes.arrivals.refused, {}
        for identity, (chain, seen) in refused.items():
            step = functools.partial(self._changes.arrivals.retry, chain, seen, now)
            if chain.hangs or not self._try(seen.path, step):
                self._changes.arrivals.refused[identity] = (chain, seen)

    def _look_after(self, chain: ChainFiles, now: float) -> None:
        """Go back to finished files that were written on; let go of those long quiet."""
        for tail in list(chain.lingering):
            if tail.content is None:
                if now < tail.retry_at:
                    continue
                # Not all of them in the same look.
                tail.retry_at = now + _CLOSED_SECONDS * (1 + chain.number % _PARTS / _PARTS)
            grew = is_same = False
            try:
                content = self.chains.open(tail)
                status = content.status()
                grew = status.size > tail.read_to
                is_same = grew and self.chains.is_same(tail, content.pread(HEAD, 0))
                if not grew and not self._is_out_of_reach(chain, tail, now):
                    self.chains.linger(chain, tail)
                    continue
            except FileNotFoundError:
                pass  # it is deleted
            except OSError:
                continue  # the next look asks again
            if is_same:
                tail.size, tail.mtime_ns = status.size, self.chains.grown_ns(status.mtime_ns)
                tail.rotated_at = tail.changed_at = now
                tail.retry_at = 0.0
                tail.position = chain.carry(tail.position)
                chain.tails.insert(0, tail)
                self.chains.known.finished.pop(tail.entry.id, None)
                self.chains.active[chain.number] = chain
            else:
                self.chains.close_tail(tail)
            self.chains.part_for_good(chain, tail)

    def _is_out_of_reach(self, chain: ChainFiles, tail: Tail, now: float) -> bool:
        """Tell whether a finished file is to be closed: long quiet, or deleted."""
        if now - tail.changed_at >= _LINGER_SECONDS:
            return True
        if now < tail.retry_at + _DELETED_SECONDS or now < tail.changed_at + _DELETED_SECONDS:
            return False
        tail.retry_at = now
        folders = map(os.path.dirname, (tail.entry.file, chain.path))
        return all(
            seen.device != tail.entry.device
            for listing in self.chains.known.folders.of(*folders)
            for seen in listing.with_inode(tail.entry.inode)
        )


def _above(path: str, folders: Iterable[str]) -> list[str]:
    """Return those folders that a path lies in, at any depth."""
    return [folder for folder in folders if path.startswith(os.path.join(folder, ""))]

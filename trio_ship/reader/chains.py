"""The chains of one source and the files they hold: opened, described, let go.

Plain state with a verb for each thing that happens to it; what a change on disk
means is decided elsewhere (`files`, `restore`). Its disk calls block, so they
are made in a worker thread, by one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from trio_ship.decode.charsets import UTF_8
from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import Candidate, believed_time, matches_head, packing_of
from trio_ship.notes import Note
from trio_ship.reader.content import Content, Plain
from trio_ship.reader.copies import Copies
from trio_ship.reader.folders import candidate_at
from trio_ship.reader.known import KnownFiles
from trio_ship.reader.locate import is_at, open_known
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles, Tail
from trio_ship.state import FileEntry, Position

__all__ = ["Chains"]

_SECOND: Final = 1_000_000_000
_UNMEASURED: Final = 1 << 20
_UNPACKING_MOST: Final = 16
"""How many streams that take megabytes may be kept; others are unpacked again."""


class Chains:
    """What is being read of a source, and what is known of it.

    Args:
        disk: Where the files are.
        source: The name of the source.
        follow: Whether files may grow.
        number: Returns the next free number of a chain.
        recorded: The files known from the checkpoint, and their positions.
        keep: How many files may stay open.
        charset: How the configuration says that text is encoded.
        stops: Where records of files end in any case, by id, ascending.

    Attributes:
        source: As given.
        charset: As given.
        follow: As given.
        by_path: Every chain.
        active: Those that may have something to read, by number.
        known: Every file met.
        copies: Copies of those.
        opened: Chains that the sequencer has not heard of.
        discovered: Files, new or better known, that the snapshot lacks, by id.
        doubtful: Paths of chains whose file was not what it is read as.
        unreadable: Why paths cannot be read.
        notes: What is to be said.
        replaced: Bytes and units met, since somebody took that up, that are no
            characters and were replaced.
        wall_ns: The wall clock before the last look, nanoseconds since 1970.
        before_ns: The wall clock before the look before that one.
    """

    def __init__(
        self,
        disk: ReadableFilesystem,
        source: str,
        *,
        follow: bool,
        number: Callable[[], int],
        recorded: Iterable[tuple[FileEntry, Position]],
        keep: int,
        charset: str = UTF_8,
        stops: Mapping[str, Sequence[int]] = MappingProxyType({}),
    ) -> None:
        self._disk = disk
        self.follow = follow
        self._number = number
        self.source = source
        self._keep = keep
        self.charset = charset
        self._stops = stops
        self._open = 0
        self._unpacking: dict[Packed, None] = {}
        self.known = KnownFiles(disk, recorded)
        self.copies = Copies(disk, self.known)
        self.by_path: dict[str, ChainFiles] = {}
        self.active: dict[int, ChainFiles] = {}
        self.opened: list[ChainFiles] = []
        self.discovered: dict[str, tuple[FileEntry, Position]] = {}
        self.doubtful: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self.notes: list[Note] = []
        self.replaced = 0
        self.wall_ns = 0
        self.before_ns = 0

    def refuse(self, path: str, note: Note) -> None:
        """Say why a path cannot be read, and keep it for the end of a one-shot run."""
        self.notes.append(note)
        self.unreadable[path] = note.text

    def new(self, path: str) -> ChainFiles:
        """Begin a chain."""
        chain = ChainFiles(number=self._number(), path=path)
        self.by_path[path] = self.active[chain.number] = chain
        self.opened.append(chain)
        return chain

    def add(
        self, chain: ChainFiles, entry: FileEntry, position: Position, seen: Candidate, now: float
    ) -> Tail:
        """Put a file behind the others of its chain, to be read from `position`."""
        tail = Tail(
            entry=entry,
            position=position,
            size=self.length(seen, position, entry),
            mtime_ns=believed_time(seen.mtime_ns, self.wall_ns),
            read_to=position.offset,
            changed_at=self.age(seen, now),
            stops=self._stops.get(entry.id, ()),
        )
        chain.tails.append(tail)
        self.known.finished.pop(entry.id, None)
        self.update(tail, entry)
        if chain.tails[0] is tail:
            tail.position = chain.carry(position)
        return tail

    def length(self, seen: Candidate, position: Position, entry: FileEntry) -> int:
        """Return how long a file is; a compressed one, until its end was seen, has some more."""
        if not seen.is_packed:
            return seen.size
        if entry.unpacked and seen.mtime_ns == entry.changed_ns:
            return entry.unpacked
        return self.more_than(position.offset)

    @staticmethod
    def more_than(offset: int) -> int:
        """Return how long a compressed file is of which so much was read, and not its end."""
        return offset + _UNMEASURED

    def update(self, tail: Tail, entry: FileEntry) -> None:
        """Put a new description of a file in the place of the old one."""
        tail.entry = entry
        self.know(entry, tail.position)

    def know(self, entry: FileEntry, position: Position) -> None:
        """Take in a file, or a better description of one."""
        self.known.add(entry)
        self.discovered[entry.id] = (entry, position)

    def moved(self, entry: FileEntry, seen: Candidate) -> FileEntry:
        """Return the description of a known file that was found somewhere."""
        if entry.device != seen.device and entry.inode == seen.inode:
            self.notes.append(
                Note.info(
                    f"device {entry.device} has the number {seen.device} now; "
                    "its files are known by inode and content"
                )
            )
        return attrs.evolve(
            entry,
            source=self.source,
            file=self.known.folders.home_of(seen.path),
            device=seen.device,
            inode=seen.inode,
            unpacked=entry.unpacked if entry.inode == seen.inode else 0,
            gone_ns=None,
        )

    def age(self, seen: Candidate, now: float) -> float:
        """Return when a file was changed last, on the pipeline's clock, `now` at the latest."""
        mtime_ns = believed_time(seen.mtime_ns, self.wall_ns)
        return now - max(0.0, (self.wall_ns - mtime_ns) / _SECOND)

    def grown_ns(self, mtime_ns: int) -> int:
        """Return when a file was changed that has grown since the look before the last."""
        return max(believed_time(mtime_ns, self.wall_ns), self.before_ns)

    def open(self, tail: Tail) -> Content:
        """Return the open file of a tail; OSError if it is not to be had."""
        if tail.content is None:
            self.hold(tail, open_known(self._disk, tail.entry, self.known.folders))
        assert tail.content is not None  # noqa: S101  (it is held)
        return tail.content

    def hold(self, tail: Tail, content: Content) -> None:
        """Take an open file."""
        tail.content = content
        tail.packed = isinstance(content, Packed)
        self._open += 1

    def held_as(self, seen: Candidate) -> FileEntry | None:
        """Return the file that a chain has open, or at its path, if this is another name of it.

        It may be truncated just now: its chain finds that out.

        Raises:
            OSError: Nobody can tell just now.
        """
        entry = self.known.bearer(seen)
        if entry is None:
            return None
        chain = self.by_path.get(entry.path)
        tails = [] if chain is None else chain.tails
        if any(tail.entry is entry and tail.content is not None for tail in tails):
            return entry
        there = candidate_at(self._disk, entry.path)
        return entry if there is not None and there.identity == seen.identity else None

    def part(self, tail: Tail) -> Content | None:
        """Give away the open file of a tail, if it is open."""
        content, tail.content = tail.content, None
        if isinstance(content, Packed):
            self._unpacking.pop(content, None)
        self._open -= content is not None
        return content

    def rest(self, tail: Tail) -> None:
        """Have a file that was just used take nothing that others may need.

        It is closed if more are open than may stay so.
        """
        if self._open > (self._keep if tail.rotated_at is not None else self._keep_named):
            self.close_tail(tail)
        elif isinstance(tail.content, Packed) and tail.content.is_heavy:
            self._unpacking.pop(tail.content, None)
            self._unpacking[tail.content] = None
            if len(self._unpacking) > _UNPACKING_MOST:
                longest_unused = next(iter(self._unpacking))
                longest_unused.drop()
                del self._unpacking[longest_unused]

    @property
    def _keep_named(self) -> int:
        """How many files may stay open while one of them has its name.

        That will be found again; one that has lost its name may be deleted, and room for
        such is left.
        """
        return self._keep // 2 if self.follow else self._keep

    def is_same(self, tail: Tail, head: bytes) -> bool:
        """Tell whether an open file that begins with `head` is still what it was read as.

        Raises:
            OSError: It cannot be read just now.
        """
        return matches_head(tail.entry.fingerprint, head) and is_at(self.open(tail), tail.position)

    def rotate(self, tail: Tail, now: float) -> None:
        """Take in that a file has lost its name; it is to `rest` then."""
        tail.rotated_at = now if tail.rotated_at is None else tail.rotated_at
        self.hold_on(tail, now)

    def hold_on(self, tail: Tail, now: float) -> None:
        """Have a renamed file open before its folder forgets it, and see whether it grows.

        Where nobody can tell just now, the next look asks again.
        """
        try:
            if tail.content is None:
                self.open(tail)
                tail.failures = 0
            self._measure(tail, now)
            if not tail.retry_at:  # no read has failed
                tail.failures = 0
        except FileNotFoundError:
            self._go_on_packed(tail)
        except OSError:
            tail.failures = max(1, tail.failures)  # it is not over before it was looked at

    def _measure(self, tail: Tail, now: float) -> None:
        if isinstance(tail.content, Plain):
            status = tail.content.status()
            if status.size != tail.size:
                tail.size, tail.changed_at = status.size, now
                tail.mtime_ns = self.grown_ns(status.mtime_ns)

    def _go_on_packed(self, tail: Tail) -> None:
        """Go on with a file that is gone in what compressing has made of it, if anything."""
        try:
            packed = self.known.packed_form(tail.entry, tail.position)
        except OSError:
            tail.failures = max(1, tail.failures)
            return
        if packed is not None:
            self.go_on_in(tail, packed)
            return
        if tail.is_unread:
            self.notes.append(
                Note.warning(
                    f"{tail.entry.file} is gone; bytes {tail.position.offset} to {tail.size} "
                    "of it are lost"
                )
            )
        tail.size, tail.failures = tail.read_to, 0

    def go_on_in(self, tail: Tail, seen: Candidate) -> None:
        """Go on with a file in a copy, or in its compressed form."""
        self.close_tail(tail)
        self.update(tail, self.moved(tail.entry, seen))
        tail.size = self.length(seen, tail.position, tail.entry)
        tail.mtime_ns = believed_time(seen.mtime_ns, self.wall_ns)
        tail.read_to = tail.position.offset
        tail.failures, tail.retry_at, tail.cut_at = 0, 0.0, None

    def finish(self, chain: ChainFiles) -> None:
        """Let go of a chain's first file; the next one begins."""
        tail = chain.tails.pop(0)
        may_grow = self.follow and not packing_of(tail.entry.file)
        if may_grow and tail.rotated_at is not None:
            self.linger(chain, tail)
        else:
            self.close_tail(tail)
        self.known.finished[tail.entry.id] = tail.position
        chain.leave(tail.position)
        if chain.tails:
            chain.tails[0].position = chain.carry(chain.tails[0].position)

    def linger(self, chain: ChainFiles, tail: Tail) -> None:
        """Keep a finished file in view: somebody may write on."""
        if tail not in chain.lingering:
            chain.lingering.append(tail)
        self.rest(tail)
        if tail.content is not None:
            self.known.lingering.add(tail.entry.id)
        else:
            self.known.lingering.discard(tail.entry.id)

    def part_for_good(self, chain: ChainFiles, tail: Tail) -> None:
        """Take a finished file out of view."""
        chain.lingering.remove(tail)
        self.known.lingering.discard(tail.entry.id)

    def close_tail(self, tail: Tail) -> None:
        """Close a file if it is open."""
        content = self.part(tail)
        if content is not None:
            content.close()

    def close_quiet(self) -> None:
        """Close files that are at their end until no more are open than may stay so."""
        if self._open <= self._keep:
            return
        chains = self.by_path.values()
        tails = [tail for chain in chains if not chain.hangs for tail in chain.tails]
        is_open = [tail for tail in tails if tail.content is not None]
        quiet = [tail for tail in is_open if tail.rotated_at is None and not tail.is_unread]
        quiet.sort(key=lambda tail: tail.changed_at)
        for tail in quiet[: self._open - self._keep]:
            self.close_tail(tail)

    def close(self) -> None:
        """Close every file."""
        for chain in self.by_path.values():
            for tail in [*chain.tails, *chain.lingering]:
                self.close_tail(tail)

"""A chain's files while they are read: plain state, changed by `files` and `rounds`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs

from trio_ship.follow import Candidate, fingerprint, packing_of
from trio_ship.reader.content import Content
from trio_ship.state import FileEntry, Position

__all__ = ["ChainFiles", "Tail", "new_id"]


@attrs.define(kw_only=True, eq=False, repr=False)
class Tail:
    """One file while it is being read.

    Attributes:
        entry: Who it is.
        position: Behind the last record handed over; the next read begins here.
        size: Its length as last seen, in bytes.
        mtime_ns: Its modification time as last seen.
        content: The open file, or None.
        packed: Whether it is compressed, as far as it was opened.
        read_to: All before it has been looked at; what lies between `position`
            and here waits for more bytes or for time.
        sought: Whether stamps were looked for from its beginning to its end.
        want: How many bytes the next read should ask for, for a long record.
        held: Whether its last record has complete lines but stays open.
        lacking: Whether the last record handed over was left without its end.
        bare: How the last lines handed over behind its last stamp begin.
        held_since: When that began, in seconds of the pipeline's clock.
        changed_at: When it was last seen to have changed.
        rotated_at: When it was seen to have lost its name to another file.
        retry_at: When to try again after an error; 0 if there was none.
        failures: Reads that have failed one after the other.
        stops: Where a sink has been that had more than the others before a restart,
            ascending. Records end there, or it would lack the end of one.
        cut_at: When it was first seen to have been truncated, while its copy is looked for.
        shorter: Its fingerprints while it was shorter than what they are made of.
        hides: Whether copies of what stood in it before are yet to be looked for.
    """

    entry: FileEntry
    position: Position
    size: int = 0
    mtime_ns: int = 0
    content: Content | None = None
    packed: bool = False
    read_to: int = 0
    sought: bool = False
    want: int = 0
    held: bool = False
    lacking: bool = False
    bare: Sequence[bytes] = ()
    held_since: float = 0.0
    changed_at: float = 0.0
    rotated_at: float | None = None
    retry_at: float = 0.0
    failures: int = 0
    stops: Sequence[int] = ()
    cut_at: float | None = None
    shorter: Sequence[str] = ()
    hides: bool = False

    @property
    def next_stop(self) -> int | None:
        """Where the next read has to end at the latest."""
        return next((stop for stop in self.stops if stop > self.position.offset), None)

    @property
    def is_measured(self) -> bool:
        """Whether `size` is its length; that of a compressed file is known once it was read."""
        return not packing_of(self.entry.file) or self.size == self.entry.unpacked

    @property
    def is_unread(self) -> bool:
        """Whether bytes are known that nobody has looked at."""
        return self.size > self.read_to


@attrs.define(kw_only=True, eq=False, repr=False)
class ChainFiles:
    """A path and the files it has had that are not finished.

    Attributes:
        number: The number of the chain in the sequencer.
        path: The path.
        tails: The files, oldest first; only the first is read.
        lingering: Finished files without their name: somebody may write on. They are
            open as far as there are descriptors.
        max_ns: The running maximum behind the last finished file.
        generation: The highest generation given to a file.
        since_ns: Modification time of the file seen last.
        hangs: Whether a thread is in a read of the first file that does not
            return; then nobody else touches the chain's files.
    """

    number: int
    path: str
    tails: list[Tail] = attrs.field(factory=list)
    lingering: list[Tail] = attrs.field(factory=list)
    max_ns: int | None = None
    generation: int = 0
    since_ns: int = 0
    hangs: bool = False

    def carry(self, position: Position) -> Position:
        """Return a position with the running maximum of the files before it."""
        if self.max_ns is None or (position.max_ns is not None and position.max_ns >= self.max_ns):
            return position
        return attrs.evolve(position, max_ns=self.max_ns)

    def leave(self, position: Position) -> None:
        """Keep the running maximum of a file that is finished, for those behind it."""
        if position.max_ns is not None:
            self.max_ns = position.max_ns


def new_id(source: str, path: str, generation: int, seen: Candidate, head: bytes) -> str:
    """Draw the id of a file: the same for the same file in the same place."""
    parts = (source, path, generation, seen.device, seen.inode, fingerprint(head))
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=8).hexdigest()

"""What the tasks of a pipeline share: immutable values, each swapped whole.

Whoever has news puts a new value in the place of the old one by assigning one
attribute, and rings the bells of those who wait. All of this happens on Trio's
thread, so a reader of an attribute sees one consistent moment and no task ever
waits for a lock.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

import attrs
import numpy as np
import trio

from trio_ship.batch import I64
from trio_ship.look import Look
from trio_ship.report import Poll
from trio_ship.state import FileEntry, Position, Snapshot

__all__ = ["Bell", "Board", "Statistics"]


class Bell:
    """Wakes one task; a ring in advance is remembered."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Wake the waiting task, or the next wait."""
        self._event.set()

    async def wait_ring(self) -> None:
        """Wait for a ring since the last return."""
        await self._event.wait()
        self._event = trio.Event()


@attrs.frozen(kw_only=True)
class Statistics:
    """What a pipeline has done since its start.

    Attributes:
        records: Records delivered.
        bytes: Bytes of these records in their files.
        late: Records delivered late.
        ahead: Records delivered ahead of the frontier.
        dropped: Late records left out.
        unparsed: Records without a stamp of their own, what goes on with one that was
            cut or has left being none.
        impossible: Records with a stamp too far in the future.
        cut: Parts of records that were too long.
        replaced: Records whose bytes were not UTF-8 and were replaced in json.
        undecodable: What was no character of its file's charset, and was replaced.
        cut_nuls: NUL bytes cut from the start of messages in json.
        fieldless: Records in which no fields were found, though they are parsed.
        backlog_bytes: Bytes found unread at the start, without what is compressed.
        backlog_packed: Compressed files found then, of whose length nobody knows.
        files: Files known.
        saves: Checkpoints saved.
        failed_saves: Saves that failed.
        hangs: Disk calls of readers that did not return in time.
    """

    records: int = 0
    bytes: int = 0
    late: int = 0
    ahead: int = 0
    dropped: int = 0
    unparsed: int = 0
    impossible: int = 0
    cut: int = 0
    replaced: int = 0
    undecodable: int = 0
    cut_nuls: int = 0
    fieldless: int = 0
    backlog_bytes: int = 0
    backlog_packed: int = 0
    files: int = 0
    saves: int = 0
    failed_saves: int = 0
    hangs: int = 0

    def plus(self, **more: int) -> Statistics:
        """Return the statistics with some of them raised."""
        return attrs.evolve(self, **{name: getattr(self, name) + n for name, n in more.items()})


class Board:
    """The values that tasks share.

    Args:
        snapshot: The cut that every sink has taken.
        most_unwritten: How much of what has left the sequencer a sink may have to
            write yet while readers go on, in bytes.

    Attributes:
        snapshot: The cut that every sink has taken.
        statistics: What has been done.
        pending: Bytes waiting in the sequencer, by number of the chain.
        accepted: Bytes that have come to it so far, by number of the chain.
        readers: The bell of every reader, by name of the source.
        found: Rings when files were found that no checkpoint has.
    """

    def __init__(self, snapshot: Snapshot, *, most_unwritten: float = math.inf) -> None:
        self.snapshot = snapshot
        self._most_unwritten = most_unwritten
        self._unwritten: Counter[str] = Counter()
        self.statistics = Statistics()
        self.pending: I64 = np.zeros(0, np.int64)
        self.accepted: I64 = np.zeros(0, np.int64)
        self.readers: dict[str, Bell] = {}
        self.found = Bell()
        self._looks: dict[str, Look] = {}

    def put_look(self, source: str, look: Look) -> None:
        """Leave a look for the reader of a source."""
        self._looks[source] = look.after(self._looks.get(source))
        self.readers[source].ring()

    def take_look(self, source: str) -> Look | None:
        """Return what was seen since the last call, if anything."""
        return self._looks.pop(source, None)

    def last_poll(self, source: str) -> Poll | None:
        """Return the poll of the look that nobody has taken up yet."""
        look = self._looks.get(source)
        return look.poll if look is not None else None

    def put_pending(self, pending: I64, accepted: I64) -> None:
        """Publish what waits in the sequencer, and what it has had; readers with room go on."""
        self.pending, self.accepted = pending, accepted
        for bell in self.readers.values():
            bell.ring()

    @property
    def is_behind(self) -> bool:
        """Whether a sink has so much to write yet that readers wait for it."""
        return max(self._unwritten.values(), default=0) > self._most_unwritten

    def put_unwritten(self, sinks: Iterable[str], size: int) -> None:
        """Say that so many bytes go to each of some sinks."""
        self._unwritten.update(dict.fromkeys(sinks, size))

    def put_written(self, sink: str, size: int) -> None:
        """Say that a sink has written so many of them; readers that waited go on."""
        was_behind = self.is_behind
        self._unwritten[sink] -= size
        if was_behind and not self.is_behind:
            for bell in self.readers.values():
                bell.ring()

    def discover(self, found: Mapping[str, tuple[FileEntry, Position]]) -> None:
        """Put new or better known files, by id, into the snapshot.

        The position given counts only for a file that the snapshot lacks.
        """
        old = self.snapshot
        files = {**old.files, **{name: entry for name, (entry, _) in found.items()}}
        new = {name: place for name, (_, place) in found.items() if name not in old.positions}
        if new:
            self.found.ring()
        self.snapshot = attrs.evolve(
            old,
            files=MappingProxyType(files),
            positions=MappingProxyType({**old.positions, **new}) if new else old.positions,
        )

    def forget(self, names: Collection[str]) -> None:
        """Take files, by id, out of the snapshot."""
        old = self.snapshot
        self.snapshot = attrs.evolve(
            old,
            files={name: entry for name, entry in old.files.items() if name not in names},
            positions={name: at for name, at in old.positions.items() if name not in names},
        )

    def count(self, **more: int) -> None:
        """Raise some of the statistics."""
        self.statistics = self.statistics.plus(**more)

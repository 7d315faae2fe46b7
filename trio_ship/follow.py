"""What a change on disk means: growth, truncation, rotation.

Pure decisions over what was seen; the shell does the looking. A file is known
by device, inode and fingerprint, never by its name. A chain is a path and the
files it has had, in order.
"""

from __future__ import annotations

import enum
import hashlib
import re
import zlib
from collections.abc import Sequence
from typing import Final

import attrs

from trio_ship.state import FileEntry, Identity, Position

__all__ = [
    "CLOCK_NS",
    "HEAD",
    "Candidate",
    "Change",
    "begun_ns",
    "believed_time",
    "fingerprint",
    "foot_length",
    "footprint",
    "head_length",
    "is_named_after",
    "is_renamed",
    "is_taken",
    "judge",
    "matches_foot",
    "matches_head",
    "originals",
    "packing_of",
    "stem",
    "successors",
    "word",
]

CLOCK_NS: Final = 20_000_000
"""How far the clock of a disk may be behind the wall clock."""

HEAD: Final = 1024
"""How many bytes of a file's beginning its fingerprint covers at most."""

_FOOT: Final = 256
"""How many bytes in front of a position its footprint covers at most: a line and more."""

_PACKINGS: Final = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
_EXTENSION: Final = re.compile(r"(?<=[^/])\.[^./]*$")
_TURN: Final = re.compile(r"(?<=[^/])[-._]?\d[-._\dTZ]*$")

_DATED: Final = re.compile(
    r"/(?:(\d[-._\dTZ]*[-._])[^/]+|[^/]*?([-._]?\d[-._\dTZ]*)\.[^./\d][^./]*)$"
)
"""A name that begins with a date, or has a date or a number in front of its extension."""

_FIRST_YEAR: Final = 1000
"""A number in a name that is not smaller is part of a date, not a count of rotations."""


_DAY_NS: Final = 86_400_000_000_000
_EARLIEST_NS: Final = 20 * 365 * _DAY_NS
"""Some mounts say 1970 of every file; no log is older than this."""


class Change(enum.Enum):
    """What has become of the file behind a path."""

    SAME = "same"
    """Nothing that has not been read."""
    GREW = "grew"
    """The same file, and more of it (if its head still matches)."""
    SHRANK = "shrank"
    """The same file, shorter than what was read: it was truncated."""
    REPLACED = "replaced"
    """Another file stands there: the old one was renamed or deleted."""
    GONE = "gone"
    """No file stands there."""


@attrs.frozen
class Candidate:
    """A file that may belong to a chain.

    Attributes:
        path: Where it is.
        device: Device number.
        inode: Inode number.
        size: Length in bytes.
        mtime_ns: Time of its last change, nanoseconds since 1970.
    """

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def identity(self) -> Identity:
        """Which file of the system it is."""
        return self.device, self.inode

    @property
    def is_packed(self) -> bool:
        """Whether its name says that it is compressed; then `size` is the compressed one."""
        return bool(packing_of(self.path))


def packing_of(path: str) -> str:
    """Return how a file of that name is compressed, "gzip" for example; "" if it is not."""
    return _PACKINGS.get(path[path.rfind(".") :], "")


def stem(path: str) -> str:
    """Return what the names of all files of a rotation begin with.

    Without what compressing adds, and the number or date in front of that:
    `app.log` for `app.log.2.gz`, `app` for `app-20261123`.
    """
    if packing_of(path):
        path = path.rpartition(".")[0]
    return _TURN.sub("", path)


def originals(path: str) -> list[str]:
    """Return the logs of which a rotation may have made a file by putting a date or number inside.

    `/logs/app.log` for `/logs/app-2026-11-23.1.log.gz`, or for `/logs/20261123-app.log.gz`; what is
    put behind a name `stem` takes off. A log may have a number of its own, so there are several.
    """
    if packing_of(path):
        path = path.rpartition(".")[0]
    found = _DATED.search(path)
    if found is None:
        return []
    start, stop = found.span(found.lastindex or 0)
    if found.lastindex == 1:
        return [path[:start] + path[stop:]]
    ends = [start, *(place for place in range(start + 1, stop) if path[place] in "-._")]
    return [path[:end] + path[stop:] for end in ends if _TURN.fullmatch(path, end, stop)]


def word(log: str) -> str:
    """Return the path of a log without its number and extension."""
    return _EXTENSION.sub("", stem(log))


def is_named_after(path: str, log: str) -> bool:
    """Tell whether a rotation may give a file of one log this name: it goes on behind a word."""
    beginning = word(log)
    return path.startswith(beginning) and not path[len(beginning) :][:1].isalnum()


def is_renamed(before: Candidate, seen: Candidate) -> bool:
    """Tell whether a file is one that had its identity a moment ago, under another name.

    An inode is used again as soon as its file is gone: by the next copy of another log,
    where a rotation copies and compresses. A new name alone changes neither size nor
    time; what is written on meanwhile has a name of the same log.
    """
    if seen.is_packed != before.is_packed:
        return False
    if (seen.size, seen.mtime_ns) == (before.size, before.mtime_ns):
        return True
    return (
        seen.size >= before.size
        and seen.mtime_ns >= before.mtime_ns
        and is_named_after(seen.path, before.path)
    )


def fingerprint(head: bytes) -> str:
    """Return the fingerprint of a file that begins with `head`."""
    head = head[:HEAD]
    return f"{len(head)}:{hashlib.sha256(head).hexdigest()[:32] if head else ''}"


def head_length(known: str) -> int:
    """Return how many bytes a fingerprint covers."""
    return int(known.partition(":")[0])


def matches_head(known: str, head: bytes) -> bool:
    """Tell whether a file that begins with `head` is, or grew from, the known one.

    Args:
        known: A fingerprint.
        head: The first `HEAD` bytes of the file, or all where it is shorter.
    """
    length = head_length(known)
    return len(head) >= length and fingerprint(head[:length]) == known


def footprint(before: bytes | memoryview) -> str:
    """Return the footprint of a position behind the bytes `before`."""
    before = before[-_FOOT:]
    return f"{len(before)}:{zlib.crc32(before):08x}"


def foot_length(known: str) -> int:
    """Return how many bytes in front of its position a footprint covers."""
    return int(known.partition(":")[0]) if known else 0


def matches_foot(known: str, before: bytes) -> bool:
    """Tell whether a file is still what it was in front of a position.

    A head alone does not say so: every file of a service may begin alike.

    Args:
        known: A footprint; an empty one matches everything.
        before: As many bytes in front of its position as it covers.
    """
    return not known or footprint(before) == known


def begun_ns(entry: FileEntry) -> int:
    """Return from when on copies of a file may hold what was not seen of it, in ns since 1970.

    A log that was empty when it was met may have been copied just before.
    """
    is_first_empty = entry.generation == 1 and not head_length(entry.fingerprint)
    return entry.changed_ns + is_first_empty


def judge(entry: FileEntry, read: int, seen: Candidate | None) -> Change:
    """Decide what has become of a file whose first `read` bytes were read."""
    if seen is None:
        return Change.GONE
    if seen.identity != entry.identity:
        return Change.REPLACED
    if seen.size < read:
        return Change.SHRANK
    return Change.GREW if seen.size > read else Change.SAME


def is_taken(entry: FileEntry, position: Position, seen: Candidate) -> bool:
    """Tell whether all that a compressed file holds was taken, and it is as it was then."""
    return (
        seen.is_packed
        and 0 < entry.unpacked == position.offset
        and seen.mtime_ns == entry.changed_ns
    )


def believed_time(mtime_ns: int, now_ns: int) -> int:
    """Return when a file was changed last: now, where the time that it bears cannot be.

    Args:
        mtime_ns: Its modification time, nanoseconds since 1970.
        now_ns: The wall clock.
    """
    is_possible = _EARLIEST_NS <= mtime_ns <= max(now_ns, _EARLIEST_NS) + _DAY_NS
    return mtime_ns if is_possible else now_ns


def _age(suffix: str) -> tuple[int, ...]:
    """Order names that share a time: a higher number was rotated earlier, an earlier date too."""
    numbers = [int(digits) for digits in re.findall(r"\d+", suffix)]
    is_date = any(number >= _FIRST_YEAR for number in numbers)
    return tuple(number if is_date else -number for number in numbers)


def successors(
    names: Sequence[str], since_ns: int, candidates: Sequence[Candidate], known: set[Identity]
) -> list[Candidate]:
    """Return the files that came and were rotated away unseen, oldest first.

    They bear one of `names` and more, no known file has their identity, and they
    were changed no earlier than the file that was seen last. A compressed one beside
    which the plain one still stands is not finished, or not needed. Of several names
    of one file one counts, and none if one of `names` leads to it too.

    Args:
        names: The path of the chain, and other names of the file there.
        since_ns: When the file seen last was changed last.
        candidates: The files of the folder.
        known: Identities (device, inode) of files that are known.
    """
    plain = {candidate.path for candidate in candidates}
    taken = known | {other.identity for other in candidates if other.path in names}
    unseen = {
        candidate.identity: (candidate.mtime_ns, _age(candidate.path[len(name) :]), candidate)
        for name in names
        for candidate in candidates
        if candidate.path.startswith(name)
        and candidate.identity not in taken
        and candidate.mtime_ns >= since_ns
        and not (candidate.is_packed and candidate.path.rpartition(".")[0] in plain)
    }
    return [seen for *_, seen in sorted(unseen.values(), key=lambda one: one[:2])]

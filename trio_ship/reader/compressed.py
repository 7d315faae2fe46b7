"""What is looked at when a compressed file comes, is read, or may have been changed.

Rotation turns a file that was read into another one, with another name and
other bytes; what it holds must not be read again for that. And whoever writes a
compressed file may be at it just now.
"""

from __future__ import annotations

import errno
from functools import partial
from typing import Final

import attrs

from trio_ship.follow import Candidate, packing_of
from trio_ship.notes import Note
from trio_ship.reader.chains import Chains
from trio_ship.reader.packed import Packed
from trio_ship.reader.tails import ChainFiles
from trio_ship.reader.unpack import packing_in
from trio_ship.state import FileEntry, Position

__all__ = ["is_known_form", "is_misnamed", "measured", "read_of", "wait_written"]

_WRITTEN_NS: Final = 2_000_000_000
"""A compressed file that was changed less than this ago is being written."""


def wait_written(chains: Chains, seen: Candidate) -> None:
    """Refuse a compressed file that is being written just now; only a one-shot run takes it.

    Raises:
        OSError: It is.
    """
    age_ns = chains.wall_ns - seen.mtime_ns
    if chains.follow and seen.is_packed and 0 <= age_ns < _WRITTEN_NS:
        raise BlockingIOError(errno.EAGAIN, "it is being written", seen.path)


def is_known_form(chains: Chains, seen: Candidate) -> bool:
    """Tell whether a file is the compressed form of one that is read, or was, and say so.

    Raises:
        OSError: Nobody can tell just now.
    """
    if not seen.is_packed:
        return False
    wait_written(chains, seen)
    known = chains.known.form_of(seen, partial(read_of, chains))
    if known is None:
        return False
    text = f"{seen.path} is what compressing has made of {known.path}; it is read once"
    chains.notes.append(Note.info(text))
    return True


def is_misnamed(chains: Chains, path: str, head: bytes) -> bool:
    """Tell whether a file that is not read as a compressed one is one; say what is odd.

    Args:
        chains: What is being read.
        path: Where the file is.
        head: How it begins.
    """
    packing = packing_in(head)
    if packing and not packing_of(path):
        text = (
            f"{path} is compressed by {packing} and not read, for its name does not say so; "
            f'rename it, or say exclude = ["{path}"] in [sources.{chains.source}]'
        )
        chains.refuse(path, Note.warning(text))
        return True
    if packing_of(path):
        text = f"{path} is not compressed, whatever its name says; it is read as it is"
        chains.notes.append(Note.info(text))
    return False


def read_of(chains: Chains, entry: FileEntry) -> tuple[int, Position]:
    """Return how long a file is that is being read, and the position in it; 0 for others."""
    chain = chains.by_path.get(entry.path)
    tails = (*chain.tails, *chain.lingering) if chain is not None else ()
    found = ((tail.size, tail.position) for tail in tails if tail.entry.id == entry.id)
    return next(found, (0, Position()))


def measured(
    chains: Chains, content: Packed, chain: ChainFiles, read: int
) -> tuple[int, FileEntry]:
    """Return how long a compressed file is of which so much was read, and its entry.

    Args:
        chains: What is being read.
        content: The open file, the first of its chain.
        chain: The chain.
        read: How many bytes of what is inside were read.
    """
    entry, seen = chain.tails[0].entry, content.seen
    if content.length is None:
        return chains.more_than(read), entry
    # What comes after a renamed log is found by the log's own time, not by its form's.
    may_change = len(chain.tails) > 1 or entry.file == entry.path or not entry.changed_ns
    if seen is None or entry.unpacked == content.length:
        return content.length, entry
    if may_change or seen.mtime_ns == entry.changed_ns:
        entry = attrs.evolve(entry, unpacked=content.length, changed_ns=seen.mtime_ns)
    return content.length, entry

"""After a restart: which files the checkpoint knows, where they are now, what is left of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import Candidate, begun_ns, head_length, is_taken, packing_of
from trio_ship.notes import Note
from trio_ship.reader.chains import Chains
from trio_ship.reader.locate import find_by_identity, is_still
from trio_ship.reader.tails import ChainFiles
from trio_ship.state import FileEntry, Identity, Position

__all__ = ["by_chain", "restore"]

_Found: TypeAlias = tuple[tuple[FileEntry, Position], Candidate | None]
"""A recorded file, its position, and where it is now."""


def by_chain(
    recorded: Iterable[tuple[FileEntry, Position]],
) -> dict[str, list[tuple[FileEntry, Position]]]:
    """Return the recorded files of a source and their positions, by chain, oldest first."""
    found: dict[str, list[tuple[FileEntry, Position]]] = {}
    for entry, position in sorted(recorded, key=lambda item: item[0].generation):
        found.setdefault(entry.path, []).append((entry, position))
    return found


def restore(
    disk: ReadableFilesystem,
    chains: Chains,
    files: Sequence[tuple[FileEntry, Position]],
    now: float,
    *,
    is_there: bool,
    sighted: Mapping[int, Candidate],
) -> None:
    """Take up the recorded files of a chain where they were left.

    Args:
        disk: Where the files are.
        chains: Where the chain goes.
        files: Each file and its position, oldest first.
        now: The pipeline's clock, in seconds.
        is_there: Whether there is a file at the path of the chain.
        sighted: What the patterns of the source match, by inode: a log may have been rotated
            into another folder that is watched.

    Raises:
        OSError: Nobody can tell just now what became of them; nothing is changed.
    """
    # Files of a chain are read one after the other: what stands before one that
    # was begun was read to its end.
    begun = max((n for n, (_, position) in enumerate(files) if position.offset), default=0)
    entry = files[-1][0]
    found = [
        _whereabouts(disk, chains, known, place, sighted, done=number < begun, last=known is entry)
        for number, (known, place) in enumerate(files)
    ]
    there = _current_last(_without_doubles(list(zip(files, found, strict=True))))
    entry = there[-1][0][0]
    chain = chains.new(entry.path)
    chain.generation = entry.generation
    for number, ((known, place), seen) in enumerate(there):
        if seen is None:
            _pass(chains, chain, known, place, last=known is entry)
        else:
            _resume(
                chains, chain, known, place, seen, now, done=number < begun, last=known is entry
            )
    if not is_there:
        for tail in chain.tails:
            tail.rotated_at = now


def _without_doubles(there: list[_Found]) -> list[_Found]:
    """Leave a file to the one that was read furthest of those that are found in it.

    A log that was cut may have been met once more in its copy.
    """
    furthest: dict[Identity, tuple[int, int]] = {}
    for number, ((_, position), seen) in enumerate(there):
        if seen is not None:
            best = furthest.get(seen.identity, (0, 0))
            furthest[seen.identity] = max((position.offset, number), best)
    kept = {number for _, number in furthest.values()}
    return [(known, seen if number in kept else None) for number, (known, seen) in enumerate(there)]


def _current_last(there: list[_Found]) -> list[_Found]:
    """Put the file at the path behind copies that were found, and begun, after it.

    They hold what stood in it before; that they came first was perhaps not recorded.
    """
    for number, ((entry, position), seen) in enumerate(there[:-1]):
        if seen is not None and seen.path == entry.path and not position.offset:
            generation = there[-1][0][0].generation + 1
            current = (attrs.evolve(entry, generation=generation), position), seen
            return [*there[:number], *there[number + 1 :], current]
    return there


def _whereabouts(
    disk: ReadableFilesystem,
    chains: Chains,
    entry: FileEntry,
    position: Position,
    sighted: Mapping[int, Candidate],
    *,
    done: bool,
    last: bool,
) -> Candidate | None:
    """Find a file, or what holds the rest of it: its compressed form, or a copy."""
    if not head_length(entry.fingerprint) and not chains.known.has_identity(entry):
        return None  # it was empty, and its inode is another's now
    seen = find_by_identity(disk, entry, chains.known.folders)
    if seen is None and head_length(entry.fingerprint):
        other = sighted.get(entry.inode)
        seen = other if other is not None and is_still(disk, other, entry, position) else None
    if seen is not None and seen.is_packed and not packing_of(entry.file):
        seen = None  # compressing makes a new file; this one has got the inode of the old one
    if seen is not None and (
        seen.is_packed or (seen.size >= position.offset and is_still(disk, seen, entry, position))
    ):
        return seen
    copy = None
    if seen is None and not done:
        copy = chains.known.packed_form(entry, position)
    if copy is None and last:
        copy = chains.copies.find(entry.path, entry, position)
    return copy


def _pass(
    chains: Chains, chain: ChainFiles, entry: FileEntry, position: Position, *, last: bool
) -> None:
    """Go on behind a file of which nothing is left."""
    chain.leave(position)
    # When it was changed last is not known any more: not before it was found.
    chain.since_ns = entry.changed_ns or max(chain.since_ns, position.last_ns or 0)
    if last and entry.gone_ns is None:  # else it has been missed before
        chains.notes.append(
            Note.warning(
                f"{entry.file} is gone or was truncated; whatever stood in it after byte "
                f"{position.offset} cannot be read"
            )
        )


def _resume(
    chains: Chains,
    chain: ChainFiles,
    entry: FileEntry,
    position: Position,
    seen: Candidate,
    now: float,
    *,
    done: bool,
    last: bool,
) -> None:
    """Go on with one file where it was left."""
    if seen.is_packed and done:
        chain.leave(position)
        return
    was_empty = entry.changed_ns and not head_length(entry.fingerprint)
    # A compressed form may bear the time of compressing, and files that came after
    # the log was renamed may have been finished before that.
    is_form = entry.changed_ns and seen.is_packed
    chain.since_ns = begun_ns(entry) if was_empty or is_form else seen.mtime_ns
    moved = chains.moved(entry, seen)
    is_read = not last and seen.size == position.offset and not seen.is_packed
    if is_read or is_taken(entry, position, seen):
        chains.know(moved, position)
        chain.leave(position)
        return
    tail = chains.add(chain, moved, position, seen, now)
    if seen.path != chain.path:
        tail.rotated_at = chains.age(seen, now)

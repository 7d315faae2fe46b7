"""After a restart: which files the checkpoint knows, where they are now, what is left of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trio_ship.filesystem import ReadableFilesystem
from trio_ship.follow import Candidate
from trio_ship.notes import Note
from trio_ship.reader.chains import Chains
from trio_ship.reader.locate import find_by_identity
from trio_ship.reader.tails import ChainFiles
from trio_ship.reader.watch import Look
from trio_ship.state import FileEntry, Position

__all__ = ["restore"]


def restore(
    disk: ReadableFilesystem,
    chains: Chains,
    recorded: Iterable[tuple[FileEntry, Position]],
    covers: Callable[[str], bool],
    look: Look,
) -> None:
    """Take up the recorded files of a source where they were left.

    Args:
        disk: Where the files are.
        chains: Where they go.
        recorded: Each file and its position.
        covers: Tells whether a path belongs to the source.
        look: The first look.
    """
    now = look.poll.seconds
    by_path: dict[str, list[tuple[FileEntry, Position]]] = {}
    for entry, position in recorded:
        if covers(entry.path):
            by_path.setdefault(entry.path, []).append((entry, position))
    for path, files in by_path.items():
        files.sort(key=lambda item: item[0].generation)
        chain = chains.new(path)
        chain.generation = files[-1][0].generation
        # Files of a chain are read one after the other: what stands before one that
        # was begun was read to its end.
        begun = max((n for n, (_, position) in enumerate(files) if position.offset), default=0)
        for number, (entry, position) in enumerate(files):
            last = number == len(files) - 1
            _resume(disk, chains, chain, entry, position, now, done=number < begun, last=last)
        if not isinstance(look.changed.get(path), Candidate):
            for tail in chain.tails:
                tail.rotated_at = now


def _resume(
    disk: ReadableFilesystem,
    chains: Chains,
    chain: ChainFiles,
    entry: FileEntry,
    position: Position,
    now: float,
    *,
    done: bool,
    last: bool,
) -> None:
    """Find one file again, and go on with it where it was left."""
    seen = find_by_identity(disk, entry)
    if seen is not None and seen.is_packed and done:
        chain.leave(position)
        return
    if seen is None or (seen.size < position.offset and not seen.is_packed):
        chain.leave(position)
        # Its time is not known any more; it was changed after its last stamp.
        chain.since_ns = max(chain.since_ns, position.last_ns or 0)
        copy = None
        if seen is None and not done:
            copy = chains.known.packed_form(entry, position)
        if copy is None and last:
            copy = chains.known.find_copy(chain.path, entry, position)
        if copy is not None:
            chain.since_ns = copy.mtime_ns
            tail = chains.add(chain, chains.moved(entry, copy), position, copy, now)
            tail.rotated_at = chains.age(copy, now)
        elif last:
            chains.notes.append(
                Note.warning(
                    f"{entry.file} is gone or was truncated; what stood in it after byte "
                    f"{position.offset} cannot be read"
                )
            )
        return
    chain.since_ns = seen.mtime_ns
    if not last and seen.size == position.offset and not seen.is_packed:
        chain.leave(position)
        return
    tail = chains.add(chain, chains.moved(entry, seen), position, seen, now)
    if seen.path != chain.path:
        tail.rotated_at = chains.age(seen, now)

"""Which source goes on with which recorded file, whatever was edited in between.

Positions belong to files. A source goes on with its own files as long as its
patterns match them; what nobody reads any more is taken over by the first
source that matches it, and has read no file under that path itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from trio_ship.reader.known import LONG_KEPT_NS
from trio_ship.state import FileEntry, Snapshot

__all__ = ["assign", "handed_over"]


def assign(
    files: Sequence[FileEntry], covers: Mapping[str, Callable[[str], bool]]
) -> dict[str, str]:
    """Return the name of the source that goes on with each file, by the file's id.

    Args:
        files: All recorded files.
        covers: For each source, in the order of their names, what tells whether
            its patterns match a path.

    Returns:
        Files that no source goes on with are not in it.
    """
    assigned: dict[str, str] = {}
    heirs: dict[tuple[str, str], str | None] = {}
    taken: set[tuple[str, str]] = set()
    for entry in files:
        if entry.source in covers and covers[entry.source](entry.path):
            assigned[entry.id] = entry.source
            taken.add((entry.source, entry.path))
    for entry in files:
        if entry.id in assigned:
            continue
        chain = (entry.source, entry.path)
        if chain not in heirs:
            heirs[chain] = _heir(entry.path, covers, taken)
        heir = heirs[chain]
        if heir is not None:
            assigned[entry.id] = heir
    return assigned


def _heir(
    path: str, covers: Mapping[str, Callable[[str], bool]], taken: set[tuple[str, str]]
) -> str | None:
    for name, matches in covers.items():
        if (name, path) not in taken and matches(path):
            taken.add((name, path))
            return name
    return None


def handed_over(snapshot: Snapshot, assigned: Mapping[str, str], now_ns: int) -> Snapshot:
    """Return a snapshot in which every file belongs to the source that goes on with it.

    All files of a chain change hands at once, also those that are gone: one that was
    left to the source before would be all that it knows of the chain when it comes back.
    Files that no source has asked for in a long time are left out.

    Args:
        snapshot: The snapshot.
        assigned: What `assign` returned.
        now_ns: The wall clock, nanoseconds since 1970.
    """
    files: dict[str, FileEntry] = {}
    for name, entry in snapshot.files.items():
        if name in assigned:
            owner = assigned[name]
            files[name] = entry if entry.source == owner else attrs.evolve(entry, source=owner)
        elif entry.gone_ns is None:
            files[name] = attrs.evolve(entry, gone_ns=now_ns)
        elif now_ns - entry.gone_ns < LONG_KEPT_NS:
            files[name] = entry
    # Of a file whose first batch was torn nothing was taken yet.
    positions = {name: place for name, place in snapshot.positions.items() if name in files}
    return attrs.evolve(snapshot, files=files, positions=positions)

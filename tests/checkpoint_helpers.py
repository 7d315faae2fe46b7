"""States and disks for the tests of the checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime

from memory_disk import MemoryDisk

from trio_ship.checkpoint.store import Store
from trio_ship.state import SinkState, Snapshot

__all__ = ["AT", "FOLDER", "PATH", "PREVIOUS", "found", "leftovers", "started", "state", "store_on"]

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FOLDER = "/state"
PATH = f"{FOLDER}/ship.checkpoint.toml"
PREVIOUS = f"{PATH}.previous"


def state(sequence: int) -> Snapshot:
    """Return a snapshot that is known by its number."""
    sinks = {name: SinkState(path=f"{name}.log", offset=sequence) for name in ("a", "b", "c")}
    return Snapshot(sequence=sequence, sinks=sinks)


def store_on(disk: MemoryDisk) -> Store:
    """Return a store as a process that has just started has it."""
    return Store(disk, PATH, "ship")


def started(saves: int) -> MemoryDisk:
    """Return a disk on which a process has saved that often, from 1, all durable."""
    disk = MemoryDisk()
    disk.mkdir(FOLDER)
    store = store_on(disk)
    for number in range(1, saves + 1):
        store.save(state(number), AT)
    disk.sync()
    return disk


def found(disk: MemoryDisk) -> int | None:
    """Return the number of the snapshot that the next start finds."""
    snapshot = store_on(disk).load().snapshot
    return None if snapshot is None else snapshot.sequence


def leftovers(disk: MemoryDisk) -> list[str]:
    """Return the temporary files in the folder."""
    return [name for name in disk.names(FOLDER) if name.endswith(".tmp")]

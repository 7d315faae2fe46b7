"""The memory of files that a source has met."""

from __future__ import annotations

from memory_disk import MemoryDisk

from trio_ship.reader.known import KnownFiles
from trio_ship.state import FileEntry, Position

LOG = "/logs/a.log"


def test_c07_entries_of_files_that_are_gone_leave_after_a_day() -> None:
    """Of ten generations whose files are deleted only the last is kept, a day later."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    recorded = []
    for number in range(1, 11):
        path = f"{LOG}.{number}"
        disk.write(path, b"x")
        status = disk.stat(path)
        entry = FileEntry(
            id=f"{number:016x}",
            source="app",
            path=LOG,
            file=path,
            generation=number,
            device=status.device,
            inode=status.inode,
        )
        recorded.append((entry, Position(1)))
    known = KnownFiles(disk, recorded)
    for number in range(1, 11):
        disk.remove(f"{LOG}.{number}")
    assert known.outlived(0.0, set()) == []
    assert known.outlived(80_000.0, set()) == []
    assert sorted(known.outlived(90_000.0, set())) == [f"{n:016x}" for n in range(1, 10)]

"""A folder with far more files than are of interest costs little."""

from __future__ import annotations

from memory_disk import MemoryDisk

from trio_ship.reader.watch import Watch
from trio_ship.report import Poll

SECOND = 1_000_000_000
BEGIN = 1_795_420_800 * SECOND


def test_r31_a_large_folder_is_listed_once_and_its_other_files_are_left_alone() -> None:
    """Files that no pattern matches are not looked at, and a settled folder is not listed again."""
    disk = MemoryDisk()
    now_ns = BEGIN
    disk.now_ns = lambda: now_ns
    for number in range(2_000):
        disk.write(f"/log/{number:06d}.log", b"")
    watch = Watch(disk, ["/log/00000?.log"], [], literal=False)
    stats = []
    for _ in range(3):
        now_ns += 10 * SECOND
        disk.calls.clear()
        look = watch.look(Poll(wall_ns=now_ns, seconds=now_ns / SECOND))
        stats.append((len(look.changed), disk.count("scandir"), disk.count("stat") <= 10 + 3))
    assert stats == [(10, 1, True), (0, 0, True), (0, 0, True)]

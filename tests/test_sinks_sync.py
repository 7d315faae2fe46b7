"""When the bytes of an output count as durable."""

from __future__ import annotations

import contextlib
import os
import random

from memory_disk import Call, MemoryDisk

from trio_ship.sinks.stream import FileStream

PATH = "/out/merged.log"


def test_d08_a_sync_that_fails_beside_another_one_counts_for_both() -> None:
    """Of two syncs at once, the one that went well writes again what the other one lost."""
    disk = MemoryDisk()
    disk.write(PATH, b"")
    disk.sync()
    fd = disk.open(PATH, os.O_RDWR)
    disk.pwrite(fd, b"one line\n", 0)
    stream = FileStream(disk, fd, PATH, 9, 9, durable=0)
    begun = False

    def other_thread(call: Call) -> None:
        nonlocal begun
        if call.name == "fsync" and not begun:
            begun = True
            disk.fail("fsync")
            with contextlib.suppress(OSError):
                stream.sync()

    disk.on_call = other_thread
    stream.sync()
    disk.on_call = None
    for seed in range(6):
        assert disk.after_power_loss(random.Random(seed)).read(PATH) == b"one line\n"

"""Logs that programs write while a pipeline follows them, and the oracle for what must come.

The oracle is always the same: each line once, and the lines of a log in the order
in which they were written.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio
import zstandard
from memory_disk import MemoryDisk
from pipeline_helpers import OUTPUT, config, line, new_disk, of_file, output_lines, running

from trio_ship.config import Config
from trio_ship.pipeline import Pipeline
from trio_ship.state import FileEntry

__all__ = [
    "EVERY_NAME",
    "LOG",
    "PACKERS",
    "Logs",
    "copy_and_cut",
    "entry_of",
    "follow_for",
    "following",
    "pack",
    "put",
    "reusing",
]

LOG = "/logs/app.log"
EVERY_NAME = '["/logs/*"]'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress,
}


@attrs.define
class Logs:
    """The programs that write logs, and the pipeline that follows them."""

    disk: MemoryDisk
    written: list[str] = attrs.field(factory=list)
    pipeline: Pipeline = attrs.field(init=False)

    def put(self, *texts: str, path: str = LOG) -> None:
        """Append lines that are stamped now."""
        for text in texts:
            self.written.append(text)
            self.disk.append(path, line(trio.current_time(), text))

    def check(self) -> None:
        """Assert that each line was delivered once, in order."""
        found = output_lines(self.disk) if self.disk.exists(OUTPUT) else []
        for name in {text.split()[0] for text in [*self.written, *found]}:
            assert of_file(found, name + " ") == of_file(self.written, name + " ")


@asynccontextmanager
async def following(
    settings: Config | None = None, disk: MemoryDisk | None = None
) -> AsyncIterator[Logs]:
    """Follow for as long as the block lasts and three seconds more; check what came."""
    logs = Logs(new_disk(disk))
    async with running(logs.disk, settings or config()) as logs.pipeline:
        yield logs
        await trio.sleep(3)
    logs.check()


async def follow_for(disk: MemoryDisk, seconds: float, settings: Config | None = None) -> None:
    """Follow for a while, then drain."""
    async with running(disk, settings or config()):
        await trio.sleep(seconds)


def reusing() -> MemoryDisk:
    """Return a disk that gives the inode of a removed file to the next new one."""
    disk = MemoryDisk()
    disk.reuse_inodes = True
    return disk


def copy_and_cut(disk: MemoryDisk, to: str = f"{LOG}.1", of: str = LOG) -> None:
    """Do what logrotate does with `copytruncate`."""
    disk.write(to, disk.read(of))
    disk.truncate(of)


def pack(disk: MemoryDisk, path: str, suffix: str = ".gz") -> None:
    """Compress a file as `gzip` does: the same time, and the plain one goes last."""
    disk.write(path + suffix, PACKERS[suffix](disk.read(path)))
    disk.set_mtime(path + suffix, disk.stat(path).mtime_ns)
    disk.remove(path)


def entry_of(disk: MemoryDisk, path: str, generation: int, chain: str = LOG) -> FileEntry:
    """Return what is known of a file."""
    status = disk.stat(path)
    return FileEntry(
        id=f"{generation:016x}",
        source="app",
        path=chain,
        file=path,
        generation=generation,
        device=status.device,
        inode=status.inode,
    )


def put(disk: MemoryDisk, *texts: str) -> None:
    """Append lines to the log that are stamped now."""
    for text in texts:
        disk.append(LOG, line(trio.current_time(), text))

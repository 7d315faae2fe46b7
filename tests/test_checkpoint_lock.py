"""Tests of the lock: one process for one checkpoint, whatever happens to it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from memory_disk import MemoryDisk

from trio_ship.checkpoint.lock import acquire, release
from trio_ship.errors import CheckpointError
from trio_ship.filesystem import Disk

PATH = "/state/ship.checkpoint.toml"
LOCK = f"{PATH}.lock"


@pytest.fixture
def disk() -> MemoryDisk:
    """A disk with the folder of the checkpoint."""
    disk = MemoryDisk()
    disk.mkdir("/state")
    return disk


def test_c05_a_second_holder_is_refused_with_the_pid_of_the_first(disk: MemoryDisk) -> None:
    """Who comes second is told who is there, and leaves no open file behind."""
    acquire(disk, PATH)
    opened = len(disk._opened)
    with pytest.raises(CheckpointError, match=f"is in use by process {os.getpid()};"):
        acquire(disk, PATH)
    assert len(disk._opened) == opened


def test_c05_a_lock_that_was_given_back_can_be_had_again(disk: MemoryDisk) -> None:
    """The file stays after `release`, and the next process locks it; an old number goes."""
    disk.write(LOCK, b"123456789012\n")
    release(disk, acquire(disk, PATH))
    assert disk.read(LOCK) == f"{os.getpid()}\n".encode()
    acquire(disk, PATH)


def test_c05_the_lock_dies_with_its_holder(disk: MemoryDisk) -> None:
    """A process that was killed holds nothing."""
    acquire(disk, PATH)
    disk.restart()
    acquire(disk, PATH)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"many words"])
def test_c05_a_holder_without_a_number_is_another_process(disk: MemoryDisk, content: bytes) -> None:
    """A number that is not written yet, or is none, is not shown."""
    acquire(disk, PATH)
    disk.write(LOCK, content)
    with pytest.raises(CheckpointError, match="is in use by another process;"):
        acquire(disk, PATH)


@pytest.mark.parametrize("call", ["open", "lock", "pwrite", "ftruncate", "fstat"])
def test_c06_a_place_that_takes_no_lock_is_refused(disk: MemoryDisk, call: str) -> None:
    """Any error of the disk is a refusal with its reason, and closes the file."""
    disk.fail(call, error=errno.EROFS)
    with pytest.raises(CheckpointError, match=r"ship.checkpoint.toml.lock: .* Read-only file"):
        acquire(disk, PATH)
    assert disk._opened == {}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_c06_a_full_disk_takes_the_lock_without_the_number(disk: MemoryDisk, error: int) -> None:
    """The number is for messages only."""
    disk.fail("pwrite", error=error)
    acquire(disk, PATH)
    with pytest.raises(CheckpointError, match="is in use by another process;"):
        acquire(disk, PATH)


def test_x01_a_planted_link_or_pipe_is_not_opened(disk: MemoryDisk) -> None:
    """A link is not followed, and a named pipe does not stop the program."""
    disk.write("/etc/passwd", b"root")
    disk.symlink("/etc/passwd", LOCK)
    with pytest.raises(CheckpointError, match="symbolic link, which is not followed"):
        acquire(disk, PATH)
    assert disk.read("/etc/passwd") == b"root"
    disk.remove(LOCK)
    disk.mkfifo(LOCK)
    with pytest.raises(CheckpointError, match="is not a regular file"):
        acquire(disk, PATH)


def test_c05_another_process_of_this_machine_is_refused(tmp_path: Path) -> None:
    """The lock holds between real processes, and ends when its holder is killed."""
    path = str(tmp_path / "ship.checkpoint.toml")
    program = (
        "import sys; from trio_ship.filesystem import Disk; "
        "from trio_ship.checkpoint.lock import acquire; "
        "acquire(Disk(), sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointError, match=f"process {holder.pid};"):
            acquire(Disk(), path)
        holder.kill()
        holder.wait()
        disk = Disk()
        release(disk, acquire(disk, path))
    assert Path(f"{path}.lock").stat().st_mode & 0o777 == 0o600

"""One process for one checkpoint.

The lock is held on `<checkpoint>.lock` for as long as the process lives, and
dies with it, however it dies. The file itself stays: were it removed, a
process that has just opened it and one that makes it anew would both hold a
lock, on two files. It holds the number of the process, for messages only.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final

from trio_ship.errors import CheckpointError
from trio_ship.filesystem import Filesystem, is_regular
from trio_ship.notes import planted_by

__all__ = ["acquire", "release"]

# O_NONBLOCK: a named pipe in this place must not stop the program.
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
_LONGEST: Final = 32


def acquire(disk: Filesystem, path: str) -> int:
    """Lock a checkpoint for this process.

    Args:
        disk: Where the checkpoint is.
        path: The path of the checkpoint.

    Returns:
        The open lock file; it is locked until it is closed.

    Raises:
        CheckpointError: Another process holds the lock, or there can be none
            in this place.
    """
    name = f"{path}.lock"
    try:
        fd = disk.open(name, _FLAGS, 0o600)
    except OSError as error:
        link = error.errno == errno.ELOOP
        reason = "it is a symbolic link, which is not followed" if link else error.strerror
        raise CheckpointError(f"{name}: cannot be opened: {reason}") from error
    try:
        _lock(disk, fd, name, path)
    except OSError as error:
        disk.close(fd)
        raise CheckpointError(f"{name}: cannot be locked: {error.strerror}") from error
    except CheckpointError:
        disk.close(fd)
        raise
    return fd


def release(disk: Filesystem, fd: int) -> None:
    """Give a lock back that `acquire` returned."""
    disk.close(fd)


def _lock(disk: Filesystem, fd: int, name: str, path: str) -> None:
    status = disk.fstat(fd)
    if not is_regular(status):
        raise CheckpointError(f"{name}: is not a regular file; remove it")
    stranger = planted_by(disk, name, status)
    if stranger:
        raise CheckpointError(f"{name}: {stranger}")
    if not disk.lock(fd):
        raise CheckpointError(
            f"{path}: it is in use by {_holder(disk, fd)}; two pipelines cannot share a "
            "checkpoint: stop the other one, or give this one a `name` or a checkpoint `path` "
            "of its own"
        )
    try:
        disk.ftruncate(fd, 0)
        disk.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise


def _holder(disk: Filesystem, fd: int) -> str:
    """Say who holds the lock; it may not have written its number yet."""
    number = b""
    with contextlib.suppress(OSError):
        number = disk.pread(fd, _LONGEST, 0).strip()
    return f"process {number.decode()}" if number.isdigit() else "another process"

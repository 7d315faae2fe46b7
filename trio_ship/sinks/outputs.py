"""Opening the output of a file sink: by its name, or as the file that it was at the last run."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from typing import Final

import attrs

from trio_ship.errors import ConfigError
from trio_ship.filesystem import Filesystem, Status, is_regular, read_range
from trio_ship.follow import foot_length, matches_foot, packing_of, stem
from trio_ship.notes import planted_by
from trio_ship.state import SinkState

__all__ = ["end_line", "find_output", "open_output"]

_LOG = logging.getLogger("trio_ship")
_MODE: Final = 0o640
# What comes of names beside the output that are gone again, or links to somewhere.
_NOT_HERE: Final = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EACCES}
_PASSES: Final = {
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ESTALE,
}


def find_output(
    disk: Filesystem, sink: str, path: str, output: SinkState, *, anywhere: bool
) -> tuple[int, Status] | None:
    """Open the output written last, also under another name beside it.

    Where it stands under the name that it had, its disk may have another number.

    Args:
        disk: Where it is.
        sink: The name of the sink.
        path: The path in the configuration.
        output: What is known of it.
        anywhere: Whether any other name will do. Without a byte of ours in it only
            that of a rotation tells it from a file that has got its inode.

    Returns:
        Its descriptor and status; None where it is gone.

    Raises:
        ConfigError: It is not a file that this user may write.
        OSError: It cannot be looked for or opened just now.
    """
    folder = os.path.dirname(path)
    own = (path, output.path)
    beside: list[str] = []
    # A folder that may be entered and not listed hides where the output has gone.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        beside = [os.path.join(folder, entry.name) for entry in disk.scandir(folder)]
    if not anywhere:
        beside = [name for name in beside if stem(name) in own and not packing_of(name)]
    for name in dict.fromkeys((*own, *beside)):
        try:
            status = disk.stat(name)
            is_there = status.device == output.device or name == output.path
            if not is_there or status.inode != output.inode:
                continue
            if name in own or _is_ours(disk, name, status, output):
                fd, opened = open_output(disk, sink, name)
                if opened.identity == status.identity:
                    return fd, opened
                disk.close(fd)  # it was renamed just now
                return find_output(disk, sink, path, output, anywhere=anywhere)
        except (OSError, ConfigError) as error:
            reason = error.__cause__ or error
            absent = {errno.ENOENT} if name in own else _NOT_HERE
            if not isinstance(reason, OSError) or reason.errno not in absent:
                raise
    return None


def _is_ours(disk: Filesystem, path: str, status: Status, output: SinkState) -> bool:
    """Tell whether a file under another name holds what was written, or has its inode only."""
    if not is_regular(status) or status.size < output.offset:
        return False
    length = foot_length(output.footprint)
    fd = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        there = read_range(disk, fd, length, output.offset - length)
    finally:
        disk.close(fd)
    return matches_foot(output.footprint, there)


def open_output(disk: Filesystem, sink: str, path: str) -> tuple[int, Status]:
    """Open an output to be read and written, and lock it; make it where there is none.

    Args:
        disk: Where it is.
        sink: The name of the sink.
        path: The output.

    Returns:
        Its descriptor and status.

    Raises:
        ConfigError: It is not a file that this user may write, or another process does.
        OSError: It cannot be opened just now.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = disk.open(path, flags, _MODE)
    except OSError as error:
        if error.errno in _PASSES:
            raise
        reason = "is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigError(
            f"sinks.{sink}.path: {path}: {reason}; "
            "name a file that this user may write, in a folder that exists"
        ) from error
    status = disk.fstat(fd)
    if not is_regular(status):
        disk.close(fd)
        raise ConfigError(
            f"sinks.{sink}.path: {path} is not a regular file; "
            'name one, or use a sink of type "stdout"'
        )
    wrong = planted_by(disk, path, status) or _in_use(disk, path, fd)
    if wrong:
        disk.close(fd)
        raise ConfigError(f"sinks.{sink}.path: {path}: {wrong}")
    return fd, status


def _in_use(disk: Filesystem, path: str, fd: int) -> str:
    """Lock an output, where its disk has locks; say what is wrong if another process has it."""
    try:
        is_ours = disk.lock(fd)
    except OSError as error:
        _LOG.warning(
            "%s cannot be locked: %s; make sure that no other process writes it",
            path,
            error.strerror,
        )
        return ""
    if is_ours:
        return ""
    return (
        "it is written by another process; two configurations cannot share an output: stop "
        "the other one, or give this sink a `path` of its own"
    )


def end_line(disk: Filesystem, fd: int, status: Status) -> Status:
    """End the line that somebody has left torn at the end of an output; return its status then.

    Else the next record would be glued to it.
    """
    size = status.size
    if not size or disk.pread(fd, 1, size - 1) == b"\n":
        return status
    return attrs.evolve(status, size=size + disk.pwrite(fd, b"\n", size))

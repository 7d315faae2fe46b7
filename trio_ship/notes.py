"""What is to be said to the operator, kept until a task can log it.

Worker threads do not log: they collect notes, and the task that owns them logs
each text once.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shlex
import stat
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from trio_ship.decode.zones import named_zone
from trio_ship.filesystem import ReadableFilesystem, Status

__all__ = ["Note", "misread_zone", "planted_by", "refusal"]

_ROOT: Final = 0
"""The group that nobody should have to join for the sake of a log."""


# As POSIX writes zones: a name, how far west of UTC, and perhaps rules for the summer.
_POSIX_ZONE: Final = re.compile(r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d.*")


@attrs.frozen
class Note:
    """One message.

    Attributes:
        level: A level of `logging`.
        text: What to say.
    """

    level: int
    text: str

    @classmethod
    def info(cls, text: str) -> Note:
        """Return a note that asks for nothing."""
        return cls(logging.INFO, text)

    @classmethod
    def warning(cls, text: str) -> Note:
        """Return a note about something that somebody should know."""
        return cls(logging.WARNING, text)


def refusal(disk: ReadableFilesystem, path: str, error: OSError) -> Note:
    """Say why a path cannot be read, and what would mend it."""
    if error.errno not in {errno.EACCES, errno.EPERM}:
        return Note.warning(f"{path} cannot be read: {error.strerror}")
    try:
        status = disk.stat(path)
    except OSError:
        return Note.warning(
            f"{path}: permission denied; a folder above it does not let this user in"
        )
    owner, group = _user_name(status.uid), _group_name(status.gid)
    mode = stat.filemode(status.mode)
    text = f"{path}: permission denied; it belongs to {owner}:{group} with mode {mode}"
    user, quoted = _user_name(os.geteuid()), shlex.quote(path)
    wanted, letters = stat.S_IRGRP, "r"
    if stat.S_ISDIR(status.mode):
        wanted, letters = stat.S_IRGRP | stat.S_IXGRP, "rx"
    join = f"join the group {group} (usermod -aG {group} {user})"
    if status.gid == _ROOT:
        text += f"; let the user {user} read it (setfacl -m u:{user}:{letters} {quoted})"
    elif status.mode & wanted == wanted:
        text += f"; {join} to read it"
    else:
        text += f"; let its group read it (chmod g+{letters} {quoted}) and {join}"
    return Note.warning(text)


def planted_by(disk: ReadableFilesystem, path: str, status: Status) -> str:
    """Say why a file is not to be trusted; empty if it is.

    Where everybody may make files, one of another user may wait to be taken for
    ours. Linux refuses some of that itself (`fs.protected_regular`), if it is
    set to.

    Args:
        disk: Where it is.
        path: Its path.
        status: The status of the file, opened.
    """
    folder = disk.stat(os.path.dirname(path) or ".")
    if not folder.mode & stat.S_IWOTH or status.uid in {os.geteuid(), folder.uid}:
        return ""
    return (
        f"it belongs to {_user_name(status.uid)}, in a folder where everybody may make files; "
        "remove it, or choose another folder"
    )


def misread_zone(environ: Mapping[str, str]) -> Note | None:
    """Say of a zone in $TZ that the system does not know it: it silently takes it for UTC."""
    given = environ.get("TZ", "")
    name = given.removeprefix(":")
    if not name or _POSIX_ZONE.fullmatch(name) or (name.startswith("/") and os.path.isfile(name)):
        return None
    if (zone := named_zone(name)) is None:
        return Note.warning(
            f"TZ={given} names no time zone, so stamps without one are taken as UTC; "
            "set TZ to a name such as Europe/Berlin, or timestamp.timezone of the sources"
        )
    months = [datetime(2024, month, 1) for month in (1, 7)]  # noqa: DTZ001  (what a clock shows)
    if all(at.astimezone().utcoffset() == at.replace(tzinfo=zone).utcoffset() for at in months):
        return None
    return Note.warning(
        f"TZ={given} is a zone that the C library has no file of, so stamps without one are taken "
        f'as UTC; install tzdata, or set timestamp.timezone = "{name}" for the sources'
    )


def _user_name(number: int) -> str:
    import pwd  # noqa: PLC0415  (only where somebody is refused)

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    import grp  # noqa: PLC0415  (only where somebody is refused)

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

"""The checkpoint on disk: two generations, one of which is whole at every moment.

A save writes a temporary file in the same folder, makes it durable, gives the
current generation a second name (`<path>.previous`) and renames the new one
over `<path>`. Whatever dies in between, and whatever of the names a power loss
takes back, at least one of the two names leads to a whole generation. Each is
a true cut of the stream, so the older one is as good, only older.

The last line of a checkpoint is a seal, the digest of all before it. It tells
apart what looks alike:

* **Damaged**: empty, with NUL bytes, not UTF-8, without its last line, not to
  be read from the disk. No person makes such a file, a power loss does: the
  previous generation is used, and that is said.
* **Changed**: the seal is there and does not fit, or the content is not valid.
  Somebody edited it, and to go on from another state in silence would undo
  that: refused. Whoever edits it writes `# edited` as its last line.
* **Foreign**: of a newer version, of another pipeline, or no checkpoint at
  all: refused, even if the previous generation is good.

Nothing refused is touched. What is damaged and has to make room is kept as
`<path>.broken`. No symbolic link is ever followed to a file of ours.

Everything here blocks: a whole save is one call in one worker thread. Errors
of a save are `OSError`s, after which it may simply be tried again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import attrs

from trio_ship.checkpoint.document import from_document, refuse_foreign, render, to_document
from trio_ship.errors import CheckpointError
from trio_ship.filesystem import Filesystem, is_regular
from trio_ship.notes import planted_by
from trio_ship.state import Identity, Snapshot

__all__ = ["MAX_BYTES", "Loaded", "Store"]

_T = TypeVar("_T")

MAX_BYTES: Final = 256 * 1024 * 1024
"""The largest checkpoint that is written or read."""

_PIECE: Final = 1024 * 1024
_EDITED: Final = b"# edited"
_SEAL: Final = re.compile(rb"# sha256:([0-9a-f]{64})")
_ELSEWHERE: Final = "or choose another place with `path` in [pipeline.checkpoint]"
_REMEDIES: Final = {
    errno.ENOENT: "create it",
    errno.ENOTDIR: "create a folder of that name",
    errno.EACCES: "give this user the right to read and write there",
    errno.EPERM: "give this user the right to read and write there",
    errno.EROFS: "make it writable",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
}


class _DamagedError(Exception):
    """A generation that no person has to look at before another one is used."""


@attrs.frozen(kw_only=True)
class Loaded:
    """What was found at the start.

    Attributes:
        snapshot: The state to go on from; None at a fresh start.
        notes: What must be said aloud.
    """

    snapshot: Snapshot | None
    notes: tuple[str, ...] = ()


class Store:
    """The checkpoint of one pipeline; the caller holds its lock.

    Attributes:
        path: The current generation.
        previous: The one before it.
        broken: Where a damaged one goes that has to make room.
    """

    def __init__(self, disk: Filesystem, path: str, pipeline: str) -> None:
        """Know the place of a checkpoint and the name of the pipeline it must have."""
        self.path = path
        self.previous = f"{path}.previous"
        self.broken = f"{path}.broken"
        self._disk = disk
        self._pipeline = pipeline
        self._folder = os.path.dirname(path) or "."
        # Device and inode of a current generation that is known to be whole.
        self._whole: Identity | None = None

    # --- at the start -------------------------------------------------------------

    def check_folder(self) -> None:
        """Make sure that checkpoints can be saved.

        Raises:
            CheckpointError: The folder is missing, full or not for us; the text
                says what mends it.
        """
        probe = self._temporary()
        try:
            self._disk.scandir(self._folder)
            self._write(probe, bytes(4096))
            self._disk.unlink(probe)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._disk.unlink(probe)
            remedy = _REMEDIES.get(error.errno or 0, "mend it")
            raise CheckpointError(
                f"{self._folder}: checkpoints cannot be saved in this folder: "
                f"{error.strerror}; {remedy}, {_ELSEWHERE}"
            ) from error

    def clean(self) -> None:
        """Remove the temporary files that a process left when it died."""
        name = re.compile(rf"\.{re.escape(os.path.basename(self.path))}\.[0-9a-f]{{16}}\.tmp")
        for entry in self._disk.scandir(self._folder):
            if not name.fullmatch(entry.name):
                continue
            stale = os.path.join(os.path.dirname(self.path), entry.name)
            # One that cannot be removed is in nobody's way.
            with contextlib.suppress(OSError):
                self._with(stale, lambda _: None)
                self._disk.unlink(stale)

    def load(self) -> Loaded:
        """Find the newest generation to go on from.

        Raises:
            CheckpointError: There is one, and it must not be passed over; the
                text says what is wrong and what the choices are.
        """
        faults, missing = [], 0
        generations = (self.path, self.previous)
        for path in generations:
            try:
                snapshot = self._with(path, self._judge)
            except FileNotFoundError:
                faults.append(f"{path}: it is missing")
                missing += 1
            except _DamagedError as fault:
                faults.append(f"{path}: {fault}")
            except CheckpointError as fault:
                raise self._refused([*faults, f"{path}: {fault}"]) from fault
            except OSError as error:
                raise self._refused([*faults, f"{path}: {error.strerror}"]) from error
            else:
                used = f"{path}: this previous generation is used; it is older and just as true"
                notes = (*faults, used) if faults else ()
                return Loaded(snapshot=snapshot, notes=notes)
        if missing == len(generations):
            return Loaded(snapshot=None)
        raise self._refused(faults)

    def set_aside(self, now: datetime) -> str | None:
        """Give both generations other names, so that the start is a fresh one.

        Args:
            now: The time that the new names bear.

        Returns:
            The new path of the current generation, or of the previous one if
            that is all there is; None if there is none.

        Raises:
            CheckpointError: They cannot be renamed.
        """
        kept = []
        try:
            names = {entry.name for entry in self._disk.scandir(self._folder)}
            paths = (self.path, self.previous)
            there = [path for path in paths if os.path.basename(path) in names]
            self._refuse_others(there)
            for path in there:
                target = f"{path}.ignored-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
                kept.append(self._reserve(target))
                self._disk.replace(path, kept[-1])
            self._disk.fsync_folder(self._folder)
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: cannot be set aside: {error.strerror}; move it away by hand"
            ) from error
        self._whole = None
        return kept[0] if kept else None

    def _refuse_others(self, paths: Sequence[str]) -> None:
        """Raise where a path leads to a device or the like, which nobody means to lose."""
        for path in paths:
            with contextlib.suppress(FileNotFoundError):  # a link that leads nowhere
                if not is_regular(self._disk.stat(path)):
                    raise OSError(errno.EINVAL, "it is not a regular file", path)

    # --- while the pipeline runs --------------------------------------------------

    def save(self, snapshot: Snapshot, saved_at: datetime) -> None:
        """Make a snapshot durable as the current generation.

        Args:
            snapshot: The state.
            saved_at: The time of the save, with its zone.

        Raises:
            OSError: It was not saved, or not durably; both names still lead to
                what they led to, or to the new one.
        """
        data = _seal(render(to_document(snapshot, pipeline=self._pipeline, saved_at=saved_at)))
        if len(data) > MAX_BYTES:
            raise OSError(errno.EFBIG, f"a checkpoint may have {MAX_BYTES} bytes", self.path)
        new, spare = self._temporary(), self._temporary()
        try:
            whole = self._write(new, data)
            self._make_room(spare)
            self._disk.replace(new, self.path)
            self._whole = whole
            self._disk.fsync_folder(self._folder)
        except BaseException:
            for leftover in (new, spare):
                with contextlib.suppress(OSError):
                    self._disk.unlink(leftover)
            raise

    # --- inside -------------------------------------------------------------------

    def _make_room(self, spare: str) -> None:
        """Keep the current generation as the previous one, if it is worth it."""
        try:
            good = self._with(self.path, self._is_good)
        except FileNotFoundError:
            return
        if not good:
            # The previous generation may be the only whole one: it must stay.
            self._disk.replace(self.path, self.broken)
            return
        try:
            self._disk.link(self.path, spare)
        except OSError:
            # A file system without hard links: for a moment only the previous name exists.
            self._disk.replace(self.path, self.previous)
            return
        self._disk.replace(spare, self.previous)
        # If the last save died just here, both were names of one file and stayed.
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(spare)

    def _is_good(self, fd: int) -> bool:
        if self._disk.fstat(fd).identity == self._whole:
            return True
        try:
            self._judge(fd)
        except (_DamagedError, CheckpointError):
            return False
        return True

    def _judge(self, fd: int) -> Snapshot:
        """Return the snapshot of an open generation; raise if it is not one to go on from."""
        data = self._read(fd)
        if not data.strip():
            raise _DamagedError("it is empty")
        if b"\0" in data:
            raise _DamagedError("it holds NUL bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise _DamagedError("it is not UTF-8") from None
        document: dict[str, Any] = {}
        fault = ""
        try:
            document = tomllib.loads(text)
        except RecursionError:
            fault = "it is nested too deep"
        except ValueError as error:
            fault = f"it is not TOML: {error}"
        if document:
            refuse_foreign(document, pipeline=self._pipeline)
        self._check_seal(data, fault)
        if fault:
            raise CheckpointError(fault)
        return from_document(document, pipeline=self._pipeline)

    def _check_seal(self, data: bytes, fault: str) -> None:
        body, newline, last = data.rstrip().rpartition(b"\n")
        if last == _EDITED:
            return
        seal = _SEAL.fullmatch(last)
        if seal is None:
            raise _DamagedError(fault or "it is cut short: its last line is missing")
        if seal[1].decode() != hashlib.sha256(body + newline).hexdigest():
            raise CheckpointError(
                "it was changed since it was saved; if that was meant, "
                f"write `{_EDITED.decode()}` as its last line in place of `# sha256:...`"
                + (f" ({fault})" if fault else "")
            )

    def _refused(self, faults: list[str]) -> CheckpointError:
        choices = (
            f"repair it, restore an older one ({self.previous} if it is there), or start with "
            "--ignore-checkpoint: the old one is then kept under another name, and every source "
            "is read from its `start`"
        )
        return CheckpointError("\n".join([*faults, f"the checkpoint is refused: {choices}"]))

    def _with(self, path: str, function: Callable[[int], _T]) -> _T:
        """Call a function with a file of ours, opened for reading."""
        # O_NONBLOCK: a named pipe in this place must not stop the program.
        try:
            fd = self._disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(
                    errno.ELOOP, "it is a symbolic link, which is not followed", path
                ) from error
            raise
        try:
            status = self._disk.fstat(fd)
            if not is_regular(status):
                raise OSError(errno.EINVAL, "it is not a regular file", path)
            stranger = planted_by(self._disk, path, status)
            if stranger:
                raise OSError(errno.EPERM, stranger, path)
            return function(fd)
        finally:
            self._disk.close(fd)

    def _read(self, fd: int) -> bytes:
        pieces, size = [], 0
        try:
            while piece := self._disk.pread(fd, _PIECE, size):
                size += len(piece)
                if size > MAX_BYTES:
                    raise _DamagedError(f"it has more than {MAX_BYTES} bytes")
                pieces.append(piece)
        except OSError as error:
            raise _DamagedError(f"it cannot be read: {error.strerror}") from error
        return b"".join(pieces)

    def _write(self, path: str, data: bytes) -> Identity:
        """Write a new file and make its content durable; return its identity."""
        fd = self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            view, done = memoryview(data), 0
            while done < len(data):
                done += self._disk.pwrite(fd, view[done:], done)
            self._disk.fsync(fd)
            return self._disk.fstat(fd).identity
        finally:
            self._disk.close(fd)

    def _temporary(self) -> str:
        folder, name = os.path.split(self.path)
        return os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")

    def _reserve(self, path: str) -> str:
        """Make an empty file of a name that is not taken, to be renamed over."""
        number = 1
        while True:
            name = path if number == 1 else f"{path}-{number}"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                self._disk.close(self._disk.open(name, flags, 0o600))
            except FileExistsError:
                number += 1
            else:
                return name


def _seal(text: str) -> bytes:
    data = text.encode()
    return data + b"# sha256:" + hashlib.sha256(data).hexdigest().encode() + b"\n"

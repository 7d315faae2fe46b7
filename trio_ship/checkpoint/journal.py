"""The journal of a file sink: what it did since the last checkpoint.

One line a batch, appended before the batch is written and not synced. While
the system runs on, the page cache has survived whatever killed the process, so
the journal tells exactly how far the output goes. Where it is not known how many
bytes a batch will make, a second line says so before the last of them is written.
After a power loss (its first
line names the boot) it is believed up to the last change of outputs: by then all
that went to the old one had been made durable, and the journal is synced there.

A line is eight hexadecimal digits, the CRC-32 of the rest, a space and one JSON
value. A line that is torn ends the journal.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

import attrs

from trio_ship.batch import Kind, OrderedBatch
from trio_ship.checkpoint.lines import VERSION, make_line
from trio_ship.checkpoint.recovery import written_of
from trio_ship.errors import SinkError
from trio_ship.filesystem import Filesystem, is_regular, read_range
from trio_ship.notes import planted_by
from trio_ship.state import FileEntry, Position, SinkState, Snapshot

__all__ = ["Journal", "boot_id", "content_of", "journal_path"]

_BOOT: Final = "/proc/sys/kernel/random/boot_id"
_LONGEST_ID: Final = 100
# There is none, it is a link, a socket, or a file that this user has not made.
_NONE_OF_OURS: Final = {errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM}
_values: Final = attrgetter(*(field.name for field in attrs.fields(Position)))
"""Returns the values of a position in their order: `attrs.astuple` takes five times as long."""


@attrs.frozen
class _Noted:
    """What was appended, until a checkpoint has it.

    Attributes:
        data: The line.
        files: Files that the lines before it describe.
        sequence: Of a batch with records: those delivered up to and with it.
        reach: Of a batch that was dropped, which counts no records: how far
            each file has come.
        is_durable: Whether it is believed after a power loss, and so is to outlive one.
    """

    data: bytes
    files: tuple[FileEntry, ...] = ()
    sequence: int | None = None
    reach: Mapping[str, int] = MappingProxyType({})
    is_durable: bool = False

    def lines(self, known: Mapping[str, FileEntry]) -> bytes:
        """Return the lines, without descriptions of files that are known better."""
        told = (entry for entry in self.files if entry.id not in known)
        return b"".join(make_line({"file": attrs.asdict(entry)}) for entry in told) + self.data

    def is_counted_in(self, snapshot: Snapshot) -> bool:
        return self.sequence is not None and self.sequence <= snapshot.sequence

    def is_passed_by(self, snapshot: Snapshot) -> bool:
        known = snapshot.positions
        return bool(self.reach) and all(
            name in known and known[name].offset >= offset for name, offset in self.reach.items()
        )


def _noted(value: Mapping[str, Any]) -> _Noted:
    """Return what a line says that a run before has left."""
    if "file" in value:
        return _Noted(b"", (FileEntry(**value["file"]),))
    if "output" in value:
        return _Noted(make_line(value), is_durable=value.get("durable", False))
    written = written_of(value)
    if written.kind is Kind.DROPPED:
        reach = {name: position.offset for name, position in written.positions.items()}
        return _Noted(make_line(value), reach=reach)
    return _Noted(make_line(value), sequence=written.sequence)


def _behind(recent: list[_Noted], snapshot: Snapshot) -> list[_Noted]:
    """Return what was appended after the last batch that a snapshot has."""
    counted = [place for place, noted in enumerate(recent) if noted.is_counted_in(snapshot)]
    rest = recent[counted[-1] + 1 :] if counted else recent
    return [noted for noted in rest if not noted.is_passed_by(snapshot)]


def boot_id(disk: Filesystem) -> str:
    """Return what tells this boot of the system from others; "" if nothing does."""
    try:
        fd = disk.open(_BOOT, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return read_range(disk, fd, _LONGEST_ID, 0).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    finally:
        disk.close(fd)


def journal_path(checkpoint: str, sink: str) -> str:
    """Return where the journal of a sink lies: beside the checkpoint."""
    return f"{checkpoint}.{sink}.journal"


def content_of(disk: Filesystem, path: str) -> bytes:
    """Return what stands in a journal; nothing where there is none of ours.

    Raises:
        SinkError: There is one that cannot be read just now. A start without it
            might cut from the output what it would have vouched for.
    """
    try:
        return _read_ours(disk, path)
    except OSError as error:
        if error.errno in _NONE_OF_OURS:
            return b""
        raise SinkError(f"{path}: cannot be read: {error.strerror}") from error


def _read_ours(disk: Filesystem, path: str) -> bytes:
    # O_NONBLOCK: a named pipe in this place must not stop the program.
    fd = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = disk.fstat(fd)
        if not is_regular(status) or planted_by(disk, path, status):
            return b""
        return read_range(disk, fd, status.size, 0)
    finally:
        disk.close(fd)


class Journal:
    """Appends to the journal of one sink.

    Every method is synchronous disk work, and only the sink calls them, so two are
    never under way at once. Errors are those of the disk; a journal that could not
    be written is not to be trusted until `begin`.
    """

    def __init__(self, disk: Filesystem, path: str, boot: str) -> None:
        self._disk = disk
        self._path = path
        self.boot = boot
        self._fd: int | None = None
        self._length = 0
        self._told: dict[str, FileEntry] = {}
        self._recent: list[_Noted] = []
        self._begun: dict[str, Any] | None = None
        self._good = False

    def begin(self, snapshot: Snapshot, state: SinkState) -> None:
        """Begin anew behind a saved checkpoint; batches after it are kept.

        Args:
            snapshot: The checkpoint.
            state: The state of the sink in it.
        """
        self._good = False
        self._recent = _behind(self._recent, snapshot)
        self._told = dict(snapshot.files)
        head = {
            "journal": VERSION,
            "boot": self.boot,
            "device": state.device,
            "inode": state.inode,
            "offset": state.offset,
        }
        data = make_line(head) + b"".join(noted.lines(snapshot.files) for noted in self._recent)
        temporary = f"{self._path}.new"
        # Whatever stands there, left by a dead process or planted, is not written to.
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(temporary)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = self._disk.open(temporary, flags, 0o600)
        has_change = any(noted.is_durable for noted in self._recent)
        try:
            _write_all(self._disk, fd, data, 0)
            if has_change:
                self._disk.fsync(fd)
            self._disk.replace(temporary, self._path)
            if has_change:
                self._disk.fsync_folder(os.path.dirname(self._path) or ".")
        except OSError:
            self._disk.close(fd)
            raise
        self.close()
        self._fd, self._length, self._good = fd, len(data), True

    def resume(
        self, checkpoint: Snapshot, state: SinkState, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        """Go on with what the run before has left, where no checkpoint could be saved since.

        Args:
            checkpoint: The checkpoint that the start has found.
            state: The state of the sink in it.
            lines: What stood behind it, as far as it was adopted.
        """
        self._recent[:0] = map(_noted, lines)
        self.begin(checkpoint, state)

    @property
    def is_good(self) -> bool:
        """Whether every batch since the last `begin` is in it."""
        return self._good

    def append(
        self, batch: OrderedBatch, before: int, after: int | None, *, over_old: bool = False
    ) -> None:
        """Note a batch that is about to be written.

        Args:
            batch: The batch.
            before: Length of the output, in bytes.
            after: Length of the output when the batch is written; None: `append_end`
                will say it.
            over_old: Whether bytes of an earlier run stand in its place.
        """
        told = self._told.get
        files = tuple(
            move.file
            for move in batch.moves
            if (known := told(move.file.id)) is not move.file and known != move.file
        )
        self._told.update({entry.id: entry for entry in files})
        key = batch.last_key
        value: dict[str, Any] = {
            "sequence": batch.sequence,
            "kind": batch.kind.value,
            "before": before,
            **_end(after),
            "key": attrs.astuple(key) if key else None,
            "moves": [[move.file.id, *_values(move.after), move.limit_ns] for move in batch.moves],
        }
        if over_old:
            value["over_old"] = True
        self._begun = value if after is None else None
        if batch.kind is Kind.DROPPED:
            reach = {move.file.id: move.after.offset for move in batch.moves}
            self._append(_Noted(make_line(value), files, reach=reach))
        else:
            self._append(_Noted(make_line(value), files, sequence=batch.sequence))

    def append_end(self, after: int) -> None:
        """Note how long the output is when the last batch is written, before it is wholly.

        Args:
            after: Length of the output, in bytes.
        """
        assert self._begun is not None  # noqa: S101  (`append` was told nothing)
        noted = attrs.evolve(self._recent[-1], data=make_line({**self._begun, **_end(after)}))
        self._begun = None
        self._recent[-1] = noted
        self._write(make_line(_end(after)))

    def append_output(self, state: SinkState, *, is_durable: bool) -> None:
        """Note that the sink goes on in another output, or at another place.

        Args:
            state: Where it goes on.
            is_durable: Whether all that was written before is durable; the
                journal is made durable too then. If it cannot be written,
                `is_good` says so, and nothing is noted.
        """
        output = {
            "path": state.path,
            "device": state.device,
            "inode": state.inode,
            "offset": state.offset,
        }
        length, fd = self._length, self._fd if is_durable and self._good else None
        if fd is not None:
            self._keep_name()
        try:
            line = make_line({"output": output, "durable": is_durable})
            self._append(_Noted(line, is_durable=is_durable))
            if fd is not None:
                self._disk.fsync(fd)
        except OSError:
            if is_durable:
                self._take_back(length)
            raise

    def _keep_name(self) -> None:
        """Make the name of the journal durable before a line is: that cannot be taken back."""
        try:
            self._disk.fsync_folder(os.path.dirname(self._path) or ".")
        except OSError:
            self._good = False
            raise

    def _take_back(self, length: int) -> None:
        """Have the last line be none that anybody may believe."""
        self._recent.pop()
        self._good = False
        if self._fd is not None:
            with contextlib.suppress(OSError):
                self._disk.ftruncate(self._fd, length)

    def _append(self, noted: _Noted) -> None:
        self._recent.append(noted)
        self._write(noted.lines({}))

    def _write(self, data: bytes) -> None:
        if self._fd is None or not self._good:
            return
        try:
            _write_all(self._disk, self._fd, data, self._length)
        except OSError:
            self._good = False
            raise
        self._length += len(data)

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            self._disk.close(self._fd)
            self._fd = None


def _end(after: int | None) -> dict[str, int]:
    return {} if after is None else {"after": after}


def _write_all(disk: Filesystem, fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = disk.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count

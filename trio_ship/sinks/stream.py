"""Byte streams of the sinks, for code written against anyio.

`FileStream` writes a file at a place it knows; `DescriptorStream` writes to
whatever stands behind an open descriptor, such as a pipe. Both are
`anyio.abc.ByteSendStream`s on trio. A sink hands them a whole batch in slices
(`send_slices`): the slices are made and written in one worker-thread hop.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, TypeVar

import anyio
import anyio.abc
import numpy as np
import trio

from trio_ship.errors import SinkError
from trio_ship.filesystem import Filesystem, read_range
from trio_ship.follow import footprint
from trio_ship.stages import OFF, Stage, Stages

__all__ = ["NO_ROOM", "DescriptorStream", "FileStream", "keep_trying"]

_T = TypeVar("_T")

_LOG = logging.getLogger("trio_ship")
_PIECE: Final = 1 << 20
_RESERVED: Final = 1 << 20
_WRITEBACK: Final = 16 << 20
_PAUSE_SECONDS: Final = 1.0
_PIPE_PIECE: Final = 4096
_PATIENCE_MS: Final = 100
_NO_NOWAIT: Final = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ESPIPE}
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errors of a full disk."""
_WAITS: Final = NO_ROOM | {errno.EIO, errno.EROFS, errno.ESTALE, errno.EFBIG}


async def keep_trying(
    disk: Filesystem,
    path: str,
    function: Callable[[], _T],
    waits: Collection[int] = _WAITS,
) -> _T:
    """Run disk work in a worker thread until it does not fail any more; return its result.

    Args:
        disk: Has the thread.
        path: What is written.
        function: The work; it may be called again after an error.
        waits: Errors, by number, that waiting may mend.

    Raises:
        SinkError: It fails in another way.
    """
    is_waiting = False
    while True:
        try:
            result = await disk.run(function)
        except OSError as error:
            if error.errno not in waits:
                raise SinkError(f"{path}: {error.strerror}") from error
            if not is_waiting:
                is_waiting = True
                _LOG.error(
                    "%s cannot be written: %s; nothing is lost, it is tried again every second",
                    path,
                    error.strerror,
                )
            await trio.sleep(_PAUSE_SECONDS)
        else:
            break
    if is_waiting:
        _LOG.warning("%s can be written again", path)
    return result


class FileStream(anyio.abc.ByteSendStream):
    """Writes one file from a given place on.

    What stands behind that place already is compared with what is sent: equal
    bytes stand (and are written again in place, so that a later sync covers
    them); at the first difference the rest is saved beside the file and cut.

    Attributes:
        fd: The open file.
        offset: Where the next byte goes.
        footprint: That of the place behind the slices that were pushed; empty before the first.
    """

    def __init__(
        self,
        disk: Filesystem,
        fd: int,
        path: str,
        offset: int,
        size: int,
        *,
        durable: int | None = None,
        stages: Stages = OFF,
    ) -> None:
        """Write to an open file.

        Args:
            disk: Where it is.
            fd: The open file.
            path: How it is known.
            offset: Where the next byte goes.
            size: Its length.
            durable: How much of it is durable for certain; what stands behind
                that is written again before the first sync, because nobody
                knows whether one has failed before. `offset` if left out.
            stages: Told what writing costs.
        """
        self._disk = disk
        self.fd = fd
        self._path = path
        self._size = size
        self._stages = stages
        self._left: memoryview = memoryview(b"")
        self._slices: Iterator[memoryview] = iter(())
        self._on_its_way = offset
        self._durable = offset if durable is None else durable
        self._alike = 0
        self._failures = 0
        self._mended = 0 if durable is None else -1
        self.offset = offset
        self.footprint = ""

    @property
    def is_over_old(self) -> bool:
        """Whether bytes of an earlier run, not compared yet, stand where the next byte goes."""
        return self.offset < self._size

    async def send(self, item: bytes) -> None:
        """Write `item`; wait while the disk is full."""
        await self.send_slices([memoryview(item)])

    async def send_slices(self, slices: Iterable[memoryview]) -> None:
        """Write all slices; wait while the disk is full."""
        self.load(slices)
        await self.keep_trying(self.push)

    async def keep_trying(self, function: Callable[[], None]) -> None:
        """Do as the function of this name does, for this file."""
        await keep_trying(self._disk, self._path, function)

    async def aclose(self) -> None:
        """Close the file."""
        await trio.lowlevel.checkpoint()
        with contextlib.suppress(OSError):
            self._disk.close(self.fd)

    def sync(self) -> None:
        """Make durable all that is written.

        A failed sync loses all of it, for the system takes lost pages for clean
        ones then; so all of it is written again before the next try. Two threads
        may be here at once: a failure that one of them was told of counts for the
        other too.

        Raises:
            OSError: It is not durable.
        """
        while True:
            failures, written = self._failures, self.offset
            if failures != self._mended:
                self._rewrite(self._durable, written)
            try:
                self._disk.fsync(self.fd)
            except OSError:
                self._failures += 1
                raise
            if failures == self._failures:
                self._durable, self._mended = written, failures
                return

    def _rewrite(self, begin: int, stop: int) -> None:
        while begin < stop:
            data = self._disk.pread(self.fd, min(_PIECE, stop - begin), begin)
            if not data:
                return
            begin += self._disk.pwrite(self.fd, data, begin)

    def load(self, slices: Iterable[memoryview], size: int = 0) -> None:
        """Have `push` write these.

        Args:
            slices: What to write.
            size: How many bytes they are together, about; calls the disk where they are
                many.
        """
        self._slices = iter(slices)
        if size >= _RESERVED:
            # Measured on ext4: with blocks found at once, writes take two thirds of their time.
            self._disk.reserve(self.fd, self.offset, size)

    def push(self) -> None:
        """Write what is left, in the calling thread; may be called again after an error."""
        while True:
            if not self._left:
                following = next(self._slices, None)
                if following is None:
                    self._slices, self._left = iter(()), memoryview(b"")
                    return
                self._left = memoryview(following).cast("B")
                if self._left:
                    self.footprint = footprint(self._left)
                continue
            if self._alike <= self.offset < self._size:
                self._compare()
            with self._stages.measure(Stage.WRITE):
                count = self._disk.pwrite(self.fd, self._left, self.offset)
            self._stages.count(Stage.WRITE, count)
            self._left = self._left[count:]
            self.offset += count
            if self.offset - self._on_its_way >= _WRITEBACK:
                # So that the sync of a checkpoint finds little left to wait for.
                self._disk.start_writeback(
                    self.fd, self._on_its_way, self.offset - self._on_its_way
                )
                self._on_its_way = self.offset

    def _compare(self) -> None:
        length = min(len(self._left), self._size - self.offset)
        there = read_range(self._disk, self.fd, length, self.offset)
        wanted = bytes(self._left[: len(there)])
        if there == wanted:
            self._alike = self.offset + len(there)
            return
        differs = np.frombuffer(there, np.uint8) != np.frombuffer(wanted, np.uint8)
        self._cut(self.offset + int(np.argmax(differs)))

    def _cut(self, place: int) -> None:
        """Save what stands behind `place` beside the file, then cut it off."""
        kept = f"{self._path}.cut-{place}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        number = 0
        while True:
            try:
                fd = self._disk.open(kept, flags, 0o600)
                break
            except FileExistsError:
                number += 1
                kept = f"{self._path}.cut-{place}.{number}"
        try:
            copied = place
            while data := self._disk.pread(self.fd, _PIECE, copied):
                done = 0
                while done < len(data):
                    done += self._disk.pwrite(fd, data[done:], copied - place + done)
                copied += len(data)
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)
        self._disk.fsync_folder(os.path.dirname(kept) or ".")
        self._disk.ftruncate(self.fd, place)
        _LOG.warning(
            "%s: bytes %d to %d are not what the sources say now; they were cut off and kept in %s",
            self._path,
            place,
            self._size,
            kept,
        )
        self._size = place


class DescriptorStream(anyio.abc.ByteSendStream):
    """Writes to an open descriptor whose reader may be slow, or may go away.

    No write may block for long, so that a cancellation is noticed within a tenth of
    a second. A file never does. A pipe takes what fits at once, where the system can be
    asked for that (Linux since 6.4). Else pieces are so small that whatever is ready
    takes them.
    """

    def __init__(self, fd: int, stages: Stages = OFF) -> None:
        self._fd = fd
        self._nowait = getattr(os, "RWF_NOWAIT", 0)
        self._stages = stages

    async def send(self, item: bytes) -> None:
        """Write `item`; see `send_slices`."""
        await self.send_slices([memoryview(item)])

    async def send_slices(self, slices: Iterable[memoryview]) -> None:
        """Write all slices.

        Raises:
            anyio.BrokenResourceError: The reader has gone away.
        """
        try:
            await trio.to_thread.run_sync(self._push, slices)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Leave the descriptor open: it belongs to the process."""
        await trio.lowlevel.checkpoint()

    def _push(self, slices: Iterable[memoryview]) -> None:
        mode = os.fstat(self._fd).st_mode
        poll = None
        if not stat.S_ISREG(mode):
            poll = select.poll()
            poll.register(self._fd, select.POLLOUT)
        if not stat.S_ISFIFO(mode):
            self._nowait = 0
        for data in slices:
            left = memoryview(data).cast("B")
            self._stages.count(Stage.WRITE, len(left))
            with self._stages.measure(Stage.WRITE):
                self._push_slice(left, poll)
            trio.from_thread.check_cancelled()

    def _push_slice(self, left: memoryview, poll: select.poll | None) -> None:
        while left:
            try:
                if poll is None:
                    count = os.write(self._fd, left)
                elif self._nowait:
                    count = os.pwritev(self._fd, [left], -1, self._nowait)
                else:
                    _wait_ready(poll)
                    count = os.write(self._fd, left[:_PIPE_PIECE])
            except BlockingIOError:
                if poll is not None:
                    _wait_ready(poll)
            except OSError as error:
                if not self._nowait or error.errno not in _NO_NOWAIT:
                    raise
                self._nowait = 0
            else:
                left = left[count:]


def _wait_ready(poll: select.poll) -> None:
    while not poll.poll(_PATIENCE_MS):
        trio.from_thread.check_cancelled()

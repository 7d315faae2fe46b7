"""The file sink: every record exactly once, whatever dies and when.

It knows the length of its output after each batch and keeps it in the
`Snapshot`. At a start it opens the output that the checkpoint names (wherever
that was renamed to), adopts what the journal says is whole, completes a torn
batch, and compares whatever else stands there with what is delivered next.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from trio_ship.batch import OrderedBatch
from trio_ship.checkpoint.journal import Journal
from trio_ship.checkpoint.recovery import Written, beyond, last_output, read_journal, recover
from trio_ship.encode import Encoder, announced, encoded_size, expected_size, sized
from trio_ship.errors import ConfigError, SinkError
from trio_ship.filesystem import Filesystem, Status, read_range
from trio_ship.follow import footprint
from trio_ship.sinks.known import without_known
from trio_ship.sinks.outputs import end_line, find_output, open_output
from trio_ship.sinks.stream import NO_ROOM, FileStream, keep_trying
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import SinkState, Snapshot

__all__ = ["FileSink", "Replay"]

_LOG = logging.getLogger("trio_ship")

Replay = Callable[[Written, Snapshot], OrderedBatch | None]
"""Makes a batch again from the files; None where they cannot be read any more."""


class FileSink:
    """Appends records to a file.

    Args:
        name: The name of the sink.
        path: The output.
        disk: Where it is.
        encoder: Makes the bytes of a batch.
        journal: Notes what is written; None without checkpoints.
        journal_data: What the journal held at the start.
        replay: Makes a torn batch again.
        stages: Told what encoding, writing and syncing cost.
    """

    def __init__(
        self,
        name: str,
        path: str,
        disk: Filesystem,
        encoder: Encoder,
        *,
        journal: Journal | None,
        journal_data: bytes = b"",
        replay: Replay,
        stages: Stages = OFF,
    ) -> None:
        self.name = name
        self._path = path
        self._disk = disk
        self._encoder = encoder
        self._journal = journal
        self._journal_data = journal_data
        self._replay = replay
        self._stages = stages
        self._stream: FileStream
        self._is_open = False
        self._state = SinkState(path=path)
        self._new_name = False
        self._compared = 0
        self._retired: list[int] = []
        # What the start has found, until the journal goes on behind it.
        self._found: tuple[Snapshot, Sequence[Mapping[str, Any]]] | None = None
        # The newest checkpoint, and that behind which the journal was begun.
        self._saved: Snapshot | None = None
        self._begun: Snapshot | None = None

    @property
    def state(self) -> SinkState:
        """The state behind the last batch written."""
        return self._state

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Open the output and find out how far it goes; wait while its disk is full.

        Raises:
            ConfigError: The output is not a file that this user may write.
            SinkError: It cannot be read or written just now.
        """
        name = f"sinks.{self.name}: {self._path}"
        return await keep_trying(self._disk, name, lambda: self._open(checkpoint), NO_ROOM)

    def begin(self, common: Snapshot) -> None:
        """Say what all sinks have; what this one has beyond it is skipped."""
        self._state = common.sinks[self.name]

    async def write(self, batch: OrderedBatch) -> None:
        """Take a batch; return when its bytes are written (not yet durable)."""
        left = self._state.ahead
        if left:
            batch, left = without_known(batch, left)
        begun = False
        saved = self._saved  # no newer one: the batch would tell less of files than that knows

        def note_end(after: int) -> None:
            self._note(lambda journal: journal.append_end(after))

        def prepare() -> tuple[Iterator[memoryview], int | None]:
            self._begin_journal(saved)
            if len(batch):
                self._check_output()
            slices, size = self._encode(batch)
            before, over_old = self._stream.offset, self._stream.is_over_old
            after = None if size is None else before + size
            self._note(lambda journal: journal.append(batch, before, after, over_old=over_old))
            if size is None:
                slices = announced(slices, lambda size: note_end(before + size))
            return slices, size

        def work() -> None:
            nonlocal begun
            if not begun:
                slices, size = prepare()
                begun = True
                self._stream.load(slices, size or expected_size(self._encoder, batch))
            self._stream.push()

        await self._stream.keep_trying(work)
        stream = self._stream
        self._state = attrs.evolve(
            self._state,
            offset=stream.offset,
            footprint=stream.footprint or self._state.footprint,
            ahead=left,
        )

    def make_durable(self, state: SinkState) -> None:
        """Make the output durable up to `state`.

        Raises:
            OSError: It is not durable.
        """
        stream = self._stream
        if state.identity != self._state.identity:
            return  # that output was made durable when it was left
        with self._stages.measure(Stage.SYNC):
            stream.sync()
        if self._new_name:
            self._disk.fsync_folder(os.path.dirname(self._path) or ".")
            self._new_name = False
        # Swapped first: the thread of the sink may retire another one meanwhile.
        retired, self._retired = self._retired, []
        for old in retired:
            self._disk.close(old)

    def saved(self, snapshot: Snapshot) -> None:
        """Have the journal begin anew behind a checkpoint, before the next batch.

        The thread of the checkpoint calls this. It leaves the journal to that of the
        sink: until then the old one tells what the checkpoint knows too.
        """
        self._saved = snapshot

    async def aclose(self) -> None:
        """Close the output."""
        if self._is_open:
            await self._stream.aclose()
        if self._journal is not None:
            self._journal.close()

    def _encode(self, batch: OrderedBatch) -> tuple[Iterator[memoryview], int | None]:
        """Return the bytes of a batch, made on the way, and how many if that is known."""
        slices = self._stages.measure_each(Stage.ENCODE, self._encoder(batch))
        return sized(slices, encoded_size(self._encoder, batch))

    def _note(self, write: Callable[[Journal], None]) -> None:
        """Write to the journal; without it a restart compares instead."""
        if self._journal is None:
            return
        was_good = self._journal.is_good
        try:
            write(self._journal)
        except OSError as error:
            if was_good:
                _LOG.warning(
                    "sinks.%s: its journal cannot be written: %s; shipping goes on",
                    self.name,
                    error.strerror,
                )

    def _begin_journal(self, saved: Snapshot | None) -> None:
        """Begin the journal anew if a checkpoint was saved, and in any case at the start."""
        found, self._found = self._found, None
        if saved is not None and saved is not self._begun:
            self._begun = saved
            self._note(lambda journal: journal.begin(saved, saved.sinks[self.name]))
        elif found is not None:
            checkpoint, lines = found
            state = checkpoint.sinks[self.name]
            self._note(lambda journal: journal.resume(checkpoint, state, lines))

    # At the start

    def _open(self, checkpoint: Snapshot) -> Snapshot:
        try:
            return self._recover(checkpoint)
        except OSError:
            if self._is_open:
                self._is_open = False
                self._disk.close(self._stream.fd)
            raise

    def _recover(self, checkpoint: Snapshot) -> Snapshot:
        known = checkpoint.sinks.get(self.name)
        if known is None or not known.inode:
            self._begin_at_end(*self._open_output())
            sinks = {**checkpoint.sinks, self.name: self._state}
            return attrs.evolve(checkpoint, sinks=sinks)
        lines = read_journal(
            self._journal_data, known, self._journal.boot if self._journal is not None else ""
        )
        output = last_output(lines, known)
        has_more = any("before" in line for line in lines)
        found = find_output(
            self._disk, self.name, self._path, output, anywhere=output.offset > 0 or has_more
        )
        size = found[1].size if found else None
        if size is not None and size < output.offset:
            _LOG.warning(
                "%s has %d bytes, %d fewer than were written: somebody cut it; it is continued "
                "at its end",
                output.path,
                size,
                output.offset - size,
            )
            size = None
        recovered = recover(lines, checkpoint, self.name, size)
        state = recovered.cut.sinks[self.name]
        if found is None or size is None:
            self._begin_at_end(*(found or self._open_output()))
            sinks = {**recovered.cut.sinks, self.name: attrs.evolve(self._state, ahead=state.ahead)}
            return attrs.evolve(recovered.cut, sinks=sinks)
        fd, status = found
        durable = min(output.offset, state.offset)
        self._use(fd, status, state.offset, durable=durable)
        sinks = {**recovered.cut.sinks, self.name: attrs.evolve(state, device=status.device)}
        cut = attrs.evolve(recovered.cut, sinks=sinks)
        adopted = recovered.lines
        if recovered.torn is not None:
            completed = self._complete(recovered.torn, cut, durable)
            after = completed.sinks[self.name].offset
            whole = [] if completed is cut else [{**adopted[-1], "after": after}]
            adopted, cut = (*adopted[:-1], *whole), completed
        self._found = (checkpoint, adopted)
        if status.size > cut.sinks[self.name].offset:
            _LOG.info(
                "%s: %d bytes behind the checkpoint are compared with what comes next",
                self._path,
                status.size - cut.sinks[self.name].offset,
            )
        return cut

    def _complete(self, torn: Written, cut: Snapshot, durable: int) -> Snapshot:
        """Write the rest of a batch whose writing was interrupted."""
        batch = self._replay(torn, cut)
        if batch is None:
            return cut
        slices = list(self._encoder(batch))
        size = sum(map(len, slices))
        fd = self._stream.fd
        there = read_range(self._disk, fd, size, torn.before)
        data = b"".join(slices)
        after = torn.before + size
        if torn.after not in {None, after} or not data.startswith(there):
            return cut
        done = 0
        while done < size:
            done += self._disk.pwrite(fd, memoryview(data)[done:], torn.before + done)
        self._use(fd, self._disk.fstat(fd), after, durable=durable)
        state = attrs.evolve(cut.sinks[self.name], offset=after, footprint=footprint(data))
        return beyond(cut, torn, self.name, state)

    def _open_output(self) -> tuple[int, Status]:
        return open_output(self._disk, self.name, self._path)

    def _begin_at_end(self, fd: int, status: Status) -> None:
        self._use(fd, status, status.size)  # whatever fails now, it is known to be open
        status = end_line(self._disk, fd, status)
        self._use(fd, status, status.size)

    def _use(self, fd: int, status: Status, offset: int, *, durable: int | None = None) -> None:
        size = max(status.size, offset)
        self._stream = FileStream(
            self._disk, fd, self._path, offset, size, durable=durable, stages=self._stages
        )
        self._is_open = True
        self._new_name = status.size == 0
        self._compared = status.size
        self._state = SinkState(
            path=self._path,
            device=status.device,
            inode=status.inode,
            offset=offset,
            ahead=self._state.ahead,
        )

    # While running

    def _check_output(self) -> None:
        """Notice, before a batch, what somebody did to the output."""
        fd, offset = self._stream.fd, self._stream.offset
        held = self._disk.fstat(fd)
        size = held.size
        if size != offset and offset >= self._compared:
            _LOG.warning(
                "%s has %d bytes where %d were written: somebody changed it; it is continued at "
                "its end",
                self._path,
                size,
                offset,
            )
            status = end_line(self._disk, fd, held)
            self._use(fd, status, status.size)
            self._note(lambda journal: journal.append_output(self._state, is_durable=False))
        try:
            same = self._disk.stat(self._path).identity == self._state.identity
        except FileNotFoundError:
            same = False
        is_compared = offset >= self._compared or size <= offset
        if not same and is_compared and self._may_leave(held):
            self._leave(held)

    def _may_leave(self, held: Status) -> bool:
        """Tell whether the next start would know that the sink went on in another output.

        What is in the new one would come twice if not. So a renamed one is written on
        until the journal can be; one that is deleted keeps nothing, and is left.
        """
        return self._journal is None or self._journal.is_good or not held.links

    def _leave(self, held: Status) -> None:
        """Begin a new output in the place of one that was renamed or removed."""
        self._stream.sync()
        try:
            fd, status = self._open_output()
        except ConfigError as error:
            raise SinkError(str(error)) from error
        try:
            status = end_line(self._disk, fd, status)
            self._disk.fsync_folder(os.path.dirname(self._path) or ".")
        except OSError:
            self._disk.close(fd)
            raise
        device, inode = status.identity
        state = SinkState(path=self._path, device=device, inode=inode, offset=status.size)
        self._note(lambda journal: journal.append_output(state, is_durable=True))
        if not self._may_leave(held):
            self._disk.close(fd)
            return
        _LOG.info("%s was renamed or removed; a new one is begun", self._path)
        self._retired.append(self._stream.fd)
        with contextlib.suppress(OSError):
            self._disk.unlock(self._stream.fd)  # its name may come back before it is closed
        self._use(fd, status, status.size)

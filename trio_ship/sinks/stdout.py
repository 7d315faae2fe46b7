"""The stdout sink: records to standard output, at least once.

A pipe or a terminal keeps no position. What was delivered since the last
checkpoint is delivered again after a crash, under the same record ids.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import anyio
import trio

from trio_ship.batch import OrderedBatch
from trio_ship.cut import own_cut
from trio_ship.encode import Encoder
from trio_ship.encode.terminal import escape_controls
from trio_ship.errors import SinkError
from trio_ship.sinks.known import without_known
from trio_ship.sinks.stream import DescriptorStream
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import SinkState, Snapshot

__all__ = ["OutputClosedError", "StdoutSink"]


class OutputClosedError(SinkError):
    """Whoever read standard output has closed it.

    Not raised for a file sink: it has no reader that could go away.
    """


class StdoutSink:
    """Writes records to standard output.

    Args:
        name: The name of the sink.
        encoder: Makes the bytes of a batch.
        fd: The descriptor.
        raw: Whether control characters reach a terminal as they are.
        stages: Told what encoding and writing cost.
    """

    def __init__(
        self,
        name: str,
        encoder: Encoder,
        *,
        fd: int = 1,
        raw: bool = False,
        stages: Stages = OFF,
    ) -> None:
        self.name = name
        self._encoder = encoder
        self._stages = stages
        self._stream = DescriptorStream(fd, stages)
        self._escape = not raw and os.isatty(fd)
        self._state = SinkState()

    @property
    def state(self) -> SinkState:
        """The state behind the last batch written."""
        return self._state

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Return the checkpoint: nothing more is known to have arrived."""
        await trio.lowlevel.checkpoint()
        return own_cut(checkpoint, self.name)

    def begin(self, common: Snapshot) -> None:
        """Say what all sinks have; what this one has beyond it is skipped."""
        self._state = common.sinks[self.name]

    async def write(self, batch: OrderedBatch) -> None:
        """Write a batch.

        Raises:
            OutputClosedError: The reader has gone away.
            SinkError: It cannot be written.
        """
        left = self._state.ahead
        if left:
            batch, left = without_known(batch, left)
        try:
            await self._stream.send_slices(self._slices(batch))
        except anyio.BrokenResourceError as error:
            raise OutputClosedError("standard output was closed by its reader") from error
        except OSError as error:
            raise SinkError(
                f"sinks.{self.name}: standard output cannot be written: {error.strerror}"
            ) from error
        self._state = SinkState(ahead=left)

    def make_durable(self, state: SinkState) -> None:
        """Do nothing: what was written cannot be made more durable."""

    def saved(self, snapshot: Snapshot) -> None:
        """Do nothing: there is no journal."""

    async def aclose(self) -> None:
        """Leave standard output open: it belongs to the process."""
        await self._stream.aclose()

    def _slices(self, batch: OrderedBatch) -> Iterator[memoryview]:
        for data in self._stages.measure_each(Stage.ENCODE, self._encoder(batch)):
            yield memoryview(escape_controls(data)) if self._escape else data

"""The ordered stream as an object, for programs that want the records themselves.

The stream takes the place of a sink: what it hands out counts as delivered when
it is acknowledged, and a checkpoint never goes beyond that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import trio

from trio_ship.batch import OrderedBatch
from trio_ship.config import Config
from trio_ship.config.load import refused
from trio_ship.config.structure import Fault
from trio_ship.cut import own_cut
from trio_ship.errors import ungrouped
from trio_ship.fields.parse import Parser
from trio_ship.pipeline import Pipeline
from trio_ship.shaping import Shaping
from trio_ship.sinks.known import without_known
from trio_ship.state import SinkState, Snapshot

__all__ = ["Stream", "open_stream"]


class Stream:
    """Ordered batches behind the steps in common, to iterate over and to acknowledge.

    A batch may be acknowledged at any time after it was handed out; that
    acknowledges those before it too. One that never is will be handed out
    again by the next run with the same checkpoint. So may one be that was
    acknowledged since the last checkpoint, where the process is killed, or
    where an exception ends the body before another sink has taken it.

    Args:
        parser: Finds the fields of records; None: nothing is left to find.
    """

    name = "stream"

    def __init__(self, parser: Parser | None = None) -> None:
        self._parser = parser
        self._send, self._receive = trio.open_memory_channel[OrderedBatch](0)
        self._waiting: deque[tuple[int, SinkState, bool]] = deque()
        self._acknowledged = 0
        self._is_last = False
        self._settled = trio.Event()
        self._state = SinkState()
        self._delivered: Callable[[int, SinkState], None] = lambda _number, _state: None

    def __aiter__(self) -> Self:
        """Return the stream itself."""
        return self

    async def __anext__(self) -> OrderedBatch:
        """Wait for the next batch; it has at least one record."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    def acknowledge(self, batch: OrderedBatch) -> None:
        """Say that a batch, and all before it, need not be handed out again."""
        self._acknowledged = max(self._acknowledged, batch.number)
        self._publish()

    def close(self) -> None:
        """Hand nothing out any more."""
        self._receive.close()
        self._settled.set()

    def _publish(self) -> None:
        while self._waiting:
            number, state, is_empty = self._waiting[0]
            if number > self._acknowledged and not is_empty:
                return
            self._waiting.popleft()
            self._delivered(number, state)
        if self._is_last:
            self._settled.set()

    # What the pipeline asks of a sink

    @property
    def state(self) -> SinkState:
        """The state behind the last batch handed out."""
        return self._state

    def bind(self, delivered: Callable[[int, SinkState], None]) -> None:
        """Say whom to tell of acknowledged batches, by number."""
        self._delivered = delivered

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Return the checkpoint: nothing more is known to have been taken."""
        await trio.lowlevel.checkpoint()
        return own_cut(checkpoint, self.name)

    def begin(self, common: Snapshot) -> None:
        """Say what all sinks have; what this one has beyond it is skipped."""
        self._state = common.sinks[self.name]

    async def write(self, batch: OrderedBatch) -> None:
        """Hand a batch out."""
        kept, left = without_known(batch, self._state.ahead)
        if self._parser is not None and len(kept):
            kept = await trio.to_thread.run_sync(self._parser, kept)
        self._state = SinkState(ahead=left)
        self._waiting.append((batch.number, self._state, not len(kept)))
        if not len(kept):
            self._publish()
            await trio.lowlevel.checkpoint()
            return
        try:
            await self._send.send(kept)
        except trio.BrokenResourceError:
            # Nobody listens any more; what is not acknowledged comes again.
            await trio.lowlevel.checkpoint()

    async def finish(self) -> None:
        """End the iteration; wait until every batch is acknowledged, or the body over."""
        self._send.close()
        self._is_last = True
        self._publish()
        await self._settled.wait()

    def make_durable(self, state: SinkState) -> None:
        """Do nothing: durable is what the caller acknowledged."""

    def saved(self, snapshot: Snapshot) -> None:
        """Do nothing: there is no journal."""

    async def aclose(self) -> None:
        """End the iteration."""
        await self._send.aclose()


@asynccontextmanager
async def open_stream(config: Config) -> AsyncIterator[Stream]:
    """Run a pipeline beside the body, and hand its ordered batches to the body.

    Sinks of the configuration, if it has any, get the same batches; none of them may
    be called `stream`, for that is what the checkpoint calls this one. At the end of
    the body reading stops and a last checkpoint is saved.

    Args:
        config: What to read.

    Yields:
        The stream. It ends when all is read (`follow = false`); else never.

    Raises:
        ShipError: What keeps the pipeline from its work, by itself and not in
            a group; it ends the body.
    """
    if Stream.name in config.sinks:
        text = "a stream has this name in the checkpoint; another one is wanted"
        raise refused(config, Fault(("sinks", Stream.name), text))
    stream = Stream(Shaping(config).parser())
    pipeline = Pipeline(config, sinks=[stream])
    with ungrouped():
        async with trio.open_nursery() as nursery:
            await nursery.start(_ship, pipeline)
            try:
                yield stream
            finally:
                stream.close()
                pipeline.drain()


async def _ship(pipeline: Pipeline, *, task_status: trio.TaskStatus[Pipeline]) -> None:
    await pipeline.run(task_status=task_status)

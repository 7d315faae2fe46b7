"""From the readers' reports to the sinks: the sequencer, steps in common, deliveries.

Three kinds of task, joined by channels: one sequences what readers have found, one
takes the steps that all sinks have in common, if there are any, and one for each
sink hands it batches and says on the board what it has taken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import trio

from trio_ship.batch import NO_STAMP, Flag, Kind, OrderedBatch
from trio_ship.board import Board
from trio_ship.cut import Cut
from trio_ship.diagnosis import Diagnosis
from trio_ship.filesystem import Filesystem
from trio_ship.reader.budget import weight
from trio_ship.report import Report
from trio_ship.sequencer import Sequencer
from trio_ship.sink import AcknowledgingSink, Sink
from trio_ship.stages import Stage, Stages
from trio_ship.state import SinkState

if TYPE_CHECKING:
    from trio_ship.steps.chain import StepChain

__all__ = ["Flow"]

_LOG = logging.getLogger("trio_ship")
# Measured: with one batch waiting at each sink, reading and writing overlap.
_BATCHES_WAITING: Final = 1
_GOES_ON: Final = int(Flag.REST | Flag.CONTINUED)
# So many turns of the loop take a reader from a report to its next read: it is under way
# when the sequencer, which keeps the loop to itself, begins.
_HEAD_START: Final = 3


class Flow:
    """Takes batches from the readers to the sinks.

    Args:
        board: Where everybody sees how far it is.
        sinks: Where it ends.
        common: The steps that they have in common; None: there are none.
        disk: Whose threads take the steps.
        stages: Told what each stage costs.
        wall_ns: The wall clock, nanoseconds since 1970.
    """

    def __init__(
        self,
        board: Board,
        sinks: Sequence[Sink],
        common: StepChain | None,
        *,
        disk: Filesystem,
        stages: Stages,
        wall_ns: Callable[[], int],
    ) -> None:
        self._board = board
        self._sinks = sinks
        self._common = common
        self._disk = disk
        self._stages = stages
        self._wall_ns = wall_ns
        self._diagnosis = Diagnosis()
        self._cut = Cut(sink.name for sink in sinks)

    def start(
        self,
        nursery: trio.Nursery,
        sequencer: Sequencer,
        receive: trio.MemoryReceiveChannel[Report],
    ) -> None:
        """Start all tasks; they end when all readers have closed the channel.

        Args:
            nursery: Where they run.
            sequencer: What brings the records into their order.
            receive: What the readers send.
        """
        outputs: list[trio.MemorySendChannel[OrderedBatch]] = []
        for sink in self._sinks:
            into, out = trio.open_memory_channel[OrderedBatch](_BATCHES_WAITING)
            outputs.append(into)
            nursery.start_soon(self._deliver, sink, out)
        if self._common is not None:
            into, out = trio.open_memory_channel[OrderedBatch](_BATCHES_WAITING)
            nursery.start_soon(self._shape, self._common, out, outputs)
            outputs = [into]
        nursery.start_soon(self._sequence, sequencer, receive, outputs)

    async def _sequence(
        self,
        sequencer: Sequencer,
        receive: trio.MemoryReceiveChannel[Report],
        outputs: list[trio.MemorySendChannel[OrderedBatch]],
    ) -> None:
        while (report := await self._next_report(receive)) is not None:
            for _ in range(_HEAD_START):
                await trio.lowlevel.checkpoint()
            with self._stages.measure(Stage.MERGE):
                sequencer.accept(report)
                batches = sequencer.take()
            self._board.put_pending(sequencer.pending_bytes.copy(), sequencer.accepted_bytes.copy())
            # A name that outlives its use would pin an arena until the next report.
            del report
            while batches:
                batch = batches.pop(0)
                self._cut.announce(batch)
                self._count(batch)
                self._board.put_unwritten([sink.name for sink in self._sinks], _weight(batch))
                with self._stages.measure(Stage.WAIT_SINK):
                    for send in outputs:
                        await send.send(batch)
                del batch
            self._stages.spent()  # so that what was measured does not pile up
        for send in outputs:
            send.close()

    async def _shape(
        self,
        common: StepChain,
        receive: trio.MemoryReceiveChannel[OrderedBatch],
        outputs: list[trio.MemorySendChannel[OrderedBatch]],
    ) -> None:
        """Take the steps that all sinks have in common."""
        async for batch in receive:
            shaped = await self._disk.run(self._apply, common, batch)
            gone = _weight(batch) - _weight(shaped)
            for sink in self._sinks:
                self._board.put_written(sink.name, gone)
            for send in outputs:
                await send.send(shaped)
            del batch, shaped
        for send in outputs:
            send.close()

    def _apply(self, common: StepChain, batch: OrderedBatch) -> OrderedBatch:
        with self._stages.measure(Stage.STEPS):
            return common.apply(batch)

    async def _next_report(self, receive: trio.MemoryReceiveChannel[Report]) -> Report | None:
        """Return what comes next from the readers; None when all of them have ended."""
        with self._stages.measure(Stage.WAIT_READ):
            try:
                return await receive.receive()
            except trio.EndOfChannel:
                return None

    async def _deliver(self, sink: Sink, receive: trio.MemoryReceiveChannel[OrderedBatch]) -> None:
        def delivered(number: int, state: SinkState) -> None:
            snapshot = self._board.snapshot
            self._board.snapshot = self._cut.delivered(snapshot, sink.name, number, state)

        # Once: to compare with a protocol takes as long as a short write.
        acknowledging = sink if isinstance(sink, AcknowledgingSink) else None
        if acknowledging is not None:
            acknowledging.bind(delivered)
        async for batch in receive:
            # A checkpoint saved while it waited may know better where its files are.
            await sink.write(batch.described_by(self._board.snapshot.files))
            self._board.put_written(sink.name, _weight(batch))
            if acknowledging is None:
                delivered(batch.number, sink.state)
            del batch  # its arena is free now, not when the next batch comes
        if acknowledging is not None:
            await acknowledging.finish()

    def _count(self, batch: OrderedBatch) -> None:
        for sentence in self._diagnosis.sentences(batch, self._wall_ns()):
            _LOG.warning("%s", sentence)
        records = len(batch)
        flags = batch.flags if batch.is_flagged else np.zeros(0, np.uint8)
        unparsed = 0
        if not batch.is_stamped:
            bare = batch.timestamp == NO_STAMP
            if len(flags):
                bare &= flags & _GOES_ON == 0
            unparsed = int(np.count_nonzero(bare))
        size = int(batch.length.sum())
        self._stages.count(Stage.MERGE, size)
        self._board.count(
            records=records,
            bytes=size,
            late=records if batch.kind is Kind.LATE else 0,
            ahead=records if batch.kind is Kind.AHEAD else 0,
            dropped=len(batch.dropped),
            unparsed=unparsed,
            impossible=int(np.count_nonzero(flags & Flag.IMPOSSIBLE.value)),
            cut=int(np.count_nonzero(flags & Flag.PARTIAL.value)),
        )


def _weight(batch: OrderedBatch) -> int:
    return weight(len(batch), int(batch.length.sum()))

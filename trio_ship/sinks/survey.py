"""The survey sink: records are looked at, and go nowhere."""

from __future__ import annotations

import trio

from trio_ship.batch import OrderedBatch
from trio_ship.cut import own_cut
from trio_ship.state import SinkState, Snapshot
from trio_ship.survey import Survey

__all__ = ["SurveySink"]


class SurveySink:
    """Has a survey take every batch, in a worker thread.

    Args:
        name: The name of the sink.
        survey: What adds up.
    """

    def __init__(self, name: str, survey: Survey) -> None:
        self.name = name
        self._survey = survey

    @property
    def state(self) -> SinkState:
        """The state behind the last batch taken."""
        return SinkState()

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Return the checkpoint: nothing is known beyond it."""
        await trio.lowlevel.checkpoint()
        return own_cut(checkpoint, self.name)

    def begin(self, common: Snapshot) -> None:
        """Do nothing: nothing is skipped."""

    async def write(self, batch: OrderedBatch) -> None:
        """Take a batch."""
        await trio.to_thread.run_sync(self._survey.add, batch)

    def make_durable(self, state: SinkState) -> None:
        """Do nothing: nothing is kept."""

    def saved(self, snapshot: Snapshot) -> None:
        """Do nothing: there is no journal."""

    async def aclose(self) -> None:
        """Do nothing: there is no output."""
        await trio.lowlevel.checkpoint()

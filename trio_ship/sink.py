"""What the pipeline asks of a sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from trio_ship.batch import OrderedBatch
from trio_ship.state import SinkState, Snapshot

__all__ = ["AcknowledgingSink", "Sink"]


class Sink(Protocol):
    """Takes ordered batches and knows how far it has come.

    Attributes:
        name: The name of the sink in the configuration.
    """

    name: str

    @property
    def state(self) -> SinkState:
        """The state behind the last batch written."""
        ...

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Open the output; return the cut that it holds, at least `checkpoint`."""
        ...

    def begin(self, common: Snapshot) -> None:
        """Say what all sinks have; what this one has beyond it is skipped."""
        ...

    async def write(self, batch: OrderedBatch) -> None:
        """Take a batch; return when it is delivered."""
        ...

    def make_durable(self, state: SinkState) -> None:
        """Make the output durable up to `state`; blocks, in a worker thread.

        Raises:
            OSError: It is not durable; the checkpoint must not advance.
        """
        ...

    def saved(self, snapshot: Snapshot) -> None:
        """Say that a checkpoint was saved; blocks, in a worker thread."""
        ...

    async def aclose(self) -> None:
        """Close the output."""
        ...


@runtime_checkable
class AcknowledgingSink(Sink, Protocol):
    """A sink whose batches are delivered some time after `write`."""

    def bind(self, delivered: Callable[[int, SinkState], None]) -> None:
        """Say whom to tell of delivered batches, by number and state behind them."""
        ...

    async def finish(self) -> None:
        """Say that no batch follows; return when all are delivered, or never will be."""
        ...

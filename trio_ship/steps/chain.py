"""The steps of one sink, one after the other, and what they have removed.

Promises: what a step makes of a record depends on the record alone. So a batch
that is made again after a crash leads to the same bytes, and a record that was
left out is taken all the same: its position moves with the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs

from trio_ship.batch import OrderedBatch
from trio_ship.encode import Encoder
from trio_ship.encode.gather import Slice
from trio_ship.fields.parse import Parser
from trio_ship.steps.condition import Condition
from trio_ship.steps.redact import Redaction, redacted

__all__ = ["Chain", "Filter", "Parse", "Redact", "Step"]


class Step(Protocol):
    """Does one thing to a batch."""

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return the batch changed; count in `removed`, by reason, what is missing."""
        ...


@attrs.frozen(kw_only=True)
class Filter:
    """Leaves records out.

    Attributes:
        reason: What is counted.
        when: Which records are meant.
        drop: Whether those are left out; else all others.
    """

    reason: str
    when: Condition
    drop: bool = False

    def __call__(self, batch: OrderedBatch, removed: Counter[str]) -> OrderedBatch:
        """Return what is left."""
        keep = self.when.holds(batch)
        if self.drop:
            keep = ~keep
        if keep.all():
            return batch
        removed[self.reason] += len(keep) - int(keep.sum())
        return batch.select(keep)


@attrs.frozen
class Parse:
    """Finds fields, for what comes behind it.

    Attributes:
        parser: Finds them.
    """

    parser: Parser

    def __call__(self, batch: OrderedBatch, _removed: Counter[str], /) -> OrderedBatch:
        """Return the batch with its fields."""
        return self.parser(batch)


@attrs.frozen
class Redact:
    """Makes secrets unreadable.

    Attributes:
        redactions: What is looked for, in this order.
    """

    redactions: tuple[Redaction, ...]

    def __call__(self, batch: OrderedBatch, removed: Counter[str]) -> OrderedBatch:
        """Return the batch without secrets."""
        batch, counts = redacted(batch, self.redactions)
        removed.update(counts)
        return batch


class Chain:
    """Steps, and the encoding behind them: an encoder itself.

    Args:
        steps: In the order in which they are taken.
        encode: Makes bytes of what is left.

    Attributes:
        removed: How many records, or places in records, were removed so far, by
            reason.
    """

    def __init__(self, steps: Sequence[Step], encode: Encoder) -> None:
        self._steps = tuple(steps)
        self._encode = encode
        self.removed: Counter[str] = Counter()

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the encoding of what the steps leave of `batch`."""
        yield from self._encode(self.apply(batch))

    def apply(self, batch: OrderedBatch) -> OrderedBatch:
        """Return what the steps leave of `batch`."""
        for step in self._steps:
            if len(batch):
                batch = step(batch, self.removed)
        return batch

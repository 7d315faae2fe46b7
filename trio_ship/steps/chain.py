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
import numpy as np

from trio_ship.batch import OrderedBatch
from trio_ship.batch.pieces import Slice
from trio_ship.encode import Encoder
from trio_ship.fields.parse import Parser
from trio_ship.steps.condition import Condition
from trio_ship.steps.redact import Redaction, redacted

__all__ = ["Filter", "Parse", "Redact", "Step", "StepChain"]


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
        parser: Finds fields, where it depends on these.
    """

    reason: str
    when: Condition
    drop: bool = False
    parser: Parser | None = None

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return what is left."""
        if self.parser is not None:
            batch = self.parser(batch)
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

    Fields are those of what is left. So where they were found before, they are found
    anew in records in which there was a secret, or may be one when the parts of what
    a container wrote are put together.

    Attributes:
        redactions: What is looked for, in this order.
        again: The steps before this one that have to do with fields.
    """

    redactions: tuple[Redaction, ...]
    again: tuple[Step, ...] = ()

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return the batch without secrets."""
        batch, rows = redacted(batch, self.redactions, removed)
        if batch.parsed is None:
            return batch
        if batch.parsed.inner is not None:
            rows = np.union1d(rows, batch.parsed.inner.rows)
        if not len(rows):
            return batch
        chosen = np.zeros(len(batch), np.bool_)
        chosen[rows] = True
        anew = attrs.evolve(batch.select(chosen), parsed=None)
        for step in self.again:
            anew = step(anew, Counter())
        parsed = batch.parsed if anew.parsed is None else batch.parsed.with_rows(rows, anew.parsed)
        return attrs.evolve(batch, parsed=parsed)


class StepChain:
    """Steps, and the encoding behind them: an encoder itself.

    Args:
        steps: In the order in which they are taken.
        encode: Makes bytes of what is left.
        removed: Where it is counted what the steps remove; a new counter if left out.
        parser: What finds fields for the steps, if they want any.

    Attributes:
        removed: How many records, or places and fields in records, were removed so
            far, by reason, such as "left out by steps[0]".
    """

    def __init__(
        self,
        steps: Sequence[Step],
        encode: Encoder,
        removed: Counter[str] | None = None,
        parser: Parser | None = None,
    ) -> None:
        self._steps = tuple(steps)
        self._encode = encode
        self._parser = parser
        self.removed: Counter[str] = Counter() if removed is None else removed

    @property
    def fieldless(self) -> int:
        """How many records so far had no fields, though their source is parsed."""
        return self._parser.failed if self._parser is not None else 0

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the encoding of what the steps leave of `batch`."""
        yield from self._encode(self.apply(batch))

    def apply(self, batch: OrderedBatch) -> OrderedBatch:
        """Return what the steps leave of `batch`."""
        for step in self._steps:
            if len(batch):
                batch = step(batch, self.removed)
        return batch

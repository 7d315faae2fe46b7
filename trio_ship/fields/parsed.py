"""What was found in the records of a batch, as columns that go along with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from trio_ship.batch import I64, OrderedBatch, Rewritten
from trio_ship.decode.words import Bools
from trio_ship.encode.gather import Pieces, constant, table
from trio_ship.fields.rewriting import merged
from trio_ship.fields.severity import I8, Severity

__all__ = ["Parsed"]


@attrs.frozen(kw_only=True, eq=False)
class Parsed:
    """Severity, fields and inner texts of n records.

    Attributes:
        inner: The texts inside of what containers wrote, which are the messages of
            such records; None where there are none.
        severity: `Severity` of each record; 0 too where its source has no rule.
            Shape (n,).
        objects: The fields of each record, an object in JSON; empty: none.
        prefix: What else every object of the same file begins with, from its brace
            on; `prefix_of` says which one a record has.
    """

    inner: Rewritten | None
    severity: I8
    objects: Pieces
    prefix: Sequence[bytes]
    prefix_of: I64

    def select(self, keep: Bools) -> Parsed:
        """Return what is left when only the rows that `keep` (shape (n,)) marks are."""
        return attrs.evolve(
            self,
            inner=self.inner.select(keep) if self.inner is not None else None,
            severity=self.severity[keep],
            objects=self.objects.take(keep),
            prefix_of=self.prefix_of[keep],
        )

    def with_messages(self, batch: OrderedBatch) -> OrderedBatch:
        """Return a batch, the one that this belongs to, in which records say their messages."""
        if self.inner is None:
            return batch
        return attrs.evolve(batch, rewritten=merged(batch.rewritten, self.inner))

    def members(self, rows: slice) -> tuple[Pieces, ...]:
        """Return what follows the other members of a JSON object, row by row."""
        objects = self.objects.take(rows)
        there = objects.length > 0
        prefix = table(self.prefix).take(self.prefix_of[rows])
        return (
            _SEVERITIES.take(self.severity[rows]),
            constant(b',"fields":', there),
            Pieces(prefix.data, prefix.start, prefix.length * there),
            Pieces(objects.data, objects.start + there, objects.length - there),
        )


_SEVERITIES: Final = table(
    [
        b',"severity":"%s"' % Severity(code).label.encode() if code in set(Severity) - {0} else b""
        for code in range(max(Severity) + 1)
    ]
)

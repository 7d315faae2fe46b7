"""What was found in the records of a batch, as columns that go along with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, OrderedBatch, Rewritten
from trio_ship.decode.words import Bools
from trio_ship.encode.gather import Pieces, constant, interleave, table
from trio_ship.fields.rewriting import merged
from trio_ship.fields.rules import I8
from trio_ship.fields.severity import Severity

__all__ = ["Parsed"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
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

    def with_rows(self, rows: I64, other: Parsed) -> Parsed:
        """Return this with what `other` says of some rows (rising, one each of its own)."""
        mine, theirs = self.objects, other.objects
        start, length = mine.start.copy(), mine.length.copy()
        start[rows], length[rows] = theirs.start + len(mine.data), theirs.length
        severity, prefix_of = self.severity.copy(), self.prefix_of.copy()
        severity[rows] = other.severity
        prefix_of[rows] = other.prefix_of + len(self.prefix)
        inner = self.inner.without(rows) if self.inner is not None else None
        if other.inner is not None:
            inner = merged(inner, attrs.evolve(other.inner, rows=rows[other.inner.rows]))
        return Parsed(
            inner=inner,
            severity=severity,
            objects=Pieces(np.concatenate((mine.data, theirs.data)), start, length),
            prefix=(*self.prefix, *other.prefix),
            prefix_of=prefix_of,
        )

    def whole_objects(self) -> Pieces:
        """Return the fields of each record with those of its file."""
        if len(self.prefix) == 1:
            return self.objects
        there = self.objects.length > 0
        prefix = table(self.prefix).take(self.prefix_of)
        prefix = Pieces(prefix.data, prefix.start, prefix.length * there)
        rest = Pieces(self.objects.data, self.objects.start + there, self.objects.length - there)
        length = prefix.length + rest.length
        text = np.frombuffer(interleave((prefix, rest)), np.uint8)
        return Pieces(text, np.cumsum(length) - length, length)

    def with_objects(self, objects: Pieces) -> Parsed:
        """Return this with other fields, those of files among them."""
        prefix_of = np.zeros(len(self.severity), np.int64)
        return attrs.evolve(self, objects=objects, prefix=(b"{",), prefix_of=prefix_of)

    def with_messages(self, batch: OrderedBatch) -> OrderedBatch:
        """Return a batch, the one that this belongs to, in which records say their messages."""
        if self.inner is None:
            return batch
        return attrs.evolve(batch, rewritten=merged(batch.rewritten, self.inner))

    def members(self, rows: slice, close: bytes) -> tuple[Pieces, ...]:
        """Return how JSON objects end whose other members are told, row by row.

        Args:
            rows: Which records.
            close: What follows the last member.
        """
        objects = self.objects.take(rows)
        there = objects.length > 0
        kind = self.severity[rows].astype(np.int64) * (len(self.prefix) + 1)
        kind += (self.prefix_of[rows] + 1) * there
        if not there.any():
            return (self._heads(kind, close),)
        rest = Pieces(objects.data, objects.start + there, objects.length - there)
        return self._heads(kind, b""), rest, constant(close, np.ones(len(there), np.bool_))

    def _heads(self, kind: I64, close: bytes) -> Pieces:
        """Return what stands in front of the fields that are a record's own.

        Args:
            kind: The severity times the number of prefixes and one, plus the number of
                the prefix, counted from 1; 0: there are no fields. Shape (n,).
            close: What follows where there are no fields.
        """
        count = np.bincount(kind)
        present = np.flatnonzero(count)
        place = np.zeros(len(count), np.int64)
        place[present] = np.arange(len(present))
        texts = []
        for severity, prefix in (divmod(one, len(self.prefix) + 1) for one in present.tolist()):
            fields = b',"fields":' + self.prefix[prefix - 1] if prefix else b""
            texts.append(_SEVERITIES[severity] + fields + close)
        return table(texts).take(place[kind])


_SEVERITIES: Final = tuple(
    b',"severity":"%s"' % Severity(code).label.encode() if code in set(Severity) - {0} else b""
    for code in range(max(Severity) + 1)
)

"""What was found in records, or takes their place: columns that go along with a batch."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch.columns import I64, U8
from trio_ship.batch.pieces import Pieces, gather, interleave, table

__all__ = ["Parsed", "Rewritten", "Severity"]


class Severity(enum.IntEnum):
    """The scale; what others call critical, alert or emergency is `FATAL`."""

    UNKNOWN = 0
    TRACE = 1
    DEBUG = 5
    INFO = 9
    NOTICE = 10
    WARN = 13
    ERROR = 17
    FATAL = 21

    @property
    def label(self) -> str:
        """The name in configurations and outputs."""
        return self.name.lower()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Rewritten:
    """Texts that take the place of records as they were read.

    Attributes:
        data: The texts, line ends included.
        rows: The row of the batch that each stands for, rising. Shape (k,).
        start: First byte of each in `data`. Shape (k,).
        length: Bytes of each. Shape (k,).
    """

    data: U8
    rows: I64
    start: I64
    length: I64

    def select(self, keep: npt.NDArray[np.bool_]) -> Rewritten:
        """Return what is left when only the rows that `keep` marks are."""
        kept = keep[self.rows]
        return Rewritten(
            data=self.data,
            rows=np.cumsum(keep)[self.rows[kept]] - 1,
            start=self.start[kept],
            length=self.length[kept],
        )

    def without(self, rows: I64) -> Rewritten:
        """Return this without what it says of some rows."""
        kept = ~np.isin(self.rows, rows)
        return attrs.evolve(
            self, rows=self.rows[kept], start=self.start[kept], length=self.length[kept]
        )

    def over(self, old: Rewritten | None) -> Rewritten:
        """Return what was rewritten before and by this; this counts where both did."""
        if old is None:
            return self
        old = old.without(self.rows)
        rows = np.concatenate((old.rows, self.rows))
        order = np.argsort(rows)
        buffer = np.zeros(len(rows), np.int32)
        buffer[len(old.rows) :] = 1
        start = np.concatenate((old.start, self.start))[order]
        length = np.concatenate((old.length, self.length))[order]
        data = np.frombuffer(gather((old.data, self.data), buffer[order], start, length), np.uint8)
        return Rewritten(
            data=data, rows=rows[order], start=np.cumsum(length) - length, length=length
        )


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
    severity: npt.NDArray[np.int8]
    objects: Pieces
    prefix: Sequence[bytes]
    prefix_of: I64

    def select(self, keep: npt.NDArray[np.bool_]) -> Parsed:
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
            inner = attrs.evolve(other.inner, rows=rows[other.inner.rows]).over(inner)
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

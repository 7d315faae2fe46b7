"""Which records of a batch are meant: the `when` of steps and sinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from trio_ship.batch import OrderedBatch
from trio_ship.batch.parsed import Severity
from trio_ship.decode.words import Bools
from trio_ship.fields.compare import FieldTest, pass_tests
from trio_ship.fields.severity import batch_severities
from trio_ship.fields.texts import text_slices
from trio_ship.globs import matches_name

__all__ = ["Condition", "from_sources"]


@attrs.frozen(kw_only=True)
class Condition:
    """What must hold of a record, all of it; an empty condition always holds.

    Attributes:
        min_severity: It is at least that serious. A record whose severity is not
            known counts as `INFO`.
        sources: Its source has one of these names; patterns are allowed.
        match: An RE2 expression that is found in its text, the line end left out.
        fields: What its fields say; the batch must have been parsed.
        unwrap: Finds the inner texts of what containers wrote, where severities are
            those of inner texts.
    """

    min_severity: Severity | None = None
    sources: tuple[str, ...] = ()
    match: str | None = None
    fields: tuple[FieldTest, ...] = ()
    unwrap: Callable[[OrderedBatch], OrderedBatch] | None = None

    def holds(self, batch: OrderedBatch) -> Bools:
        """Return of which records the condition holds; shape (n,)."""
        holds = np.ones(len(batch), np.bool_)
        if self.sources:
            holds &= from_sources(batch, self.sources)
        if self.min_severity is not None and holds.any():
            chosen = batch.select(holds)
            inner = self.unwrap(chosen) if self.unwrap is not None else chosen
            holds[holds] = _is_serious(inner.with_messages(), self.min_severity)
        if self.match is not None and holds.any():
            holds[holds] = _matches(batch.select(holds), self.match)
        if self.fields and holds.any():
            parsed = batch.select(holds).parsed
            lacks_all = np.zeros(int(holds.sum()), np.bool_)
            holds[holds] = pass_tests(parsed.whole_objects(), self.fields) if parsed else lacks_all
        return holds


def from_sources(batch: OrderedBatch, patterns: Sequence[str]) -> Bools:
    """Return which records come from sources of such names; shape (n,)."""
    known = {
        name: any(matches_name(pattern, name) for pattern in patterns)
        for name in {file.source for file in batch.files}
    }
    return np.array([known[file.source] for file in batch.files], np.bool_)[batch.region]


def _is_serious(batch: OrderedBatch, least: Severity) -> Bools:
    found = batch_severities(batch)
    found[found == Severity.UNKNOWN] = Severity.INFO
    serious: Bools = found >= least
    return serious


def _matches(batch: OrderedBatch, pattern: str) -> Bools:
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    found = [
        np.asarray(pc.match_substring_regex(texts, pattern=pattern))
        for _, texts in text_slices(batch)
    ]
    return np.concatenate(found)

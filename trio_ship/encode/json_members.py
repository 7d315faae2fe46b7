"""How JSON lines end whose records were looked into: with severity and fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64
from trio_ship.batch.parsed import Parsed, Severity
from trio_ship.batch.pieces import Pieces, constant, table

__all__ = ["members"]

_SEVERITIES: Final = {
    level.value: b',"severity":"%s"' % level.label.encode() if level else b"" for level in Severity
}


def members(parsed: Parsed, rows: slice, close: bytes) -> tuple[Pieces, ...]:
    """Return how lines end behind their ids: severity and fields, where there are some.

    Args:
        parsed: What was found in all records.
        rows: Which records.
        close: What follows the last member.
    """
    objects = parsed.objects.take(rows)
    there = objects.length > 0
    kind = parsed.severity[rows].astype(np.int64) * (len(parsed.prefix) + 1)
    kind += (parsed.prefix_of[rows] + 1) * there
    if not there.any():
        return (_heads(parsed.prefix, kind, close),)
    rest = Pieces(objects.data, objects.start + there, objects.length - there)
    return _heads(parsed.prefix, kind, b""), rest, constant(close, np.ones(len(there), np.bool_))


def _heads(prefix: Sequence[bytes], kind: I64, close: bytes) -> Pieces:
    """Return what stands in front of the fields that are a record's own.

    Args:
        prefix: As `Parsed` has it.
        kind: The severity times the number of prefixes and one, plus the number of
            the prefix, counted from 1; 0: there are no fields. Shape (n,).
        close: What follows where there are no fields.
    """
    count = np.bincount(kind)
    present = np.flatnonzero(count)
    place = np.zeros(len(count), np.int64)
    place[present] = np.arange(len(present))
    texts = []
    for severity, number in (divmod(one, len(prefix) + 1) for one in present.tolist()):
        fields = b',"fields":' + prefix[number - 1] if number else b""
        texts.append(_SEVERITIES[severity] + fields + close)
    return table(texts).take(place[kind])

"""An ordered batch as an Arrow table, for programs that go on in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trio_ship.batch.columns import I32, I64, NO_STAMP
from trio_ship.batch.parsed import Parsed, Severity
from trio_ship.batch.pieces import large_binary
from trio_ship.state import FileEntry

__all__ = ["to_table"]


def to_table(
    *,
    timestamp: I64,
    files: Sequence[FileEntry],
    region: I32,
    offset: I64,
    message: Any,  # noqa: ANN401 - pyarrow has no types
    parsed: Parsed | None,
) -> pa.Table:
    """Return columns as `OrderedBatch.to_arrow` has them; those of a batch, shape (n,) each."""
    stamps = pa.array(timestamp, pa.timestamp("ns", "UTC"), mask=timestamp == NO_STAMP)
    regions = pa.array(region)
    names = [
        pa.DictionaryArray.from_arrays(regions, pa.array([name(file) for file in files]))
        for name in (lambda file: file.source, lambda file: _text(file.path))
    ]
    ids = [
        f"{files[number].id}-{place:016x}"
        for number, place in zip(region.tolist(), offset.tolist(), strict=True)
    ]
    return pa.table(
        {
            "timestamp": stamps,
            "source": names[0],
            "path": names[1],
            "message": message,
            "id": pa.array(ids, pa.string()),
            "severity": _severities(parsed, len(timestamp)),
            "fields": _fields(parsed, len(timestamp)),
        }
    )


def _severities(parsed: Parsed | None, count: int) -> pa.Array:
    known = np.zeros(count, np.int8) if parsed is None else parsed.severity
    labels = pa.array([level.label for level in Severity if level], pa.string())
    codes = np.searchsorted([level for level in Severity if level], known).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=known == 0), labels)


def _fields(parsed: Parsed | None, count: int) -> pa.Array:
    if parsed is None:
        return pa.nulls(count, pa.large_string())
    objects = parsed.whole_objects()
    column = large_binary(objects.joined(), objects.length).cast(pa.large_string())
    nothing = pa.scalar(None, pa.large_string())
    return pc.if_else(pa.array(objects.length > 0), column, nothing)


def _text(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

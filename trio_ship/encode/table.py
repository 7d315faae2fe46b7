"""An ordered batch as an Arrow table, for programs that go on in columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trio_ship.batch import NO_STAMP, OrderedBatch
from trio_ship.encode.gather import gather
from trio_ship.fields.parsed import Parsed
from trio_ship.fields.severity import Severity
from trio_ship.fields.texts import large_binary, text_lengths

__all__ = ["to_table"]


def to_table(batch: OrderedBatch) -> pa.Table:
    """Return `batch` as columns; see `OrderedBatch.to_arrow`."""
    parsed, batch = batch.parsed, batch.with_messages()
    length = text_lengths(batch)
    message = large_binary(gather(batch.buffers, batch.part, batch.start, length), length)
    timestamp = batch.timestamp
    stamps = pa.array(timestamp, pa.timestamp("ns", "UTC"), mask=timestamp == NO_STAMP)
    files, region = batch.files, pa.array(batch.region)
    names = [
        pa.DictionaryArray.from_arrays(region, pa.array([name(file) for file in files]))
        for name in (lambda file: file.source, lambda file: _text(file.path))
    ]
    ids = [
        f"{files[number].id}-{offset:016x}"
        for number, offset in zip(batch.region.tolist(), batch.offset.tolist(), strict=True)
    ]
    return pa.table(
        {
            "timestamp": stamps,
            "source": names[0],
            "path": names[1],
            "message": message,
            "id": pa.array(ids, pa.string()),
            "severity": _severities(parsed, len(batch)),
            "fields": _fields(parsed, len(batch)),
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

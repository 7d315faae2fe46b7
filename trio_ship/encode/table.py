"""An ordered batch as an Arrow table, for programs that go on in columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trio_ship.batch import NO_STAMP, OrderedBatch
from trio_ship.encode.gather import gather
from trio_ship.fields.texts import text_lengths

__all__ = ["to_table"]


def to_table(batch: OrderedBatch) -> pa.Table:
    """Return `batch` as columns; see `OrderedBatch.to_arrow`."""
    part, start, length = batch.part, batch.start, text_lengths(batch)
    text = gather(batch.buffers, part, start, length)
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    message = pa.Array.from_buffers(
        pa.large_binary(), len(length), [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    )
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
        [stamps, *names, message, pa.array(ids, pa.string())],
        names=["timestamp", "source", "path", "message", "id"],
    )


def _text(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""The texts of records, without their line ends, as Arrow columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from trio_ship.batch import I64, U8, OrderedBatch
from trio_ship.decode.patterns import trimmed_ends
from trio_ship.encode.gather import gather_slices
from trio_ship.encode.raw import slice_edges

__all__ = ["large_binary", "occurs", "text_lengths", "text_slices"]


def text_lengths(batch: OrderedBatch) -> I64:
    """Return the bytes of each record without its line end, LF or CR LF; shape (n,)."""
    part, start, end = batch.part, batch.start, batch.end
    for number, buffer in enumerate(batch.buffers):
        mine = part == number
        end[mine] = trimmed_ends(buffer, start[mine], end[mine])
    return end - start


def text_slices(batch: OrderedBatch) -> Iterator[tuple[slice, Any]]:
    """Yield the texts of a batch, about a megabyte at a time.

    Yields:
        Which rows, and their texts: an Arrow array of large_binary.
    """
    if not len(batch):
        return
    length = text_lengths(batch)
    edges = slice_edges(length)
    texts = gather_slices(batch.buffers, batch.part, batch.start, length, edges)
    for (first, stop), text in zip(itertools.pairwise(edges.tolist()), texts, strict=True):
        yield slice(first, stop), large_binary(text, length[first:stop])


def occurs(text: bytes, data: U8) -> bool:
    """Tell whether a text of a few bytes, at least one, occurs in others.

    `in` takes four times as long for so few bytes, and keeps the interpreter to itself.
    """
    places = max(len(data) - len(text) + 1, 0)
    found = data[:places] == text[0]
    for number, byte in enumerate(text[1:], 1):
        if not found.any():
            break
        found &= data[number : places + number] == byte
    return bool(found.any())


def large_binary(text: memoryview, length: I64) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return texts that lie side by side as an Arrow array of large_binary."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow

    offsets = np.concatenate(([0], np.cumsum(length))).astype(np.int64)
    columns = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_binary(), len(length), columns)

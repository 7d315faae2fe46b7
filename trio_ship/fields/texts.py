"""The texts of records, without their line ends, as Arrow columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from trio_ship.batch import U8, OrderedBatch
from trio_ship.batch.pieces import gather_slices, large_binary, slice_edges

__all__ = ["occurs", "text_slices"]


def text_slices(batch: OrderedBatch) -> Iterator[tuple[slice, Any]]:
    """Yield the texts of a batch, about a megabyte at a time.

    Yields:
        Which rows, and their texts: an Arrow array of large_binary.
    """
    if not len(batch):
        return
    length = batch.text_length
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

"""Texts that take the place of records, with the line ends that those had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from trio_ship.batch import I64, U8, OrderedBatch
from trio_ship.batch.parsed import Rewritten
from trio_ship.batch.pieces import Pieces, gather, interleave, table

__all__ = ["pieces_of", "rewritten", "with_texts"]

_RETURN: Final = 0x0D


def with_texts(batch: OrderedBatch, rows: I64, texts: Sequence[Any]) -> OrderedBatch:
    """Return a batch in which some rows say something else.

    Args:
        batch: The records.
        rows: The rows, rising. Shape (k,), k > 0.
        texts: What they say, without line ends: Arrow arrays of large_binary, k
            texts together.
    """
    return batch.with_rewritten(rewritten(batch, rows, texts))


def rewritten(batch: OrderedBatch, rows: I64, texts: Sequence[Any]) -> Rewritten:
    """Return texts, with the line ends of the rows that they are to stand for.

    Args:
        batch: The records.
        rows: The rows, rising. Shape (k,), k > 0.
        texts: As for `with_texts`.
    """
    import pyarrow as pa  # noqa: PLC0415 - its import is slow

    return _with_line_ends(batch, rows, pieces_of(pa.concat_arrays(texts)))


def pieces_of(texts: Any) -> Pieces:  # noqa: ANN401 - pyarrow has no types
    """Return where the texts of an Arrow array of large_binary lie; a null is empty."""
    _, bounds, content = texts.buffers()
    offsets = np.frombuffer(bounds, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content, np.uint8) if content else np.zeros(0, np.uint8)
    length = np.diff(offsets)
    if texts.null_count:
        length *= np.asarray(texts.is_valid())
    return Pieces(data, offsets[:-1], length)


def _with_line_ends(batch: OrderedBatch, rows: I64, texts: Pieces) -> Rewritten:
    ending = (batch.length - batch.text_length)[rows]
    # One byte is the newline, unless a record was cut behind a carriage return.
    lone_return = (ending == 1) & (_last_bytes(batch, rows) == _RETURN)
    ends = Pieces(table([b"\r\n"]).data, np.where(lone_return, 0, 2 - ending), ending)
    together = interleave((texts, ends))
    length = texts.length + ending
    return Rewritten(
        data=np.frombuffer(together, np.uint8),
        rows=rows,
        start=np.cumsum(length) - length,
        length=length,
    )


def _last_bytes(batch: OrderedBatch, rows: I64) -> U8:
    """Return the last byte of each row; 0 where it is empty."""
    length = np.minimum(batch.length[rows], 1)
    last = gather(batch.buffers, batch.part[rows], batch.end[rows] - length, length)
    found = np.zeros(len(rows), np.uint8)
    found[length > 0] = np.frombuffer(last, np.uint8)
    return found

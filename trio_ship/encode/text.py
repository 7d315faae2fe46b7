"""The `text` encoding: a line for people, of stamp, source and message.

    2026-11-23T08:00:00.125Z app  the first line of the message
        and the next ones, indented

Sources are padded to the width of the longest name, so that messages stand in one
column. A record without a stamp has a `-` in its place. Bytes pass as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64, OrderedBatch
from trio_ship.batch.pieces import Pieces, Slice, constant, interleave, table
from trio_ship.encode.json_rows import stamp_pieces
from trio_ship.encode.raw import Lines, slice_lines

__all__ = ["TextEncoder"]

_ROW_BYTES: Final = 60
_INDENT: Final = b"    "
_NEWLINE: Final = 0x0A
_RETURN: Final = 0x0D


class TextEncoder:
    """Encodes ordered batches for reading.

    Args:
        sources: The names of all sources.
    """

    def __init__(self, sources: Sequence[str] = ()) -> None:
        self._width = max(map(len, sources), default=0)

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the records of `batch` as lines, in slices of about 1 MB."""
        if not len(batch):
            return
        batch = batch.with_messages()
        stamp, region = batch.timestamp, batch.region
        labels = table([b" %s " % file.source.ljust(self._width).encode() for file in batch.files])
        for lines in slice_lines(batch, row_bytes=_ROW_BYTES):
            own = region[lines.rows]
            yield interleave(
                (
                    stamp_pieces(stamp[lines.rows]),
                    labels.take(own),
                    _messages(lines),
                    constant(b"\n", np.ones(len(own), np.bool_)),
                )
            )


def _messages(lines: Lines) -> Pieces:
    """Return the messages without their line ends, inner lines indented."""
    text = bytes(lines.text)
    data = np.frombuffer(text, np.uint8)
    start, stop = _starts(lines.end), lines.end - 1
    # A record that was completed has no line end of its own that might have a return.
    own = np.ones(len(stop), np.bool_)
    own[lines.completed] = False
    stop -= own & (stop > start) & (data[np.maximum(stop - 1, 0)] == _RETURN)
    newlines = np.flatnonzero(data == _NEWLINE)
    if len(newlines) > len(stop):
        start += np.searchsorted(newlines, start) * len(_INDENT)
        stop += np.searchsorted(newlines, stop) * len(_INDENT)
        data = np.frombuffer(text.replace(b"\n", b"\n" + _INDENT), np.uint8)
    return Pieces(data, start, stop - start)


def _starts(end: I64) -> I64:
    return np.concatenate(([0], end[:-1]))

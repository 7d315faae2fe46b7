"""Lay pieces of many buffers end to end: how record bytes leave.

An ordered batch says where its records lie; here they are copied together, once.
Each piece becomes a descriptor of 16 bytes (length, first bytes, buffer, start),
which is what an Arrow `binary_view` array is made of, and Arrow copies the pieces
while it casts that array to `large_binary`, without holding the interpreter lock.

What the format demands:

* A piece of at most 12 bytes stands in its descriptor; what the descriptor
  says about a buffer is then ignored.
* Places and lengths have 31 bits.
* Arrow checks nothing, so everything is checked here before it sees it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch.columns import I32, I64, U8

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SLICE_BYTES",
    "Pieces",
    "Slice",
    "constant",
    "gather",
    "gather_slices",
    "interleave",
    "large_binary",
    "replaced",
    "slice_edges",
    "table",
]

Slice: TypeAlias = memoryview
"""Bytes ready to be written; may be a window into the buffer of a batch."""

SLICE_BYTES: Final = 2**20
"""What a slice holds, about: little enough for the cache, much for one write."""

_INLINE: Final = 12
_INLINED: Final = np.dtype(
    {"names": ["text"], "formats": [f"V{_INLINE}"], "offsets": [4], "itemsize": 16}
)
_LARGEST: Final = 2**31 - 1
_LONG_RUN: Final = 4


@attrs.frozen(eq=False, repr=False)
class Pieces:
    """Pieces of one buffer.

    Attributes:
        data: Where the pieces lie; contiguous.
        start: First byte of each piece in `data`. Shape (n,).
        length: Bytes of each piece. Shape (n,).
    """

    data: U8
    start: I64
    length: I64

    def take(self, which: slice | npt.NDArray[np.integer | np.bool_]) -> Pieces:
        """Return the pieces that an index of NumPy, of whatever kind, names."""
        return Pieces(self.data, self.start[which], self.length[which])

    def joined(self) -> Slice:
        """Return all of them, one after the other; errors as of `gather_slices`."""
        buffer = np.zeros(len(self.start), np.int32)
        return gather((self.data,), buffer, self.start, self.length)


def gather(buffers: Sequence[U8], buffer: I32, start: I64, length: I64) -> Slice:
    """Return pieces of buffers, one after the other; see `gather_slices`."""
    everything = np.array([0, len(start)])
    return next(gather_slices(buffers, buffer, start, length, everything))


def gather_slices(
    buffers: Sequence[U8], buffer: I32, start: I64, length: I64, edges: I64
) -> Iterator[Slice]:
    """Yield pieces of buffers, one after the other, in slices.

    Pieces that lie side by side in one buffer are taken as one; where that
    leaves a single piece, nothing is copied. What is the same for all slices is
    done once, each slice is copied when it is asked for.

    Args:
        buffers: Where the pieces lie; contiguous.
        buffer: The number of each piece's buffer. Shape (n,).
        start: First byte of each piece in its buffer. Shape (n,).
        length: Bytes of each piece. Shape (n,).
        edges: The first piece of each slice, and n at the end. Shape (k + 1,).

    Yields:
        The bytes of a slice; a window into a buffer where its pieces lie side by
        side.

    Raises:
        ValueError: A piece does not lie within its buffer, or lies beyond the
            first 2 GiB of it.
    """
    if not len(start):
        yield from [memoryview(b"")] * (len(edges) - 1)
        return
    if buffer.min() < 0 or buffer.max() >= len(buffers):
        raise ValueError(f"a piece names a buffer that is not among the {len(buffers)} given")
    _check(np.array([len(data) for data in buffers])[buffer], start, length)
    buffer, start, length, edges = _fused(buffer, start, length, edges)
    described = np.empty((len(start), 4), np.int32)
    _describe(described, buffer, start, length)
    short = np.flatnonzero(length <= _INLINE)
    for number in np.flatnonzero(np.bincount(buffer[short])).tolist():
        rows = short[buffer[short] == number]
        _inline(described, Pieces(buffers[number], start[rows], length[rows]), rows)
    memory = _shared(buffers)
    for piece, stop in itertools.pairwise(edges.tolist()):
        if stop == piece + 1:
            begin = int(start[piece])
            yield memoryview(buffers[buffer[piece]])[begin : begin + int(length[piece])]
        else:
            yield _copy(memory, described[piece:stop])


def interleave(columns: Sequence[Pieces]) -> Slice:
    """Return the first piece of every column, then the second of every column, and so on.

    Args:
        columns: All of the same length.

    Raises:
        ValueError: As for `gather`.
    """
    if not len(columns[0].start):
        return memoryview(b"")
    described = np.empty((len(columns[0].start), len(columns), 4), np.int32)
    for number, column in enumerate(columns):
        _check(len(column.data), column.start, column.length)
        _describe(described[:, number], number, column.start, column.length)
        _inline(described[:, number], column)
    return _copy(_shared([column.data for column in columns]), described)


def constant(text: bytes, there: npt.NDArray[np.bool_]) -> Pieces:
    """Return one text again and again, empty where it is not `there`; shape (n,)."""
    return Pieces(_padded(text), np.zeros(len(there), np.int64), there * len(text))


def table(texts: Sequence[bytes]) -> Pieces:
    """Return texts as pieces, one each."""
    length = np.array([len(text) for text in texts], np.int64)
    return Pieces(_padded(b"".join(texts)), np.cumsum(length) - length, length)


def replaced(pieces: Pieces, rows: I64, texts: Sequence[bytes]) -> Pieces:
    """Return pieces in which some rows (rising, shape (k,)) are other texts, k > 0."""
    others = table(texts)
    buffer = np.zeros(len(pieces.start), np.int32)
    buffer[rows] = 1
    start, length = pieces.start.copy(), pieces.length.copy()
    start[rows], length[rows] = others.start, others.length
    data = gather((pieces.data, others.data), buffer, start, length)
    return Pieces(np.frombuffer(data, np.uint8), np.cumsum(length) - length, length)


def large_binary(text: memoryview, length: I64) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return texts that lie side by side as an Arrow array of large_binary."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow

    offsets = np.concatenate(([0], np.cumsum(length))).astype(np.int64)
    columns = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_binary(), len(length), columns)


def slice_edges(size: I64, *, slice_bytes: int = SLICE_BYTES) -> I64:
    """Return the first row of each slice of about `slice_bytes`, and n > 0 at the end."""
    total = np.cumsum(size)
    cuts = np.searchsorted(total, np.arange(slice_bytes, total[-1], slice_bytes)) + 1
    edges = np.concatenate(([0], cuts, [len(size)]))
    return edges[np.diff(edges, append=len(size) + 1) > 0]


def _padded(text: bytes) -> U8:
    """Return a text with room behind it, so that windows of short pieces lie within."""
    return np.frombuffer(text + bytes(_INLINE), np.uint8)


def _check(room: int | I64, start: I64, length: I64) -> None:
    """Refuse pieces that Arrow would read from foreign memory."""
    if start.min() < 0 or length.min() < 0 or (room - start < length).any():
        raise ValueError("a piece does not lie within its buffer")
    if (start + length).max() > _LARGEST:
        raise ValueError("a piece lies beyond the first 2 GiB of its buffer")


def _fused(buffer: I32, start: I64, length: I64, edges: I64) -> tuple[I32, I64, I64, I64]:
    """Return pieces and edges in which pieces of a slice that lie side by side are one.

    They stay as they are where that spares little. But where runs are no more than slices,
    some slice is a single piece, and need not be copied at all.
    """
    begins = np.ones(len(start), np.bool_)
    np.not_equal(start[1:], (start + length)[:-1], out=begins[1:])
    begins[1:] |= buffer[1:] != buffer[:-1]
    runs = np.count_nonzero(begins)
    if runs >= len(edges) and runs * _LONG_RUN >= len(start):
        return buffer, start, length, edges
    begins[edges[:-1][edges[:-1] < len(start)]] = True
    first = np.flatnonzero(begins)
    length = np.add.reduceat(length, first)
    return buffer[first], start[first], length, np.searchsorted(first, edges)


def _describe(described: I32, number: int | I32, start: I64, length: I64) -> None:
    """Fill descriptors of shape (n, 4), as far as pieces are not inlined."""
    described[:, 0] = length
    described[:, 1] = 0
    described[:, 2] = number
    described[:, 3] = start


def _inline(described: I32, pieces: Pieces, rows: I64 | None = None) -> None:
    """Put short pieces of one buffer into their descriptors.

    Whole windows are copied; Arrow ignores what lies behind a piece's length.

    Args:
        described: The descriptors. Shape (n, 4).
        pieces: Pieces of one buffer.
        rows: The descriptor of each piece; all of them if left out.
    """
    short = np.flatnonzero(pieces.length <= _INLINE)
    if not len(short):
        return
    start, length = pieces.start[short], pieces.length[short]
    inlined = described.view(_INLINED)["text"][:, 0]
    rows = short if rows is None else rows[short]
    last = len(pieces.data) - _INLINE
    whole = start <= last
    if whole.any():
        windows = np.ndarray((last + 1,), f"V{_INLINE}", pieces.data, strides=(1,))
        inlined[rows[whole]] = windows[start[whole]]
    # Of an empty piece there is nothing to copy.
    left = ~whole & (length > 0)
    for row, first, size in zip(rows[left], start[left], length[left], strict=True):
        inlined[row] = np.void(bytes(pieces.data[first : first + size]).ljust(_INLINE, b"\0"))


def _shared(buffers: Sequence[U8]) -> list[pa.Buffer]:
    """Return the same buffers for Arrow."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow, and one file's records need no copy

    return [pa.py_buffer(data) for data in buffers]


def _copy(memory: Sequence[pa.Buffer], described: I32) -> Slice:
    """Return what descriptors of shape (..., 4) stand for, end to end."""
    import pyarrow as pa  # noqa: PLC0415 - see `_shared`

    # `pyarrow.compute` has these from there too, and `Array.cast` would import it: it writes
    # 300 functions with their documentation, which takes a tenth of a start.
    from pyarrow._compute import CastOptions, call_function  # noqa: PLC0415 - see `_shared`

    count = described.size // 4
    columns = [None, pa.py_buffer(described), *memory]
    views = pa.Array.from_buffers(pa.binary_view(), count, columns)
    # Arrow's own pool keeps a heap for each thread that ever encoded, and gives little back.
    pool = pa.system_memory_pool()
    to_binary = CastOptions.safe(pa.large_binary())
    _, ends, data = call_function("cast", [views], to_binary, memory_pool=pool).buffers()
    # The buffer of an empty array may be longer than what is in it.
    size = int(np.frombuffer(ends, np.int64)[count]) if count else 0
    return memoryview(data).cast("B")[:size]

"""Pieces of buffers, laid end to end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import I32, I64, U8
from trio_ship.batch.pieces import Pieces, gather, gather_slices, interleave

#: Lengths around the limit up to which a descriptor holds the piece itself.
LENGTHS = st.integers(0, 14) | st.integers(15, 400)


def _buffer(data: bytes) -> U8:
    return np.frombuffer(data, np.uint8)


def _columns(*pieces: tuple[int, int, int]) -> tuple[I32, I64, I64]:
    table = np.array(pieces, np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.int32), table[:, 1], table[:, 2]


@st.composite
def _pieces(draw: st.DrawFn) -> tuple[list[bytes], list[tuple[int, int, int]]]:
    buffers = draw(st.lists(st.binary(max_size=500), min_size=1, max_size=4))
    pieces = []
    for _ in range(draw(st.integers(0, 30))):
        number = draw(st.integers(0, len(buffers) - 1))
        length = min(draw(LENGTHS), len(buffers[number]))
        start = draw(st.integers(0, len(buffers[number]) - length))
        pieces.append((number, start, length))
    return buffers, pieces


@given(_pieces())
@settings(max_examples=300, deadline=None)
def test_gather_equals_join(case: tuple[list[bytes], list[tuple[int, int, int]]]) -> None:
    """The result is what joining the slices one by one gives."""
    buffers, pieces = case
    expected = b"".join(buffers[number][start : start + size] for number, start, size in pieces)
    assert expected == bytes(gather([_buffer(data) for data in buffers], *_columns(*pieces)))


@pytest.mark.parametrize("length", range(15))
def test_every_short_length_comes_out_whole(length: int) -> None:
    """Pieces up to and beyond 12 bytes keep their bytes, at the very end of a buffer too."""
    data = bytes(range(100, 130))
    pieces = [(0, start, length) for start in range(len(data) - length, -1, -1)]
    expected = b"".join(data[start : start + length] for _, start, _ in pieces)
    assert expected == bytes(gather([_buffer(data)], *_columns(*pieces)))


@given(_pieces(), st.lists(st.integers(0, 30), max_size=5))
@settings(max_examples=200, deadline=None)
def test_slices_are_cut_where_the_edges_say(
    case: tuple[list[bytes], list[tuple[int, int, int]]], cuts: list[int]
) -> None:
    """Each slice is the join of its own pieces, runs that cross an edge included."""
    buffers, pieces = case
    edges = [0, *sorted(min(cut, len(pieces)) for cut in cuts), len(pieces)]
    expected = [
        b"".join(buffers[number][start : start + size] for number, start, size in pieces[a:b])
        for a, b in itertools.pairwise(edges)
    ]
    slices = gather_slices([_buffer(data) for data in buffers], *_columns(*pieces), np.array(edges))
    assert expected == [bytes(text) for text in slices]


def test_long_runs_collapse() -> None:
    """Records that lie side by side in two buffers come out in order."""
    data = bytes(range(200))
    runs = [(0, at, 10) for at in range(0, 100, 10)] + [(1, at, 10) for at in range(50, 150, 10)]
    expected = data[:100] + data[50:150]
    assert expected == bytes(gather([_buffer(data), _buffer(data)], *_columns(*runs)))


def test_one_run_is_not_copied() -> None:
    """Pieces side by side in one buffer are a window into that buffer."""
    data = np.arange(100, dtype=np.uint8)
    result = gather([data], *_columns((0, 10, 5), (0, 15, 30), (0, 45, 1)))
    data[10] = 255
    assert bytes([255, *range(11, 46)]) == bytes(result)


def test_result_is_made_of_unsigned_bytes() -> None:
    """High bytes compare equal to bytes, whichever way the slice was made."""
    data = _buffer(b"\xff\x80" * 20)
    assert memoryview(b"\xff\x80\xff") == gather([data], *_columns((0, 0, 2), (0, 0, 1)))
    assert memoryview(b"\xff\x80\xff") == gather([data], *_columns((0, 0, 2), (0, 2, 1)))


def test_nothing_gives_nothing() -> None:
    """No pieces, or only empty ones, give no bytes."""
    assert bytes(gather([], *_columns())) == b""
    assert bytes(gather([_buffer(b"ab")], *_columns((0, 2, 0), (0, 1, 0)))) == b""


@pytest.mark.parametrize(
    "piece",
    [(0, -1, 1), (0, 0, 11), (0, 11, 0), (0, 5, -1), (1, 0, 1), (-1, 0, 1), (0, 2**63 - 1, 2)],
)
def test_a_piece_outside_its_buffer_is_refused(piece: tuple[int, int, int]) -> None:
    """Foreign memory is never read."""
    with pytest.raises(ValueError, match="a piece"):
        gather([_buffer(b"0123456789")], *_columns((0, 0, 1), piece))


def test_places_beyond_31_bits_are_refused() -> None:
    """A descriptor cannot hold such a place, so it must not be cut to 32 bits."""
    huge = np.broadcast_to(np.zeros(1, np.uint8), (2**31 + 10,))
    with pytest.raises(ValueError, match="2 GiB"):
        gather([huge], *_columns((0, 0, 1), (0, 2**31, 1)))


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=20))
@settings(max_examples=100, deadline=None)
def test_interleave_takes_columns_in_turn(rows: list[tuple[bytes, bytes]]) -> None:
    """The first pieces of all columns come before the second ones."""
    columns = []
    for texts in zip(*rows, strict=True) if rows else [(), ()]:
        length = np.array([len(text) for text in texts], np.int64)
        columns.append(Pieces(_buffer(b"".join(texts)), np.cumsum(length) - length, length))
    assert b"".join(a + b for a, b in rows) == bytes(interleave(columns))


def test_interleave_refuses_pieces_outside_their_data() -> None:
    """Each column is checked against its own data."""
    inside = Pieces(_buffer(b"0123456789"), np.array([0]), np.array([10]))
    outside = Pieces(_buffer(b"012345678"), np.array([0]), np.array([10]))
    with pytest.raises(ValueError, match="within"):
        interleave([inside, outside])

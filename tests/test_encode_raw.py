"""The raw encoding."""

from __future__ import annotations

from random import Random
from unittest import mock

import numpy as np
import pytest
from encode_helpers import Row, make_ordered, make_part
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import Flag, Kind, OrderedBatch
from trio_ship.batch.pieces import SLICE_BYTES
from trio_ship.encode import encoder
from trio_ship.encode.raw import encode_raw, raw_size, slice_lines

ENDLESS = st.sampled_from([int(Flag.PARTIAL), int(Flag.UNFINISHED)])
LINE = st.builds(
    lambda text, end: Row(data=text.replace(b"\n", b"") + end),
    st.binary(max_size=30),
    st.sampled_from([b"\n", b"\r\n"]),
)
BARE = st.builds(lambda text, flags: Row(data=text, flags=flags), st.binary(max_size=30), ENDLESS)
PART = st.lists(st.lists(LINE | BARE, max_size=6), min_size=1, max_size=3)


def _encode(batch: OrderedBatch) -> bytes:
    return b"".join(encoder("raw")(batch))


@given(st.lists(PART, min_size=1, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_records_come_out_in_order_each_with_a_line_end(
    parts: list[list[list[Row]]], random: Random
) -> None:
    """Whatever the order, each record stands as read and ends with a newline."""
    rows = [row for part in parts for region in part for row in region]
    order = list(range(len(rows)))
    random.shuffle(order)
    order = order[: len(order) // 2 + 1]
    expected = b"".join(
        rows[number].data + (b"" if rows[number].data.endswith(b"\n") else b"\n")
        for number in order
    )
    assert expected == _encode(make_ordered(*map(make_part, parts), order=order))


def test_r04_any_bytes_pass_unchanged() -> None:
    """Bytes that are not UTF-8, NULs and carriage returns are left alone."""
    data = bytes(range(10)) + b"\x00\xff\xfe\xc3(\r\r\n"
    assert data == _encode(make_ordered(make_part([[Row(data=data)]])))


def test_r08_byte_order_mark_is_kept() -> None:
    """The mark at the start of a file stays in front of its first record."""
    batch = make_ordered(make_part([[Row(data=b"\xef\xbb\xbffirst\r\n")]]))
    assert _encode(batch) == b"\xef\xbb\xbffirst\r\n"


@pytest.mark.parametrize("flag", [Flag.PARTIAL, Flag.UNFINISHED])
def test_a_record_without_line_end_gets_one(flag: Flag) -> None:
    """A newline is added only where a flagged record has none."""
    rows = [Row(data=b"a\n", flags=flag), Row(data=b"b", flags=flag), Row(data=b"c\r\n")]
    assert _encode(make_ordered(make_part([rows]))) == b"a\nb\nc\r\n"


def test_a_batch_without_rows_gives_nothing() -> None:
    """Dropped batches carry moves only."""
    assert list(encoder("raw")(make_ordered(kind=Kind.DROPPED))) == []


def test_slices_are_about_a_megabyte_and_one_record_is_never_split() -> None:
    """A long encoding leaves in several slices that end with a record."""
    rows = [Row(data=b"x" * 999 + b"\n")] * 3000 + [Row(data=b"y" * 3 * SLICE_BYTES + b"\n")]
    batch = make_ordered(make_part([rows]), order=[*range(0, 3000, 2), 3000, *range(1, 3000, 2)])
    slices = list(encoder("raw")(batch))
    assert len(slices) > 3
    assert all(piece[-1] == 10 for piece in slices)
    assert sum(len(row.data) for row in rows) == sum(map(len, slices))
    assert sum(len(piece) > 1.1 * SLICE_BYTES for piece in slices) == 1


def test_one_file_is_not_copied() -> None:
    """Records of one file that leave together are a window into its buffer."""
    part = make_part([[Row(data=b"a\n"), Row(data=b"b\n")]])
    (piece,) = encoder("raw")(make_ordered(part))
    assert np.shares_memory(part.buffer, np.frombuffer(piece, np.uint8))


@given(
    st.lists(st.lists(LINE | BARE, max_size=6), max_size=2),
    st.integers(1, 40),
)
@settings(max_examples=200, deadline=None)
def test_what_leaves_as_it_was_read_is_the_same_in_windows_and_in_pieces(
    regions: list[list[Row]], slice_bytes: int
) -> None:
    """The way past the gathering gives what gathering gives, and its size is known."""
    batch = make_ordered(make_part(regions))
    gathered = b"".join(lines.text for lines in slice_lines(batch, row_bytes=0))
    with mock.patch("trio_ship.encode.raw.SLICE_BYTES", slice_bytes):
        slices = list(encode_raw(batch))
    assert gathered == b"".join(slices)
    assert raw_size(batch) == len(gathered)
    assert all(slices)


def test_windows_end_with_a_record() -> None:
    """A record of several slices makes one long window, and no empty one."""
    rows = [Row(data=b"x" * 999 + b"\n")] * 2000 + [Row(data=b"y" * 3 * SLICE_BYTES + b"\n")]
    part = make_part([rows])
    slices = list(encode_raw(make_ordered(part)))
    # 1,049 records reach over the first megabyte; the long one begins in the second.
    assert list(map(len, slices)) == [1_049_000, 951_000 + 3 * SLICE_BYTES + 1]
    assert all(np.shares_memory(part.buffer, np.frombuffer(piece, np.uint8)) for piece in slices)


def test_unknown_encodings_are_refused() -> None:
    """The message names the encodings that there are."""
    with pytest.raises(ValueError, match='"raw", "json" and "text"'):
        encoder("xml")

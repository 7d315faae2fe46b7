"""Windows of bytes: what is found in them is what looking at lines one by one finds."""

from __future__ import annotations

import re
from typing import Final
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.decode import members
from trio_ship.decode.members import find_field
from trio_ship.decode.places import Place
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.decode.windows import Windows, first_bit, last_bit

SLACK = bytes(64)
WIDTHS = [32, 64]


def bits(words: np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]) -> list[list[int]]:
    """Return which bits are set in each word."""
    return [[bit for bit in range(64) if int(word) >> bit & 1] for word in words]


texts = st.lists(st.text("ab1", min_size=64, max_size=64), min_size=1, max_size=4)


@pytest.mark.parametrize("width", WIDTHS)
@given(
    texts=texts,
    marks=st.dictionaries(st.integers(-1, 9), st.sampled_from("ab1"), min_size=1, max_size=4),
)
def test_a_bit_is_set_where_all_marks_stand(
    width: int, texts: list[str], marks: dict[int, str]
) -> None:
    """Marks outside of the window are not there."""
    windows = Windows(
        np.frombuffer("".join(texts).encode() + SLACK, np.uint8), np.arange(len(texts)) * 64, width
    )
    found = windows.begins([(place, ord(mark)) for place, mark in marks.items()])
    assert bits(found) == [
        [
            at
            for at in range(width)
            if all(
                0 <= at + place < width and text[at + place] == mark
                for place, mark in marks.items()
            )
        ]
        for text in texts
    ]


@pytest.mark.parametrize("width", WIDTHS)
@given(texts=texts, digits=st.integers(1, 19))
def test_numbers_of_a_width_begin_where_they_do(width: int, texts: list[str], digits: int) -> None:
    """Longer and shorter ones are others."""
    windows = Windows(
        np.frombuffer("".join(texts).encode() + SLACK, np.uint8), np.arange(len(texts)) * 64, width
    )
    assert bits(windows.numbers(digits)) == [
        [found.start() for found in re.finditer("1+", text[:width]) if len(found[0]) == digits]
        for text in texts
    ]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.sampled_from(["<u4", "<u8"]))
def test_first_and_last_bits_are_those_of_python(numbers: list[int], dtype: str) -> None:
    """A word without any has its width, and -1."""
    words = np.array(numbers, np.uint64).astype(dtype)
    width = 8 * words.dtype.itemsize
    values = [int(word) for word in words]
    assert first_bit(words).tolist() == [(v & -v).bit_length() - 1 if v else width for v in values]
    assert last_bit(words).tolist() == [v.bit_length() - 1 for v in values]


SPELLINGS = [
    "iso8601@7,5,*/T.3Z",
    "clf@*",
    "day_month_name@4,3,*/   .3",
    "epoch@5,3,*",
    "epoch_ms@12,2,*",
    "audit@14,17,*",
    "month_day@3,4,*/// ",
    "syslog@30,20,*",
    "iso8601@_3,5,*/ ",
    "day_month_name@32,30,31,47,*///:.3",
    "ctime@64,59,*",
    "chromium@*/.6",
    "chromium@5,11,*/.6",
    "epoch@20,9,*",
    "db2@70,5,*/.6",
]
PIECES = [
    b"2026-11-23T08:00:00.123Z",
    b"2026-11-23 08:00:00",
    b"2026-11-23 08:00:0",
    b"[23/Nov/2026:08:00:00 +0000]",
    b"[23/Nov/2026:08:00:00",
    b"[",
    b"23 Nov 2026 08:00:00.123",
    b"23/Nov/2026:08:00:00.123",
    b"Mon Nov 23 08:00:00 2026",
    b":1123/080000.123456",
    b"2026-11-23-08.00.00.123456",
    b"3 Nov 2026 08:00:00",
    b"Nov 23 08:00:00",
    b"1795420800",
    b"1795420800123",
    b"audit(1795420800.123:",
    b"11/23/2026 8:00:00",
    b"1/2/2026 18:00:00",
    b" ",
    b"1",
    b"-",
    b":",
    b"x",
    b"  ",
    b"node-7 ",
    b"abcdefghijklmnop ",
    b'"ts":',
    b" ts=",
]
lines = st.lists(
    st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join), min_size=1, max_size=12
)


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=80, deadline=None)
@given(texts=lines, rows=st.integers(1, 8))
def test_the_short_way_to_a_stamp_leads_where_the_long_one_does(
    spelling: str, texts: list[bytes], rows: int
) -> None:
    """A stamp that is read at a likely place is the one that counts."""
    text = b"".join(line + b"\n" for line in texts)
    decoder = StampDecoder(spelling)
    with mock.patch("trio_ship.decode.likely.ROWS", rows):
        short = decoder.read(*frame(text))
    with mock.patch.object(Place, "likely", return_value=None):
        long = decoder.read(*frame(text))
    assert short.found.tolist() == long.found.tolist()
    assert short.value[short.found].tolist() == long.value[long.found].tolist()


fields = st.lists(
    st.lists(
        st.sampled_from(
            [
                b'"ts":',
                b'"ts": "',
                b"ts=",
                b" ts=",
                b"\tts='",
                b"x",
                b'{"a":"b",',
                b" " * 9,
                b"y" * 30,
            ]
        ),
        max_size=8,
    ).map(b"".join),
    min_size=1,
    max_size=12,
)


def seen(*, width: int = 0, distance: int = 0) -> mock.Mock:
    """Return what some lines may seem to have in common."""
    return mock.Mock(usual=None, width=width, distance=distance)


@pytest.mark.parametrize(("field", "last"), [('"ts"', False), ('"ts"', True), ("ts=", False)])
@settings(max_examples=80, deadline=None)
@given(texts=fields, rows=st.integers(1, 8), width=st.sampled_from(WIDTHS))
def test_the_short_way_to_a_field_leads_where_the_long_one_does(
    field: str, *, last: bool, texts: list[bytes], rows: int, width: int
) -> None:
    """Whether it is near the beginning or the end of its line, or far from both."""
    arena, start, end = frame(b"".join(line + b"\n" for line in texts))
    with (
        mock.patch.multiple(members, _MANY=0, ROWS=rows),
        mock.patch("trio_ship.decode.members._Seen.of", return_value=seen(width=width)),
    ):
        short = find_field(field, arena, start, end, last=last)
    with mock.patch.object(members, "_MANY", 1 << 30):
        long = find_field(field, arena, start, end, last=last)
    assert short.tolist() == long.tolist()


COMMON: Final = [b'{"a":"b",', b'"ts":', b'"ts":"1', b" ts=", b"0000", b"x", b" y ", b'"},']


@pytest.mark.parametrize(("field", "last"), [('"ts"', False), ('"ts"', True), ("ts=", False)])
@settings(max_examples=150, deadline=None)
@given(
    common=st.lists(st.sampled_from(COMMON), min_size=1, max_size=8),
    kinds=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    data=st.data(),
)
def test_a_field_at_the_usual_column_is_where_a_search_finds_it(
    field: str, *, last: bool, common: list[bytes], kinds: list[int], data: st.DataObject
) -> None:
    """Lines are alike but for digits, and some for more; the name may be in any of them twice."""
    texts = []
    for kind in kinds:
        pieces = list(common)
        if kind > 6:
            pieces[data.draw(st.integers(0, len(pieces) - 1))] = data.draw(st.sampled_from(COMMON))
        texts.append(b"".join(pieces).replace(b"0000", b"%04d" % (kind * 997)))
    arena, start, end = frame(b"".join(text + b"\n" for text in texts))
    with mock.patch.multiple(members, _MANY=0, _SAMPLES=data.draw(st.integers(2, 8))):
        short = find_field(field, arena, start, end, last=last)
    with mock.patch.object(members, "_MANY", 1 << 30):
        long = find_field(field, arena, start, end, last=last)
    assert short.tolist() == long.tolist()


def test_lines_that_are_alike_need_no_search() -> None:
    """A name that follows others is nowhere before where it is in all lines."""
    rows = [b'{"pid":%04d,"on":"%s","ts":%d}\n' % (n, b"abc"[n % 3 :][:1], n) for n in range(1000)]
    arena, start, end = frame(b"".join(rows))
    with mock.patch.object(members, "_search", side_effect=AssertionError):
        found = find_field('"ts"', arena, start, end)
    assert found.tolist() == (start + rows[0].index(b'"ts":') + 5).tolist()


@pytest.mark.parametrize("last", [False, True])
@settings(max_examples=80, deadline=None)
@given(texts=fields, tail=st.sampled_from([b'"ts":1}', b'"ts":1,"ts":2}', b'"tt":1}', b""]))
def test_a_field_at_one_distance_from_all_ends_is_where_a_search_finds_it(
    *, last: bool, texts: list[bytes], tail: bytes
) -> None:
    """Unless a line has it elsewhere too, or does not have it there."""
    arena, start, end = frame(b"".join(line + tail + b"\n" for line in texts))
    for distance in (len(b'"ts":1}\n'), len(tail) + 1):
        common = seen(distance=distance)
        with (
            mock.patch.object(members, "_MANY", 0),
            mock.patch("trio_ship.decode.members._Seen.of", return_value=common),
        ):
            short = find_field('"ts"', arena, start, end, last=last)
        with mock.patch.object(members, "_MANY", 1 << 30):
            long = find_field('"ts"', arena, start, end, last=last)
        assert short.tolist() == long.tolist()


def test_the_distance_from_the_end_spares_a_search() -> None:
    """Lines of a usual program have a late field once, and so far from their end."""
    lines = b"".join(b'{"msg":"%s","ts":%d}\n' % (b"a" * n, n % 10) for n in range(70, 200))
    arena, start, end = frame(lines)
    with mock.patch.object(members, "_search_all", side_effect=AssertionError):
        found = find_field('"ts"', arena, start, end)
    assert found.tolist() == (end - 3).tolist()

"""The quick ways to places are held equal to plain ones."""

import re
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP
from trio_ship.decode import search
from trio_ship.decode.members import find_field
from trio_ship.decode.others import read_at
from trio_ship.decode.padding import fill, pad
from trio_ship.decode.places import Place
from trio_ship.decode.readings import LayoutDecoder
from trio_ship.decode.search import (
    count_pair,
    find_marks,
    find_numbers,
    first_of_lines,
    rarest_pair,
    true_places,
)
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.decode.table import layout_named
from trio_ship.decode.words import gather

NS_23_NOV = 1_795_420_800_123_000_000
HALF = 1_795_420_800_500_000_000


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(0, 500))
def test_true_places_are_those_of_flatnonzero(places: list[int], size: int) -> None:
    """However dense they are, and wherever the last word ends."""
    hits = np.zeros(size, np.bool_)
    hits[[place for place in places if place < size]] = True
    assert true_places(hits).tolist() == np.flatnonzero(hits).tolist()
    assert true_places(hits, bits=32).tolist() == np.flatnonzero(hits).tolist()


@given(
    st.text("ab:\n", max_size=120),
    st.dictionaries(st.integers(-1, 20), st.sampled_from("ab:"), min_size=1, max_size=5),
)
def test_marks_are_found_where_all_of_them_stand(text: str, marks: dict[int, str]) -> None:
    """And no mark is taken from outside the given range."""
    arena = np.frombuffer(b"aaaa" + text.encode() + bytes(64), np.uint8)
    begin, stop = 4, 4 + len(text)
    low, high = min(0, *marks), max(0, *marks)
    expected = [
        at
        for at in range(begin - low, stop - high)
        if all(chr(arena[at + place]) == mark for place, mark in marks.items())
    ]
    found = find_marks(arena, [(place, ord(mark)) for place, mark in marks.items()], begin, stop)
    assert found.tolist() == expected


@given(st.text("ab:\n", max_size=120), st.text("ab:", min_size=2, max_size=4), st.integers(1, 40))
def test_marks_are_found_by_two_of_their_bytes(text: str, marks: str, block: int) -> None:
    """Wherever the search goes on with another block; how often both stand together is told."""
    arena = np.frombuffer(b"ab" + text.encode() + b"b:" + bytes(64), np.uint8)
    sought = [(place, ord(mark)) for place, mark in enumerate(marks)]
    expected = [at for at in range(2, 2 + len(text)) if text[at - 2 :].startswith(marks)]
    with mock.patch.multiple(search, _PAIRED=block, _SMALL=0, _RARE_PAIR=1):
        assert find_marks(arena, sought, 2, 2 + len(text)).tolist() == expected
        pair = rarest_pair(arena, sought)
        if pair is None:
            assert len(set(marks)) == 1
        else:
            again = re.findall(f"(?={pair[1].decode()})", text)
            assert count_pair(arena, pair, 2, 2 + len(text)) == len(again)


@given(st.text("12a", max_size=120), st.integers(1, 5), st.integers(1, 40))
def test_numbers_are_found_whole_and_once(text: str, width: int, block: int) -> None:
    """Those of just so many digits, wherever the search goes on with another block."""
    arena = np.frombuffer(b"1" + text.encode() + bytes(64), np.uint8)
    expected = [
        found.start() + 1 for found in re.finditer(r"[12]+", text) if len(found[0]) == width
    ]
    with mock.patch.object(search, "_BLOCK", block):
        assert find_numbers(arena, width, 1, 1 + len(text)).tolist() == expected


@pytest.mark.parametrize("last", [False, True])
@given(places=st.sets(st.integers(0, 99)), cuts=st.sets(st.integers(1, 99), max_size=9))
def test_the_first_or_last_place_of_each_line(
    places: set[int], cuts: set[int], *, last: bool
) -> None:
    """Lines without a place have none."""
    bounds = [0, *sorted(cuts), 100]
    at = np.array(sorted(places), np.int64)
    start, end = np.array(bounds[:-1]), np.array(bounds[1:])
    inside = [
        [place for place in sorted(places) if low <= place < high]
        for low, high in zip(start, end, strict=True)
    ]
    expected = [some[-last] if some else -1 for some in inside]
    assert first_of_lines(at, start, end, last=last).tolist() == expected


PIECES = st.sampled_from(
    [
        b"[",
        b" ",
        b"1",
        b"x",
        b"app-7 | ",
        b"[23/Nov/2026:08:00:00 +0000]",
        b"23/Nov/2026:08:00:00 +0000",
        b"[23/Nov/2026:08:00:61 +0000]",
        b"[23/Now/2026:08:00:00 +0000]",
        b"23 Nov 2026 08:00:00.123",
        b"3 Nov 2026 08:00:00",
        b'"ts":',
        b"ts=",
    ]
)
LINES = st.lists(st.lists(PIECES, max_size=6).map(lambda pieces: b"".join(pieces) + b"\n"))


@pytest.mark.parametrize(
    ("layout", "place"),
    [
        ("clf", "*"),
        ("clf", "1"),
        ("clf", '"ts"'),
        ("day_month_name", "0"),
        ("day_month_name", "2,*"),
        ("day_month_name", "8,*"),
        ("day_month_name", "2,0,8,*"),
        ("day_month_name", "*"),
        ("day_month_name", "ts="),
    ],
)
@given(lines=LINES)
def test_the_likely_place_gives_what_the_exact_one_gives(
    layout: str, place: str, lines: list[bytes]
) -> None:
    """Trying the likely place first spares time and changes no stamp."""
    arena, start, end = frame(b"".join(lines))
    variant = "   " if layout == "day_month_name" else ""
    exact, where = LayoutDecoder(layout_named(layout), variant), Place.parse(place)
    quick = read_at(where, exact, arena, start, end)
    for row in range(len(start)):
        begin, stop = start[row : row + 1], end[row : row + 1]
        at = where.locate(exact.layout, exact.head, arena, begin, stop)
        match = exact.layout.match(arena[at[0] : stop[0]].tobytes()) if at[0] >= 0 else None
        slow = exact.read(arena, at, stop) if match else None
        found = slow is not None and bool(slow.found[0])
        assert bool(quick.found[row]) == found
        if slow is not None and found:
            assert quick.value[row] == slow.value[0]


@pytest.mark.parametrize("column", ["6,7,*", "7,6,*", "7,*", "*"])
def test_a_stamp_does_not_begin_inside_a_number(column: str) -> None:
    """The 23rd of a month is not its 3rd, whatever columns were seen before."""
    lines = b"245:M 23 Nov 2026 08:00:00.123 * x\n1245:M 23 Nov 2026 08:00:00.123 * x\n"
    arena, start, end = frame(lines)
    decoder = StampDecoder(f"day_month_name@{column}/   .3")
    stamps = decoder.decode(arena, start, end, np.array([0]), np.array([NO_STAMP]))
    assert stamps.tolist() == [NS_23_NOV, NS_23_NOV]


@given(st.lists(st.sampled_from([b'"ts":', b'"ts": "', b"ts=", b" ", b"x", b"\n"])))
def test_a_field_is_found_as_text_would_find_it(pieces: list[bytes]) -> None:
    """The first one counts, in JSON anywhere, in logfmt at the beginning of a word."""
    arena, start, end = frame(b"".join(pieces))
    if not len(start):
        return
    for field, key in (('"ts"', b'"ts":'), ("ts=", b"ts=")):
        expected = []
        for low, high in zip(start.tolist(), end.tolist(), strict=True):
            line = arena[low:high].tobytes()
            if field == "ts=":
                at = 0 if line.startswith(key) else 1 + line.find(b" " + key)
                at = at if at or line.startswith(key) else -1
            else:
                at = line.find(key)
            if at >= 0 and at + len(key) >= len(line):
                at = -1
            if at >= 0:
                at += len(key)
                at += field == '"ts"' and line[at : at + 1] == b" "
                at += line[at : at + 1] == b'"'
            expected.append(low + at if at >= 0 else -1)
        assert find_field(field, arena, start, end).tolist() == expected


@given(st.lists(st.tuples(*[st.integers(0, 99) | st.just(-1)] * 3, st.integers(0, 999))))
def test_numbers_are_padded_as_a_format_would(rows: list[tuple[int, int, int, int]]) -> None:
    """Wherever zeros are missing, those behind it move on; what is no number is left alone."""
    texts = [b"%d/%d-%d:%d;" % row for row in rows]
    arena, start, _ = frame(b"\n".join(texts) + b"\n" if texts else b"")
    words = gather(arena, start, 2)
    inserted = pad(words, [range(2), range(3, 5), range(6, 8), range(9, 12)])
    for row, column, text, zeros in zip(rows, words.T, texts, inserted.tolist(), strict=True):
        if min(row) >= 0:
            full = b"%02d/%02d-%02d:%03d;" % row
            assert column.tobytes()[: len(full)] == full
            assert zeros == len(full) - len(text)


@given(
    st.lists(st.text("0123456789", min_size=1, max_size=9), min_size=1),
    st.integers(0, 17),
    st.integers(1, 9),
)
def test_a_number_is_padded_wherever_it_stands(texts: list[str], begin: int, width: int) -> None:
    """One of up to nine digits may reach into the next word; what is before it stays."""
    texts = [text[:width] for text in texts]
    arena, start, _ = frame(b"".join(b"x" * begin + f"{text}Z;\n".encode() for text in texts))
    words = gather(arena, start, 4)
    inserted = pad(words, [range(begin, begin + width)])
    full = ["x" * begin + text.rjust(width, "0") + "Z;" for text in texts]
    assert [column.tobytes()[: len(full[0])].decode() for column in words.T] == full
    assert inserted.tolist() == [width - len(text) for text in texts]


@given(
    st.lists(st.text("0123456789", min_size=1, max_size=9), min_size=1),
    st.integers(0, 17),
    st.integers(1, 9),
)
def test_fractions_are_filled_as_a_format_would(texts: list[str], begin: int, width: int) -> None:
    """Wherever they stand; what is behind them moves on."""
    texts = [text[:width] for text in texts]
    arena, start, _ = frame(b"".join(b"x" * begin + f"{text}Z;\n".encode() for text in texts))
    words = gather(arena, start, 4)
    inserted = fill(words, range(begin, begin + width))
    full = ["x" * begin + text.ljust(width, "0") + "Z;" for text in texts]
    assert [column.tobytes()[: len(full[0])].decode() for column in words.T] == full
    assert inserted.tolist() == [width - len(text) for text in texts]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 10**9 - 1) | st.sampled_from([0, 10**8, 120 * 10**6])),
    st.integers(0, 40),
    st.sampled_from(["T.9Z", "T.6Z", "T.3Z", "TZ"]),
)
def test_fractions_without_their_last_zeros(parts: list[int], full: int, variant: str) -> None:
    """Go, Docker and others leave them out; what is no fraction is behind the stamp."""
    parts += [123_456_789] * full
    texts = [f"2026-11-23T08:00:00.{part:09d}".rstrip("0").rstrip(".") + "Z" for part in parts]
    texts += ["2026-11-23T08:00:00.Z", "2026-11-23T08:00:00.5x", "2026-11-23T08:00:00.1234567890Z"]
    decoder = StampDecoder(f"iso8601@0/{variant}")
    for _ in range(2):
        reading = decoder.read(*frame("\n".join(texts).encode()))
        found = [NS_23_NOV - 123 * 10**6 + part for part in parts]
        assert reading.value[: len(parts)].tolist() == found
        assert reading.found.tolist() == [True] * len(parts) + [True, True, False]
        assert reading.value[len(parts) :].tolist()[:2] == [NS_23_NOV // 10**9 * 10**9, HALF]


def test_the_first_byte_of_an_arena_may_begin_a_number() -> None:
    """A line has its stamp wherever its chunk was cut."""
    decoder = StampDecoder("epoch@5,*")
    for text in (b"1795420800 a\n", b"b 1795420800 a\n", b"x1795420800 1795420800 a\n"):
        assert decoder.read(*frame(text)).value.tolist() == [1_795_420_800 * 10**9]

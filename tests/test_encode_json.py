"""The JSON encoding, held against one that works record by record."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP, Flag, Kind, OrderedBatch
from trio_ship.encode.json_lines import JsonEncoder, _escaped_lines, least_size
from trio_ship.encode.raw import Lines

BOM = b"\xef\xbb\xbf"
STAMP = 1795420800_125_000_000

#: What makes text hard to encode: every escape, broken and separating characters.
HARD = st.sampled_from(
    [b"\xff", b"\xe2\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", BOM]
    + [letter.encode() for letter in '"\\\n\r\t\b\f\0\x1b\x1f\x7fé囀😀\u2028\u2029\ufffd']
)
TEXT = st.lists(HARD | st.binary(max_size=5) | st.just(b"plain"), max_size=8).map(b"".join)
STAMPS = st.sampled_from([NO_STAMP, NO_STAMP + 1, -1, 0, STAMP, 2**63 - 1]) | st.integers(
    NO_STAMP, 2**63 - 1
)
ROW = st.builds(
    lambda text, end, stamp: Row(data=text + end, stamp=stamp),
    TEXT,
    st.sampled_from([b"\n", b"\r\n"]),
    STAMPS,
)
BARE = st.builds(
    lambda text, flag, stamp: Row(data=text, flags=int(flag), stamp=stamp),
    TEXT,
    st.sampled_from([Flag.PARTIAL, Flag.UNFINISHED]),
    STAMPS,
)
PART = st.lists(st.lists(ROW | BARE, max_size=5), min_size=1, max_size=2)


def _reference_text(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return written.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")


def _reference_stamp(stamp: int) -> str:
    if stamp == NO_STAMP:
        return "null"
    seconds, nanos = divmod(stamp, 10**9)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)  # noqa: DTZ001 (naive: the zone is written as Z)
    digits = f"{nanos:09d}"
    while len(digits) > 3 and digits.endswith("000"):
        digits = digits[:-3]
    return f'"{moment:%Y-%m-%dT%H:%M:%S}.{digits}Z"'


def _reference(batch: OrderedBatch) -> tuple[bytes, int, int]:
    """Return the encoding, the records with replacements, and the NULs cut."""
    lines = []
    replaced = cut = 0
    columns = (batch.part, batch.region, batch.start, batch.end, batch.timestamp, batch.offset)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for part, region, start, end, stamp, offset in rows:
        file = batch.files[region]
        record = batch.parts[part].buffer[start:end].tobytes()
        if record.endswith(b"\n"):
            record = record.removesuffix(b"\n").removesuffix(b"\r")
        if offset == 0:
            record = record.removeprefix(BOM)
        message = record.lstrip(b"\0")
        cut += len(record) - len(message)
        try:
            text = message.decode()
        except UnicodeDecodeError:
            text = message.decode(errors="replace")
            replaced += 1
        path = file.path.encode("utf-8", "surrogateescape").decode(errors="replace")
        mark = "" if batch.kind is Kind.IN_ORDER else f',"{batch.kind.value}":true'
        lines.append(
            f'{{"timestamp":{_reference_stamp(stamp)}'
            f',"source":{_reference_text(file.source)},"path":{_reference_text(path)}'
            f',"message":{_reference_text(text)},"id":"{file.id}-{offset:016x}"{mark}}}\n'
        )
    return "".join(lines).encode(), replaced, cut


def _check(batch: OrderedBatch) -> None:
    encode = JsonEncoder()
    encoded = b"".join(encode(batch))
    assert _reference(batch) == (encoded, encode.replaced, encode.cut_nuls)
    assert len(batch) == len(list(map(json.loads, encoded.splitlines())))


def _messages(rows: Sequence[Row]) -> list[str]:
    encoded = b"".join(JsonEncoder()(make_ordered(make_part([rows]))))
    return [json.loads(line)["message"] for line in encoded.splitlines()]


@given(
    st.lists(PART, min_size=1, max_size=2),
    st.sampled_from([Kind.IN_ORDER, Kind.LATE, Kind.AHEAD]),
)
@example([[[Row(data=b"\n"), Row(data=b"\n")]]], Kind.IN_ORDER)
@example([[[Row(data=b"\r\n"), Row(data=b"\xe2\x80", flags=1), Row(data=b"\xa8\n")]]], Kind.LATE)
@settings(max_examples=200, deadline=None)
def test_the_same_bytes_as_record_by_record(parts: list[list[list[Row]]], kind: Kind) -> None:
    """Escaping whole slices at a time gives what escaping each record gives."""
    batch = make_ordered(*map(make_part, parts), kind=kind)
    _check(attrs.evolve(batch, rows=batch.rows[::-1]))


@given(
    st.lists(
        st.lists(
            st.sampled_from(['"', "\\", "é", "囀", "😀", "plain", "\x7f", "\r", "\t", "\u2028", ""])
            | st.text(st.characters(codec="ascii", exclude_characters="\n"), max_size=3),
            max_size=6,
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=200, deadline=None)
def test_single_lines_are_escaped_the_same_on_the_short_way(texts: list[list[str]]) -> None:
    """Where the fast path gives an answer, it is that of the slow one."""
    rows = ["".join(parts).encode() + b"\n" for parts in texts]
    text, end = b"".join(rows), np.cumsum([len(row) for row in rows])
    lines = Lines(
        rows=slice(0, len(rows)), text=memoryview(text), end=end, completed=np.zeros(0, np.int64)
    )
    fast, slow = _escaped_lines(text, end), JsonEncoder()._escaped_records(text, lines)
    is_short_way_open = not any(byte < 0x20 for row in rows for byte in row[:-1])
    assert (fast is not None) == (is_short_way_open and "\u2028".encode() not in text)
    if fast is not None:
        for pieces in (fast, slow):
            written = [
                pieces.data[first : first + count].tobytes().decode()
                for first, count in zip(pieces.start, pieces.length, strict=True)
            ]
            assert written == [_reference_text(row[:-1].decode())[1:-1] for row in rows]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=10))
@settings(max_examples=150, deadline=None)
def test_messages_survive_a_round_trip(texts: list[str]) -> None:
    """Valid text that begins with no NUL or mark is read back as it was."""
    texts = ["." + text + "." for text in texts]
    assert texts == _messages([Row(data=text.encode() + b"\n") for text in texts])


@given(st.lists(st.builds(Row, data=st.binary().map(b".%b\n".__mod__), stamp=STAMPS), min_size=1))
@settings(max_examples=100, deadline=None)
def test_a_batch_makes_at_least_so_many_bytes(rows: list[Row]) -> None:
    """Stamps, names and escapes only add to it; that much room is asked for in one call."""
    batch = make_ordered(make_part([rows]))
    made = sum(map(len, JsonEncoder()(batch)))
    assert sum(len(row.data) for row in rows) < least_size(batch) < made


@given(st.text(max_size=30), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_name_and_path_can_be_written(source: str, path: str) -> None:
    """Names may hold quotes, control characters and bytes that are not UTF-8."""
    file = attrs.evolve(FILE, source=source, path=path + "/\udcff\u2028")
    _check(make_ordered(make_part([[Row(data=b"x\n")]], files=[file])))


def test_the_line_is_exactly_as_documented() -> None:
    """Keys, order, separators and stamps are a public contract."""
    rows = [Row(data=b"first\n", stamp=STAMP), Row(data=b"a\tb\n")]
    batch = make_ordered(make_part([rows], files=[FILE]))
    assert b"".join(JsonEncoder()(batch)) == (
        b'{"timestamp":"2026-11-23T08:00:00.125Z","source":"app","path":"/var/log/app.log"'
        b',"message":"first","id":"5f1d0c2e9b7a4411-0000000000000000"}\n'
        b'{"timestamp":null,"source":"app","path":"/var/log/app.log"'
        b',"message":"a\\tb","id":"5f1d0c2e9b7a4411-0000000000000006"}\n'
    )


@pytest.mark.parametrize("kind", [Kind.LATE, Kind.AHEAD])
def test_late_and_ahead_are_marked(kind: Kind) -> None:
    """The mark stands behind the id and only where it holds."""
    batch = make_ordered(make_part([[Row(data=b"x\n")]]), kind=kind)
    (line,) = b"".join(JsonEncoder()(batch)).splitlines()
    assert line.endswith(b'","%s":true}' % kind.value.encode())
    assert json.loads(line)[kind.value] is True


@pytest.mark.parametrize(
    ("nanos", "digits"),
    [(0, "000"), (125_000_000, "125"), (125_001_000, "125001"), (7, "000000007")],
)
def test_a_stamp_has_the_digits_it_needs(nanos: int, digits: str) -> None:
    """Three, six or nine, beside others in the same batch."""
    rows = [Row(data=b"x\n", stamp=STAMP), Row(data=b"x\n", stamp=1795420800 * 10**9 + nanos)]
    batch = make_ordered(make_part([rows]))
    stamps = [json.loads(line)["timestamp"] for line in b"".join(JsonEncoder()(batch)).splitlines()]
    assert stamps == ["2026-11-23T08:00:00.125Z", f"2026-11-23T08:00:00.{digits}Z"]


def test_r03_carriage_return_of_a_line_end_is_no_message() -> None:
    """CR before LF is cut once; other carriage returns stay."""
    rows = [Row(data=b"a\r\n"), Row(data=b"b\r\r\n"), Row(data=b"\r\n"), Row(data=b"\rc\n")]
    assert _messages(rows) == ["a", "b\r", "", "\rc"]


def test_r04_broken_utf8_is_replaced_and_counted_by_record() -> None:
    """A character broken off at the end of a record takes nothing from the next."""
    rows = [
        Row(data=b"\xff\xff\n"),
        Row(data="é\ufffd\n".encode()),
        Row(data=b"\xe2\x80", flags=Flag.PARTIAL),
        Row(data=b"\xa8x\n"),
    ]
    encode = JsonEncoder()
    batch = make_ordered(make_part([rows]))
    messages = [json.loads(line)["message"] for line in b"".join(encode(batch)).splitlines()]
    assert messages == ["\ufffd\ufffd", "é\ufffd", "\ufffd", "\ufffdx"]
    assert encode.replaced == 3


def test_r05_nuls_in_front_are_cut_and_counted() -> None:
    """The hole that copytruncate leaves is no message; NULs inside are."""
    rows = [Row(data=b"\0" * 1000 + b"a\n"), Row(data=b"\0\0\r\n"), Row(data=b"b\0c\n")]
    encode = JsonEncoder()
    batch = make_ordered(make_part([rows]))
    messages = [json.loads(line)["message"] for line in b"".join(encode(batch)).splitlines()]
    assert messages == ["a", "", "b\0c"]
    assert encode.cut_nuls == 1002


def test_r08_byte_order_mark_is_cut_at_the_start_of_a_file_only() -> None:
    """Elsewhere it is a character like others."""
    rows = [Row(data=BOM + b"a\n"), Row(data=BOM + b"b\n")]
    assert _messages(rows) == ["a", "\ufeffb"]


def test_x05_no_record_can_forge_another() -> None:
    """Line separators of every kind are escaped, so one line is one record."""
    text = 'a\n{"message":"forged"}\r\v\f\x1c\x85\u2028\u2029b'
    encoded = b"".join(JsonEncoder()(make_ordered(make_part([[Row(data=text.encode() + b"\n")]]))))
    assert encoded.count(b"\n") == 1
    assert "\u2028".encode() not in encoded
    assert json.loads(encoded)["message"] == text


def test_a_long_batch_leaves_in_slices() -> None:
    """Slices end with a line, hold about 1 MB, and add up to the encoding."""
    rows = [Row(data=b'x"\n' * (1 + number % 3), stamp=number) for number in range(20_000)]
    batch = make_ordered(make_part([rows[::2], rows[1::2]]))
    slices = list(JsonEncoder()(batch))
    assert len(slices) > 2
    assert all(bytes(piece[-2:]) == b"}\n" and len(piece) < 2**21 for piece in slices)
    assert _reference(batch)[0] == b"".join(slices)


def test_a_batch_without_rows_gives_nothing() -> None:
    """Dropped batches carry moves only."""
    assert list(JsonEncoder()(make_ordered(kind=Kind.DROPPED))) == []

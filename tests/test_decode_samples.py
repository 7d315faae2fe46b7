"""Lines of real programs: found, and read right, by the first line and by the thousandth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stamp_forms import FORMS
from stamp_pairs import TWO_STAMPS
from stamp_rarities import RARITIES
from stamp_samples import SAMPLES

from trio_ship.batch import NO_STAMP
from trio_ship.decode.ambiguous import Evidence
from trio_ship.decode.detect import detect
from trio_ship.decode.layouts import Layout
from trio_ship.decode.shapes import shape_of
from trio_ship.decode.stamps import AUTO, StampDecoder, frame
from trio_ship.decode.table import LAYOUTS, layout_named

IN_MIDYEAR = "2026-07-01T00:00:00"
DAY = 86_400 * 10**9


def ns(text: str) -> int:
    """Return a moment in UTC as nanoseconds since 1970; one without a year is in 2026."""
    return int(np.datetime64(f"2026{text}" if text[0] == "-" else text, "ns").astype(np.int64))


def decode(spelling: str, text: bytes) -> list[int]:
    """Return the stamps of a text; those without a year are near the middle of 2026."""
    arena, start, end = frame(text)
    before = np.array([ns(IN_MIDYEAR)])
    decoder = StampDecoder(spelling)
    return [int(stamp) for stamp in decoder.decode(arena, start, end, np.array([0]), before)]


def spelling(text: bytes, *, inner: bool = False) -> str:
    """Return how stamps of a text are found to be written."""
    found = detect(text, inner=inner)
    assert found is not None
    return found.spelling


@pytest.mark.parametrize(("line", "moment"), [sample[1:] for sample in SAMPLES + RARITIES + FORMS])
def test_a_line_of_a_program_is_recognised_and_read_right(line: bytes, moment: str) -> None:
    """One line tells how stamps are written, and each line gives the moment that it says."""
    text = (line + b"\n") * 3
    assert decode(spelling(line + b"\n"), text) == [ns(moment)] * 3
    assert decode(spelling(text), line + b"\r\n") == [ns(moment)]


def test_a_day_of_two_digits_is_read_whole_where_prefixes_differ_in_width() -> None:
    """The column of one line, a space and a digit in another, is no place of its stamp."""
    text = (
        b"Monday, 23 November 2026 08:00:00 x\nTuesday, 24 November 2026 08:00:00 x\n"
        b"Tuesday, 01 December 2026 08:00:00 x\nWednesday, 2 December 2026 08:00:00 x\n"
    )
    days = ("2026-11-23", "2026-11-24", "2026-12-01", "2026-12-02")
    assert decode(spelling(text), text) == [ns(f"{day}T08:00:00") for day in days]


def test_the_rest_of_a_month_written_out_is_no_month() -> None:
    """In the column where most lines have theirs, `eptember` looks like one for eight bytes."""
    text = (
        b"Friday, September 18, 2026 8:00:00 AM x\nWednesday, September 23, 2026 8:00:00 AM x\n"
        b"Wednesday, September 23, 2026 9:00:00 AM x\nThursday, September 24, 2026 8:00:00 AM x\n"
    )
    times = ("18T08", "23T08", "23T09", "24T08")
    assert decode(spelling(text), text) == [ns(f"2026-09-{time}:00:00") for time in times]


def test_the_next_column_of_a_table_is_no_fraction() -> None:
    """Behind a comma stand milliseconds, or a number of any length that a column ends."""
    text = (
        b"2026-11-23 08:00:00,5,a\n2026-11-23 08:00:00,25;a\n2026-11-23 08:00:00,1250,a\n"
        b"2026-11-23 08:00:00,25\n2026-11-23 08:00:00,250.5,a\n2026-11-23 08:00:00,1.5\n"
    )
    assert decode(spelling(text), text) == [ns("2026-11-23T08:00:00")] * 6
    text = b"2026-11-23 08:00:00,250,INFO\n2026-11-23 08:00:00,25 x\n2026-11-23 08:00:00,250\n"
    assert decode(spelling(text), text) == [ns("2026-11-23T08:00:00.25")] * 3


def test_the_date_of_the_next_column_is_neither_fraction_nor_zone() -> None:
    """A table has begin and end beside each other; what looks like an offset still is one."""
    text = (
        b"2026-11-23 08:00:00,2026-11-24 09:00:00,a\n2026-11-23 08:00:00,11/24/2026,b\n"
        b"2026-11-23 08:00:00,24-11-2026\n2026-11-23 08:00:00,09:00:00\n"
    )
    assert decode(spelling(text), text) == [ns("2026-11-23T08:00:00")] * 4
    text = b"2026-11-23 08:00:00,25-07:00 x\n"
    assert decode(spelling(text), text) == [ns("2026-11-23T15:00:00.25")]


def test_the_rest_of_a_date_is_no_date_without_a_year() -> None:
    """Lines that have one stamp at two places have the same stamp at both."""
    text = (
        b"[2026/11/23 08:00:00] [main.go:1] x\n"
        b"10.0.0.1 - bob [2026/11/24 08:00:00] host GET / 200\n"
    ) * 4
    moments = [ns("2026-11-23T08:00:00"), ns("2026-11-24T08:00:00")] * 4
    assert decode(spelling(text), text) == moments


def test_halves_of_a_day_with_dots_may_stand_behind_some_of_the_stamps_only() -> None:
    """Nothing else with a dot behind its first letter is one."""
    text = (
        b"11/25/2026 10:00:00 a\n11/25/2026 10:00:00 A.java:7 b\n"
        b"11/25/2026 10:00:00 p.m. c\n11/25/2026 10:00:00 P.M. d\n11/25/2026 10:00:00 a.m. e\n"
    )
    hours = ("10", "10", "22", "22", "10")
    assert decode(spelling(text), text) == [ns(f"2026-11-25T{hour}:00:00") for hour in hours]


def test_each_stamp_has_the_zone_that_it_names() -> None:
    """Zones of several kinds in one file, and those of a day on which clocks are changed."""
    text = (
        b"2026-10-24 12:00:00 Europe/Berlin a\n2026-10-25 12:00:00 Europe/Berlin b\n"
        b"2026-10-25 13:00:00 CET c\n2026-10-25 08:30:00 America/New_York d\n"
        b"2026-10-25 13:00:00 Etc/GMT e\n2026-10-25 15:00:00 Etc/GMT-1 f\n"
    )
    times = ("24T10:00", "25T11:00", "25T12:00", "25T12:30", "25T13:00", "25T14:00")
    assert decode(spelling(text), text) == [ns(f"2026-10-{time}:00") for time in times]


@pytest.mark.parametrize(("line", "outer", "inner"), TWO_STAMPS)
def test_of_two_stamps_the_outer_counts_unless_the_inner_is_preferred(
    line: bytes, outer: str, inner: str
) -> None:
    """What a container writes around the stamp of an application is passed over on demand."""
    text = (line + b"\n") * 3
    assert decode(spelling(text), text) == [ns(outer)] * 3
    assert decode(spelling(text, inner=True), text) == [ns(inner)] * 3


def test_a_line_without_an_inner_stamp_continues_the_record_before() -> None:
    """The trace of an application in a container has outer stamps, which do not count."""
    first = b"2016-10-06T00:17:09.669794202Z stderr F 2016-10-06 00:17:08,669 ERROR x\n"
    text = first + b"2016-10-06T00:17:09.669794203Z stderr F java.lang.Error: y\n"
    stamps = decode(spelling(text, inner=True), text)
    assert stamps == [ns("2016-10-06T00:17:08.669"), NO_STAMP]


@pytest.mark.parametrize("rest", [b"x", b"1234567890 x", b"sshd[7]: 1577836800 x"])
def test_inner_is_the_outer_where_there_is_but_one_stamp(rest: bytes) -> None:
    """A preference that nothing in the file answers to changes nothing; a number is no stamp."""
    text = b"2016-10-06T00:17:09Z %b\n" % rest
    assert spelling(text, inner=True) == spelling(text) == f"iso8601@0/TZ{AUTO}"


NATURAL = [
    (line, moment)
    for name, line, moment in SAMPLES
    if name
    in {
        "clf",
        "apache",
        "hdfs",
        "docker",
        "caddy",
        "audit",
        "5424",
        "journald",
        "logrus",
        "hadoop",
        "tai",
        "glog y",
        "us ampm",
        "mongo json",
        "logfmt ts",
        "cri",
        "slog",
        "linux",
    }
]


@pytest.mark.parametrize(("line", "moment"), NATURAL)
@pytest.mark.parametrize("first", [b"2026-11-23 08:00:00.123 a\n", b"261123 080000 a\n"])
def test_a_file_may_change_its_layout_midway(line: bytes, moment: str, first: bytes) -> None:
    """What was found in the first lines does not keep later ones from being read."""
    text = first * 5 + (line + b"\n") * 5
    stamps = decode(spelling(first * 5), text)
    assert stamps[5:] == [ns(moment)] * 5
    assert NO_STAMP not in stamps


@pytest.mark.parametrize(
    "line",
    [
        b"Caused by: expired at 2026-11-23T08:00:00Z",
        b"\tat 2026-11-23T08:00:00Z",
        b"1286536309 rows",
        b"last call 23/Nov/2026:08:00:00 +0000",
        b"SET timestamp=1795420800;",
        b"\ttime=1795420800",
        b"",
    ],
)
def test_a_stamp_in_the_text_of_a_line_begins_no_record(line: bytes) -> None:
    """Only at its natural places does another stamp count than the file's own."""
    head = b"2026-11-23 08:00:00.123 a\n"
    assert decode(spelling(head), head + line + b"\n")[1] == NO_STAMP


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([line for _, line, _ in SAMPLES]) | st.binary(max_size=80), max_size=8)
)
def test_other_stamps_of_a_line_do_not_depend_on_its_neighbours(lines: list[bytes]) -> None:
    """Whatever stands around a line, and in whatever order, it has the same stamp."""
    lines = [line.replace(b"\n", b" ") for line in lines]
    text = b"".join(line + b"\n" for line in lines)
    decoder = StampDecoder(f"iso8601@0/T.3Z{AUTO}")

    def read(part: bytes) -> list[int | None]:
        reading = decoder.read(*frame(part))
        columns = zip(reading.value.tolist(), reading.found.tolist(), strict=True)
        return [value if found else None for value, found in columns]

    assert read(text) == [read(line + b"\n")[0] for line in lines]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LAYOUTS),
    st.sampled_from(["", " ", " x", "0", ".5", ",25 x", "Z", " +0100", " -1 x", "+02:00", " CET"])
    | st.sampled_from([",25,x", ",250;x", ",25\r", ",2500", ",123.5", ",1.5", ",25,12"])
    | st.sampled_from([",2026-11-24", ",11/24/26", ",1:2", ",12-07:00", ",12-07-2", ",5-x", ",1/x"])
    | st.sampled_from([" Europe/Berlin", " Europe/Berlin_x", " Etc/GMT+1", " Asia/x", " Am/"])
    | st.sampled_from([" INFO", " PM", " am x", "PM", " CETA", ":5", " +02", " ESTABLISHED"])
    | st.sampled_from([" p.m.", " A.M. x", " a.m", " P.x", " A. x", "p.m.", "a.M"])
    | st.integers(1, 20).map(lambda count: "," + "7" * count),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("0123456789 :AxZ")), max_size=2),
)
def test_the_fast_way_of_a_layout_gives_what_its_expression_says(
    layout: Layout, rest: str, changes: list[tuple[int, str]]
) -> None:
    """A shape takes for a stamp exactly what the expression takes for one of its variant."""
    text = list(layout.example + rest)
    for place, character in changes:
        if place < len(text):
            text[place] = character
    line = "".join(text).encode()
    match = layout.match(line)
    variant = layout.match(layout.example.encode())
    assert variant is not None
    _, quick = shape_of(layout, variant[0]).decode(*frame(line))
    if quick[0]:
        assert match is not None
        assert match[0] == variant[0]
    if match is not None:
        value, exact = shape_of(layout, match[0]).decode(*frame(line), checked=True)
        again, found = shape_of(layout, match[0]).decode(*frame(line))
        assert not found[0] or (exact[0] and again[0] == value[0])


RESTS = ["", " ", "0", ".5", ",25 x", "Z", " +0100", " -9999", "+99:99", " PM", " p.m.", " CET"]


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(LAYOUTS),
    st.sampled_from(RESTS),
    st.sampled_from(RESTS),
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("0123456789")), max_size=4),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(" :-./,Tx+")), max_size=1),
)
def test_where_a_variant_spells_a_moment_that_does_not_exist_no_other_has_a_stamp(
    layout: Layout,
    rest: str,
    other: str,
    digits: list[tuple[int, str]],
    changes: list[tuple[int, str]],
) -> None:
    """So lines of a thirteenth month are passed over all at once."""
    text = list(layout.example + rest)
    for place, character in digits:
        if place < len(text) and text[place].isdigit():
            text[place] = character
    for place, character in changes:
        if place < len(text):
            text[place] = character
    line = "".join(text).encode()
    variant, match = layout.match((layout.example + other).encode()), layout.match(line)
    if variant is not None and shape_of(layout, variant[0]).cannot_be(*frame(line))[0] and match:
        _, found = shape_of(layout, match[0]).decode(*frame(line), checked=True)
        assert not found[0]


def test_a_moment_that_does_not_exist_is_told_from_another_spelling() -> None:
    """Only the numbers may be wrong."""
    shape = shape_of(layout_named("iso8601"), "T.3Z")
    lines = [
        b"2026-13-23T08:00:00.000Z x",
        b"2026-11-23T08:61:00.000Z",
        b"2026-11-23T08:00:00.000Z x",
        b"2026-13-23 08:00:00.000Z x",
        b"2026-13-23T08:00:00Z 12345",
        b"2026-13-23T08:00:00.000",
    ]
    impossible = shape.cannot_be(*frame(b"\n".join(lines) + b"\n"))
    assert impossible.tolist() == [True, True, False, False, False, False]


def _dated(form: str, days: range) -> bytes:
    begin = np.datetime64("2003-04-05")
    lines = []
    for day in days:
        moment = (begin + np.timedelta64(day, "D")).item()
        lines.append(f"{moment:{form}} 08:00:00 x\n".encode())
    return b"".join(lines)


@pytest.mark.parametrize(
    ("form", "days", "layout", "reason"),
    [
        ("%d/%m/%Y", range(40), "day_month", "only so all dates exist"),
        ("%m/%d/%Y", range(40), "month_day", "only so all dates exist"),
        ("%d/%m/%y", range(4), "day_month_short", "time"),
        ("%m/%d/%y", range(4), "month_day_short", "time"),
        ("%y/%m/%d", range(4), "slashed", "time"),
    ],
)
def test_many_lines_decide_which_number_is_the_day(
    form: str, days: range, layout: str, reason: str
) -> None:
    """Dates that exist, and time that runs on, tell the order of three numbers; it is said."""
    text = _dated(form, days)
    found = detect(text)
    assert found is not None
    assert found.spelling.startswith(f"{layout}@0")
    assert reason in found.describe()
    assert decode(found.spelling, text)[0] == ns("2003-04-05T08:00:00")


@pytest.mark.parametrize(
    ("mtime", "layout"),
    [
        ("2003-04-05T12:00", "slashed"),
        ("2005-04-03T12:00", "day_month_short"),
        ("2005-03-04T12:00", "month_day_short"),
        ("2020-01-01T00:00", "slashed"),
    ],
)
def test_the_last_change_of_a_file_tells_where_its_lines_do_not(mtime: str, layout: str) -> None:
    """A single day can be read in three ways; the file was written on one of them."""
    text = b"03/04/05 08:00:00 x\n"
    found = detect(text, evidence=Evidence(ns(mtime), lambda: [text]))
    assert found is not None
    assert found.spelling.startswith(f"{layout}@")


def test_blocks_of_the_whole_file_are_looked_at() -> None:
    """What the first lines leave open is told by later ones."""
    head, rest = b"03/04/2003 08:00:00 x\n", b"13/04/2003 08:00:00 x\n"
    open_found = detect(head)
    told = detect(head, evidence=Evidence(ns("2003-05-01"), lambda: [head, rest]))
    american = detect(head, evidence=Evidence(ns("2003-05-01"), lambda: [b"04/13/2003 08:00:00\n"]))
    assert [
        found.spelling.partition("@")[0] for found in (open_found, told, american) if found
    ] == [
        "day_month",
        "day_month",
        "month_day",
    ]


def test_stamps_with_and_without_a_year_go_on_from_each_other() -> None:
    """A line without a year is near the line before it, whichever layout that has."""
    text = (
        b"2019-12-31T23:59:00Z a\nDec 31 23:59:30 h b\nJan  1 00:00:10 h c\n"
        b"2021-03-01T00:00:00Z d\nMar  2 00:00:00 h e\n"
    )
    expected = ["2019-12-31T23:59:00", "2019-12-31T23:59:30", "2020-01-01T00:00:10"]
    expected += ["2021-03-01T00:00:00", "2021-03-02T00:00:00"]
    assert decode(f"iso8601@0/TZ{AUTO}", text) == [ns(moment) for moment in expected]
    arena, start, end = frame(text)
    decoder = StampDecoder(f"iso8601@0/TZ{AUTO}", zone="UTC")
    first = np.array([0, 2, 4])
    before = np.array([NO_STAMP, ns("2019-12-31T23:59:30"), ns("2021-03-01")])
    stamps = decoder.decode(arena, start, end, first, before).tolist()
    assert stamps == [ns(moment) for moment in expected]


def test_a_stamp_without_a_year_and_without_a_line_before_has_none() -> None:
    """A year is never guessed, also in a file whose stamps mostly say theirs."""
    arena, start, end = frame(b"Dec 31 23:59:30 h b\n2019-12-31T23:59:00Z a\n")
    decoder = StampDecoder(f"iso8601@0/TZ{AUTO}")
    stamps = decoder.decode(arena, start, end, np.array([0]), np.array([NO_STAMP]))
    assert stamps.tolist() == [NO_STAMP, ns("2019-12-31T23:59:00")]


def test_anything_before_the_stamp_of_a_field_is_passed_over() -> None:
    """Fields may stand at any column, beyond the first 256 bytes too."""
    lines = [b'{"m":"%s","ts":1286536309.5}' % (b"x" * length) for length in (0, 9, 300)]
    lines += [b'{"ts": "2010-10-08T11:11:49.5Z"}', b'{"ms":1,"ts":1286536309.5,"a":1}']
    text = b"\n".join(lines)
    assert decode(f'epoch@"ts"/.1{AUTO}', text) == [ns("2010-10-08T11:11:49.5")] * 5
    assert spelling(b"attempts=3 ts=1286536309.5 x\n") == f"epoch@ts=/.1{AUTO}"
    stamps = decode("epoch@ts=/.1", b"attempts=1286536308 ts=1286536309.5 x\nts=1286536309.5 y\n")
    assert stamps == [ns("2010-10-08T11:11:49.5")] * 2

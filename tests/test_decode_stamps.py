import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stamp_helpers import SECOND, decode, ns, one

from trio_ship.batch import NO_STAMP
from trio_ship.decode.stamps import StampDecoder, frame

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spelling", "line", "expected"),
    [
        ("iso8601@0/ ,3", b"2015-03-04 05:06:07,089 a\r\n", "2015-03-04T05:06:07.089"),
        ("iso8601@0/TZ", b"2015-03-04T05:06:07Z", "2015-03-04T05:06:07"),
        ("iso8601@0/TZ", b"2015-03-04T05:06:07.123456789 -0330 a", "2015-03-04T08:36:07.123456789"),
        ("iso8601@0/TZ", b"2015-03-04T05:06:07+02", "2015-03-04T03:06:07"),
        ("iso8601@9,4,*/ ", b"api 2015-03-04 05:06:07 a", "2015-03-04T05:06:07"),
        ("iso8601@9,4,*/ ", b"scheduler-7 2015-03-04 05:06:07 a", "2015-03-04T05:06:07"),
        ("clf@*", b"::1 - - [04/Mar/2015:05:06:07 -0700] x", "2015-03-04T12:06:07"),
        ("clf@*", b"[a] x [04/Mar/2015:05:06:07 +0000] x", "2015-03-04T05:06:07"),
        ("clf@*", b"a" * 200 + b"[04/Mar/2015:05:06:07 +0000] x", "2015-03-04T05:06:07"),
        ("epoch@0", b"1425445567.25 a", "2015-03-04T05:06:07.25"),
        ("epoch_ms@0", b"1425445567089 a", "2015-03-04T05:06:07.089"),
        ("ctime@1", b"[Wed Mar  4 05:06:07 2015] a", "2015-03-04T05:06:07"),
        ("ctime@1", b"[Wed Mar 04 05:06:07.012345 2015] a", "2015-03-04T05:06:07.012345"),
        ("compact@0", b"150304 050607 a", "2015-03-04T05:06:07"),
        ("compact@0", b"690304 050607 a", "1969-03-04T05:06:07"),
        ("slashed@0", b"15/03/04 05:06:07 a", "2015-03-04T05:06:07"),
    ],
)
def test_each_layout_is_decoded_where_it_stands(spelling: str, line: bytes, expected: str) -> None:
    """Variants and columns other than those spelled are found as well."""
    assert one(spelling, line) == ns(expected)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"2015-03-04T05:06:0",
        b"2015-03-04T05:06:0\n7",
        b"0000-03-04T05:06:07",
        b"1677-03-04T05:06:07",
        b"2262-03-04T05:06:07",
        b"9999-03-04T05:06:07",
        b"10000-03-04T05:06:07",
        b"2015-13-04T05:06:07",
        b"2015-00-04T05:06:07",
        b"2015-02-29T05:06:07",
        b"2015-02-30T05:06:07",
        b"2015-03-00T05:06:07",
        b"2015-03-04T24:06:07",
        b"2015-03-04T05:60:07",
        b"2015-03-04T05:06:61",
        b"2015-03-04T05:06:07+99:99",
        b"2015-03-04T05:06:07+24:00",
        b"2015-03-04T05:06:07.1234567890",
        b"2015-03-04T05:06:071",
        b"2015-03-04x05:06:07",
        b"2O15-03-04T05:06:07",
        b" 2015-03-04T05:06:07",
    ],
)
@pytest.mark.parametrize("variant", ["T", "TZ", "T.3Z", "T+hh:mm"])
def test_x10_what_is_no_date_is_no_stamp(line: bytes, variant: str) -> None:
    """Impossible dates, times, years and zones are passed over, whatever was expected."""
    assert one(f"iso8601@0/{variant}", line) == NO_STAMP


@pytest.mark.parametrize("line", [b"0123456789 a", b"9999999999 a", b"17000000001 a", b"170 a"])
def test_x10_numbers_that_are_no_moment_are_no_stamp(line: bytes) -> None:
    """Seconds before 2001, after 2262 or of another length are just numbers."""
    assert one("epoch@0", line) == NO_STAMP


def test_r08_a_bom_is_skipped() -> None:
    """A byte order mark does not hide the first stamp, with a pattern or without."""
    line = b"\xef\xbb\xbf2015-03-04T05:06:07Z a\n"
    assert one("iso8601@0/TZ", line) == ns("2015-03-04T05:06:07")
    assert one("iso8601@ts/TZ", line, pattern=r"^(?P<ts>\S+)") == ns("2015-03-04T05:06:07")


@pytest.mark.parametrize("nuls", [1, 7, 8, 1000])
def test_r05_the_nuls_of_a_hole_are_skipped(nuls: int) -> None:
    """NULs in front of a line do not hide its stamp; a line of nothing else has none."""
    line = bytes(nuls) + b"2015-03-04T05:06:07Z a\n"
    assert one("iso8601@0/TZ", line) == ns("2015-03-04T05:06:07")
    assert one("iso8601@ts/TZ", line, pattern=r"^(?P<ts>\S+)") == ns("2015-03-04T05:06:07")
    assert one("iso8601@0/TZ", bytes(nuls) + b"\n") == NO_STAMP


def test_a_line_never_takes_bytes_of_the_next_one() -> None:
    """A stamp that lies across two lines, or two files, is none."""
    decoder = StampDecoder("iso8601@0/T")
    arena, _, _ = frame(b"2015-03-04T05:06:07")
    start, end = np.array([0, 16]), np.array([16, 19])
    nothing = np.array([NO_STAMP, NO_STAMP])
    stamps = decoder.decode(arena, start, end, np.array([0, 1]), nothing)
    assert stamps.tolist() == nothing.tolist()
    arena, _, _ = frame(b"2015-03-04T05:06:07.500Z")
    stamps = decoder.decode(arena, np.array([0]), np.array([19]), np.array([0]), nothing[:1])
    assert stamps.tolist() == [ns("2015-03-04T05:06:07")]


@pytest.mark.parametrize(
    "spelling",
    ["", "iso8601", "iso8601@", "iso8601@x/T", "iso8601@0/", "iso@0/T", "iso8601@999/T", "clf@*/Z"],
)
def test_c04_a_damaged_spelling_is_refused(spelling: str) -> None:
    """A checkpoint edited by hand gives an error, not another decoder."""
    with pytest.raises(ValueError, match=r".+"):
        StampDecoder(spelling)


offsets = st.sampled_from(["", "Z", "+02:00", "-0330", "+05", " +0100", " -02:30"])
stamps = st.tuples(
    st.datetimes(datetime(1679, 1, 1), datetime(2261, 12, 30)),  # noqa: DTZ001 - its zone comes apart
    st.sampled_from("T "),
    st.sampled_from(".,"),
    st.integers(0, 9),
    st.integers(0, 999_999_999),
    offsets,
    st.sampled_from([b"", b"\n", b" INFO x\n", b" - x\n", b" -1 x\r\n", b",x\n", b"]\n", b"\ta\n"]),
)
noise = st.sampled_from(
    [
        b"\tat org.example\n",
        b"\n",
        b"2015-02-30 00:00:00\n",
        b"2015-03-04 05:06\n",
        b"\xff" * 40 + b"\n",
    ]
) | st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"") + b"\n")
Stamp = tuple[datetime, str, str, int, int, str, bytes]


def write(stamp: Stamp) -> tuple[bytes, int]:
    """Return a line and the stamp that `datetime` gives it."""
    wall, separator, point, digits, fraction, offset, rest = stamp
    text = f"{wall:%Y-%m-%d}".rjust(10, "0") + f"{separator}{wall:%H:%M:%S}"
    text += f"{point}{fraction:09d}"[: digits + 1] if digits else ""
    zone = offset.strip().replace(":", "").ljust(5, "0") if offset.strip("Z") else "+0000"
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (-1 if zone[0] == "-" else 1)
    moment = wall.replace(microsecond=0, tzinfo=timezone(shift))
    parts = fraction // 10 ** (9 - digits) * 10 ** (9 - digits)
    rest = rest.rstrip(b"\n") + b"\n"
    if point == "," and digits not in (3, 6, 7, 9) and not offset and rest[:1] in b",\n":
        parts = 0  # the next column of a table
    expected = (moment - EPOCH) // timedelta(seconds=1) * SECOND + parts
    return (text + offset).encode() + rest, expected


@settings(max_examples=200, deadline=None)
@given(
    st.lists(stamps.map(write) | noise.map(lambda line: (line, None)), max_size=12),
    st.sampled_from(["T.3Z", " ", " ,3", "T.6+hh:mm", "T.9Z", "T+hh", " .1 +hhmm"]),
    st.binary(max_size=40),
)
def test_s11_the_fast_way_gives_what_a_plain_reading_gives(
    lines: list[tuple[bytes, int | None]], variant: str, before: bytes
) -> None:
    """Whatever variant was expected, each line's stamp is that of a datetime reference."""
    decoder = StampDecoder(f"iso8601@0/{variant}")
    text = b"".join(line for line, _ in lines)
    expected = [NO_STAMP if moment is None else moment for _, moment in lines]
    marked = [moment for line, moment in lines if moment is None and line[:3] == b"\xef\xbb\xbf"]
    if marked or any(line[:4].isdigit() for line, moment in lines if moment is None):
        expected = [decode(StampDecoder("iso8601@0/T"), line)[0] for line, _ in lines]
    assert decode(decoder, text) == expected
    shifted = StampDecoder(f"iso8601@{len(before)}/{variant}")
    # No stamp begins inside a number.
    before = re.sub(rb"[0-9]$", b" ", before.replace(b"\n", b" ").replace(b"\xef", b" "))
    moved = b"".join(before + line for line, _ in lines)
    assert decode(shifted, moved) == expected
    assert decode(decoder, text, cuts=(1, 3, 4)) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), stamps.map(write)), min_size=1, max_size=10))
def test_a_prefix_of_any_length_is_passed_over(lines: list[tuple[int, tuple[bytes, int]]]) -> None:
    """Behind a prefix the first thing that looks like a stamp is the stamp."""
    decoder = StampDecoder("iso8601@5,9,*/T.3Z")
    text = b"".join(b"x" * length + b"|" + line for length, (line, _) in lines)
    assert decode(decoder, text) == [moment for _, (_, moment) in lines]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=6))
@example([(b"[[", True), (b"a" * 255, True), (b"a" * 256, True), (b"", True)])
def test_the_first_bracket_is_found_in_the_first_256_bytes(lines: list[tuple[bytes, bool]]) -> None:
    """A clf stamp is found behind any text that has no other one."""
    decoder = StampDecoder("clf@*")
    stamp = b"[04/Mar/2015:05:06:07 +0000]"
    texts = [(before.replace(b"\n", b"").replace(b"\r", b""), has) for before, has in lines]
    expected = [
        ns("2015-03-04T05:06:07")
        if has and len(before) < 256 and not before[:1].isspace()
        else NO_STAMP
        for before, has in texts
    ]
    text = b"".join(before + stamp * has + b"\n" for before, has in texts)
    got = decode(decoder, text)
    edge = [len(before) == 255 for before, _ in texts]
    assert [g for g, e in zip(got, edge, strict=True) if not e] == [
        g for g, e in zip(expected, edge, strict=True) if not e
    ]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?P<ts>\d+)(?=x)", "look-ahead"),
        (r"(?P<ts>\d+", "pattern"),
        (r"\d+", "no group"),
        (r"(\d+) (?P<ts>\S+)", r"\(\?:"),
        (r"(?P<time>\S+)", "no group"),
    ],
)
def test_x07_a_pattern_that_is_not_usable_is_refused_with_the_reason(
    pattern: str, reason: str
) -> None:
    """The message says what is wrong before any line is read."""
    with pytest.raises(ValueError, match=reason):
        StampDecoder("iso8601@ts/T", pattern=pattern)


def test_x07_a_pattern_takes_linear_time() -> None:
    """An expression that backtracking engines never finish ends at once."""
    line = b"a" * 100_000 + b"\n"
    assert one("iso8601@ts/T", line, pattern=r"(?P<ts>(?:a+)+b)") == NO_STAMP


def test_pattern_and_spelling_must_agree() -> None:
    """A place given by a pattern needs one, and no other place takes one."""
    with pytest.raises(ValueError, match="needs a pattern"):
        StampDecoder("iso8601@ts/T")
    with pytest.raises(ValueError, match="needs no pattern"):
        StampDecoder("iso8601@0/T", pattern="(?P<ts>x)")
    with pytest.raises(ValueError, match="needs a pattern"):
        StampDecoder("strptime@0/%Y")


def test_a_pattern_finds_stamps_in_any_order_of_regions() -> None:
    """Lines without a match have no stamp; regions need not ascend in the arena."""
    text = b"a=1700000000 x\nnothing\nb=1700000001\r\n\nc=1700000002.5"
    arena, start, end = frame(text)
    decoder = StampDecoder("epoch@ts", pattern=r"=(?P<ts>[\d.]+)( x)?$".replace("( x)", "(?: x)"))
    expected = [
        1700000000 * SECOND,
        NO_STAMP,
        1700000001 * SECOND,
        NO_STAMP,
        17000000025 * SECOND // 10,
    ]
    order = np.array([3, 4, 0, 1, 2])
    nothing = np.array([NO_STAMP, NO_STAMP])
    got = decoder.decode(arena, start[order], end[order], np.array([0, 2]), nothing)
    assert got.tolist() == [expected[row] for row in order]
    assert decode(decoder, text) == expected


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d.%m.%Y %H:%M:%S", b"04.03.2015 05:06:07", "2015-03-04T05:06:07"),
        ("%d.%m.%Y %H:%M:%S.%f", b"04.03.2015 05:06:07.25", "2015-03-04T05:06:07.25"),
        ("%d/%m/%Y %I:%M %p %z", b"04/03/2015 05:06 PM +0200", "2015-03-04T15:06"),
        ("%b %d %H:%M", b"Feb 29 05:06", "2016-02-29T05:06"),
    ],
)
def test_a_strptime_format_is_read_where_the_pattern_says(
    form: str, text: bytes, expected: str
) -> None:
    """What the standard library reads is the stamp; what it refuses is none."""
    decoder = StampDecoder(f"strptime@ts/{form}", pattern=r"<(?P<ts>[^>]*)>")
    lines = b"<" + text + b"> x\n<soon> x\n" + b"<" + text + b">\n"
    when = ns(expected)
    assert decode(decoder, lines, ns("2016-03-01")) == [when, NO_STAMP, when]


@pytest.mark.parametrize("name", [b"UTC", b"GMT", b"utc"])
def test_a_name_of_utc_that_strptime_reads_counts(name: bytes) -> None:
    """A stamp that says it is in UTC is not taken for one of the file's zone."""
    spelling = "strptime@ts/%d.%m.%Y %H:%M %Z"
    decoder = StampDecoder(spelling, zone="Asia/Tokyo", pattern=r"<(?P<ts>[^>]*)>")
    line = b"<04.03.2015 05:06 " + name + b"> x\n"
    assert decode(decoder, line) == [ns("2015-03-04T05:06")]


@pytest.mark.parametrize("form", ["%Q", "%Y %", "%d %d", "%s"])
def test_a_format_that_strptime_does_not_take_is_refused(form: str) -> None:
    """The error comes when the decoder is made."""
    with pytest.raises(ValueError, match="format"):
        StampDecoder(f"strptime@ts/{form}", pattern="(?P<ts>.+)")


def test_resolution_is_that_of_the_variant() -> None:
    """Whole seconds, milliseconds, nanoseconds."""
    spellings = ["syslog@0", "iso8601@0/T.3Z", "iso8601@0/T.9Z", "epoch_ms@0", "epoch@0/.6"]
    assert [StampDecoder(spelling).resolution_ns for spelling in spellings] == [
        SECOND,
        10**6,
        1,
        10**6,
        10**3,
    ]


def test_a_search_does_not_depend_on_the_order_of_regions() -> None:
    """Prefixed lines are searched wherever their region lies in the arena."""
    arena, start, end = frame(b"a b 2015-03-04 05:06:07 x\nnone\nlonger 2015-03-04 05:06:08 x\n")
    decoder = StampDecoder("iso8601@30,*/ ")
    order = np.array([2, 0, 1])
    first, nothing = np.array([0, 1]), np.array([NO_STAMP, NO_STAMP])
    got = decoder.decode(arena, start[order], end[order], first, nothing).tolist()
    assert got == [ns("2015-03-04T05:06:08"), ns("2015-03-04T05:06:07"), NO_STAMP]


def test_columns_without_a_search_are_the_only_ones() -> None:
    """Where no star is spelled, a stamp elsewhere is part of the text."""
    decoder = StampDecoder("iso8601@2,4/ ")
    text = b"a 2015-03-04 05:06:07\nabc 2015-03-04 05:06:07\nab 2015-03-04 05:06:07\n"
    assert decode(decoder, text) == [ns("2015-03-04T05:06:07")] * 2 + [NO_STAMP]

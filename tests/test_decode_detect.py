import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.decode.detect import detect
from trio_ship.decode.layouts import Layout
from trio_ship.decode.stamps import AUTO, StampDecoder, frame
from trio_ship.decode.table import LAYOUTS


def spelling(head: bytes, prefer: str = "auto", pattern: str | None = None) -> str:
    """Return the spelling found, without its permission of others; empty for none."""
    found = detect(head, prefer=prefer, pattern=pattern)
    return found.spelling.removesuffix(AUTO) if found else ""


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_one_line_is_enough_for_every_layout(layout: Layout) -> None:
    """A live file may begin with a single line."""
    prefixed = layout.marker or layout.name.endswith("_prefixed")
    before = f"10.0.0.7 - ann {layout.marker}" if prefixed else ""
    found = detect(f"{before}{layout.example} said hello\r\n".encode())
    assert found is not None
    assert found.spelling.startswith(f"{layout.name}@")
    assert (found.example, found.matched, found.lines) == (layout.example, 1, 1)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"2015-03-04 05:06:07,089 INFO a\r\n", "iso8601@0/ ,3"),
        (b"[2015-03-04T05:06:07Z] a\n", "iso8601@1/TZ"),
        (b'h - - [01/Feb/2003:04:05:06 +0100] "GET"\n', "clf@*"),
        (b"[Mon Feb 03 04:05:06.123456 2003] [error] a\n", "ctime@1/.6"),
        (b"<34>Feb  3 04:05:06 host a\n", "syslog@4,*"),
        (b"1700000000123 a\n", "epoch_ms@0"),
        (b"app.log.2001-02-03_04:05:06 2001-02-03 04:05:06.789 a\n", "iso8601@28,*/ .3"),
        (b"hello\nworld\n", ""),
        (b"run 1 on 2003-02-01 UTC 04:05:06 a\n", ""),
        (b"a 3 Feb | 04:05:06 a\n", ""),
        (b"", ""),
        (b"\n", ""),
        (b"call 5551234567 now\n", ""),
        (b"2001-13-03 04:05:06 no such month\n", ""),
    ],
)
def test_layout_place_and_variant_are_found(head: bytes, expected: str) -> None:
    """The spelling says layout, place and variant of what the lines have."""
    assert spelling(head) == expected


def test_r08_a_bom_does_not_hide_the_first_stamp() -> None:
    """A byte order mark before the first line is skipped."""
    assert spelling(b"\xef\xbb\xbf2001-02-03T04:05:06Z a\n") == "iso8601@0/TZ"


def test_a_stack_trace_has_no_vote() -> None:
    """Lines without a stamp do not count against the few that have one."""
    trace = b"".join(b"\tat org.example.Main.run(Main.java:%d)\n" % i for i in range(300))
    found = detect(trace + b"2001-02-03 04:05:06,007 boom at 1700000000\n" + trace)
    assert found is not None
    assert (found.spelling, found.matched, found.lines) == ("iso8601@0/ ,3;auto", 1, 601)


def test_the_layout_of_most_lines_wins() -> None:
    """A banner in another layout is outvoted."""
    head = b"Feb  3 04:05:06 started\n" + b"2001-02-03 04:05:06 a\n" * 3
    assert spelling(head) == "iso8601@0/ "


def test_columns_behind_a_prefix_are_listed_by_frequency() -> None:
    """Prefixes of different lengths give several columns."""
    head = b"api 2001-02-03 04:05:06.5 a\n" + b"worker 2001-02-03 04:05:06.5 a\n" * 2
    assert spelling(head) == "iso8601@7,4,*/ .1"


def test_a_named_layout_restricts_the_search() -> None:
    """With a name only that layout is found, then also behind a prefix."""
    head = b"2001-02-03 04:05:06 id=1700000000\n"
    assert spelling(head, "epoch") == "epoch@23,*"
    assert spelling(head, "clf") == ""
    with pytest.raises(ValueError, match="no layout is called"):
        detect(head, prefer="isso")


def test_a_pattern_says_where_the_stamp_is() -> None:
    """With a pattern the layout is found out in what its group holds."""
    head = b'{"n":7,"ts":"2001-02-03T04:05:06.5Z"}\n{}\n'
    found = detect(head, pattern='"ts":"(?P<ts>[^"]+)"')
    assert found is not None
    assert (found.spelling, found.matched, found.lines) == ("iso8601@ts/T.1Z", 1, 2)
    assert detect(b"{}\n", pattern="(?P<ts>x)") is None


def test_a_strptime_format_is_kept_in_the_spelling() -> None:
    """A format with a percent sign is read by strptime where the pattern says."""
    head = b"at 03.02.2001 04:05 a\n"
    found = detect(head, prefer="%d.%m.%Y %H:%M", pattern=r"at (?P<ts>\S+ \S+)")
    assert found is not None
    assert found.spelling == "strptime@ts/%d.%m.%Y %H:%M"
    assert (found.example, found.resolution_ns) == ("03.02.2001 04:05", 60 * 10**9)


def test_the_sentence_for_the_log_names_example_place_and_count() -> None:
    """A person can check what was found."""
    found = detect(b"2015-10-18 18:01:47,978 a\n" * 2000)
    assert found is not None
    text = "iso8601 like 2015-10-18 18:01:47,978 at column 0 (2,000 of 2,000 lines)"
    assert found.describe() == text
    clf = detect(b"h [10/Oct/2000:13:55:36 -0700]\n")
    assert clf is not None
    assert 'behind the first "["' in clf.describe()
    prefixed = detect(b"api 2001-02-03 04:05:06 a\n")
    assert prefixed is not None
    assert "behind a prefix, at column 4 (1 of 1 lines)" in prefixed.describe()
    given_place = detect(b"x=1700000000\n", pattern=r"x=(?P<ts>\d+)")
    assert given_place is not None
    assert "where the pattern says" in given_place.describe()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from(LAYOUTS))
def test_detection_survives_any_bytes(lines: list[bytes], layout: Layout) -> None:
    """Whatever a file holds, a spelling that is found makes a decoder again."""
    found = detect(b"\n".join([*lines, layout.example.encode(), *lines]))
    if found is not None:
        assert StampDecoder(found.spelling).resolution_ns == found.resolution_ns


def test_a_stamp_in_the_text_of_hardly_any_line_is_none_of_the_file() -> None:
    """The log of an X server says once when it was begun, and counts seconds from there."""
    text = b'[ 12.345] (==) Log file: "/var/log/Xorg.0.log", Time: Mon Nov 23 08:00:00 2026\n'
    lines = b"".join(b"[ %d.345] (II) x\n" % number for number in range(400))
    assert spelling(text + lines) == ""
    assert spelling(text + lines[:200]) == "ctime@54,*"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"==> Starting\n  2026-11-23 08:00:00 a\n\t2026-11-23 08:00:01 b\n", "iso8601@_0/ "),
        (b"  1234:20261123:080000.123 a\n  1235:20261123:080001.123 b\n", "zabbix@_5,*/.3"),
        (b"2026-11-23 08:00:00 a\n  at 2026-11-23 08:00:01\n  b\n", "iso8601@0/ "),
        (b'{\n  "time": "2026-11-23 08:00:00",\n  "level": "INFO"\n}\n', ""),
    ],
)
def test_stamps_behind_white_space_count_where_most_are(text: bytes, expected: str) -> None:
    """Agents indent their lines; but stamps in a trace, or in an object, are part of its text."""
    assert spelling(text) == expected


def test_what_is_behind_white_space_is_read_wherever_it_ends() -> None:
    """Each line has its own indent, and one of white space only has no stamp."""
    text = b"  2026-11-23 08:00:00 a\n\t \n2026-11-23 08:00:00 b\n" + b" " * 300
    text += b"2026-11-23 08:00:00 too far\n"
    stamps = StampDecoder(f"iso8601@_0/ {AUTO}").read(*frame(text))
    assert stamps.found.tolist() == [True, False, True, False]
    assert set(stamps.value[[0, 2]].tolist()) == {1_795_420_800 * 10**9}

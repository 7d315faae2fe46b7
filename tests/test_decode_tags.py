"""What another program puts in front of the lines that it passes on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stamp_helpers import ns

from trio_ship.batch import NO_STAMP
from trio_ship.decode.detect import detect
from trio_ship.decode.found import layout_and_place
from trio_ship.decode.places import Place
from trio_ship.decode.stamps import AUTO, StampDecoder, frame
from trio_ship.decode.tags import Tag, behind_tag, usual_tag

NAMES = st.sampled_from([b"web-1  | ", b"db | ", b"\x1b[36mweb-1 |\x1b[0m ", b"| ", b"a|b | ", b""])
TEXTS = st.sampled_from([b"x", b"", b"x | y", b"| ", b"|", b"[a] b"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([b"web-1  | x\n"] * 9 + [b"Attaching to web-1\n"], "|"),
        ([b"web-1  | x\n"] * 3 + [b"Attaching to web-1\n"], ""),
        ([b"\x1b[36mweb_1  |\x1b[0m x\n"], "|"),
        ([b"0|app      | x\n"], "|"),
        ([b"08:00:00 web.1 | x\n"], ""),
        ([b"2026-11-23 | x\n"], ""),
        ([b"[pod/api-5d9f/api] x\n"], "]"),
        ([b"[0] x\n"], "]"),
        ([b"[2026-11-23] x\n"], ""),
        ([b"[api]x\n"], ""),
        ([], ""),
    ],
)
def test_nearly_all_lines_have_a_tag_or_it_is_none(texts: list[bytes], expected: Tag) -> None:
    """A stamp is no name."""
    assert usual_tag(texts) == expected


@given(st.lists(st.tuples(NAMES, TEXTS), min_size=1))
def test_what_is_behind_a_tag_does_not_depend_on_the_lines_around(
    lines: list[tuple[bytes, bytes]],
) -> None:
    """Each line gives what it gives alone."""
    texts = [name + text + b"\n" for name, text in lines]
    arena, start, end = frame(b"".join(texts))
    found = behind_tag("|", arena, start, end) - start
    alone = [behind_tag("|", *frame(text))[0] for text in texts]
    assert found.tolist() == alone


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        ("|", b"web-1  | x\n", 9),
        ("|", b"\x1b[36mweb |\x1b[0m x\n", 15),
        ("|", b"0|app | x\n", 8),
        ("|", b"web | x | y\n", 6),
        ("|", b"web |\n", 0),
        ("|", b"x" * 64 + b"| y\n", 0),
        ("]", b"[pod/a/b] x\n", 10),
        ("]", b"a [pod] x\n", 0),
        ("_", b" \tx\n", 2),
        ("", b" x\n", 0),
    ],
)
def test_text_begins_behind_the_first_bar_or_bracket(tag: Tag, text: bytes, expected: int) -> None:
    """In the first 64 bytes, with a space behind it; else where the line does."""
    assert behind_tag(tag, *frame(text)).tolist() == [expected]


@pytest.mark.parametrize(
    ("line", "spelling", "where"),
    [
        (
            b"web-1  | I1123 08:00:00.123456       1 server.go:12] x\n",
            "glog@|1/.6",
            "at column 1 behind a name and a bar",
        ),
        (
            b'web-1  | {"span":{"time":1},"started_at":1795420800123}\n',
            'epoch_ms@|"started_at"',
            "in the field started_at behind a name and a bar",
        ),
        (
            b"[pod/api-5d9f/api] I1123 08:00:00.123456       1 server.go:12] x\n",
            "glog@]1/.6",
            "at column 1 behind a name in brackets",
        ),
        (
            b"[INFO] 2026-11-23 08:00:00,123 x\n",
            "iso8601@7,*/ ,3",
            "behind a prefix, at column 7",
        ),
    ],
)
def test_the_text_behind_a_tag_is_read_as_any_line(line: bytes, spelling: str, where: str) -> None:
    """What counts at the beginning of a line, or in an object, counts behind a tag."""
    found = detect(line * 4)
    assert found is not None
    assert found.spelling == spelling + AUTO
    assert layout_and_place(found.spelling)[1] == where
    assert str(Place.parse(spelling.partition("@")[2].partition("/")[0])) in spelling


def test_lines_behind_tags_may_have_other_layouts_or_go_on() -> None:
    """A trace of one service has no stamp, and a second one may write its own."""
    text = (
        b"web-1  | 2026-11-23 08:00:00,123 ERROR x\n"
        b"web-1  | Traceback (most recent call last):\n"
        b'web-1  |   File "x.py", line 1, 2020-01-01 00:00:00\n'
        b'db-1   | {"time":"2026-11-23T08:00:01Z","msg":"y"}\n'
        b"web-1  | 2026-11-23 08:00:02,000 INFO z\n"
    )
    found = detect(text)
    assert found is not None
    arena, start, end = frame(text)
    stamps = StampDecoder(found.spelling).decode(
        arena, start, end, np.zeros(1, np.int64), np.array([NO_STAMP])
    )
    assert stamps.tolist() == [
        ns("2026-11-23T08:00:00.123"),
        NO_STAMP,
        NO_STAMP,
        ns("2026-11-23T08:00:01"),
        ns("2026-11-23T08:00:02"),
    ]


def test_lines_of_one_tag_may_have_their_stamps_at_any_column() -> None:
    """Where no column is the usual one, a rare layout is still at the beginning of its line."""
    text = (
        b'web-1  | {"time":"2026-11-23T08:00:01Z","level":30}\n'
        b"api-1  | level=error ts=2026-11-23T08:00:02Z\n"
        b"db-1   | 2026-11-23T08:00:03Z x\n"
        b"web-1  | W1123 08:00:04.123456       1 server.go:12] y\n"
        b"api-1  | INFO 2026-11-23T08:00:05Z z\n"
    )
    found = detect(text)
    assert found is not None
    stamps = StampDecoder(found.spelling).read(*frame(text))
    assert stamps.found.all()


@pytest.mark.parametrize(
    ("text", "tag", "field"),
    [
        ("0", "", ""),
        ("35,39,*", "", ""),
        ("_4,*", "_", ""),
        ("|0", "|", ""),
        ("~1", "~", ""),
        ('|"ts"^', "|", '"ts"'),
        (r"\"ts\"", "", r"\"ts\""),
        ("]ts=", "]", "ts="),
        ("__REALTIME_TIMESTAMP=", "", "__REALTIME_TIMESTAMP="),
        ('"time"$', "", '"time"'),
    ],
)
def test_a_place_is_spelled_as_it_is_read(text: str, tag: Tag, field: str) -> None:
    """A field may begin with a letter that is a tag before a column."""
    place = Place.parse(text)
    assert (place.tag, place.field, str(place)) == (tag, field, text)

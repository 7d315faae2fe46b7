"""The `text` encoding: a stamp, a source and a message; every line was written down by hand."""

from __future__ import annotations

import attrs
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.encode.text import TextEncoder
from trio_ship.fields.parse import Parser, rule

STAMP = "2026-11-23T08:00:00.123456789Z"
POD = attrs.evolve(FILE, source="pod")


def test_text_for_people() -> None:
    """A line has a stamp, a padded source and a message; more lines of it are indented."""
    rows = [
        Row(data=b"first\r\n  second\n\nlast\r\n", stamp=1_500_000_000),
        Row(data=b"no stamp\n"),
        Row(data=f"{STAMP} stdout F inner\n".encode(), stamp=1_000_000_001),
        Row(data=b"\n", stamp=2_000_001_000),
    ]
    batch = make_ordered(make_part([rows], files=[POD]))
    batch = Parser({"pod": rule("cri")})(batch)
    encode = TextEncoder(["pod", "other"])
    assert b"".join(encode(batch)).decode() == (
        "1970-01-01T00:00:01.500Z pod   first\r\n      second\n    \n    last\n"
        "- pod   no stamp\n"
        "1970-01-01T00:00:01.000000001Z pod   inner\n"
        "1970-01-01T00:00:02.000001Z pod   \n"
    )
    assert list(encode(batch.select(batch.timestamp > 10**18))) == []


@given(st.lists(st.lists(st.sampled_from([b"a", b"", b"bc\r", b"\xff x"]), min_size=1), max_size=6))
def test_text_of_any_lines(records: list[list[bytes]]) -> None:
    """Each record gives its lines, the second and later ones indented."""
    rows = [Row(data=b"\n".join(lines) + b"\n") for lines in records]
    expected = [
        b"- app " + b"\n    ".join([*lines[:-1], lines[-1].removesuffix(b"\r")]) + b"\n"
        for lines in records
    ]
    batch = make_ordered(make_part([rows], files=[FILE]))
    assert b"".join(TextEncoder()(batch)) == b"".join(expected)

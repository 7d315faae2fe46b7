"""Stamps without a date: from midnight to midnight, and back from a file's last change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stamp_helpers import SECOND, decode, decode_in_parts, ns

from trio_ship.batch import NO_STAMP
from trio_ship.decode.detect import detect
from trio_ship.decode.stamps import AUTO, StampDecoder, initial_anchor

HOUR = 3600
DAY = 24 * HOUR
TIME = "time@0"


def lines_at(seconds: list[int], zone: str) -> list[bytes]:
    """Return a line for each moment."""
    local = ZoneInfo(zone)
    return [f"{datetime.fromtimestamp(s, local):%H:%M:%S} x\n".encode() for s in seconds]


steps = st.integers(-HOUR, 23 * HOUR - 1) | st.integers(-3, 3)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(ns("2021-01-01") // SECOND, ns("2030-01-01") // SECOND),
    st.lists(steps, min_size=1, max_size=40),
    st.lists(st.integers(1, 40), max_size=3),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Nuuk"]),
)
@example(ns("2026-11-23T23:59:59") // SECOND, [1, -1, 1, 23 * HOUR - 1], [1], "UTC")
@example(ns("2026-03-29T00:59:59") // SECOND, [1, 1, -HOUR, 5], [1, 2], "Europe/Berlin")
def test_midnights_are_counted_from_the_stamp_before(
    begin: int, forward: list[int], cuts: list[int], zone: str
) -> None:
    """Steps from an hour back to 23 hours forward keep their days, and chunks change nothing."""
    seconds = (begin + np.cumsum(forward)).tolist()
    lines = lines_at(seconds, zone)
    decoder = StampDecoder(TIME, zone=zone)
    whole = decode(decoder, b"".join(lines), begin * SECOND)
    if zone == "UTC":
        assert whole == [second * SECOND for second in seconds]
    assert decode_in_parts(decoder, lines, cuts, begin * SECOND) == whole


times = st.integers(0, DAY - 1)


@settings(max_examples=150, deadline=None)
@given(st.lists(times | st.integers(HOUR, 4 * HOUR), min_size=1, max_size=30), st.integers(0, 30))
def test_an_hour_that_does_not_exist_gives_the_same_days_in_any_chunks(
    clock: list[int], cut: int
) -> None:
    """Times on the wall that no clock showed do not depend on chunking either."""
    lines = [f"{s // HOUR:02}:{s // 60 % 60:02}:{s % 60:02} x\n".encode() for s in clock]
    decoder = StampDecoder(TIME, zone="Europe/Berlin")
    begin = ns("2026-03-28T22:00:00")
    whole = decode(decoder, b"".join(lines), begin)
    parts = decode(decoder, b"".join(lines[:cut]), begin)
    parts += decode(decoder, b"".join(lines[cut:]), parts[-1] if parts else begin)
    assert parts == whole


def test_the_last_stamp_is_of_the_time_of_the_last_change() -> None:
    """Three days are dated from their end backwards, whatever part of the file is looked at."""
    moments = [
        int(datetime(2026, 11, 20, 22, tzinfo=UTC).timestamp()) + 5 * HOUR * n for n in range(14)
    ]
    text = b"".join(lines_at(moments, "UTC"))
    decoder = StampDecoder(TIME)
    mtime = moments[-1] * SECOND + 5
    for samples in ([text], [text[:55], text[55:]], []):
        anchor = initial_anchor(decoder, text, mtime, samples)
        assert decode(decoder, text, anchor) == [moment * SECOND for moment in moments]


@pytest.mark.parametrize(
    ("mtime", "day"),
    [
        ("2026-11-23T08:00:05", "2026-11-23"),
        ("2026-11-23T06:00:00", "2026-11-23"),  # written by a clock of two hours to the east
        ("2026-11-24T01:00:00", "2026-11-23"),  # or of the west
        ("2026-11-24T02:00:00", "2026-11-24"),
        ("2026-11-23T01:59:59", "2026-11-22"),
    ],
)
def test_the_day_of_the_last_stamp_allows_for_another_zone(mtime: str, day: str) -> None:
    """It is up to 18 hours before the file's last change, or up to 6 behind it."""
    text = b"08:00:00 x\n"
    decoder = StampDecoder(TIME)
    assert decode(decoder, text, initial_anchor(decoder, text, ns(mtime), [])) == [
        ns(f"{day}T08:00:00")
    ]


def test_a_line_with_a_date_among_those_without_sets_the_day() -> None:
    """A dated line counts as it says, and what follows goes on from it."""
    text = b"22:00:00 a\n2026-11-20 23:00:00 b\n01:00:00 c\nNov 23 02:00:00 d\n"
    found = decode(StampDecoder(TIME + AUTO), text, ns("2026-11-18T21:00:00"))
    assert found[:3] == [
        ns("2026-11-18T22:00:00"),
        ns("2026-11-20T23:00:00"),
        ns("2026-11-21T01:00:00"),
    ]
    assert found[3] == NO_STAMP


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            b"08:00:00.123 [main] DEBUG a - x\n08:00:01.123 [main] ERROR a - x\n\tat y\n",
            "time@0/.3",
        ),
        (b"[08:00:00] [Server thread/INFO]: x\n", "time@1"),
        (b"11:05:09 PM x\n1:05:09 AM y\n", "time_halves@0/ p"),
        (b"1:05:09 x\n2:05:09 y\n", None),
        (b' 8:00:00 (MLM) OUT: "M" bob@ws\n10:00:00 (MLM) IN: "M" bob@ws\n', "time_spaced@0"),
        (b"08.00.00 JOB01234 x\n", "time_dotted@0/JOB"),
        (b"10.11.12 released\n10.11.13 released\n", None),
        (b"top - 08:00:00 up 1 day\n\n    7 root 1:23.00 x\n", "top@0"),
        (b"8:00AM INF x\n8:00PM ERR y\n", "time_minutes@0/p"),
        (b"[ABCDE] 08:00:00 INFO: x\n[ABCDE] 08:00:01 WARNING: y\n", "time@8,*"),
        (b"08:00:00 x 2026-11-23 08:00:00\n", "iso8601@11,*/ "),
        (b"1: up 08:00:00\n" + b"x\n" * 5, None),
        (b"8/30 08:00:00 x\n8/30 08:00:01 x\n", "month_day_yearless_loose@0"),
        (b"[30/8 08:00:00] x\n[30/8 08:00:01] x\n", "day_month_yearless_loose@1"),
        (b"x (8/3 08:00:00) y\nx (8/3 08:00:01) y\n", None),
        (b"SU 08/30 08:00 + pts/0\nSU 30/08 08:00 + pts/0\n", None),
        (b"step 3/7 08:00:00 x\nstep 4/7 08:00:01 x\n", "time@9,*"),
        (b"2026-11-23_08:00:00 x\ntime 2026-11-23_08:00:00\n", "svlogd@0"),
    ],
)
def test_a_time_of_day_counts_where_nothing_says_more(lines: bytes, expected: str | None) -> None:
    """At the beginning of lines, and behind a prefix if nearly every line has one."""
    found = detect(lines)
    assert (found and found.spelling.removesuffix(AUTO)) == expected

"""Stamps that tell no year: what stands before them does, and the last change of their file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stamp_helpers import DAY, SECOND, decode, decode_in_parts, ns

from trio_ship.batch import NO_STAMP
from trio_ship.decode.stamps import StampDecoder, frame, initial_anchor

SYSLOG = StampDecoder("syslog@0")
moments = st.lists(
    st.integers(-40 * 86_400, 170 * 86_400) | st.integers(-5, 5), min_size=1, max_size=40
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(ns("1980-01-01") // SECOND, ns("2030-01-01") // SECOND),
    moments,
    st.lists(st.integers(1, 40), max_size=3),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Nuuk"]),
)
@example(ns("2023-12-31T23:59:59") // SECOND, [1, 1, 5], [1], "UTC")
@example(ns("2024-02-28T23:59:59") // SECOND, [1, 86_400], [1], "UTC")
def test_s10_years_follow_from_the_stamp_before(
    begin: int, forward: list[int], cuts: list[int], zone: str
) -> None:
    """A log through many years keeps every year, and chunks change nothing."""
    seconds = (begin + np.cumsum(forward)).tolist()
    local = ZoneInfo(zone)
    lines = [f"{datetime.fromtimestamp(s, local):%b %e %H:%M:%S} x\n".encode() for s in seconds]
    decoder = StampDecoder("syslog@0", zone=zone)
    whole = decode(decoder, b"".join(lines), begin * SECOND)
    if zone == "UTC":
        assert whole == [second * SECOND for second in seconds]
    assert decode_in_parts(decoder, lines, cuts, begin * SECOND) == whole


days = st.dates(date(2000, 1, 1), date(2000, 12, 31)) | st.just(date(2000, 2, 29))


@settings(max_examples=100, deadline=None)
@given(st.lists(days, min_size=1, max_size=30), st.integers(0, 30))
def test_s10_any_jumps_give_the_same_years_in_any_chunks(days: list[date], cut: int) -> None:
    """Steps of about half a year and leap days do not depend on chunking."""
    lines = [f"{day:%b %e} 02:30:00 x\n".encode() for day in days]
    decoder = StampDecoder("syslog@0", zone="Europe/Berlin")
    begin = ns("2021-05-01")
    whole = decode(decoder, b"".join(lines), begin)
    parts = decode(decoder, b"".join(lines[:cut]), begin)
    parts += decode(decoder, b"".join(lines[cut:]), parts[-1] if parts else begin)
    assert parts == whole
    assert NO_STAMP not in whole


def test_s10_without_a_moment_before_there_is_no_year_and_no_stamp() -> None:
    """A year is never guessed."""
    assert decode(SYSLOG, b"Jun  4 01:02:03 x\n") == [NO_STAMP]


def test_s10_regions_have_their_own_years() -> None:
    """Each region goes on from its own stamp before."""
    arena, start, end = frame(b"Jan  1 00:00:00 a\nDec 31 00:00:00 b\nx\nJan  1 00:00:00 c\n")
    previous = np.array([ns("2019-12-31"), ns("2010-12-30"), NO_STAMP])
    got = SYSLOG.decode(arena, start, end, np.array([0, 1, 3]), previous)
    assert got.tolist() == [ns("2020-01-01"), ns("2010-12-31"), NO_STAMP, NO_STAMP]


def syslog(moment: datetime) -> bytes:
    """Return a line of syslog."""
    return f"{moment:%b %e %H:%M:%S} host x\n".encode()


def test_s10_a_file_of_two_years_is_dated_from_its_last_change_backwards() -> None:
    """June 2004 to July 2005, last changed in 2005."""
    moments = [datetime(2004, 6, 3, 1, 2, 3, tzinfo=UTC) + timedelta(days=d) for d in range(400)]
    text = b"".join(map(syslog, moments))
    anchor = initial_anchor(SYSLOG, text, ns("2005-07-09"), [text[:3000], text[3000:]])
    anchor_split = initial_anchor(SYSLOG, text[:100], ns("2005-07-09"), [text])
    assert abs(anchor - ns("2004-06-03")) < 183 * DAY
    assert anchor == anchor_split
    assert decode(SYSLOG, text, anchor) == [int(moment.timestamp()) * SECOND for moment in moments]


def test_s10_december_is_last_year_in_january() -> None:
    """Lines of December in a file last changed in January are not in the future."""
    text = syslog(datetime(2023, 12, 30, tzinfo=UTC)) + syslog(datetime(2024, 1, 2, tzinfo=UTC))
    for head, mtime in ((text, "2024-01-02T06:00"), (text[: len(text) // 2], "2024-01-02")):
        anchor = initial_anchor(SYSLOG, head, ns(mtime), [])
        assert decode(SYSLOG, text, anchor) == [ns("2023-12-30"), ns("2024-01-02")]


def test_s10_a_leap_day_moves_the_whole_file_to_a_leap_year() -> None:
    """A copied file whose last change says 2023 can only be of 2020."""
    text = b"".join(
        syslog(datetime(2020, 2, 28, tzinfo=UTC) + timedelta(days=day)) for day in range(3)
    )
    anchor = initial_anchor(SYSLOG, text, ns("2023-08-01"), [text])
    assert decode(SYSLOG, text, anchor)[1] == ns("2020-02-29")


def test_s10_the_first_stamp_that_says_its_year_tells_that_of_those_before_it() -> None:
    """Whatever most stamps of the file are like, and however late it was copied."""
    text = b"Dec 30 23:00:00 a\nJan  2 01:00:00 b\n2024-01-02T06:00:00Z c\n"
    expected = [ns("2023-12-30T23:00:00"), ns("2024-01-02T01:00:00"), ns("2024-01-02T06:00:00")]
    for spelling in ("iso8601@0/TZ;auto", "syslog@0;auto"):
        decoder = StampDecoder(spelling)
        assert decoder.begins_undated(text)
        anchor = initial_anchor(decoder, text, ns("2026-07-01"), [])
        assert decode(decoder, text, anchor) == expected
        assert not decoder.begins_undated(b"x\n2024-01-02T06:00:00Z c\n" + text)
        assert not decoder.begins_undated(b"x\n")


def test_s10_a_file_without_stamps_has_its_last_change_as_anchor() -> None:
    """There is always a moment to begin with."""
    assert initial_anchor(SYSLOG, b"x\n", 17, []) == 17

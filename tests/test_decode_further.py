"""Further ways of writing stamps in one file, behind prefixes of any form."""

from __future__ import annotations

import numpy as np
import pytest
from pipeline_helpers import OUTPUT, config, new_disk, run_once

from trio_ship.batch import NO_STAMP
from trio_ship.decode.ambiguous import Evidence
from trio_ship.decode.detect import detect
from trio_ship.decode.further import bare_lines, shape_of, with_further, with_turn
from trio_ship.decode.layouts import Layout
from trio_ship.decode.stamps import AUTO, StampDecoder, frame
from trio_ship.decode.table import LAYOUTS

ISO = b"2026-11-23 08:00:0%d.123 a\n"
REDIS = b"redis-1 | 1:M 23 Nov 2026 08:01:0%d.456 * b\n"
EIGHT = 1_795_420_800_123_000_000
MINUTE = 60 * 10**9


def lines(form: bytes, count: int) -> bytes:
    """Return some lines, a second from one to the next."""
    return b"".join(form % (number % 10) for number in range(count))


def stamps(spelling: str, text: bytes) -> list[int]:
    """Return the stamps of a text."""
    found = StampDecoder(spelling).decode(*frame(text), np.array([0]), np.array([NO_STAMP]))
    return [int(stamp) for stamp in found]


@pytest.mark.parametrize("mixed", [False, True])
def test_a_layout_behind_a_prefix_is_read_among_others(*, mixed: bool) -> None:
    """Whether the file changes midway or two programs write to it."""
    text = lines(ISO, 5) + lines(REDIS, 5)
    if mixed:
        text = b"".join(ISO % number + REDIS % number for number in range(5))
    found = detect(text)
    assert found is not None
    assert sorted(stamps(found.spelling, text)) == [
        *(EIGHT + second * 10**9 for second in range(5)),
        *(EIGHT + MINUTE + 333 * 10**6 + second * 10**9 for second in range(5)),
    ]
    assert "also day_month_name behind a prefix, at column 14" in found.describe()


def test_what_comes_behind_the_first_lines_is_looked_at() -> None:
    """Some blocks from the rest of the file show what it becomes."""
    head, rest = lines(ISO, 9), lines(REDIS, 9)
    evidence = Evidence(0, list, lambda: [rest])
    found = detect(head, evidence=evidence)
    assert found is not None
    assert NO_STAMP not in stamps(found.spelling, head + rest)


@pytest.mark.parametrize(
    "rest",
    [
        b"Date: Mon, 23 Nov 2026 08:00:00 GMT\nServer: x\nAge: 1\nVia: y\nETag: z\n" * 3,
        b"\tat 2026-11-23 08:00:00\n" * 9,
        b"due 2026-11-23 08:00:00\nend 2026-11-23 08:00:00\n",
    ],
)
def test_dates_in_the_text_of_records_are_no_further_way(rest: bytes) -> None:
    """Headers, traces and a line or two belong to the record before them."""
    text = lines(ISO, 5) + rest
    found = detect(text)
    assert found is not None
    assert stamps(found.spelling, text)[5:] == [NO_STAMP] * rest.count(b"\n")


@pytest.mark.parametrize(
    ("year", "is_way"), [(2020, False), (2025, False), (2026, True), (2027, False)]
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_stamps_of_a_further_way_lie_between_those_around(
    year: int, *, is_way: bool, newest_first: bool
) -> None:
    """Lines that are as frequent may hold dates of other times."""
    days = range(20, 1, -1) if newest_first else range(1, 20)
    text = "".join(
        f"2026-11-{day:02d} 08:00:00 a\nvalid until {year}-11-{day:02d} 09:00:00\n" for day in days
    )
    found = detect(text.encode())
    assert found is not None
    assert ("also" in found.describe()) == is_way


@pytest.mark.parametrize(
    ("own", "further"),
    [
        ("2026-11-23 08:00:00", "&epoch@0/.3"),
        ("2026-10-23 08:00:00", ""),
        ("Nov 23 08:00:00", ""),
    ],
)
def test_numbers_in_front_of_other_lines_are_stamps_if_they_lie_between(
    own: str, further: str
) -> None:
    """Nothing but the time of others tells them from what lines count or are called."""
    found = detect(f"{own} a\n1795420800.123 b\n{own} c\n".encode() * 9)
    assert found is not None
    assert found.spelling.removesuffix(AUTO).partition("&")[1:] == (further[:1], further[1:])


@pytest.mark.parametrize("shape", [b"", b"2026", shape_of(ISO % 1), shape_of(b"x\n" + ISO % 1)])
@pytest.mark.parametrize(
    ("count", "further"), [(0, ""), (2, ""), (9, "&day_month_name@14,*/   .3")]
)
def test_how_lines_begin_that_have_stamps_is_no_need_to_ask(
    shape: bytes, count: int, further: str
) -> None:
    """Lines that begin otherwise are asked, be they short, indented or the last of a block."""
    blocks = [lines(ISO, 5), lines(REDIS, count) + b"\tat x\n" + lines(ISO, 2) + ISO[:9] + b"\n"]
    assert with_further(f"iso8601@0/ .3{AUTO}", blocks, shape) == f"iso8601@0/ .3{further}{AUTO}"


def test_natural_places_come_first() -> None:
    """A further way does not take the stamp of a line that has one at its beginning."""
    text = lines(ISO, 3) + lines(REDIS, 3)
    found = detect(text)
    assert found is not None
    line = b"Nov 23 08:00:00 x 23 Nov 2025 08:00:00\n"
    before = np.array([EIGHT])
    arena, start, end = frame(line)
    (stamp,) = StampDecoder(found.spelling).decode(arena, start, end, np.array([0]), before)
    assert stamp == EIGHT - 123_000_000


async def test_large_files_that_begin_alike_are_looked_at_each(autojump_clock: object) -> None:
    """One of two goes on in another layout behind its first lines; both keep their order."""
    disk = new_disk()
    disk.append("/logs/a.log", ISO % 0 * 5000)
    disk.append("/logs/b.log", ISO % 1 * 5000 + REDIS % 2 * 4000)
    disk.append("/logs/c.log", b"2026-11-23T08:00:30Z between\n")
    await run_once(disk, config(follow=False))
    found = disk.read(OUTPUT).splitlines(keepends=True)
    assert found[10_000] == b"2026-11-23T08:00:30Z between\n"
    assert found[10_001:] == [REDIS % 2] * 4000


async def test_small_files_that_begin_alike_are_looked_at_each(autojump_clock: object) -> None:
    """The first lines of a file tell its further ways, whatever those of another do."""
    disk = new_disk()
    disk.append("/logs/a.log", ISO % 0 * 5)
    disk.append("/logs/b.log", ISO % 1 * 5 + REDIS % 2 * 5)
    disk.append("/logs/c.log", b"2026-11-23T08:00:30Z between\n")
    await run_once(disk, config(follow=False))
    found = disk.read(OUTPUT).splitlines(keepends=True)
    assert found[10:] == [b"2026-11-23T08:00:30Z between\n", *[REDIS % 2] * 5]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"Mon Nov 23 08:00:10 2026 a\n", b"Mon Nov 23 09:00:20 2026 +01:00 b\n"),
        (b"Mon Nov 23 08:00:10.123 2026 a\n", b"Mon Nov 23 08:00:20.123 b\n"),
        (b"2026-11-23-08.00.10.123000 a\n", b"2026-11-23-09.00.20.123000+060 b\n"),
        (b"Mon Nov 23 2026 08:00:10.1 a\n", b"Mon Nov 23 2026 09:00:20 GMT+0100 b\n"),
        (b"2026-11-23 08:00:10.123 a\n", b"2026-11-23 01:00:20.123 PM b\n"),
    ],
)
async def test_stamps_that_begin_alike_may_end_otherwise(
    first: bytes, second: bytes, autojump_clock: object
) -> None:
    """What stands behind as many bytes as are compared may be the year, the zone, or PM."""
    disk = new_disk()
    disk.append("/logs/a.log", first)
    disk.append("/logs/b.log", second)
    disk.append("/logs/c.log", b"2026-11-23T08:00:15Z between\n")
    await run_once(disk, config(follow=False))
    assert disk.read(OUTPUT) == first + b"2026-11-23T08:00:15Z between\n" + second


def turned(text: bytes, *, last_ns: int = EIGHT, limit_ns: int = EIGHT + 3600 * 10**9) -> bool:
    """Tell whether a file that was written as `ISO` goes on as these lines are."""
    lines = bare_lines(np.frombuffer(text, np.uint8), 0, len(text))
    spelling = "iso8601@0/ .3Z;auto"
    after = with_turn(spelling, lines, zone="UTC", last_ns=last_ns, limit_ns=limit_ns)
    assert after in {spelling, "iso8601@0/ .3Z&day_month_name@14,*/   .3;auto"}
    return after != spelling


def test_a_file_goes_on_in_another_way() -> None:
    """Three lines tell, and others between them that go on with them do not hide it."""
    assert turned(lines(REDIS, 3))
    assert turned(lines(REDIS, 3) + b"\tat x\n\tat y\n")
    assert turned(b"banner\n" + lines(REDIS, 3))
    assert not turned(lines(REDIS, 2))
    assert not turned(lines(REDIS, 3)[:-1])
    assert not turned(b"banner\nof\nmany\nlines\n" + lines(REDIS, 3))


@pytest.mark.parametrize("days", [-2, 2])
def test_a_table_with_dates_in_it_is_no_other_way(days: int) -> None:
    """Its dates are of any time; those of a log go on from the last stamp."""
    moment = EIGHT + days * 24 * 60 * MINUTE
    assert not turned(lines(REDIS, 9), last_ns=moment, limit_ns=moment + MINUTE)
    assert turned(lines(REDIS, 9), last_ns=NO_STAMP)


def test_only_a_file_whose_layout_was_found_out_may_go_on_in_another_way() -> None:
    """One that the configuration names stays, and so does one that has had many."""
    ways = "iso8601@0/ .3Z" + "&syslog@8" * 4
    for spelling in ("iso8601@0/ .3Z", f"{ways};auto"):
        lines = [REDIS[:-1] % number for number in range(9)]
        after = with_turn(spelling, lines, zone="UTC", last_ns=EIGHT, limit_ns=EIGHT + 99 * MINUTE)
        assert after == spelling


@pytest.mark.parametrize(("begin", "expected"), [(0, [b"b", b"c" * 512]), (1, [b"c" * 512])])
def test_bare_lines_are_the_last_that_begin_something(begin: int, expected: list[bytes]) -> None:
    """Indented and empty ones do not, nor does one whose end is missing; long ones are cut."""
    text = b"b\n\n \td\n" + b"c" * 600 + b"\nhalf"
    arena = np.frombuffer(text, np.uint8)
    assert bare_lines(arena, 2 * begin, len(text)) == expected


def test_bare_lines_of_a_long_text_are_few() -> None:
    """Of 16 KiB at most, from the first line that begins there, and no more than 64."""
    arena = np.frombuffer(b"a" * 9000 + b"\n" + b"b" * 9000 + b"\n", np.uint8)
    assert bare_lines(arena, 0, len(arena)) == [b"b" * 512]
    arena = np.frombuffer(b"".join(b"%d\n" % number for number in range(99)), np.uint8)
    assert bare_lines(arena, 0, len(arena)) == [b"%d" % number for number in range(35, 99)]


ALONE = [each for each in LAYOUTS if each.anywhere and each.has_year and not each.family]


@pytest.mark.parametrize("layout", ALONE, ids=[each.name for each in ALONE])
def test_a_file_may_go_on_with_stamps_of_any_form(layout: Layout) -> None:
    """Each of them holds what a line must to be asked."""
    lines = [f"x {number} {layout.marker}{layout.example} y".encode() for number in range(9)]
    spelling = "epoch@0;auto"
    found = StampDecoder(spelling).read(*frame(lines[0])).found.all()
    after = with_turn(spelling, lines, zone="UTC", last_ns=NO_STAMP, limit_ns=2**62)
    assert (after != spelling) is not bool(found)

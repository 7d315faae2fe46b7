"""Beginning and ending at a time: by configuration, by command line, across deaths."""

from __future__ import annotations

import gzip
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    START_NS,
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    run_once,
    running,
    survive,
)
from process_helpers import Ship, stamped

from trio_ship.config.moments import Beginning, resolve_moment
from trio_ship.config.values import InvalidValueError
from trio_ship.reader import seek as seek_module
from trio_ship.reader.content import open_content
from trio_ship.reader.seek import Seeker
from trio_ship.state import FileEntry

LOG = "/logs/app.log"
SECOND = 10**9


def ns(text: str) -> int:
    """Return a moment in nanoseconds."""
    return round(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-23T08:00:00Z", "Europe/Berlin", "2026-11-23T08:00:00Z"),
        ("2026-11-23 08:00:00", "Europe/Berlin", "2026-11-23T07:00:00Z"),
        ("2026-11-23T08:00:00-05:00", "UTC", "2026-11-23T13:00:00Z"),
        ("2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00Z"),
        ("08:30", "UTC", "2026-11-23T08:30:00Z"),
        ("00:15", "Asia/Tokyo", "2026-11-23T15:15:00Z"),
        ("-2h", "UTC", "2026-11-23T14:00:00Z"),
        ("-1d12h", "UTC", "2026-11-22T04:00:00Z"),
        ("-90m", "Asia/Tokyo", "2026-11-23T14:30:00Z"),
        ("-1w", "UTC", "2026-11-16T16:00:00Z"),
    ],
)
def test_moments_are_written_in_many_ways(text: str, zone: str, expected: str) -> None:
    """With an offset or in the zone given, as a date, a time of today, or so long ago."""
    assert resolve_moment(text, zone, ns("2026-11-23T16:00:00Z")) == ns(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("23/Nov/2026:08:00:00 +0100", "2026-11-23T07:00:00Z"),
        ("[23/Nov/2026:08:00:00 +0100]", "2026-11-23T07:00:00Z"),
        ("Mon, 23 Nov 2026 08:00:00", "2026-11-23T07:00:00Z"),
        ("2026/07/01 08:00:00", "2026-07-01T06:00:00Z"),
        ("1795420800", "2026-11-23T08:00:00Z"),
        ("1795420800000", "2026-11-23T08:00:00Z"),
        ("@1795420800", "2026-11-23T08:00:00Z"),
        ("Nov 23 08:00:00", "2026-11-23T07:00:00Z"),
        ("Nov 24 08:00:00", "2026-11-24T07:00:00Z"),
        ("Nov 25 08:00:00", "2025-11-25T07:00:00Z"),
        ("Feb 29 08:00:00", "2024-02-29T07:00:00Z"),
    ],
)
def test_stamps_are_moments_as_logs_have_them(text: str, expected: str) -> None:
    """Without an offset in the zone given, without a year the last one before tomorrow."""
    now_ns = ns("2026-11-23T16:00:00Z")
    assert resolve_moment(text, "Europe/Berlin", now_ns) == ns(expected)


def test_fractions_of_a_second_count() -> None:
    """Down to microseconds; of stamps as logs have them, down to nanoseconds."""
    assert resolve_moment("1970-01-01T00:00:01.000001Z", "UTC", 0) == 1_000_001_000
    assert resolve_moment("1795420800.000000001", "UTC", 0) == 1_795_420_800_000_000_001


@pytest.mark.parametrize(
    "text",
    [
        *["", "noon", "2026", "2026-11", "-2x", "2026-13-01", "1492-10-12", "1" * 400, "-h"],
        *["03/04/05 08:00:00", "1:05:09 PM", "2026-02-30 08:00:00", "08:00\n", "größer", "\udcff"],
    ],
)
def test_what_is_no_moment_is_refused_with_what_is_allowed(text: str) -> None:
    """The message shows it and gives examples."""
    with pytest.raises(InvalidValueError, match='"end" or a time such as "2026-11-23T08'):
        Beginning()(text)


def test_dates_and_times_of_toml_are_taken() -> None:
    """They need no quotes."""
    assert Beginning()(datetime(2026, 11, 23, 8, tzinfo=UTC)) == "2026-11-23T08:00:00+00:00"
    assert Beginning()(date(2026, 11, 23)) == "2026-11-23"


@given(
    st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=60),
    st.integers(-5, 305),
    st.sampled_from(["utf-8", "utf-16-le", "cp1252"]),
)
@settings(max_examples=60, deadline=None)
def test_a_place_is_in_front_of_the_first_key_that_is_not_before(
    lines: list[tuple[int, bool]], begin: int, charset: str
) -> None:
    """Whatever the order of the lines and their continuations, as a loop over them says."""
    texts: list[str] = []
    latest, expected = -1, None
    for second, has_stamp in [(lines[0][0], True), *lines[1:]]:
        if has_stamp:
            latest = max(latest, second)
            if latest >= begin and expected is None:
                expected = "".join(texts)
            texts.append(line(second, "caf\u00e9").decode())
        else:
            texts.append("  and more\n")
    disk = MemoryDisk()
    disk.write(LOG, "".join(texts).encode(charset))
    content = open_content(disk, LOG)
    settings_ = config(source=f'charset = "{charset}"').sources["app"]
    seeker = Seeker(settings_, [], START_NS + begin * SECOND, 10**18, follow=False)
    entry = FileEntry(
        id="0" * 16, source="app", path=LOG, file=LOG, device=1, inode=1, charset=charset
    )
    size = disk.stat(LOG).size
    _, position = seeker.seek(content, entry, size, START_NS)
    where = size if expected is None else len(expected.encode(charset))
    assert position.offset == where
    content.close()


@pytest.mark.parametrize("charset", ["utf-8", "utf-16-be"])
def test_a_large_file_is_bisected(monkeypatch: pytest.MonkeyPatch, charset: str) -> None:
    """Of a large file little is read, and the place is exact where stamps are nearly sorted."""
    monkeypatch.setattr(seek_module, "_BEFORE", 20_000)
    monkeypatch.setattr(seek_module, "_CHUNK", 20_000)
    monkeypatch.setattr(seek_module, "HEAD", 2048)
    disk = MemoryDisk()
    texts = [
        line(number - number % 7 / 10, f"{number}").decode() + "  more\n" * (number % 4)
        for number in range(40_000)
    ]
    disk.write(LOG, "".join(texts).encode(charset))
    size = disk.stat(LOG).size
    entry = FileEntry(
        id="0" * 16, source="app", path=LOG, file=LOG, device=1, inode=1, charset=charset
    )
    config_ = config(source=f'charset = "{charset}"').sources["app"]
    read: list[str] = []
    for begin in (0, 1, 12_345, 39_990, 50_000):
        read.clear()
        content = open_content(disk, LOG)
        disk.on_call = lambda call: read.append(call.name)
        seeker = Seeker(config_, [], START_NS + begin * SECOND, 10**18, follow=False)
        _, position = seeker.seek(content, entry, size, START_NS + 40_000 * SECOND)
        latest, where = -1.0, 0
        for number, text in enumerate(texts):
            latest = max(latest, number - number % 7 / 10)
            if latest >= begin:
                break
            where += len(text.encode(charset))
        assert position.offset == where
        assert len(read) < 80
        content.close()


async def test_a_start_counts_for_what_is_there_at_the_very_first_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Plain and compressed files begin at the moment; those found later, at their beginning."""
    disk = new_disk()
    put = [line(-100 + n, f"old {n}") for n in range(100)]
    disk.write(LOG, b"".join(put))
    disk.write("/logs/b.log.gz", gzip.compress(b"".join(put).replace(b"old", b"packed")))
    disk.write("/logs/none.log", b"no stamp\n")
    settings_ = config(paths='["/logs/*"]', source='start = "-30s"')
    async with running(disk, settings_):
        await trio.sleep(4)
        disk.append("/logs/later.log", line(-90, "found later"))
        await trio.sleep(4)
    disk.append("/logs/last.log", line(-80, "found last"))
    async with running(disk, settings_):
        await trio.sleep(4)
    assert sorted(output_lines(disk)) == sorted(
        [f"{kind} {n}" for n in range(70, 100) for kind in ("old", "packed")]
        + ["stamp", "found later", "found last"]
    )


async def test_deaths_do_not_move_the_beginning(autojump_clock: trio.testing.MockClock) -> None:
    """Wherever it is killed first, the output begins at the same record."""
    for calls in range(20, 90, 7):
        disk = new_disk()
        disk.write(LOG, b"".join(line(-100 + n, f"{n}") for n in range(100)))
        settings_ = config(follow=False, source="start = 2026-11-23T07:59:00Z")
        await survive(disk, settings_, [(calls, 0), (calls // 2, 3)])
        assert output_lines(disk) == [f"{n}" for n in range(40, 100)]


async def test_a_beginning_in_the_future_is_the_end(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing that is there is read, what comes is."""
    disk = new_disk()
    disk.write(LOG, line(-9, "old"))
    async with running(disk, config(source='start = "2030-01-01"')):
        await trio.sleep(3)
        disk.append(LOG, now_line("new"))
        await trio.sleep(3)
    assert output_lines(disk) == ["new"]


async def test_a_last_line_without_its_end_is_before_the_beginning_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In a one-shot run, and in a compressed file, it is a record like the others."""
    disk = new_disk()
    disk.write(LOG, line(-9, "a") + line(-8, "b").rstrip(b"\n"))
    disk.write("/logs/c.gz", gzip.compress(line(-9, "c") + line(-1, "d").rstrip(b"\n")))
    await run_once(disk, config(paths='["/logs/*"]', follow=False, source='start = "-5s"'))
    assert output_lines(disk) == ["d"]


async def test_an_end_ends_each_file(autojump_clock: trio.testing.MockClock) -> None:
    """The first record from the end on, by its ordering time, ends its file."""
    disk = new_disk()
    disk.write(LOG, line(1, "a") + line(5, "beyond") + line(2, "ordered as of 5"))
    disk.write("/logs/b.log", line(2, "b") + b"  more of b\n" + line(4.999, "c") + line(6, "no"))
    settings_ = config(follow=False)
    sources = {
        name: attrs.evolve(one, until="2026-11-23T08:00:05Z")
        for name, one in settings_.sources.items()
    }
    await run_once(disk, attrs.evolve(settings_, sources=sources))
    assert disk.read(OUTPUT) == line(1, "a") + line(2, "b") + b"  more of b\n" + line(4.999, "c")


@pytest.mark.parametrize("by_pipe", [False, True])
def test_from_and_to_on_the_command_line(
    tmp_path: Path,
    by_pipe: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """`run --from TIME --to TIME` takes files and standard input; the end is not included."""
    lines = [stamped(n, f"n{n}") for n in range(50)]
    (tmp_path / "a.log").write_bytes(b"".join(lines))
    options = ["--from", "2026-11-23T00:00:10Z", "--to", "2026-11-23T00:00:20Z"]
    with (tmp_path / "a.log").open("rb") as file:
        name = "-" if by_pipe else "a.log"
        ship = Ship(["run", *options, name], tmp_path, stdin=file, stdout=subprocess.PIPE)
        assert ship.process.stdout is not None
        written = ship.process.stdout.read()
    assert ship.end() == 0
    assert written == b"".join(lines[10:20])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["run", "--from", "-2y", "a.log"], '--from: "-2y" is no time; a time such as'),
        (["run", "--to", "noon", "a.log"], '--to: "noon" is no time; a time such as'),
        (["run", "--to", "12:00"], "what is followed has none: say --once"),
        (["merge", "--to", "12:00", "-f", "a.log"], "has none: leave --follow and --new out"),
    ],
)
def test_wrong_times_are_refused(tmp_path: Path, options: list[str], said: str) -> None:
    """With the option, what was found and what is allowed; status 2."""
    (tmp_path / "trio-ship.toml").write_text(
        '[sources.a]\ntype = "file"\npaths = ["a.log"]\n[sinks.out]\ntype = "stdout"\n'
    )
    (tmp_path / "a.log").write_bytes(b"")
    ship = Ship(options, tmp_path)
    assert ship.end() == 2
    assert said in ship.said

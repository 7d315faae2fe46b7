"""Compressed files that a pattern matches, or that are named: read as they are, and once."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
import zstandard
from memory_disk import MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    run_once,
    running,
    survive,
    wall_ns,
)
from process_helpers import Ship

from trio_ship.errors import SourceError
from trio_ship.follow import Candidate, stem
from trio_ship.reader import chains as chains_module
from trio_ship.reader.chains import Chains
from trio_ship.reader.content import open_content
from trio_ship.reader.packed import Packed
from trio_ship.state import FileEntry, Position

LOG = "/logs/app.log"
ALL = '["/logs/*"]'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def put(disk: MemoryDisk, path: str, data: bytes, *, age: float = 0) -> None:
    """Write a compressed file, as its name says, that is `age` seconds old."""
    disk.write(path, PACKERS[Path(path).suffix](data))
    disk.set_mtime(path, wall_ns() - round(age * 1e9))


async def test_every_compression_is_read_and_merged_with_plain_files(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Records of `.gz`, `.bz2`, `.xz`, `.zst` and plain files come in the order of time."""
    disk = new_disk()
    for number, suffix in enumerate(PACKERS):
        lines = [line(-100 + 5 * turn + number, f"{turn} {suffix}") for turn in range(3)]
        put(disk, f"/logs/{number}.log{suffix}", b"".join(lines))
    disk.write(LOG, b"".join(line(-100 + 5 * turn + 4, f"{turn} plain") for turn in range(3)))
    pipeline = await run_once(disk, config(paths=ALL, follow=False))
    assert output_lines(disk) == [
        f"{turn} {kind}" for turn in range(3) for kind in (".gz", ".bz2", ".xz", ".zst", "plain")
    ]
    assert pipeline.statistics.records == 15


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (True, "66 bytes to read in 1 file, and 2 compressed files"),
        (False, "2 compressed files to read"),
    ],
)
async def test_nobody_guesses_how_much_compressed_files_hold(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    plain: bool,  # noqa: FBT001  (a parameter of the test)
    expected: str,
) -> None:
    """At the start compressed files are counted, and only plain ones are measured."""
    caplog.set_level("INFO")
    disk = new_disk()
    put(disk, "/logs/one.gz", line(-9, "one"))
    put(disk, "/logs/two.xz", line(-8, "two"))
    if plain:
        disk.write(LOG, line(-7, "1234567") + line(-6, "1234567"))
    await run_once(disk, config(paths=ALL, follow=False))
    assert expected in [record.message for record in caplog.records]


async def test_the_first_bytes_decide_and_not_the_name(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Text that is called `.gz` is read as text; what is packed and not called so is refused."""
    caplog.set_level("INFO")
    disk = new_disk()
    disk.write("/logs/text.gz", line(-9, "plain"))
    disk.write("/logs/packed.log", gzip.compress(line(-8, "packed")))
    disk.write(LOG, line(-7, "app"))
    with pytest.raises(SourceError, match=r"packed.log is compressed by gzip and not read"):
        await run_once(disk, config(paths=ALL, follow=False))
    assert output_lines(disk) == ["plain", "app"]
    assert any("/logs/text.gz is not compressed" in r.message for r in caplog.records)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("delayed", [False, True])
async def test_a_rotation_into_names_that_the_pattern_matches_doubles_nothing(
    autojump_clock: trio.testing.MockClock,
    suffix: str,
    delayed: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """What was read plain is not read again compressed: while up, while down, days later."""
    disk = new_disk()
    settings = config(paths=ALL)
    first = 1 if delayed else 0
    written = []

    def say(text: str) -> None:
        written.append(text)
        disk.append(LOG, now_line(text))

    def rotate() -> None:
        for number in range(6, first, -1):
            if disk.exists(f"{LOG}.{number}{suffix}"):
                disk.rename(f"{LOG}.{number}{suffix}", f"{LOG}.{number + 1}{suffix}")
        plain = LOG
        if delayed:
            plain = f"{LOG}.1"
        if disk.exists(plain):
            packed = f"{LOG}.{first + 1}{suffix}"
            time_ns = disk.stat(plain).mtime_ns
            disk.write(packed, PACKERS[suffix](disk.read(plain)))
            disk.set_mtime(packed, time_ns)
            disk.remove(plain)
        if delayed and disk.exists(LOG):
            disk.rename(LOG, f"{LOG}.1")

    for life in range(4):
        async with running(disk, settings):
            for turn in range(3):
                say(f"{life} {turn}")
                await trio.sleep(4)
                rotate()
                await trio.sleep(4)
        say(f"{life} down")
        await trio.sleep(1)
        rotate()
        await trio.sleep(40_000)
    async with running(disk, settings):
        await trio.sleep(10)
    assert output_lines(disk) == written


async def test_a_compressed_file_is_complete_and_its_last_line_leaves(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While following, a compressed file needs no line end behind its last record."""
    disk = new_disk()
    async with running(disk, config(paths=ALL)):
        await trio.sleep(3)
        put(disk, "/logs/new.log.gz", line(-9, "first") + line(-8, "last").rstrip(b"\n"), age=99)
        await trio.sleep(5)
        assert output_lines(disk) == ["first", "last"]


@pytest.mark.parametrize("suffix", PACKERS)
async def test_what_is_appended_to_a_compressed_file_is_read_too(
    autojump_clock: trio.testing.MockClock, suffix: str
) -> None:
    """A second stream behind the first is more of the same file, now and after a restart."""
    disk = new_disk()
    path = f"/logs/app.log{suffix}"
    settings = config(paths=ALL)
    pack = PACKERS[suffix]
    disk.write(path, pack(line(-9, "0")))
    async with running(disk, settings):
        await trio.sleep(4)
        disk.append(path, pack(line(-8, "1")))
        await trio.sleep(6)
        assert output_lines(disk) == ["0", "1"]
    disk.append(path, pack(line(-7, "2")))
    async with running(disk, settings):
        await trio.sleep(6)
    assert output_lines(disk) == ["0", "1", "2"]


async def test_a_compressed_file_that_is_written_anew_is_a_new_file(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Other content in the place of a compressed file is read from its beginning."""
    disk = new_disk()
    async with running(disk, config(paths=ALL)):
        put(disk, "/logs/day.gz", line(-9, "monday"), age=99)
        await trio.sleep(4)
        put(disk, "/logs/day.gz", line(-8, "tuesday"), age=98)
        await trio.sleep(4)
    assert output_lines(disk) == ["monday", "tuesday"]


async def test_what_was_taken_is_not_unpacked_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After a restart a compressed file that was read to its end costs its head, not all of it."""
    disk = new_disk()
    text = b"".join(line(-50_000 + n, f"{n:x} {hash((n, 7)):x}") for n in range(40_000))
    put(disk, "/logs/old.log.gz", text, age=999)
    settings = config(paths=ALL, follow=False)
    await run_once(disk, settings)
    written = disk.read(OUTPUT)
    assert written == text
    read = []
    disk.on_call = lambda call: read.append(call.path) if call.name == "pread" else None
    again = await run_once(disk, settings)
    assert disk.read(OUTPUT) == written
    assert again.statistics.backlog_bytes == 0
    assert len(disk.read("/logs/old.log.gz")) > 60 * 8192
    assert sum(path == "/logs/old.log.gz" for path in read) < 40


@pytest.mark.parametrize("suffix", PACKERS)
async def test_deaths_while_a_compressed_file_is_read_leave_no_trace(
    autojump_clock: trio.testing.MockClock, suffix: str
) -> None:
    """Wherever it is killed, the output is the same as of one run."""
    for calls in range(40, 200, 23):
        disk = new_disk()
        lines = [line(-900 + n, f"packed {n}") for n in range(300)]
        put(disk, f"/logs/b.log{suffix}", b"".join(lines), age=500)
        disk.write(LOG, b"".join(line(-900.5 + n, f"plain {n}") for n in range(300)))
        settings = config(paths=ALL, follow=False, pipeline="max_buffer_bytes = 65536")
        await survive(disk, settings, [(calls, 3), (calls // 2, 0)])
        assert output_lines(disk) == [
            f"{kind} {n}" for n in range(300) for kind in ("plain", "packed")
        ]


async def test_start_at_the_end_passes_over_what_compressed_files_hold(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With `start = "end"` the compressed files that are there have nothing to give."""
    disk = new_disk()
    put(disk, "/logs/old.log.xz", line(-9, "old") * 3000, age=99)
    async with running(disk, config(paths=ALL, source='start = "end"')):
        await trio.sleep(3)
        disk.append(LOG, now_line("new"))
        await trio.sleep(3)
    assert output_lines(disk) == ["new"]


def test_only_some_streams_that_take_megabytes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many compressed files the last used keep their streams; others are unpacked again."""
    monkeypatch.setattr(chains_module, "_UNPACKING_MOST", 2)
    disk = MemoryDisk()
    chains = Chains(disk, "app", follow=True, number=iter(range(9)).__next__, recorded=[], keep=99)
    tails = []
    for number in range(3):
        path = f"/{number}.xz"
        disk.write(path, lzma.compress(b"x" * 100_000))
        status = disk.stat(path)
        entry = FileEntry(
            id=f"{number:016}", source="app", path=path, file=path, device=1, inode=status.inode
        )
        seen = Candidate(path, status.device, status.inode, status.size, status.mtime_ns)
        tail = chains.add(chains.new(path), entry, Position(), seen, 0.0)
        content = open_content(disk, path)
        chains.hold(tail, content)
        content.pread(10, 0)
        chains.rest(tail)
        tails.append(tail)
    contents = [tail.content for tail in tails]
    assert [isinstance(content, Packed) and content._stream is None for content in contents] == [
        True,
        False,
        False,
    ]
    first = contents[0]
    assert first is not None
    assert first.pread(10, 65_536) == b"x" * 10


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/logs/app.log", "/logs/app.log"),
        ("/logs/app.log.2.gz", "/logs/app.log"),
        ("/logs/app-20261123.xz", "/logs/app"),
        ("/logs/app.log-2026-11-23T08.zst", "/logs/app.log"),
        ("/logs.1/app.log.bz2", "/logs.1/app.log"),
    ],
)
def test_the_names_of_a_rotation_have_a_stem(path: str, expected: str) -> None:
    """Numbers, dates and what compressing adds are no part of it."""
    assert expected == stem(path)


def test_compressed_files_named_on_the_command_line_are_merged(tmp_path: Path) -> None:
    """`run old.log.gz app.log` gives one stream."""
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(line(1, "one") + line(3, "three")))
    (tmp_path / "app.log").write_bytes(line(2, "two") + line(4, "four"))
    ship = Ship(["run", "old.log.gz", "app.log"], tmp_path, stdout=subprocess.PIPE)
    texts = [text.split()[1] for text in ship.process.stdout.read().splitlines()]
    assert ship.end() == 0
    assert texts == [b"one", b"two", b"three", b"four"]

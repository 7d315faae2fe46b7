"""Rotated files that were compressed: found again by what is inside, read at the place reached."""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import subprocess
import tracemalloc
from pathlib import Path

import pytest
import trio
import trio.testing
from follow_helpers import LOG, PACKERS, following, pack
from memory_disk import MemoryDisk
from pipeline_helpers import (
    START_NS,
    config,
    line,
    new_disk,
    now_line,
    of_file,
    output_lines,
    running,
)
from process_helpers import Ship, stamped, wait_until, write_config

from trio_ship.reader import packed as packed_module
from trio_ship.reader.content import open_content
from trio_ship.reader.packed import Packed
from trio_ship.reader.zstandard_frames import is_whole

GLOBS = ['["/logs/*.log"]', '["/logs/*"]']
PLENTY = 2**62
GZIP = shutil.which("gzip") or "gzip"


def rotate(disk: MemoryDisk, suffix: str) -> None:
    """Rotate as logrotate does, with `compress`: every older file is compressed."""
    for number in (4, 3, 2, 1):
        if disk.exists(f"{LOG}.{number}{suffix}"):
            disk.rename(f"{LOG}.{number}{suffix}", f"{LOG}.{number + 1}{suffix}")
    disk.rename(LOG, f"{LOG}.1")
    pack(disk, f"{LOG}.1", suffix)


def unpacked(suffix: str, data: bytes, most: int | None = None) -> Packed:
    """Return the content of a compressed file on a disk that moves at most `most` bytes at once."""
    disk = MemoryDisk()
    disk.max_transfer_bytes = most
    disk.write("/x" + suffix, data)
    content = open_content(disk, "/x" + suffix)
    assert isinstance(content, Packed)
    return content


@pytest.mark.parametrize("paths", GLOBS)
@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("rotations", [1, 2, 3])
async def test_r12_rotated_and_compressed_while_down(
    autojump_clock: trio.testing.MockClock, suffix: str, paths: str, rotations: int
) -> None:
    """A file read in part is continued in its compressed form, then those that came after it."""
    disk = new_disk()
    settings = config(paths=paths)
    written = []

    def put(text: str) -> None:
        written.append(text)
        disk.append(LOG, now_line(text))

    for life in range(3):
        async with running(disk, settings):
            for number in range(3):
                put(f"app {life} {number}")
                await trio.sleep(0.3)
            await trio.sleep(2)
        for turn in range(rotations):
            for number in range(3):
                put(f"app {life} down {turn} {number}")
            await trio.sleep(0.5)
            rotate(disk, suffix)
            await trio.sleep(0.5)
        put(f"app {life} new")
    async with running(disk, settings):
        await trio.sleep(5)
    assert output_lines(disk) == written


@pytest.mark.parametrize("paths", GLOBS)
@pytest.mark.parametrize("suffix", PACKERS)
async def test_r12_rotated_and_compressed_between_two_polls(
    autojump_clock: trio.testing.MockClock, suffix: str, paths: str
) -> None:
    """Generations that came, went and were compressed unseen are read, open or closed."""
    disk = new_disk()
    written = []

    def put(text: str) -> None:
        written.append(text)
        disk.append(LOG, now_line(text))

    async with running(disk, config(paths=paths)) as pipeline:
        for turn in range(6):
            put(f"app {turn} seen")
            await trio.sleep(2.03)
            if turn % 2:
                reader = pipeline._sources.readers[0]
                keep, reader._chains._keep = reader._chains._keep, 0
                reader._chains.close_quiet()
                reader._chains._keep = keep
            put(f"app {turn} not seen")
            await trio.sleep(0.001)
            for generation in range(turn % 3):
                rotate(disk, suffix)
                put(f"app {turn} generation {generation}")
                await trio.sleep(0.001)
            await trio.sleep(2)
        await trio.sleep(2)
    assert output_lines(disk) == written


@pytest.mark.parametrize("suffix", PACKERS)
async def test_r12_a_finished_file_is_not_read_again_when_it_is_compressed_later(
    autojump_clock: trio.testing.MockClock, suffix: str
) -> None:
    """Compressing what was delivered brings nothing new, now or after a restart."""
    disk = new_disk()
    settings = config(paths=GLOBS[1])
    for life in range(2):
        async with running(disk, settings):
            disk.append(LOG, now_line(f"app {life} 0"))
            await trio.sleep(3)
            disk.rename(LOG, f"{LOG}.{life}")
            disk.append(LOG, now_line(f"app {life} 1"))
            await trio.sleep(3)
            disk.write(f"{LOG}.{life}{suffix}", PACKERS[suffix](disk.read(f"{LOG}.{life}")))
            disk.remove(f"{LOG}.{life}")
            await trio.sleep(3)
            disk.rename(LOG, f"{LOG}.x{life}")
            disk.append(LOG, now_line(f"app {life} 2"))
            await trio.sleep(3)
    assert output_lines(disk) == [f"app {life} {n}" for life in range(2) for n in range(3)]


@pytest.mark.parametrize("suffix", PACKERS)
async def test_r12_the_copy_of_a_copytruncate_is_compressed_while_down(
    autojump_clock: trio.testing.MockClock, suffix: str
) -> None:
    """What was not read before a truncation is read from the compressed copy."""
    disk = new_disk()
    async with running(disk, config()):
        disk.append(LOG, now_line("app 0"))
        await trio.sleep(3)
    disk.append(LOG, now_line("app 1"))
    disk.write(f"{LOG}.1", disk.read(LOG))
    disk.truncate(LOG)
    pack(disk, f"{LOG}.1", suffix)
    disk.append(LOG, now_line("app 2"))
    async with running(disk, config()):
        await trio.sleep(4)
    assert output_lines(disk) == ["app 0", "app 1", "app 2"]


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("ends", [True, False])
async def test_r12_a_file_that_is_still_being_compressed_is_waited_for(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    suffix: str,
    ends: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """Half a compressed file waits until it is whole; one that never is, is read as it is."""
    disk = new_disk()
    rng = random.Random(3)
    texts = [f"app {number} {rng.getrandbits(400):x}" for number in range(3000)]
    async with running(disk, config()):
        disk.append(LOG, now_line(texts[0]))
        await trio.sleep(3)
        disk.append(LOG, b"".join(map(now_line, texts[1:])))
        whole = PACKERS[suffix](disk.read(LOG))
    disk.remove(LOG)
    disk.append(LOG, now_line("app new"))
    disk.write(f"{LOG}.1{suffix}", whole[: len(whole) // 2])
    async with running(disk, config()):
        await trio.sleep(20)
        assert output_lines(disk) == texts[:1]
        if ends:
            disk.append(f"{LOG}.1{suffix}", whole[len(whole) // 2 :])
            await trio.sleep(40)
        else:
            await trio.sleep(120)
    found = output_lines(disk)
    if ends:
        assert found == [*texts, "app new"]
    else:
        assert 1 < len(found) < len(texts)
        assert of_file(found, "app ")[:-2] == texts[: len(found) - 2]
        assert found[-1] == "app new"
        assert any("is cut short; what follows byte" in r.message for r in caplog.records)


@pytest.mark.parametrize("suffix", PACKERS)
def test_r12_reading_in_any_steps_gives_the_bytes_that_were_compressed(suffix: str) -> None:
    """Wherever a read begins and however long it is, the bytes are those of the log."""
    rng = random.Random(12)
    data = b"".join(line(n, f"{n} {rng.getrandbits(64):x}") for n in range(8000))
    half = len(data) // 2
    packed = PACKERS[suffix](data[:half]) + PACKERS[suffix](data[half:])
    content = unpacked(suffix, packed)
    assert content.measure() == len(data)
    assert content.fault == ""
    for _ in range(200):
        offset = rng.randrange(len(data))
        size = rng.choice([1, 1000, 100_000, len(data)])
        assert content.pread(size, offset) == data[offset : offset + size]
    memory = bytearray(500)
    assert content.readinto(memoryview(memory), len(data) - 300) == 300
    assert memory[:300] == data[-300:]


@pytest.mark.parametrize("suffix", PACKERS)
def test_r12_reads_that_bring_a_byte_at_a_time_bring_the_whole_file(suffix: str) -> None:
    """A read that falls short is not the end of a compressed file."""
    data = line(0, "one") + line(1, "two")
    content = unpacked(suffix, PACKERS[suffix](data), most=1)
    assert content.pread(1000, 0) == data
    assert (content.length, content.fault) == (len(data), "")


@pytest.mark.parametrize("suffix", PACKERS)
def test_r12_every_file_that_is_cut_short_is_known_as_such(suffix: str) -> None:
    """Whatever is missing at the end, the file is not taken for a whole one."""
    rng = random.Random(13)
    packed = PACKERS[suffix](rng.randbytes(2000) + bytes(300_000) + rng.randbytes(300))
    for length in range(4, len(packed)):
        content = unpacked(suffix, packed[:length])
        with pytest.raises(OSError, match="still being compressed"):
            content.settle(START_NS)
        content.settle(PLENTY)
        content.measure()
        assert content.fault == "is cut short", length
    assert unpacked(suffix, packed).measure() == 302_300


def test_r12_frames_that_are_skipped_and_foreign_bytes_behind_frames_are_passed_over() -> None:
    """Skippable frames count as frames; what is no frame ends the file."""
    frame = PACKERS[".zst"](b"some lines\n")
    skippable = bytes.fromhex("532a4d18") + (5).to_bytes(4, "little") + b"12345"

    def whole(data: bytes) -> bool:
        return is_whole(lambda size, offset: data[offset : offset + size])

    assert whole(skippable + frame + skippable)
    assert not whole(frame + skippable[:-1])
    assert whole(frame + b"something else")
    assert not whole(b"")


@pytest.mark.parametrize("suffix", PACKERS)
def test_r12_damage_ends_the_file_and_is_told(suffix: str) -> None:
    """What stands in front of damaged bytes is read, what follows is given up."""
    rng = random.Random(14)
    data = b"".join(line(n, f"{n} {rng.getrandbits(640):x}") for n in range(4000))
    packed = bytearray(PACKERS[suffix](data))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    content = unpacked(suffix, bytes(packed))
    length = content.measure()
    assert content.fault == "is damaged"
    assert length < len(data)
    assert data.startswith(content.pread(length + 1000, 0)[: length // 2])


@pytest.mark.parametrize("suffix", PACKERS)
def test_x06_a_bomb_is_unpacked_in_little_memory_and_only_so_far(
    monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Memory is that of one read; what unpacks to more than a stated ratio is not believed."""
    content = unpacked(suffix, PACKERS[suffix](bytes(64 << 20)))
    tracemalloc.start()
    try:
        assert content.measure() == 64 << 20
        assert content.pread(1000, 40 << 20) == bytes(1000)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(packed_module, "_BOMB_BYTES", 1 << 20)
    monkeypatch.setattr(packed_module, "_BOMB_RATIO", 100)
    bomb = unpacked(suffix, PACKERS[suffix](bytes(64 << 20)))
    assert bomb.measure() < 64 << 20
    assert bomb.fault == "unpacks to more than 100 times its size"


def test_r12_gzip_while_the_program_is_down(tmp_path: Path) -> None:
    """A log that `gzip` compressed between a kill and the next start is continued inside."""
    config_path = write_config(tmp_path, follow=True)
    log = tmp_path / "logs" / "app.log"
    log.write_bytes(b"".join(stamped(number, f"first {number}") for number in range(1000)))
    ship = Ship(["run", "-c", config_path], tmp_path)
    output = tmp_path / "out.log"
    wait_until(lambda: output.exists() and output.read_bytes().count(b"\n") > 500)
    ship.end(signal.SIGKILL)
    with log.open("ab") as file:
        file.writelines(stamped(2000 + number, f"second {number}") for number in range(1000))
    for number in (2, 1):
        rotated = log.with_name(f"app.log.{number}")
        log.rename(rotated)
        subprocess.run([GZIP, rotated], check=True)
        log.write_bytes(
            b"".join(stamped(5000 - 1000 * number + n, f"{number} {n}") for n in range(100))
        )
    again = Ship(["run", "-c", config_path], tmp_path)
    wait_until(lambda: output.read_bytes().count(b"\n") >= 2200)
    assert again.end(signal.SIGTERM) == 0
    texts = [text.split(b" ", 1)[1] for text in output.read_bytes().splitlines()]
    assert texts == [
        *(f"first {number}".encode() for number in range(1000)),
        *(f"second {number}".encode() for number in range(1000)),
        *(f"2 {number}".encode() for number in range(100)),
        *(f"1 {number}".encode() for number in range(100)),
    ]


async def test_r12_a_log_compressed_between_two_looks_holds_up_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its compressed form is not a copy to be told later: what came behind it is in time."""
    async with following() as logs:
        for turn in range(3):
            for number in range(20):
                logs.put(f"other {turn} {number}", path="/logs/other.log")
                logs.put(f"app {turn} {number}")
                await trio.sleep(0.05)
            content = logs.disk.read(LOG)
            logs.disk.remove(LOG)
            logs.disk.write(f"{LOG}.{turn}.gz", gzip.compress(content, mtime=0))
        await trio.sleep(3)
        assert logs.pipeline.statistics.late == 0

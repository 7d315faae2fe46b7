"""What a file stream does with what stands in its file already, and with a disk that fails."""

from __future__ import annotations

import errno
import os
import random

import pytest
import trio
import trio.testing
from memory_disk import Call, MemoryDisk

from trio_ship.errors import SinkError
from trio_ship.follow import footprint
from trio_ship.sinks import stream as module
from trio_ship.sinks.stream import FileStream

PATH = "/out/merged.log"
BEFORE = b"delivered\n"
TAIL = b"one\ntwo\nthree\n"


def opened(disk: MemoryDisk, data: bytes, offset: int, *, durable: int | None = None) -> FileStream:
    """Return a stream that goes on somewhere in a file."""
    disk.write(PATH, data)
    fd = disk.open(PATH, os.O_RDWR)
    return FileStream(disk, fd, PATH, offset, len(data), durable=durable)


def push(stream: FileStream, *slices: bytes) -> None:
    """Write slices."""
    stream.load(map(memoryview, slices))
    stream.push()


def short_writes(disk: MemoryDisk) -> None:
    """Have a disk take two bytes at a time; it gives as many as it is asked for."""

    def limit(call: Call) -> None:
        disk.max_transfer_bytes = 2 if call.name == "pwrite" else None

    disk.on_call = limit


def kept(disk: MemoryDisk) -> dict[str, bytes]:
    """Return what stands beside the output."""
    names = [name for name in disk.names("/out") if name != "merged.log"]
    return {name: disk.read(f"/out/{name}") for name in names}


@pytest.mark.parametrize("piece", [4, 1 << 20])
@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize(
    ("sent", "same"),
    [
        (TAIL, None),
        (TAIL[:6], None),
        (TAIL + b"four\n", None),
        (b"one\ntwo!\nthree\n", 7),
        (b"One\n", 0),
        (TAIL[:-1] + b" and more\n", len(TAIL) - 1),
    ],
    ids=["same", "less", "more", "middle", "first byte", "last byte"],
)
def test_d17_a_tail_stands_up_to_the_first_byte_that_differs(
    monkeypatch: pytest.MonkeyPatch, piece: int, sent: bytes, same: int | None, *, is_short: bool
) -> None:
    """Bytes that are cut are kept beside the output, whatever the disk moves at a time."""
    monkeypatch.setattr(module, "_PIECE", piece)
    disk = MemoryDisk()
    if is_short:
        short_writes(disk)
    stream = opened(disk, BEFORE + TAIL, len(BEFORE))
    slices = [sent[place : place + 5] for place in range(0, len(sent), 5)]
    push(stream, *slices)
    assert (stream.offset, stream.footprint) == (len(BEFORE + sent), footprint(slices[-1]))
    if same is None:
        assert disk.read(PATH) == BEFORE + sent + TAIL[len(sent) :]
        assert kept(disk) == {}
    else:
        assert disk.read(PATH) == BEFORE + sent
        assert kept(disk) == {f"merged.log.cut-{len(BEFORE) + same}": TAIL[same:]}
    assert stream.is_over_old == (same is None and len(sent) < len(TAIL))


def test_d17_what_is_cut_is_durable_before_it_is_cut() -> None:
    """A power loss in between leaves the bytes in one of both places, private to their owner."""
    disk = MemoryDisk()
    stream = opened(disk, BEFORE + TAIL, len(BEFORE))
    disk.sync()
    left: list[MemoryDisk] = []

    def lose_power(call: Call) -> None:
        if call.name == "ftruncate":
            left.extend(disk.after_power_loss(random.Random(seed)) for seed in range(6))

    disk.on_call = lose_power
    push(stream, b"other\n")
    name = f"merged.log.cut-{len(BEFORE) + 1}"
    assert [kept(one) for one in left] == [{name: TAIL[1:]}] * 6
    assert disk.stat(f"/out/{name}").mode & 0o777 == 0o600
    assert list(disk._opened) == [stream.fd]


def test_d17_what_was_cut_before_is_kept_too(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever cuts at the same place once more writes over nothing, and says where that is."""
    disk = MemoryDisk()
    for turn in range(3):
        push(opened(disk, b"%d old\n" % turn, 0), b"new\n")
    names = ("merged.log.cut-0", "merged.log.cut-0.1", "merged.log.cut-0.2")
    assert kept(disk) == {name: b"%d old\n" % turn for turn, name in enumerate(names)}
    said = [record.message for record in caplog.records]
    assert ["bytes 0 to 6 " in text for text in said] == [True] * 3
    assert [text.rpartition("/")[2] for text in said] == list(names)


@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize("piece", [4, 1 << 20])
@pytest.mark.parametrize("durable", [0, 4, len(TAIL)])
def test_d08_what_may_have_been_lost_before_is_written_again_once(
    monkeypatch: pytest.MonkeyPatch, durable: int, piece: int, *, is_short: bool
) -> None:
    """A sync that failed in an earlier process has left pages that count as clean and are not."""
    monkeypatch.setattr(module, "_PIECE", piece)
    disk = MemoryDisk()
    stream = opened(disk, TAIL[:durable], 0)
    disk.sync()
    stream = opened(disk, TAIL, len(TAIL), durable=durable)
    disk.fail("fsync", times=1)
    with pytest.raises(OSError, match="Input/output"):
        disk.fsync(stream.fd)
    if is_short:
        short_writes(disk)
    stream.sync()
    for seed in range(6):
        assert disk.after_power_loss(random.Random(seed)).read(PATH) == TAIL
    written = disk.count("pwrite")
    stream.sync()
    assert disk.count("pwrite") == written


def test_d08_only_what_is_not_durable_is_written_again() -> None:
    """Of a large output a failed sync costs what came since the last good one, not all."""
    disk = MemoryDisk()
    stream = opened(disk, b"", 0)
    disk.sync()
    push(stream, TAIL)
    stream.sync()
    assert disk.count("pwrite") == 1
    push(stream, b"four\n", b"five\n")
    disk.fail("fsync", times=2)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            stream.sync()
    disk.calls.clear()
    stream.sync()
    assert [call.name for call in disk.calls] == ["pread", "pwrite", "fsync"]
    for seed in range(6):
        assert disk.after_power_loss(random.Random(seed)).read(PATH) == TAIL + b"four\nfive\n"


def test_d08_a_sync_of_what_somebody_has_cut_comes_to_an_end() -> None:
    """Bytes that are gone cannot be written again, and no checkpoint waits for them."""
    disk = MemoryDisk()
    stream = opened(disk, TAIL, len(TAIL), durable=0)
    disk.truncate(PATH, 3)
    stream.sync()
    assert disk.read(PATH) == TAIL[:3]


@pytest.mark.parametrize(
    "name", ["ENOSPC", "EDQUOT", "EIO", "EROFS", "ESTALE", "EFBIG", "EACCES", "EBADF"]
)
async def test_d07_an_error_that_may_pass_is_waited_for(
    autojump_clock: trio.testing.MockClock, name: str
) -> None:
    """It is tried again every second, and goes on behind what was written; others end the run."""
    disk = MemoryDisk()
    disk.max_transfer_bytes = 6
    stream = opened(disk, b"", 0)
    disk.fail("pwrite", PATH, error=getattr(errno, name), times=3, after=1)
    if name in {"EACCES", "EBADF"}:
        with pytest.raises(SinkError, match=PATH):
            await stream.send(TAIL)
        assert trio.current_time() == 0
        return
    await stream.send(TAIL)
    assert trio.current_time() == 3
    assert disk.read(PATH) == TAIL


def test_slices_may_be_of_any_type_and_empty() -> None:
    """What a place is known by are the last bytes that stand there."""
    disk = MemoryDisk()
    stream = opened(disk, b"", 0)
    stream.load([memoryview(b"ab"), memoryview(b"cdefghij").cast("Q"), memoryview(b"")])
    stream.push()
    assert disk.read(PATH) == b"abcdefghij"
    assert (stream.offset, stream.footprint) == (10, footprint(b"cdefghij"))

"""Whatever stands behind standard output gets all bytes, and keeps nobody from stopping."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import trio

from trio_ship.sinks.stream import DescriptorStream

_SLICES = [bytes([number]) * size for number, size in enumerate((1, 70_000, 0, 300_000, 4097))]


@pytest.fixture(params=["", "refused"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run on the system as it is, and on one whose pipes must be waited for."""
    kind: str = request.param

    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    if kind == "refused":
        monkeypatch.setattr(os, "pwritev", refuse)
    return kind


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """Return both ends of a pipe; a test that closes one takes it out."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def _read_all(fd: int, found: list[bytes]) -> None:
    while data := os.read(fd, 1000):  # less than is written at once
        found.append(data)


async def test_a_pipe_gets_all_bytes_in_order(system: str, pipe: list[int]) -> None:
    """A reader that takes little at a time gets every slice, whole and in turn."""
    found: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(pipe[0], found))
    reader.start()
    stream = DescriptorStream(pipe[1])
    await stream.send_slices(map(memoryview, _SLICES))
    await stream.send(b"the end")
    os.close(pipe.pop())
    await trio.to_thread.run_sync(reader.join)
    assert b"".join(found) == b"".join([*_SLICES, b"the end"])


async def test_a_socket_gets_all_bytes_in_order() -> None:
    """So does whoever reads from a socket."""
    ours, theirs = socket.socketpair()
    found: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(theirs.fileno(), found))
    reader.start()
    with ours:
        await DescriptorStream(ours.fileno()).send_slices(map(memoryview, _SLICES))
    await trio.to_thread.run_sync(reader.join)
    theirs.close()
    assert b"".join(found) == b"".join(_SLICES)


async def test_a_file_is_written_without_asking_whether_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file takes a slice in one call, behind what stands there."""
    calls: list[int] = []
    write = os.write

    def count(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", count)
    with (tmp_path / "out").open("wb") as file:
        file.write(b"before ")
        file.flush()
        await DescriptorStream(file.fileno()).send_slices(map(memoryview, _SLICES))
    assert (tmp_path / "out").read_bytes() == b"before " + b"".join(_SLICES)
    assert [len(data) for data in _SLICES if data] == calls


async def test_a_reader_that_does_not_read_keeps_nobody_from_stopping(
    system: str, pipe: list[int]
) -> None:
    """Who waits for a full pipe notices a cancellation."""
    with trio.move_on_after(0.01) as scope:
        await DescriptorStream(pipe[1]).send(bytes(1 << 20))
    assert scope.cancelled_caught


async def test_a_reader_that_has_gone_away_is_told_of(system: str, pipe: list[int]) -> None:
    """Nobody can read any more: the stream is broken."""
    os.close(pipe.pop(0))
    with pytest.raises(anyio.BrokenResourceError):
        await DescriptorStream(pipe[0]).send(b"x")

"""Files that begin with much that has no stamp, or with a very long line."""

from __future__ import annotations

import gzip
import itertools

import pytest
import trio.testing
from pipeline_helpers import OUTPUT, config, line, new_disk, run_once, survive

HEADS = {
    "short lines": b"no stamp in here\n" * 10_000,
    "a long line": b"z" * 300_000 + b"\n",
    "a long line with a stamp": line(0, "z" * 300_000),
    "a header and a long line with a stamp": b"# of today\n" + line(0, "z" * 300_000),
    "nearly all of the file": b"no stamp in here\n" * 50_000,
}
APP = [line(second, "of app") for second in range(1, 3001, 2)]
OTHER = [line(second, "of other") for second in range(2, 3001, 2)]
MERGED = b"".join(itertools.chain.from_iterable(zip(APP, OTHER, strict=True)))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("budget", [65_536, 1_000_000, 67_108_864])
async def test_s16_where_stamps_begin_does_not_depend_on_where_rounds_end(
    autojump_clock: trio.testing.MockClock, head: str, budget: int
) -> None:
    """What has no stamp comes first, the rest in the order of time, whatever is read at once."""
    disk = new_disk()
    disk.write("/logs/app.log", HEADS[head] + b"".join(APP))
    disk.write("/logs/other.log", b"".join(OTHER))
    await run_once(disk, config(follow=False, pipeline=f"max_buffer_bytes = {budget}"))
    assert disk.read(OUTPUT) == HEADS[head] + MERGED


@pytest.mark.parametrize("budget", [65_536, 67_108_864])
async def test_s16_where_stamps_begin_in_a_compressed_file(
    autojump_clock: trio.testing.MockClock, budget: int
) -> None:
    """The same of a compressed file, in which it costs to go back."""
    disk = new_disk()
    disk.write("/logs/app.log.gz", gzip.compress(HEADS["a long line"] + b"".join(APP)))
    disk.write("/logs/other.log", b"".join(OTHER))
    settings = config(follow=False, pipeline=f"max_buffer_bytes = {budget}", paths='["/logs/*"]')
    await run_once(disk, settings)
    assert disk.read(OUTPUT) == HEADS["a long line"] + MERGED


async def test_stamps_are_looked_for_again_where_a_file_has_grown(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A run that begins behind lines without stamps finds those that were appended."""
    disk = new_disk()
    disk.write("/logs/app.log", HEADS["short lines"])
    await run_once(disk, config(follow=False))
    disk.append("/logs/app.log", b"".join(APP))
    disk.write("/logs/other.log", b"".join(OTHER))
    await run_once(disk, config(follow=False))
    assert disk.read(OUTPUT) == HEADS["short lines"] + MERGED


@pytest.mark.parametrize("head", HEADS)
async def test_s16_where_stamps_begin_does_not_depend_on_deaths(
    autojump_clock: trio.testing.MockClock, head: str
) -> None:
    """The same, where the program dies before the first stamp is read, and behind it."""
    disk = new_disk()
    disk.write("/logs/app.log", HEADS[head] + b"".join(APP))
    disk.write("/logs/other.log", b"".join(OTHER))
    settings = config(follow=False, pipeline="max_buffer_bytes = 65536", interval=0.001)
    died = await survive(disk, settings, [(calls, 100) for calls in range(60, 260, 20)])
    assert died >= 4
    assert disk.read(OUTPUT) == HEADS[head] + MERGED

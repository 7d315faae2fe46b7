"""Samples of large files, which say in what year stamps are that name none."""

from __future__ import annotations

import itertools
import os

import pytest
from memory_disk import MemoryDisk

from trio_ship.reader.content import Plain
from trio_ship.reader.samples import blocks

LARGE = (8 << 20) + 1


@pytest.mark.parametrize("width", [10, 1000, 30_000, 60_000])
def test_samples_of_a_large_file_are_whole_lines_from_its_first_to_its_last(width: int) -> None:
    """Few bytes are read where lines are short; where they are long, more."""
    lines = [(b"%09d" % number).ljust(width - 1) for number in range(LARGE // width + 1)]
    disk = MemoryDisk()
    disk.mkdir("/logs")
    disk.write("/logs/app.log", b"\n".join([*lines, b""]))
    size = disk.stat("/logs/app.log").size
    content = Plain(disk, disk.open("/logs/app.log", os.O_RDONLY))
    found = [block.splitlines() for block in blocks(content, "utf-8", 0, size)]
    assert len(found) == 512
    numbers = [int(line) for block in found for line in block]
    firsts = [int(block[0]) for block in found if block]
    assert firsts == sorted(firsts)
    assert (numbers[0], numbers[-1]) == (0, len(lines) - 1)
    assert {len(line) for block in found for line in block} == {width - 1}
    gaps = [after - before for before, after in itertools.pairwise(firsts)]
    assert max(gaps) * width <= size // 8
    assert len(numbers) * width <= 9 << 20 if width <= 1000 else len(numbers) <= 4 * len(lines)


def test_the_last_block_is_read_once_though_no_line_is_whole_in_it() -> None:
    """It goes up to the end already: nothing more could be found by reading it again."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    disk.write("/logs/app.log", b"short\n" * (LARGE // 6) + b"x" * 99_999)
    size = disk.stat("/logs/app.log").size
    content = Plain(disk, disk.open("/logs/app.log", os.O_RDONLY))
    disk.calls.clear()
    found = blocks(content, "utf-8", 0, size)
    assert [number for number, block in enumerate(found) if not block] == [509, 510, 511]
    # The two before it are looked at again for long lines.
    assert [call.name for call in disk.calls] == ["pread"] * (512 + 2)

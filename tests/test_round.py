"""Rounds: however a text is cut into reads, the same records come of it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from round_helpers import EIGHT, File, decode, read_in_rounds, read_whole

from trio_ship.batch import NO_STAMP, Flag
from trio_ship.decode.grouping import Grouping
from trio_ship.state import Position

SEEDS = st.integers(0, 2**32)


def _stamped(random: Random) -> bytes:
    second = f"08:00:0{random.randint(0, 9)}"
    if random.random() < 0.5:
        year = random.choice([2026, 2026, 2026, 2026, 2099])
        return f"{year}-11-23T{second}.12{random.randint(0, 9)}Z".encode()
    return f"Nov 23 {second}".encode()


def _text(random: Random, longest: int) -> bytes:
    """Return lines of every kind, with lengths around the limit."""
    lines = []
    for _ in range(random.randint(0, 14)):
        head = random.choice([b"", b"  at \xc3\xa9", _stamped(random), _stamped(random)])
        size = random.choice([0, 3, 10, random.randint(longest - 3, longest + 3), 3 * longest])
        body = (b" \xc3\xa9\xff2026-11-23T08:00:05.000Z" * (size // 24 + 1))[:size]
        lines.append(random.choice([head + body, head + body[: max(0, size - len(head))]]))
    ends = [random.choice([b"\n", b"\n", b"\r\n"]) for _ in lines]
    text = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    return text if random.random() < 0.5 else text.rstrip(b"\r\n")


@given(SEEDS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_r03_records_do_not_depend_on_how_files_are_read(
    seed: int,
    multiline: bool,  # noqa: FBT001  (Hypothesis gives it by name)
) -> None:
    """Rounds over several files, cut anywhere, give the records of one whole reading."""
    random = Random(seed)
    longest = random.randint(64, 100)
    files = [
        File(_text(random, longest), random.choice([0, 0, 1, -1]))
        for _ in range(random.randint(1, 4))
    ]
    rule = Grouping(mode="timestamp" if multiline else "off", longest=longest)
    read_in_rounds(files, random, rule)
    for file in files:
        assert file.found == read_whole(file.text, rule, file.decoder)
        assert b"".join(record.data for record in file.found) == file.text
        assert all(len(record.data) <= longest for record in file.found)
        keys = [record.key for record in file.found]
        stamps = [record.timestamp for record in file.found]
        assert keys == [max(stamps[: count + 1]) for count in range(len(stamps))]


@pytest.mark.parametrize("final", [False, True])
def test_r02_a_line_without_its_end_waits_unless_the_file_is_over(
    final: bool,  # noqa: FBT001  (pytest gives it by name)
) -> None:
    """Half a line is no record while it may grow; of a finished file it is one, flagged."""
    file = File(b"one\nhel", -1)
    decode([file], [7], Grouping(longest=64), final=final)
    records = [(record.data, record.flags) for record in file.found]
    half = [(b"hel", int(Flag.UNFINISHED))] if final else []
    assert records == [(b"one\n", 0), *half]
    assert file.position.offset == (7 if final else 4)


@pytest.mark.parametrize("size", [63, 64, 65, 127, 128, 129, 192])
@pytest.mark.parametrize("final", [False, True])
def test_r06_a_line_longer_than_the_limit_is_cut_and_the_next_is_unharmed(
    size: int,
    final: bool,  # noqa: FBT001  (pytest gives it by name)
) -> None:
    """Parts of a long line add up to it; only the parts before the last are flagged."""
    file = File(b"x" * (size - 1) + b"\n" + b"next\n", 0)
    decode([file], [len(file.text)], Grouping(longest=64), final=final)
    parts = file.found[:-1]
    assert [len(part.data) for part in parts] == [64] * (size // 64) + [size % 64] * (size % 64 > 0)
    assert [part.flags for part in parts[:-1]] == [int(Flag.PARTIAL)] * (len(parts) - 1)
    assert parts[-1].flags == 0
    assert file.found[-1].data == b"next\n"


def test_r06_a_cut_at_the_end_of_one_file_leaves_the_stamps_of_the_next() -> None:
    """A long line that is not over yet says nothing about the first line of another file."""
    first = File(b"x" * 64, 0)
    second = File(b"2026-11-23T08:00:00.000Z one\n", 0)
    decode([first, second], [64, 64], Grouping(longest=64), final=False, closing=True)
    assert [record.flags for record in first.found] == [int(Flag.PARTIAL)]
    assert first.position == Position(64, None, None, inside=True)
    assert [record.timestamp for record in second.found] == [EIGHT]


def test_s07_a_stamp_that_cannot_be_is_taken_for_none() -> None:
    """A line from 2099 keeps its place, is flagged, and moves nothing."""
    lines = [b"2026-11-23T08:00:00.000Z a\n", b"2099-11-23T08:00:00.000Z b\n", b" more\n"]
    lines.append(b"2026-11-23T08:00:01.000Z c\n")
    found = read_whole(b"".join(lines), Grouping(longest=200))
    assert [record.data for record in found] == [lines[0], lines[1] + lines[2], lines[3]]
    assert [record.flags for record in found] == [0, int(Flag.IMPOSSIBLE), 0]
    assert [record.timestamp for record in found] == [EIGHT, NO_STAMP, EIGHT + 10**9]
    assert [record.key for record in found] == [EIGHT, EIGHT, EIGHT + 10**9]


def test_s15_the_last_record_stays_open_until_a_stamp_or_the_end_of_its_wait() -> None:
    """Complete lines of the last record are held, and their key is the file's promise."""
    first, second = b"2026-11-23T08:00:00.000Z a\n", b"2026-11-23T08:00:01.000Z b\n more\n"
    file = File(first + second, 0)
    result = decode([file], [1000], Grouping(longest=200), final=False)
    assert [record.data for record in file.found] == [first]
    assert (result.held.tolist(), result.watermark.tolist()) == ([True], [EIGHT + 10**9])
    assert file.position == Position(len(first), EIGHT, EIGHT)
    result = decode([file], [1000], Grouping(longest=200), final=False, closing=True)
    assert [record.data for record in file.found] == [first, second]
    assert (result.held.tolist(), result.watermark.tolist()) == ([False], [EIGHT + 10**9])


def test_s15_lines_behind_a_record_that_has_left_are_one_record_flagged() -> None:
    """A continuation that came too late has the running maximum as its key."""
    first, late = b"2026-11-23T08:00:00.000Z a\n", b" at x\n at y\n"
    file = File(first, 0)
    decode([file], [1000], Grouping(longest=200), final=False, closing=True)
    file.text += late
    result = decode([file], [1000], Grouping(longest=200), final=False, closing=True)
    assert [record.data for record in file.found] == [first, late]
    assert (file.found[1].key, file.found[1].timestamp) == (EIGHT, NO_STAMP)
    assert result.batch.flags.tolist() == [int(Flag.CONTINUED)]


def test_s22_keys_go_on_from_the_maximum_of_the_file_before() -> None:
    """A new file of a chain begins with the running maximum that the old one left."""
    file = File(b"2026-11-23T08:00:00.000Z a\nb\n", 0, Position(0, EIGHT + 5))
    result = decode([file], [1000], Grouping(longest=200))
    assert [record.key for record in file.found] == [EIGHT + 5]
    assert [record.timestamp for record in file.found] == [EIGHT]
    assert result.watermark.tolist() == [EIGHT + 5]


def test_a_file_that_gives_nothing_keeps_its_promise() -> None:
    """Empty reads and half lines leave position and watermark where they were."""
    place = Position(0, EIGHT, EIGHT)
    files = [File(b"", 0, place), File(b"half", 0, place), File(b"\n", 0, place)]
    result = decode(files, [9, 9, 9], Grouping(longest=64), final=False)
    assert not len(result.batch)
    assert result.offset.tolist() == [0, 0, 0]
    assert result.watermark.tolist() == [EIGHT] * 3
    assert result.held.tolist() == [False, False, True]

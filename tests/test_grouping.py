"""Lines to records, by every rule: the same as a plain loop over lines, however files are read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from round_helpers import EIGHT, File, decode, read_in_rounds, read_whole

from trio_ship.batch import NO_STAMP, Flag
from trio_ship.decode.grouping import Grouping, Mode
from trio_ship.decode.patterns import LinePattern

LONGEST: Final = 64
SEEDS = st.integers(0, 2**32)
STAMP: Final = re.compile(rb"2026-11-23T08:00:0(\d)\.00(\d)Z ")
PATTERNS: Final[tuple[tuple[Mode, str], ...]] = (
    ("timestamp", ""),
    ("off", ""),
    ("indent", ""),
    ("start", r"^[A-Z]"),
    ("start", r"^\d+-"),
    ("continue", r"^\s|^}|^Caused by:"),
    ("end", r";$"),
    ("end", r"^}"),
)
RULES = st.sampled_from(PATTERNS)
MOST = st.sampled_from([None, None, 1, 2, 3])


def make(mode: Mode, pattern: str, most: int | None = None) -> Grouping:
    """Return a rule with the limits of these tests."""
    return Grouping(
        mode=mode,
        pattern=LinePattern(pattern) if pattern else None,
        longest=LONGEST,
        most_lines=most,
    )


@attrs.frozen
class Piece:
    """A line, or a part of one that was too long.

    Attributes:
        data: Its bytes.
        is_cut: Whether the line goes on behind it.
        is_rest: Whether the line has begun before it.
    """

    data: bytes
    is_cut: bool
    is_rest: bool

    @property
    def stamp(self) -> int | None:
        """Its stamp in nanoseconds since 1970."""
        found = None if self.is_rest else STAMP.match(self.data)
        if found is None:
            return None
        return EIGHT + int(found[1]) * 10**9 + int(found[2]) * 10**6


def pieces_of(text: bytes) -> Iterator[Piece]:
    """Yield the lines of a text."""
    for line in text.splitlines(keepends=True):
        for begin in range(0, len(line), LONGEST):
            part = line[begin : begin + LONGEST]
            yield Piece(part, begin + LONGEST < len(line), begin > 0)


def rule_of(mode: Mode, pattern: str) -> Callable[[Piece, bool], tuple[bool, bool]]:
    """Return what says of a line whether it begins or ends a record.

    It is asked in order, and told whether there has been a stamp.
    """

    def judge(piece: Piece, stamps: bool) -> tuple[bool, bool]:  # noqa: FBT001  (a fact)
        if mode == "timestamp":
            return piece.stamp is not None, not stamps
        if mode == "off":
            return True, True
        if mode == "indent":
            return piece.data[:1] not in {b" ", b"\t"}, False
        text = piece.data.removesuffix(b"\n").removesuffix(b"\r")
        matches = re.search(pattern.encode(), text) is not None
        if mode == "end":
            return False, matches
        return matches == (mode == "start"), False

    return judge


def model(text: bytes, mode: Mode, pattern: str, most: int | None) -> list[list[Piece]]:
    """Return the records of a text, line after line."""
    judge = rule_of(mode, pattern)
    records: list[list[Piece]] = []
    is_over, stamps = True, False
    for piece in pieces_of(text):
        stamps |= piece.stamp is not None
        begins, ends = judge(piece, stamps)
        size = sum(len(other.data) for other in records[-1]) if records else 0
        is_full = size + len(piece.data) > LONGEST or (records and len(records[-1]) == most)
        if is_over or begins or is_full:
            records.append([])
        records[-1].append(piece)
        is_over = ends or piece.is_cut
    return records


def text_of(random: Random) -> bytes:
    """Return lines of every kind."""
    lines = []
    for _ in range(random.randint(0, 16)):
        stamp = b"2026-11-23T08:00:0%d.00%dZ " % (random.randint(0, 9), random.randint(0, 9))
        head = random.choice(
            [stamp, stamp, b"Error", b"Caused by: x", b"  at x", b"\tat x", b"", b"{", b"}", b"x;"]
        )
        body = random.choice([b"", b"", b"abc", b"y;", b"z" * random.randint(30, 2 * LONGEST)])
        lines.append(head + body + random.choice([b"\n", b"\n", b"\n", b"\r\n"]))
    text = b"".join(lines)
    return text if random.random() < 0.5 else text.rstrip(b"\r\n")


@given(SEEDS, RULES, MOST)
@settings(max_examples=300, deadline=None)
def test_records_are_those_of_a_plain_loop(
    seed: int, rule: tuple[Mode, str], most: int | None
) -> None:
    """However a file is cut into rounds, beside others, each rule gives the model's records."""
    random = Random(seed)
    files = [File(text_of(random), 0) for _ in range(random.randint(1, 3))]
    read_in_rounds(files, random, make(*rule, most))
    for file in files:
        expected = model(file.text, *rule, most)
        assert [record.data for record in file.found] == [
            b"".join(piece.data for piece in record) for record in expected
        ]
        stamps = [
            next((piece.stamp for piece in record if piece.stamp is not None), NO_STAMP)
            for record in expected
        ]
        assert [record.timestamp for record in file.found] == stamps
        keys = [max(stamps[: count + 1]) for count in range(len(stamps))]
        assert [record.key for record in file.found] == keys


@given(SEEDS, RULES, MOST)
@settings(max_examples=300, deadline=None)
def test_s15_what_the_clock_has_cut_is_made_again_between_the_flags(
    seed: int, rule: tuple[Mode, str], most: int | None
) -> None:
    """The records up to the next one flagged come out of their range alone, whenever waits ended.

    A batch never holds a record and one behind it that is flagged, so that it
    can be made again from the ranges that it covered.
    """
    random = Random(seed)
    grouping = make(*rule, most)
    file = File(text_of(random), 0)
    read_in_rounds([file], random, grouping, closing=0.5)
    assert b"".join(record.data for record in file.found) == file.text
    begins = [number for number, record in enumerate(file.found) if record.continued]
    edges = [0, *(number for number in begins if number), len(file.found)]
    for first, stop in itertools.pairwise(edges):
        expected = file.found[first:stop]
        size = sum(len(record.data) for record in expected)
        again = File(file.text, 0)
        if first:
            again.position = file.found[first - 1].after
        again.text = file.text[: again.position.offset + size]
        decode([again], [size], grouping, closing=True)
        assert again.found == expected


@given(SEEDS, RULES, MOST)
@settings(max_examples=150, deadline=None)
def test_a_restart_anywhere_makes_the_same_records(
    seed: int, rule: tuple[Mode, str], most: int | None
) -> None:
    """Whoever goes on behind any record finds those that followed it."""
    random = Random(seed)
    grouping = make(*rule, most)
    text = text_of(random)
    found = read_whole(text, grouping)
    for number, record in enumerate(found):
        file = File(text, 0, record.after)
        if not file.is_over:
            read_in_rounds([file], random, grouping)
        assert file.found == found[number + 1 :]


def _held(rule: tuple[Mode, str], text: bytes) -> tuple[list[bytes], bool]:
    """Return the records of a file that may grow, and whether one stays open."""
    file = File(text, 0)
    result = decode([file], [len(text)], make(*rule), final=False)
    return [record.data for record in file.found], bool(result.held[0])


def test_the_last_record_stays_open_until_its_rule_ends_it() -> None:
    """Only a line that ends a record by itself lets it leave before the next one is there."""
    assert _held(("indent", ""), b"a\n b\n") == ([], True)
    assert _held(("indent", ""), b"a\n b\nc\n") == ([b"a\n b\n"], True)
    assert _held(("start", "^[a-z]"), b"a\n b\n") == ([], True)
    assert _held(("continue", "^ "), b"a\n b\n") == ([], True)
    assert _held(("end", ";$"), b"a\nb;\n") == ([b"a\nb;\n"], False)
    assert _held(("end", ";$"), b"a;\nb\n") == ([b"a;\n"], True)
    assert _held(("off", ""), b"a\n b\n") == ([b"a\n", b" b\n"], False)


@pytest.mark.parametrize("rule", PATTERNS)
def test_s15_half_a_line_never_leaves_with_its_record(rule: tuple[Mode, str]) -> None:
    """When the wait for more lines ends, what has no line end yet stays where it is."""
    file = File(b"2026-11-23T08:00:00.000Z a\n  at x", 0)
    decode([file], [100], make(*rule), final=False, closing=True)
    assert [record.data for record in file.found] == [b"2026-11-23T08:00:00.000Z a\n"]
    file.text += b".y()\n  at z\n"
    decode([file], [100], make(*rule), final=False, closing=True)
    rest = [record.data for record in file.found[1:]]
    assert rest[0].startswith(b"  at x.y()\n")
    assert b"".join(rest) == b"  at x.y()\n  at z\n"


def test_a_part_of_a_record_that_the_lines_are_too_many_for_is_one_too() -> None:
    """A record of too many lines goes on in others; none is lost, none is flagged as cut."""
    found = read_whole(b"a\n b\n c\n d\ne\n", make("indent", "", 3))
    assert [record.data for record in found] == [b"a\n b\n c\n", b" d\n", b"e\n"]
    assert [record.flags for record in found] == [0, 0, 0]


def test_a_stamp_that_cannot_be_leaves_its_place_to_another_of_the_record() -> None:
    """The first stamp that can be is the record's; it is flagged only if there is none."""
    text = b"2099-11-23T08:00:00.000Z a\n 2026\n2026-11-23T08:00:01.000Z b\n"
    grouping = attrs.evolve(make("end", "b$"), longest=200)
    found = read_whole(text, grouping)
    assert [(record.timestamp, record.flags) for record in found] == [(EIGHT + 10**9, 0)]
    found = read_whole(text[:30], grouping)
    assert [(record.timestamp, record.flags) for record in found] == [
        (NO_STAMP, int(Flag.IMPOSSIBLE | Flag.UNFINISHED))
    ]


def test_no_lines_give_no_records() -> None:
    """A round of half lines only has nothing to group, whatever the rule."""
    for rule in PATTERNS:
        file = File(b"", 0)
        result = decode([file], [0], make(*rule), final=False)
        assert (len(result.batch), result.held.tolist()) == (0, [False])
        assert np.array_equal(result.offset, [0])

"""What a change on disk means."""

from __future__ import annotations

from random import Random

import pytest
from core_helpers import Log
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trio_ship.follow import (
    HEAD,
    Candidate,
    Change,
    believed_time,
    fingerprint,
    foot_length,
    footprint,
    head_length,
    is_renamed,
    judge,
    matches_foot,
    matches_head,
    stem,
    successors,
)

PATH = "/log/app.log"
FOOT = 256
LONG = st.binary(max_size=1100)


@given(st.binary(max_size=1200), st.integers(0, 1200), st.integers(0, 1200))
@settings(max_examples=200, deadline=None)
def test_r20_a_file_that_grows_keeps_its_identity(text: bytes, early: int, late: int) -> None:
    """A fingerprint of any beginning matches the file however far it has grown since."""
    known = fingerprint(text[:early])
    grown = text[: max(early, late)]
    assert head_length(known) == min(early, len(text), HEAD)
    assert matches_head(known, grown[:HEAD])


@given(st.binary(min_size=1, max_size=1100), st.data())
@settings(max_examples=100, deadline=None)
def test_r18_another_beginning_is_another_file(text: bytes, data: st.DataObject) -> None:
    """One changed byte of the head, or a file that is shorter than it, does not match."""
    known = fingerprint(text)
    place = data.draw(st.integers(0, min(len(text), HEAD) - 1))
    other = bytearray(text)
    other[place] ^= 1
    assert not matches_head(known, bytes(other[:HEAD]))
    assert not matches_head(known, text[: min(len(text), HEAD) - 1])


@given(LONG, LONG, st.integers(1, 255))
@example(b"x" * (FOOT + 1), b"", 1)
@settings(max_examples=100, deadline=None)
def test_r16_a_place_is_known_by_the_bytes_in_front_of_it(
    before: bytes, older: bytes, change: int
) -> None:
    """Whatever stands further in front makes no difference, one changed byte does."""
    known = footprint(before)
    length = foot_length(known)
    assert length == min(len(before), FOOT)
    assert matches_foot(known, (older + before)[len(older + before) - length :])
    if length:
        assert not matches_foot(known, before[-length:-1] + bytes([before[-1] ^ change]))
    assert matches_foot("", older)
    assert not foot_length("")


def test_r20_prints_are_spelled_as_checkpoints_have_them() -> None:
    """Half of a SHA-256 (the example of FIPS 180) and a CRC-32 (its usual check value)."""
    assert fingerprint(b"abc") == "3:ba7816bf8f01cfea414140de5dae2223"
    assert footprint(b"123456789") == "9:cbf43926"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/log/app.log", "/log/app.log"),
        ("/log/app.log.2", "/log/app.log"),
        ("/log/app.log.2.gz", "/log/app.log"),
        ("/log/app.log.gz", "/log/app.log"),
        ("/log/app-20261123", "/log/app"),
        ("/log/app.log-2026-11-23T08.zst", "/log/app.log"),
        ("/log/7.gz", "/log/7"),
        ("/log/app.old", "/log/app.old"),
    ],
)
def test_r12_what_all_names_of_a_rotation_begin_with(path: str, expected: str) -> None:
    """Neither what compressing adds nor the number or date in front of that."""
    assert stem(path) == expected


def test_r19_a_fingerprint_covers_the_first_bytes_only() -> None:
    """What stands behind the head makes no difference; an empty file matches all."""
    assert fingerprint(b"x" * HEAD + b"a") == fingerprint(b"x" * HEAD + b"b")
    assert fingerprint(b"") == "0:"
    assert matches_head("0:", b"anything")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, Change.GONE),
        (Candidate(PATH, 1, 0, 10, 0), Change.SAME),
        (Candidate(PATH, 1, 0, 11, 0), Change.GREW),
        (Candidate(PATH, 1, 0, 9, 0), Change.SHRANK),
        (Candidate(PATH, 1, 5, 10, 0), Change.REPLACED),
        (Candidate(PATH, 2, 0, 10, 0), Change.REPLACED),
        (Candidate(PATH, 2, 0, 1, 0), Change.REPLACED),
    ],
)
def test_r23_identity_decides_before_size(seen: Candidate | None, expected: Change) -> None:
    """Device and inode say whether it is the file, its size what became of it."""
    assert judge(Log(0, "app", PATH).entry, 10, seen) is expected


def _names(
    *candidates: tuple[str, int],
    names: tuple[str, ...] = (PATH,),
    known: set[tuple[int, int]] | None = None,
) -> list[str]:
    seen = [Candidate(name, 1, number, 5, mtime) for number, (name, mtime) in enumerate(candidates)]
    Random(3).shuffle(seen)
    return [found.path for found in successors(names, 100, seen, known or set())]


def test_r11_generations_come_by_time_then_by_number() -> None:
    """The oldest is first; of equally old ones the higher number was rotated earlier."""
    assert _names((f"{PATH}.1", 300), (f"{PATH}.2", 200), (f"{PATH}.3", 100)) == [
        f"{PATH}.3",
        f"{PATH}.2",
        f"{PATH}.1",
    ]
    assert _names((f"{PATH}.2", 200), (f"{PATH}.10", 200), (f"{PATH}.1", 200)) == [
        f"{PATH}.10",
        f"{PATH}.2",
        f"{PATH}.1",
    ]


@pytest.mark.parametrize(
    "suffixes", [("-20261122", "-20261123"), (".2026-11-22", ".2026-11-23"), (".1795", ".1796")]
)
def test_r11_of_equally_old_dated_files_the_earlier_date_is_first(
    suffixes: tuple[str, str],
) -> None:
    """Dates count upwards, rotations downwards."""
    early, late = (PATH + suffix for suffix in suffixes)
    assert _names((late, 200), (early, 200)) == [early, late]


def test_r14_only_unknown_files_of_the_name_that_are_young_enough_count() -> None:
    """The path itself, known files, other names and files from before are none of them."""
    found = _names(
        (PATH, 200),
        (f"{PATH}.1", 200),
        (f"{PATH}.2", 99),
        ("/log/other.log.1", 200),
        (f"{PATH}.3", 200),
        known={(1, 4)},
    )
    assert found == [f"{PATH}.1"]


def test_r21_files_of_all_names_of_a_log_are_successors_of_one_another() -> None:
    """Copies bear the name that whoever rotates knows; time is before name, and names are none."""
    other = "/log/zoo.log"
    found = _names(
        (PATH, 300),
        (other, 300),
        (f"{other}.2", 200),
        (f"{other}.1", 250),
        (f"{other}.10", 200),
        (f"{PATH}.1", 225),
        names=(PATH, other),
    )
    assert found == [f"{other}.10", f"{other}.2", f"{PATH}.1", f"{other}.1"]


@pytest.mark.parametrize(
    ("mtime", "now", "expected"),
    [
        (0, 10**18, 10**18),
        (10**18, 10**18, 10**18),
        (9 * 10**17, 10**18, 9 * 10**17),
        (10**18 + 10**13, 10**18, 10**18 + 10**13),
        (2 * 10**18, 10**18, 10**18),
        (0, 5, 5),
    ],
)
def test_r30_a_time_that_cannot_be_is_now(mtime: int, now: int, expected: int) -> None:
    """Times of 1970 and of years to come are not believed; a day in front may be a wrong clock."""
    assert believed_time(mtime, now) == expected


@pytest.mark.parametrize(
    ("path", "size", "mtime_ns", "expected"),
    [
        ("/logs/app.log.2", 10, 7, True),
        ("/logs/old-app", 10, 7, True),
        ("/logs/app.log.2", 12, 9, True),
        ("/logs/app.log.2", 12, 7, True),
        ("/logs/app.log.2", 10, 9, True),
        ("/logs/app-20261123.log", 12, 9, True),
        ("/logs/app.1.log", 12, 9, True),
        ("/logs/app2.log.1", 12, 9, False),
        ("/logs/web.log.1", 12, 9, False),
        ("/logs/app.log.2", 9, 9, False),
        ("/logs/app.log.2", 12, 6, False),
        ("/logs/app.log.1.gz", 10, 7, False),
        ("/logs/app.log.1.gz", 12, 9, False),
    ],
)
def test_r18_what_has_the_inode_of_a_file_that_was_seen_is_not_always_it(
    *, path: str, size: int, mtime_ns: int, expected: bool
) -> None:
    """Unchanged, or written on under a name of the same log: that is a file that was renamed."""
    before = Candidate("/logs/app.log.1", 1, 5, 10, 7)
    assert is_renamed(before, Candidate(path, 1, 5, size, mtime_ns)) == expected

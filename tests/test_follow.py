"""What a change on disk means."""

from __future__ import annotations

from random import Random

import attrs
import pytest
from core_helpers import Log
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trio_ship.follow import (
    HEAD,
    Candidate,
    Change,
    begun_ns,
    believed_time,
    fingerprint,
    foot_length,
    footprint,
    head_length,
    is_renamed,
    is_taken,
    judge,
    matches_foot,
    matches_head,
    originals,
    stem,
    successors,
)
from trio_ship.state import Position

PATH = "/log/app.log"
LOG = Log(0, "app", PATH)
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
    assert judge(LOG.entry, 10, seen) is expected


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
    "suffixes",
    [
        ("-20261122", "-20261123"),
        (".2026-11-22", ".2026-11-23"),
        (".1795", ".1796"),
        (".1000.1", ".1000.2"),
    ],
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


def test_r12_a_compressed_file_waits_until_the_plain_one_is_gone() -> None:
    """Beside the file that it was made of it is not finished, or not needed."""
    names = (f"{PATH}.1", 300), (f"{PATH}.1.gz", 300), (f"{PATH}.2.gz", 200)
    assert _names(*names) == [f"{PATH}.2.gz", f"{PATH}.1"]


def test_r11_files_that_nothing_tells_apart_all_come() -> None:
    """Neither time nor number says which was first."""
    names = [f"{PATH}.old", f"{PATH}.save"]
    assert sorted(_names((names[0], 200), (names[1], 200))) == names


@pytest.mark.parametrize(
    ("generation", "head", "expected"),
    [(1, b"", 701), (1, b"x", 700), (2, b"", 700), (2, b"x", 700)],
)
def test_r21_copies_of_a_log_are_as_old_as_what_was_not_seen_of_it(
    generation: int, head: bytes, expected: int
) -> None:
    """An empty log that is met for the first time may have been copied, and cut, before."""
    entry = attrs.evolve(
        LOG.entry, generation=generation, fingerprint=fingerprint(head), changed_ns=700
    )
    assert begun_ns(entry) == expected


@pytest.mark.parametrize(
    ("path", "unpacked", "offset", "mtime_ns", "expected"),
    [
        (f"{PATH}.gz", 9, 9, 700, True),
        (PATH, 9, 9, 700, False),
        (f"{PATH}.gz", 9, 8, 700, False),
        (f"{PATH}.gz", 0, 0, 700, False),
        (f"{PATH}.gz", 9, 9, 701, False),
    ],
)
def test_r12_a_compressed_file_is_taken_when_all_of_it_was_and_it_has_not_changed(
    *, path: str, unpacked: int, offset: int, mtime_ns: int, expected: bool
) -> None:
    """Its length inside is known from the first time; its modification time vouches for it."""
    entry = attrs.evolve(LOG.entry, unpacked=unpacked, changed_ns=700)
    seen = Candidate(path, 1, 0, 5, mtime_ns)
    assert is_taken(entry, Position(offset), seen) == expected


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


@pytest.mark.parametrize(
    ("path", "logs"),
    [
        ("/logs/app-20261123.1.log.gz", ["/logs/app.log", "/logs/app-20261123.log"]),
        ("/logs/app_20261123T080001.log", ["/logs/app.log"]),
        ("/logs/20261123-0800-01-app.log.gz", ["/logs/app.log"]),
        ("/logs/app-1-2026.log", ["/logs/app.log", "/logs/app-1.log"]),
        ("/logs/app7.log", ["/logs/app.log"]),
        ("/logs/1/app.log", []),
        ("/logs/app-1-error.log", []),
        ("/logs/app.log.1", []),
    ],
)
def test_r12_a_date_or_number_inside_a_name(path: str, logs: list[str]) -> None:
    """What stands in front of the extension, or of all, may be what a rotation put there."""
    assert originals(path) == logs

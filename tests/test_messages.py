"""What is said to the operator: causes and remedies."""

from __future__ import annotations

import errno
import logging
import os
import pwd
import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from memory_disk import MemoryDisk

from trio_ship.batch import Kind
from trio_ship.config.model import SourceConfig, TimestampConfig
from trio_ship.diagnosis import Diagnosis, fitting_zone, likely_zone
from trio_ship.filesystem import Status
from trio_ship.notes import Note, misread_zone, refusal
from trio_ship.reader.decoders import Decoders

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("behind", "zone"),
    [
        ([2 * HOUR, 2 * HOUR + SECOND], "2 h 0 min behind"),
        ([-(5 * HOUR + HOUR // 2)], "5 h 30 min in front"),
        ([2 * HOUR, 3 * HOUR], None),
        ([2 * HOUR + 300 * SECOND], None),
        ([SECOND], None),
        ([400 * HOUR], None),
    ],
)
def test_s08_a_whole_number_of_quarter_hours_is_a_zone(behind: list[int], zone: str | None) -> None:
    """Stamps that are all off by the same quarter hours point to a time zone."""
    assert likely_zone(np.array(behind, np.int64)) == zone


@pytest.mark.parametrize(
    ("behind", "offset", "zone"),
    [
        (2 * HOUR, 0, "Etc/GMT+2"),
        (-2 * HOUR, 0, "Etc/GMT-2"),
        (2 * HOUR, 2 * HOUR, "UTC"),
        (-(5 * HOUR + HOUR // 2) + SECOND, 0, "Asia/Kolkata"),
        (HOUR // 4, 0, None),
        (13 * HOUR, 0, None),
    ],
)
def test_s08_the_zone_that_would_fit_is_named(behind: int, offset: int, zone: str | None) -> None:
    """The value for `timezone` makes such stamps agree with the clock."""
    assert fitting_zone(behind, offset) == zone
    if zone is not None:
        east = datetime.fromtimestamp(1_795_420_800, ZoneInfo(zone)).utcoffset()
        assert east is not None
        assert abs(east.total_seconds() * SECOND - (offset - behind)) < 20 * SECOND


def test_late_records_are_explained_once_per_source() -> None:
    """The first late batch of a source names the key that mends it, the next is silent."""
    batch = make_ordered(make_part([[Row(data=b"x\n", stamp=1000 * SECOND)]]), kind=Kind.LATE)
    diagnosis = Diagnosis()
    [sentence] = diagnosis.sentences(batch, 1000 * SECOND + 2 * HOUR)
    assert 'timezone = "Etc/GMT+2"' in sentence
    assert diagnosis.sentences(batch, 1000 * SECOND + 2 * HOUR) == []
    [sentence] = Diagnosis().sentences(batch, 1007 * SECOND)
    assert "max_delay_seconds" in sentence


@pytest.mark.parametrize(
    ("layout", "is_own"),
    [
        ("iso8601@0/T.3Z;auto", True),
        ("epoch@0/.3;auto", True),
        ("iso8601@0/ ,3;auto", False),
        ("syslog@0;auto", False),
        ("strptime@*/%d.%m.%y %H:%M:%S %z", True),
        ("strptime@*/%d.%m.%y %H:%M:%S", False),
    ],
)
def test_s08_stamps_that_name_their_zone_are_not_mended_by_the_configuration(
    layout: str,
    is_own: bool,  # noqa: FBT001  (a parameter of pytest)
) -> None:
    """Where stamps say their zone, `timezone` is not what would mend them."""
    part = make_part(
        [[Row(data=b"x\n", stamp=1000 * SECOND)]], files=[attrs.evolve(FILE, layout=layout)]
    )
    [sentence] = Diagnosis().sentences(
        make_ordered(part, kind=Kind.AHEAD), 1000 * SECOND - 2 * HOUR
    )
    assert "2 h 0 min in front" in sentence
    assert ("check the clock" in sentence, "set `timezone" in sentence) == (is_own, not is_own)


def test_records_that_are_left_out_are_explained_too() -> None:
    """What `late = "drop"` leaves out is said with the same remedies as what comes late."""
    batch = make_ordered(make_part([[Row(data=b"x\n", stamp=1000 * SECOND)]]), kind=Kind.DROPPED)
    batch = attrs.evolve(batch, rows=batch.rows[:0], dropped=batch.rows)
    [sentence] = Diagnosis().sentences(batch, 1000 * SECOND + 2 * HOUR)
    assert 'records come late; `late = "drop"` leaves them out' in sentence
    assert 'timezone = "Etc/GMT+2"' in sentence


def test_r25_permission_denied_names_owner_mode_and_group() -> None:
    """A file that may not be read is said with its owner, its mode and the group to join."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    disk.write("/logs/a.log", b"x\n")
    note = refusal(disk, "/logs/a.log", PermissionError(errno.EACCES, "Permission denied"))
    assert note.level == logging.WARNING
    for word in ("permission denied", "mode -rw"):
        assert word in note.text


@pytest.mark.parametrize(
    ("path", "mode", "gid", "remedy"),
    [
        ("/logs/a.log", 0o100640, 54321, "; join the group 54321 (usermod -aG 54321 {user}) to"),
        (
            "/logs/a.log",
            0o100600,
            54321,
            "; let its group read it (chmod g+r /logs/a.log) and join",
        ),
        (
            "/logs/a b",
            0o100640,
            0,
            "; let the user {user} read it (setfacl -m u:{user}:r '/logs/a b')",
        ),
        ("/logs", 0o40740, 54321, "; let its group read it (chmod g+rx /logs) and join the group"),
        ("/logs", 0o40750, 54321, "; join the group 54321"),
        ("/logs", 0o40700, 0, "; let the user {user} read it (setfacl -m u:{user}:rx /logs)"),
    ],
)
def test_r25_the_remedy_fits_what_is_refused(path: str, mode: int, gid: int, remedy: str) -> None:
    """A folder wants to be entered too; nobody is told to join the group of root."""

    class Owned(MemoryDisk):
        def stat(self, path: str) -> Status:  # noqa: ARG002  (all are the same)
            return Status(device=1, inode=2, size=3, mtime_ns=4, mode=mode, uid=0, gid=gid)

    user = pwd.getpwuid(os.geteuid()).pw_name
    denied = PermissionError(errno.EACCES, "Permission denied")
    assert remedy.format(user=user) in refusal(Owned(), path, denied).text


@pytest.mark.parametrize(
    ("given", "system", "expected"),
    [
        (None, "UTC", None),
        ("", "UTC", None),
        (":Asia/Tokyo", "Asia/Tokyo", None),
        ("EST5EDT,M3.2.0,M11.1.0", "EST5EDT", None),
        ("<+03>-3", "<+03>-3", None),
        ("Foo/Bar", "Foo/Bar", "TZ=Foo/Bar names no time zone, so .* TZ to a name such as"),
        ("UTC+", "UTC+", "TZ=UTC. names no time zone"),
        ("../../etc", "UTC", "names no time zone"),
        (":/no/such/file", "UTC", "TZ=:/no/such/file names no time zone"),
        ("Asia/Tokyo", "UTC", 'install tzdata, or set timestamp.timezone = "Asia/Tokyo" for'),
    ],
)
def test_a_zone_that_the_system_takes_for_utc_is_said(
    monkeypatch: pytest.MonkeyPatch, given: str | None, system: str, expected: str | None
) -> None:
    """What $TZ names is looked up, for the C library says nothing of what it does not know."""
    monkeypatch.setenv("TZ", system)
    time.tzset()
    try:
        note = misread_zone({} if given is None else {"TZ": given})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (note is None) == (expected is None)
    if note is not None and expected is not None:
        assert note.level == logging.WARNING
        assert re.search(expected, note.text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"2026-11-23 08:00:00,389 x\n", "; stamps without a zone are taken as Asia/Tokyo"),
        (b"2026-11-23T08:00:00+01:00 x\n", " (1 of 1 lines)"),
        (b"1795420802.295 x\n", " (1 of 1 lines)"),
    ],
)
def test_what_stamps_are_taken_for_is_said_with_the_zone_that_they_lack(
    line: bytes, expected: str
) -> None:
    """Where stamps name their zone themselves nothing is taken for granted."""
    source = SourceConfig(
        name="app", type="file", paths=("/a",), timestamp=TimestampConfig(timezone="Asia/Tokyo")
    )
    notes: list[Note] = []
    entry = attrs.evolve(FILE, path="/a", layout="")
    moment = 1_795_420_800 * SECOND
    Decoders(source, notes).recognise(entry, [line], mtime_ns=moment, blocks=lambda: [line])
    [note] = notes
    assert note.text.startswith("sources.app: /a: ")
    assert note.text.endswith(expected)

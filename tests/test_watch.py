"""The watcher's eyes."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import Call, MemoryDisk

from trio_ship.filesystem import Status
from trio_ship.follow import Candidate
from trio_ship.globs import matches
from trio_ship.look import Look, Problem
from trio_ship.reader.watch import Watch, kind_of
from trio_ship.report import Poll

SECOND = 1_000_000_000
BEGIN = 1_795_420_800 * SECOND
LONG_AGO_NS = BEGIN - 400 * 86_400 * SECOND


class _Eyes:
    """A watch over a disk, with one clock for both."""

    def __init__(self, *patterns: str, exclude: Sequence[str] = (), literal: bool = False) -> None:
        self.disk = MemoryDisk()
        self.now_ns = BEGIN
        self.disk.now_ns = lambda: self.now_ns
        self.watch = Watch(self.disk, patterns, exclude, literal=literal)

    def look(self, after: float = 10.0) -> Look:
        self.now_ns += round(after * SECOND)
        self.disk.calls.clear()
        return self.watch.look(Poll(wall_ns=self.now_ns, seconds=self.now_ns / SECOND))

    def changed(self, after: float = 10.0) -> list[str]:
        return sorted(self.look(after).changed)


def test_a_look_tells_only_what_has_changed() -> None:
    """A file is told when it is new, when it grew, and when it has gone; else not."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"one\n")
    eyes.disk.write("/log/b.log", b"")
    eyes.disk.write("/log/c.txt", b"")
    first = eyes.look()
    assert first.poll == Poll(wall_ns=eyes.now_ns, seconds=eyes.now_ns / SECOND)
    assert sorted(first.changed) == ["/log/a.log", "/log/b.log"]
    status = eyes.disk.stat("/log/a.log")
    seen = Candidate("/log/a.log", status.device, status.inode, 4, status.mtime_ns)
    assert first.changed["/log/a.log"] == seen
    assert eyes.changed() == []
    eyes.disk.append("/log/a.log", b"two\n")
    assert eyes.changed() == ["/log/a.log"]
    eyes.disk.write("/log/d.log", b"")
    assert eyes.changed() == ["/log/d.log"]
    eyes.disk.remove("/log/b.log")
    gone = eyes.look()
    assert gone.changed == {"/log/b.log": None}
    assert eyes.changed() == []


def test_a_renamed_file_is_seen_under_both_names() -> None:
    """After a rotation the name stands for the new file, and the old one is elsewhere."""
    eyes = _Eyes("/log/app.log*")
    eyes.disk.write("/log/app.log", b"one\n")
    eyes.look()
    eyes.disk.rename("/log/app.log", "/log/app.log.1")
    eyes.disk.write("/log/app.log", b"")
    assert eyes.changed() == ["/log/app.log", "/log/app.log.1"]


def test_an_unchanged_folder_is_not_listed_again_unless_it_is_young() -> None:
    """A folder changed just before its listing may change again within the same tick."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    eyes.look(0.5)
    assert eyes.disk.count("scandir") == 1
    eyes.look(0.5)
    assert eyes.disk.count("scandir") == 1
    eyes.look(5)
    assert eyes.disk.count("scandir") == 1
    eyes.look(5)
    assert eyes.disk.count("scandir") == 0
    eyes.disk.write("/log/b.log", b"")
    assert eyes.changed(5) == ["/log/b.log"]


def test_a_file_made_in_the_tick_of_a_listing_is_found() -> None:
    """Two changes that show the same time do not hide each other."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    assert eyes.changed(0) == ["/log/a.log"]
    eyes.disk.write("/log/b.log", b"")
    assert eyes.changed(0.25) == ["/log/b.log"]


def test_r30_a_folder_whose_time_never_changes_is_listed_once_a_minute() -> None:
    """New files in a folder that keeps an old time are found a minute later."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    eyes.disk.set_mtime("/log", LONG_AGO_NS)
    assert eyes.changed() == ["/log/a.log"]
    eyes.disk.write("/log/b.log", b"")
    eyes.disk.set_mtime("/log", LONG_AGO_NS)
    assert [eyes.changed() for _ in range(6)] == [[], [], [], [], [], ["/log/b.log"]]
    assert eyes.changed() == []
    assert eyes.disk.count("scandir") == 0


NAMES = ["a.log", "b.log", "x/a.log", "x/y/b.log", "x/y/.h/a.log", "z/a.log", "z/c.txt"]
PATTERNS = [
    "/d/*.log",
    "/d/**/*.log",
    "/d/*/a.log",
    "/d/**/a.log",
    "/d/x/**/b.log",
    "/d/[xz]/*",
    "/d/**",
    "/d/*/*/*.log",
]


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_looks_add_up_to_what_the_patterns_match(seed: int) -> None:
    """Whatever is made, written, moved or removed, the looks together tell the truth."""
    random = Random(seed)
    exclude = random.choice([[], ["/d/x/**"], ["/d/**/b.log"]])
    patterns = random.sample(PATTERNS, random.randint(1, 3))
    eyes = _Eyes(*patterns, exclude=exclude)
    known: dict[str, object] = {}
    there: set[str] = set()
    for _ in range(random.randint(1, 12)):
        name = f"/d/{random.choice(NAMES)}"
        if random.random() < 0.6:
            eyes.disk.append(name, b"x")
            there.add(name)
        elif there:
            other = random.choice(sorted(there))
            if random.random() < 0.5:
                eyes.disk.remove(other)
            else:
                eyes.disk.write(name, b"")
                eyes.disk.rename(other, name)
                there.add(name)
            if other != name or not _exists(eyes.disk, other):
                there.discard(other)
        if random.random() < 0.6:
            known |= eyes.look(random.choice([0, 0.1, 3])).changed
    known |= eyes.look(0).changed
    expected = {
        path
        for path in there
        if any(matches(pattern, path) for pattern in patterns)
        and not any(matches(pattern, path) for pattern in exclude)
    }
    found = {path: seen for path, seen in known.items() if seen is not None}
    assert found.keys() == expected
    for path, seen in found.items():
        status = eyes.disk.stat(path)
        assert isinstance(seen, Candidate)
        assert (seen.inode, seen.size) == (status.inode, status.size)


def _exists(disk: MemoryDisk, path: str) -> bool:
    try:
        disk.stat(path)
    except OSError:
        return False
    return True


def test_literal_names_hold_no_magic() -> None:
    """A file named on the command line may be called anything."""
    eyes = _Eyes("/log/[x]*.log", literal=True)
    eyes.disk.write("/log/[x]*.log", b"")
    eyes.disk.write("/log/x1.log", b"")
    assert eyes.changed() == ["/log/[x]*.log"]
    assert eyes.disk.count("scandir") == 0


def test_a_pattern_that_matches_nothing_is_told() -> None:
    """Missing folders and excluded files leave a pattern empty, until something is there."""
    eyes = _Eyes("/log/*.log", "/no/*/x.log", exclude=["/log/old*"])
    eyes.disk.write("/log/old.log", b"")
    assert eyes.look().empty == ("/log/*.log", "/no/*/x.log")
    eyes.disk.write("/no/such/x.log", b"")
    look = eyes.look()
    assert look.empty == ("/log/*.log",)
    assert list(look.changed) == ["/no/such/x.log"]


def test_a_path_that_leads_nowhere_is_told() -> None:
    """A path without a wildcard is missing until a file stands there; an excluded one never is."""
    eyes = _Eyes("/log/a.log", "/log/b.log", "/log/old.log", "/log/*.x", exclude=["/log/old*"])
    eyes.disk.write("/log/a.log", b"")
    assert eyes.look().missing == ("/log/b.log",)
    eyes.disk.write("/log/b.log", b"")
    eyes.disk.remove("/log/a.log")
    assert eyes.look().missing == ("/log/a.log",)


def test_a_file_where_a_folder_could_be_is_passed_over() -> None:
    """A pattern goes through folders only; what is no folder is no fault."""
    eyes = _Eyes("/log/*/now/*.log")
    eyes.disk.write("/log/a/now", b"")
    eyes.disk.write("/log/b/now/x.log", b"")
    look = eyes.look()
    assert list(look.changed) == ["/log/b/now/x.log"]
    assert look.unreadable == {}


def test_a_link_that_leads_back_up_ends_there() -> None:
    """`**` goes through links, but not round in circles."""
    eyes = _Eyes("/log/**/*.log")
    eyes.disk.write("/log/a/x.log", b"")
    eyes.disk.symlink("/log", "/log/a/up")
    assert eyes.changed() == ["/log/a/x.log"]


def test_a_folder_that_has_gone_does_not_cost_a_listing_every_time() -> None:
    """Only folders that are still there are asked for their time."""
    eyes = _Eyes("/log/**/*.log")
    eyes.disk.write("/log/a/x.log", b"")
    eyes.disk.write("/log/b/x.log", b"")
    eyes.look()
    eyes.disk.remove("/log/b")
    assert eyes.changed() == ["/log/b/x.log"]
    eyes.look()
    eyes.look()
    assert eyes.disk.count("scandir") == 0


def test_r24_what_is_no_file_is_a_problem_of_its_kind() -> None:
    """A pipe and a folder are named for what they are, once, and never opened."""
    eyes = _Eyes("/log/*.log", "/log/sub")
    eyes.disk.mkfifo("/log/pipe.log")
    eyes.disk.write("/log/sub/x", b"")
    assert eyes.look().changed == {
        "/log/pipe.log": Problem(None, "FIFO"),
        "/log/sub": Problem(None, "folder"),
    }
    assert eyes.disk.count("open") == 0


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (stat.S_IFREG, "file"),
        (stat.S_IFDIR, "folder"),
        (stat.S_IFIFO, "FIFO"),
        (stat.S_IFSOCK, "socket"),
        (stat.S_IFCHR, "device"),
        (stat.S_IFBLK, "device"),
    ],
)
def test_r24_every_kind_has_a_name(mode: int, kind: str) -> None:
    """Kinds are told by the type bits alone."""
    assert kind_of(Status(1, 1, 0, 0, mode | 0o644)) == kind


def test_r25_a_file_that_may_not_be_looked_at_is_told_once_and_again_when_it_may() -> None:
    """An error is a change like any other; the others go on."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    eyes.disk.write("/log/b.log", b"")
    eyes.disk.fail("stat", "/log/a.log", error=errno.EACCES, times=None)
    look = eyes.look()
    problem = look.changed["/log/a.log"]
    assert isinstance(problem, Problem)
    assert isinstance(problem.error, PermissionError)
    assert isinstance(look.changed["/log/b.log"], Candidate)
    assert eyes.changed() == []
    eyes.disk.heal()
    assert isinstance(eyes.look().changed["/log/a.log"], Candidate)


def test_r25_a_folder_that_cannot_be_listed_is_named_and_its_files_stay() -> None:
    """Files that were found go on while the folder is closed; new ones wait."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    assert eyes.look(0).unreadable == {}
    eyes.disk.fail("scandir", "/log", error=errno.EACCES, times=None)
    eyes.disk.append("/log/a.log", b"more\n")
    eyes.disk.write("/log/b.log", b"")
    look = eyes.look()
    assert list(look.unreadable) == ["/log"]
    assert list(look.changed) == ["/log/a.log"]
    eyes.disk.heal()
    assert eyes.changed() == ["/log/b.log"]


def test_r27_a_file_that_vanishes_between_listing_and_look_is_nothing() -> None:
    """No error is told; if it comes back it is seen."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")

    def vanish(call: Call) -> None:
        if call.name == "stat" and fnmatch.fnmatch(call.path, "*.log"):
            eyes.disk.on_call = None
            eyes.disk.remove("/log/a.log")

    eyes.disk.on_call = vanish
    look = eyes.look()
    assert look.changed == {"/log/a.log": None}
    assert look.unreadable == {}
    eyes.disk.write("/log/a.log", b"")
    assert isinstance(eyes.look().changed["/log/a.log"], Candidate)


def test_looks_that_nobody_took_up_are_joined() -> None:
    """The later look wins where both saw the same path."""
    eyes = _Eyes("/log/*.log")
    eyes.disk.write("/log/a.log", b"")
    eyes.disk.write("/log/b.log", b"")
    first = eyes.look()
    eyes.disk.remove("/log/a.log")
    second = eyes.look()
    both = second.after(first)
    assert both.poll == second.poll
    assert both.changed == {"/log/a.log": None, "/log/b.log": first.changed["/log/b.log"]}
    assert first.after(None) is first


def test_names_that_are_not_utf8_pass() -> None:
    """A path is whatever bytes the disk has."""
    name = os.fsdecode(b"/log/\xff.log")
    eyes = _Eyes("/log/*.log")
    eyes.disk.write(name, b"")
    assert eyes.changed() == [name]

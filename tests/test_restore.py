"""What is left, after a restart, of the files that a chain has had."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
import pytest
from follow_helpers import LOG, entry_of
from memory_disk import MemoryDisk
from pipeline_helpers import START_NS, line

from trio_ship.follow import fingerprint, footprint
from trio_ship.reader.chains import Chains
from trio_ship.reader.restore import restore
from trio_ship.reader.tails import ChainFiles
from trio_ship.state import FileEntry, Position

NOW = 100.0
OLD = b"".join(line(number, f"old {number}") for number in range(9))
NEW = b"".join(line(number, f"new {number}") for number in range(9))
LINE = len(OLD) // 9
Known = tuple[FileEntry, Position]


def known_file(disk: MemoryDisk, path: str, generation: int, lines: int) -> Known:
    """Return what a checkpoint has of a file of which so many lines were delivered."""
    data = disk.read(path)
    entry = attrs.evolve(
        entry_of(disk, path, generation),
        fingerprint=fingerprint(data),
        changed_ns=disk.stat(path).mtime_ns,
    )
    if not lines:
        return entry, Position()
    last_ns = START_NS + (lines - 1) * 10**9
    before = data[: lines * LINE]
    return entry, Position(len(before), last_ns, last_ns, footprint=footprint(before))


def restored(
    disk: MemoryDisk,
    files: Sequence[Known],
    *,
    others: Sequence[Known] = (),
    is_there: bool = True,
) -> tuple[Chains, ChainFiles]:
    """Take up a chain; `others` are recorded files of other chains."""
    number = itertools.count().__next__
    recorded = [*files, *others]
    chains = Chains(disk, "app", follow=True, number=number, recorded=recorded, keep=99)
    chains.wall_ns = START_NS
    restore(disk, chains, files, NOW, is_there=is_there, sighted={})
    return chains, chains.by_path[LOG]


def unread(chain: ChainFiles) -> list[tuple[str, int, int]]:
    """Return the files that are to be read: where they are, their generations, from which line."""
    return [
        (tail.entry.file, tail.entry.generation, tail.position.offset // LINE)
        for tail in chain.tails
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(5, 3, (1, 5)), (3, 5, (2, 5)), (4, 4, (2, 4)), (0, 0, (2, 0))],
)
def test_a_copy_that_was_met_twice_is_gone_on_with_where_it_was_read_furthest(
    first: int, second: int, expected: tuple[int, int]
) -> None:
    """As what a log was before it was cut, and as a file of its own: its lines come once."""
    disk = MemoryDisk()
    disk.write(f"{LOG}.1", OLD)
    disk.write(LOG, NEW)
    files = [
        known_file(disk, f"{LOG}.1", 1, first),
        known_file(disk, f"{LOG}.1", 2, second),
        known_file(disk, LOG, 3, 0),
    ]
    chains, chain = restored(disk, files)
    assert unread(chain) == [(f"{LOG}.1", *expected), (LOG, 3, 0)]
    assert chains.notes == []


def test_a_copy_found_after_its_log_was_met_comes_before_what_the_log_holds_now() -> None:
    """What was begun goes on first: lines of the log are never reordered."""
    disk = MemoryDisk()
    disk.write(f"{LOG}.1", OLD)
    disk.write(LOG, NEW)
    files = [known_file(disk, LOG, 1, 0), known_file(disk, f"{LOG}.1", 2, 4)]
    _, chain = restored(disk, files)
    assert unread(chain) == [(f"{LOG}.1", 2, 4), (LOG, 3, 0)]
    assert chain.generation == 3


def test_a_log_that_was_begun_stays_before_files_that_were_met_after_it() -> None:
    """Its place in the chain is as old as its first record that was delivered."""
    disk = MemoryDisk()
    disk.write(LOG, OLD)
    disk.write(f"{LOG}.new", NEW)
    files = [known_file(disk, LOG, 1, 2), known_file(disk, f"{LOG}.new", 2, 0)]
    _, chain = restored(disk, files)
    assert unread(chain) == [(LOG, 1, 2), (f"{LOG}.new", 2, 0)]


def test_a_renamed_file_that_was_read_to_its_end_is_not_begun_again() -> None:
    """The running maximum of its stamps goes on in the next file, or that would sort before it."""
    disk = MemoryDisk()
    disk.write(f"{LOG}.1", OLD)
    disk.write(LOG, NEW)
    files = [known_file(disk, f"{LOG}.1", 1, 9), known_file(disk, LOG, 2, 0)]
    chains, chain = restored(disk, files)
    assert unread(chain) == [(LOG, 2, 0)]
    assert chain.tails[0].position.max_ns == START_NS + 8 * 10**9
    assert chains.known.finished == {files[0][0].id: files[0][1]}


def test_the_last_file_of_a_chain_may_grow_though_it_was_read_to_its_end() -> None:
    """A log of which nothing is left to read is followed again all the same."""
    disk = MemoryDisk()
    disk.write(LOG, OLD)
    _, chain = restored(disk, [known_file(disk, LOG, 1, 9)])
    assert unread(chain) == [(LOG, 1, 9)]
    assert chain.tails[0].rotated_at is None


@pytest.mark.parametrize("is_there", [True, False])
def test_a_log_that_was_renamed_while_down_has_lost_its_name(*, is_there: bool) -> None:
    """It is let go when it is quiet; nothing waits behind it for a name that it has not."""
    disk = MemoryDisk()
    disk.write(LOG, OLD)
    files = [known_file(disk, LOG, 1, 2)]
    disk.rename(LOG, f"{LOG}.1")
    disk.set_mtime(f"{LOG}.1", START_NS - 7 * 10**9)
    _, chain = restored(disk, files, is_there=is_there)
    assert unread(chain) == [(f"{LOG}.1", 1, 2)]
    assert chain.tails[0].rotated_at == (NOW - 7 if is_there else NOW)


def test_a_file_of_which_nothing_is_left_is_said_if_it_was_the_last() -> None:
    """Lines behind its position may be lost; of older ones nothing was left to read."""
    disk = MemoryDisk()
    disk.write(f"{LOG}.1", OLD)
    disk.write(LOG, NEW)
    files = [known_file(disk, f"{LOG}.1", 1, 9), known_file(disk, LOG, 2, 2)]
    disk.remove(f"{LOG}.1")
    disk.remove(LOG)
    disk.write(LOG, b"another\n")
    chains, chain = restored(disk, files)
    assert chain.tails == []
    assert [note.text for note in chains.notes] == [
        f"{LOG} is gone or was truncated; whatever stood in it after byte {2 * LINE} cannot be read"
    ]
    assert (chain.generation, chain.max_ns) == (2, START_NS + 10**9)


def test_an_empty_log_whose_inode_is_anothers_now_is_not_found_in_it() -> None:
    """Everything begins like an empty file: the lines of another log would come twice."""
    disk = MemoryDisk()
    disk.write(LOG, b"")
    empty = known_file(disk, LOG, 1, 0)
    disk.rename(LOG, "/logs/app-web.log")
    disk.write("/logs/app-web.log", OLD)
    web, position = known_file(disk, "/logs/app-web.log", 1, 3)
    other = attrs.evolve(web, id="web", path="/logs/app-web.log"), position
    assert web.identity == empty[0].identity
    _, chain = restored(disk, [empty], others=[other])
    assert unread(chain) == []

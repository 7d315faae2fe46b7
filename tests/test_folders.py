"""Folders are listed once a look, however many of their files are asked for."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from memory_disk import MemoryDisk
from pipeline_helpers import config, line, new_disk, output_lines, running

from trio_ship.follow import Candidate
from trio_ship.reader.folders import Folders, Listing, beginnings
from trio_ship.reader.locate import find_by_identity
from trio_ship.state import FileEntry

FILES = 40


def _file(path: str, inode: int) -> Candidate:
    return Candidate(path, 1, inode, 10, 0)


def test_files_are_found_by_how_their_paths_begin_and_by_their_number() -> None:
    """A file with two names is found twice; a name that is a beginning of another, too."""
    files = [_file(f"/a/{name}", inode) for name, inode in [("b.1", 1), ("c", 2), ("b", 3)]]
    listing = Listing([*files, _file("/a/b-link", 1)])
    assert [seen.path for seen in listing] == ["/a/b", "/a/b-link", "/a/b.1", "/a/c"]
    assert [seen.path for seen in listing.beginning_with("/a/b")] == ["/a/b", "/a/b-link", "/a/b.1"]
    assert [seen.path for seen in listing.beginning_with("/a/b.")] == ["/a/b.1"]
    assert listing.beginning_with("/a/d") == []
    assert [seen.path for seen in listing.with_inode(1)] == ["/a/b-link", "/a/b.1"]
    assert listing.with_inode(4) == []
    assert listing.names_of("/a/b.1") == ["/a/b.1", "/a/b-link"]
    assert listing.names_of("/a/c") == ["/a/c"]
    assert listing.names_of("/a/b.") == ["/a/b."]


def test_all_beginnings_of_a_path() -> None:
    """The longest first, and never nothing at all."""
    assert list(beginnings("/ab")) == ["/ab", "/a", "/"]


def test_a_listing_stands_until_it_is_forgotten() -> None:
    """What comes later is seen then."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    disk.write("/logs/a", b"x")
    folders = Folders(disk)
    assert [seen.path for seen in folders["/logs"]] == ["/logs/a"]
    disk.write("/logs/b", b"x")
    assert [seen.path for seen in folders["/logs"]] == ["/logs/a"]
    folders.forget()
    assert [seen.path for seen in folders["/logs"]] == ["/logs/a", "/logs/b"]


@pytest.mark.parametrize("listed_first", ["/new", "/old"])
def test_r13_a_file_that_moves_between_two_listings_is_in_one_of_them(listed_first: str) -> None:
    """The folder to which files go is never listed before the one that they leave."""
    disk = MemoryDisk()
    for folder in ("/new", "/old"):
        disk.mkdir(folder)
    disk.write("/new/a", b"x")
    folders = Folders(disk)
    assert list(folders[listed_first]) == ([] if listed_first == "/old" else list(folders["/new"]))
    disk.replace("/new/a", "/old/a")
    found = [seen.path for listing in folders.of("/new", "/old") for seen in listing]
    assert found == (["/old/a"] if listed_first == "/old" else ["/new/a", "/old/a"])


def test_r09_a_file_that_was_renamed_again_since_the_listing_is_found() -> None:
    """A name that leads nowhere any more says that the listing is too old."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    disk.write("/logs/a.1", b"x")
    status = disk.stat("/logs/a.1")
    entry = FileEntry(
        id="0" * 16,
        source="app",
        path="/logs/a",
        file="/logs/a",
        device=status.device,
        inode=status.inode,
    )
    folders = Folders(disk)
    assert len(list(folders["/logs"])) == 1
    disk.replace("/logs/a.1", "/logs/a.2")
    found = find_by_identity(disk, entry, folders)
    assert found is not None
    assert (found.device, found.inode) == (status.device, status.inode)
    disk.unlink("/logs/a.2")
    assert find_by_identity(disk, entry, folders) is None


@pytest.mark.parametrize("rotation", ["rename", "copytruncate", "delete"])
async def test_r31_a_rotation_of_many_files_lists_their_folder_a_few_times(
    rotation: str, autojump_clock: trio.testing.MockClock
) -> None:
    """All logs of a folder are rotated between two looks, and written on."""
    assert autojump_clock.rate == 0
    disk = new_disk()
    paths = [f"/logs/{number:03}.log" for number in range(FILES)]
    for number, path in enumerate(paths):
        disk.write(path, line(0, f"{number} begins"))
    async with running(disk, config()):
        await trio.sleep(5)
        before = disk.count("scandir", "/logs")
        for number, path in enumerate(paths):
            if rotation == "rename":
                disk.replace(path, f"{path}.1")
                disk.write(path, line(5, f"{number} anew"))
            elif rotation == "copytruncate":
                disk.write(f"{path}.1", disk.read(path))
                disk.write(path, line(5, f"{number} anew"))
            else:
                disk.unlink(path)
        await trio.sleep(5)
        assert disk.count("scandir", "/logs") - before < FILES
    new = [] if rotation == "delete" else [f"{number} anew" for number in range(FILES)]
    expected = [*(f"{number} begins" for number in range(FILES)), *new]
    assert sorted(output_lines(disk)) == sorted(expected)

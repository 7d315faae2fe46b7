"""Tests of the checkpoint on disk: whatever dies, one whole generation is there."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest
from checkpoint_helpers import (
    AT,
    FOLDER,
    PATH,
    PREVIOUS,
    found,
    leftovers,
    started,
    state,
    store_on,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import Death, MemoryDisk

from trio_ship.checkpoint.store import Store
from trio_ship.errors import CheckpointError
from trio_ship.filesystem import Disk


def test_what_is_saved_is_loaded() -> None:
    """The newest generation is used without a word, and the one before it is kept."""
    disk = started(3)
    loaded = store_on(disk).load()
    assert (loaded.snapshot, loaded.notes) == (state(3), ())
    assert disk.names(FOLDER) == ["ship.checkpoint.toml", "ship.checkpoint.toml.previous"]
    disk.remove(PATH)
    assert found(disk) == 2
    assert disk.stat(PREVIOUS).mode & 0o777 == 0o600


def test_a_disk_that_takes_few_bytes_at_a_time_gets_them_all() -> None:
    """A checkpoint is whole, however many writes it takes."""
    disk = started(0)
    disk.max_transfer_bytes = 7
    store_on(disk).save(state(1), AT)
    assert found(disk) == 1


def test_no_checkpoint_is_a_fresh_start() -> None:
    """Where there is nothing, nothing is said."""
    loaded = store_on(started(0)).load()
    assert (loaded.snapshot, loaded.notes) == (None, ())


# --- death, power loss, errors --------------------------------------------------------


@pytest.mark.parametrize("saves", [0, 1, 2])
def test_c01_death_at_any_call_of_a_save(saves: int) -> None:
    """The old or the new generation is found, whole, and the next save works."""
    calls, outcomes = 0, set()
    while True:
        disk = started(saves)
        disk.die_after(calls, torn_bytes=calls % 50)
        try:
            store_on(disk).save(state(99), AT)
        except Death:
            disk.restart()
            outcomes.add(found(disk))
            again = store_on(disk)
            again.clean()
            assert leftovers(disk) == []
            again.save(state(100), AT)
            again.save(state(101), AT)
            assert found(disk) == 101
            assert leftovers(disk) == []
            calls += 1
        else:
            break
    assert calls > 5
    assert outcomes == {saves or None, 99}


@settings(max_examples=150, deadline=None)
@given(
    saves=st.integers(0, 3),
    calls=st.integers(0, 16),
    torn=st.integers(0, 400),
    seed=st.integers(0, 2**32),
)
def test_c02_power_loss_at_any_call(saves: int, calls: int, torn: int, seed: int) -> None:
    """Whatever was not synced is gone, one of the last generations is found and goes on."""
    disk = started(saves)
    store = store_on(disk)
    last = saves
    disk.die_after(calls, torn_bytes=torn)
    try:
        while True:
            store.save(state(last + 1), AT)
            last += 1
    except Death:
        disk = disk.after_power_loss(random.Random(seed))
    assert (found(disk) or 0) in {last, last + 1}
    store = store_on(disk)
    store.load()
    store.save(state(200), AT)
    assert found(disk) == 200


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize(
    "call", ["open", "fstat", "pwrite", "fsync", "close", "replace", "fsync_folder"]
)
def test_c06_an_error_in_a_save_is_raised_and_leaves_no_trace(call: str, error: int) -> None:
    """The error reaches the caller, nothing is left behind, and the next try works."""
    disk = started(2)
    store = store_on(disk)
    store.load()
    disk.fail(call, error=error)
    with pytest.raises(OSError, match=os.strerror(error)):
        store.save(state(3), AT)
    assert leftovers(disk) == []
    assert found(disk) in {2, 3}
    store.save(state(4), AT)
    disk.remove(PATH)
    assert found(disk) in {2, 3}


def test_c06_a_disk_that_becomes_full_keeps_the_old_generation() -> None:
    """A save that does not fit changes nothing."""
    disk = started(2)
    disk.capacity_bytes = sum(disk.stat(path).size for path in (PATH, PREVIOUS)) + 100
    with pytest.raises(OSError, match="No space left"):
        store_on(disk).save(state(3), AT)
    assert (found(disk), leftovers(disk)) == (2, [])


def test_a_disk_without_hard_links_keeps_two_generations() -> None:
    """Where a file cannot have two names, the rename alone does."""
    disk = started(2)
    disk.fail("link", error=errno.EPERM, times=None)
    store_on(disk).save(state(3), AT)
    assert found(disk) == 3
    disk.remove(PATH)
    assert found(disk) == 2


# --- the folder -----------------------------------------------------------------------


def test_c06_a_folder_that_can_be_used_is_left_as_it_was() -> None:
    """The trial leaves nothing."""
    disk = started(0)
    store_on(disk).check_folder()
    assert disk.names(FOLDER) == []


@pytest.mark.parametrize(
    ("call", "error", "remedy"),
    [
        ("scandir", errno.EACCES, "Permission denied; give this user the right"),
        ("open", errno.EROFS, "Read-only file system; make it writable"),
        ("pwrite", errno.ENOSPC, "No space left on device; make room"),
        ("fsync", errno.EIO, "Input/output error; mend it"),
    ],
)
def test_c06_a_folder_of_no_use_is_refused(call: str, error: int, remedy: str) -> None:
    """The folder, the reason and what mends it are said."""
    disk = started(0)
    disk.fail(call, error=error)
    with pytest.raises(CheckpointError, match=f"^{FOLDER}: .*{remedy}.*or choose another place"):
        store_on(disk).check_folder()
    assert disk.names(FOLDER) == []


def test_c06_a_missing_folder_is_refused() -> None:
    """It is said that it has to be made."""
    with pytest.raises(CheckpointError, match="No such file or directory; create it"):
        Store(MemoryDisk(), "/none/ship.checkpoint.toml", "ship").check_folder()


def test_c10_stale_temporary_files_of_ours_are_removed() -> None:
    """Only regular files of exactly our pattern go."""
    disk = started(1)
    stale = f"{FOLDER}/.ship.checkpoint.toml.0123456789abcdef.tmp"
    others = [
        f"{FOLDER}/.ship.checkpoint.toml.0123456789abcde.tmp",
        f"{FOLDER}/.ship_checkpoint.toml.0123456789abcdef.tmp",
        f"{FOLDER}/.other.checkpoint.toml.0123456789abcdef.tmp",
    ]
    for path in (stale, *others):
        disk.write(path, b"half")
    link = f"{FOLDER}/.ship.checkpoint.toml.1123456789abcdef.tmp"
    disk.symlink(PATH, link)
    store_on(disk).clean()
    assert not disk.exists(stale)
    assert all(disk.exists(path) for path in (*others, link, PATH))


def test_setting_aside_makes_a_fresh_start() -> None:
    """Both generations keep their bytes under new names, and none is overwritten."""
    disk = started(2)
    content = disk.read(PATH), disk.read(PREVIOUS)
    aside = f"{PATH}.ignored-20261123T080000Z"
    store = store_on(disk)
    assert store.set_aside(AT) == aside
    assert found(disk) is None
    assert (disk.read(aside), disk.read(f"{PREVIOUS}.ignored-20261123T080000Z")) == content
    store.save(state(8), AT)
    assert store.set_aside(AT) == f"{aside}-2"
    assert disk.read(aside) == content[0]
    assert store.set_aside(AT) is None


def test_setting_aside_may_fail() -> None:
    """A disk that does not rename is a refusal with its reason."""
    disk = started(1)
    disk.fail("replace", error=errno.EROFS)
    with pytest.raises(CheckpointError, match="cannot be set aside: Read-only file system"):
        store_on(disk).set_aside(AT)


# --- links, pipes, the real disk ------------------------------------------------------


def test_x01_links_and_pipes_are_refused() -> None:
    """What is no regular file is named at the start, whichever generation it is."""
    disk = started(0)
    disk.write("/elsewhere", b"theirs")
    disk.symlink("/elsewhere", PATH)
    with pytest.raises(CheckpointError, match=f"{PATH}: it is a symbolic link"):
        store_on(disk).load()
    with pytest.raises(OSError, match="it is a symbolic link"):
        store_on(disk).save(state(1), AT)
    disk.remove(PATH)
    disk.mkfifo(PATH)
    with pytest.raises(CheckpointError, match=f"{PATH}: it is not a regular file"):
        store_on(disk).load()
    disk.rename(PATH, PREVIOUS)
    with pytest.raises(CheckpointError, match=f"{PREVIOUS}: it is not a regular file"):
        store_on(disk).load()
    assert disk.read("/elsewhere") == b"theirs"


def test_the_real_disk_keeps_two_generations(tmp_path: Path) -> None:
    """Saving, loading, both generations and their modes on the machine's own disk."""
    path = tmp_path / "ship.checkpoint.toml"
    store = Store(Disk(), str(path), "ship")
    store.check_folder()
    for number in (1, 2, 3):
        store.save(state(number), AT)
    assert store.load().snapshot == state(3)
    path.write_bytes(b"")
    assert Store(Disk(), str(path), "ship").load().snapshot == state(2)
    names = sorted(os.listdir(tmp_path))
    assert names == ["ship.checkpoint.toml", "ship.checkpoint.toml.previous"]
    assert (tmp_path / names[1]).stat().st_mode & 0o777 == 0o600


def test_x01_a_planted_link_on_the_real_disk(tmp_path: Path) -> None:
    """The target of a link is neither read nor written."""
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    path = tmp_path / "ship.checkpoint.toml"
    path.symlink_to(target)
    store = Store(Disk(), str(path), "ship")
    with pytest.raises(CheckpointError, match="it is a symbolic link"):
        store.load()
    with pytest.raises(OSError, match="it is a symbolic link"):
        store.save(state(1), AT)
    assert target.read_bytes() == b"theirs"
    assert sorted(os.listdir(tmp_path)) == ["ship.checkpoint.toml", "target"]


def test_a_relative_path_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path without a folder means the working folder, for temporary files too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".s.toml.0123456789abcdef.tmp").write_bytes(b"")
    store = Store(Disk(), "s.toml", "ship")
    store.check_folder()
    store.clean()
    store.save(state(1), AT)
    assert os.listdir(tmp_path) == ["s.toml"]

"""Tests of what is found at the start: which generation is used, which is refused, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from checkpoint_helpers import AT, PATH, PREVIOUS, found, started, state, store_on
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import Death, MemoryDisk

from trio_ship.checkpoint import store as store_module
from trio_ship.errors import CheckpointError


def cut_at_table(data: bytes) -> bytes:
    """Cut a checkpoint so that it is still good TOML."""
    return data[: data.index(b"[sinks.c]")]


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda _: b"\n \n",
    lambda data: bytes(len(data)),
    lambda data: data[:100] + bytes(50) + data[150:],
    lambda data: data[: len(data) // 2],
    lambda data: data[:-2],
    lambda data: data[: data.index(b"pipeline")],
    cut_at_table,
    lambda data: b"\xff" + data,
    lambda _: b"a = " + b"[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_c03_a_damaged_generation_gives_way_to_the_previous(
    damage: Callable[[bytes], bytes],
) -> None:
    """It is said which one is used and why; the next save keeps the only good one."""
    disk = started(2)
    bad = damage(disk.read(PATH))
    disk.write(PATH, bad)
    store = store_on(disk)
    loaded = store.load()
    assert loaded.snapshot is not None
    assert loaded.snapshot.sequence == 1
    assert loaded.notes[0].startswith(f"{PATH}: it ")
    assert f"{PREVIOUS}: this previous generation is used" in loaded.notes[1]
    store.save(state(7), AT)
    assert (found(disk), disk.read(f"{PATH}.broken")) == (7, bad)
    disk.remove(PATH)
    assert found(disk) == 1


def test_c03_death_while_a_damaged_generation_makes_room() -> None:
    """The previous generation, then the only whole one, is never given up for a broken one."""
    for calls in range(30):
        disk = started(2)
        disk.write(PATH, b"")
        disk.die_after(calls)
        with contextlib.suppress(Death):
            store_on(disk).save(state(9), AT)
        disk.restart()
        assert found(disk) in {1, 9}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("previous", ["damaged", "missing"])
def test_c03_nothing_whole_is_refused(damage: Callable[[bytes], bytes], previous: str) -> None:
    """Both faults and the choices are said, and nothing is touched."""
    disk = started(2)
    bad = damage(disk.read(PATH))
    disk.write(PATH, bad)
    if previous == "damaged":
        disk.write(PREVIOUS, b"\0")
    else:
        disk.remove(PREVIOUS)
    with pytest.raises(CheckpointError) as caught:
        store_on(disk).load()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{PATH}: it ")
    assert lines[1].startswith(f"{PREVIOUS}: it ")
    assert "--ignore-checkpoint" in lines[2]
    assert disk.read(PATH) == bad


def test_c03_a_bad_sector_gives_way_to_the_previous() -> None:
    """A generation that the disk cannot read is damaged."""
    disk = started(2)
    disk.fail("pread", PATH, times=None)
    assert found(disk) == 1


def test_c16_a_missing_generation_is_no_fresh_start() -> None:
    """The previous one is used, and that is said."""
    disk = started(2)
    disk.remove(PATH)
    loaded = store_on(disk).load()
    assert loaded.notes[0] == f"{PATH}: it is missing"
    assert f"{PREVIOUS}: this previous generation is used" in loaded.notes[1]
    store_on(disk).save(state(5), AT)
    assert found(disk) == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"offset = 2", b"offset = 1", "it was changed since it was saved"),
        (b"offset = 2", b"offset = = 1", "it was changed since it was saved.*it is not TOML"),
        (b"version = 1", b"version = 2", "version: it is 2, saved by a newer trio-ship"),
        (b'"ship"', b'"barge"', "pipeline: it belongs to 'barge', and this one is 'ship'"),
        (b"version = 1\n", b"", "it is not a checkpoint of trio-ship"),
    ],
)
def test_c04_changed_and_foreign_checkpoints_are_refused(
    old: bytes, new: bytes, message: str
) -> None:
    """They are refused although the previous generation is good, and not touched."""
    disk = started(2)
    bad = disk.read(PATH).replace(old, new, 1)
    disk.write(PATH, bad)
    with pytest.raises(CheckpointError, match=message) as caught:
        store_on(disk).load()
    assert "--ignore-checkpoint" in str(caught.value)
    assert disk.read(PATH) == bad


def edited(disk: MemoryDisk, old: bytes, new: bytes) -> None:
    """Change a checkpoint as a person does who knows how."""
    body = disk.read(PATH).replace(old, new, 1).rpartition(b"# sha256:")[0]
    disk.write(PATH, body + b"# edited\n")


def test_c04_an_edited_checkpoint_is_used() -> None:
    """The last line `# edited` says that the change was meant."""
    disk = started(2)
    edited(disk, b"sequence = 2", b"sequence = 17")
    assert found(disk) == 17


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"offset = 2", b"offset = -2", "sinks.a.offset: it must be .*, found -2"),
        (b"offset = 2", b"offset = 'x", "it is not TOML"),
        (b"sequence = 2", b"x = " + b"[" * 50_000, "it is nested too deep"),
        (b'pipeline = "ship"', b"", "pipeline: is missing"),
    ],
)
def test_c04_a_wrong_edit_is_refused_with_its_key(old: bytes, new: bytes, message: str) -> None:
    """The fault is named, and the previous generation is not used in silence."""
    disk = started(2)
    edited(disk, old, new)
    with pytest.raises(CheckpointError, match=message):
        store_on(disk).load()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_c04_any_bytes_are_loaded_or_refused(data: st.DataObject) -> None:
    """Whatever a checkpoint holds, only a good one is taken for the newest."""
    disk = started(2)
    good = disk.read(PATH)
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, len(good)))
    bad = good[:start] + data.draw(st.binary(max_size=8)) + good[stop:]
    disk.write(PATH, bad)
    try:
        loaded = store_on(disk).load()
    except CheckpointError:
        return
    assert loaded.snapshot == state(1) or bad.rstrip() == good.rstrip()


def test_x09_a_checkpoint_beyond_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as damaged after the limit's bytes, and none such is ever written."""
    disk = started(2)
    store = store_on(disk)
    disk.append(PATH, b"#" * 1000)
    monkeypatch.setattr(store_module, "MAX_BYTES", 1000)
    assert "more than 1000 bytes" in store.load().notes[0]
    monkeypatch.setattr(store_module, "MAX_BYTES", 100)
    with pytest.raises(OSError, match="may have 100 bytes"):
        store.save(state(3), AT)

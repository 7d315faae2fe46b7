"""Saved state that somebody changed or made up: used, refused or passed over, never believed."""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import os
import stat
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import trio
from checkpoint_helpers import AT
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_helpers import adopted
from memory_disk import MemoryDisk
from process_helpers import stamped, write_config

import trio_ship
from trio_ship.batch import Kind
from trio_ship.checkpoint.document import from_document, to_document
from trio_ship.checkpoint.journal import Journal
from trio_ship.checkpoint.recovery import last_output, read_journal, recover
from trio_ship.config import load_config
from trio_ship.cut import common_start
from trio_ship.errors import CheckpointError, SinkError
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

JOURNAL = "ship.checkpoint.toml.out.journal"
STATE = SinkState(path="/out", device=5, inode=7, offset=100)
NEW = {"id": "1" * 16, "source": "app", "path": "/b", "file": "/b", "device": 1, "inode": 3}
KNOWN = FileEntry(id="0" * 16, source="app", path="/a", file="/a", device=1, inode=2)
CUT = Snapshot(
    sequence=3,
    last_key=OrderKey(7, "app", "/a", 1, 5),
    files={KNOWN.id: KNOWN},
    positions={KNOWN.id: Position(10, 7, 7)},
    sinks={"out": STATE},
)
LINES: list[dict[str, Any]] = [
    {"journal": 2, "boot": "boot", "device": 5, "inode": 7, "offset": 100},
    {
        "file": {
            "id": "1" * 16,
            "source": "app",
            "path": "/b",
            "file": "/b",
            "device": 1,
            "inode": 3,
        }
    },
    {"output": {"path": "/out", "device": 5, "inode": 7, "offset": 100}, "durable": False},
    {
        "sequence": 4,
        "kind": Kind.IN_ORDER.value,
        "before": 100,
        "after": 120,
        "key": [8, "app", "/b", 1, 9],
        "moves": [
            ["1" * 16, 20, 8, 8, False, "", 8],
            [KNOWN.id, 15, 8, None, False, "7:0123abcd", 8],
        ],
    },
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**53, 2**63, 2**64, 10**400, -1]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["\0", "/\0", "../..", "late", "0" * 16, "\ud800", "x" * 5000]),
    st.sampled_from([[], {}, [[]], [{}], {"a": 1}]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where everything in a value stands."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def with_odd(value: Any, place: tuple[Any, ...], odd: object) -> Any:
    """Return a copy of a value in which something odd stands at a place."""
    changed = inner = copy.deepcopy(value)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return changed


def damage(data: st.DataObject, value: Any) -> None:
    """Change, take away or add something somewhere."""
    *path, last = data.draw(st.sampled_from(sorted(places(value), key=str)))
    for key in path:
        value = value[key]
    what = data.draw(st.sampled_from(["change", "change", "remove", "rename"]))
    if what == "change":
        value[last] = data.draw(ODD)
    else:
        removed = value.pop(last)
        if what == "rename" and isinstance(value, dict):
            value[f"{last}x"] = removed


def line(value: object) -> bytes:
    """Return a value as a line of a journal."""
    text = json.dumps(value).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def recovered(journal: bytes) -> int:
    """Do with a journal what a start does; return how many batches are adopted."""
    lines = read_journal(journal, STATE, "boot")
    assert isinstance(last_output(lines, STATE), SinkState)
    found = recover(lines, CUT, "out", 10**6)
    assert found.cut.positions.keys() <= found.cut.files.keys()
    assert all(known.offset < 2**63 for known in found.cut.positions.values())
    to_document(common_start(CUT, {"out": found.cut}), pipeline="ship", saved_at=AT)
    return adopted(found)


def test_d17_the_journal_of_these_tests_is_one() -> None:
    """Undamaged, it is adopted."""
    assert recovered(b"".join(map(line, LINES))) == 1


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_d17_a_forged_journal_is_adopted_or_passed_over(data: st.DataObject) -> None:
    """Lines whose checksum is right and whose content is not end the journal, and nothing else."""
    lines = copy.deepcopy(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        damage(data, lines)
    recovered(b"".join(map(line, lines)))


@pytest.mark.parametrize("odd", [None, True, -1, 2**64, 1.5, "x", "\0", [], {}, [7]], ids=repr)
def test_d17_odd_values_anywhere_in_the_journal(odd: object) -> None:
    """What is of another kind than it should be is adopted or passed over, wherever it stands."""
    for place in places(LINES):
        recovered(b"".join(map(line, with_odd(LINES, place, odd))))


@pytest.mark.parametrize("text", [b"[" * 100_000, b"9" * 10_000, b"\xff", b"NaN", b"", b"[]", b"7"])
@pytest.mark.parametrize("place", [0, 1])
def test_d17_a_line_of_the_journal_that_is_no_table(text: bytes, place: int) -> None:
    """Whatever JSON or not JSON stands behind a right checksum, it is passed over."""
    good = b"".join(map(line, LINES[:place]))
    assert recovered(good + b"%08x %s\n" % (zlib.crc32(text), text)) == 0


def test_d17_a_journal_says_nothing_of_files_that_nobody_knows() -> None:
    """A batch of a file without a description is not adopted."""
    assert recovered(line(LINES[0]) + line(LINES[3])) == 0


@pytest.mark.parametrize(("key", "value"), [("id", "x"), ("fingerprint", "x"), ("inode", -1)])
def test_d17_a_file_in_the_journal_that_cannot_be(key: str, value: object) -> None:
    """Its line ends the journal, as it would be refused in the checkpoint."""
    lines = [LINES[0], {"file": {**NEW, key: value}}, *LINES[2:]]
    assert recovered(b"".join(map(line, lines))) == 0


def test_d17_what_the_journal_writes_it_reads() -> None:
    """No line that the program itself makes is taken for a forged one."""
    disk = MemoryDisk()
    disk.write("/state/x", b"")
    journal = Journal(disk, "/state/journal", "boot")
    journal.begin(CUT, STATE)
    journal.append_output(STATE, is_durable=True)
    assert len(read_journal(disk.read("/state/journal"), STATE, "boot")) == 1


@cache
def document() -> dict[str, Any]:
    """Return the document of a checkpoint."""
    return to_document(CUT, pipeline="ship", saved_at=AT)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_c04_a_changed_checkpoint_is_used_or_refused_with_its_key(data: st.DataObject) -> None:
    """Whatever is changed, the result can be saved again, or one printable line says why not."""
    changed = copy.deepcopy(document())
    for _ in range(data.draw(st.integers(1, 3))):
        damage(data, changed)
    try:
        snapshot = from_document(changed, pipeline="ship")
    except CheckpointError as error:
        assert len(str(error)) < 500  # noqa: PT017 - whether it is raised depends on the data
        return
    again = tomli_w.dumps(to_document(snapshot, pipeline="ship", saved_at=AT))
    assert "\\u0000" not in again


@pytest.mark.parametrize("odd", [True, -1, 2**64, 1.5, "x", "\0", [], {}, [7]], ids=repr)
def test_c04_odd_values_anywhere_in_a_checkpoint(odd: object) -> None:
    """What is of another kind than it should be is used or refused, wherever it stands."""
    for place in places(document()):
        with contextlib.suppress(CheckpointError):
            from_document(with_odd(document(), place, odd), pipeline="ship")


@pytest.mark.parametrize("key", ["path", "path_bytes"])
def test_c04_a_path_with_a_nul_is_refused(key: str) -> None:
    """No system call takes one."""
    changed = copy.deepcopy(document())
    del changed["sinks"]["out"]["path"]
    changed["sinks"]["out"][key] = "/\0" if key == "path" else "2f00"
    with pytest.raises(CheckpointError, match=f"sinks.out.{key}: it must be a path.*no NUL"):
        from_document(changed, pipeline="ship")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder where a configuration has run once, and there is more to ship."""
    write_config(tmp_path, follow=False)
    log = tmp_path / "logs" / "a.log"
    log.write_bytes(stamped(1, "one"))
    run(tmp_path)
    with log.open("ab") as file:
        file.write(stamped(2, "two"))
    return tmp_path


def run(folder: Path) -> None:
    """Run what the configuration of a folder says."""
    trio.run(trio_ship.run, load_config(folder / "ship.toml"))


def forged(folder: Path) -> bytes:
    """Return a journal that leads the sink to another file."""
    precious = folder / "precious"
    precious.write_bytes(b"somebody's own\n")
    state = precious.stat()
    head = json.loads((folder / JOURNAL).read_bytes().splitlines()[0][9:])
    place = {"path": str(precious), "device": state.st_dev, "inode": state.st_ino, "offset": 0}
    return line(head) + line({"output": place, "durable": True})


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_x01_a_journal_of_somebody_else_in_a_folder_of_everybody_is_not_read(folder: Path) -> None:
    """Where everybody may make files, nobody else's journal decides where records go."""
    journal = folder / JOURNAL
    journal.write_bytes(forged(folder))
    os.chown(journal, 12345, 12345)
    folder.chmod(0o1777)
    run(folder)
    assert (folder / "precious").read_bytes() == b"somebody's own\n"
    assert (folder / "out.log").read_bytes() == stamped(1, "one") + stamped(2, "two")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


@pytest.mark.parametrize("call", ["open", "pread"])
async def test_d06_a_journal_that_cannot_be_read_just_now_is_not_passed_over(call: str) -> None:
    """A start that would have to guess what the journal knows does not begin."""
    disk = MemoryDisk()
    disk.write("/logs/a.log", stamped(1, "one"))
    config = trio_ship.parse_config(
        """
        [pipeline]
        follow = false
        [sources.app]
        type = "file"
        paths = ["/logs/*.log"]
        [sinks.out]
        type = "file"
        path = "/out.log"
        """,
        file="/state/ship.toml",
    )
    disk.mkdir("/state")
    await trio_ship.Pipeline(config, disk=disk).run()
    disk.fail(call, f"/state/{JOURNAL}", error=errno.EIO, times=None)
    with pytest.raises(SinkError, match=f"{JOURNAL}: cannot be read: Input/output error"):
        await trio_ship.Pipeline(config, disk=disk).run()
    assert disk.read("/out.log") == stamped(1, "one")

"""The memory of files that a source has met, and whose they are after an edit."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable

import attrs
import pytest
import trio
import trio.testing
from follow_helpers import LOG, Logs, entry_of, reusing
from memory_disk import Call, MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    START_NS,
    config,
    line,
    new_disk,
    output_lines,
    run_once,
    running,
    until_death,
)

from trio_ship.config import Config, parse_config
from trio_ship.follow import fingerprint, footprint
from trio_ship.reader.claims import assign, handed_over
from trio_ship.reader.known import KnownFiles
from trio_ship.state import FileEntry, Position, Snapshot

DAY = 86_400
DAY_NS = DAY * 10**9
ONCE = config(follow=False)


def _outlived(
    known: KnownFiles, now_ns: int, needed: set[str]
) -> tuple[list[FileEntry], list[str]]:
    """Check at another look."""
    known.folders.forget()
    return known.outlived(now_ns, needed)


def test_r12_a_compressed_copy_is_the_form_of_the_file_that_was_read_further() -> None:
    """A log that was cut before a byte of it was read has nothing to do with it any more."""
    disk = MemoryDisk()
    content = b"".join(line(number, f"app {number}") for number in range(40))
    disk.write(LOG, b"")
    disk.write(f"{LOG}.1", content)
    head = fingerprint(content)
    log = attrs.evolve(entry_of(disk, LOG, 1), fingerprint=head)
    copy = entry_of(disk, f"{LOG}.1", 2, chain=f"{LOG}.1")
    copy = attrs.evolve(copy, fingerprint=head)
    disk.remove(f"{LOG}.1")
    disk.write(f"{LOG}.1.gz", gzip.compress(content, mtime=0))
    read = Position(len(content), footprint=footprint(content))
    known = KnownFiles(disk, [(log, Position()), (copy, read)])
    assert known.packed_form(log, Position()) is None
    found = known.packed_form(copy, read)
    assert found is not None
    assert found.path == f"{LOG}.1.gz"


@pytest.mark.parametrize("paths", ['["/logs/*.log"]', '["/logs/*"]'])
async def test_r12_a_compressed_log_that_nobody_here_may_read_does_not_hold_up_the_next(
    autojump_clock: trio.testing.MockClock, paths: str
) -> None:
    """Its owner may be set a moment later; then the log goes on without, and nothing twice."""
    logs = Logs(new_disk())
    async with running(logs.disk, config(paths=paths)):
        logs.put("app 0")
        await trio.sleep(3)
    form = f"{LOG}.1.gz"
    logs.disk.write(form, gzip.compress(logs.disk.read(LOG)))
    logs.disk.fail("open", form, error=errno.EACCES, times=None)
    logs.disk.remove(LOG)
    logs.put("app 1")
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(30)
        assert output_lines(logs.disk) == logs.written
        logs.disk.heal()
        await trio.sleep(30)
    logs.check()


def test_c07_entries_of_files_that_are_gone_leave_after_a_day() -> None:
    """Rotated files leave a day after they were missed, a chain's last after thirty."""
    disk = MemoryDisk()
    disk.mkdir("/logs")
    recorded = []
    for number in range(1, 11):
        disk.write(f"{LOG}.{number}", b"x")
        recorded.append((entry_of(disk, f"{LOG}.{number}", number), Position(1)))
    known = KnownFiles(disk, recorded)
    assert _outlived(known, START_NS, set()) == ([], [])
    for number in range(1, 11):
        disk.remove(f"{LOG}.{number}")
    changed, forgotten = _outlived(known, START_NS, set())
    assert [entry.gone_ns for entry in changed] == [START_NS] * 10
    assert forgotten == []
    assert _outlived(known, START_NS + DAY_NS - 1, set()) == ([], [])
    _, forgotten = _outlived(known, START_NS + DAY_NS, {recorded[0][0].id})
    assert forgotten == [f"{number:016x}" for number in range(2, 10)]
    _, forgotten = _outlived(known, START_NS + 30 * DAY_NS, set())
    assert forgotten == [f"{number:016x}" for number in (1, 10)]


def test_c07_a_file_that_is_there_again_stays() -> None:
    """A disk that was not there for a while costs no position; the time begins anew."""
    disk = MemoryDisk()
    for name in (f"{LOG}.1", LOG):
        disk.write(name, b"x")
    recorded = [
        (entry_of(disk, f"{LOG}.1", 1), Position(1)),
        (entry_of(disk, LOG, 2), Position(1)),
    ]
    known = KnownFiles(disk, recorded)
    disk.rename("/logs", "/elsewhere")
    changed, _ = _outlived(known, START_NS, set())
    assert len(changed) == 2
    disk.rename("/elsewhere", "/logs")
    changed, forgotten = _outlived(known, START_NS + 2 * DAY_NS, set())
    assert [entry.gone_ns for entry in changed] == [None, None]
    assert forgotten == []


def rename(disk: MemoryDisk, turn: int) -> None:
    """Rotate by renames; two old logs are kept."""
    if disk.exists(f"{LOG}.1"):
        disk.rename(f"{LOG}.1", f"{LOG}.2")
    disk.rename(LOG, f"{LOG}.1")


def copy(disk: MemoryDisk, turn: int) -> None:
    """Rotate by a copy and a truncation; one old log is kept."""
    disk.write(f"{LOG}.1", disk.read(LOG))
    disk.truncate(LOG)


def remove(disk: MemoryDisk, turn: int) -> None:
    """Remove the log."""
    disk.remove(LOG)


@pytest.mark.parametrize(
    ("rotate", "disk"),
    [(rename, MemoryDisk), (copy, MemoryDisk), (remove, MemoryDisk), (remove, reusing)],
)
async def test_c07_many_rotations(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    rotate: Callable[[MemoryDisk, int], None],
    disk: type[MemoryDisk],
) -> None:
    """Entries do not pile up, whether or not the inodes of removed logs are used again."""
    monkeypatch.setattr("trio_ship.reader.watcher._POLL_SECONDS", 900.0)
    monkeypatch.setattr("trio_ship.reader.watcher._POLL_SECONDS_MOST", 900.0)
    logs = Logs(new_disk(disk()))
    async with running(logs.disk, config(interval=3600)) as pipeline:
        for turn in range(150):
            logs.put(f"app {turn}")
            await trio.sleep(2700)
            rotate(logs.disk, turn)
        assert len(pipeline.snapshot.files) < 50
        await trio.sleep(3600)
    logs.check()


async def test_c07_one_shot_runs_twice_a_day(autojump_clock: trio.testing.MockClock) -> None:
    """The day of a file that is gone is counted across runs, each of them short."""
    logs = Logs(new_disk())
    for turn in range(20):
        logs.put(f"app {turn}")
        pipeline = await run_once(logs.disk, ONCE)
        rename(logs.disk, turn)
        await trio.sleep(DAY / 2)
    assert len(pipeline.snapshot.files) < 8
    assert output_lines(logs.disk) == logs.written


TEXT = f"""
[pipeline.checkpoint]
interval_seconds = 5
[sources.app]
type = "file"
paths = ["/logs/*.log"]
[sinks.merged]
type = "file"
path = "{OUTPUT}"
"""
EDITS = {
    "renamed source": ("sources.app", "sources.web"),
    "other keys": ('paths = ["/logs/*.log"]', 'paths = ["/logs/*.log"]\nmax_delay_seconds = 2'),
    "other pattern": ("/logs/*.log", "/logs/*"),
    "second source": (
        "[sinks.",
        '[sources.more]\ntype = "file"\npaths = ["/more/*"]\n[sinks.',
    ),
    "shared out": (
        'paths = ["/logs/*.log"]',
        'paths = ["/logs/a*.log"]\n[sources.b]\ntype = "file"\npaths = ["/logs/b*.log"]',
    ),
    "second sink": ("[sinks.", '[sinks.second]\ntype = "file"\npath = "/out/2.log"\n[sinks.'),
}


def text_config(text: str) -> Config:
    """Return the configuration of a text."""
    return parse_config(text, file="/etc/ship/ship.toml")


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("removed", [False, True])
async def test_c08_an_edit_of_the_configuration_keeps_positions(
    autojump_clock: trio.testing.MockClock, edit: str, *, removed: bool
) -> None:
    """Positions belong to files: whatever reads them now goes on, and back again."""
    logs = Logs(new_disk())
    for number, text in enumerate((TEXT, TEXT.replace(*EDITS[edit]), TEXT)):
        logs.put(f"app {number} down")
        logs.put(f"b {number} down", path="/logs/b.log")
        async with running(logs.disk, text_config(text)):
            logs.put(f"app {number}")
            await trio.sleep(3)
            logs.disk.rename(LOG, f"{LOG}.1")
            logs.put(f"app {number} new")
            await trio.sleep(3)
        if removed:
            logs.disk.remove(f"{LOG}.1")
    logs.check()


async def test_c08_a_source_that_is_renamed_after_a_kill_in_the_middle_of_a_write(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What was torn is finished from its files before anything else comes, whoever reads them."""
    logs = Logs(new_disk())
    disk = logs.disk

    def die(call: Call) -> None:
        if call.name == "stat" and call.path == OUTPUT:
            disk.on_call = None
            disk.die_after(1, 40)  # behind the line of the journal

    async with until_death(disk, text_config(TEXT)):
        await trio.sleep(3)
        disk.on_call = die
        logs.put("app 0", "app 1")
    assert len(disk.read(OUTPUT)) == 40
    disk.append("/logs/b.log", line(0, "b 0"))
    logs.written.append("b 0")
    async with running(disk, text_config(TEXT.replace(*EDITS["renamed source"]))):
        await trio.sleep(5)
    assert disk.names("/out") == ["merged.log"]
    logs.check()


def test_c08_what_is_orphaned_goes_to_one_source() -> None:
    """Of two sources that match a file one goes on with it: the first that has not read it."""
    file = FileEntry(id="a", source="old", path=LOG, file=LOG, device=1, inode=1)
    rotated = attrs.evolve(file, id="b", generation=2)
    own = attrs.evolve(file, id="c", source="one")
    covers: dict[str, Callable[[str], bool]] = {
        "none": lambda _: False,
        "one": lambda _: True,
        "two": lambda _: True,
    }
    assert assign([file, rotated], covers) == {"a": "one", "b": "one"}
    assert assign([file, rotated, own], covers) == {"a": "two", "b": "two", "c": "one"}
    assert assign([own, file], covers) == {"a": "two", "c": "one"}
    assert assign([file], {"none": covers["none"]}) == {}


def test_c08_of_one_path_a_source_takes_over_what_one_other_has_read() -> None:
    """Two sources have read a log and are gone: what takes over both would have two positions."""
    file = FileEntry(id="a", source="old", path=LOG, file=LOG, device=1, inode=1)
    read_too = attrs.evolve(file, id="b", source="older")
    elsewhere = attrs.evolve(file, id="c", source="older", path="/logs/b.log")
    covers = {"one": lambda _: True, "two": lambda path: path == LOG}
    assert assign([file, read_too, elsewhere], covers) == {"a": "one", "b": "two", "c": "one"}
    assert assign([file, read_too], {"one": covers["one"]}) == {"a": "one"}


def test_c08_a_source_that_does_not_match_its_file_any_more_hands_it_on() -> None:
    """Patterns may be exchanged between two sources: positions go where the files are read."""
    file = FileEntry(id="a", source="one", path=LOG, file=LOG, device=1, inode=1)
    covers = {"one": lambda path: path != LOG, "two": lambda path: path == LOG}
    assert assign([file], covers) == {"a": "two"}


def test_c09_what_nobody_asks_for_leaves_after_thirty_days() -> None:
    """What a source goes on with is its own at once; of others it is kept when they were left."""
    file = FileEntry(id="own", source="app", path=LOG, file=LOG, device=1, inode=1)
    files = [
        file,
        attrs.evolve(file, id="taken over", source="old", gone_ns=1),
        attrs.evolve(file, id="just left", source="old"),
        attrs.evolve(file, id="left", source="old", gone_ns=START_NS - 30 * DAY_NS + 1),
        attrs.evolve(file, id="too long", source="old", gone_ns=START_NS - 30 * DAY_NS),
    ]
    before = Snapshot(
        sequence=7,
        files={entry.id: entry for entry in files},
        positions={entry.id: Position(number) for number, entry in enumerate(files)},
    )
    after = handed_over(before, {"own": "app", "taken over": "app"}, START_NS)
    assert after == attrs.evolve(
        before,
        files={
            "own": file,
            "taken over": attrs.evolve(files[1], source="app"),
            "just left": attrs.evolve(files[2], gone_ns=START_NS),
            "left": files[3],
        },
        positions={"own": Position(0), "taken over": Position(1)}
        | {"just left": Position(2), "left": Position(3)},
    )


@pytest.mark.parametrize(("days", "is_kept"), [(1, True), (29, True), (31, False)])
async def test_c09_a_source_that_is_taken_out_and_put_back(
    autojump_clock: trio.testing.MockClock, days: int, *, is_kept: bool
) -> None:
    """Its positions are kept for thirty days."""
    logs = Logs(new_disk())
    logs.disk.write("/other/x.log", line(0, "other"))
    without = TEXT.replace("/logs", "/other").replace("sources.app", "sources.x")
    logs.put("app 0", "app 1")
    async with running(logs.disk, text_config(TEXT)):
        await trio.sleep(3)
    async with running(logs.disk, text_config(without)):
        await trio.sleep(3)
    await trio.sleep(days * DAY)
    async with running(logs.disk, text_config(without)):
        await trio.sleep(3)
    logs.put("app 2")
    async with running(logs.disk, text_config(TEXT)) as pipeline:
        await trio.sleep(3)
        assert [file.gone_ns is None for file in pipeline.snapshot.files.values()] == [
            file.source == "app" for file in pipeline.snapshot.files.values()
        ]
    found = [text for text in output_lines(logs.disk) if text.startswith("app")]
    assert found == logs.written if is_kept else [*logs.written[:2], *logs.written]

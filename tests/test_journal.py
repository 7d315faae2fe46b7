"""The journal: what a file sink adopts after its process has died."""

from __future__ import annotations

import os
from random import Random

import attrs
import pytest
from core_helpers import Log, column, make_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_disk import MemoryDisk

from trio_ship.batch import Batch, Kind, Move, OrderedBatch
from trio_ship.checkpoint.journal import Journal, journal_path
from trio_ship.checkpoint.lines import make_line, read_lines
from trio_ship.checkpoint.recovery import Recovered, last_output, read_journal, recover
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

SEEDS = st.integers(0, 2**32)
PATH = "/state/ship.toml.out.journal"
STATE = SinkState(path="/out", device=5, inode=7, offset=100)
LOGS = [Log(number, "app", f"/{number}") for number in range(3)]
BEGIN = Snapshot(
    sequence=10,
    last_key=OrderKey(1, "app", "/0", 1, 2),
    files={LOGS[0].entry.id: LOGS[0].entry},
    positions={LOGS[0].entry.id: Position(3, 1, 1)},
    sinks={"out": STATE, "other": SinkState()},
)
KNOWN = attrs.evolve(BEGIN, files={log.entry.id: log.entry for log in LOGS})


@attrs.frozen
class Step:
    """A batch, the length of the output around it, and the cut behind it."""

    batch: OrderedBatch
    before: int
    after: int
    cut: Snapshot


def _rows() -> Batch:
    log = Log(0, "app", "/0")
    log.write(1)
    return make_batch([(log, log.records)])


def _step(random: Random, snapshot: Snapshot, number: int) -> Step:
    """Return a batch that follows a snapshot, touching some files."""
    kind = random.choice(list(Kind))
    count = 0 if kind is Kind.DROPPED else 1
    moves = []
    for log in random.sample(LOGS, random.randint(1, 3)):
        known = snapshot.positions.get(log.entry.id, Position()).offset
        place = Position(known + random.randint(1, 9), number, None, random.random() < 0.5)
        moves.append(Move(file=log.entry, after=place, limit_ns=number))
    state = snapshot.sinks["out"]
    size = random.randint(1, 30) if count else 0
    key = OrderKey(number, "app", "/1", 1, number) if kind is Kind.IN_ORDER else snapshot.last_key
    batch = OrderedBatch(
        number=number,
        sequence=snapshot.sequence + count,
        kind=kind,
        parts=(_rows(),),
        rows=column(range(count)),
        moves=tuple(moves),
        last_key=key,
    )
    cut = attrs.evolve(
        snapshot,
        sequence=batch.sequence,
        last_key=key,
        files={**snapshot.files, **{move.file.id: move.file for move in moves}},
        positions={**snapshot.positions, **{move.file.id: move.after for move in moves}},
        sinks={**snapshot.sinks, "out": attrs.evolve(state, offset=state.offset + size)},
    )
    return Step(batch, state.offset, state.offset + size, cut)


def _steps(random: Random, snapshot: Snapshot, count: int) -> list[Step]:
    steps: list[Step] = []
    for number in range(1, count + 1):
        steps.append(_step(random, steps[-1].cut if steps else snapshot, number))
    return steps


def _begun(snapshot: Snapshot = BEGIN) -> tuple[MemoryDisk, Journal]:
    """Return a disk, and a journal on it that has begun behind a checkpoint."""
    disk = MemoryDisk()
    disk.write("/state/ship.toml", b"")
    journal = Journal(disk, PATH, "boot")
    journal.begin(snapshot, STATE)
    return disk, journal


def _note(journal: Journal, *steps: Step) -> None:
    for step in steps:
        journal.append(step.batch, step.before, step.after)


def _recover(data: bytes, checkpoint: Snapshot, size: int | None, boot: str = "boot") -> Recovered:
    return recover(read_journal(data, checkpoint.sinks["out"], boot), checkpoint, "out", size)


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_d17_what_lies_whole_in_journal_and_output_is_adopted(seed: int) -> None:
    """Whatever is torn, exactly the batches that both have in full count; the torn one is told."""
    random = Random(seed)
    disk, journal = _begun()
    ends = [len(disk.read(PATH))]
    steps = _steps(random, BEGIN, random.randint(0, 6))
    opened = []
    for step in steps:
        is_measured = random.random() < 0.5
        journal.append(step.batch, step.before, step.after if is_measured else None)
        opened.append(len(disk.read(PATH)))
        if not is_measured:
            journal.append_end(step.after)
        ends.append(len(disk.read(PATH)))
    data = disk.read(PATH)
    torn_at = random.choice([random.randint(0, len(data)), random.choice(ends + opened), len(data)])
    known = sum(end <= torn_at for end in ends) - 1
    size = random.randint(90, steps[-1].after + 5 if steps else 110)
    found = _recover(data[:torn_at], BEGIN, size)
    whole = 0
    while whole < known and steps[whole].after <= size:
        whole += 1
    expected = steps[whole - 1].cut if whole else BEGIN
    assert found.count == whole
    assert attrs.evolve(found.cut, files={}) == attrs.evolve(expected, files={})
    assert {name: found.cut.files[name] for name in expected.files} == expected.files
    is_told = whole < len(steps) and opened[whole] <= torn_at
    torn = steps[whole] if is_told and steps[whole].before < size else None
    assert (found.torn is None) == (torn is None)
    assert recover(list(found.lines), BEGIN, "out", size) == found
    if found.torn is not None and torn is not None:
        assert found.torn.before == torn.before
        assert found.torn.after == (torn.after if whole < known else None)
        assert found.torn.sequence == torn.batch.sequence
        assert found.torn.kind is torn.batch.kind
        assert found.torn.last_key == torn.batch.last_key
        assert found.torn.positions == {m.file.id: m.after for m in torn.batch.moves}
        assert found.torn.positions.keys() <= found.cut.files.keys()
        assert found.torn.limits == {m.file.id: m.limit_ns for m in torn.batch.moves}


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_beginning_anew_keeps_all_that_the_checkpoint_does_not_have(seed: int) -> None:
    """Wherever checkpoints and changes of the output fall, the newest pair gives the newest cut."""
    random = Random(seed)
    disk, journal = _begun()
    cuts = [BEGIN]
    saved = 0
    now = BEGIN
    for number in range(1, random.randint(2, 10)):
        if random.random() < 0.25:
            state = SinkState(path="/out", device=5, inode=7 + number, offset=random.randint(0, 9))
            journal.append_output(state, is_durable=False)
            now = attrs.evolve(now, sinks={**now.sinks, "out": state})
        else:
            step = _step(random, now, number)
            _note(journal, step)
            now = step.cut
            cuts.append(now)
        if random.random() < 0.4:
            saved = random.randint(saved, len(cuts) - 1)
            journal.begin(cuts[saved], cuts[saved].sinks["out"])
    found = _recover(disk.read(PATH), cuts[saved], 10**6)
    assert found.cut.sequence == now.sequence
    assert found.cut.last_key == now.last_key
    assert found.cut.positions == now.positions
    assert found.cut.sinks == now.sinks
    assert {name: found.cut.files[name] for name in now.files} == now.files
    assert journal.is_good


@pytest.mark.parametrize(
    ("boot", "state"),
    [("later", STATE), ("", STATE), ("boot", attrs.evolve(STATE, inode=8))],
    ids=["another boot", "no boot id", "another output"],
)
def test_d17_a_journal_of_another_boot_or_output_says_nothing(boot: str, state: SinkState) -> None:
    """After a power loss, or beside another output, nothing is adopted."""
    disk, journal = _begun()
    step = _step(Random(1), BEGIN, 1)
    _note(journal, step)
    assert len(read_journal(disk.read(PATH), STATE, "boot")) > 0
    assert read_journal(disk.read(PATH), state, boot) == []


@pytest.mark.parametrize("data", [b"", b"\n", b"garbage\n", b"00000000 {}\n", bytes(100)])
def test_d17_what_is_no_journal_says_nothing(data: bytes) -> None:
    """An empty, torn or foreign file is no reason to fail."""
    assert read_journal(data, STATE, "boot") == []


@pytest.mark.parametrize(
    "change", [{"journal": 1}, {"journal": "2"}, {"offset": -1}, {"boot": True}], ids=str
)
def test_d17_a_journal_that_begins_otherwise_says_nothing(change: dict[str, object]) -> None:
    """Behind a first line that this version does not write, no line is believed, whole or not."""
    disk, journal = _begun()
    step = _step(Random(1), BEGIN, 1)
    _note(journal, step)
    data = disk.read(PATH)
    (head, *_), (first, _, rest) = read_lines(data), data.partition(b"\n")
    assert make_line(head) == first + b"\n"
    assert read_journal(make_line(head | change) + rest, STATE, "boot") == []


def test_d17_one_wrong_byte_ends_the_journal_there() -> None:
    """A damaged line and all behind it are not believed."""
    disk, journal = _begun(KNOWN)
    _note(journal, *_steps(Random(2), BEGIN, 3))
    lines = disk.read(PATH).split(b"\n")
    assert len(lines) == 5
    lines[2] = lines[2].replace(b"before", b"Before")
    assert len(read_journal(b"\n".join(lines), STATE, "boot")) == 1


def test_d09_of_another_boot_lines_up_to_the_last_durable_change_are_believed() -> None:
    """What went to the output before the last one was durable by then; nothing else need be."""
    disk, journal = _begun()
    steps = _steps(Random(3), BEGIN, 3)
    for number, step in enumerate(steps):
        _note(journal, step)
        output = attrs.evolve(STATE, inode=8 + number, offset=step.after)
        journal.append_output(output, is_durable=number < 2)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    places = [place for place, line in enumerate(lines) if "output" in line]
    assert len(places) == len(steps)
    assert read_journal(disk.read(PATH), STATE, "later") == lines[: places[1] + 1]


@pytest.mark.parametrize("seed", range(4, 10))
def test_d09_a_change_of_outputs_outlives_a_power_loss_when_the_journal_is_begun_anew(
    seed: int,
) -> None:
    """The checkpoint behind which it is begun may be from before the change."""
    disk, journal = _begun()
    disk.sync()
    journal.append_output(attrs.evolve(STATE, inode=9, offset=0), is_durable=True)
    journal.begin(attrs.evolve(BEGIN, sequence=11), STATE)
    left = disk.after_power_loss(Random(seed)).read(PATH)
    assert last_output(read_journal(left, STATE, "later"), STATE).inode == 9


def test_d09_a_new_output_is_followed_and_the_old_one_counts_as_whole() -> None:
    """Batches before a change of output were finished; those behind it begin in the new one."""
    disk, journal = _begun()
    first = _step(Random(3), BEGIN, 1)
    _note(journal, first)
    new = SinkState(path="/out", device=5, inode=9)
    journal.append_output(new, is_durable=False)
    moved = attrs.evolve(first.cut, sinks={**first.cut.sinks, "out": new})
    second = _step(Random(3), moved, 2)
    _note(journal, second)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    assert last_output(lines, STATE) == new
    found = recover(lines, BEGIN, "out", 0)
    assert (found.count, found.torn) == (1, None)
    assert found.cut.sinks["out"] == new
    assert found.cut.positions == first.cut.positions


def test_d09_the_last_batch_of_an_output_that_is_gone_is_open() -> None:
    """Without the output nobody can say whether its last batch was whole; the others were."""
    disk, journal = _begun()
    steps = _steps(Random(4), BEGIN, 3)
    _note(journal, *steps)
    found = _recover(disk.read(PATH), BEGIN, None)
    assert (found.count, found.torn) == (2, None)
    assert found.cut.positions == steps[1].cut.positions


def test_d17_only_lines_that_follow_one_from_the_other_are_believed() -> None:
    """A batch that begins elsewhere than the one before it ended is not ours, nor is any behind."""
    disk, journal = _begun(KNOWN)
    steps = _steps(Random(4), BEGIN, 3)
    assert all(step.before < step.after for step in steps)
    _note(journal, *steps)
    first, second, third = read_journal(disk.read(PATH), STATE, "boot")
    found = [recover(some, KNOWN, "out", 10**6) for some in ([first, third], [second, third])]
    assert [one.count for one in found] == [1, 0]


def test_d17_a_batch_of_a_file_that_nobody_has_told_of_is_not_believed() -> None:
    """Where the line that describes a file is missing, its positions mean nothing."""
    disk, journal = _begun()
    step = _step(Random(3), BEGIN, 1)
    assert {move.file.id for move in step.batch.moves} > BEGIN.files.keys()
    _note(journal, step)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    batches = [line for line in lines if "file" not in line]
    assert [recover(some, BEGIN, "out", 10**6).count for some in (lines, batches)] == [1, 0]


def test_d10_a_batch_that_lies_behind_what_the_sink_had_is_no_news() -> None:
    """Of a batch that it had in part already, its own further positions stand."""
    disk, journal = _begun(KNOWN)
    step = _step(Random(3), BEGIN, 1)
    name = step.batch.moves[0].file.id
    _note(journal, step)
    state = attrs.evolve(STATE, ahead={name: Position(10**6, 5, 5)})
    found = _recover(disk.read(PATH), attrs.evolve(KNOWN, sinks={"out": state}), 10**6)
    assert found.count == 1
    assert found.cut.positions == {**step.cut.positions, name: Position(10**6, 5, 5)}


def test_d10_what_a_sink_had_beyond_the_checkpoint_is_part_of_its_cut() -> None:
    """Positions that only this sink has reached count for it before the journal's own."""
    reached = Position(77, 5, 5)
    state = attrs.evolve(STATE, ahead={LOGS[0].entry.id: reached})
    checkpoint = attrs.evolve(BEGIN, sinks={"out": state})
    found = recover([], checkpoint, "out", 100)
    assert found.cut.positions == {LOGS[0].entry.id: reached}
    assert found.count == 0


def test_a_journal_that_failed_is_good_again_behind_the_next_checkpoint() -> None:
    """A full disk spoils the journal, not the batches that it remembers."""
    disk, journal = _begun()
    disk.fail("pwrite", PATH + "*")
    steps = _steps(Random(5), BEGIN, 2)
    with pytest.raises(OSError, match="Input/output"):
        _note(journal, steps[0])
    assert not journal.is_good
    _note(journal, steps[1])
    assert _recover(disk.read(PATH), BEGIN, 10**6).count == 0
    journal.begin(BEGIN, STATE)
    assert journal.is_good
    assert _recover(disk.read(PATH), BEGIN, 10**6).cut == attrs.evolve(
        steps[1].cut, files=_recover(disk.read(PATH), BEGIN, 10**6).cut.files
    )
    journal.close()


def test_a_journal_that_cannot_begin_leaves_the_one_before() -> None:
    """Until the new journal is whole, the old one stands under its name."""
    disk, journal = _begun()
    before = disk.read(PATH)
    disk.fail("replace", PATH)
    with pytest.raises(OSError, match="Input/output"):
        journal.begin(BEGIN, attrs.evolve(STATE, offset=500))
    assert disk.read(PATH) == before
    assert not journal.is_good
    journal.begin(BEGIN, attrs.evolve(STATE, offset=500))
    journal.close()
    assert disk.count("open") == disk.count("close")


def test_d02_a_journal_that_is_not_begun_anew_yet_is_read_from_the_checkpoint_on() -> None:
    """A death between a checkpoint and the next batch finds the journal before it."""
    disk, journal = _begun()
    steps = _steps(Random(1), BEGIN, 6)
    _note(journal, *steps)
    for step in steps:
        recovered = _recover(disk.read(PATH), step.cut, 10**6)
        assert recovered.cut == steps[-1].cut
        assert recovered.count <= len(steps) - steps.index(step)


def test_a_journal_is_private_and_stands_beside_the_checkpoint() -> None:
    """Its name is the checkpoint's with the sink's, and nobody else may read it."""
    disk, _ = _begun()
    assert journal_path("/state/ship.toml", "out") == PATH
    assert disk.stat(PATH).mode & 0o777 == 0o600
    fd = disk.open(PATH, os.O_RDONLY)
    disk.close(fd)


def test_a_file_that_changed_is_told_again() -> None:
    """A file's entry stands before its first batch, and again when its layout was found."""
    disk, journal = _begun()
    step = _step(Random(6), BEGIN, 1)
    entry: FileEntry = attrs.evolve(LOGS[0].entry, layout="iso8601@0/T.3Z")
    for file in (LOGS[0].entry, entry, entry):
        move = Move(file=file, after=Position(9), limit_ns=0)
        journal.append(attrs.evolve(step.batch, moves=(move,)), 100, 110)
    told = [
        line["file"]["layout"]
        for line in read_journal(disk.read(PATH), STATE, "boot")
        if "file" in line
    ]
    assert told == ["iso8601@0/T.3Z"]


def test_d02_a_batch_without_a_byte_that_the_checkpoint_has_is_passed_over() -> None:
    """A condition may leave all of a batch out; then its length tells nothing of its place."""
    disk, journal = _begun()
    first = _step(Random(6), BEGIN, 1)
    second = _step(Random(6), first.cut, 2)
    assert first.batch.kind is not Kind.DROPPED
    journal.append(first.batch, STATE.offset, STATE.offset)
    checkpoint = attrs.evolve(first.cut, sinks=BEGIN.sinks)
    journal.append(second.batch, STATE.offset, STATE.offset + 9)
    recovered = _recover(disk.read(PATH), checkpoint, 10**6)
    assert recovered.count == 1
    assert recovered.cut.sequence == second.batch.sequence
    last = attrs.evolve(second.cut, sinks={**BEGIN.sinks, "out": attrs.evolve(STATE, offset=109)})
    assert _recover(disk.read(PATH), last, 10**6).cut == last


def test_d02_the_end_of_a_batch_that_could_not_be_noted_is_known_behind_the_next_checkpoint() -> (
    None
):
    """The journal fails between the two lines of a batch, and is begun anew with one."""
    disk, journal = _begun()
    step = _step(Random(1), BEGIN, 1)
    journal.append(step.batch, step.before, None)
    disk.fail("pwrite", f"{PATH}*")
    with pytest.raises(OSError):  # noqa: PT011  (whatever the disk says)
        journal.append_end(step.after)
    disk.heal()
    assert _recover(disk.read(PATH), BEGIN, step.after).count == 0
    journal.begin(BEGIN, STATE)
    found = _recover(disk.read(PATH), BEGIN, step.after)
    assert (found.count, found.torn) == (1, None)


def test_d17_lines_behind_a_batch_without_an_end_are_not_believed() -> None:
    """No batch is begun before the one before it has ended."""
    disk, journal = _begun()
    first, second = _steps(Random(2), BEGIN, 2)
    journal.append(first.batch, first.before, None)
    _note(journal, second)
    found = _recover(disk.read(PATH), BEGIN, second.after)
    assert found.count == 0
    assert found.torn is not None
    assert found.torn.after is None

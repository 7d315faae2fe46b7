"""Reading a journal: what a file sink adopts after its process has died."""

from __future__ import annotations

from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_helpers import (
    BEGIN,
    KNOWN,
    LOGS,
    PATH,
    STATE,
    adopted,
    begun,
    make_step,
    make_steps,
    note,
    recovered,
)

from trio_ship.batch import Kind
from trio_ship.checkpoint.lines import make_line, read_lines
from trio_ship.checkpoint.recovery import last_output, read_journal, recover
from trio_ship.state import Position, SinkState

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_d17_what_lies_whole_in_journal_and_output_is_adopted(seed: int) -> None:
    """Whatever is torn, exactly the batches that both have in full count; the torn one is told."""
    random = Random(seed)
    disk, journal = begun()
    ends = [len(disk.read(PATH))]
    steps = make_steps(random, BEGIN, random.randint(0, 6))
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
    found = recovered(data[:torn_at], BEGIN, size)
    whole = 0
    while whole < known and steps[whole].after <= size:
        whole += 1
    expected = steps[whole - 1].cut if whole else BEGIN
    assert adopted(found) == whole
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


@pytest.mark.parametrize(
    ("boot", "state"),
    [("later", STATE), ("", STATE), ("boot", attrs.evolve(STATE, inode=8))],
    ids=["another boot", "no boot id", "another output"],
)
def test_d17_a_journal_of_another_boot_or_output_says_nothing(boot: str, state: SinkState) -> None:
    """After a power loss, or beside another output, nothing is adopted."""
    disk, journal = begun()
    step = make_step(Random(1), BEGIN, 1)
    note(journal, step)
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
    disk, journal = begun()
    step = make_step(Random(1), BEGIN, 1)
    note(journal, step)
    data = disk.read(PATH)
    (head, *_), (first, _, rest) = read_lines(data), data.partition(b"\n")
    assert make_line(head) == first + b"\n"
    assert read_journal(make_line(head | change) + rest, STATE, "boot") == []


def test_d17_one_wrong_byte_ends_the_journal_there() -> None:
    """A damaged line and all behind it are not believed."""
    disk, journal = begun(KNOWN)
    note(journal, *make_steps(Random(2), BEGIN, 3))
    lines = disk.read(PATH).split(b"\n")
    assert len(lines) == 5
    lines[2] = lines[2].replace(b"before", b"Before")
    assert len(read_journal(b"\n".join(lines), STATE, "boot")) == 1


def test_d09_of_another_boot_lines_up_to_the_last_durable_change_are_believed() -> None:
    """What went to the output before the last one was durable by then; nothing else need be."""
    disk, journal = begun()
    steps = make_steps(Random(3), BEGIN, 3)
    for number, step in enumerate(steps):
        note(journal, step)
        output = attrs.evolve(STATE, inode=8 + number, offset=step.after)
        journal.append_output(output, is_durable=number < 2)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    places = [place for place, line in enumerate(lines) if "output" in line]
    assert len(places) == len(steps)
    assert read_journal(disk.read(PATH), STATE, "later") == lines[: places[1] + 1]


def test_d09_a_new_output_is_followed_and_the_old_one_counts_as_whole() -> None:
    """Batches before a change of output were finished; those behind it begin in the new one."""
    disk, journal = begun()
    first = make_step(Random(3), BEGIN, 1)
    note(journal, first)
    new = SinkState(path="/out", device=5, inode=9)
    journal.append_output(new, is_durable=False)
    moved = attrs.evolve(first.cut, sinks={**first.cut.sinks, "out": new})
    second = make_step(Random(3), moved, 2)
    note(journal, second)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    assert last_output(lines, STATE) == new
    found = recover(lines, BEGIN, "out", 0)
    assert (adopted(found), found.torn) == (1, None)
    assert found.cut.sinks["out"] == new
    assert found.cut.positions == first.cut.positions


def test_d09_the_last_batch_of_an_output_that_is_gone_is_open() -> None:
    """Without the output nobody can say whether its last batch was whole; the others were."""
    disk, journal = begun()
    steps = make_steps(Random(4), BEGIN, 3)
    note(journal, *steps)
    found = recovered(disk.read(PATH), BEGIN, None)
    assert (adopted(found), found.torn) == (2, None)
    assert found.cut.positions == steps[1].cut.positions


def test_d17_only_lines_that_follow_one_from_the_other_are_believed() -> None:
    """A batch that begins elsewhere than the one before it ended is not ours, nor is any behind."""
    disk, journal = begun(KNOWN)
    steps = make_steps(Random(4), BEGIN, 3)
    assert all(step.before < step.after for step in steps)
    note(journal, *steps)
    first, second, third = read_journal(disk.read(PATH), STATE, "boot")
    found = [recover(some, KNOWN, "out", 10**6) for some in ([first, third], [second, third])]
    assert [adopted(one) for one in found] == [1, 0]


def test_d17_a_batch_of_a_file_that_nobody_has_told_of_is_not_believed() -> None:
    """Where the line that describes a file is missing, its positions mean nothing."""
    disk, journal = begun()
    step = make_step(Random(3), BEGIN, 1)
    assert {move.file.id for move in step.batch.moves} > BEGIN.files.keys()
    note(journal, step)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    batches = [line for line in lines if "file" not in line]
    assert [adopted(recover(some, BEGIN, "out", 10**6)) for some in (lines, batches)] == [1, 0]


def test_d10_a_batch_that_lies_behind_what_the_sink_had_is_no_news() -> None:
    """Of a batch that it had in part already, its own further positions stand."""
    disk, journal = begun(KNOWN)
    step = make_step(Random(3), BEGIN, 1)
    name = step.batch.moves[0].file.id
    note(journal, step)
    state = attrs.evolve(STATE, ahead={name: Position(10**6, 5, 5)})
    found = recovered(disk.read(PATH), attrs.evolve(KNOWN, sinks={"out": state}), 10**6)
    assert adopted(found) == 1
    assert found.cut.positions == {**step.cut.positions, name: Position(10**6, 5, 5)}


def test_d10_what_a_sink_had_beyond_the_checkpoint_is_part_of_its_cut() -> None:
    """Positions that only this sink has reached count for it before the journal's own."""
    reached = Position(77, 5, 5)
    state = attrs.evolve(STATE, ahead={LOGS[0].entry.id: reached})
    checkpoint = attrs.evolve(BEGIN, sinks={"out": state})
    found = recover([], checkpoint, "out", 100)
    assert found.cut.positions == {LOGS[0].entry.id: reached}
    assert adopted(found) == 0


def test_d10_a_change_of_outputs_is_news_though_the_records_behind_it_are_not() -> None:
    """What others took while the sink was not configured does not tell where its output ends."""
    disk, journal = begun(KNOWN)
    new = SinkState(path="/out", device=5, inode=9)
    journal.append_output(new, is_durable=False)
    step = make_step(Random(3), attrs.evolve(KNOWN, sinks={"out": new}), 1)
    note(journal, step)
    later = attrs.evolve(KNOWN, sequence=step.batch.sequence + 5)
    found = recovered(disk.read(PATH), later, 10**6)
    assert found.cut.sinks["out"] == attrs.evolve(new, offset=step.after)
    assert found.cut.sequence == later.sequence


def test_d02_a_journal_that_is_not_begun_anew_yet_is_read_from_the_checkpoint_on() -> None:
    """A death between a checkpoint and the next batch finds the journal before it."""
    disk, journal = begun()
    steps = make_steps(Random(1), BEGIN, 6)
    note(journal, *steps)
    for step in steps:
        found = recovered(disk.read(PATH), step.cut, 10**6)
        assert found.cut == steps[-1].cut
        assert adopted(found) <= len(steps) - steps.index(step)


def test_d02_a_batch_before_any_record_with_a_stamp_is_believed() -> None:
    """It has no last record in order, and neither has the cut behind it."""
    unstamped = attrs.evolve(KNOWN, last_key=None)
    disk, journal = begun(unstamped)
    step = make_step(Random(3), unstamped, 1)
    journal.append(attrs.evolve(step.batch, last_key=None), step.before, step.after)
    found = recovered(disk.read(PATH), unstamped, step.after)
    assert (adopted(found), found.cut) == (1, attrs.evolve(step.cut, last_key=None))


def test_d02_a_batch_without_a_byte_that_the_checkpoint_has_is_passed_over() -> None:
    """A condition may leave all of a batch out; then its length tells nothing of its place."""
    disk, journal = begun()
    first = make_step(Random(6), BEGIN, 1)
    second = make_step(Random(6), first.cut, 2)
    assert first.batch.kind is not Kind.DROPPED
    journal.append(first.batch, STATE.offset, STATE.offset)
    checkpoint = attrs.evolve(first.cut, sinks=BEGIN.sinks)
    journal.append(second.batch, STATE.offset, STATE.offset + 9)
    found = recovered(disk.read(PATH), checkpoint, 10**6)
    assert adopted(found) == 1
    assert found.cut.sequence == second.batch.sequence
    last = attrs.evolve(second.cut, sinks={**BEGIN.sinks, "out": attrs.evolve(STATE, offset=109)})
    assert recovered(disk.read(PATH), last, 10**6).cut == last


def test_d17_lines_behind_a_batch_without_an_end_are_not_believed() -> None:
    """No batch is begun before the one before it has ended."""
    disk, journal = begun()
    first, second = make_steps(Random(2), BEGIN, 2)
    journal.append(first.batch, first.before, None)
    note(journal, second)
    found = recovered(disk.read(PATH), BEGIN, second.after)
    assert adopted(found) == 0
    assert found.torn is not None
    assert found.torn.after is None

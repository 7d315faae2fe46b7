"""The journal: what a file sink writes down before its process dies."""

from __future__ import annotations

import os
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

from trio_ship.batch import Kind, Move
from trio_ship.checkpoint.journal import Journal, journal_path
from trio_ship.checkpoint.recovery import last_output, read_journal
from trio_ship.state import FileEntry, Position, SinkState

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_beginning_anew_keeps_all_that_the_checkpoint_does_not_have(seed: int) -> None:
    """Wherever checkpoints, changes of outputs and deaths fall, the newest pair gives the cut."""
    random = Random(seed)
    disk, journal = begun()
    cuts = [BEGIN]
    saved = 0
    now = BEGIN
    for number in range(1, random.randint(2, 10)):
        if random.random() < 0.25:
            state = SinkState(path="/out", device=5, inode=7 + number, offset=random.randint(0, 9))
            journal.append_output(state, is_durable=False)
            now = attrs.evolve(now, sinks={**now.sinks, "out": state})
        else:
            step = make_step(random, now, number)
            note(journal, step)
            now = step.cut
            cuts.append(now)
        if random.random() < 0.4:
            saved = random.randint(saved, len(cuts) - 1)
            journal.begin(cuts[saved], cuts[saved].sinks["out"])
        if random.random() < 0.2:
            before = recovered(disk.read(PATH), cuts[saved], 10**6)
            journal = Journal(disk, PATH, "boot")
            journal.resume(cuts[saved], cuts[saved].sinks["out"], before.lines)
    found = recovered(disk.read(PATH), cuts[saved], 10**6)
    assert found.cut.sequence == now.sequence
    assert found.cut.last_key == now.last_key
    assert found.cut.positions == now.positions
    assert found.cut.sinks == now.sinks
    assert {name: found.cut.files[name] for name in now.files} == now.files
    assert journal.is_good


def test_a_disk_that_takes_few_bytes_at_a_time_gets_every_line() -> None:
    """Lines are whole, and in their places, however many writes they take."""
    disk, journal = begun()
    disk.max_transfer_bytes = 7
    first, second = make_steps(Random(5), BEGIN, 2)
    note(journal, first)
    journal.begin(BEGIN, STATE)
    note(journal, second)
    found = recovered(disk.read(PATH), BEGIN, 10**6).cut
    assert found == attrs.evolve(second.cut, files=found.files)


def test_a_journal_that_failed_is_good_again_behind_the_next_checkpoint() -> None:
    """A full disk spoils the journal, not the batches that it remembers."""
    disk, journal = begun()
    disk.fail("pwrite", PATH + "*")
    steps = make_steps(Random(5), BEGIN, 2)
    with pytest.raises(OSError, match="Input/output"):
        note(journal, steps[0])
    assert not journal.is_good
    before = disk.read(PATH)
    note(journal, steps[1])
    assert disk.read(PATH) == before
    assert adopted(recovered(disk.read(PATH), BEGIN, 10**6)) == 0
    journal.begin(BEGIN, STATE)
    assert journal.is_good
    found = recovered(disk.read(PATH), BEGIN, 10**6).cut
    assert found == attrs.evolve(steps[1].cut, files=found.files)
    journal.close()


def test_a_journal_that_cannot_begin_leaves_the_one_before() -> None:
    """Until the new journal is whole, the old one stands under its name."""
    disk, journal = begun()
    before = disk.read(PATH)
    disk.fail("replace", PATH)
    with pytest.raises(OSError, match="Input/output"):
        journal.begin(BEGIN, attrs.evolve(STATE, offset=500))
    assert disk.read(PATH) == before
    assert not journal.is_good
    journal.begin(BEGIN, attrs.evolve(STATE, offset=500))
    journal.close()
    assert disk.count("open") == disk.count("close")


def test_a_journal_is_private_and_stands_beside_the_checkpoint() -> None:
    """Its name is the checkpoint's with the sink's, and nobody else may read it."""
    disk, _ = begun()
    assert journal_path("/state/ship.toml", "out") == PATH
    assert disk.stat(PATH).mode & 0o777 == 0o600
    fd = disk.open(PATH, os.O_RDONLY)
    disk.close(fd)


def test_a_file_that_changed_is_told_again() -> None:
    """A file's entry stands before its first batch, and again when its layout was found."""
    disk, journal = begun()
    step = make_step(Random(6), BEGIN, 1)
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


def test_d02_the_end_of_a_batch_that_could_not_be_noted_is_known_behind_the_next_checkpoint() -> (
    None
):
    """The journal fails between the two lines of a batch, and is begun anew with one."""
    disk, journal = begun()
    step = make_step(Random(1), BEGIN, 1)
    journal.append(step.batch, step.before, None)
    disk.fail("pwrite", f"{PATH}*")
    with pytest.raises(OSError):  # noqa: PT011  (whatever the disk says)
        journal.append_end(step.after)
    disk.heal()
    assert adopted(recovered(disk.read(PATH), BEGIN, step.after)) == 0
    journal.begin(BEGIN, STATE)
    found = recovered(disk.read(PATH), BEGIN, step.after)
    assert (adopted(found), found.torn) == (1, None)


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("seed", range(4, 10))
def test_d09_a_change_of_outputs_outlives_a_power_loss_when_the_journal_is_begun_anew(
    seed: int, *, is_restarted: bool
) -> None:
    """The checkpoint behind which it is begun may be from before the change."""
    disk, journal = begun()
    disk.sync()
    journal.append_output(attrs.evolve(STATE, inode=9, offset=0), is_durable=True)
    journal.begin(attrs.evolve(BEGIN, sequence=11), STATE)
    lines = read_journal(disk.read(PATH), STATE, "boot")
    if is_restarted:
        journal = Journal(disk, PATH, "boot")
        journal.resume(BEGIN, STATE, lines)
    left = disk.after_power_loss(Random(seed)).read(PATH)
    assert last_output(read_journal(left, STATE, "later"), STATE).inode == 9


def test_batches_that_were_dropped_leave_the_journal_behind_a_checkpoint_that_has_them() -> None:
    """They count no records; where all that comes is too late, nothing grows for all that."""
    disk, journal = begun(KNOWN)
    steps = (make_step(Random(seed), KNOWN, 1) for seed in range(99))
    step = next(one for one in steps if one.batch.kind is Kind.DROPPED and len(one.batch.moves) > 1)
    note(journal, step)
    first = step.batch.moves[0]
    for reached, left in (
        ({}, 1),
        ({first.file.id: first.after}, 1),
        (step.cut.positions, 0),
    ):
        checkpoint = attrs.evolve(KNOWN, positions={**KNOWN.positions, **reached})
        journal.begin(checkpoint, STATE)
        assert len(read_journal(disk.read(PATH), STATE, "boot")) == left

"""The cut: what all sinks have taken."""

from __future__ import annotations

from random import Random

import attrs
import pytest
from core_helpers import Log, column, make_batch
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import Kind, Move, OrderedBatch
from trio_ship.cut import Cut, advance, common_start, former_names, stops
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

SEEDS = st.integers(0, 2**32)
LOG = Log(0, "app", "/0")
LOG.write(1)


def _file(number: int) -> FileEntry:
    return Log(number, "app", f"/{number}").entry


def _batches(random: Random, count: int) -> list[OrderedBatch]:
    reached = dict.fromkeys(range(3), 0)
    batches = []
    for number in range(1, count + 1):
        moves = []
        for name in random.sample(list(reached), random.randint(1, 3)):
            reached[name] += random.randint(1, 9)
            after = Position(reached[name], number, number)
            moves.append(Move(file=_file(name), after=after, limit_ns=0))
        batches.append(
            OrderedBatch(
                number=number,
                sequence=10 * number,
                kind=Kind.IN_ORDER,
                parts=(make_batch([(LOG, LOG.records)]),),
                rows=column([0]),
                moves=tuple(moves),
                last_key=OrderKey(number, "app", "/0"),
            )
        )
    return batches


def _after(batches: list[OrderedBatch], sinks: list[str]) -> Snapshot:
    """Return the snapshot behind some batches, with every sink's state there."""
    snapshot = Snapshot()
    for batch in batches:
        positions = {move.file.id: move.after for move in batch.moves}
        states = {name: _state(name, batch.number) for name in sinks}
        snapshot = advance(snapshot, batch.sequence, batch.last_key, positions, states)
    return snapshot


def _state(sink: str, number: int) -> SinkState:
    return SinkState(path=f"/{sink}", offset=100 * number)


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_d10_the_snapshot_is_the_newest_batch_that_all_sinks_have(seed: int) -> None:
    """However far one sink is in front, the snapshot holds the states after one batch."""
    random = Random(seed)
    sinks = ["a", "b", "c"][: random.randint(1, 3)]
    batches = _batches(random, random.randint(0, 6))
    cut = Cut(sinks)
    for batch in batches:
        cut.announce(batch)
    snapshot = Snapshot()
    done = dict.fromkeys(sinks, 0)
    while any(count < len(batches) for count in done.values()):
        sink = random.choice([name for name in sinks if done[name] < len(batches)])
        done[sink] += 1
        snapshot = cut.delivered(snapshot, sink, done[sink], _state(sink, done[sink]))
        assert snapshot == _after(batches[: min(done.values())], sinks)


def test_what_a_snapshot_knew_stays() -> None:
    """A batch changes the positions it touched and nothing else."""
    files = {_file(7).id: _file(7)}
    before = Snapshot(
        sequence=3, files=files, positions={_file(7).id: Position(5)}, sinks={"b": SinkState()}
    )
    cut = Cut(["a"])
    batch = _batches(Random(1), 1)[0]
    cut.announce(batch)
    after = cut.delivered(before, "a", 1, _state("a", 1))
    assert after.files == files
    assert after.positions[_file(7).id] == Position(5)
    assert after.sinks == {"a": _state("a", 1), "b": SinkState()}
    assert before.sequence == 3
    assert _file(7).id in before.positions


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_d16_reading_begins_at_the_least_and_each_sink_knows_what_it_has(seed: int) -> None:
    """Every file begins where the sink with the least of it stands; others know their surplus."""
    random = Random(seed)
    sinks = ["a", "b", "c"][: random.randint(1, 3)]
    batches = _batches(random, random.randint(0, 6))
    saved = random.randint(0, len(batches))
    checkpoint = _after(batches[:saved], sinks)
    checkpoint = attrs.evolve(checkpoint, sinks={name: _state(name, saved) for name in sinks})
    cuts = {}
    for name in sinks:
        count = random.randint(saved, len(batches))
        files = {_file(number).id: _file(number) for number in range(3)}
        states = {**checkpoint.sinks, name: _state(name, count)}
        cuts[name] = attrs.evolve(_after(batches[:count], []), files=files, sinks=states)
    common = common_start(checkpoint, cuts)
    assert common.sequence == min(cut.sequence for cut in cuts.values())
    least = min(cuts.values(), key=lambda cut: cut.sequence)
    assert common.last_key == least.last_key
    for name in common.files:
        known = [cut.positions.get(name, Position()) for cut in cuts.values()]
        assert common.positions[name].offset == min(place.offset for place in known)
    for sink, cut in cuts.items():
        state = common.sinks[sink]
        assert attrs.evolve(state, ahead={}) == cut.sinks[sink]
        assert {**common.positions, **state.ahead} == {**common.positions, **cut.positions}
        assert all(state.ahead[name].offset > common.positions[name].offset for name in state.ahead)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_who_has_taken_more_knows_where_a_file_is(names: str) -> None:
    """A file that was renamed since the checkpoint is described by the sink that noted it."""
    old = _file(0)
    new = attrs.evolve(old, file="/0.1", fingerprint="3:abc")
    behind = Snapshot(sequence=1, files={old.id: old}, sinks={"a": SinkState(), "b": SinkState()})
    further = attrs.evolve(behind, sequence=9, files={old.id: new})
    cuts = {"a": further, "b": behind}
    assert common_start(behind, {name: cuts[name] for name in names}).files == {old.id: new}


def test_without_sinks_that_keep_a_cut_the_checkpoint_is_the_start() -> None:
    """Nobody has anything beyond the checkpoint."""
    checkpoint = Snapshot(sequence=4)
    assert common_start(checkpoint, {}) is checkpoint


def test_where_sinks_stand_that_have_more_than_the_others() -> None:
    """Each such place once, in the order of the file."""
    sinks = {
        "a": SinkState(ahead={"x": Position(40), "y": Position(7)}),
        "b": SinkState(ahead={"x": Position(20)}),
        "c": SinkState(ahead={"x": Position(40)}),
        "d": SinkState(),
    }
    assert stops(Snapshot(sinks=sinks)) == {"x": [20, 40], "y": [7]}


def test_c08_a_sink_is_known_by_its_output_under_another_name() -> None:
    """Who writes what a sink wrote that is gone is that sink; names that are still there stay."""
    states = {
        "old": SinkState(path="/x", offset=9),
        "older": SinkState(path="/x", offset=5),
        "here": SinkState(path="/y", offset=7),
        "gone": SinkState(path="/z", offset=7),
        "stdout": SinkState(),
    }
    paths = {"new": "/x", "here": "/w", "second": "/y", "print": ""}
    assert former_names(states, paths) == {"new": "old"}


def test_a_batch_knows_where_its_files_are_now_and_how_they_were_read() -> None:
    """Who makes it again finds them, and decodes what it held as it was decoded."""
    (batch,) = _batches(Random(0), 1)
    (move, *_) = batch.moves
    read = attrs.evolve(move.file, layout="iso8601@0", zone="UTC")
    batch = attrs.evolve(batch, moves=(attrs.evolve(move, file=read),))
    assert batch.described_by({}) is batch
    newest = attrs.evolve(read, file="/0.1", layout="iso8601@0&syslog@8;auto", anchor_ns=1)
    (after,) = batch.described_by({read.id: newest}).moves
    assert after.file == attrs.evolve(read, file="/0.1")

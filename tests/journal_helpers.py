"""Journals for tests: batches that follow one from the other, and what is read of them."""

from __future__ import annotations

from random import Random

import attrs
from core_helpers import Log, column, make_batch
from memory_disk import MemoryDisk

from trio_ship.batch import Batch, Kind, Move, OrderedBatch
from trio_ship.checkpoint.journal import Journal
from trio_ship.checkpoint.recovery import Recovered, read_journal, recover
from trio_ship.state import OrderKey, Position, SinkState, Snapshot

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


def make_step(random: Random, snapshot: Snapshot, number: int) -> Step:
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


def make_steps(random: Random, snapshot: Snapshot, count: int) -> list[Step]:
    """Return so many batches, one behind the other."""
    steps: list[Step] = []
    for number in range(1, count + 1):
        steps.append(make_step(random, steps[-1].cut if steps else snapshot, number))
    return steps


def begun(snapshot: Snapshot = BEGIN) -> tuple[MemoryDisk, Journal]:
    """Return a disk, and a journal on it that has begun behind a checkpoint."""
    disk = MemoryDisk()
    disk.write("/state/ship.toml", b"")
    journal = Journal(disk, PATH, "boot")
    journal.begin(snapshot, STATE)
    return disk, journal


def note(journal: Journal, *steps: Step) -> None:
    """Write batches down, with their ends."""
    for step in steps:
        journal.append(step.batch, step.before, step.after)


def adopted(found: Recovered) -> int:
    """Return how many batches are believed to be whole."""
    return sum("before" in line for line in found.lines) - (found.torn is not None)


def recovered(data: bytes, checkpoint: Snapshot, size: int | None) -> Recovered:
    """Return what a journal says of the output of the sink."""
    return recover(read_journal(data, checkpoint.sinks["out"], "boot"), checkpoint, "out", size)

"""The cut: the newest ordered batch that every sink has taken.

Sinks report in their own time, one perhaps a few batches in front of another.
The `Snapshot` moves only when all have taken a batch, with the state that each
had after that very batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from trio_ship.batch import OrderedBatch
from trio_ship.state import OrderKey, Position, SinkState, Snapshot

__all__ = ["Cut", "advance", "common_start", "former_names", "own_cut", "stops"]


@attrs.define(eq=False, repr=False)
class _Open:
    """An ordered batch that not every sink has taken; its records are not kept."""

    number: int
    sequence: int
    last_key: OrderKey | None
    positions: dict[str, Position]
    states: dict[str, SinkState]


class Cut:
    """Follows what the sinks have taken.

    Args:
        sinks: The names of all sinks.
    """

    def __init__(self, sinks: Iterable[str]) -> None:
        self._sinks = frozenset(sinks)
        self._open: deque[_Open] = deque()

    def announce(self, batch: OrderedBatch) -> None:
        """Say that a batch goes to the sinks."""
        positions = {move.file.id: move.after for move in batch.moves}
        self._open.append(_Open(batch.number, batch.sequence, batch.last_key, positions, {}))

    def delivered(self, snapshot: Snapshot, sink: str, number: int, state: SinkState) -> Snapshot:
        """Take in that a sink has taken a batch; return the snapshot after it.

        Args:
            snapshot: The newest snapshot.
            sink: The sink.
            number: The number of the batch.
            state: The state of the sink behind the batch.
        """
        for waiting in self._open:
            if waiting.number == number:
                waiting.states[sink] = state
        while self._open and self._open[0].states.keys() == self._sinks:
            done = self._open.popleft()
            snapshot = advance(snapshot, done.sequence, done.last_key, done.positions, done.states)
        return snapshot


def advance(
    snapshot: Snapshot,
    sequence: int,
    last_key: OrderKey | None,
    positions: Mapping[str, Position],
    states: Mapping[str, SinkState],
) -> Snapshot:
    """Return the snapshot behind one more batch."""
    return attrs.evolve(
        snapshot,
        sequence=sequence,
        last_key=last_key,
        positions=MappingProxyType({**snapshot.positions, **positions}),
        sinks=MappingProxyType({**snapshot.sinks, **states}),
    )


def own_cut(checkpoint: Snapshot, sink: str) -> Snapshot:
    """Return what a sink has taken, as far as the checkpoint tells; it may not know the sink."""
    sinks = {sink: SinkState(), **checkpoint.sinks}
    positions = {**checkpoint.positions, **sinks[sink].ahead}
    return attrs.evolve(checkpoint, sinks=sinks, positions=positions)


def common_start(snapshot: Snapshot, cuts: Mapping[str, Snapshot]) -> Snapshot:
    """Return the cut that all sinks have, from the cut that each has.

    Args:
        snapshot: The checkpoint.
        cuts: What each sink has taken, by its name. Its own state in `sinks`
            is where its output stands.

    Returns:
        A snapshot with the smallest position of every file, and for each sink
        the positions of those files of which it has more.
    """
    if not cuts:
        return snapshot
    # Who has taken more knows better where files are now, and how they begin.
    ascending = sorted(cuts.values(), key=lambda cut: cut.sequence)
    least = ascending[0]
    files = dict(snapshot.files)
    for cut in ascending:
        files.update(cut.files)
    positions: dict[str, Position] = {}
    for name in files:
        known = [cut.positions.get(name, Position()) for cut in cuts.values()]
        positions[name] = min(known, key=lambda position: position.offset)
    sinks = dict(snapshot.sinks)
    for sink, cut in cuts.items():
        ahead = {
            name: position
            for name, position in cut.positions.items()
            if position.offset > positions[name].offset
        }
        sinks[sink] = attrs.evolve(cut.sinks[sink], ahead=ahead)
    return Snapshot(
        sequence=least.sequence,
        last_key=least.last_key,
        files=files,
        positions=positions,
        sinks=sinks,
    )


def former_names(states: Mapping[str, SinkState], paths: Mapping[str, str]) -> dict[str, str]:
    """Return the names under which sinks are known that were renamed, by their present ones.

    Args:
        states: What is known of sinks, by name.
        paths: The output of each sink of the configuration, by name; empty where it
            has none.
    """
    left = {
        state.path: name
        for name, state in sorted(states.items(), key=lambda item: item[1].offset)
        if state.path and name not in paths
    }
    return {name: left[path] for name, path in paths.items() if name not in states and path in left}


def stops(snapshot: Snapshot) -> dict[str, list[int]]:
    """Return where sinks stand that have more than the others, by id of the file, ascending."""
    found: dict[str, set[int]] = {}
    for state in snapshot.sinks.values():
        for name, position in state.ahead.items():
            found.setdefault(name, set()).add(position.offset)
    return {name: sorted(places) for name, places in found.items()}

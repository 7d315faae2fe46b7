"""Pipelines that are broken on purpose: a simulation that cannot fail proves nothing.

Each variant leaves out or turns round one step of the protocol. Every one of them
passes the tests that a careful author would think of; a death at the wrong moment
shows it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Final
from unittest import mock

import attrs

from simulation.disk import SimulatedDisk
from trio_ship.batch import OrderedBatch
from trio_ship.reader.reading import Reading
from trio_ship.reader.task import Reader
from trio_ship.sinks.file import FileSink
from trio_ship.sinks.stream import FileStream

__all__ = ["VARIANTS", "broken"]

_Patch = tuple[type, str, Callable[..., Any]]


def _nothing(*_: object, **__: object) -> None:
    """Do nothing where something is due."""


async def _journal_after_batch(self: Any, batch: OrderedBatch) -> None:
    """Write a batch first, and note then that it is to be written."""
    stream, before = self._stream, self._stream.offset
    made = list(self._encode(batch)[0])
    await stream.keep_trying(self._begin_journal)
    await stream.keep_trying(self._check_output)
    over_old = stream.is_over_old
    await stream.send_slices(made)

    def note() -> None:
        self._note(lambda journal: journal.append(batch, before, stream.offset, over_old=over_old))

    await stream.keep_trying(note)
    self._state = attrs.evolve(self._state, offset=stream.offset)


_HAND_OVER: Final = Reader._hand_over


async def _position_at_read(self: Any, reading: Reading, send: Any) -> None:
    """Count as delivered what was only read."""
    board = self._board
    tails = [tail for chain in self._chains.by_path.values() for tail in chain.tails]
    read = {tail.entry.id: tail.position for tail in tails}
    positions = MappingProxyType({**board.snapshot.positions, **read})
    board.snapshot = attrs.evolve(board.snapshot, positions=positions)
    await _HAND_OVER(self, reading, send)


VARIANTS: Final[dict[str, _Patch]] = {
    "checkpoint-before-fsync": (FileSink, "make_durable", _nothing),
    "position-at-read": (Reader, "_hand_over", _position_at_read),
    "no-folder-fsync": (SimulatedDisk, "fsync_folder", _nothing),
    "journal-after-batch": (FileSink, "write", _journal_after_batch),
    "no-rewrite-after-failed-fsync": (FileStream, "_rewrite", _nothing),
}
"""What is broken in each variant, by its name."""


@contextlib.contextmanager
def broken(variant: str) -> Iterator[None]:
    """Break the pipeline while the context lasts; not at all for an empty name."""
    if not variant:
        yield
        return
    owner, name, instead = VARIANTS[variant]
    with mock.patch.object(owner, name, instead):
        yield

"""Leaving out of a batch what a sink has taken before a restart: by position."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trio_ship.batch import OrderedBatch
from trio_ship.state import Position

__all__ = ["without_known"]


def without_known(
    batch: OrderedBatch, ahead: Mapping[str, Position]
) -> tuple[OrderedBatch, dict[str, Position]]:
    """Return a batch without what is known, and what is known beyond it.

    Args:
        batch: The batch.
        ahead: How far each file was taken before, by id.
    """
    places = np.array(
        [ahead[file.id].offset if file.id in ahead else 0 for file in batch.files], np.int64
    )
    if len(batch) and places.any():
        batch = batch.select(batch.offset >= places[batch.region])
    reached = {move.file.id: move.after.offset for move in batch.moves}
    left = {
        name: position
        for name, position in ahead.items()
        if position.offset > reached.get(name, -1)
    }
    return batch, left

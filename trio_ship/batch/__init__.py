"""The columns in which records travel: never a line, always a batch.

`columns` has a `Batch`, what one round of reading gave, and `ordered` an `OrderedBatch`,
what the sequencer lets go. `pieces` lays bytes of many buffers end to end, `parsed` is what
goes along with records once somebody has looked into them, and `table` is all that for
programs that go on in Arrow.
"""

from __future__ import annotations

from trio_ship.batch.columns import I32, I64, NO_STAMP, U8, Batch, Flag
from trio_ship.batch.ordered import Kind, Move, OrderedBatch

__all__ = ["I32", "I64", "NO_STAMP", "U8", "Batch", "Flag", "Kind", "Move", "OrderedBatch"]

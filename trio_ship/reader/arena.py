"""Memory to read into, used again once nobody refers to it any more.

Reading into pages that are warm costs two thirds of reading into new ones. An
arena is lent as an array; when the last view of it is gone (the sequencer, a
sink, a caller of the library: whoever was slowest), its memory comes back.

It is mapped by itself: so it leaves no hole in the heap when it goes, and takes
up only those pages that were read into, however large it is.
"""

from __future__ import annotations

import mmap
import weakref
from collections import deque
from typing import Final

import numpy as np

from trio_ship.batch import U8

__all__ = ["SLACK", "Arenas"]

SLACK: Final = 64
"""Bytes behind the last region that decoders may look at."""

_SPARE: Final = 2
_OWN: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


class Arenas:
    """Lends arenas and takes them back by itself.

    An arena comes back in whichever thread drops its last view, maybe while
    another is lent: so the spare ones are taken and put one at a time.
    """

    def __init__(self) -> None:
        self._spare: deque[mmap.mmap] = deque(maxlen=_SPARE)

    def lend(self, size: int) -> U8:
        """Return an array of at least `size` bytes and the slack behind them."""
        # Sizes differ from round to round; so that most fit, there are few of them.
        need = 1 << (size + SLACK - 1).bit_length()
        memory = self._take(need) or mmap.mmap(-1, need, _OWN)
        # Views of an array made from a memoryview keep that array alive, not
        # only its memory: so it dies with its last view.
        arena = np.frombuffer(memoryview(memory), np.uint8)
        weakref.finalize(arena, self._spare.append, memory)
        return arena

    def _take(self, need: int) -> mmap.mmap | None:
        for _ in range(_SPARE):
            try:
                memory = self._spare.popleft()
            except IndexError:
                return None
            if len(memory) >= need:
                return memory
            self._spare.append(memory)
        return None

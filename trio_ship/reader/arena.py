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
from typing import Final

import numpy as np

from trio_ship.batch import U8

__all__ = ["SLACK", "Arenas"]

SLACK: Final = 64
"""Bytes behind the last region that decoders may look at."""

_SPARE: Final = 2
_OWN: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


class Arenas:
    """Lends arenas and takes them back by itself."""

    def __init__(self) -> None:
        self._spare: list[mmap.mmap] = []

    def lend(self, size: int) -> U8:
        """Return an array of at least `size` bytes and the slack behind them."""
        # Sizes differ from round to round; so that most fit, there are few of them.
        need = 1 << (size + SLACK - 1).bit_length()
        memory = next((spare for spare in self._spare if len(spare) >= need), None)
        if memory is None:
            memory = mmap.mmap(-1, need, _OWN)
        else:
            self._spare.remove(memory)
        # Views of an array made from a memoryview keep that array alive, not
        # only its memory: so it dies with its last view.
        arena = np.frombuffer(memoryview(memory), np.uint8)
        weakref.finalize(arena, self._take_back, memory)
        return arena

    def _take_back(self, memory: mmap.mmap) -> None:
        self._spare.append(memory)
        self._spare.sort(key=len)
        if len(self._spare) > _SPARE:
            del self._spare[0]

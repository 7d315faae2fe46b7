"""One round of reading: what is asked of each file, and what it gave."""

from __future__ import annotations

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.charsets import Narrowed
from trio_ship.decode.round import Round
from trio_ship.reader.tails import ChainFiles
from trio_ship.state import FileEntry

__all__ = ["Filled", "Job", "Reading"]


@attrs.define(eq=False, repr=False)
class Job:
    """What to read of one chain in a round: made anew for each, and cut to what is granted.

    Attributes:
        chain: The chain; its first file is read.
        length: How many bytes to ask for.
        closing: Whether the wait for more lines of the last record is over.
        final: Whether the file will not grow any more.
    """

    chain: ChainFiles
    length: int
    closing: bool = False
    final: bool = False


@attrs.define(kw_only=True, eq=False, repr=False)
class Filled:
    """What one file gave; not to be changed, but made too often to be frozen.

    Attributes:
        job: What was to be read.
        place: Where its bytes begin in the arena.
        size: How many there are.
        asked: How many bytes of the file were asked for.
        looked: How many there were.
        text: Whence they come, where the file is not in UTF-8.
        reach: How long the file is.
        entry: Who it is, with its layout.
        fault: Why a compressed file has no more, where that has to be said.
        error: Why it could not be read.
        is_same: Whether it is still what it was in front of what was read.
    """

    job: Job
    place: int
    reach: int
    entry: FileEntry
    size: int = 0
    asked: int = 0
    looked: int = 0
    text: Narrowed | None = None
    fault: str = ""
    error: OSError | None = None
    is_same: bool = True


@attrs.define(kw_only=True, eq=False, repr=False)
class Reading:
    """One round under way.

    Attributes:
        arena: Where the bytes go. Dtype uint8.
        now: The pipeline's clock before the read, in seconds.
        place: Where the bytes of the next file go.
        result: What was read of those files that could be read; None: of none.
        resolution_ns: The step of the stamps of each of them, 0 while not known. (m,).
    """

    arena: U8
    now: float
    place: int = 0
    result: Round | None = None
    resolution_ns: I64 = attrs.field(factory=lambda: np.zeros(0, np.int64))

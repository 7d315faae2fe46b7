"""What readers tell the sequencer: new chains, records, promises and ends."""

from __future__ import annotations

import attrs
import numpy as np

from trio_ship.batch import I64, Batch

__all__ = ["Chain", "Poll", "Report"]


@attrs.frozen(kw_only=True)
class Chain:
    """A path and the files it has had.

    Attributes:
        number: Its index in every array of chains, for this process.
        source: The name of its source.
        path: The path.
    """

    number: int
    source: str
    path: str


@attrs.frozen(kw_only=True)
class Poll:
    """A look at all files and folders of a source.

    Attributes:
        wall_ns: The wall clock before the look, nanoseconds since 1970.
        seconds: The pipeline's clock before the look.
    """

    wall_ns: int
    seconds: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Report:
    """What a reader has to say: all that changed since its last report.

    Attributes:
        source: The name of the source.
        batch: The records of a round, if there was one.
        opened: Chains that are new.
        chains: Numbers of the chains whose watermark is given. Shape (k,).
        watermarks: The promise of each of them. Shape (k,).
        resolution_ns: The step of each one's stamps, 0 while not known. (k,).
        closed: Numbers of the chains that have ended for good.
        poll: The look that this report answers, if it answers a new one.
        unread: Numbers of the chains that the look did not find at their end.
        held: Numbers of the chains at their end whose last record is open.
    """

    source: str
    batch: Batch | None = None
    opened: tuple[Chain, ...] = ()
    chains: I64 = attrs.field(factory=lambda: np.zeros(0, np.int64))
    watermarks: I64 = attrs.field(factory=lambda: np.zeros(0, np.int64))
    resolution_ns: I64 = attrs.field(factory=lambda: np.zeros(0, np.int64))
    closed: tuple[int, ...] = ()
    poll: Poll | None = None
    unread: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()

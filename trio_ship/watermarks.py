"""What all chains have promised: the watermarks, and the frontier they make.

Pure arithmetic on columns indexed by the number of a chain. The rules that it
follows stand in `sequencer`.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, Batch
from trio_ship.report import Chain, Poll, Report
from trio_ship.state import OrderKey

__all__ = ["Overdue", "Watermarks"]

_END = np.iinfo(np.int64).max
_SECOND = 1_000_000_000

_Mask = npt.NDArray[np.bool_]


@attrs.define(eq=False, repr=False)
class _Source:
    """What is known of a source: its delay, and what its last look promised.

    Attributes:
        delay_ns: How long a line may take from its stamp to its file.
        coarsest_ns: The coarsest step that stamps of its files were ever known to
            have; 0 while none is known.
        seen: Whether it has reported.
        listed: The promise for its files not found yet.
        poll_seconds: When its last look began, on the pipeline's clock.
        unread: The chains that the look did not find at their end.
    """

    delay_ns: int
    coarsest_ns: int = 0
    seen: bool = False
    listed: int = NO_STAMP
    poll_seconds: float = -np.inf
    unread: frozenset[int] = frozenset()

    @property
    def step_ns(self) -> int:
        """The step that stamps of a file are taken to have while they are not known.

        A file is taken to write no coarser stamps than those found before it; else
        each line would wait for a file that most sources never have.
        """
        return self.coarsest_ns or _SECOND


@attrs.frozen
class Overdue:
    """What bounds the records that need not wait for the frontier any more.

    Attributes:
        low: The smallest watermark of the chains with unread lines.
        rank: The rank of the first chain that has it.
        since: Such records were read before this, in seconds of the pipeline's
            clock.
        clock: What lies below this only waits for a record that is held open for a
            short while, and is not ahead of anybody.
    """

    low: int
    rank: int
    since: float
    clock: int


class Watermarks:
    """The promises of all chains of all sources.

    Args:
        delays: For each source, how long a line may take from its stamp to its
            file, in seconds.
        follow: Whether files may grow; if not, sources make no promises.

    Attributes:
        rank: The rank of each chain by source and path; -1 for a number that no
            chain has.
        is_open: Which chains may still bring records.
    """

    def __init__(self, delays: dict[str, float], *, follow: bool) -> None:
        self._sources = {
            name: _Source(round(seconds * _SECOND)) for name, seconds in delays.items()
        }
        self._follow = follow
        self._names: dict[int, tuple[str, str]] = {}
        self._mark = np.zeros(0, np.int64)
        self._clock = np.zeros(0, np.int64)
        self._resolution = np.zeros(0, np.int64)
        self._members: dict[str, I64] = {name: np.zeros(0, np.int64) for name in delays}
        self.rank = np.zeros(0, np.int64)
        self.is_open = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        """Return how many numbers of chains there are."""
        return len(self.rank)

    @property
    def are_known(self) -> bool:
        """Whether every source has reported."""
        return all(source.seen for source in self._sources.values())

    def accept(self, report: Report) -> None:
        """Take in what a report says of chains; its records are not looked at."""
        self._sources[report.source].seen = True
        self._add(report.opened)
        if len(report.chains):
            self._resolution[report.chains] = report.resolution_ns
            np.maximum.at(self._mark, report.chains, report.watermarks)
        if report.closed:
            self.is_open[list(report.closed)] = False
        if report.poll is not None:
            self._promise(report.poll, report)

    def _add(self, chains: tuple[Chain, ...]) -> None:
        if not chains:
            return
        size = max(len(self), *(chain.number + 1 for chain in chains))
        more = size - len(self)
        self._mark = np.append(self._mark, np.full(more, NO_STAMP))
        self._clock = np.append(self._clock, np.full(more, NO_STAMP))
        self._resolution = np.append(self._resolution, np.zeros(more, np.int64))
        self.is_open = np.append(self.is_open, np.zeros(more, np.bool_))
        for chain in chains:
            self._names[chain.number] = (chain.source, chain.path)
            self.is_open[chain.number] = True
        for name, members in self._members.items():
            mine = [chain.number for chain in chains if chain.source == name]
            self._members[name] = np.append(members, np.array(mine, np.int64))
        order = sorted(self._names, key=self._names.__getitem__)
        self.rank = np.full(size, -1)
        self.rank[order] = np.arange(len(order))

    def _promise(self, poll: Poll, report: Report) -> None:
        source = self._sources[report.source]
        members = self._members[report.source]
        moment = poll.wall_ns - source.delay_ns
        source.poll_seconds = poll.seconds
        source.unread = report.unread
        step = self._resolution[members]
        source.coarsest_ns = int(step.max(initial=source.coarsest_ns))
        source.listed = max(source.listed, moment // source.step_ns * source.step_ns)
        step[step == 0] = source.step_ns
        promised = moment // step * step
        if report.unread:
            promised[np.isin(members, list(report.unread))] = NO_STAMP
        self._clock[members] = np.maximum(self._clock[members], promised)
        # A record that its reader holds open is older than any promise, also those given before.
        bound = report.held | report.unread
        free = members[~np.isin(members, list(bound))] if bound else members
        self._mark[free] = np.maximum(self._mark[free], self._clock[free])

    def frontier(self) -> tuple[int, int]:
        """Return (watermark, rank of the first chain that has it).

        A key equal to the watermark may leave up to that rank; -1: none may.
        """
        if not self.are_known:
            return NO_STAMP, -1
        low, rank = self._lowest(np.flatnonzero(self.is_open))
        if self._follow:
            for source in self._sources.values():
                if source.listed <= low:
                    low, rank = source.listed, -1
        return low, rank

    def _lowest(self, numbers: I64) -> tuple[int, int]:
        """Return the smallest watermark of some chains, and the rank of the first that has it."""
        if not len(numbers):
            return _END, _END
        marks = self._mark[numbers]
        low = marks.min()
        return int(low), int(self.rank[numbers[marks == low]].min())

    def overdue(self) -> Overdue:
        """Return what bounds the records that are ahead; only while following."""
        sources = self._sources.values()
        since = min(
            source.poll_seconds - (source.delay_ns + source.step_ns) / _SECOND for source in sources
        )
        unread = np.array(sorted(frozenset().union(*(s.unread for s in sources))), np.int64)
        low, rank = self._lowest(unread)
        spoken = self.is_open.copy()
        spoken[unread] = False
        clock = np.maximum(self._mark, self._clock)[spoken].min(initial=_END)
        clock = min(clock, *(source.listed for source in sources))
        return Overdue(low, rank, since, int(clock))

    def row_rank(self, batch: Batch) -> I64:
        """Return the rank of each row's chain."""
        return batch.spread(self.rank[batch.chain])

    def ranks_before(self, key: OrderKey, batch: Batch) -> _Mask:
        """Tell of each row whether its chain ranks before that of a key."""
        name = (key.source, key.path)
        return batch.spread(np.array([self._names[chain] < name for chain in batch.chain.tolist()]))

"""Which lines make a record: the rules of `multiline`.

A rule says of a line that it begins a record, or that it ends one; all other
lines go on with the one before them. It looks at the line alone, so that the
same records come of a file however it is cut into rounds:

* `timestamp`: a line with a stamp begins a record. Where a file has shown no
  stamp yet that can be, each line is a record.
* `indent`: a line that does not begin with a space or a tab begins one.
* `start`, `continue`: a line that matches, or does not match, begins one.
* `end`: a line that matches ends one.
* `off`: each line does both.

Whatever the rule, a record begins where a region does, behind a part of a line
that was cut, and where one would grow beyond the limits.

In files that a container runtime writes the rules look at the texts inside. A
line that continues one of its stream goes on with it whatever it looks like, but
for `off`; and a record never holds lines of both streams.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8, Flag
from trio_ship.decode.containers import Wrapped, unwrapped
from trio_ship.decode.framing import Lines
from trio_ship.decode.patterns import LinePattern
from trio_ship.decode.regions import Regions
from trio_ship.decode.words import Bools

__all__ = ["Grouping", "Groups", "Mode"]

Mode: TypeAlias = Literal["timestamp", "off", "indent", "start", "continue", "end"]

_BLANK = np.zeros(256, np.bool_)
_BLANK[[ord(" "), ord("\t")]] = True


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Groups:
    """Which lines make records.

    Attributes:
        heads: The first line of each record, ascending. Shape (k,).
        open: Whether the last record of a region may go on. Shape (m,).
        continued: Whether a region begins with lines that belonged to a record
            which has left. Shape (m,).
        rests: The first lines of records that go on with one which would have been too
            large. Shape (j,).
        lacking: Whether a line leaves its record without an end that only the
            next one could have. Shape (n,); None where none does.
    """

    heads: I64
    open: Bools
    continued: Bools
    rests: I64
    lacking: Bools | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Grouping:
    """How the lines of a source become records.

    Attributes:
        mode: The rule.
        pattern: What lines are matched with, where the rule needs it.
        longest: The largest length of a record in bytes.
        most_lines: The largest number of lines of a record; None: any.
    """

    mode: Mode = "timestamp"
    pattern: LinePattern | None = None
    longest: int
    most_lines: int | None = None

    def group(
        self,
        arena: U8,
        lines: Lines,
        regions: Regions,
        stamped: Bools,
        believed: Bools,
        wrapped: Wrapped | None,
    ) -> Groups:
        """Find the records.

        Args:
            arena: The bytes.
            lines: The lines of all regions.
            regions: Where they come from.
            stamped: Whether a line carries a stamp. Shape (n,).
            believed: Whether it carries one that can be. Shape (n,).
            wrapped: What container runtimes say of the lines; None: nothing.
        """
        filled = np.diff(lines.first) > 0
        first, last = lines.first[:-1][filled], lines.first[1:][filled] - 1
        begins, ends = self._judge(arena, lines, regions, stamped, believed, wrapped)
        is_open, continued = np.zeros(len(filled), np.bool_), np.zeros(len(filled), np.bool_)
        lacking = ~ends if self.mode == "end" and ends is not None else None
        continued[filled] = regions.lacking[filled]
        if self.mode != "end":
            continued[filled] |= ~begins[first]
        continued &= ~regions.inside & (regions.offset > 0)
        if wrapped is not None and self.mode != "off":
            lacking = wrapped.is_cut if lacking is None else lacking | wrapped.is_cut
            _join(begins, ends, wrapped)
        is_open[filled] = lines.flags[last] & Flag.PARTIAL.value == 0
        if ends is not None:
            is_open[filled] &= ~ends[last]
            begins[1:] |= ends[:-1]
        begins[first] = True
        cut = np.flatnonzero(lines.flags)
        begins[cut[cut + 1 < len(begins)] + 1] = True
        heads, rests = self._limited(lines, begins)
        return Groups(heads=heads, open=is_open, continued=continued, rests=rests, lacking=lacking)

    def _judge(
        self,
        arena: U8,
        lines: Lines,
        regions: Regions,
        stamped: Bools,
        believed: Bools,
        wrapped: Wrapped | None,
    ) -> tuple[Bools, Bools | None]:
        """Return which lines begin a record, and which end one; None: none does."""
        count = len(lines.start)
        if self.mode == "timestamp":
            alone = _before_stamps(lines, regions, believed)
            return (stamped.copy(), None) if alone is None else (stamped | alone, alone)
        if self.mode == "off":
            return np.ones(count, np.bool_), np.ones(count, np.bool_)
        matches = self._match(arena, lines, wrapped)
        if self.mode == "end":
            return np.zeros(count, np.bool_), matches
        return (matches if self.mode == "start" else ~matches), None

    def _match(self, arena: U8, lines: Lines, wrapped: Wrapped | None) -> Bools:
        """Return which lines, or the texts in them, match."""
        if wrapped is None:
            return self._match_texts(arena, lines.start, lines.end)
        matches = np.empty(len(lines.start), np.bool_)
        plain, objects = np.flatnonzero(~wrapped.is_docker), np.flatnonzero(wrapped.is_docker)
        matches[plain] = self._match_texts(arena, wrapped.text[plain], lines.end[plain])
        if len(objects):
            texts = unwrapped(arena, lines.start[objects], lines.end[objects])
            matches[objects] = self._match_texts(*texts)
        return matches

    def _match_texts(self, arena: U8, start: I64, end: I64) -> Bools:
        if self.pattern is None:
            indented: Bools = _BLANK[arena[start]] & (start < end)
            return indented
        return self.pattern.matches(arena, start, end)

    def _limited(self, lines: Lines, begins: Bools) -> tuple[I64, I64]:
        """Return the heads of records, none of which is too large, and those that this adds."""
        if begins.all():
            # No line is longer than `longest`.
            return np.arange(len(begins)), np.zeros(0, np.int64)
        heads = np.flatnonzero(begins)
        tails = np.append(heads, len(begins))[1:] - 1
        most = len(begins) if self.most_lines is None else self.most_lines
        is_large = lines.end[tails] - lines.start[heads] > self.longest
        is_large |= tails - heads >= most
        large = np.flatnonzero(is_large)
        if not len(large):
            return heads, large
        extra: list[int] = []
        for record in large.tolist():
            head, stop = int(heads[record]), int(tails[record]) + 1
            while True:
                room = int(lines.start[head]) + self.longest
                fitting = int(np.searchsorted(lines.end[head:stop], room, "right"))
                head += max(1, min(fitting, most))
                if head >= stop:
                    break
                extra.append(head)
        rests = np.array(extra, np.int64)
        return np.sort(np.concatenate([heads, rests])), rests


def _join(begins: Bools, ends: Bools | None, wrapped: Wrapped) -> None:
    """Join the parts of lines that a runtime has cut, and part its streams."""
    before, stream = wrapped.stream[:-1], wrapped.stream[1:]
    is_same = (before == stream) & (stream > 0)
    begins[1:] &= ~(wrapped.is_cut[:-1] & is_same)
    begins[1:] |= (before != stream) & (before > 0) & (stream > 0)
    if ends is not None:
        ends &= ~wrapped.is_cut


def _before_stamps(lines: Lines, regions: Regions, believed: Bools) -> Bools | None:
    """Return which lines stand where no stamp has been that others could go on with."""
    is_known, has_stamps = regions.decoder >= 0, regions.last_ns != NO_STAMP
    if is_known.all() and has_stamps.all():
        return None
    alone: Bools = ~is_known[lines.region]
    if not has_stamps.all():
        count = np.cumsum(believed)
        before = np.concatenate([[0], count])[lines.first[:-1]]
        alone |= (count == before[lines.region]) & ~has_stamps[lines.region]
    return alone

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
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8, Flag
from trio_ship.decode.framing import Lines
from trio_ship.decode.patterns import LinePattern

__all__ = ["Grouping", "Groups", "Mode"]

Mode: TypeAlias = Literal["timestamp", "off", "indent", "start", "continue", "end"]

_Mask: TypeAlias = npt.NDArray[np.bool_]
_BLANK = np.zeros(256, np.bool_)
_BLANK[[ord(" "), ord("\t")]] = True


@attrs.frozen(kw_only=True, eq=False)
class Groups:
    """Which lines make records.

    Attributes:
        heads: The first line of each record, ascending. Shape (k,).
        open: Whether the last record of a region may go on. Shape (m,).
        continued: Whether a region begins with lines that belonged to a record
            which has left. Shape (m,).
        lacking: Whether a line leaves its record without an end that only the
            next one could have. Shape (n,); None where none does.
    """

    heads: I64
    open: _Mask
    continued: _Mask
    lacking: _Mask | None = None


@attrs.frozen(kw_only=True, eq=False)
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
        stamped: _Mask,
        *,
        believed: _Mask,
        known: _Mask,
        seen: _Mask,
        inside: _Mask,
        lacking: _Mask,
    ) -> Groups:
        """Find the records.

        Args:
            arena: The bytes.
            lines: The lines of all regions.
            stamped: Whether a line carries a stamp. Shape (n,).
            believed: Whether it carries one that can be. Shape (n,).
            known: Whether it is known how a region's file writes stamps. Shape (m,).
            seen: Whether it has shown one that can be before. Shape (m,).
            inside: Whether a region begins inside a line that was cut. Shape (m,).
            lacking: Whether the line before a region left its record without an
                end. Shape (m,).
        """
        filled = np.diff(lines.first) > 0
        first, last = lines.first[:-1][filled], lines.first[1:][filled] - 1
        begins, ends = self._judge(arena, lines, stamped, believed, known, seen)
        is_open, continued = np.zeros(len(filled), np.bool_), np.zeros(len(filled), np.bool_)
        is_open[filled] = lines.flags[last] & Flag.PARTIAL.value == 0
        if ends is not None:
            is_open[filled] &= ~ends[last]
        continued[filled] = lacking[filled] if self.mode == "end" else ~begins[first]
        continued &= ~inside
        begins[first] = True
        cut = np.flatnonzero(lines.flags)
        begins[cut[cut + 1 < len(begins)] + 1] = True
        if ends is not None:
            begins[1:] |= ends[:-1]
        return Groups(
            heads=self._limited(lines, begins),
            open=is_open,
            continued=continued,
            lacking=~ends if self.mode == "end" and ends is not None else None,
        )

    def _judge(
        self,
        arena: U8,
        lines: Lines,
        stamped: _Mask,
        believed: _Mask,
        known: _Mask,
        seen: _Mask,
    ) -> tuple[_Mask, _Mask | None]:
        """Return which lines begin a record, and which end one; None: none does."""
        count = len(lines.start)
        if self.mode == "timestamp":
            alone = _before_stamps(lines, believed, known, seen)
            return (stamped.copy(), None) if alone is None else (stamped | alone, alone)
        if self.mode == "off":
            return np.ones(count, np.bool_), np.ones(count, np.bool_)
        if self.mode == "indent":
            return ~_BLANK[arena[lines.start]], None
        assert self.pattern is not None  # noqa: S101 - the other rules have one
        matches = self.pattern.matches(arena, lines.start, lines.end)
        if self.mode == "end":
            return np.zeros(count, np.bool_), matches
        return (matches if self.mode == "start" else ~matches), None

    def _limited(self, lines: Lines, begins: _Mask) -> I64:
        """Return the heads of records, none of which is too large."""
        if begins.all():
            return np.arange(len(begins))  # and no line is longer than `longest`
        heads = np.flatnonzero(begins)
        tails = np.append(heads, len(begins))[1:] - 1
        most = len(begins) if self.most_lines is None else self.most_lines
        is_large = lines.end[tails] - lines.start[heads] > self.longest
        is_large |= tails - heads >= most
        large = np.flatnonzero(is_large)
        if not len(large):
            return heads
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
        return np.sort(np.concatenate([heads, np.array(extra, np.int64)]))


def _before_stamps(lines: Lines, believed: _Mask, known: _Mask, seen: _Mask) -> _Mask | None:
    """Return which lines stand where no stamp has been that others could go on with."""
    if known.all() and seen.all():
        return None
    alone: _Mask = ~known[lines.region]
    if not seen.all():
        count = np.cumsum(believed)
        before = np.concatenate([[0], count])[lines.first[:-1]]
        alone |= (count == before[lines.region]) & ~seen[lines.region]
    return alone

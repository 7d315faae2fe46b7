"""Where in its line a stamp stands.

A place is spelled as the columns that were seen, the likelier first, and `*`
where it may be elsewhere too: `0`, `35,39,*`, `*`; as the field that holds it,
`"ts"` in JSON, `ts=` in logfmt, and `"time"$` for the last such field of a line;
or `ts`: where a pattern of the user says.

With several columns a line's stamp is sought in the first whose bytes look like
one, else where in the first 256 bytes something first looks like one. A line that
begins with white space goes on with the one before it and is not searched.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import Layout
from trio_ship.decode.looks import Head, find_marks, outlines, rows_of
from trio_ship.decode.words import Bools, within

__all__ = ["FIELDS", "SEARCHED_BYTES", "Place", "find_field"]

SEARCHED_BYTES: Final = 256
"""Where in its line a stamp begins at the latest, if no field holds it."""

FIELDS: Final = (
    '"@timestamp"',
    '"timestamp"',
    '"time"',
    '"ts"',
    '"t"',
    '"$date"',  # MongoDB
    '"__REALTIME_TIMESTAMP"',  # journald
    '"datetime"',
    '"date"',
    '"asctime"',  # Python
    '"eventTime"',  # CloudTrail
    '"timeMillis"',  # log4j
    '"epochSecond"',  # log4j
    '"time_iso8601"',  # nginx
    '"time_local"',  # nginx
    '"msec"',  # nginx
    "timestamp=",
    "time=",
    "ts=",
    "t=",
    "datetime=",
)
"""The usual fields that hold a stamp, in JSON and logfmt, the likelier first."""

_SPACES: Final = np.frombuffer(b" \t\r\n\v\f", np.uint8)
_FIELD: Final = re.compile(r'("[\w@$.-]+")(\$?)|[\w@.-]+=', re.ASCII)


@attrs.frozen
class Place:
    """Where the stamps of a file stand in their lines.

    Attributes:
        columns: The columns seen, the likelier first; empty for a place that
            is only searched, or that a field or a pattern gives.
        searched: Whether other columns are possible.
        by_pattern: Whether a pattern of the user says it.
        field: The field that holds it: `"ts"` or `ts=`.
        last: Whether the last such field of a line counts, not the first.
    """

    columns: tuple[int, ...] = ()
    searched: bool = False
    by_pattern: bool = False
    field: str = ""
    last: bool = False

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that a text spells.

        Raises:
            ValueError: It spells none.
        """
        if text == "ts":
            return cls(by_pattern=True)
        if found := _FIELD.fullmatch(text):
            return cls(field=found[1] or text, last=bool(found[2]))
        if re.fullmatch(r"(\d{1,3},)*(\d{1,3}|\*)", text) is None:
            raise ValueError(f"{text!r} is no place of a stamp")
        parts = text.split(",")
        columns = tuple(int(part) for part in parts if part != "*")
        if any(column >= SEARCHED_BYTES for column in columns):
            raise ValueError(f"a stamp begins in the first {SEARCHED_BYTES} bytes, not at {text!r}")
        return cls(columns, parts[-1] == "*")

    def __str__(self) -> str:
        """Return the text that `parse` understands."""
        if self.by_pattern:
            return "ts"
        if self.field:
            return self.field + "$" * self.last
        return ",".join([*map(str, self.columns), *("*" if self.searched else "")])

    def locate(self, layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
        """Return where the stamp of each line may begin; -1 for nowhere.

        Args:
            layout: What is sought.
            head: The cheap look for it.
            arena: Bytes, with at least 64 more behind the last `end`.
            start: First byte of each line. Shape (n,).
            end: The byte after each line. Shape (n,).
        """
        if self.field:
            return find_field(self.field, arena, start, end, last=self.last)
        if not self.searched and len(self.columns) == 1:
            return start + self.columns[0]
        found = np.full(len(start), -1, np.int64)
        open_rows = np.arange(len(start))
        for column in self.columns:
            at = start[open_rows] + column
            fits = head.fits(arena, at, end[open_rows])
            if len(open_rows) == len(start) and fits.all():
                return at
            found[open_rows[fits]] = at[fits]
            open_rows = open_rows[~fits]
        if not self.searched:
            return found
        open_rows = open_rows[~np.isin(arena[start[open_rows]], _SPACES)]
        if len(open_rows):
            found[open_rows] = _search(layout, head, arena, start[open_rows], end[open_rows])
        return found


def _search(layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
    """Return where something first looks like a stamp in each line; -1 for nowhere."""
    if (start[1:] < start[:-1]).any():
        order = np.argsort(start, kind="stable")
        found = np.empty_like(start)
        found[order] = _search(layout, head, arena, start[order], end[order])
        return found
    nowhere = np.iinfo(np.int64).max
    found = np.full(len(start), nowhere)
    low = int(start[0])
    view = arena[low : int(end[-1])]
    for marks, group in outlines(layout).items():
        at = find_marks(view, marks) + low
        fits = np.zeros(len(at), np.bool_)
        for outline in group:
            fits |= outline.fits(arena, within(arena, at))
        if not fits.all():
            at = at[fits]
        line = rows_of(at, start, end)
        begin = start[line]
        fits = (at - begin < SEARCHED_BYTES) & head.fits(arena, at, end[line])
        if not layout.marker:
            before = arena[np.maximum(at - 1, 0)] - np.uint8(48)
            fits &= (at == begin) | (before > 9)  # noqa: PLR2004 - digits
        at, line = at[fits][::-1], line[fits][::-1]
        first = np.full(len(start), nowhere)
        first[line] = at  # of several in a line the last to be written is the first
        np.minimum(found, first, out=found)
    found[found == nowhere] = -1
    return found


def find_field(field: str, arena: U8, start: I64, end: I64, *, last: bool = False) -> I64:
    """Return where the value of a field begins in each line; -1 for nowhere.

    Args:
        field: `"ts"` for a member of JSON, `ts=` for logfmt.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).
        last: Whether the last such field of a line counts, not the first.
    """
    in_json = field[0] == '"'
    text = field.encode() + b":" * in_json
    low, high = int(start.min()), int(end.max())
    at = find_marks(arena[low:high], list(enumerate(text))) + low
    if not in_json:
        before = arena[np.maximum(at - 1, 0)]
        at = at[(before == ord(" ")) | (before == ord("\t"))]
    found = np.full(len(start), -1, np.int64)
    if len(at) == len(start) and (at >= start).all() and (at + len(text) < end).all():
        found = at
    elif len(at):
        which = np.searchsorted(at, end) - 1 if last else np.searchsorted(at, start)
        place = at[np.clip(which, 0, len(at) - 1)]
        inside = (place >= start) & (place + len(text) < end)
        found[inside] = place[inside]
    if not in_json:
        begins = _begins_with(text, arena, start, end)
        found[begins] = start[begins]
    rows = np.flatnonzero(found >= 0)
    value = found[rows] + len(text)
    if in_json:
        value += arena[value] == ord(" ")
    value += arena[value] == ord('"')
    found[rows] = value
    return found


def _begins_with(text: bytes, arena: U8, start: I64, end: I64) -> Bools:
    found: Bools = start + len(text) < end
    for place, byte in enumerate(text):
        found &= arena[start + place] == byte
    return found

r"""Where in its line a stamp stands.

A place is spelled as the columns that were seen, the likelier first, and `*`
where it may be elsewhere too: `0`, `35,39,*`, `*`; as the field that holds it,
`"ts"` in JSON, `ts=` in logfmt, `ts:` in LTSV, `"time"$` for the last such field of a
line, as Docker has it, `"ts"^` for the one of an object itself where those within it
have such fields too, `\"ts\"` for one in an object within a string; `cri` for column 0
of lines that Kubernetes has wrapped; or `ts`: where a pattern of the user says. Behind
a `_` columns count from the first byte that is no white space, behind a `|`, `]`, `:` or
`~` they and fields do from what follows such a tag (`tags`).

With several columns a line's stamp is sought in the first whose bytes look like
one, else where in the first 256 bytes something first looks like one. A line that
begins with white space goes on with the one before it and is not searched.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.containers import Wrapping
from trio_ship.decode.layouts import Layout
from trio_ship.decode.likely import IS_SPACE, behind_markers, in_columns, searched
from trio_ship.decode.looks import Head, fits_somehow, outlines, shortest
from trio_ship.decode.members import find_field
from trio_ship.decode.search import condense, find_marks, find_numbers, rows_of
from trio_ship.decode.tags import SEARCHED_BYTES, Tag
from trio_ship.decode.words import Bools, within

__all__ = ["Place"]

_IS_DIGIT: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789", np.uint8))
_FIELD: Final = re.compile(r'(\\?"[\w@$.-]+\\?")([$^]?)|<?[\w@.-]+[=:]', re.ASCII)
_TAGS: Final[dict[str, Tag]] = {"_": "_", "|": "|", "]": "]", ":": ":", "~": "~"}


@attrs.frozen
class Place:
    """Where the stamps of a file stand in their lines.

    Attributes:
        columns: The columns seen, the likelier first; empty for a place that
            is only searched, or that a field or a pattern gives.
        searched: Whether other columns are possible.
        tag: What is in front of lines and is not counted.
        by_pattern: Whether a pattern of the user says it.
        field: The field that holds it: `"ts"` or `ts=`.
        last: Whether the last such field of a line counts, not the first.
        own: Whether one of the object itself counts before those within it.
        wrapping: What a container runtime has put around the lines.
    """

    columns: tuple[int, ...] = ()
    searched: bool = False
    tag: Tag = ""
    by_pattern: bool = False
    field: str = ""
    last: bool = False
    own: bool = False
    wrapping: Wrapping = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that a text spells.

        Raises:
            ValueError: It spells none.
        """
        if text == "ts":
            return cls(by_pattern=True)
        if text == "cri":
            return cls(columns=(0,), wrapping="cri")
        # The name of a field may begin with what is a tag before a column.
        tag = "" if _FIELD.fullmatch(text) else _TAGS.get(text[:1], "")
        text = text.removeprefix(tag)
        if found := _FIELD.fullmatch(text):
            last, own = found[2] == "$", found[2] == "^"
            wrapping: Wrapping = "docker" if last else ""
            return cls(field=found[1] or text, last=last, own=own, wrapping=wrapping, tag=tag)
        if re.fullmatch(r"(\d{1,3},)*(\d{1,3}|\*)", text) is None:
            raise ValueError(f"{text!r} is no place of a stamp")
        parts = text.split(",")
        columns = tuple(int(part) for part in parts if part != "*")
        if any(column >= SEARCHED_BYTES for column in columns):
            raise ValueError(f"a stamp begins in the first {SEARCHED_BYTES} bytes, not at {text!r}")
        return cls(columns, searched=parts[-1] == "*", tag=tag)

    def __str__(self) -> str:
        """Return the text that `parse` understands."""
        if self.by_pattern:
            return "ts"
        if self.wrapping == "cri":
            return "cri"
        if self.field:
            return self.tag + self.field + "$" * self.last + "^" * self.own
        columns = ",".join([*map(str, self.columns), *("*" if self.searched else "")])
        return self.tag + columns

    @property
    def is_fixed(self) -> bool:
        """Whether a stamp can be at one place of a line only, whatever its layout."""
        return bool(self.field) or (len(self.columns) == 1 and not self.searched)

    @property
    def is_first(self) -> bool:
        """Whether a stamp can be at the beginning of a line only."""
        return self.columns == (0,) and not (self.searched or self.tag)

    def likely(self, layout: Layout, arena: U8, start: I64, end: I64) -> I64 | None:
        """Return a place in each line, -1 for none, whose stamp counts if there is one.

        That spares most lines the looks of `locate`, whose arguments these are. None
        where no place is so sure.
        """
        if len(self.columns) == 1:
            return _free(layout, arena, start, self.columns[0])
        at: I64 | None
        if self.columns:
            at = in_columns(layout, self.columns, arena, start, or_first=self.searched)
        else:
            at = behind_markers(layout, arena, start, end) if layout.marker else None
            at = np.full(len(start), -1) if at is None else at
            at[IS_SPACE[arena[start]]] = -1
        if at is None:
            return None
        if self.searched:
            open_rows = np.flatnonzero(at < 0)
            open_rows = open_rows[~IS_SPACE[arena[start[open_rows]]]]
            at[open_rows] = searched(layout, arena, start[open_rows], end[open_rows])
        if layout.is_number:
            behind = _may_not_follow(layout)[arena[np.maximum(at - 1, 0)]]
            behind &= at > start
            if behind.any():
                at[behind] = -1
        return at

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
            return find_field(self.field, arena, start, end, last=self.last, own=self.own)
        if not self.searched and len(self.columns) == 1:
            return _free(layout, arena, start, self.columns[0])
        found = np.full(len(start), -1, np.int64)
        open_rows = np.arange(len(start))
        for column in self.columns:
            some = len(open_rows) < len(start)
            at = _free(layout, arena, start[open_rows] if some else start, column)
            fits = head.fits(arena, at, end[open_rows] if some else end) & (at >= 0)
            # Where a day has one digit or two, its neighbours may look like one for eight bytes.
            fits[fits] = fits_somehow(layout, arena, at[fits])
            if not some and fits.all():
                return at
            found[open_rows[fits]] = at[fits]
            open_rows = open_rows[~fits]
        if not self.searched:
            return found
        open_rows = open_rows[~IS_SPACE[arena[start[open_rows]]]]
        if len(open_rows):
            found[open_rows] = _search(layout, head, arena, start[open_rows], end[open_rows])
        return found


def _free(layout: Layout, arena: U8, start: I64, column: int) -> I64:
    """Return the place of a column in each line, -1 where what is before it keeps a stamp away."""
    at = start + column
    if column and layout.is_number:
        # In column 1 a weak one may be behind any bracket, quote or sign.
        table = _may_not_follow(layout) if column > 1 else _IS_DIGIT
        behind = table[arena[within(arena, at - 1)]]
        if behind.any():
            at[behind] = -1
    return at


@functools.cache
def _may_not_follow(layout: Layout) -> Bools:
    """Tell of every byte whether a stamp behind a prefix may not have it before it."""
    return np.array([not layout.may_follow(bytes([byte])) for byte in range(256)])


def _ascends(start: I64) -> bool:
    return not (start[1:] < start[:-1]).any()


def _search(layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
    """Return where something first looks like a stamp in each line; -1 for nowhere."""
    if not _ascends(start):
        order = np.argsort(start, kind="stable")
        found = np.empty_like(start)
        found[order] = _search(layout, head, arena, start[order], end[order])
        return found
    arena, begins, end = condense(arena, start, end)
    found = _search_all(layout, head, arena, begins, end)
    found[found >= 0] += (start - begins)[found >= 0]
    return found


def _search_all(layout: Layout, head: Head, arena: U8, start: I64, end: I64) -> I64:
    """Do as `_search`, for ascending lines among no others."""
    nowhere = np.iinfo(np.int64).max
    found = np.full(len(start), nowhere)
    for marks, group in outlines(layout).items():
        low, high = int(start[0]), int(end[-1])
        if marks:
            at = find_marks(arena, marks, low, high)
        else:
            at = find_numbers(arena, shortest(layout), low, high)
        if not len(at):
            continue
        fits = np.zeros(len(at), np.bool_)
        for outline in group:
            fits |= outline.fits(arena, within(arena, at))
        if not fits.all():
            at = at[fits]
        line = rows_of(at, start, end)
        begin = start[line]
        fits = (at - begin < SEARCHED_BYTES) & head.fits(arena, at, end[line])
        fits &= (at == begin) | ~_may_not_follow(layout)[arena[np.maximum(at - 1, 0)]]
        at, line = at[fits][::-1], line[fits][::-1]
        first = np.full(len(start), nowhere)
        first[line] = at  # of several in a line the last to be written is the first
        np.minimum(found, first, out=found)
    found[found == nowhere] = -1
    return found

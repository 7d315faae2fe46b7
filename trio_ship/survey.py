"""What files hold: counted from ordered batches, a file a row, never a line at a time.

A `Survey` takes batches as a sink does and adds up columns; what it found in one
file is a `FileSurvey`. It keeps a few lines of each file as examples, and those
are the only lines that it looks at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP, U8, Flag, OrderedBatch
from trio_ship.decode.framing import newlines
from trio_ship.decode.words import Bools
from trio_ship.encode.raw import Lines, slice_lines
from trio_ship.state import FileEntry

__all__ = ["Example", "FileSurvey", "Survey"]


_ROW_BYTES: Final = 64
_EXAMPLES: Final = 3
_SHAPES: Final = 8
_TRIES: Final = 30
_HEAD_BYTES: Final = 8
_EXAMPLE_BYTES: Final = 400
_LEVELS: Final = 32
_ALIKE: Final = bytes(
    ord("0") if value in b"0123456789" else ord("a") if chr(value).isalpha() else value
    for value in range(256)
)
_INDENTS: Final = np.frombuffer(b" \t\r\n", np.uint8)
_NEVER: Final = np.iinfo(np.int64).max
# Control characters that text has: tab, line ends, form feed, and the escape of colours.
_BINARY: Final = np.isin(np.arange(256), [*{*range(32)} - {*b"\t\n\v\f\r\x1b"}])
_COLUMNS: Final = {
    "bytes": 0,
    "lines": 0,
    "records": 0,
    "several": 0,
    "longest": 0,
    "stamped": 0,
    "impossible": 0,
    "cut": 0,
    "joined": 0,
    "unsorted": 0,
    "behind_ns": 0,
    "first_ns": _NEVER,
    "last_ns": NO_STAMP,
    "binary": 0,
}


@attrs.frozen
class Example:
    """A line of a file.

    Attributes:
        number: Which line it is, from 1.
        text: Its first bytes, without its line end.
    """

    number: int
    text: bytes


@attrs.frozen(kw_only=True)
class FileSurvey:
    """What one file holds.

    Attributes:
        bytes: Bytes of all records.
        lines: Lines.
        records: Records.
        several: Records of several lines.
        longest: Lines of the longest record.
        stamped: Records with a stamp that counts.
        impossible: Records with a stamp too far in the future to be believed.
        cut: Records that were too long and were cut.
        joined: Lines that belong to the record before them.
        unsorted: Records whose stamp is before that of an earlier record.
        behind_ns: How far the farthest of these is behind, in nanoseconds.
        first_ns: The earliest stamp, nanoseconds since 1970; None without any.
        last_ns: The latest one.
        binary: Bytes that no text has.
        severities: How many records have which severity, on the scale of
            OpenTelemetry; 0 for none.
        shapes: The first lines with a stamp that counts of some records, each of a shape
            of its own: what kinds of characters it begins with.
        odd: Some lines of records without a stamp that counts.
        loose: Some lines that belong to the record before them and are not indented.
    """

    bytes: int = 0
    lines: int = 0
    records: int = 0
    several: int = 0
    longest: int = 0
    stamped: int = 0
    impossible: int = 0
    cut: int = 0
    joined: int = 0
    unsorted: int = 0
    behind_ns: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    binary: int = 0
    severities: Mapping[int, int] = attrs.field(factory=dict)
    shapes: tuple[Example, ...] = ()
    odd: tuple[Example, ...] = ()
    loose: tuple[Example, ...] = ()

    @property
    def sample(self) -> Example | None:
        """The first line with a stamp that counts, if there is one."""
        return next(iter(self.shapes), None)


class _Kept:
    """A few lines of each file that do not look alike.

    Args:
        most: How many of a file are kept.
        tries: At how many of a file to look.
        alike: What their beginnings are translated with before they are compared.
    """

    def __init__(self, most: int, tries: int, alike: bytes | None = None) -> None:
        self._most = most
        self._alike = alike
        self._tries = tries
        self._left = np.zeros(0, np.int64)
        self._heads: set[tuple[int, bytes]] = set()
        self._lines: dict[int, list[Example]] = {}

    def grow(self, count: int) -> None:
        """Make room for more files."""
        self._left = np.concatenate([self._left, np.full(count, self._tries)])

    def wanted(self, file: I64) -> I64:
        """Return which of some lines to look at: the first of each file, as long as it lacks some.

        Args:
            file: The number of each line's file. Shape (n,).
        """
        rows = np.flatnonzero(self._left[file] > 0)
        rows = rows[np.argsort(file[rows], kind="stable")]
        begins = np.flatnonzero(np.diff(file[rows], prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))
        return rows[rank < self._left[file[rows]]]

    def offer(self, file: int, example: Example) -> None:
        """Keep a line if there is none that begins like it."""
        self._left[file] -= 1
        head = (file, example.text[:_HEAD_BYTES].translate(self._alike))
        if self._left[file] < 0 or head in self._heads or not example.text.strip():
            return
        self._heads.add(head)
        lines = self._lines.setdefault(file, [])
        lines.append(example)
        if len(lines) == self._most:
            self._left[file] = 0

    def of(self, file: int) -> tuple[Example, ...]:
        """Return what was kept of a file."""
        return tuple(self._lines.get(file, ()))


class Survey:
    """Adds up what files hold.

    Args:
        severities: Returns the severity of each record of a batch, on the scale
            of OpenTelemetry, dtype int8.

    Attributes:
        files: The files that were met, as they were described last, by id.
    """

    def __init__(self, severities: Callable[[OrderedBatch], npt.NDArray[np.int8]]) -> None:
        self._severities = severities
        self.files: dict[str, FileEntry] = {}
        self._numbers: dict[str, int] = {}
        self._columns = {name: np.zeros(0, np.int64) for name in _COLUMNS}
        self._levels = np.zeros((0, _LEVELS), np.int64)
        self._shapes = _Kept(_SHAPES, _TRIES, _ALIKE)
        self._odd = _Kept(_EXAMPLES, _TRIES)
        self._loose = _Kept(_EXAMPLES, _TRIES)

    def add(self, batch: OrderedBatch) -> None:
        """Take a batch; the records of each file come in their order."""
        if not len(batch):
            return
        numbers = self._numbers_of(batch)
        file = numbers[batch.region]
        count = len(self._numbers)
        stamp, key, flags = batch.timestamp, batch.key, batch.flags
        stamped = stamp != NO_STAMP
        behind = np.where(stamped, key - stamp, 0)
        self._add("bytes", file, batch.length)
        self._add("records", file, None)
        self._add("stamped", file[stamped], None)
        self._add("impossible", file[(flags & Flag.IMPOSSIBLE.value) != 0], None)
        self._add("cut", file[(flags & Flag.PARTIAL.value) != 0], None)
        self._add("unsorted", file[behind > 0], None)
        np.maximum.at(self._columns["behind_ns"], file, behind)
        np.maximum.at(self._columns["last_ns"], file[stamped], stamp[stamped])
        np.minimum.at(self._columns["first_ns"], file[stamped], stamp[stamped])
        levels = file * _LEVELS + self._severities(batch)
        self._levels += np.bincount(levels, minlength=count * _LEVELS).reshape(count, _LEVELS)
        for lines in slice_lines(batch, row_bytes=_ROW_BYTES):
            self._add_lines(lines, file[lines.rows], stamped[lines.rows])

    def of(self, id_: str) -> FileSurvey:
        """Return what the file of an id holds; one that was not met holds nothing."""
        number = self._numbers.get(id_)
        if number is None:
            return FileSurvey()
        values = {name: int(column[number]) for name, column in self._columns.items()}
        first_ns, last_ns = values.pop("first_ns"), values.pop("last_ns")
        levels = np.flatnonzero(self._levels[number])
        return FileSurvey(
            **values,
            first_ns=None if first_ns == _NEVER else first_ns,
            last_ns=None if last_ns == NO_STAMP else last_ns,
            severities={int(level): int(self._levels[number, level]) for level in levels},
            shapes=self._shapes.of(number),
            odd=self._odd.of(number),
            loose=self._loose.of(number),
        )

    def _numbers_of(self, batch: OrderedBatch) -> I64:
        """Return the number of the file of each region; files that are new get one."""
        known = len(self._numbers)
        numbers = [self._numbers.setdefault(file.id, len(self._numbers)) for file in batch.files]
        self.files.update((file.id, file) for file in batch.files)
        fresh = len(self._numbers) - known
        if fresh:
            for name, value in _COLUMNS.items():
                more = np.full(fresh, value, np.int64)
                self._columns[name] = np.concatenate([self._columns[name], more])
            self._levels = np.concatenate([self._levels, np.zeros((fresh, _LEVELS), np.int64)])
            for kept in (self._shapes, self._odd, self._loose):
                kept.grow(fresh)
        return np.array(numbers, np.int64)

    def _add(self, column: str, file: I64, values: I64 | None) -> None:
        """Add a value, or 1, to a column for each row."""
        target = self._columns[column]
        target += np.bincount(file, values, len(target)).astype(np.int64)

    def _add_lines(self, lines: Lines, file: I64, stamped: Bools) -> None:
        """Count the lines of some records, and keep a few.

        Args:
            lines: The records.
            file: The number of each record's file. Shape (n,).
            stamped: Whether each has a stamp. Shape (n,).
        """
        data = np.frombuffer(lines.text, np.uint8)
        end = newlines(data) + 1
        last = np.searchsorted(end, lines.end)
        count = np.diff(last, prepend=-1)
        start = np.concatenate(([0], end[:-1]))
        head = last - count + 1
        inner = ~np.isin(data[start], _INDENTS)
        inner[head] = False
        loose = np.flatnonzero(inner)
        shapes = np.flatnonzero(stamped)
        shapes = shapes[_first_shapes(data, start[head[shapes]], file[shapes])]
        for kept, line, row in (
            (self._shapes, head[shapes], shapes),
            (self._odd, head[~stamped], np.flatnonzero(~stamped)),
            (self._loose, loose, np.searchsorted(last, loose)),
        ):
            wanted = kept.wanted(file[row])
            for at, of in zip(line[wanted].tolist(), row[wanted].tolist(), strict=True):
                before = count[:of][file[:of] == file[of]].sum() + at - head[of]
                number = int(self._columns["lines"][file[of]] + before) + 1
                text = bytes(lines.text[start[at] : min(end[at], start[at] + _EXAMPLE_BYTES)])
                kept.offer(int(file[of]), Example(number, text.rstrip(b"\r\n")))
        self._add("lines", file, count)
        self._add("joined", file, count - 1)
        self._add("several", file[count > 1], None)
        np.maximum.at(self._columns["longest"], file, count)
        binary = np.flatnonzero(_BINARY[data])
        self._add("binary", file[np.searchsorted(lines.end, binary, "right")], None)


def _first_shapes(data: U8, start: I64, file: I64) -> I64:
    """Return the first of the lines of each file that begin alike.

    Args:
        data: Bytes.
        start: Where each line begins. Shape (n,).
        file: The number of its file. Shape (n,).
    """
    at = np.minimum(start[:, np.newaxis] + np.arange(_HEAD_BYTES), len(data) - 1)
    shape = np.frombuffer(_ALIKE, np.uint8)[data[at]].view(np.uint64)[:, 0]
    order = np.lexsort((shape, file))
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (np.diff(file[order]) != 0) | (shape[order][1:] != shape[order][:-1])
    first: I64 = np.sort(order[is_first])
    return first

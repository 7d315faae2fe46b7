r"""Records for reading: each line behind the name of its file, with its severity as colour.

    app │ 2026-11-23T08:00:00.125Z ERROR order #17 failed
        │   at Order.pay(Order.java:17)
    db  │ 2026-11-23 08:00:00.250 UTC [17] LOG:  checkpoint starting

Promises: what was read stands in each line as it was read, but for its line end,
which is one newline, and for control characters, which are written out unless
they are let through. What steers the terminal is ours, and every line that we
colour ends without colour.

How: a line is a few pieces (label, colour, text, line end), laid together by
`interleave`; nothing is done for single lines.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I32, I64, U8, Kind, OrderedBatch
from trio_ship.batch.pieces import Pieces, Slice, interleave, large_binary
from trio_ship.decode.framing import newlines
from trio_ship.encode.labels import short_names
from trio_ship.encode.raw import Lines, slice_lines
from trio_ship.encode.terminal import escape_controls

__all__ = ["LabelledEncoder", "Rule"]

_ROW_BYTES: Final = 100
_RETURN: Final = 0x0D
_RESET: Final = "\x1b[0m"
# Red and yellow are left to severities.
_LABEL_COLORS: Final = ("36", "32", "35", "94", "96", "92", "95", "34")
_REVERSE: Final = "\x1b[7m"
_STRAIGHT: Final = "\x1b[27m"
_FAINT: Final = "2"
# Short pieces are taken as whole windows, so none may lie at the end of its buffer.
_SLACK: Final = bytes(12)
# From which severity on a colour holds, on the scale of OpenTelemetry.
_SEVERITY_COLORS: Final = ((0, ""), (1, "2"), (9, ""), (13, "33"), (17, "31"), (21, "1;31"))


@attrs.frozen
class Rule:
    """What stands between a label and its text.

    Attributes:
        in_order: Before a record in its place in the order of time.
        late: Before one that came too late for its place.
        ahead: Before one whose stamp is in front of the clock.
    """

    in_order: str
    late: str
    ahead: str

    def of(self, kind: Kind) -> str:
        """Return what stands before records of a kind."""
        return {Kind.LATE: self.late, Kind.AHEAD: self.ahead}.get(kind, self.in_order)


class LabelledEncoder:
    """Encodes ordered batches as lines to be read.

    Args:
        paths: Returns the paths of all files that are known by now; labels are
            as short as these allow. None: there are no labels.
        widest: How many columns a label may take; longer ones are cut in the
            middle.
        rule: What stands behind labels.
        severities: Returns the severity of each record of a batch, on the scale
            of OpenTelemetry, dtype int8; None: nothing is coloured.
        marked: An RE2 expression; where lines match it, they are shown in reverse.
        raw: Whether control characters pass as they are.
    """

    def __init__(
        self,
        paths: Callable[[], Iterable[str]] | None,
        *,
        widest: int,
        rule: Rule,
        severities: Callable[[OrderedBatch], npt.NDArray[np.int8]] | None = None,
        marked: str | None = None,
        raw: bool = False,
    ) -> None:
        self._paths = paths
        self._widest = widest
        self._rule = rule
        self._severities = severities
        self._marked = marked
        self._raw = raw
        self._labels: dict[str, str] = {}
        self._colors: dict[str, str] = {}
        self._lines = _colors() if severities is not None else None

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the records of `batch` as lines, in slices of about 1 MB."""
        if not len(batch):
            return
        region = batch.region
        labels = None if self._paths is None else self._labels_of(batch)
        style = self._styles(batch)
        for lines in slice_lines(batch, row_bytes=_ROW_BYTES):
            text, row, is_first = self._split(lines)
            if self._marked is not None:
                text = _with_marks(text, self._marked)
            columns = [text]
            if labels is not None:
                columns.insert(0, labels.select(region[lines.rows][row], is_first))
            if self._lines is None:
                columns.append(_PLAIN_END.select(np.zeros(len(row), np.int64)))
            else:
                begin, close = self._lines
                of_line = style[lines.rows][row]
                columns[-1:] = [begin.select(of_line), text, close.select(of_line)]
            yield interleave(columns)

    def _split(self, lines: Lines) -> tuple[Pieces, I64, npt.NDArray[np.bool_]]:
        """Return the lines of some records, the record of each, and whether it is its first.

        Writing out control characters moves the ends of records, but makes and
        takes no newline, so records are found again by counting these.
        """
        data = np.frombuffer(lines.text, np.uint8)
        last = np.searchsorted(newlines(data), lines.end - 1)
        if not self._raw:
            data = np.frombuffer(escape_controls(lines.text), np.uint8)
        stop = newlines(data)
        start = np.concatenate(([0], stop[:-1] + 1))
        stop = stop - ((stop > start) & (data[stop - 1] == _RETURN))
        row = np.repeat(np.arange(len(last)), np.diff(last, prepend=-1))
        is_first = np.ones(len(row), np.bool_)
        is_first[1:] = row[1:] != row[:-1]
        return Pieces(data, start, stop - start), row, is_first

    def _styles(self, batch: OrderedBatch) -> I64:
        if self._severities is None:
            return np.zeros(0, np.int64)
        least = [level for level, _ in _SEVERITY_COLORS]
        return np.searchsorted(least, self._severities(batch), "right") - 1

    def _labels_of(self, batch: OrderedBatch) -> _Labels:
        """Return the labels of a batch's regions."""
        files = batch.files
        if any(file.path not in self._labels for file in files):
            self._name([file.path for file in files])
        width = max(map(_width, self._labels.values()))
        rule = self._painted(self._rule.of(batch.kind), _FAINT)
        texts = []
        for file in files:
            label = self._labels[file.path]
            padding = " " * (width - _width(label))
            texts.append(f"{self._painted(label, self._colors[file.path])}{padding} {rule} ")
        # A continuation belongs to its record, whatever that is.
        texts.append(f"{' ' * width} {self._painted(self._rule.in_order, _FAINT)} ")
        return _Labels.of(texts)

    def _name(self, paths: Sequence[str]) -> None:
        """Name all files that are known, these among them."""
        assert self._paths is not None  # noqa: S101 - the caller has asked
        names = short_names([*self._labels, *paths, *self._paths()])
        for path in sorted(names):
            self._labels[path] = _shortened(_readable(names[path]), self._widest)
            self._colors.setdefault(path, _LABEL_COLORS[len(self._colors) % len(_LABEL_COLORS)])

    def _painted(self, text: str, color: str) -> str:
        return text if self._lines is None else f"\x1b[{color}m{text}{_RESET}"


@attrs.frozen(eq=False, repr=False)
class _Labels:
    """Texts side by side, one a number; the last is that of lines that go on."""

    data: U8
    start: I64
    length: I64

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Labels:
        encoded = [text.encode() for text in texts]
        length = np.array([len(text) for text in encoded], np.int64)
        data = np.frombuffer(b"".join([*encoded, _SLACK]), np.uint8)
        return cls(data, np.cumsum(length) - length, length)

    def select(self, number: I32 | I64, is_first: npt.NDArray[np.bool_] | None = None) -> Pieces:
        """Return the text of each number; the last one where a line is not the first."""
        if is_first is not None:
            number = np.where(is_first, number, len(self.start) - 1)
        return Pieces(self.data, self.start[number], self.length[number])


_PLAIN_END: Final = _Labels.of(["\n"])


def _with_marks(lines: Pieces, pattern: str) -> Pieces:
    """Return lines with what matches an expression in reverse, whatever their colour."""
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    texts = large_binary(lines.joined(), lines.length)
    marked = pc.replace_substring_regex(texts, pattern, f"{_REVERSE}\\0{_STRAIGHT}")
    _, ends, data = marked.buffers()
    end = np.frombuffer(ends, np.int64)[: len(texts) + 1]
    return Pieces(np.frombuffer(data or b"", np.uint8), end[:-1], np.diff(end))


def _colors() -> tuple[_Labels, _Labels]:
    """Return what begins a line of each style, and what ends it."""
    codes = [code for _, code in _SEVERITY_COLORS]
    begin = _Labels.of([f"\x1b[{code}m" if code else "" for code in codes])
    return begin, _Labels.of([f"{_RESET}\n" if code else "\n" for code in codes])


def _readable(name: str) -> str:
    """Return a name of a file in characters that steer no terminal."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def _shortened(text: str, widest: int) -> str:
    """Return a text that takes no more than `widest` columns: its middle is left out."""
    back = (widest - 1) // 2
    front = widest - 1 - back
    if _width(text) <= widest:
        return text
    while back and _width(text[:front]) + _width(text[-back:]) >= widest:
        front, back = max(front - 1, 1), back - 1
    return f"{text[:front]}…{text[-back:] if back else ''}"

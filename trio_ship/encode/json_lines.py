r"""The `json` encoding: one object a line, keys always in the same order.

    {"timestamp":"2026-11-23T08:00:00.125Z","source":"app","path":"/var/log/app.log",
     "message":"...","id":"5f1d0c2e9b7a4411-00000000040a1b2c"}

(on one line); `"severity":"warn"` and `"fields":{...}` follow the id where a source is
parsed and the record has them, and `"late":true` or `"ahead":true` follow where they hold. A
timestamp has 3, 6 or 9 digits behind the point, as many as it needs, and is null
where the record has none. The message is the record without its final line end
(LF or CRLF), without a byte order mark at the start of its file, and without the
NULs that a hole in a file puts in front of it.

Promises: one record is one line and one valid object, whatever its bytes. Quote,
backslash, control characters, U+2028 and U+2029 are escaped; bytes that are not
UTF-8 become U+FFFD, as `bytes.decode(errors="replace")` has it.

How: each line is four pieces (stamp, constant of the file, message, id), laid
together by `interleave`; see `json_rows` for the first and the last. Messages are
escaped a whole slice at a time: every row ends with a newline there, and as long as
no newline is touched, rows are found again by counting newlines, whatever else has
changed its length. Slices of valid single lines, which most are, go a shorter way
(`_escaped_lines`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I32, I64, NO_STAMP, U8, Kind, OrderedBatch
from trio_ship.batch.pieces import Pieces, Slice, interleave
from trio_ship.decode.framing import newlines
from trio_ship.encode.json_rows import AFTER_STAMP, ID_DIGITS, Rows, ids, stamps
from trio_ship.encode.raw import Lines, slice_lines
from trio_ship.state import FileEntry

__all__ = ["JsonEncoder", "least_size"]

_ROW_BYTES: Final = 150
_SPACE: Final = 0x20
_NEWLINE: Final = 0x0A
_RETURN: Final = 0x0D
_BOM: Final = b"\xef\xbb\xbf"
_REPLACEMENT: Final = "\ufffd".encode()

_QUOTE: Final = {b"\\": rb"\\", b'"': rb"\""}  # the backslash first: the others write one
_SHORT: Final = {b"\b": rb"\b", b"\t": rb"\t", b"\f": rb"\f", b"\r": rb"\r"}
_CONTROL: Final = _SHORT | {
    bytes([code]): b"\\u%04x" % code
    for code in range(0x20)
    if code != _NEWLINE and bytes([code]) not in _SHORT
}
_SEPARATOR: Final = {"\u2028".encode(): rb"\u2028", "\u2029".encode(): rb"\u2029"}
_ESCAPED_NEWLINE: Final = rb"\n"

_CLOSE: Final = {
    Kind.IN_ORDER: b'"}\n',
    Kind.LATE: b'","late":true}\n',
    Kind.AHEAD: b'","ahead":true}\n',
}
_LEAST: Final = (
    len(b'{"timestamp":null,"source":"","path":"","message":"","id":"-"}') + 2 * ID_DIGITS
)


def least_size(batch: OrderedBatch) -> int:
    """Return how many bytes a batch will make at least, if no message is cut."""
    return int(batch.length.sum()) + _LEAST * len(batch)


class JsonEncoder:
    """Encodes ordered batches as JSON lines.

    Attributes:
        replaced: Records so far in which bytes that are not UTF-8 were
            replaced.
        cut_nuls: NUL bytes so far that were cut from the start of messages.
    """

    def __init__(self) -> None:
        self.replaced: int = 0
        self.cut_nuls: int = 0

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the records of `batch` as JSON lines, in slices of about 1 MB."""
        if not len(batch):
            return
        parsed, batch = batch.parsed, batch.with_messages()
        close = _CLOSE[batch.kind]
        after_id = close if parsed is None else close[:1]
        stamp, offset, region = batch.timestamp, batch.offset, batch.region
        constants = _Constants.of(batch.files, region)
        for lines in slice_lines(batch, row_bytes=_ROW_BYTES):
            rows = lines.rows
            head = stamps(stamp[rows])
            middle = constants.select(region[rows], skip=stamp[rows] == NO_STAMP)
            message = self._messages(lines, offset[rows])
            tail = ids(constants.id[region[rows]], offset[rows], after_id)
            if parsed is None:
                yield interleave((head, middle, message, tail))
            else:
                from trio_ship.encode.json_members import members  # noqa: PLC0415 - seldom needed

                yield interleave((head, middle, message, tail, *members(parsed, rows, close[1:])))

    def _messages(self, lines: Lines, offset: I64) -> Pieces:
        """Return the messages of `lines`, escaped."""
        lines = self._without_lead(lines, offset)
        text = bytes(lines.text)
        pieces = _escaped_lines(text, lines.end)
        return self._escaped_records(text, lines) if pieces is None else pieces

    def _escaped_records(self, text: bytes, lines: Lines) -> Pieces:
        """Return the messages of `lines`, whatever stands in their `text`."""
        data, end = np.frombuffer(text, np.uint8), lines.end
        controls = np.flatnonzero(data < _SPACE)
        codes = data[controls]
        breaks = controls[codes == _NEWLINE]
        final = np.searchsorted(breaks, end - 1)
        # No row is empty, so where a row is one newline this looks at another newline.
        returns = data[end - 2] == _RETURN
        returns[lines.completed] = False
        text, separated = self._valid(text, end, final)
        text = _escape(text, _QUOTE)
        if separated:
            text = _escape(text, _SEPARATOR)
        if len(controls) > len(breaks):
            present = np.unique(codes).tobytes()
            text = _escape(text, {key: _CONTROL[key] for key in _CONTROL if key in present})
        stop = newlines(np.frombuffer(text, np.uint8))[final]
        start = _starts(stop + 1)
        stop -= returns * len(_CONTROL[b"\r"])
        if len(breaks) > len(final):
            text = text.replace(b"\n", _ESCAPED_NEWLINE)
            grown = len(_ESCAPED_NEWLINE) - 1
            start += _starts(final + 1) * grown
            stop += final * grown
        return Pieces(np.frombuffer(text, np.uint8), start, stop - start)

    def _without_lead(self, lines: Lines, offset: I64) -> Lines:
        """Return `lines` without byte order marks and NULs in front."""
        data = np.frombuffer(lines.text, np.uint8)
        start = _starts(lines.end)
        first = data[start]
        odd = np.flatnonzero((first == 0) | ((first == _BOM[0]) & (offset == 0)))
        if not len(odd):
            return lines
        skip = np.zeros(len(start), np.int64)
        for row in odd:
            record = bytes(lines.text[start[row] : lines.end[row]])
            marked = record.removeprefix(_BOM) if offset[row] == 0 else record
            message = marked.lstrip(b"\0")
            self.cut_nuls += len(marked) - len(message)
            skip[row] = len(record) - len(message)
        length = lines.end - start - skip
        text = Pieces(data, start + skip, length).joined()
        return attrs.evolve(lines, text=text, end=np.cumsum(length))

    def _valid(self, text: bytes, end: I64, final: I64) -> tuple[bytes, bool]:
        """Return `text` as valid UTF-8, and whether U+2028 or U+2029 is in it.

        A newline ends every broken character, so rows do not mix.

        Args:
            text: Rows, each with a newline at its end.
            end: The byte after each row.
            final: Which newline of `text` each row ends with.
        """
        if text.isascii():
            return text, False
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            decoded = text.decode(errors="replace")
            before = np.searchsorted(_replacements(text), end)
            text = decoded.encode()
            after = newlines(np.frombuffer(text, np.uint8))[final]
            after = np.searchsorted(_replacements(text), after)
            self.replaced += int(np.count_nonzero(np.diff(after - before, prepend=0)))
        return text, "\u2028" in decoded or "\u2029" in decoded


def _escaped_lines(text: bytes, end: I64) -> Pieces | None:
    """Return the messages of rows that are single lines, or None if one is not.

    The fast path of `_escaped_records`: no control character but the newline at the
    end of each row, and no byte that is not UTF-8. It leaves the newlines alone.

    Args:
        text: Rows, each with a newline at its end.
        end: The byte after each row.
    """
    signed = np.frombuffer(text, np.int8)
    # Signed, bytes beyond ASCII are below the space too.
    odd = np.count_nonzero(signed < _SPACE)
    if odd != len(end):
        if text.isascii() or odd - np.count_nonzero(signed < 0) != len(end):
            return None
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            return None
        if "\u2028" in decoded or "\u2029" in decoded:
            return None
    data = np.frombuffer(_escape(text, _QUOTE), np.uint8)
    if len(data) != len(text):
        end = newlines(data) + 1
    start = _starts(end)
    return Pieces(data, start, end - 1 - start)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Constants:
    """What is the same in all lines of a file.

    Attributes:
        text: For all files: from behind the stamp to the start of the message.
        start: First byte in `text` by region. Shape (m,).
        length: Bytes in `text` by region. Shape (m,).
        id: The id of each region's file. Shape (m,), dtype V16.
    """

    text: U8
    start: I64
    length: I64
    id: Rows

    @classmethod
    def of(cls, files: Sequence[FileEntry], region: I32) -> _Constants:
        """Return the constants of the regions that occur in `region`."""
        texts: list[bytes] = []
        start = np.zeros(len(files), np.int64)
        length = np.zeros(len(files), np.int64)
        names = np.zeros(len(files), f"S{ID_DIGITS}")
        total = 0
        for number in np.flatnonzero(np.bincount(region)).tolist():
            file = files[number]
            constant = _constant(file.source, file.path)
            texts.append(constant)
            start[number], length[number] = total, len(constant)
            names[number] = file.id
            total += len(constant)
        text = np.frombuffer(b"".join(texts), np.uint8)
        return cls(text=text, start=start, length=length, id=names.view(f"V{ID_DIGITS}"))

    def select(self, region: I32, *, skip: npt.NDArray[np.bool_]) -> Pieces:
        """Return the piece of each row; without the end of a stamp where `skip`."""
        skipped = skip * len(AFTER_STAMP)
        return Pieces(self.text, self.start[region] + skipped, self.length[region] - skipped)


@functools.lru_cache(maxsize=16384)
def _constant(source: str, path: str) -> bytes:
    return b'%s,"source":"%s","path":"%s","message":"' % (
        AFTER_STAMP,
        _quoted(source),
        _quoted(path),
    )


def _quoted(name: str) -> bytes:
    """Return a name or path, escaped; what is not UTF-8 in it is replaced."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
    escaped = _escape(text, _QUOTE | _CONTROL | _SEPARATOR)
    return escaped.replace(b"\n", _ESCAPED_NEWLINE)


def _escape(text: bytes, escapes: Mapping[bytes, bytes]) -> bytes:
    for character, escape in escapes.items():
        text = text.replace(character, escape)
    return text


def _replacements(text: bytes) -> I64:
    """Return where the replacement character stands in `text`, as byte places."""
    data = np.frombuffer(text, np.uint8)
    first, second, third = _REPLACEMENT
    found = (data[:-2] == first) & (data[1:-1] == second) & (data[2:] == third)
    return np.flatnonzero(found)


def _starts(end: I64) -> I64:
    """Return where rows that lie side by side from 0 begin."""
    return np.concatenate(([0], end[:-1]))

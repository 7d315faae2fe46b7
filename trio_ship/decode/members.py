"""Stamps in the fields of JSON and logfmt.

Most programs write the same bytes in front of their stamp into every line, or one
of a few, as `{"level":"info","ts":`. What some lines have there is compared with
all others first, and only lines that begin otherwise are searched.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.search import condense, find_marks, first_of_lines, have_marks
from trio_ship.decode.windows import ROWS, WIDEST, Windows, first_bit, last_bit, telling
from trio_ship.decode.words import MAX_WIDTH, within

__all__ = ["FIELDS", "find_field"]

_SAMPLES: Final = 8
_BEGINNINGS: Final = 2
_MANY: Final = 64
_OPENED: Final = (b'"', b"<")
"""Fields that begin so may have anything before them; others have white space."""

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
    '"@t"',  # Serilog
    '"Timestamp"',  # .NET
    '"asctime"',  # Python
    '"eventTime"',  # CloudTrail
    '"stageTimestamp"',  # audit of Kubernetes
    '"start_time"',  # Envoy
    '"timeUnixNano"',  # OpenTelemetry
    '"timeMillis"',  # log4j
    '"epochSecond"',  # log4j
    '"timestamp_ms"',
    '"created"',  # Python
    '"published"',  # Okta
    '"Time"',  # tests of Go
    '"time_iso8601"',  # nginx
    '"time_local"',  # nginx
    '"msec"',  # nginx
    "timestamp=",
    "time=",
    "ts=",
    "t=",
    "datetime=",
    "rt=",  # CEF
    "__REALTIME_TIMESTAMP=",  # journald, exported
    "<time=",  # Configuration Manager
    "SystemTime=",  # Windows, in XML
)
"""The usual fields that hold a stamp, in JSON and logfmt, the likelier first."""


def find_field(field: str, arena: U8, start: I64, end: I64, *, last: bool = False) -> I64:
    """Return where the value of a field begins in each line; -1 for nowhere.

    Args:
        field: `"ts"` for a member of JSON, `ts=` for logfmt.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line, ascending. Shape (n,), n > 0.
        end: The byte after each line. Shape (n,).
        last: Whether the last such field of a line counts, not the first.
    """
    in_json = field[0] == '"'
    text = field.encode() + b":" * in_json
    value = np.full(len(start), -1, np.int64)
    rows = np.arange(len(start))
    for beginning in () if last else _beginnings(text, arena, start, end):
        begin = start[rows] if len(rows) < len(start) else start
        after = begin + len(beginning)
        fits = have_marks(arena, within(arena, begin), list(enumerate(beginning)))
        fits &= after < end[rows]
        if fits.all() and len(rows) == len(start):
            value = after
        else:
            value[rows[fits]] = after[fits]
        some, rows = len(rows), rows[~fits]
        if 2 * len(rows) > some or not len(rows):
            break  # the samples deceived, or nothing is left to do
    if len(rows) == len(start):
        value = _search(text, arena, start, end, last=last)
        value += np.where(value >= 0, len(text), 0)
    elif len(rows):
        own, begin, stop = condense(arena, start[rows], end[rows])
        at = _search(text, own, begin, stop, last=last)
        value[rows] = np.where(at >= 0, at + len(text) + start[rows] - begin, -1)
    return _opened(arena, value, spaced=in_json)


def _opened(arena: U8, value: I64, *, spaced: bool) -> I64:
    """Return where values begin behind a quote, with `spaced` also behind a space; -1 is none."""
    first = arena[value]
    if (first == first[0]).all() and first[0] not in b" \"'" and not (value < 0).any():
        return value
    found = value >= 0
    if spaced and (first == ord(" ")).any():
        value += (first == ord(" ")) & found
        first = arena[value]
    value += ((first == ord('"')) | (first == ord("'"))) & found
    return value


def _beginnings(text: bytes, arena: U8, start: I64, end: I64) -> list[bytes]:
    """Return what nearly all of some lines have up to their first such field, and with it."""
    found = []
    for row in np.linspace(0, len(start) - 1, _SAMPLES, dtype=np.int64).tolist():
        line = arena[start[row] : min(end[row], start[row] + MAX_WIDTH)].tobytes()
        at = line.find(text)
        while at > 0 and text[:1] not in _OPENED and line[at - 1 : at] not in (b" ", b"\t"):
            at = line.find(text, at + 1)
        if at >= 0:
            found.append(line[: at + len(text)])
    counts = Counter(found).most_common(_BEGINNINGS)
    if sum(count for _, count in counts) < _SAMPLES - 1:
        return []
    return [beginning for beginning, _ in counts]


def _search(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Return where the name of a field stands in each line; -1 for nowhere."""
    if len(start) < _MANY or not _is_near(text, arena, start, end, last=last):
        return _search_all(text, arena, start, end, last=last)
    found = np.empty_like(start)
    for low in range(0, len(start), ROWS):
        rows = slice(low, low + ROWS)
        found[rows] = _search_near(text, arena, start[rows], end[rows], last=last)
    far = np.flatnonzero(found < 0)
    if len(far):
        own, begin, stop = condense(arena, start[far], end[far])
        at = _search_all(text, own, begin, stop, last=last)
        found[far] = np.where(at >= 0, at + start[far] - begin, -1)
    return found


def _is_near(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> bool:
    """Tell whether the field is within a window of most of some lines."""
    near = 0
    for row in np.linspace(0, len(start) - 1, _SAMPLES, dtype=np.int64).tolist():
        low, high = int(start[row]), int(end[row])
        low, high = (max(low, high - WIDEST), high) if last else (low, min(high, low + WIDEST))
        near += text in arena[low:high].tobytes()
    return near >= _SAMPLES - 2


def _search_near(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Return where a field stands near the beginning, or the end, of lines.

    What is found is the first, or last, of its line; -1 where that is not sure.
    """
    begin = np.maximum(end - WIDEST, 0) if last else start
    windows = Windows(arena, begin)
    marks = list(enumerate(text))
    begins = windows.begins(telling(windows.counts, marks, bytes_=1))
    if text[:1] not in _OPENED:
        space = windows.places(ord(" ")) | windows.places(ord("\t"))
        begins &= space << begins.dtype.type(1) | begins.dtype.type(1)
    place = last_bit(begins) if last else first_bit(begins)
    at = begin + place
    sure = (place >= 0) & (place < WIDEST) & (at >= start) & (at + len(text) < end)
    sure &= have_marks(arena, within(arena, at), marks)
    at[~sure] = -1
    return at


def _search_all(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Do as `_search`, for lines of any length."""
    marks = list(enumerate(text))
    at = find_marks(arena, marks, int(start[0]), int(end[-1]))
    if text[:1] in _OPENED:
        return first_of_lines(at, start, end - len(text), last=last)
    before = arena[np.maximum(at - 1, 0)]
    at = at[(before == ord(" ")) | (before == ord("\t"))]
    found = first_of_lines(at, start, end - len(text), last=last)
    begins = (start + len(text) < end) & have_marks(arena, within(arena, start), marks)
    found[begins] = start[begins]
    return found

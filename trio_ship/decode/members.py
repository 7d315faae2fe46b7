"""Stamps in the fields of JSON and logfmt.

Most programs have their stamp at one column of their lines, as in `{"pid":4007,"ts":`.
Where some lines have it all others are looked at first (see `usual`), and only those
that have it elsewhere are searched: near their beginning, or for a field that ends them
at its distance from the end, if some lines have it there, and from end to end where
nothing else helps.
"""

from __future__ import annotations

import itertools
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.nesting import find_member
from trio_ship.decode.search import (
    condense,
    count_pair,
    find_marks,
    first_of_lines,
    have_marks,
    rarest_pair,
)
from trio_ship.decode.usual import Usual
from trio_ship.decode.windows import NARROW, ROWS, WIDEST, Windows, first_bit, last_bit, telling
from trio_ship.decode.words import within

__all__ = ["FIELDS", "find_field"]

_SAMPLES: Final = 8
_SAMPLE: Final = 4096
_MANY: Final = 64
_OPENED: Final = (b'"', b"\\", b"<")
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
    "time:",  # LTSV
    "CreateTime:",  # Kafka's console
)
"""The usual fields that hold a stamp, in JSON, logfmt and LTSV, the likelier first."""


def find_field(
    field: str, arena: U8, start: I64, end: I64, *, last: bool = False, own: bool = False
) -> I64:
    r"""Return where the value of a field begins in each line; -1 for nowhere.

    Args:
        field: `"ts"` for a member of JSON, `\"ts\"` for one within a string, `ts=` for
            logfmt, `ts:` for LTSV.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line, ascending. Shape (n,), n > 0.
        end: The byte after each line. Shape (n,).
        last: Whether the last such field of a line counts, not the first.
        own: Whether a member of the object itself counts, where it has one, and not
            one of an object within it.
    """
    in_json = field[0] in '"\\'
    text = field.encode() + b":" * in_json
    if own:
        value = find_member(field.encode(), arena, start, end)
        return _opened(arena, value + np.where(value >= 0, len(text), 0), spaced=True)
    value = _find(text, arena, start, end, last=last)
    lacking = value < 0
    value += len(text)
    if lacking.any():
        value[lacking] = -1
    value = _opened(arena, value, spaced=in_json)
    if field[0] == "\\":
        value += 2 * ((value >= 0) & (arena[value] == ord("\\")))
    return value


@attrs.frozen
class _Seen:
    """Where a field stands in some lines.

    Attributes:
        usual: Where nearly all of them have it, if they show that; else None.
        width: In so many bytes from their beginning or, where the last one is sought,
            up to their end nearly all have it; 0: in more than are looked at together.
        distance: How far from their end all of them have it; 0: it differs.
    """

    usual: Usual | None
    width: int
    distance: int

    @classmethod
    def of(cls, text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> _Seen:
        """Look at some lines; arguments as for `_find`."""
        lines: dict[int, list[bytes]] = {}
        distances: set[int] = set()
        reaches: list[int] = []
        step = max(len(start) // _SAMPLES, 1)
        bounds = zip(start[::step].tolist(), end[::step].tolist(), strict=True)
        for low, high in itertools.islice(bounds, _SAMPLES):
            line = arena[low:high].tobytes()
            at = line.rfind(text) if last else line.find(text)
            while at > 0 and text[:1] not in _OPENED and line[at - 1 : at] not in (b" ", b"\t"):
                at = line.rfind(text, 0, at) if last else line.find(text, at + 1)
            distances.add(len(line) - at if at >= 0 else 0)
            if at >= 0:
                reaches.append(len(line) - at if last else at + len(text))
                lines.setdefault(at - len(line) * last, []).append(line)
        offset, alike = max(lines.items(), key=lambda item: len(item[1]), default=(0, []))
        usual = None
        if len(alike) >= _SAMPLES - 1:
            usual = Usual.of(text, offset, alike, spaced=text[:1] not in _OPENED)
        distance = distances.pop() if len(distances) == 1 else 0
        width = 0
        if max(reaches, default=WIDEST) <= NARROW and len(reaches) == _SAMPLES:
            width = NARROW
        elif sum(reach <= WIDEST for reach in reaches) >= _SAMPLES - 2:
            width = WIDEST
        return cls(usual, width, distance)


def _opened(arena: U8, value: I64, *, spaced: bool) -> I64:
    """Return where values begin behind a quote, with `spaced` also behind a space; -1 is none."""
    first = arena[value]
    if (first == first[0]).all() and value.min() >= 0 and first[0] != ord(" "):
        return value + (first[0] in b"\"'")
    found = value >= 0
    if spaced and (first == ord(" ")).any():
        value += (first == ord(" ")) & found
        first = arena[value]
    value += ((first == ord('"')) | (first == ord("'"))) & found
    return value


def _find(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Return where the name of a field stands in each line; -1 for nowhere."""
    if len(start) < _MANY:
        return _search_far(text, arena, start, end, last=last)
    seen = _Seen.of(text, arena, start, end, last=last)
    if seen.usual is None:
        return _search(text, seen, arena, start, end, last=last)
    at, is_there = seen.usual.look(arena, start, end)
    if is_there.all():
        return at
    if 2 * np.count_nonzero(is_there) < len(start):  # the samples deceived
        return _search(text, seen, arena, start, end, last=last)
    rows = np.flatnonzero(~is_there)
    at[rows] = _search(text, seen, arena, start[rows], end[rows], last=last)
    return at


def _search(text: bytes, seen: _Seen, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Do as `_find`, for lines that have it at different columns."""
    if not seen.width:
        at = _search_distant(text, seen.distance, arena, start, end)
        return _search_far(text, arena, start, end, last=last) if at is None else at
    found = np.empty_like(start)
    for low in range(0, len(start), ROWS):
        rows = slice(low, low + ROWS)
        found[rows] = _search_near(text, seen.width, arena, start[rows], end[rows], last=last)
    far = np.flatnonzero(found < 0)
    if len(far):
        found[far] = _search_far(text, arena, start[far], end[far], last=last)
    return found


def _search_far(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Do as `_find`, for lines of any length."""
    own, begin, stop = condense(arena, start, end)
    at = _search_all(text, own, begin, stop, last=last)
    return at if own is arena else np.where(at >= 0, at + start - begin, -1)


def _search_distant(text: bytes, distance: int, arena: U8, start: I64, end: I64) -> I64 | None:
    """Return where a field stands if each line has it once, so far from its end; else None.

    That it stands nowhere else is known from how often two of its bytes are met.
    """
    at = end - distance
    if distance <= len(text) or text[:1] not in _OPENED or not (at >= start).all():
        return None
    if (start[1:] != end[:-1]).any():
        return None
    marks = list(enumerate(text))
    begin, stop = int(start[0]), int(end[-1])
    pair = rarest_pair(arena[(begin + stop) // 2 :][:_SAMPLE], marks)
    if pair is None or not have_marks(arena, within(arena, at), marks).all():
        return None
    return at if count_pair(arena, pair, begin, stop) == len(at) else None


def _search_near(text: bytes, width: int, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Return where a field stands near the beginning, or the end, of lines.

    What is found is the first, or last, of its line; -1 where that is not sure.
    """
    begin = np.maximum(end - width, 0) if last else start
    windows = Windows(arena, begin, width)
    marks = list(enumerate(text))
    begins = windows.begins(telling(windows.counts, marks))
    if text[:1] not in _OPENED:
        space = windows.places(ord(" ")) | windows.places(ord("\t"))
        begins &= space << begins.dtype.type(1) | begins.dtype.type(1)
    place = last_bit(begins) if last else first_bit(begins)
    at = begin + place
    sure = place < width
    if last:
        sure &= (place >= 0) & (at >= start)
    sure &= at + len(text) < end
    sure &= have_marks(arena, within(arena, at), marks)
    at[~sure] = -1
    return at


def _search_all(text: bytes, arena: U8, start: I64, end: I64, *, last: bool) -> I64:
    """Do as `_find`, for lines among few others."""
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

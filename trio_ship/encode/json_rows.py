"""Rows of fixed width around the messages of JSON lines: how lines begin and end.

A line ends with its id and begins with its stamp; both have one width in all lines,
so they are filled in as columns of a table. What ends one line and what begins the
next stand side by side: together they are one piece.
"""

from __future__ import annotations

import functools
import itertools
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP
from trio_ship.encode.gather import Pieces

__all__ = ["AFTER_STAMP", "ID_DIGITS", "Rows", "around", "ids", "stamp_pieces", "stamps"]

Rows: TypeAlias = npt.NDArray[np.void]

_FEW: Final = 16
_SECOND: Final = 10**9

_STAMP: Final = b'{"timestamp":"'
_NO_STAMP: Final = b'{"timestamp":null'
_ID: Final = b'","id":"'
ID_DIGITS: Final = 16
# Name, size and place of each field. Fields of four bytes are filled fastest; of three digits,
# the next field covers the fourth byte.
_STAMP_FIELDS: Final = (
    ("open", 14, 0),
    ("minute", 16, 14),
    ("second", 4, 30),
    ("milli", 4, 34),
    ("micro", 4, 37),
    ("nano", 4, 40),
)
_WIDTH: Final = {"milli": 37, "micro": 40, "nano": 43}
AFTER_STAMP: Final = b'Z"'
_SECONDS: Final = np.array([b":%02d." % number for number in range(60)]).view("V4")
_THREE: Final = np.array([b"%03d" % number for number in range(1000)], "S4").view("V4")
_HEX: Final = np.array([b"%02x" % number for number in range(256)]).view(np.uint16)


def around(stamp: I64, file: Rows, offset: I64, close: bytes) -> Pieces:
    """Return what stands in front of, between and behind lines; shape (n + 1,).

    Each piece is the end of one line, from behind its message, and the start of the next one,
    up to the last digit of its stamp. The first lacks the former, the last the latter.
    """
    rows, length = _stamped(np.append(stamp, stamp[-1:]), close)
    _fill_ids(rows[1:], file, offset)
    start = np.arange(len(rows)) * rows.itemsize
    end = _id_width(close)
    length += end
    length[-1] = end
    start[0] += end
    length[0] -= end
    return Pieces(rows.view(np.uint8), start, length)


def stamps(stamp: I64) -> Pieces:
    """Return the start of each line, up to the last digit of the stamp."""
    rows, length = _stamped(stamp)
    return Pieces(rows.view(np.uint8), np.arange(len(rows)) * rows.itemsize, length)


def ids(file: Rows, offset: I64, close: bytes) -> Pieces:
    """Return the end of each line, from behind the message."""
    rows = np.repeat(_blank(close, stamped=False), len(file))
    _fill_ids(rows, file, offset)
    start = np.arange(len(rows)) * rows.itemsize
    return Pieces(rows.view(np.uint8), start, np.full(len(rows), rows.itemsize))


def stamp_pieces(stamp: I64) -> Pieces:
    """Return stamps alone, such as `2026-11-23T08:00:00.125Z`; `-` where there is none."""
    rows = stamps(stamp)
    table = rows.data.reshape(len(stamp), -1)
    length = rows.length - len(_STAMP) + 1
    table[np.arange(len(stamp)), rows.length] = AFTER_STAMP[0]
    missing = stamp == NO_STAMP
    table[missing, len(_STAMP)] = ord("-")
    length[missing] = 1
    return Pieces(rows.data, rows.start + len(_STAMP), length)


@functools.cache
def _blank(close: bytes, *, stamped: bool = True) -> Rows:
    """Return a row with what is the same in all of them.

    Args:
        close: The end of a line, behind its id; empty where rows have no id.
        stamped: Whether the start of a line stands in it, behind the id.
    """
    sizes = [len(_ID), ID_DIGITS, 1, ID_DIGITS, len(close)] if close else []
    ends = list(itertools.accumulate(sizes))
    fields = list(zip(("id", "file", "dash", "offset", "close"), sizes, [0, *ends], strict=False))
    if stamped:
        fields += [(name, size, sum(sizes) + place) for name, size, place in _STAMP_FIELDS]
    names, widths, places = zip(*fields, strict=True)
    formats = [f"V{width}" for width in widths]
    row = np.zeros(1, np.dtype({"names": names, "formats": formats, "offsets": places}))
    for name, text in (("id", _ID), ("dash", b"-"), ("close", close), ("open", _STAMP)):
        if name in names:
            row[name] = np.void(text)
    return row


def _id_width(close: bytes) -> int:
    """Return how many bytes of a row stand in front of the start of a line."""
    return _blank(close, stamped=False).itemsize if close else 0


def _stamped(stamp: I64, close: bytes = b"") -> tuple[Rows, I64]:
    """Return rows with the stamp filled in, and how long each line's start is up to it."""
    seconds = stamp // _SECOND
    minute = seconds // 60
    rows = _minutes(minute, _blank(close))
    rows["second"] = _SECONDS[seconds - minute * 60]
    nanos = stamp - seconds * _SECOND
    millis = nanos // 10**6
    rows["milli"] = _THREE[millis]
    nanos -= millis * 10**6
    length = np.full(len(stamp), _WIDTH["milli"])
    if nanos.any():
        micros = nanos // 1000
        rows["micro"] = _THREE[micros]
        rows["nano"] = _THREE[nanos - micros * 1000]
        length[nanos > 0] = _WIDTH["micro"]
        length[nanos > micros * 1000] = _WIDTH["nano"]
    missing = np.flatnonzero(stamp == NO_STAMP)
    if len(missing):
        begin = _id_width(close)
        table = rows.view(np.uint8).reshape(len(rows), -1)
        table[missing, begin : begin + len(_NO_STAMP)] = list(_NO_STAMP)
        length[missing] = len(_NO_STAMP)
    return rows, length


def _minutes(minute: I64, blank: Rows) -> Rows:
    """Return rows with minutes since 1970 as `2026-11-23T08:00`; written where they change."""
    changes = np.flatnonzero(minute[1:] != minute[:-1]) + 1
    first = np.concatenate(([0], changes))
    distinct, which = minute[first], np.arange(len(first))
    if len(first) > _FEW:
        distinct, which = np.unique(distinct, return_inverse=True)
    row = np.repeat(blank, len(distinct))
    row["minute"] = np.datetime_as_string(distinct.view("M8[m]")).astype("S16").view("V16")
    return np.repeat(row[which], np.diff(first, append=len(minute)))


def _fill_ids(rows: Rows, file: Rows, offset: I64) -> None:
    """Fill in the id of each record: that of its file, and its offset there."""
    rows["file"] = file
    rows["offset"] = _HEX.take(offset.astype(">i8").view(np.uint8)).view(f"V{ID_DIGITS}")

"""Rows of fixed width around the messages of JSON lines: how lines begin and end.

A line begins with its stamp and ends with its id; both have one width in all lines,
so they are filled in as columns of a table.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, NO_STAMP
from trio_ship.batch.pieces import Pieces

__all__ = ["AFTER_STAMP", "ID_DIGITS", "Rows", "ids", "stamp_pieces", "stamps"]

Rows: TypeAlias = npt.NDArray[np.void]

_FEW: Final = 16
_SECOND: Final = 10**9

_STAMP: Final = b'{"timestamp":"'
_NO_STAMP: Final = b'{"timestamp":null'
_ID: Final = b'","id":"'
ID_DIGITS: Final = 16
# Fields of four bytes are filled fastest; of the digits, the next field covers the fourth.
_STAMP_ROW: Final = np.dtype(
    {
        "names": ["open", "minute", "second", "milli", "micro", "nano"],
        "formats": ["V14", "V16", "V4", "V4", "V4", "V4"],
        "offsets": [0, 14, 30, 34, 37, 40],
    }
)
_WIDTH: Final = {"milli": 37, "micro": 40, "nano": 43}
AFTER_STAMP: Final = b'Z"'
_SECONDS: Final = np.array([b":%02d." % number for number in range(60)]).view("V4")
_DIGITS: Final = np.array([b"%03d" % number for number in range(1000)], "S4").view("V4")
_HEX: Final = np.array([b"%02x" % number for number in range(256)]).view(np.uint16)


def stamps(stamp: I64) -> Pieces:
    """Return the start of each line, up to the last digit of the stamp."""
    seconds = stamp // _SECOND
    minute = seconds // 60
    rows = _minutes(minute)
    rows["second"] = _SECONDS[seconds - minute * 60]
    nanos = stamp - seconds * _SECOND
    millis = nanos // 10**6
    rows["milli"] = _DIGITS[millis]
    nanos -= millis * 10**6
    length = np.full(len(stamp), _WIDTH["milli"])
    if nanos.any():
        micros = nanos // 1000
        rows["micro"] = _DIGITS[micros]
        rows["nano"] = _DIGITS[nanos - micros * 1000]
        length[nanos > 0] = _WIDTH["micro"]
        length[nanos > micros * 1000] = _WIDTH["nano"]
    data = rows.view(np.uint8)
    start = np.arange(len(rows)) * rows.itemsize
    missing = np.flatnonzero(stamp == NO_STAMP)
    if len(missing):
        data.reshape(len(rows), -1)[missing, : len(_NO_STAMP)] = list(_NO_STAMP)
        length[missing] = len(_NO_STAMP)
    return Pieces(data, start, length)


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


def ids(file: Rows, offset: I64, close: bytes) -> Pieces:
    """Return the end of each line, from behind the message."""
    row = np.zeros(
        1,
        [
            ("open", f"V{len(_ID)}"),
            ("file", f"V{ID_DIGITS}"),
            ("dash", "V1"),
            ("offset", f"V{ID_DIGITS}"),
            ("close", f"V{len(close)}"),
        ],
    )
    row["open"], row["dash"], row["close"] = np.void(_ID), np.void(b"-"), np.void(close)
    rows = np.repeat(row, len(file))
    rows["file"] = file
    rows["offset"] = _HEX.take(offset.astype(">i8").view(np.uint8)).view(f"V{ID_DIGITS}")
    start = np.arange(len(rows)) * rows.itemsize
    return Pieces(rows.view(np.uint8), start, np.full(len(rows), rows.itemsize))


def _minutes(minute: I64) -> Rows:
    """Return rows with minutes since 1970 as `2026-11-23T08:00`; written where they change."""
    changes = np.flatnonzero(minute[1:] != minute[:-1]) + 1
    first = np.concatenate(([0], changes))
    distinct, which = minute[first], np.arange(len(first))
    if len(first) > _FEW:
        distinct, which = np.unique(distinct, return_inverse=True)
    row = np.zeros(len(distinct), _STAMP_ROW)
    row["open"] = np.void(_STAMP)
    row["minute"] = np.datetime_as_string(distinct.view("M8[m]")).astype("S16").view("V16")
    return np.repeat(row[which], np.diff(first, append=len(minute)))

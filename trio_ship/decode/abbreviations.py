"""Abbreviations of time zones, as programs write them behind a stamp.

Where one has several meanings, it is what PostgreSQL takes it for, but `IST`,
which is India's.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.words import Bools

__all__ = ["AREAS", "INITIALS", "OFFSETS", "is_zone_name", "offset_of"]

_BY_OFFSET: Final = {
    -600: "HST",
    -540: "AKST",
    -480: "PST AKDT",
    -420: "MST PDT",
    -360: "CST MDT",
    -300: "EST CDT",
    -240: "EDT AST",
    -210: "NST",
    -180: "BRT ADT ART",
    -150: "NDT",
    0: "UTC GMT WET",
    60: "CET BST WEST",
    120: "CEST EET SAST",
    180: "MSK EEST EAT",
    300: "PKT",
    330: "IST",
    420: "WIB",
    480: "HKT SGT AWST",
    540: "JST KST",
    570: "ACST",
    600: "AEST",
    630: "ACDT",
    660: "AEDT",
    720: "NZST",
    780: "NZDT",
}
OFFSETS: Final = {name: minutes for minutes, names in _BY_OFFSET.items() for name in names.split()}
"""Minutes east of UTC by abbreviation; each has three or four capital letters."""

INITIALS: Final = bytes(sorted({ord(name[0]) for name in OFFSETS}))
"""The letters with which abbreviations begin."""

AREAS: Final = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic"),
    *("Australia", "Etc", "Europe", "Pacific"),
)
"""With these and a `/` IANA names begin, such as `Europe/Berlin`; `Indian` looks like `Info`."""

_AREA_CODES: Final = np.array([int.from_bytes(f"{area}/"[:4].encode(), "big") for area in AREAS])
_OFFSET_CODES: Final = np.array(
    [int.from_bytes(text, "big") for text in (b"GMT+", b"GMT-", b"UTC+", b"UTC-")]
)
_CODES: Final = {
    size: np.array(
        sorted(int.from_bytes(name.encode(), "big") for name in OFFSETS if len(name) == size),
        np.int64,
    )
    for size in (3, 4)
}
_MINUTES: Final = {
    size: np.array(
        [OFFSETS[int(code).to_bytes(size, "big").decode()] for code in codes.tolist()], np.int64
    )
    for size, codes in _CODES.items()
}
_ENDS_A_NAME: Final = np.array(
    [not ((chr(byte).isalnum() and byte < 128) or chr(byte) in "+-") for byte in range(256)]  # noqa: PLR2004 - ASCII
)


def offset_of(rows: U8) -> tuple[I64, Bools]:
    """Return minutes east of UTC of abbreviations, and where it is one.

    Args:
        rows: The letters. Shape (n, 3) or (n, 4).
    """
    codes = _CODES[rows.shape[1]]
    code = np.zeros(len(rows), np.int64)
    for column in range(rows.shape[1]):
        code = code << 8 | rows[:, column]
    where = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
    return _MINUTES[rows.shape[1]][where], codes[where] == code


def is_zone_name(arena: U8, at: I64) -> Bools:
    """Tell where an abbreviation stands, and ends, or `GMT+`, or an IANA name may begin. (n,)."""
    letters = np.column_stack([arena[at + place] for place in range(5)])
    found = np.zeros(len(at), np.bool_)
    code = np.zeros(len(at), np.int64)
    for column in range(4):
        code = code << 8 | letters[:, column]
    found |= np.isin(code, _AREA_CODES) | np.isin(code, _OFFSET_CODES)
    for size in _CODES:
        found |= offset_of(letters[:, :size])[1] & _ENDS_A_NAME[letters[:, size]]
    return found

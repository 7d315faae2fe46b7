"""Reading what a sink has written, with nothing of the code that wrote it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

import attrs

__all__ = ["Row", "rows_of"]

_NANO: Final = 1_000_000_000


@attrs.frozen(kw_only=True)
class Row:
    """A record of an output; of a raw one, a line.

    Attributes:
        lines: Its lines without line ends.
        stamp_ns: Its stamp, nanoseconds since 1970; None: it has none.
        chain: Its source and path; empty in a raw output.
        id: Its id; empty in a raw output.
        mark: "late", "ahead" or nothing.
    """

    lines: tuple[bytes, ...]
    stamp_ns: int | None = None
    chain: tuple[str, str] = ("", "")
    id: str = ""
    mark: str = ""


def rows_of(encoding: str, data: bytes) -> list[Row]:
    """Return the rows of an output; what stands behind its last line end is left out."""
    lines = data.split(b"\n")[:-1]
    if encoding == "raw":
        return [Row(lines=(line,)) for line in lines]
    return [_row_of(line) for line in lines]


def _row_of(line: bytes) -> Row:
    """Return the row of a json line; where it is none, a row that nobody can have written."""
    try:
        fields = json.loads(line)
        stamp = fields["timestamp"]
        return Row(
            lines=tuple(fields["message"].encode().split(b"\n")),
            stamp_ns=None if stamp is None else _nanoseconds(stamp),
            chain=(fields["source"], fields["path"]),
            id=fields["id"],
            mark="late" if fields.get("late") else "ahead" if fields.get("ahead") else "",
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Row(lines=(line,))


def _nanoseconds(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000) * (_NANO // 1000)

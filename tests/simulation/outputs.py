"""What a sink has written, read with nothing of the code that wrote it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from memory_tree import Node

from simulation.configuration import usual_name

__all__ = ["Output", "Row", "covered", "is_journal", "rows_of"]

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


@attrs.define(eq=False)
class Output:
    """One file that a sink has written.

    Attributes:
        node: The file.
        kept: What must not change any more.
        noted: How far it went when the journal was written last.
    """

    node: Node
    kept: bytes = b""
    noted: int = 0


def is_journal(path: str, sink: str) -> bool:
    """Tell whether a path is that of a journal of a sink, or of one in the making."""
    name = path.removesuffix(".new").removesuffix(".journal").rpartition(".")[2]
    return ".journal" in path and usual_name(name) == sink


def covered(outputs: Sequence[Output], table: dict[str, Any] | None) -> list[int]:
    """Return how many bytes of each output a checkpoint covers.

    Args:
        outputs: The outputs of a sink, in their order.
        table: What the checkpoint says of the sink; None: nothing.
    """
    numbers = [output.node.number for output in outputs]
    if table is None or table["inode"] not in numbers:
        return [0] * len(outputs)
    last = numbers.index(table["inode"])
    before = [len(output.node.data) for output in outputs[:last]]
    return [*before, table["offset"], *[0] * (len(outputs) - last - 1)]


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

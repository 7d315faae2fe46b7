"""What a line of the journal may hold.

The journal lies in a folder of the user's, and is read before anything else
is known. A line that no journal of ours has is the end of it, like a torn one:
what stands behind it is found out by comparing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, get_type_hints

import attrs

from trio_ship.batch import Kind
from trio_ship.checkpoint.document import FORMS
from trio_ship.state import FileEntry, OrderKey, Position, SinkState

__all__ = ["VERSION", "is_end", "is_head", "is_line", "make_line", "read_lines"]

VERSION: Final = 2
"""What the first line of a journal calls its layout."""

_OUTPUT: Final = ("path", "device", "inode", "offset")
_COUNTS: Final = ("sequence", "before")
_KINDS: Final = {kind.value for kind in Kind}
# As in the checkpoint.
_SIGNED: Final = range(-(2**63), 2**63)
_COUNT: Final = range(2**63)
_NUMBER: Final = range(2**64)


def make_line(value: Mapping[str, Any]) -> bytes:
    """Return a value as a line."""
    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the values of the lines of a journal, as far as they are whole."""
    for line in data.split(b"\n")[:-1]:
        if line[:9] != b"%08x " % zlib.crc32(line[9:]):
            return
        try:
            value = json.loads(line[9:])
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        yield value


def is_head(value: dict[str, Any]) -> bool:
    """Tell whether a value can be the first line of a journal."""
    return isinstance(value.get("boot"), str) and _has(value, SinkState, _OUTPUT[1:])


def is_line(value: dict[str, Any]) -> bool:
    """Tell whether a value can be one of the lines behind the first."""
    if "file" in value:
        entry = value["file"]
        return isinstance(entry, dict) and _is_whole(entry, FileEntry)
    if "output" in value:
        output = value["output"]
        return (
            isinstance(output, dict)
            and output.keys() == set(_OUTPUT)
            and _has(output, SinkState, _OUTPUT)
        )
    return _is_batch(value)


def is_end(value: dict[str, Any]) -> bool:
    """Tell whether a value can say where the batch of the line before it ends."""
    return value.keys() == {"after"} and _fits("after", value["after"], int)


def _is_batch(value: dict[str, Any]) -> bool:
    key, moves = value.get("key", ...), value.get("moves")
    return (
        all(_fits(name, value.get(name), int) for name in _COUNTS)
        and _fits("after", value.get("after", 0), int)
        and isinstance(value.get("kind"), str)
        and value["kind"] in _KINDS
        and (key is None or (isinstance(key, list) and _in_order(key, OrderKey)))
        and isinstance(moves, list)
        and all(isinstance(move, list) and _is_move(move) for move in moves)
    )


def _is_move(move: list[Any]) -> bool:
    """Tell whether a list is a file, its position and the latest stamp believed."""
    if len(move) != len(_types(Position)) + 2:
        return False
    name, *position, limit = move
    return (
        _fits("id", name, str) and _fits("limit_ns", limit, int) and _in_order(position, Position)
    )


def _is_whole(value: dict[str, Any], cls: type[attrs.AttrsInstance]) -> bool:
    """Tell whether a table has all that a class must be given, and nothing else."""
    types = _types(cls)
    needed = {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    return needed <= value.keys() <= types.keys() and _has(value, cls, tuple(value))


def _has(value: dict[str, Any], cls: type[attrs.AttrsInstance], names: Sequence[str]) -> bool:
    types = _types(cls)
    return all(name in value and _fits(name, value[name], types[name]) for name in names)


def _in_order(values: list[Any], cls: type[attrs.AttrsInstance]) -> bool:
    types = _types(cls)
    return len(values) == len(types) and all(map(_fits, types, values, types.values()))


def _fits(name: str, value: object, kind: Any) -> bool:  # noqa: ANN401 - a class, or some
    if not isinstance(value, kind):
        return False
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, int):
        if name in {"device", "inode"}:
            return value in _NUMBER
        return value in (_SIGNED if name.endswith("_ns") else _COUNT)
    if isinstance(value, str):
        return FORMS[name].fullmatch(value) is not None if name in FORMS else "\0" not in value
    return True


@cache
def _types(cls: type[attrs.AttrsInstance]) -> dict[str, Any]:
    """Return the types of a class's attributes, in their order."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in attrs.fields(cls)}

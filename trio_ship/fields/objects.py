"""Texts that are JSON objects, found without making anything of them.

Arrow's reader is asked whether many lines are valid, with all their values
ignored: what a value is then does not depend on its neighbours, big numbers stay
exact, and keys may be there twice. Where it says no, halves are asked, and what
is left is looked at one by one. It takes a little more than the standard has,
and less than `json` does; rows with what it takes too easily are not shown to it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

import numpy as np

from trio_ship.batch import I64
from trio_ship.batch.pieces import Pieces, constant, interleave
from trio_ship.decode.words import Bools
from trio_ship.fields.rewriting import pieces_of
from trio_ship.fields.texts import occurs

__all__ = ["are_bare", "are_objects", "is_object"]

_MOST_OPEN: Final = 200
"""What is nested deeper is no object here: others exhaust their stacks with it."""

_FEW: Final = 16
_BRACES: Final = b"{}"
_SPACE: Final = 0x20
_NEWLINE: Final = 0x0A
# Brackets and braces differ in this bit.
_BRACE_BIT: Final = 0x20
# Arrow takes two words for numbers which are none by the standard.
_NO_NUMBERS: Final = (b"NaN", b"Inf")
_NO_NUMBER: Final = r"[:,\[]\s*-?(?:NaN|Inf)"
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


def are_objects(texts: Any) -> Bools:  # noqa: ANN401 - pyarrow has no types
    """Return which texts are JSON objects in valid UTF-8; shape (n,).

    Args:
        texts: An Arrow array of large_binary without nulls.
    """
    found = np.zeros(len(texts), np.bool_)
    candidates = _in_braces(pieces_of(texts))
    if not len(candidates):
        return found
    chosen = texts if len(candidates) == len(texts) else texts.take(candidates)
    valid = np.zeros(len(candidates), np.bool_)
    doubtful = _are_doubtful(chosen)
    clear = np.flatnonzero(~doubtful)
    _judge(chosen if len(clear) == len(chosen) else chosen.take(clear), clear, valid)
    for row in np.flatnonzero(doubtful).tolist():
        valid[row] = is_object(chosen[row].as_py())
    found[candidates] = valid
    return found


def are_bare(objects: Pieces) -> Bools:
    """Return which objects have no members; of an empty text that is not said.

    Args:
        objects: Valid objects, or empty texts.
    """
    inner = np.minimum(objects.start + 1, max(len(objects.data) - 1, 0))
    second = objects.data[inner] if len(objects.data) else np.zeros(len(inner), np.uint8)
    bare: Bools = second == _BRACES[1]
    for row in np.flatnonzero((objects.length > len(_BRACES)) & (second <= _SPACE)).tolist():
        start = int(objects.start[row]) + 1
        stop = start + int(objects.length[row]) - len(_BRACES)
        bare[row] = not bytes(objects.data[start:stop]).strip()
    return bare


def _in_braces(texts: Pieces) -> I64:
    """Return which texts begin and end with a brace."""
    rows = np.flatnonzero(texts.length > 1)
    first, last = texts.data[texts.start[rows]], texts.data[(texts.start + texts.length - 1)[rows]]
    enclosed: I64 = rows[(first == _BRACES[0]) & (last == _BRACES[1])]
    return enclosed


def _are_doubtful(texts: Any) -> Bools:  # noqa: ANN401 - as above
    """Return which texts are not to be shown to Arrow's reader."""
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    pieces = pieces_of(texts)
    # A bracket that is opened is closed too, or the text is no object.
    is_long = np.flatnonzero(pieces.length >= 2 * _MOST_OPEN)
    doubtful = np.zeros(len(texts), np.bool_)
    if len(is_long):
        opens = np.flatnonzero((pieces.data | _BRACE_BIT) == _BRACES[0])
        ends = pieces.start[is_long], (pieces.start + pieces.length)[is_long]
        first, last = (np.searchsorted(opens, end) for end in ends)
        doubtful[is_long] = last - first >= _MOST_OPEN
    if any(occurs(word, pieces.data) for word in _NO_NUMBERS):
        doubtful |= np.asarray(pc.match_substring_regex(texts, _NO_NUMBER))
    return doubtful


def _judge(texts: Any, rows: I64, valid: Bools) -> None:  # noqa: ANN401 - as above
    """Mark which texts are objects."""
    if not len(texts):
        return
    if _are_all_objects(texts):
        valid[rows] = True
    elif len(texts) <= _FEW:
        valid[rows] = [is_object(text) for text in texts.to_pylist()]
    else:
        half = len(texts) // 2
        _judge(texts[:half], rows[:half], valid)
        _judge(texts[half:], rows[half:], valid)


def _are_all_objects(texts: Any) -> bool:  # noqa: ANN401 - as above
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    from pyarrow import json as reader  # noqa: PLC0415 - its import is slow

    # A line that begins and ends with a brace cannot begin or end within an object
    # of its neighbours, so that as many objects as lines are one each.
    newlines = constant(b"\n", np.ones(len(texts), np.bool_))
    data = bytes(interleave((pieces_of(texts), newlines)))
    if np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE) != len(texts):
        return False
    try:
        data.decode()
        table = reader.read_json(
            pa.BufferReader(data),
            read_options=reader.ReadOptions(use_threads=False, block_size=len(data)),
            parse_options=reader.ParseOptions(
                explicit_schema=pa.schema([("\x01", pa.int8())]),
                unexpected_field_behavior="ignore",
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return False
    return int(table.num_rows) == len(texts)


def is_object(text: bytes) -> bool:
    """Tell whether one text is a JSON object in valid UTF-8."""
    if text.count(b"[") + text.count(b"{") >= _MOST_OPEN and _depth(text) >= _MOST_OPEN:
        return False
    try:
        return isinstance(json.loads(text.decode(), parse_constant=_refuse), dict)
    except ValueError:
        return False


def _depth(text: bytes) -> int:
    """Return how deep brackets are nested outside of strings."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", text):
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)

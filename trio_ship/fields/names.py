r"""Fields by their names: which members of objects are meant, and what they say.

A name is the path of keys to a field, joined by points: `http.status` is the member
`status` of `http`, and a member whose own key is `http.status` too. Arrays on the
way are passed through. In a pattern `*` stands for any text, points too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.batch.pieces import Pieces, constant, interleave, large_binary, replaced
from trio_ship.decode.words import Bools
from trio_ship.fields.members import Members

__all__ = ["may_have", "named", "texts_of", "with_backslash", "written"]

_BACKSLASH: Final = ord("\\")
_QUOTE: Final = ord('"')
_ANYTHING: Final = "*"
_POINT: Final = "."


def written(name: str) -> bytes:
    """Return a key as it stands in an object, with its quotes."""
    return json.dumps(name, ensure_ascii=False).encode()


def may_have(data: U8, names: Sequence[str]) -> bool:
    """Tell whether objects may have fields of such names: quickly, and perhaps in vain.

    Args:
        data: The text of the objects.
        names: Names, or patterns.
    """
    text = bytes(data)
    # With a backslash a key may be written in many ways.
    return b"\\" in text or any(
        _ANYTHING in name or written(name.rpartition(_POINT)[2])[1:] in text for name in names
    )


def named(members: Members, names: Sequence[str]) -> list[I64]:
    """Return which members each of some names, or patterns, means; rising."""
    if any(_ANYTHING in name for name in names):
        rows = np.arange(len(members))
    else:
        deepest = max((name.count(_POINT) for name in names), default=0) + 1
        wanted = members.level <= deepest
        if deepest == 1:
            # Most keys are of another length.
            fits = with_backslash(members.keys)
            for size in {len(name.encode()) for name in names}:
                fits |= members.keys.length == size
            wanted &= fits
        rows = np.flatnonzero(wanted)
    paths = _paths(members, rows)
    return [rows[np.flatnonzero(_are_named(paths, name))] for name in names]


def texts_of(members: Members, rows: I64) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return what members say: strings by what they mean, all else as it is written.

    Returns:
        An Arrow array of large_binary.
    """
    values = members.values.take(rows)
    is_string = values.data[values.start] == _QUOTE
    inner = Pieces(values.data, values.start + is_string, values.length - 2 * is_string)
    return _column(_decoded(inner, is_string))


def with_backslash(texts: Pieces) -> Bools:
    """Return which texts have a backslash in them."""
    places = np.flatnonzero(texts.data == _BACKSLASH)
    if not len(places):
        return np.zeros(len(texts.start), np.bool_)
    first, last = (
        np.searchsorted(places, each) for each in (texts.start, texts.start + texts.length)
    )
    return last > first


def _paths(members: Members, rows: I64) -> Any:  # noqa: ANN401 - as above
    """Return the names of members, among which are those that they are in."""
    keys = _decoded(members.keys.take(rows))
    level = members.level[rows]
    if not (level > 1).any():
        return _column(keys)
    place = np.zeros(len(members), np.int64)
    place[rows] = np.arange(len(rows))
    parent = place[members.parent[rows]]
    data, start, length = keys.data, keys.start.copy(), keys.length.copy()
    for each in np.unique(level[level > 1]):
        mine = np.flatnonzero(level == each)
        outer = Pieces(data, start, length).take(parent[mine])
        points = constant(_POINT.encode(), np.ones(len(mine), np.bool_))
        text = interleave((outer, points, keys.take(mine)))
        length[mine] += outer.length + 1
        start[mine] = len(data) + np.cumsum(length[mine]) - length[mine]
        data = np.concatenate((data, np.frombuffer(text, np.uint8)))
    return _column(Pieces(data, start, length))


def _are_named(paths: Any, name: str) -> Any:  # noqa: ANN401 - as above
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    if _ANYTHING not in name:
        return pc.equal(paths, pa.scalar(name.encode(), pa.large_binary()))
    pattern = ".*".join(re.escape(part) for part in name.split(_ANYTHING))
    return pc.match_substring_regex(paths, rf"(?s)\A{pattern}\z")


def _decoded(texts: Pieces, is_string: Bools | None = None) -> Pieces:
    """Return what stands between quotes without its escapes."""
    odd = with_backslash(texts)
    if is_string is not None:
        odd &= is_string
    rows = np.flatnonzero(odd)
    if not len(rows):
        return texts
    ends = zip(texts.start[rows].tolist(), texts.length[rows].tolist(), strict=True)
    found = [bytes(texts.data[start : start + length]) for start, length in ends]
    return replaced(
        texts, rows, [json.loads(b'"%s"' % text).encode(errors="replace") for text in found]
    )


def _column(texts: Pieces) -> Any:  # noqa: ANN401 - as above
    return large_binary(texts.joined(), texts.length)

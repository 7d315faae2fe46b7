"""JSON objects out of columns: values of the same keys for many records.

Whether a value is a number depends on the value alone: one that is written as JSON
writes numbers, with at most fifteen digits on either side of the point, so that
nothing is lost by whoever reads it. An empty value is left out with its key.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np

from trio_ship.batch.pieces import Pieces, constant, interleave, large_binary, replaced
from trio_ship.decode.words import Bools
from trio_ship.fields.objects import are_bare
from trio_ship.fields.rewriting import pieces_of

__all__ = ["NUMBER", "both_of", "escaped", "objects_of"]

NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?"
"""RE2: what is a number in an object."""

_WHOLE_NUMBER: Final = rf"\A{NUMBER}\z"
_ODD: Final = r'[\x00-\x1f"\\\x7f-\xff]'


def objects_of(names: Sequence[str], columns: Sequence[Any], numeric: Collection[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return JSON objects.

    Args:
        names: The key of each column.
        columns: Arrow arrays of large_binary without nulls, of the same length.
        numeric: The keys whose values are numbers where they look like numbers.

    Returns:
        An Arrow array of large_binary.
    """
    count = len(columns[0])
    pieces = [constant(b"{", np.ones(count, np.bool_))]
    started = np.zeros(count, np.bool_)
    for name, column in zip(names, columns, strict=True):
        value = pieces_of(column)
        there = value.length > 0
        text = there & ~_are_numbers(column) if name in numeric else there
        key = json.dumps(name, ensure_ascii=False).encode()
        pieces += [
            constant(b",", started & there),
            constant(key + b":", there),
            constant(b'"', text),
            _escaped(column, value, text),
            constant(b'"', text),
        ]
        started |= there
    pieces.append(constant(b"}", np.ones(count, np.bool_)))
    length = np.sum([piece.length for piece in pieces], axis=0)
    return large_binary(interleave(pieces), length)


def both_of(outer: Any, inner: Any) -> Any:  # noqa: ANN401 - as above
    """Return objects with the members of two.

    Args:
        outer: Arrow arrays of large_binary; null: there is no object.
        inner: The same, for what follows the members of `outer`.

    Returns:
        The same; null where neither is an object.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    is_both = pc.and_(outer.is_valid(), inner.is_valid())
    first, second = pieces_of(outer.filter(is_both)), pieces_of(inner.filter(is_both))
    one = pc.coalesce(inner, outer)
    if not len(first.start):
        return one
    comma = constant(b",", ~(are_bare(first) | are_bare(second)))
    columns = (
        Pieces(first.data, first.start, first.length - 1),
        comma,
        Pieces(second.data, second.start + 1, second.length - 1),
    )
    length = np.sum([column.length for column in columns], axis=0)
    return pc.replace_with_mask(one, is_both, large_binary(interleave(columns), length))


def escaped(text: bytes) -> bytes:
    """Return a text as it stands between quotes in JSON; what is not UTF-8 is replaced."""
    return json.dumps(text.decode(errors="replace"), ensure_ascii=False).encode()[1:-1]


def _are_numbers(column: Any) -> Bools:  # noqa: ANN401 - as above
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    return np.asarray(pc.match_substring_regex(column, _WHOLE_NUMBER))


def _escaped(column: Any, value: Pieces, text: Bools) -> Pieces:  # noqa: ANN401 - as above
    """Return values, with those that need it escaped."""
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    odd = np.flatnonzero(text & np.asarray(pc.match_substring_regex(column, _ODD)))
    if not len(odd):
        return value
    return replaced(value, odd, [escaped(column[row].as_py()) for row in odd.tolist()])

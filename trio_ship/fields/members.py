r"""The members of JSON objects, found in their text by a few passes of NumPy.

    {"user":"ada","http":{"status":500},"tags":["a","b"]}

Nothing is made of a value, so numbers stay exact and keys may be there twice. The
objects must be valid, which `objects` has seen to.

How: a running XOR over quotes tells what lies within strings. Brackets, colons and
commas outside of them are tokens, and a running sum over brackets gives their
depths. Sorted by depth, stably, the tokens of each object or array stand together:
in front of a colon what its member follows, behind it what its member ends with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64, U8
from trio_ship.batch.pieces import Pieces, gather_slices, slice_edges
from trio_ship.decode.words import Bools

__all__ = ["Members", "members_of", "object_slices"]

_I16: TypeAlias = npt.NDArray[np.int16]

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_COLON: Final = ord(":")
_COMMA: Final = ord(",")
_SPACE: Final = ord(" ")
# Brackets and braces differ in this bit.
_BRACE_BIT: Final = 0x20
_OPEN: Final = ord("{")
_CLOSE: Final = ord("}")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Members:
    """The m members of some objects, outer ones before those inside of them.

    Attributes:
        keys: What stands between the quotes of keys.
        values: The values, as they are written.
        row: In which object each is, at whatever depth. Shape (m,).
        before: The place of the brace or the comma in front of each. Shape (m,).
        after: The place of the comma or the brace behind it. Shape (m,).
        holder: A number that those have in common which one object holds directly,
            and stand together. Shape (m,).
        parent: The member in whose value each is, through arrays too; -1: in none.
            Shape (m,).
        level: How many keys lead to each, its own included. Shape (m,).
        in_array: Whether one of these leads through an array. Shape (m,).
    """

    keys: Pieces
    values: Pieces
    row: I64
    before: I64
    after: I64
    holder: I64
    parent: I64
    level: I64
    in_array: Bools

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.row)


def object_slices(objects: Pieces) -> Iterator[tuple[slice, U8, I64]]:
    """Yield objects laid side by side, about a megabyte at a time.

    Yields:
        Which rows, their text, and where each begins in it and the last one ends.
    """
    if not len(objects.start):
        return
    edges = slice_edges(objects.length)
    zeros = np.zeros(len(objects.start), np.int32)
    texts = gather_slices((objects.data,), zeros, objects.start, objects.length, edges)
    for (first, stop), text in zip(itertools.pairwise(edges.tolist()), texts, strict=True):
        bounds = np.concatenate(([0], np.cumsum(objects.length[first:stop])))
        yield slice(first, stop), np.frombuffer(text, np.uint8), bounds


def members_of(data: U8, bounds: I64) -> Members:
    """Return all members of objects.

    Args:
        data: The objects, side by side; valid ones.
        bounds: Where each begins, and where the last one ends; one may be empty.
            Shape (n + 1,).
    """
    quotes, place = _tokens(data)
    kind = data[place]
    opens, closes = _are(kind, _OPEN), _are(kind, _CLOSE)
    depth: _I16 = np.cumsum(opens.astype(np.int16) - closes, dtype=np.int16) + closes
    order = np.arange(len(place))
    # The bracket that each token follows, or is, among those of its depth; it holds the token.
    holder = np.maximum.accumulate(np.where(opens, order, 0))
    if (depth > 1).any():
        order = np.argsort(depth, kind="stable")
        last_open = np.maximum.accumulate(np.where(opens[order], np.arange(len(order)), 0))
        holder[order] = order[last_open]
    colons = np.flatnonzero(kind[order] == _COLON)
    token = order[colons]
    owner = _owners(kind, depth, opens, holder)
    number = np.full(len(place) + 1, -1)
    number[token] = np.arange(len(token))
    parent = number[owner[holder[token]]]
    level = _levels(parent, depth[token])
    filled = np.flatnonzero(np.diff(bounds))
    objects = np.cumsum(opens & (depth == 1)) - 1
    before, after = place[order[colons - 1]], place[order[colons + 1]]
    closing = np.searchsorted(quotes, place[token]) - 1
    key = quotes[closing - 1] + 1
    start, stop = _trimmed(data, place[token] + 1, after)
    return Members(
        keys=Pieces(data, key, quotes[closing] - key),
        values=Pieces(data, start, stop - start),
        row=filled[objects[token]],
        before=before,
        after=after,
        holder=holder[token],
        parent=parent,
        level=level,
        in_array=depth[token] > level,
    )


def _tokens(data: U8) -> tuple[I64, I64]:
    """Return the places of quotes around strings, and of tokens."""
    is_quote = data == _QUOTE
    backslashes = np.flatnonzero(data == _BACKSLASH)
    if len(backslashes):
        is_last = np.diff(backslashes, append=len(data) + 1) > 1
        last = np.flatnonzero(is_last)
        length = np.diff(last, prepend=-1)
        # Behind an odd number of backslashes a quote is part of its string.
        is_quote[backslashes[last[length % 2 == 1]] + 1] = False
    within = np.bitwise_xor.accumulate(is_quote.view(np.uint8)).view(np.bool_)
    braced = data | _BRACE_BIT
    found = (data == _COMMA) | (data == _COLON) | (braced == _OPEN) | (braced == _CLOSE)
    return np.flatnonzero(is_quote), np.flatnonzero(found & ~within)


def _are(kind: U8, brace: int) -> Bools:
    are: Bools = (kind | _BRACE_BIT) == brace
    return are


def _owners(kind: U8, depth: _I16, opens: Bools, holder: I64) -> I64:
    """Return, for each opening bracket, the colon of the member that it is in; -1: none."""
    owner = np.full(len(kind), -1)
    inner = np.flatnonzero(opens & (depth > 1))
    is_value = kind[inner - 1] == _COLON
    owner[inner[is_value]] = inner[is_value] - 1
    in_array = inner[~is_value]
    for level in np.unique(depth[in_array]):
        mine = in_array[depth[in_array] == level]
        owner[mine] = owner[holder[mine - 1]]
    return owner


def _levels(parent: I64, depth: _I16) -> I64:
    """Return how many keys lead to each member."""
    level = np.ones(len(parent), np.int64)
    for each in np.unique(depth[parent >= 0]):
        mine = (depth == each) & (parent >= 0)
        level[mine] = level[parent[mine]] + 1
    return level


def _trimmed(data: U8, start: I64, stop: I64) -> tuple[I64, I64]:
    """Return where texts begin and end without the white space around them."""
    if len(start) and (data[start].min() <= _SPACE or data[stop - 1].min() <= _SPACE):
        solid = np.flatnonzero(data > _SPACE)
        start = solid[np.searchsorted(solid, start)]
        stop = solid[np.searchsorted(solid, stop) - 1] + 1
    return start, stop

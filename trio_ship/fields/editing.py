"""Objects with fields added, renamed or removed, without a look into values.

What becomes of an object depends on it alone. Where none of a megabyte of objects
can have a field of the names in question, nothing is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.batch.pieces import Pieces, constant, interleave
from trio_ship.decode.words import Bools
from trio_ship.fields.members import Members, members_of, object_slices
from trio_ship.fields.names import may_have, named, written
from trio_ship.fields.objects import are_bare

__all__ = ["with_fields", "with_names", "without_fields"]

_COMMA: Final = ord(",")


@attrs.frozen(eq=False, repr=False)
class _Edits:
    """Replacements in a text, none of which overlap.

    Attributes:
        row: The object of each. Shape (k,).
        start: The first byte that goes. Shape (k,).
        stop: The byte behind the last one that goes. Shape (k,).
        text: What comes instead.
    """

    row: I64
    start: I64
    stop: I64
    text: Pieces


_Edit: TypeAlias = Callable[[U8, I64, Members, Counter[str]], Sequence[_Edits]]


def without_fields(objects: Pieces, names: Sequence[str]) -> tuple[Pieces, Counter[str]]:
    """Return objects without fields, and how many were removed, by name.

    Args:
        objects: Valid objects; an empty one stays empty.
        names: Names, or patterns.
    """

    def remove(data: U8, _: I64, members: Members, removed: Counter[str]) -> Sequence[_Edits]:
        hit = np.zeros(len(members), np.bool_)
        for name, which in zip(names, named(members, names), strict=True):
            removed[name] += int(np.count_nonzero(~hit[which]))
            hit[which] = True
        return [_removals(data, members, hit)]

    return _edited(objects, names, remove)


def with_names(objects: Pieces, names: Mapping[str, str]) -> tuple[Pieces, Counter[str]]:
    """Return objects with fields under other names at the top.

    A field at the top keeps its place, another one moves behind all others. One that
    has the new name already makes room. Fields in arrays stay.

    Args:
        objects: Valid objects; an empty one stays empty.
        names: The new name of each field.

    Returns:
        The objects, and how many fields made room, by name.
    """

    def rename(data: U8, bounds: I64, members: Members, removed: Counter[str]) -> Sequence[_Edits]:
        meant = named(members, [*names, *names.values()])
        found = [which[~members.in_array[which]] for which in meant[: len(names)]]
        taken = [which[members.level[which] == 1] for which in meant[len(names) :]]
        is_renamed = np.zeros(len(members), np.bool_)
        if found:
            is_renamed[np.concatenate(found)] = True
        hit = np.zeros(len(members), np.bool_)
        edits = []
        for new, which, others in zip(names.values(), found, taken, strict=True):
            victims = others[np.isin(members.row[others], members.row[which])]
            victims = victims[~is_renamed[victims]]
            removed[new] += len(victims)
            hit[victims] = True
            at_top = members.level[which] == 1
            edits.append(_new_keys(members, which[at_top], new))
            hit[which[~at_top]] = True
        # What is left is known now.
        is_left = np.zeros(len(bounds) - 1, np.bool_)
        is_left[members.row[(members.level == 1) & ~hit]] = True
        for new, which in zip(names.values(), found, strict=True):
            moved = which[members.level[which] > 1]
            edits.append(_moved(members, moved, new, bounds, is_left))
            is_left[members.row[moved]] = True
        return [*edits, _removals(data, members, hit)]

    return _edited(objects, [*names, *names.values()], rename)


def with_fields(objects: Pieces, fields: Mapping[str, bytes]) -> Pieces:
    """Return objects with more fields at their ends; those that are there stay as they are.

    Args:
        objects: Valid objects; an empty one becomes one with these fields.
        fields: The value of each, as JSON writes it.
    """
    count = len(objects.start)
    missing = np.ones((len(fields), count), np.bool_)
    for rows, data, bounds in object_slices(objects):
        if may_have(data, list(fields)):
            members = members_of(data, bounds)
            for number, which in enumerate(named(members, list(fields))):
                missing[number, rows.start + members.row[which]] = False
    there = objects.length > 0
    everywhere = np.ones(count, np.bool_)
    pieces = [
        Pieces(objects.data, objects.start, objects.length - there),
        constant(b"{", ~there),
    ]
    started = there & ~are_bare(objects)
    for (name, value), lacks in zip(fields.items(), missing, strict=True):
        pieces += [
            constant(b",", lacks & started),
            constant(written(name) + b":" + value, lacks),
        ]
        started |= lacks
    pieces.append(constant(b"}", everywhere))
    length = np.sum([piece.length for piece in pieces], axis=0)
    text = np.frombuffer(interleave(pieces), np.uint8)
    return Pieces(text, np.cumsum(length) - length, length)


def _edited(objects: Pieces, names: Sequence[str], edit: _Edit) -> tuple[Pieces, Counter[str]]:
    """Return objects after what `edit` does to those which may have such fields."""
    counts: Counter[str] = Counter()
    parts = []
    length = objects.length.copy()
    is_changed = False
    for rows, data, bounds in object_slices(objects):
        edits = (
            edit(data, bounds, members_of(data, bounds), counts) if may_have(data, names) else ()
        )
        edits = [each for each in edits if len(each.row)]
        if edits:
            is_changed = True
            for each in edits:
                np.add.at(length[rows], each.row, each.text.length - (each.stop - each.start))
            data = _applied(data, edits)  # noqa: PLW2901 - the same objects
        parts.append(data)
    if not is_changed:
        return objects, counts
    return Pieces(np.concatenate(parts), np.cumsum(length) - length, length), counts


def _applied(data: U8, edits: Sequence[_Edits]) -> U8:
    """Return a text after edits."""
    start = np.concatenate([each.start for each in edits])
    order = np.argsort(start, kind="stable")
    stop = np.concatenate([each.stop for each in edits])[order]
    begin, end = np.concatenate(([0], stop)), np.concatenate((start[order], [len(data)]))
    columns = [Pieces(data, begin, end - begin)]
    first = 0
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    for each in edits:
        mine = place[first : first + len(each.start)]
        first += len(each.start)
        at = np.zeros(len(begin), np.int64)
        length = np.zeros(len(begin), np.int64)
        at[mine], length[mine] = each.text.start, each.text.length
        columns.append(Pieces(each.text.data, at, length))
    return np.frombuffer(interleave(columns), np.uint8)


def _removals(data: U8, members: Members, hit: Bools) -> _Edits:
    """Return the edits that take members out, and the commas between them."""
    inside = np.zeros(len(members), np.bool_)
    for level in range(2, int(members.level.max(initial=1)) + 1 if hit.any() else 2):
        mine = np.flatnonzero(members.level == level)
        parent = members.parent[mine]
        inside[mine] = inside[parent] | hit[parent]
    going = np.flatnonzero(hit & ~inside)
    comma = data[members.before] == _COMMA
    # The first that stays in its object has no comma in front.
    staying = np.flatnonzero(~hit & ~inside)
    is_first = np.diff(members.holder[staying], prepend=-1) != 0
    bared = staying[is_first & comma[staying]]
    start = np.concatenate((members.before[going] + ~comma[going], members.before[bared]))
    stop = np.concatenate((members.after[going], members.before[bared] + 1))
    row = members.row[np.concatenate((going, bared))]
    return _Edits(row, start, stop, constant(b"", np.zeros(len(row), np.bool_)))


def _new_keys(members: Members, which: I64, name: str) -> _Edits:
    keys = members.keys.take(which)
    text = constant(written(name), np.ones(len(which), np.bool_))
    return _Edits(members.row[which], keys.start - 1, keys.start + keys.length + 1, text)


def _moved(members: Members, which: I64, name: str, bounds: I64, is_left: Bools) -> _Edits:
    """Return the edits that put members at the ends of their objects."""
    row = members.row[which]
    is_first = np.zeros(len(row), np.bool_)
    is_first[np.unique(row, return_index=True)[1]] = True
    values = members.values.take(which)
    pieces = (
        constant(b",", is_left[row] | ~is_first),
        constant(written(name) + b":", np.ones(len(row), np.bool_)),
        values,
    )
    length = np.sum([piece.length for piece in pieces], axis=0)
    text = np.frombuffer(interleave(pieces), np.uint8)
    place = bounds[row + 1] - 1
    return _Edits(row, place, place, Pieces(text, np.cumsum(length) - length, length))

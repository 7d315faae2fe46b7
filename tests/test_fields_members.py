"""Fields by name, and objects with fields added, renamed and removed, against plain Python."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.batch.pieces import Pieces, table
from trio_ship.fields.editing import with_fields, with_names, without_fields
from trio_ship.fields.members import Members, members_of
from trio_ship.fields.names import may_have, named, texts_of

Pairs: TypeAlias = list[tuple[str, Any]]
"""An object as a test has it: keys may be there twice, and their order counts."""


class _Object(list[tuple[str, Any]]):
    """Tells an object from an array."""


def _loaded(text: bytes) -> Any:
    return json.loads(text, object_pairs_hook=_Object, parse_float=str, parse_int=str)


def _pieces(texts: Sequence[bytes]) -> Pieces:
    """Return texts as pieces that lie apart from each other, in no order."""
    found = table([b"~{", *texts[::-1], b'}"'])
    return Pieces(found.data, found.start[-2:0:-1].copy(), found.length[-2:0:-1].copy())


def _texts(pieces: Pieces) -> list[bytes]:
    return [
        bytes(pieces.data[start : start + length])
        for start, length in zip(pieces.start.tolist(), pieces.length.tolist(), strict=True)
    ]


def _members(*texts: bytes) -> Members:
    bounds = np.cumsum([0, *map(len, texts)])
    return members_of(np.frombuffer(b"".join(texts), np.uint8), bounds)


KEYS = ["a", "b", "a.b", "b.a", "x:{", 'q"', "ü"]
SCALARS = ["1", "-0.50", "1e400", "true", "null", '""', '"a"', r'"},\"{"', r'"\\"', r'"\u00fc[:"']


def _values(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    space = st.sampled_from(["", "", " ", "\t "])
    key = st.sampled_from(KEYS).flatmap(
        lambda name: st.sampled_from([json.dumps(name), json.dumps(name, ensure_ascii=False)])
    )
    member = st.tuples(space, key, space, space, inner, space).map(
        lambda each: f"{each[0]}{each[1]}{each[2]}:{each[3]}{each[4]}{each[5]}"
    )
    objects = st.lists(member, max_size=4).map(lambda some: "{" + ",".join(some) + "}")
    arrays = st.lists(inner, max_size=3).map(lambda some: "[ " + " ,".join(some) + "]")
    return st.one_of(objects, arrays)


VALUES = st.recursive(st.sampled_from(SCALARS), _values, max_leaves=12)
OBJECTS = _values(VALUES).filter(lambda text: text.startswith("{")).map(str.encode)
SOME = st.lists(st.one_of(OBJECTS, st.sampled_from([b"", b"{}", b"{ }"])), max_size=6)
NAMES = st.lists(st.sampled_from(["a", "b", "a.b", "a.b.a", 'q"', "ü", "no"]), unique=True)


def _walk(
    value: object, path: tuple[str, ...] = (), *, in_array: bool = False
) -> Iterator[tuple[str, object, bool]]:
    """Yield the name and the value of every field, and whether it is in an array."""
    if isinstance(value, _Object):
        for key, inner in value:
            yield ".".join((*path, key)), inner, in_array
            yield from _walk(inner, (*path, key), in_array=in_array)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path, in_array=True)


@given(SOME)
def test_members_are_all_found(objects: list[bytes]) -> None:
    """Every field of every object is found, with its text, at whatever depth it is."""
    members = _members(*objects)
    rows = np.arange(len(members))
    texts = texts_of(members, rows).to_pylist()
    values = _texts(members.values)
    for row, text in enumerate(objects):
        expected = list(_walk(_loaded(text))) if text else []
        assert int(np.count_nonzero(members.row == row)) == len(expected)
        for name in {name for name, _, _ in expected}:
            (which,) = named(members, [name])
            mine = which[members.row[which] == row]
            by_place = mine[np.argsort(members.before[mine])]
            found = [
                (_loaded(values[each]), bool(members.in_array[each])) for each in by_place.tolist()
            ]
            theirs = [(value, in_array) for each, value, in_array in expected if each == name]
            assert sorted(map(repr, found)) == sorted(map(repr, theirs))
    for text, value in zip(texts, values, strict=True):
        is_text = value.startswith(b'"')
        assert text == (_loaded(value).encode() if is_text else value)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("user", ["user"]),
        ("user.*", ["user.name", "user.id", "user.id.x"]),
        ("*.id", ["user.id"]),
        ("*", ["user", "user.name", "user.id", "user.id.x", "level"]),
        ("User", []),
        ("u.er", []),
    ],
)
def test_patterns_of_names(pattern: str, expected: list[str]) -> None:
    """A star is any text, a point is a point, and case counts."""
    text = b'{"user":{"name":"n","id":{"x":1}},"level":2}'
    members = _members(text)
    values = _texts(members.values)
    by_value = {b'"n"': "user.name", b"1": "user.id.x", b"2": "level", b'{"x":1}': "user.id"}
    (which,) = named(members, [pattern])
    assert {by_value.get(values[each], "user") for each in which.tolist()} == set(expected)


def test_what_may_be_there() -> None:
    """A name that stands nowhere is not looked for, unless it may be written otherwise."""
    data = np.frombuffer(b'{"http":{"status":1}}', np.uint8)
    assert may_have(data, ["http.status"])
    assert may_have(data, ["x", "st*"])
    assert not may_have(data, ["stat", "http.code"])
    assert may_have(np.frombuffer(rb'{"\u0061":1}', np.uint8), ["a"])


def _without(value: object, names: Sequence[str], removed: Counter[str], path: str = "") -> object:
    if isinstance(value, _Object):
        left = _Object()
        for key, inner in value:
            name = f"{path}{key}"
            by = [each for each in names if each == name]
            if by:
                removed[by[0]] += 1
            else:
                left.append((key, _without(inner, names, removed, f"{name}.")))
        return left
    if isinstance(value, list):
        return [_without(inner, names, removed, path) for inner in value]
    return value


@given(SOME, NAMES)
def test_fields_that_are_removed(objects: list[bytes], names: list[str]) -> None:
    """What is named is gone, at whatever depth, and nothing else; each is counted once."""
    expected: Counter[str] = Counter()
    left = [_without(_loaded(text), names, expected) if text else None for text in objects]
    after, removed = without_fields(_pieces(objects), names)
    assert [_loaded(text) if text else None for text in _texts(after)] == left
    assert +removed == expected


def _renamed(value: _Object, names: Mapping[str, str], removed: Counter[str]) -> _Object:
    found = {name for name, _, in_array in _walk(value) if not in_array and name in names}
    victims = {names[name] for name in found}
    moved = _Object()

    def inner(value: object, path: str) -> object:
        if not isinstance(value, _Object):
            return value
        left = _Object()
        for key, each in value:
            name = f"{path}{key}"
            if name not in names:
                left.append((key, inner(each, f"{name}.")))
            elif path:
                moved.append((name, each))
        return left

    top = _Object()
    for key, each in value:
        if key in names:
            top.append((names[key], inner(each, f"{key}.")))
        elif key in victims:
            removed[key] += 1
            inner(each, f"{key}.")
        else:
            top.append((key, inner(each, f"{key}.")))
    for name, new in names.items():
        top += [(new, each) for old, each in moved if old == name]
    return top


@given(
    SOME,
    st.sampled_from(
        [
            {"a": "b"},
            {"a": "b", "b": "a"},
            {"a.b": "a"},
            {"a.b": "x", "b.a": "a.b", "no": "b"},
            {'q"': "ü", "ü": 'q"'},
            {"a.b": "b", "b": "c"},
        ]
    ),
)
def test_fields_that_are_renamed(objects: list[bytes], names: dict[str, str]) -> None:
    """At the top a field keeps its place, others move to the end; who has the name makes room."""
    expected: Counter[str] = Counter()
    left = [_renamed(_loaded(text), names, expected) if text else None for text in objects]
    after, removed = with_names(_pieces(objects), names)
    assert [_loaded(text) if text else None for text in _texts(after)] == left
    assert +removed == expected


@given(SOME, st.lists(st.sampled_from(["a", "b", "a.b", "new", 'q"']), unique=True))
def test_fields_that_are_added(objects: list[bytes], names: list[str]) -> None:
    """What is missing is added at the end, in the order given; what is there stays."""
    fields = {name: json.dumps(number).encode() for number, name in enumerate(names)}
    expected = []
    for text in objects:
        value = _loaded(text) if text else _Object()
        there = {name for name, _, _ in _walk(value)}
        added = [(name, str(number)) for number, name in enumerate(names) if name not in there]
        expected.append([*value, *added])
    after = with_fields(_pieces(objects), fields)
    assert [list(_loaded(text)) for text in _texts(after)] == expected


def test_a_rename_as_it_is_read() -> None:
    """The text of values does not change, nor does what is not named."""
    text = rb'{"n":1.50, "http":{"status": 1e400,"x":[]} ,"m":"\u0041"}'
    after, removed = with_names(_pieces([text]), {"http.status": "status", "m": "n"})
    assert _texts(after) == [rb'{ "http":{"x":[]} ,"n":"\u0041","status":1e400}']
    assert removed == {"n": 1, "status": 0}
    same = _pieces([text])
    assert with_names(same, {"other": "n"})[0] is same
    assert re.sub(rb"\s", b"", _texts(without_fields(same, ["http", "n"])[0])[0]) == (
        rb'{"m":"\u0041"}'
    )

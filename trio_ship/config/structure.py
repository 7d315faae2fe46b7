"""TOML tables to the classes of `model`, with the path of every fault.

Structuring goes on after a fault: what is wrong is taken out of the document,
and the rest is structured again. So contradictions between the keys that are
right can be reported together with the keys that are wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import (
    homogenous_tuple_structure_factory,
    is_mapping,
    mapping_structure_factory,
)
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, override

from trio_ship.config.model import NOT_A_KEY, Config, SinkConfig
from trio_ship.config.values import InvalidValueError, found, one_of, shown
from trio_ship.nearest import nearest

__all__ = ["Fault", "KeyPath", "places", "structure"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where something stands in a document: keys of tables, indices of arrays."""

_Type: TypeAlias = Any
"""A class or a form of `typing`; there is no type for both."""

_Toml: TypeAlias = Any
"""A table, an array or a value of a document."""

_Hook: TypeAlias = Callable[[object, _Type], object]

_LATER: Final = {
    Config: frozenset({"api", "include", "log", "metrics"}),
    SinkConfig: frozenset({"buffer"}),
}
_LEVELS: Final = 8
"""Of tables and arrays: the document, sinks, a sink, steps, a step, `when`, `field`, a test."""

_USABLE: Final = MappingProxyType({"type": "filter", "when": {}})
"""A step, put in the place of one that is wrong, so that the others keep their numbers."""


@attrs.frozen
class Fault:
    """One thing that is wrong.

    Attributes:
        path: Where.
        text: What was found; what is allowed.
    """

    path: KeyPath
    text: str


def structure(document: Mapping[str, Any]) -> tuple[Config, list[Fault]]:
    """Make a tree of what is right in a document.

    Args:
        document: What TOML gave; it is left as it is.

    Returns:
        The tree, with names and paths as written, and all faults.
    """
    rest = _copied(document, _LEVELS)
    faults: dict[KeyPath, Fault] = {}
    while True:
        try:
            return _CONVERTER.structure(rest, Config), list(faults.values())
        except ClassValidationError as error:
            for fault in _faults(error, ()):
                # A key that was taken out and is required is missing in the
                # second round: then its table goes, and the first word stands.
                is_missing = fault.path in faults or not _has(rest, fault.path)
                _remove(rest, fault.path[:-1] if is_missing else fault.path)
                # Of a table whose fault is gone with its key that is said already.
                if not any(path[: len(fault.path)] == fault.path for path in faults):
                    faults[fault.path] = fault


def places(document: Mapping[str, Any]) -> dict[KeyPath, int]:
    """Return the order in which keys were first written, by path."""

    def walk(value: object, path: KeyPath, levels: int) -> Iterator[KeyPath]:
        for key, inner in _items(value) if levels else ():
            yield (*path, key)
            yield from walk(inner, (*path, key), levels - 1)

    return {path: place for place, path in enumerate(walk(document, (), _LEVELS))}


def _copied(value: _Toml, levels: int) -> _Toml:
    """Copy the tables and arrays of a document, so many levels deep."""
    if isinstance(value, dict) and levels:
        return {key: _copied(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list) and levels:
        return [_copied(inner, levels - 1) for inner in value]
    return value


def _items(value: object) -> Iterable[tuple[str | int, object]]:
    """Return what a table or an array holds, by key or place."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _has(document: _Toml, path: KeyPath) -> bool:
    for key in path:
        if isinstance(key, str) and (not isinstance(document, dict) or key not in document):
            return False
        document = document[key]
    return True


def _remove(document: _Toml, path: KeyPath) -> None:
    """Take out what stands at a path; all of an array if nothing else can stand there."""
    if not _has(document, path):
        return
    *around, last = path
    table = document
    for key in around:
        table = table[key]
    if isinstance(last, str):
        del table[last]
    elif table[last] == _USABLE:
        _remove(document, path[:-1])
    else:
        table[last] = {**_USABLE}


def _faults(error: Exception, path: KeyPath) -> Iterator[Fault]:
    """Walk through what cattrs raised."""
    if isinstance(error, InvalidValueError):
        yield Fault((*path, error.key) if error.key else path, str(error))
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(error.extra_fields):
            yield Fault((*path, key), _unknown(error.cl, key))
    elif isinstance(error, ClassValidationError):
        noted, others = error.group_exceptions()
        for inner, note in noted:
            if isinstance(inner, KeyError):
                wanted = one_of(get_args(note.type))
                yield Fault((*path, note.name), f"missing; {wanted} is wanted")
            else:
                yield from _faults(inner, (*path, note.name))
        for inner in others:
            yield from _faults(inner, path)
    elif isinstance(error, IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _faults(inner, (*path, item.index))
    else:
        raise error


def _keys(cls: type[attrs.AttrsInstance]) -> list[str]:
    return [field.name for field in attrs.fields(cls) if NOT_A_KEY not in field.metadata]


def _unknown(cls: type[attrs.AttrsInstance], key: str) -> str:
    if key in _LATER.get(cls, ()):
        return "not supported by this version; leave it out"
    known = _keys(cls)
    near = nearest(key, known)
    if near:
        return f'unknown key; did you mean "{near}"?'
    return f"unknown key; {one_of(tuple(known))} is allowed"


def _for_tables(hook: _Hook) -> _Hook:
    def structure_table(value: object, cls: _Type) -> object:
        if not isinstance(value, dict):
            raise InvalidValueError(found(value), "a table is wanted")
        return hook(value, cls)

    return structure_table


def _make_class_hook(cls: _Type, converter: cattrs.Converter) -> _Hook:
    hidden = {
        field.name: override(omit=True)
        for field in attrs.fields(cls)
        if NOT_A_KEY in field.metadata
    }
    return _for_tables(
        make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **hidden)  # type: ignore[arg-type] # an override is none of the named options
    )


def _make_array_hook(cls: _Type, converter: cattrs.Converter) -> _Hook:
    # Made at the first array: most configurations have none of tables.
    @functools.cache
    def hook() -> _Hook:
        return homogenous_tuple_structure_factory(cls, converter)

    def structure_array(value: object, cls: _Type) -> object:
        if not isinstance(value, list):
            items = "tables" if attrs.has(get_args(cls)[0]) else "strings"
            raise InvalidValueError(found(value), f"an array of {items} is wanted")
        return hook()(value, cls)

    return structure_array


def _structure_boolean(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError(found(value), "true or false is wanted")
    return value


def _structure_choice(value: object, cls: object) -> str:
    names = get_args(cls)
    if not isinstance(value, str):
        raise InvalidValueError(found(value), f"{one_of(names)} is wanted")
    if value not in names:
        raise InvalidValueError(f"{shown(value)} is unknown", f"{one_of(names)} is allowed")
    return value


def _is_either(cls: _Type) -> bool:
    return isinstance(cls, UnionType) and NoneType not in get_args(cls)


def _make_either_hook(cls: _Type, converter: cattrs.Converter) -> _Hook:
    """Return the hook of a mapping or a tuple, whichever is given."""
    mapping, array = get_args(cls)

    def structure_either(value: object, _: _Type) -> object:
        if not isinstance(value, dict | list):
            raise InvalidValueError(found(value), "a table, or an array of strings, is wanted")
        return converter.structure(value, mapping if isinstance(value, dict) else array)

    return structure_either


def _is_made_of(origin: object) -> Callable[[Any], bool]:
    return lambda cls: get_origin(cls) is origin


def _make_mapping_hook(cls: _Type, converter: cattrs.Converter) -> _Hook:
    hook: _Type = mapping_structure_factory(cls, converter)
    return _for_tables(hook)


def _check_rule(value: object, cls: _Type) -> object:
    rule: Callable[[object], object] = cls.__metadata__[0]
    return rule(value)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    factory = converter.register_structure_hook_factory
    factory(attrs.has, _make_class_hook)
    factory(_is_either, _make_either_hook)
    factory(is_mapping, _make_mapping_hook)
    factory(_is_made_of(tuple), _make_array_hook)
    converter.register_structure_hook_func(_is_made_of(Literal), _structure_choice)
    converter.register_structure_hook_func(_is_made_of(Annotated), _check_rule)
    converter.register_structure_hook(bool, _structure_boolean)
    return converter


_CONVERTER: Final = _make_converter()

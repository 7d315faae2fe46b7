"""Keys that name fields of records, and say what is in them."""

from __future__ import annotations

import json
import math
from typing import Final, TypeAlias

import attrs

from trio_ship.config.expressions import Expression
from trio_ship.config.values import InvalidValueError, found, quoted, shown

__all__ = ["FieldName", "FieldTest", "FieldText", "FieldValue", "Scalar"]

Scalar: TypeAlias = str | int | float | bool
"""What a field may be set to, and compared with."""

_LONGEST_NAME: Final = 200


@attrs.frozen
class FieldText:
    """What a field must say: one of some texts, or what an expression is found in.

    Attributes:
        values: The texts.
        match: An RE2 expression; then there are no texts.
    """

    values: tuple[str, ...] = ()
    match: str | None = None


@attrs.frozen
class FieldName:
    """The name of a field.

    Attributes:
        is_pattern: Whether it may be a pattern of names.
    """

    is_pattern: bool = False

    def __call__(self, value: object) -> str:
        """Return the name."""
        wanted = f"a name of 1 to {_LONGEST_NAME} characters is wanted"
        if not isinstance(value, str):
            raise InvalidValueError(found(value), wanted)
        if not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
            raise InvalidValueError(f"{shown(value)} is no name of a field", wanted)
        if "*" in value and not self.is_pattern:
            raise InvalidValueError(f"{shown(value)} is a pattern", "a name without * is wanted")
        return value


@attrs.frozen
class FieldValue:
    """What a field is set to, or called."""

    def __call__(self, value: object) -> Scalar:
        """Return the value."""
        wanted = "a string, a number or a boolean is wanted"
        if not isinstance(value, str | int | float):
            hint = '; a field inside another is named like "http.status"'
            raise InvalidValueError(found(value), wanted + hint * isinstance(value, dict))
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidValueError(f"{value} is not a number", wanted)
        return value


@attrs.frozen
class FieldTest:
    """What a field must say."""

    def __call__(self, value: object) -> FieldText:
        """Return what is wanted of it."""
        if isinstance(value, dict):
            return FieldText(match=self._expression(value))
        values = value if isinstance(value, list) else [value]
        wanted = "a string, a number, a boolean, an array of these, or { match = '...' } is wanted"
        if not values:
            raise InvalidValueError("this array is empty", wanted)
        for each in values:
            if not isinstance(each, str | int | float):
                raise InvalidValueError(found(each), wanted)
        return FieldText(
            values=tuple(each if isinstance(each, str) else json.dumps(each) for each in values)
        )

    def _expression(self, table: dict[str, object]) -> str:
        for key in table:
            if key != "match":
                hint = f'"match" is allowed; a field inside another is named like {quoted("a.b")}'
                raise InvalidValueError("unknown key", hint, key=key)
        if not table:
            raise InvalidValueError("this table is empty", '"match" is wanted')
        try:
            return Expression()(table["match"])
        except InvalidValueError as error:
            error.key = "match"
            raise

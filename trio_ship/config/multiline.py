"""The key `multiline`: a name, or a table with an expression."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import attrs

from trio_ship.config.expressions import checked
from trio_ship.config.values import InvalidValueError, named, one_of
from trio_ship.nearest import nearest

__all__ = ["LineRule", "Multiline", "RuleName"]

RuleName: TypeAlias = Literal["timestamp", "off", "indent"]

_NAMES: Final = get_args(RuleName)
_Role: TypeAlias = Literal["start", "continue", "end"]
_ROLES: Final = get_args(_Role)
_WANTED: Final = f"{one_of(_NAMES)}, or a table such as {{ start = '...' }}, is allowed"


@attrs.frozen
class LineRule:
    """An expression that tells which lines make a record.

    Attributes:
        role: Whether a line that matches begins a record, goes on with it, or
            ends it.
        pattern: RE2 syntax.
    """

    role: _Role
    pattern: str


@attrs.frozen
class Multiline:
    """The name of a rule, or a table with an expression."""

    def __call__(self, value: object) -> RuleName | LineRule:
        """Return the rule."""
        if isinstance(value, dict):
            return self._from_table(value)
        name: RuleName = named(value, _NAMES, _WANTED)
        return name

    def _from_table(self, table: dict[str, object]) -> LineRule:
        wanted = f"one of {one_of(_ROLES)} is wanted"
        for key in table:
            if key not in _ROLES:
                near = nearest(key, _ROLES)
                hint = f'did you mean "{near}"?' if near else wanted
                raise InvalidValueError("unknown key", hint, key=key)
        given = [role for role in _ROLES if role in table]
        if len(given) != 1:
            what = " and ".join(given) + " are given" if given else "this table is empty"
            raise InvalidValueError(what, wanted)
        (role,) = given
        return LineRule(role, self._pattern(table[role], role))

    def _pattern(self, value: object, role: str) -> str:
        # Arrow is slow to import, and most configurations have no pattern.
        from trio_ship.decode.patterns import LinePattern  # noqa: PLC0415 - see above

        wanted = "an RE2 expression is wanted"
        if value == "":
            raise InvalidValueError("this is empty, and would match every line", wanted, key=role)
        return checked(value, LinePattern, wanted, key=role)

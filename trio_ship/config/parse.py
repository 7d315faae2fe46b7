"""The key `parse`: the name of a rule, or a table with an expression."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import attrs

from trio_ship.config.expressions import checked
from trio_ship.config.values import InvalidValueError, named, one_of

__all__ = ["FieldRule", "Parse", "ParseName"]

ParseName: TypeAlias = Literal["off", "auto", "json", "logfmt", "clf", "syslog", "cri", "docker"]

_NAMES: Final = get_args(ParseName)
_WANTED: Final = f"{one_of(_NAMES)}, or a table {{ regex = '...' }}, is allowed"


@attrs.frozen
class FieldRule:
    """An expression whose named groups are fields.

    Attributes:
        pattern: RE2 syntax.
    """

    pattern: str


@attrs.frozen
class Parse:
    """The name of a rule, or a table with an expression."""

    def __call__(self, value: object) -> ParseName | FieldRule:
        """Return the rule."""
        if isinstance(value, dict):
            return self._from_table(value)
        name: ParseName = named(value, _NAMES, _WANTED)
        return name

    def _from_table(self, table: dict[str, object]) -> FieldRule:
        # Arrow is slow to import, and most configurations have no expression.
        from trio_ship.fields.forms import Expression  # noqa: PLC0415 - see above

        wanted = "an RE2 expression with groups such as (?P<user>...) is wanted"
        for key in table:
            if key != "regex":
                raise InvalidValueError("unknown key", '"regex" is allowed', key=key)
        if not table:
            raise InvalidValueError("this table is empty", _WANTED)
        return FieldRule(checked(table["regex"], Expression.of, wanted, key="regex"))

"""Tables of a document that nobody vouches for, asked for values of one kind each.

Whatever is missing, or is not what it should be, becomes a `CheckpointError` that
names the key, what was found there and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from trio_ship.errors import CheckpointError

__all__ = ["NANOSECONDS", "Table"]

NANOSECONDS: Final = range(-(2**63), 2**63)
"""Every time that has 64 bits, in nanoseconds since 1970."""

_NEEDED: Final = object()


@attrs.frozen
class Table:
    """One table of a document: each method returns a value of one kind, or raises.

    Attributes:
        content: What the table holds.
        place: Where it stands, as a person would write it; empty at the top.
    """

    content: Mapping[str, Any]
    place: str = ""

    def error(self, key: str | None, allowed: str) -> CheckpointError:
        """Return the error for a key, or for the table itself."""
        if key is None:
            return CheckpointError(f"{self.place}: {allowed}")
        if key not in self.content:
            return CheckpointError(f"{self.at(key)}: is missing; it {allowed}")
        found = _shown(self.content[key])
        return CheckpointError(f"{self.at(key)}: it {allowed}, found {found}")

    def integer(self, key: str, allowed: range, default: object = _NEEDED) -> int:
        """Return an integer in the range `allowed`."""
        value = self.content.get(key, default)
        if type(value) is not int or value not in allowed:
            raise self.error(key, f"must be an integer from {allowed[0]} to {allowed[-1]}")
        return value

    def moment(self, key: str) -> int | None:
        """Return a time in nanoseconds since 1970, or None where there is none."""
        return self.integer(key, NANOSECONDS) if key in self.content else None

    def flag(self, key: str) -> bool:
        """Return a truth; false where there is none."""
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def text(self, key: str, default: object = _NEEDED) -> str:
        """Return a string."""
        value = self.content.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, "must be a string")
        return value

    def matching(
        self, key: str, pattern: re.Pattern[str], form: str, default: str | None = None
    ) -> str:
        """Return a string that `pattern` matches wholly; `form` says in words what that is."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.error(key, f"must be a string: {form}")
        return value

    def path(self, key: str) -> str:
        """Return a path, as text or as hexadecimal bytes under `KEY_bytes`."""
        coded = f"{key}_bytes"
        name = coded if coded in self.content else key
        text = self.text(name)
        if name == coded and key in self.content:
            raise self.error(coded, f"must not stand beside `{key}`")
        if name == coded:
            try:
                text = bytes.fromhex(text).decode("utf-8", "surrogateescape")
            except ValueError:
                raise self.error(coded, "must be bytes in hexadecimal") from None
        if "\0" in text:
            raise self.error(name, "must be a path, which holds no NUL")
        return text

    def table(self, key: str) -> Table:
        """Return the table of that name."""
        value = self.content.get(key)
        if not isinstance(value, Mapping):
            raise self.error(key, "must be a table")
        return Table(value, self.at(key))

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Give each table in the table of that name; none if it is not there."""
        if key in self.content:
            outer = self.table(key)
            for name in outer.content:
                yield name, outer.table(name)

    def arrays(self, key: str) -> Iterator[tuple[str, list[Table]]]:
        """Give each array of tables in the table of that name."""
        if key not in self.content:
            return
        outer = self.table(key)
        for name, array in outer.content.items():
            if not isinstance(array, list) or not all(isinstance(item, Mapping) for item in array):
                raise outer.error(name, "must be an array of tables")
            place = outer.at(name)
            yield name, [Table(item, f"{place}[{number}]") for number, item in enumerate(array)]

    def at(self, key: str) -> str:
        """Return where a key of this table stands."""
        return f"{self.place}.{key}" if self.place else key


def _shown(value: object) -> str:
    """Return a value for a message, short whatever it is."""
    if isinstance(value, Mapping | list):
        return "a table" if isinstance(value, Mapping) else "an array"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 256:  # noqa: PLR2004
        return "an enormous integer"  # a longer one may not even be printed
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004

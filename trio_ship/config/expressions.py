"""Keys that hold an RE2 expression.

What they have in common is checked by `checked`; each brings what compiles its
expression, and says what is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from trio_ship.config.values import InvalidValueError, found, printable, shown

__all__ = ["Expression", "Pattern", "checked"]

_LONGEST: Final = 4096
# An escape, a class in brackets, or a character with what says how often it comes.
_ATOM: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|[^\x00-\x7f][?*+{]", re.DOTALL
)


def checked(value: object, compile_: Callable[[str], object], wanted: str, *, key: str = "") -> str:
    """Return a value that is an expression.

    Args:
        value: What TOML gave.
        compile_: Takes the expression; raises a ValueError that says why not.
        wanted: What may stand there.
        key: The key below it that is at fault, where the expression is in a table.

    Raises:
        InvalidValueError: It is no text, too long, or cannot be compiled.
    """
    if not isinstance(value, str):
        raise InvalidValueError(found(value), wanted, key=key)
    if len(value) > _LONGEST:
        allowed = f"{_LONGEST} characters at most are allowed"
        raise InvalidValueError("this is too long", allowed, key=key)
    # Records are bytes: one of those that such a character has would be taken for it.
    part = next((part for part in _ATOM.findall(value) if not part.isascii()), None)
    if part is not None:
        raise InvalidValueError(
            f"{shown(part)} would count the bytes of a character beyond ASCII one by one",
            "such characters in groups are wanted, (?:ü|u) for [üu] or (?:ü)+ for ü+",
            key=key,
        )
    try:
        compile_(value)
    except ValueError as error:
        raise InvalidValueError(printable(str(error)), wanted, key=key) from None
    return value


@attrs.frozen
class Pattern:
    """An RE2 expression that says where in its line a stamp stands."""

    def __call__(self, value: object) -> str:
        """Return the expression."""
        # Arrow is slow to import, and most configurations have no pattern.
        from trio_ship.decode.patterns import UserPattern  # noqa: PLC0415 - see above

        wanted = "RE2 syntax with a group (?P<ts>...) around the stamp is wanted"
        return checked(value, UserPattern, wanted)


@attrs.frozen
class Expression:
    """An RE2 expression that is looked for in records.

    Attributes:
        is_replaced: Whether what is found is replaced, so that it must be something.
    """

    is_replaced: bool = False

    def __call__(self, value: object) -> str:
        """Return the expression."""
        # Arrow is slow to import, and most configurations have no expression.
        import numpy as np  # noqa: PLC0415 - see above

        from trio_ship.decode.patterns import LinePattern  # noqa: PLC0415 - see above

        text = checked(value, LinePattern, "RE2 syntax is wanted")
        nothing = np.zeros(1, np.int64)
        pattern = LinePattern(text)
        if self.is_replaced and pattern.matches(np.zeros(1, np.uint8), nothing, nothing).any():
            raise InvalidValueError(
                f"{shown(text)} matches where nothing is", "one that needs text is wanted"
            )
        return text

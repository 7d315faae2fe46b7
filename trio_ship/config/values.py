"""What a single key may hold.

Each rule is a callable that stands in the annotation of an attribute: it takes
what TOML gave, of whatever type, and returns the value or raises an
`InvalidValueError` that says what was found and what is wanted. Nothing is
coerced: a boolean is no integer, and a string is no list of one string.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final, TypeVar

import attrs

from trio_ship.nearest import nearest

__all__ = [
    "InvalidValueError",
    "NamePattern",
    "Number",
    "PathText",
    "PipelineName",
    "Replacement",
    "StampFormat",
    "TableName",
    "ZoneName",
    "found",
    "named",
    "one_of",
    "printable",
    "quoted",
    "shown",
]

_Name = TypeVar("_Name", bound=str)

_KINDS: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "a table",
}
_COMMON_FORMATS: Final = frozenset({"auto", "iso8601", "clf", "syslog", "epoch", "epoch_ms"})
_SHOWN_AT_MOST: Final = 80
_PASSWORD: Final = re.compile(r"(://)[^/@\s]+@")
_LONGEST_FORMAT: Final = 100
_LONGEST_NAME: Final = 200  # bytes; leaves room for what a checkpoint adds, within NAME_MAX
_LONGEST_PATH: Final = 4095  # bytes; PATH_MAX without its NUL
_DEEPEST_PATH: Final = 100
_DAY_FIELDS: Final = ({"%c"}, {"%x"}, {"%j"}, {"%U"}, {"%V"}, {"%W"})
_MONTH_FIELDS: Final = frozenset({"%b", "%B", "%m"})


class InvalidValueError(ValueError):
    """A value that its key cannot take.

    Args:
        found: What stands there.
        wanted: What may stand there.
        key: The key below it that is at fault, where the value is a table.
    """

    def __init__(self, found: str, wanted: str, *, key: str = "") -> None:
        super().__init__(f"{found}; {wanted}")
        self.key = key


def printable(text: str) -> str:
    """Return a text with every character escaped that could steer a terminal.

    A byte that is not UTF-8, which Python has as a surrogate, is shown as one.
    """
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - the surrogates of `os.fsdecode`
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shown(value: str | float) -> str:
    """Return a value for a message: short, and without the password of a URL."""
    if isinstance(value, str):
        text = _PASSWORD.sub(r"\1***@", value)
        cut = text[:_SHOWN_AT_MOST]
        return quoted(cut if cut == text else cut + "...")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _SHOWN_AT_MOST:
        return "a number of many digits"
    return repr(value)


def found(value: object) -> str:
    """Say what stands where something else is wanted."""
    kind = _KINDS.get(type(value), "a date or a time")
    return (
        f"{shown(value)} is {kind}" if isinstance(value, str | int | float) else f"this is {kind}"
    )


def one_of(names: tuple[str, ...]) -> str:
    """Return a choice of names: `"a", "b" or "c"`."""
    texts = [quoted(name) for name in names]
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if texts[1:] else texts[0]


def _text(value: object, wanted: str) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(found(value), wanted)
    return value


@attrs.frozen(kw_only=True)
class Number:
    """A number within limits.

    Attributes:
        unit: What is counted.
        least: The smallest number allowed.
        most: The largest number allowed.
        whole: Whether only integers are allowed; else the result is a float.
    """

    unit: str
    least: float
    most: float
    whole: bool = False

    def __call__(self, value: object) -> float:
        """Return the number."""
        noun = "an integer number" if self.whole else "a number"
        wanted = f"{noun} of {self.unit}, {self.least} or more, is wanted"
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise InvalidValueError(found(value), wanted)
        if value > self.most:
            raise InvalidValueError(
                f"{shown(value)} is too large", f"{self.most} {self.unit} at most are allowed"
            )
        if not value >= self.least:
            raise InvalidValueError(f"{shown(value)} is not allowed", wanted)
        return value if self.whole else float(value)


@attrs.frozen
class PathText:
    """A path or a pattern of paths, as written; it is made absolute later.

    Attributes:
        is_output: Whether it must name a file that can be written.
    """

    is_output: bool = False

    def __call__(self, value: object) -> str:
        """Return the path as it was."""
        wanted = "the path of a file is wanted"
        text = _text(value, wanted)
        if not text or "\0" in text:
            raise InvalidValueError(f"{shown(text)} is not a path", wanted)
        if len(text.encode()) > _LONGEST_PATH or text.count("/") > _DEEPEST_PATH:
            raise InvalidValueError(
                "this path is too long",
                f"{_LONGEST_PATH} bytes and {_DEEPEST_PATH} folders at most are allowed",
            )
        user = text.partition("/")[0]
        if user.startswith("~") and os.path.expanduser(user) == user:
            raise InvalidValueError(
                f"there is no home folder for {shown(user)}",
                f"{shown('./' + user)} would be a file of that name",
            )
        if self.is_output and os.path.basename(text) in {"", ".", "..", "~"}:
            raise InvalidValueError(f"{shown(text)} is a folder", wanted)
        return text


@attrs.frozen
class TableName:
    """The name of a source or a sink."""

    def __call__(self, value: object) -> str:
        """Return the name."""
        text = _text(value, "a string is wanted")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
            raise InvalidValueError(
                "this is not a name", 'letters (A-Z, a-z), digits, "_" and "-" are allowed'
            )
        return text


@attrs.frozen
class PipelineName:
    """The name of the pipeline, which becomes part of the name of a file."""

    def __call__(self, value: object) -> str:
        """Return the name."""
        wanted = (
            f'a text of 1 to {_LONGEST_NAME} bytes without "/" and control characters is wanted'
        )
        text = _text(value, wanted)
        size = len(text.encode(errors="replace"))
        if not 0 < size <= _LONGEST_NAME or "/" in text or not text.isprintable():
            raise InvalidValueError(f"{shown(text)} is not a name", wanted)
        return text


def named(value: object, names: Sequence[_Name], wanted: str) -> _Name:
    """Return the one of some names that a value is.

    Raises:
        InvalidValueError: It is none of them.
    """
    if not isinstance(value, str):
        raise InvalidValueError(found(value), wanted)
    for name in names:
        if value == name:
            return name
    raise InvalidValueError(f"{shown(value)} is unknown", wanted)


@attrs.frozen
class NamePattern:
    """A name of a source, or a pattern of names."""

    def __call__(self, value: object) -> str:
        """Return the pattern."""
        text = _text(value, "a string is wanted")
        if not re.fullmatch(r"[A-Za-z0-9_*?\[\]!-]+", text):
            raise InvalidValueError(
                f"{shown(text)} is no name of a source", "a name, or a pattern with * is allowed"
            )
        return text


@attrs.frozen
class Replacement:
    """What is written in the place of something else."""

    def __call__(self, value: object) -> str:
        """Return the text."""
        wanted = f"a text of {_LONGEST_FORMAT} characters at most, in one line, is wanted"
        text = _text(value, wanted)
        if len(text) > _LONGEST_FORMAT or (text and not text.isprintable()):
            raise InvalidValueError(f"{shown(text)} is not allowed", wanted)
        return text


@attrs.frozen
class StampFormat:
    """How stamps are written: a name, or a format of `strptime`."""

    def __call__(self, value: object) -> str:
        """Return the format."""
        wanted = (
            '"auto", the name of a layout, or a strptime format (with a % in it) is wanted; '
            "the names: trio-ship explain --layouts"
        )
        text = _text(value, wanted)
        if text in _COMMON_FORMATS:
            return text
        if "%" not in text:
            from trio_ship.decode.table import LAYOUTS, names_like  # noqa: PLC0415 - Arrow is slow to import

            if any(text == layout.name for layout in LAYOUTS):
                return text
            near = names_like(text[:_SHOWN_AT_MOST])
            meant = f"did you mean {one_of(near)}? Or: " if near else ""
            raise InvalidValueError(f"{shown(text)} is unknown", meant + wanted)
        if len(text) > _LONGEST_FORMAT:
            raise InvalidValueError(
                "this is too long", f"{_LONGEST_FORMAT} characters at most are allowed"
            )
        from trio_ship.decode.patterns import Strptime  # noqa: PLC0415 - Arrow is slow to import

        try:
            Strptime(text)
        except ValueError as error:
            raise InvalidValueError(printable(str(error)), wanted) from None
        fields = set(re.findall(r"%[A-Za-z]", text.replace("%%", "")))
        if not any(some <= fields for some in _DAY_FIELDS) and not (
            "%d" in fields and fields & _MONTH_FIELDS
        ):
            # Every record would be of the same day: an order, but a wrong one.
            raise InvalidValueError(
                f"{shown(text)} does not say the day", "a format with a day and a month is wanted"
            )
        return text


@attrs.frozen
class ZoneName:
    """The zone of stamps that do not tell theirs."""

    def __call__(self, value: object) -> str:
        """Return the name of the zone."""
        wanted = '"local", "UTC" or a name such as "Europe/Berlin" is allowed'
        text = _text(value, wanted)
        if text in {"local", "UTC"}:
            return text
        from zoneinfo import available_timezones  # noqa: PLC0415 - many name none

        known = available_timezones()
        if text in known:
            return text
        by_lower = {name.lower(): name for name in (*known, "local", "UTC")}
        near = nearest(text, by_lower)
        raise InvalidValueError(
            f"{shown(text)} is not a known time zone",
            f'did you mean "{by_lower[near]}"?' if near else wanted,
        )

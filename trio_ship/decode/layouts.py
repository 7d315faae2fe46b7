"""How stamps are written: one table, one row for each layout.

A row is data. Its template says what stands in a stamp, and from it come the
regular expressions that find and judge one (here) and the decoder in 64-bit
lanes (`shapes`). A further layout is one more row.

A template is text with these fields; everything else stands for itself:

    %Y %y       year of four digits; of two (69 and more: 19xx)
    %m %d       month, day; two digits
    %e          day, two digits or a space and a digit
    %b %a       name of the month, of the day; three letters, English
    %H %M %S    hour, minute, second; two digits
    %s          seconds since 1970, ten digits, the first not 0
    %L          three digits of milliseconds
    %o          offset from UTC, +hhmm
    {xy}        one of these characters
    %f          nothing, or `.` or `,` and one to nine digits
    %z          nothing, `Z`, +hh:mm, +hhmm, +hh, or a space and one of the first two

The last three leave a choice. What a stamp has chosen is its *variant*, a short
text such as `T.3Z` (a `T`, three digits behind a `.`, a `Z`).

A stamp is not one when a digit follows, when its date or time does not exist
(second 60 does: it is the following second), when its year is outside 1678 to
2261 (nanoseconds must fit 64 bits), or when its offset is a day or more.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

__all__ = ["FIELD_WIDTHS", "LAYOUTS", "Layout", "layout_named"]

_DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, "%L": 3}
_TEXTS: Final = {code: rf"\d{{{width}}}" for code, width in _DIGITS.items()} | {
    "%s": r"[1-9]\d{9}",
    "%e": r"[ \d]\d",
    "%b": r"[A-Za-z]{3}",
    "%a": r"[A-Za-z]{3}",
    "%o": r"[+-]\d{4}",
}
_CHOICES: Final = {
    "%f": r"(?:([.,]\d{1,9})(?!\d)|(?![.,]?\d))",
    "%z": r"(Z| ?[+-]\d\d:?\d\d(?!\d)|[+-]\d\d(?!\d))?",
}
_VARIANTS: Final = {"%f": r"([.,][1-9])?", "%z": r"(Z| ?\+hh:?mm|\+hh)?"}
# RE2 has no look-ahead, so this finds a little more than the exact expression.
_SEARCHED: Final = {"%f": r"(?:[.,]\d+)?", "%z": ""}

FIELD_WIDTHS: Final = _DIGITS | {"%s": 10, "%e": 2, "%b": 3, "%a": 3, "%o": 5}
"""How many bytes each field of fixed width takes."""


def _choice(field: str, text: str) -> str:
    """Return what a piece of a stamp says about its variant."""
    if field == "%f":
        return f"{text[0]}{len(text) - 1}" if text else ""
    if field == "%z" and text[:1] not in ("", "Z"):
        digits = iter("hhmm")
        return re.sub("[+-]", "+", re.sub(r"\d", lambda _: next(digits), text))
    return text


@attrs.frozen(kw_only=True)
class Layout:
    """One way to write a stamp.

    Attributes:
        name: What a configuration and a checkpoint call it.
        template: What stands in it; see the module.
        example: A stamp.
        anywhere: Whether it is so unmistakable that it may be looked for behind
            a prefix. Others count only at the beginning of a line.
        marker: The character that stands before it where it has a prefix.
    """

    name: str
    template: str
    example: str
    anywhere: bool = False
    marker: str = ""
    fields: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    _exact: re.Pattern[bytes] = attrs.field(init=False, eq=False, repr=False)
    _variant: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)

    @fields.default
    def _find_fields(self) -> tuple[str, ...]:
        return tuple(re.findall(r"%.|\{[^}]*\}|.", self.template))

    @_exact.default
    def _compile_exact(self) -> re.Pattern[bytes]:
        text = "".join(
            f"([{field[1:-1]}])" if field[0] == "{" else self._text(field, _CHOICES)
            for field in self.fields
        )
        return re.compile((text + (r"(?!\d)" if self.ends_in_digit else "")).encode())

    @_variant.default
    def _compile_variant(self) -> re.Pattern[str]:
        return re.compile(
            "".join(
                f"([{field[1:-1]}])" if field[0] == "{" else _VARIANTS[field]
                for field in self.fields
                if field[0] == "{" or field in _VARIANTS
            )
        )

    @staticmethod
    def _text(field: str, choices: dict[str, str]) -> str:
        return choices.get(field) or _TEXTS.get(field) or re.escape(field)

    @property
    def has_year(self) -> bool:
        """Whether the stamp says its year."""
        return not {"%Y", "%y", "%s"}.isdisjoint(self.fields)

    @property
    def ends_in_digit(self) -> bool:
        """Whether the last field is one of digits, whatever the variant."""
        return self.fields[-1] in FIELD_WIDTHS

    @property
    def search(self) -> str:
        """The RE2 expression of the marker (or no digit) and a stamp behind it."""
        text = "".join(
            f"[{field[1:-1]}]"
            if field[0] == "{"
            else _SEARCHED[field]
            if field in _SEARCHED
            else self._text(field, {})
            for field in self.fields
        )
        before = re.escape(self.marker) if self.marker else "(?:^|[^0-9])"
        return f"{before}{text}(?:[^0-9]|$)"

    def match(self, text: bytes, column: int = 0) -> tuple[str, int] | None:
        """Return variant and length of what looks like a stamp at a place.

        Args:
            text: A line, or a part of one.
            column: Where the stamp would begin in `text`.
        """
        found = self._exact.match(text, column)
        if found is None:
            return None
        chosen = [field for field in self.fields if field[0] == "{" or field in _VARIANTS]
        pieces = zip(chosen, found.groups(b""), strict=True)
        variant = "".join(_choice(field, piece.decode("ascii")) for field, piece in pieces)
        return variant, found.end() - column

    def find(self, text: bytes) -> tuple[int, tuple[str, int] | None]:
        """Return where a stamp first seems to stand behind a prefix, and the match.

        Args:
            text: A line.
        """
        marker = self.marker.encode()
        for found in self._exact.finditer(text):
            column = found.start()
            before = text[max(column - 1, 0) : column]
            if (before == marker) if marker else not before.isdigit():
                return column, self.match(text, column)
        return 0, None

    def choices(self, variant: str) -> tuple[str, ...]:
        """Return what a variant has chosen, one text for each choice.

        Raises:
            ValueError: The layout has no such variant.
        """
        found = self._variant.fullmatch(variant)
        if found is None:
            raise ValueError(f"the layout {self.name} has no variant {variant!r}")
        return tuple(found.groups(""))


LAYOUTS: Final = (
    Layout(
        name="iso8601",
        template="%Y-%m-%d{T }%H:%M:%S%f%z",
        example="2015-10-18T18:01:47.978Z",
        anywhere=True,
    ),
    Layout(
        name="clf",
        template="%d/%b/%Y:%H:%M:%S %o",
        example="10/Oct/2000:13:55:36 -0700",
        anywhere=True,
        marker="[",
    ),
    Layout(
        name="ctime",
        template="%a %b %e %H:%M:%S%f %Y",
        example="Sun Dec 04 04:47:44 2005",
        anywhere=True,
    ),
    Layout(
        name="syslog",
        template="%b %e %H:%M:%S%f",
        example="Jun  4 15:16:01",
        anywhere=True,
    ),
    Layout(name="epoch", template="%s%f", example="1286536309.450"),
    Layout(name="epoch_ms", template="%s%L", example="1286536309450"),
    Layout(name="compact", template="%y%m%d %H%M%S", example="081109 203615"),
    Layout(name="slashed", template="%y/%m/%d %H:%M:%S%f", example="17/06/09 20:10:40"),
    Layout(name="dotted", template="[%m.%d %H:%M:%S]", example="[10.30 16:49:06]"),
)
"""Every layout, the likelier first: the order decides where two fit as well."""


def layout_named(name: str) -> Layout:
    """Return the layout of a name.

    Raises:
        ValueError: There is none.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    names = ", ".join(layout.name for layout in LAYOUTS)
    raise ValueError(f"no layout is called {name!r}; there are {names}")

"""How stamps are written: the language in which the rows of `table` are put.

A row is data. Its template says what stands in a stamp, and from it come the
regular expression that judges one (here), the cheap looks that find one
(`looks`) and the decoder in 64-bit lanes (`shapes`). Another layout is another row.

A template is text with these fields; everything else stands for itself:

    %Y %y       year of four digits; of two (69 and more: 19xx)
    %m %d       month, day; two digits
    %e %k       day, hour; two digits or a space and a digit
    %b %a       name of the month, of the day; three letters, English
    %j          day of the year, three digits
    %H %M %S    hour, minute, second; two digits
    %-m ...     the same of %m %d %H %M %S with one digit or two
    %s          seconds since 1970, ten digits, the first not 0
    %r          the last nine digits of seconds since 1970, the first being 1
    %3 %6 %9    so many digits of a fraction
    %-3 %-9     milliseconds, one to three digits; nanoseconds, one to nine
    %o %O %h    offset from UTC, +hhmm; +hh:mm; +hh
    %u %w       minutes east of UTC, +mmm; minutes west
    %x %n       a TAI64 label, 16 hexadecimal digits; nanoseconds, 8 of them
    {x|yz}      one of these texts; a `|` in one is written `%|`
    %B          name of the month, written out
    %Z          abbreviation of a zone
    %E          day, as %e or as a single digit
    %f          nothing, or `.` and one to nine digits, `:` and three or six, or `,` and
                three, six, seven or nine, or another number if no column ends there
                and no date or time goes on
    %g          nothing, or `.` and one to nine digits
    %q          no digit, or up to nine of a fraction
    %p %P       nothing, or AM or PM (or `p.m.`), which makes the hour one of twelve; AM or PM
    %z          nothing, `Z`, +hh:mm, +hhmm, +hh, or a space and one of the first two, with
                or without `GMT` or `UTC` before it, or a space and the abbreviation of a
                zone, or with a year its IANA name, `Europe/Berlin`

The last ten leave a choice. What a stamp has chosen is its *variant*, a short
text such as `T.3Z` (a `T`, three digits behind a `.`, a `Z`). An IANA name is its own.

A stamp is not one when a digit follows, when its date or time does not exist
(second 60 does: it is the following second), when its year is outside 1678 to
2261 (nanoseconds must fit 64 bits), or when its offset is a day or more.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Final

import attrs

from trio_ship.decode.abbreviations import AREAS, OFFSETS
from trio_ship.decode.zones import named_zone

__all__ = ["FIELD_WIDTHS", "LOOSE", "MONTHS", "Layout"]

_DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%j": 3, "%H": 2, "%M": 2, "%S": 2} | {
    "%3": 3,
    "%6": 6,
    "%9": 9,
}
LOOSE: Final = {"%-m": 2, "%-d": 2, "%-H": 2, "%-M": 2, "%-S": 2, "%-3": 3, "%-9": 9}
"""How many digits each field of varying width has at most."""

FIELD_WIDTHS: Final = (
    _DIGITS
    | {"%s": 10, "%r": 9, "%e": 2, "%k": 2, "%b": 3, "%a": 3}
    | {
        "%o": 5,
        "%O": 6,
        "%h": 3,
        "%u": 4,
        "%w": 4,
        "%x": 16,
        "%n": 8,
    }
)
"""How many bytes each field of fixed width takes."""

_BEFORE_WEAK: Final = b" \t,;|[(\"'=m"
_COLOUR: Final = re.compile(rb"\x1b\[[\d;:]*m\Z")
_WORDS: Final = ("%a", "%b", "%B", "%Z")
_IN_DATES: Final = (b"/", b".", b"-")

_TEXTS: Final = (
    {code: rf"\d{{{width}}}" for code, width in _DIGITS.items()}
    | {code: rf"\d{{1,{width}}}(?!\d)" for code, width in LOOSE.items()}
    | {
        "%s": r"[1-9]\d{9}",
        "%r": r"\d{9}",
        "%e": r"[ \d]\d",
        "%k": r"[ \d]\d",
        "%b": r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
        "%a": r"(?i:mon|tue|wed|thu|fri|sat|sun)",
        "%o": r"[+-]\d{4}",
        "%O": r"[+-]\d\d:\d\d",
        "%h": r"[+-]\d\d",
        "%u": r"[+-]\d{3}",
        "%w": r"[+-]\d{3}",
        "%x": r"[0-9a-f]{16}",
        "%n": r"[0-9a-f]{8}",
    }
)
MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
"""The names of months, written out."""

_NAMES: Final = "|".join(sorted(OFFSETS, key=len, reverse=True))
_AREAS: Final = rf" (?:{'|'.join(AREAS)})/[A-Za-z_]+(?:[/+-][A-Za-z0-9_-]+)?"
_AREA: Final = re.compile(_AREAS)
# In a table a number behind a comma may be the next column, or begin its date or time.
_COMMA: Final = (
    r",(?:(?:\d{3}|\d{6,7}|\d{9})(?!\d|\.\d)"
    r"|\d{1,9}(?![\d,;\r\n]|[./:]\d|-\d\d?[-/]))"
)
_FRACTION: Final = rf"(?:\.\d{{1,9}}|:\d{{3}}|:\d{{6}})(?!\d)|{_COMMA}"
_HALF: Final = r"((?:[ ]|\xe2\x80\xaf)?[AaPp](?:[Mm]|\.[Mm]\.)(?![A-Za-z0-9]))"
_CHOICES: Final = {
    "%B": f"((?i:{'|'.join(MONTHS)}))",
    "%Z": f"({_NAMES})",
    "%E": r"([ \d]\d|\d)(?!\d)",
    "%f": rf"(?:({_FRACTION})|(?!\.?\d)(?!{_COMMA}))",
    "%g": r"(?:(\.\d{1,9})(?!\d)|(?!\.?\d))",
    "%q": r"(\d{0,9})(?!\d)",
    "%p": f"{_HALF}?",
    "%P": _HALF,
    "%z": rf"(Z|(?: ?| GMT| UTC)[+-]\d\d:?\d\d(?!\d)|[+-]\d\d(?!\d)"
    rf"| (?:{_NAMES})(?![A-Za-z0-9+-])|{_AREAS})?",
}
# What a fraction may still have behind some digits of it.
_LEFT: Final = {"%3": 6, "%6": 3}
_VARIANTS: Final = {
    "%B": r"(B[3-9])",
    "%Z": r"(ZZZZ?)",
    "%E": r"(d?)",
    "%f": r"([.,][1-9]|:[36])?",
    "%g": r"(\.[1-9])?",
    "%q": r"(~[1-9])?",
    "%p": r"([ \u202f]?p\.?)?",
    "%P": r"([ \u202f]?p\.?)",
    "%z": rf"(Z|(?: ?| GMT| UTC)\+hh:?mm|\+hh| ZZZZ?|{_AREAS})?",
}


def _choice(field: str, text: str) -> str:
    """Return what a piece of a stamp says about its variant."""
    if field in ("%B", "%Z", "%E"):
        return {"%B": f"B{len(text)}", "%Z": "Z" * len(text), "%E": "d"[: 2 - len(text)]}[field]
    if field in ("%f", "%g"):
        return f"{text[0]}{len(text) - 1}" if text else ""
    if field == "%q":
        return f"~{len(text)}" if text else ""
    if field in ("%p", "%P"):
        return re.sub(r"(?i)[ap](\.?)m\.?", r"p\1", text)
    if field == "%z" and text[:1] not in ("", "Z") and "/" not in text:
        digits = iter("hhmm")
        form = re.sub(r"\d", lambda _: next(digits), re.sub("[+-]", "+", text))
        return form if "+" in form else re.sub("[A-Z]", "Z", form)
    return text


@attrs.frozen(kw_only=True)
class Layout:
    """One way to write a stamp.

    Attributes:
        name: What a configuration and a checkpoint call it.
        template: What stands in it; see the module.
        example: A stamp.
        example_ns: What that is: nanoseconds since 1970, without an offset as
            if in UTC, without a year as if in 2000, without a date as if on
            the first of January of that year.
        writers: Some programs that write it.
        anywhere: Whether it is so unmistakable that it may be looked for behind
            a prefix. Others count only at the beginning of a line, or behind
            the name of a field.
        marker: The character that stands before it where it has a prefix.
        after: Letters that may stand in front of it at the beginning of a line.
        family: Layouts of a family differ in what their numbers mean only.
        weak: Whether other numbers are easily taken for it. Behind a prefix such
            a stamp counts where nearly every line has one.
    """

    name: str
    template: str
    example: str
    example_ns: int
    writers: str
    anywhere: bool = False
    marker: str = ""
    after: str = ""
    family: str = ""
    weak: bool = False

    @functools.cached_property
    def fields(self) -> tuple[str, ...]:
        """The parts of the template."""
        return tuple(re.findall(r"%-?.|\{[^}]*\}|.", self.template, re.DOTALL))

    @property
    def is_count(self) -> bool:
        """Whether its stamps are nothing but a number."""
        return self.weak and "%s" in self.fields

    @functools.cached_property
    def _exact(self) -> re.Pattern[bytes]:
        parts = []
        for before, field in zip(("", *self.fields), self.fields, strict=False):
            if field[0] == "{":
                parts.append(f"({'|'.join(map(re.escape, self.alternatives(field)))})")
            elif field == "%g" and before in _LEFT:
                parts.append(_CHOICES[field].replace("9", str(_LEFT[before])))
            elif field == "%z" and not self.has_year:
                # What its offset is depends on the year.
                parts.append(_CHOICES[field].replace(f"|{_AREAS}", ""))
            else:
                parts.append(_CHOICES.get(field) or _TEXTS.get(field) or re.escape(field))
            if field == "%M" and "%S" not in self.fields:
                parts.append(r"(?![:\d]|[.<]\d)")
        return re.compile(("".join(parts) + (r"(?!\d)" if self.ends_in_digit else "")).encode())

    @functools.cached_property
    def _variant(self) -> re.Pattern[str]:
        return re.compile(
            "".join(
                f"({'|'.join(map(re.escape, self.alternatives(field)))})"
                if field[0] == "{"
                else _VARIANTS[field]
                for field in self.fields
                if field[0] == "{" or field in _VARIANTS
            )
        )

    @staticmethod
    def alternatives(field: str) -> tuple[str, ...]:
        """Return the texts of a field `{x|yz}`."""
        texts = re.split(r"(?<!%)\|", field[1:-1])
        return tuple(text.replace("%|", "|") for text in texts)

    @property
    def has_year(self) -> bool:
        """Whether the stamp says its year."""
        return not {"%Y", "%y", "%s", "%r", "%x"}.isdisjoint(self.fields)

    @functools.cached_property
    def has_date(self) -> bool:
        """Whether the stamp says its day, in one year or other."""
        return self.has_year or not {"%m", "%-m", "%b", "%B"}.isdisjoint(self.fields)

    @functools.cached_property
    def mark(self) -> str:
        """What says where it begins: its marker, or a word of its own; else empty."""
        word = self.template.partition("%")[0]
        return self.marker or word * word[:1].isalpha()

    @property
    def is_number(self) -> bool:
        """Whether it is no stamp where a digit stands before it."""
        return not self.marker and self.template[0] in "%{"

    @property
    def ends_in_digit(self) -> bool:
        """Whether the last field is one of digits, whatever the variant."""
        return self.fields[-1] in FIELD_WIDTHS or self.fields[-1] in LOOSE

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
        pieces = [piece.decode() for piece in found.groups(b"")]
        end = found.end()
        if (
            "%z" in chosen
            and "/" in (zone := pieces[chosen.index("%z")])
            and not named_zone(zone[1:])
        ):
            if self.fields[-1] != "%z":
                return None
            end -= len(zone)
            pieces[chosen.index("%z")] = ""
        variant = "".join(map(_choice, chosen, pieces))
        return variant, end - column

    def matches(self, texts: bytes, sizes: Sequence[int]) -> list[bool]:
        """Tell which texts begin with what looks like a stamp.

        Args:
            texts: All of them, with as many bytes for each.
            sizes: How many of these bytes are each one's own. At least one.
        """
        match, width = self._exact.match, len(texts) // len(sizes)
        begins = range(0, len(texts), width)
        return [
            match(texts, begin, begin + size) is not None
            for begin, size in zip(begins, sizes, strict=True)
        ]

    def find(self, text: bytes) -> tuple[int, tuple[str, int] | None]:
        """Return where a stamp first seems to stand behind a prefix, and the match.

        Args:
            text: A line.
        """
        marker = self.marker.encode()
        for found in self._exact.finditer(text):
            column = found.start()
            before = text[max(column - 1, 0) : column]
            if self.weak and before == b"m" and not _COLOUR.search(text, 0, column):
                continue  # an `m` is the end of a sequence of colours, or of a word
            if (before == marker) if marker else self.may_follow(before):
                return column, self.match(text, column)
        return 0, None

    def may_follow(self, before: bytes) -> bool:
        """Tell whether a stamp behind a prefix may have a character before it."""
        if self.weak:
            return before in _BEFORE_WEAK
        if self.is_number and before in _IN_DATES and self.fields[0] not in _WORDS:
            # It may be the rest of a date whose year stands first.
            return "%Y" in self.fields
        if self.fields[0] == "%B" and before.isalpha():
            return before == b"m"  # the end of a sequence of colours, or of a word
        return not (self.is_number and before.isdigit())

    def zone_name(self, variant: str) -> str:
        """Return the IANA name that the stamps of a variant have; empty for none.

        Raises:
            ValueError: The layout has no such variant.
        """
        return next((choice[1:] for choice in self.choices(variant) if _AREA.match(choice)), "")

    def choices(self, variant: str) -> tuple[str, ...]:
        """Return what a variant has chosen, one text for each choice.

        Raises:
            ValueError: The layout has no such variant.
        """
        found = self._variant.fullmatch(variant)
        if found is None:
            raise ValueError(f"the layout {self.name} has no variant {variant!r}")
        return tuple(found.groups(""))

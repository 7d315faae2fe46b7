r"""Texts of a known form, read into JSON objects.

A form takes texts and returns an object for each that it understands. It is a pure
function of each text, however many are given at once.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeAlias

import attrs
import numpy as np

from trio_ship.decode.words import Bools
from trio_ship.fields.columns import NUMBER, objects_of
from trio_ship.fields.objects import are_objects
from trio_ship.fields.rewriting import pieces_of
from trio_ship.fields.texts import occurs

__all__ = [
    "CLF",
    "LOOK_CLF",
    "LOOK_LOGFMT",
    "LOOK_SYSLOG",
    "LOOK_SYSLOG_5424",
    "SYSLOG",
    "SYSLOG_5424",
    "Expression",
    "Form",
    "Look",
    "first_of",
    "looking",
    "read_json",
    "read_logfmt",
]

Form: TypeAlias = Callable[[Any], Any]
"""From an Arrow array of large_binary to one of objects, null where there is none."""


@attrs.frozen
class Expression:
    """An RE2 expression whose groups are the fields.

    Attributes:
        pattern: All of its groups have names.
        names: The names, in the order of the groups.
        numeric: Those whose values may be numbers.
    """

    pattern: str
    names: Sequence[str]
    numeric: Collection[str]

    @classmethod
    def of(cls, pattern: str, numeric: Collection[str] | None = None) -> Expression:
        """Return the form of a pattern.

        Args:
            pattern: RE2 syntax.
            numeric: The names of groups whose values may be numbers; None: all.

        Raises:
            ValueError: RE2 does not take it, or a group has no name, or none is there.
        """
        import pyarrow as pa  # noqa: PLC0415 - its import is slow
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        try:
            groups = pc.extract_regex(pa.array([b""], pa.large_binary()), pattern)
        except pa.ArrowInvalid as error:
            message = str(error)
            if "unnamed" in message:
                message = "every group needs a name, or write (?:...) for it"
            raise ValueError(message) from None
        names = tuple(groups.type.field(number).name for number in range(groups.type.num_fields))
        if not names or len(set(names)) < len(names):
            what = "the same name" if names else "no group"
            raise ValueError(f"there is {what} in it{' twice' * bool(names)}")
        return cls(pattern, names, names if numeric is None else numeric)

    def __call__(self, texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return an object for each text in which the expression is found."""
        import pyarrow as pa  # noqa: PLC0415 - its import is slow
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        none = pa.nulls(len(texts), pa.large_binary())
        # To look alone costs a tenth of what it costs to look for groups.
        valid = pc.match_substring_regex(texts, self.pattern)
        chosen = texts.filter(valid)
        if not len(chosen):
            return none
        groups = pc.extract_regex(chosen, self.pattern)
        columns = [groups.field(number) for number in range(len(self.names))]
        return pc.replace_with_mask(none, valid, objects_of(self.names, columns, self.numeric))


@attrs.frozen
class Look:
    """What all texts of a form have, to be seen without an expression.

    Attributes:
        first: The bytes with which they may begin; empty: any.
        literal: What stands in each.
    """

    first: bytes = b""
    literal: bytes = b""

    def fitting(self, texts: Any) -> Bools:  # noqa: ANN401 - pyarrow has no types
        """Return which texts of an Arrow array of large_binary have it; shape (n,)."""
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        pieces = pieces_of(texts)
        fit: Bools = pieces.length > 0
        if self.first:
            is_first = np.zeros(256, np.bool_)
            is_first[list(self.first)] = True
            fit[fit] = is_first[pieces.data[pieces.start[fit]]]
        if self.literal and fit.any():
            # A search in all of them at once costs next to nothing.
            if not occurs(self.literal, pieces.data):
                return np.zeros(len(texts), np.bool_)
            fit &= np.asarray(pc.match_substring(texts, self.literal))
        return fit


CLF: Final = (
    r"\A(?:(?P<vhost>[^\s:]+:[0-9]+) )?(?P<client>\S+) \S+ (?:-|(?P<user>.+?)) \[[^\]]+\] "
    r'"(?:(?P<method>[A-Z]+) (?P<target>\S+)(?: (?P<protocol>HTTP/[0-9.]+))?|(?P<request>[^"]*))" '
    r"(?P<status>[0-9]{3}) (?:-|(?P<bytes>[0-9]+))"
    r'(?: "(?:-|(?P<referer>(?:[^"\\]|\\.)*))" "(?:-|(?P<agent>(?:[^"\\]|\\.)*))")?(?:\s|\z)'
)
"""The common and the combined format of access logs, also behind a virtual host and its port."""

SYSLOG: Final = (
    r"\A(?:<(?P<priority>[0-9]{1,3})>)?[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} "
    r"(?P<host>\S+) (?P<app>[^\s:\[]+)(?:\[(?P<pid>[0-9]+)\])?:(?:\s|\z)"
)
"""RFC 3164."""

SYSLOG_5424: Final = (
    r"\A<(?P<priority>[0-9]{1,3})>1 \S+ "
    r"(?:-|(?P<host>\S+)) (?:-|(?P<app>\S+)) (?:-|(?P<pid>\S+)) (?:-|(?P<msgid>\S+)) "
    r'(?:-|(?P<data>(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+))(?:\s|\z)'
)
"""RFC 5424."""

_PAIR: Final = (
    r"[A-Za-z_@][A-Za-z0-9_.@/:-]*="
    r'(?:"(?:[^"\\\x00-\x1f\x7f-\xff]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"'
    r'|[^\s"\\\x00-\x1f\x7f-\xff]*)'
)
_LINE: Final = rf"\A\s*{_PAIR}(?:\s+{_PAIR})*\s*\z"
_REST: Final = (
    r"\s*([A-Za-z_@][A-Za-z0-9_.@/:-]*)="
    rf'(?:("(?:[^"\\]|\\.)*"|{NUMBER}|true|false|null)|([^\s"]*))(?:\s+|\z)'
)


LOOK_CLF: Final = Look(literal=b'] "')
LOOK_SYSLOG: Final = Look(first=b"<" + string.ascii_uppercase.encode())
LOOK_SYSLOG_5424: Final = Look(first=b"<")
LOOK_LOGFMT: Final = Look(first=b"_@ \t\n\f\r" + string.ascii_letters.encode())


def looking(look: Look, form: Form) -> Form:
    """Return a form that is only asked about texts which look like it."""

    def read(texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        import pyarrow as pa  # noqa: PLC0415 - its import is slow
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        fit = look.fitting(texts)
        if fit.all():
            return form(texts)
        none = pa.nulls(len(texts), pa.large_binary())
        if not fit.any():
            return none
        mask = pa.array(fit)
        return pc.replace_with_mask(none, mask, form(texts.filter(mask)))

    return read


def first_of(*forms: Form) -> Form:
    """Return a form that takes of each text what the first one that understands it says."""

    def read(texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        objects = forms[0](texts)
        for form in forms[1:]:
            if not objects.null_count:
                break
            if objects.null_count == len(objects):
                objects = form(texts)
                continue
            left = pc.is_null(objects)
            objects = pc.replace_with_mask(objects, left, form(texts.filter(left)))
        return objects

    return read


def read_json(texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the texts that are JSON objects, each in one line."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    valid = are_objects(texts)
    if not valid.any():
        return pa.nulls(len(texts), pa.large_binary())
    objects = texts
    if not valid.all():
        objects = pc.if_else(pa.array(valid), texts, pa.scalar(None, pa.large_binary()))
    # No string has a line break in it, so these stand between values.
    if bytes(pieces_of(objects).data).find(b"\n") >= 0:
        objects = pc.replace_substring_regex(objects, r"[\r\n]", " ")
    return objects


def read_logfmt(texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    r"""Return objects of texts that consist of `key=value` pairs and nothing else.

    Pairs become `"key":value,` in one replacement. A value without quotes gets the
    bytes 1 and 2 around it, which no such text holds, and these become quotes where
    something stands between them; where nothing does, the value was a whole one, or
    empty.
    """
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    valid = pc.match_substring_regex(texts, _LINE)
    chosen = texts.filter(valid)
    if not len(chosen):
        return pa.nulls(len(texts), pa.large_binary())
    pairs = pc.replace_substring_regex(chosen, _REST, '"\\1":\\2\x01\\3\x02,')
    for old, new in ((":\x01\x02", ':""'), ("\x01\x02", ""), ("\x01", '"'), ("\x02", '"')):
        pairs = pc.replace_substring(pairs, old, new)
    pairs = pc.replace_substring_regex(pairs, r"(?s)\A(.*),\z", r"{\1}")
    return pc.replace_with_mask(pa.nulls(len(texts), pa.large_binary()), valid, pairs)

"""Regular expressions over lines, in Arrow's RE2: linear in time, whatever the line.

Lines are handed over as they lie in the arena. Arrow's arrays want every byte
between the first and the last line to belong to an element, so that the gaps
between lines are elements too, but null, and no expression looks at them.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8
from trio_ship.batch.columns import trimmed_ends
from trio_ship.decode.words import Bools

__all__ = ["LinePattern", "Strptime", "UserPattern"]

_LONGEST_TEXT: Final = 256
_SLACK: Final = np.zeros(64, np.uint8)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_NAME: Final = re.compile(rb"(?i)\b(?:UTC|GMT)\b")
_DIRECTIVE: Final = re.compile(r"%[-_^#:]?\d*.?", re.DOTALL)
_DIRECTIVES: Final = frozenset(f"%{letter}" for letter in "%aAbBcdfGHIjmMpSuUVwWxXyYzZ")
_INSTEAD: Final = {
    "%D": "%m/%d/%y",
    "%e": "%d",
    "%F": "%Y-%m-%d",
    "%h": "%b",
    "%k": "%H",
    "%l": "%I",
    "%L": "%f",
    "%P": "%p",
    "%R": "%H:%M",
    "%s": '"epoch" as the whole format',
    "%T": "%H:%M:%S",
}
"""What `strptime` of Python has for directives of other languages."""

_PROBE: Final = datetime(2000, 2, 29, 13, 14, 15, 678_900, tzinfo=UTC)


def _lines(arena: U8, start: I64, end: I64) -> tuple[Any, I64 | None]:
    """Return an Arrow array with a null behind each line, and the order of its lines.

    The order is None where the lines stand in that of the arena already.
    """
    import pyarrow as pa  # noqa: PLC0415 - most files need no expression, and its import is slow

    order = None
    if (start[1:] < end[:-1]).any():
        order = np.argsort(start, kind="stable")
        start, end = start[order], end[order]
    count = 2 * len(start) - 1
    offsets = np.column_stack((start, end)).ravel()
    every_other = np.full(-(-count // 8), 0b01010101, np.uint8)
    buffers = [pa.py_buffer(every_other), pa.py_buffer(offsets), pa.py_buffer(arena)]
    lines = pa.Array.from_buffers(pa.large_binary(), count, buffers, len(start) - 1)
    return lines, order


def _unusable(pattern: str, message: str) -> ValueError:
    if re.search(r"\(\?<?[=!]", pattern):
        message += " (look-ahead and look-behind are not supported)"
    return ValueError(f"the pattern {pattern!r} is not usable: {message}")


def _fault(form: str, error: Exception) -> str:
    """Say what `strptime` does not take of a format: which directive, where it is one."""
    found = _DIRECTIVE.findall(form)
    for directive in found:
        if directive == "%":
            return "there is a % at its end; %% stands for one"
        if directive not in _DIRECTIVES:
            plain = f"%{directive[-1]}"
            instead = _INSTEAD.get(plain, plain if plain in _DIRECTIVES else "")
            remedy = f", write {instead} instead" if instead else ""
            return f"{directive} is unknown to strptime{remedy}"
    twice = [one for one in found if one != "%%" and found.count(one) > 1]
    return f"{twice[0]} is in it twice" if twice else str(error).rstrip(".")


class LinePattern:
    """An expression of the user that tells some lines from others."""

    def __init__(self, pattern: str) -> None:
        """Check the expression.

        Args:
            pattern: RE2 syntax.

        Raises:
            ValueError: RE2 does not take it.
        """
        import pyarrow as pa  # noqa: PLC0415 - see `_lines`

        self._pattern = pattern
        try:
            self._match(pa.array([b""], pa.large_binary()))
        except pa.ArrowInvalid as error:
            raise _unusable(pattern, str(error)) from None

    def _match(self, lines: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        import pyarrow.compute as pc  # noqa: PLC0415 - see `_lines`

        return pc.match_substring_regex(lines, pattern=self._pattern)

    def matches(self, arena: U8, start: I64, end: I64) -> Bools:
        """Tell of each line whether the expression matches somewhere in it.

        Args:
            arena: The bytes of the lines.
            start: First byte of each line. Shape (n,).
            end: The byte after each line, its line end included; the
                expression does not see that. Shape (n,).
        """
        if not len(start):
            return np.zeros(0, np.bool_)
        lines, order = _lines(arena, start, trimmed_ends(arena, start, end))
        found = self._match(lines).fill_null(False)  # noqa: FBT003 - Arrow takes it by place
        matched: Bools = found.to_numpy(zero_copy_only=False)[::2]
        if order is not None:
            matched = matched[np.argsort(order)]
        return matched


class UserPattern:
    """An expression of the user that says where in its line the stamp is."""

    def __init__(self, pattern: str) -> None:
        """Check the expression.

        Args:
            pattern: RE2 syntax, with a group named `ts`.

        Raises:
            ValueError: RE2 does not take it, or it has no group `ts`.
        """
        import pyarrow as pa  # noqa: PLC0415 - see `_lines`

        self._pattern = pattern
        try:
            groups = self._extract(pa.array([b""], pa.large_binary())).type
        except pa.ArrowInvalid as error:
            message = str(error)
            if "unnamed" in message:
                message = "every group needs a name, or write (?:...) for it"
            raise _unusable(pattern, message) from None
        if groups.get_field_index("ts") < 0:
            raise ValueError(f"the pattern {pattern!r} has no group (?P<ts>...) around the stamp")

    def _extract(self, lines: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        import pyarrow.compute as pc  # noqa: PLC0415 - see `_lines`

        return pc.extract_regex(lines, pattern=self._pattern)

    def extract(self, arena: U8, start: I64, end: I64) -> tuple[I64, U8, I64]:
        """Return the text of the group `ts` of every line that matches.

        Args:
            arena: The bytes of the lines.
            start: First byte of each line. Shape (n,), n > 0.
            end: The byte after each line, without its line end. Shape (n,).

        Returns:
            The rows that match (shape (k,)), the texts one after the other with
            64 bytes of slack behind, and where they begin and the last one ends
            in it (shape (k + 1,)).
        """
        lines, order = _lines(arena, start, end)
        groups = self._extract(lines)
        texts = groups.field("ts").filter(groups.is_valid())
        rows = np.flatnonzero(np.asarray(groups.is_valid())[::2])
        if order is not None:
            rows = order[rows]
        _, bounds, data = texts.buffers()
        offsets = np.frombuffer(bounds, np.int64, len(texts) + 1, 8 * texts.offset)
        content = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
        used = content[offsets[0] : offsets[-1]]
        if order is not None:
            by_row = np.argsort(rows)
            pieces = [used[offsets[i] - offsets[0] : offsets[i + 1] - offsets[0]] for i in by_row]
            lengths = np.diff(offsets)[by_row]
            used = np.concatenate([*pieces, used[:0]])
            rows, offsets = rows[by_row], np.concatenate(([0], np.cumsum(lengths)))
        return rows, np.concatenate((used, _SLACK)), offsets - offsets[0]


class Strptime:
    """Stamps in a format of `datetime.strptime`; each distinct text is read once.

    Attributes:
        has_year: Whether the format says the year.
        resolution_ns: What one step of its finest field is worth.
    """

    def __init__(self, form: str) -> None:
        """Check the format.

        Raises:
            ValueError: `strptime` does not take it.
        """
        fields = set(re.findall(r"%[A-Za-z]", form.replace("%%", "")))
        self.has_year = not fields.isdisjoint({"%Y", "%y", "%c", "%x", "%G"})
        # A year in front, and a leap year: else the 29th of February is no date.
        self._form = form if self.has_year else f"%Y {form}"
        self._before = "" if self.has_year else "2000 "
        self._has_zone_name = "%Z" in fields
        units = (
            ({"%f"}, 1_000),
            ({"%S", "%c", "%X"}, 10**9),
            ({"%M"}, 60 * 10**9),
            ({"%H", "%I"}, 3600 * 10**9),
        )
        fitting = (unit for codes, unit in units if not codes.isdisjoint(fields))
        self.resolution_ns = next(fitting, 86_400 * 10**9)
        try:
            datetime.strptime(_PROBE.strftime(self._form), self._form)  # noqa: DTZ007 - the zone may be missing
        except (ValueError, re.error) as error:
            raise ValueError(f"the format {form!r} is not usable: {_fault(form, error)}") from None
        self._cached = functools.lru_cache(maxsize=65_536)(self._read_text)

    def _read(self, text: bytes) -> tuple[int, bool]:
        # A pattern may take a whole record for a stamp; those are not kept, nor looked at.
        return self._cached(text) if len(text) <= _LONGEST_TEXT else (NO_STAMP, False)

    def _read_text(self, text: bytes) -> tuple[int, bool]:
        """Return nanoseconds since 1970 and whether they are in UTC."""
        try:
            stamp = datetime.strptime(self._before + text.decode(), self._form)  # noqa: DTZ007 - as above
        except ValueError:
            return NO_STAMP, False
        # strptime knows the names of UTC, but says of none which zone it is.
        is_utc = self._has_zone_name and _UTC_NAME.search(text) is not None
        own_zone = stamp.tzinfo is not None or is_utc
        if not 1678 <= stamp.year <= 2261:  # noqa: PLR2004 - what 64 bits hold, as in `layouts`
            return NO_STAMP, False
        since = (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)) - _EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return microseconds * 1_000, own_zone

    def decode(self, texts: U8, bounds: I64) -> tuple[I64, Bools, Bools]:
        """Decode texts that lie one after the other.

        Args:
            texts: Their bytes.
            bounds: Where they begin, and where the last one ends. Shape (n + 1,).

        Returns:
            Nanoseconds since 1970 (for a format without a year: in 2000),
            whether there is a stamp, and whether it is in UTC. Shape (n,).
        """
        import pyarrow as pa  # noqa: PLC0415 - see `_lines`

        buffers = [None, pa.py_buffer(np.ascontiguousarray(bounds)), pa.py_buffer(texts)]
        column = pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)
        coded = column.dictionary_encode()
        readings = [self._read(text) for text in coded.dictionary.to_pylist()]
        codes = np.asarray(coded.indices)
        value = np.array([reading[0] for reading in readings], np.int64)[codes]
        own_zone = np.array([reading[1] for reading in readings], np.bool_)[codes]
        return value, value != NO_STAMP, own_zone

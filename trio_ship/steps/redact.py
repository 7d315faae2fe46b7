"""Making secrets unreadable, wherever in a record they stand.

Records in which nothing is found stay where they are; the others are written
anew, their line ends kept. Numbers of cards are looked at one by one, because
their check digit is no matter of an expression; all else is done by Arrow.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np

from trio_ship.batch import I64, OrderedBatch
from trio_ship.fields.names import with_backslash
from trio_ship.fields.rewriting import pieces_of, with_texts
from trio_ship.fields.texts import text_slices

__all__ = ["PATTERNS", "Redaction", "hidden", "redacted"]

_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_GROUP: Final = r"[0-9A-Fa-f]{1,4}"
_CARD: Final = (
    r"\b(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|3[4-9][0-9]{2}|30[0-5][0-9]|6[0-9]{3})"
    r"(?:[ -]?[0-9]){8,15}\b"
)

PATTERNS: Final[Mapping[str, str]] = {
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    "ipv4": rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b",
    "ipv6": (
        rf"\b{_GROUP}(?::{_GROUP}){{0,6}}::(?:{_GROUP}(?::{_GROUP}){{0,6}})\b"
        rf"|\b{_GROUP}(?::{_GROUP}){{7}}\b|\b{_GROUP}(?::{_GROUP}){{1,6}}::"
        rf"|\B::{_GROUP}(?::{_GROUP}){{0,6}}\b"
    ),
    "card": _CARD,
    "bearer": (
        r"(?i:\bbearer)[ \t]+[A-Za-z0-9._~+/=-]{8,}"
        r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    ),
    "aws_key": (
        r"\b(?:AKIA|ASIA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA)[A-Z0-9]{16}\b"
        r"|(?i:aws_?secret_?(?:access_?)?key)[\"']?[ \t]*[=:][ \t]*[\"']?[A-Za-z0-9/+]{40}"
    ),
}
"""What can be named; the syntax is that of RE2, and that of `re` too."""

# In texts that are objects, as are those of Docker, escapes stand apart from what is beside
# them while secrets are looked for: else the n of a newline would be part of an address.
_GUARD: Final = "\x01"
_BRACE: Final = ord("{")
_GUARDS: Final = (
    (r"\\(?:u[0-9A-Fa-f]{4}|.)", f"{_GUARD}\\0{_GUARD}"),
    (r"\x01\\/\x01", "/"),
    (r"\x01\\u0040\x01", "@"),
)

_FEWEST_DIGITS: Final = 13
_MOST_DIGITS: Final = 19


@attrs.frozen
class Redaction:
    """What is looked for, and what takes its place.

    Attributes:
        name: By what it is counted.
        pattern: An RE2 expression that does not match the empty text.
        text: What is written instead.
    """

    name: str
    pattern: str
    text: str

    def apply(self, texts: Any) -> tuple[Any, int]:  # noqa: ANN401 - pyarrow has no types
        """Return texts without what is looked for, and how often it was found."""
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        if self.pattern == _CARD:
            return _without_cards(texts, self.text.encode())
        count = pc.sum(pc.count_substring_regex(texts, pattern=self.pattern)).as_py()
        if not count:
            return texts, 0
        literal = self.text.replace("\\", r"\\")
        return pc.replace_substring_regex(texts, self.pattern, literal), count


def redacted(
    batch: OrderedBatch, redactions: Sequence[Redaction], removed: Counter[str]
) -> tuple[OrderedBatch, I64]:
    """Return a batch without what is looked for, and in which rows something was.

    Args:
        batch: The records.
        redactions: What is looked for, in this order.
        removed: Told how often each was found.
    """
    rows, pieces = [], []
    for part, texts in text_slices(batch):
        cleaned, changed = hidden(texts, redactions, removed)
        if len(changed):
            rows.append(changed + part.start)
            pieces.append(cleaned.take(changed))
    if not rows:
        return batch, np.zeros(0, np.int64)
    found = np.concatenate(rows)
    return with_texts(batch, found, pieces), found


def hidden(texts: Any, redactions: Sequence[Redaction], removed: Counter[str]) -> tuple[Any, I64]:  # noqa: ANN401 - pyarrow has no types
    """Return texts without what is looked for, and which have changed.

    Args:
        texts: An Arrow array of large_binary.
        redactions: What is looked for, in this order.
        removed: Told how often each was found.
    """
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    pieces = pieces_of(texts)
    escaped = np.flatnonzero(with_backslash(pieces))
    escaped = escaped[pieces.data[pieces.start[escaped]] == _BRACE]
    escaped = escaped[~np.asarray(pc.match_substring(texts.take(escaped), _GUARD))]
    changed = np.zeros(0, np.int64)
    if len(escaped):
        guarded = texts.take(escaped)
        for old, new in _GUARDS:
            guarded = pc.replace_substring_regex(guarded, old, new)
        cleaned, which = _hidden(guarded, redactions, removed)
        if len(which):
            changed = escaped[which]
            bare = pc.replace_substring(cleaned.take(which), _GUARD, "")
            mask = np.zeros(len(texts), np.bool_)
            mask[changed] = True
            texts = pc.replace_with_mask(texts, pa.array(mask), bare)
    texts, which = _hidden(texts, redactions, removed)
    return texts, np.union1d(changed, which)


def _hidden(texts: Any, redactions: Sequence[Redaction], removed: Counter[str]) -> tuple[Any, I64]:  # noqa: ANN401 - pyarrow has no types
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    pattern = "|".join(f"(?:{each.pattern})" for each in redactions)
    mask = pc.match_substring_regex(texts, pattern=pattern)
    found = texts.filter(mask)
    count = 0
    for redaction in redactions if len(found) else ():
        found, places = redaction.apply(found)
        removed[redaction.name] += places
        count += places
    if not count:
        return texts, np.zeros(0, np.int64)
    return pc.replace_with_mask(texts, mask, found), np.flatnonzero(np.asarray(mask))


def _without_cards(texts: Any, text: bytes) -> tuple[Any, int]:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    suspects = pc.match_substring_regex(texts, pattern=_CARD)
    if not pc.any(suspects).as_py():
        return texts, 0
    count = 0

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal count
        size = _card_length(match[0])
        count += size > 0
        return text + match[0][size:] if size else match[0]

    cleaned = [_CARD_IN_BYTES.sub(replace, value) for value in texts.filter(suspects).to_pylist()]
    return pc.replace_with_mask(texts, suspects, pa.array(cleaned, pa.large_binary())), count


_CARD_IN_BYTES: Final = re.compile(_CARD.encode())


def _card_length(number: bytes) -> int:
    """Return how many bytes in front are the number of a card; 0 if none are.

    The longest run of 13 to 19 digits counts whose check digit is right (Luhn).
    """
    places = [place for place, byte in enumerate(number) if byte not in b" -"]
    for size in range(min(len(places), _MOST_DIGITS), _FEWEST_DIGITS - 1, -1):
        last = places[size - 1]
        digits = [number[place] - ord("0") for place in places[:size]]
        doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - Luhn
        follows = number[last + 1 : last + 2]
        if not follows.isdigit() and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return last + 1
    return 0

"""Decoding of stamps of one shape, 64 bits at a time.

A shape is a layout in one of its variants: every byte has its place. So a stamp
is a few machine words, gathered from the arena with one indexing call, and most
lines need little work: the date, hour, minute and zone are decoded only where
their bytes differ from those of the line before (`dates`); seconds and fraction
come from each line's words by shifts and masks.

A shape is exact: what it takes for a stamp is one, of this variant, and would be
to `Layout.match`. Whatever is doubtful it leaves to others.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.dates import Dates
from trio_ship.decode.endings import find_continued, plan_ending
from trio_ship.decode.layouts import FIELD_WIDTHS, LOOSE, Layout
from trio_ship.decode.padding import fill, pad
from trio_ship.decode.words import Bools, Pairs, Words, gather, hexadecimal, within
from trio_ship.decode.zones import Zone

__all__ = ["Shape", "shape_of"]

_SECOND: Final = 1_000_000_000
_FOUR: Final = 4
_QUICK: Final = ("%S", "seconds", "%f", "%3", "%6", "%9", "%n")
_FRACTIONS: Final = {"%3": 10**6, "%6": 10**3, "%9": 1}
_FORMS: Final = {"%o": "+hhmm", "%O": "+hh:mm", "%h": "+hh", "%u": "+mmm", "%w": "-mmm"}
_SIGNS: Final = {"sign", "sign of west"}
_ZONE_FIELDS: Final = {*_SIGNS, "name", "%s", "%r", "%x"}
_LETTERS: Final = {"%a", "%b", "%B", "%x", "%n"}
_OPEN_LETTERS: Final = {"name", "half"}
_PADDED: Final = {"%e", "%k"}


def _pieces(layout: Layout, variant: str) -> Iterator[tuple[str, int, bool]]:
    """Yield the fields (code, width, whether it varies) and texts (text, 0, False)."""
    choices = iter(layout.choices(variant))
    for field in layout.fields:
        if field in LOOSE:
            yield field.replace("-", ""), LOOSE[field], True
        elif field in ("%s", "%r"):
            yield field, FIELD_WIDTHS[field] - 2, False
            yield "seconds", 2, False
        elif field in _FORMS:
            yield from _formed(_FORMS[field])
        elif field in FIELD_WIDTHS:
            yield field, FIELD_WIDTHS[field], False
        elif field in ("%B", "%E"):
            choice = next(choices)
            yield (
                (field, int(choice[1:]), False) if field == "%B" else ("%e", 2 - len(choice), False)
            )
        elif field in ("%f", "%g", "%q"):
            if choice := next(choices):
                yield choice[0].replace("~", ""), 0, False
                yield "%f", int(choice[1:]), False
        elif field in ("%z", "%p", "%P", "%Z"):
            yield from _formed(next(choices))
        else:
            yield (next(choices) if field[0] == "{" else field), 0, False


def _formed(form: str) -> Iterator[tuple[str, int, bool]]:
    """Yield the pieces of an offset, a zone's name, or AM and PM, by its form."""
    if "/" in form:
        yield form, 0, False
        return
    fields = {
        "hh": ("hours", 2),
        "mm": ("minutes", 2),
        "mmm": ("minutes", 3),
        "+": ("sign", 1),
        "-": ("sign of west", 1),
        "p": ("half", 2),
        "p.": ("dotted half", 4),
    }
    for part in re.findall(r"hh|mmm?|ZZZZ?|p\.|.", form):
        if part[0] == "Z" and len(part) > 1:
            yield "name", len(part), False
        else:
            yield *fields.get(part, (part, 0)), False


def _masks(values: dict[int, int], words: int) -> list[np.uint64]:
    """Return words with the given values at the given bytes."""
    masks = [0] * words
    for place, value in values.items():
        masks[place // 8] |= value << 8 * (place % 8)
    return [np.uint64(mask) for mask in masks]


class Shape:
    """The decoder of one layout in one variant.

    Attributes:
        width: Length of the stamp in bytes, all its numbers being full.
        own_zone: Whether the stamp says its time in UTC. Otherwise what is
            decoded is the time on the wall.
        resolution_ns: What one step of its last digit is worth.
        is_trimmed: Whether some programs leave out zeros at its end.
    """

    def __init__(self, layout: Layout, variant: str) -> None:
        """Plan the words of a shape.

        Raises:
            ValueError: The layout has no such variant, or there is no such zone.
        """
        places: dict[str, range] = {}
        characters: dict[int, int] = {}
        self._loose: list[range] = []
        width = 0
        for piece, size, varies in _pieces(layout, variant):
            if piece == "dotted half":
                places["half"] = range(width, width + size, 2)
                characters |= dict.fromkeys(range(width + 1, width + size, 2), ord("."))
            elif size:
                places[piece] = range(width, width + size)
            if varies:
                self._loose.append(places[piece])
            text = b"" if size else piece.encode()
            characters |= dict(enumerate(text, width))
            width += size or len(text)
        self.width = width
        self.own_zone = not _ZONE_FIELDS.isdisjoint(places) or variant.endswith("Z")
        zone = layout.zone_name(variant)
        self.own_zone |= bool(zone)
        self._fractions = [(code, unit) for code, unit in _FRACTIONS.items() if code in places]
        self.resolution_ns = min((unit for _, unit in self._fractions), default=_SECOND)
        if "%f" in places:
            self.resolution_ns //= 10 ** len(places["%f"])
            self._fractions.append(("%f", self.resolution_ns))
        elif "%n" in places:
            self.resolution_ns = 1
        elif "%M" in places and "%S" not in places:
            self.resolution_ns = 60 * _SECOND
        self._places = places
        fraction = places.get("%f", range(0))
        # Behind a colon there are always three digits or six.
        self.is_trimmed = len(fraction) > 1 and characters.get(fraction.start - 1) != ord(":")
        fields = {
            "%f": "%f" in places,
            "%g": "%f" in places,
            "%p": "half" in places,
            "%P": "half" in places,
            "%z": self.own_zone,
        }
        chosen = frozenset(field for field, has in fields.items() if has)
        self._ending = plan_ending(layout, variant, chosen)
        # Four bytes more tell whether it ends there.
        self._words = -(-(width + _FOUR * (self._ending is not None)) // 8)
        self._plan_checks(characters, Zone(zone) if zone else None)
        self._plan_spelling(characters)

    def _plan_checks(self, characters: dict[int, int], zone: Zone | None) -> None:
        """Divide the bytes: which are looked at in each line, which after a change."""
        quick = [place for code in _QUICK for place in self._places.get(code, ())]
        digits = [place for place in quick if place not in self._places.get("%n", ())]
        quick_words = {place // 8 for place in quick}
        here = {place: char for place, char in characters.items() if place // 8 in quick_words}
        rest = {place: char for place, char in characters.items() if place not in here}
        slow = {place: 255 for place in range(self.width) if place not in {*quick, *here}}
        self._slow = [(word, mask) for word, mask in enumerate(_masks(slow, self._words)) if mask]
        masks = _masks(dict.fromkeys(digits, 0xF0) | dict.fromkeys(here, 0xFF), self._words)
        expected = _masks(dict.fromkeys(digits, 0x30) | here, self._words)
        sixes = _masks(dict.fromkeys(digits, 6), self._words)
        self._quick = [(word, masks[word], expected[word], sixes[word]) for word in quick_words]
        self._dates = Dates(self._places, rest, zone)

    def _plan_spelling(self, characters: dict[int, int]) -> None:
        """Say which bytes tell that a stamp is of this variant, whatever its numbers are."""
        self._is_telling = _OPEN_LETTERS.isdisjoint(self._places)
        digits: list[int] = []
        signs: list[int] = []
        for code, places in self._places.items():
            if code in _SIGNS:
                signs += places
            elif code not in _LETTERS:
                digits += places[code in _PADDED :]
        self._digits, self._signs = np.array(digits, np.intp), np.array(signs, np.intp)
        self._characters = np.array(list(characters), np.intp)
        self._expected = np.array(list(characters.values()), np.uint8)

    def cannot_be(self, arena: U8, at: I64, end: I64) -> Bools:
        """Tell where a stamp is spelt so, of a moment that does not exist: month 13. Shape (n,).

        Nor is there a stamp in any other variant of the layout then. Arguments as of
        `decode`.
        """
        if not (self._is_telling and len(at)):
            return np.zeros(len(at), np.bool_)
        words = gather(arena, within(arena, at), self._words)
        found = at + self.width - pad(words, self._loose) <= end
        stamp = np.ascontiguousarray(words.T).view(np.uint8)
        found &= (stamp[:, self._digits] - np.uint8(48) <= 9).all(axis=1)  # noqa: PLR2004 - digits
        found &= (stamp[:, self._characters] == self._expected).all(axis=1)
        sign = stamp[:, self._signs]
        found &= ((sign == ord("+")) | (sign == ord("-"))).all(axis=1)
        rows = np.flatnonzero(found)
        found[rows] = ~self.decode(arena, at[rows], end[rows], checked=True)[1]
        return found

    def decode(
        self, arena: U8, at: I64, end: I64, *, checked: bool = False, filled: bool = False
    ) -> tuple[I64, Bools]:
        """Decode the stamps at the given places.

        Args:
            arena: Bytes, with at least 64 more behind the last `end`.
            at: Where each stamp would begin. Shape (n,).
            end: The byte after each line. Shape (n,).
            checked: Whether `Layout.match` has found this variant there.
            filled: Whether zeros may be missing at the end of a fraction.

        Returns:
            Nanoseconds since 1970, in UTC or on the wall (for a layout without
            a year: in the year 2000), and whether there is a stamp. Shape (n,).
        """
        if not len(at):
            return np.empty(0, np.int64), np.empty(0, np.bool_)
        words = gather(arena, within(arena, at), self._words)
        after = at + self.width
        if self._loose:
            after -= pad(words, self._loose)
        if filled and self.is_trimmed:
            missing = fill(words, self._places["%f"])
            after -= missing
            ok = after <= end
            ok &= missing < len(self._places["%f"])
        else:
            ok = after <= end
        value = self._decode_dates(words, ok)
        ok &= self._looks_right(words)
        self._add_fine(words, value, ok)
        if self._ending is not None and not checked:
            word, byte = divmod(self.width, 8)
            four = words[word] >> np.uint64(8 * byte)
            if byte > 8 - _FOUR:
                four |= words[word + 1] << np.uint64(64 - 8 * byte)
            ok[find_continued(self._ending, four, arena, after, end)] = False
        return value, ok

    def _add_fine(self, words: Words, value: I64, ok: Bools) -> None:
        """Add seconds and fraction; clear `ok` where they are wrong."""
        pairs = Pairs(words)
        for code, most in (("%S", 60), ("seconds", 99)):
            if code in self._places:
                seconds = pairs.number(self._places[code])
                ok &= seconds <= most  # with a leap second
                seconds *= _SECOND
                value += seconds
        for code, unit in self._fractions:
            fraction = pairs.number(self._places[code])
            fraction *= unit
            value += fraction
        if "%n" in self._places:
            fraction, valid = hexadecimal(words, self._places["%n"])
            ok &= valid & (fraction < _SECOND)
            value += fraction

    def _decode_dates(self, words: Words, ok: Bools) -> I64:
        """Decode all but seconds and fraction; clear `ok` where they are wrong."""
        changes = np.zeros(len(words[0]) - 1, np.uint64)
        for word, mask in self._slow:
            change = words[word][1:] ^ words[word][:-1]
            change &= mask
            changes |= change
        rows = np.concatenate(([0], np.flatnonzero(changes) + 1))
        chosen = np.column_stack([word[rows] for word in words])
        value, valid = self._dates.decode(chosen.view(np.uint8))
        repeats = np.diff(rows, append=len(ok))
        if not valid.all():
            ok &= np.repeat(valid, repeats)
        return np.repeat(value, repeats)

    def _looks_right(self, words: Words) -> Bools:
        """Tell where seconds and fraction are digits, between the right characters."""
        wrong = np.zeros(len(words[0]), np.uint64)
        for word, mask, expected, six in self._quick:
            part = words[word] & mask
            part ^= expected
            wrong |= part
            part = words[word] + six
            part &= mask
            part ^= expected
            wrong |= part
        return np.logical_not(wrong)


@functools.cache
def shape_of(layout: Layout, variant: str) -> Shape:
    """Return the decoder of a layout in one variant.

    Raises:
        ValueError: The layout has no such variant.
    """
    return Shape(layout, variant)

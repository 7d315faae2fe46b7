"""A field at one column of most lines, and the few bytes that show it.

A program writes the same names in front of the field into every line, and values of the
same width. What some lines have in common there tells of all places at which the field
cannot be: `{"level":"info","pid":4007,"ts":` has no other `"ts":` in front of it if there is
a `v`, a `p` and a `d` where those are here. So a line in which the field's name and these
few bytes stand at their places has it there first, whatever else it holds. Counted from
the end of lines the same says where they have it last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.search import have_marks
from trio_ship.decode.words import MAX_WIDTH, Bools

__all__ = ["Usual"]

_FARTHEST: Final = 256
_NEAR: Final = 16
_WHOLE: Final = 0xFF
_HIGH: Final = 0xF0


@attrs.frozen
class Usual:
    """Where a field stands in most lines.

    Attributes:
        text: Its name, and what is behind that.
        offset: Where it begins, counted from the beginning of a line or, if it is less
            than 0, from its end.
        near: Places, counted from there, and the bytes of its name and about it. If
            they and those of `far` are there, it is nowhere before or, counted from the
            end, behind.
        far: Further places, which bits of their bytes are looked at, and what they are.
    """

    text: bytes
    offset: int
    near: tuple[tuple[int, int], ...]
    far: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(
        cls, text: bytes, offset: int, samples: Sequence[bytes], *, spaced: bool
    ) -> Usual | None:
        """Return what some lines have in common; None if that does not exclude other places.

        Args:
            text: The name of the field, and what is behind it.
            offset: As the attribute. The field is there in all of the samples.
            samples: Lines; at least one.
            spaced: Whether white space stands before the name, if anything does.
        """
        if abs(offset) > _FARTHEST:
            return None
        # Places count from the name. It may be at none from `low` on, before `stop`.
        if offset < 0:
            low, high, stop = 1, -offset, -offset - len(text)
            cuts = [line[offset + low :] for line in samples]
        else:
            low, high, stop = -offset, len(text), 0
            cuts = [line[: offset + high] for line in samples]
        if offset >= 0 and high - low <= MAX_WIDTH and len({*cuts}) == 1:
            return cls(text, offset, tuple(enumerate(cuts[0], low)), ())
        rows = np.frombuffer(b"".join(cuts), np.uint8).reshape(len(cuts), high - low)
        mask, value = _in_common(rows)
        marks = _excluding(text, mask, value, low, stop)
        if marks is None:
            return None
        if spaced and offset:
            if offset < 0 or mask[-1 - low] != _WHOLE:
                return None
            marks.append(-1)
        near, far = dict(enumerate(text)), []
        for place in marks:
            bits, byte = int(mask[place - low]), int(value[place - low])
            if bits == _WHOLE and -_NEAR <= place < len(text) + _NEAR:
                near[place] = byte
            else:
                far.append((place, bits, byte))
        return cls(text, offset, tuple(near.items()), tuple(far))

    def look(self, arena: U8, start: I64, end: I64) -> tuple[I64, Bools]:
        """Return where the name would be in each line, and whether it is there. Shapes (n,).

        Args:
            arena: Bytes, with at least 64 more behind the last `end`.
            start: First byte of each line. Shape (n,).
            end: The byte after each line. Shape (n,).
        """
        at = (end if self.offset < 0 else start) + self.offset
        found = at >= start if self.offset < 0 else at + len(self.text) < end
        if not found.any():
            return at, found
        # Where lines are too short for it, another one is looked at in their place.
        place = at if found.all() else np.where(found, at, at[np.argmax(found)])
        found &= have_marks(arena, place, self.near)
        for distance, bits, value in self.far:
            found &= (arena[place + distance] & np.uint8(bits)) == value
        return at, found


def _in_common(rows: U8) -> tuple[U8, U8]:
    """Return which bits of their bytes lines have in common, and what these are.

    All bits, the upper four, which tell digits from letters, or none.

    Args:
        rows: The bytes of lines. Shape (m, n).

    Returns:
        Shape (n,) each.
    """
    differs = np.bitwise_or.reduce(rows ^ rows[0], axis=0)
    mask = np.where(differs == 0, _WHOLE, np.where(differs <= _WHOLE - _HIGH, _HIGH, 0))
    mask = mask.astype(np.uint8)
    return mask, rows[0] & mask


def _excluding(text: bytes, mask: U8, value: U8, low: int, stop: int) -> list[int] | None:
    """Return a few places whose bytes tell that a name begins at none of all.

    Args:
        text: The name.
        mask: Which bits of the byte at each place are known. Shape (n,).
        value: What they are. Shape (n,).
        low: The first of these places.
        stop: The one behind the last at which the name may not begin.

    Returns:
        None where what is known does not tell.
    """
    name = np.frombuffer(text, np.uint8)
    # Whether a byte contradicts the name of which it would be this or that one.
    other = (name & mask[:, None]) != value[:, None]
    reach = np.where(other.all(axis=1), len(text), np.argmin(other, axis=1)).tolist()
    marks: list[int] = []
    at = low
    while at < stop:
        # Each byte excludes so many places up to its own: the farthest one that does.
        nearest = range(min(at + len(text), low + len(mask)) - 1, at - 1, -1)
        mark = next((place for place in nearest if place - reach[place - low] < at), None)
        if mark is None:
            return None
        marks.append(mark)
        at = mark + 1
    return marks

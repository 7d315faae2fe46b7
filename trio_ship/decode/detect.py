"""How a file writes its stamps, found out from its first lines.

The lines vote: the layout and place that give the most lines a stamp win, and
where two give as many, the one that stands first in the table. Lines without a
stamp have no vote, so a file may begin with a banner or a stack trace.

A stamp in column 0 or 1 (behind a bracket or a quote) settles the place: whatever
stands further right in other lines is part of their text. Behind a longer prefix
only unmistakable layouts count, and other columns stay possible.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeVar

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.decode.layouts import LAYOUTS, Layout, layout_named
from trio_ship.decode.patterns import UserPattern, trimmed_ends
from trio_ship.decode.places import SEARCHED_BYTES, Place
from trio_ship.decode.shapes import Head
from trio_ship.decode.stamps import StampDecoder, frame

__all__ = ["Found", "detect"]

_T = TypeVar("_T")
_BOM: Final = b"\xef\xbb\xbf"
_SAMPLE: Final = 64
_COLUMNS: Final = 8
_FAR_BEHIND: Final = 4


@attrs.frozen(kw_only=True)
class Found:
    """How a file writes its stamps.

    Attributes:
        spelling: From this text a `StampDecoder` is made, now or after a restart.
        example: A stamp as it stands in the file.
        matched: How many of the lines have such a stamp.
        lines: How many lines were looked at.
        resolution_ns: What one step of the last digit of a stamp is worth.
    """

    spelling: str
    example: str
    matched: int
    lines: int
    resolution_ns: int

    def describe(self) -> str:
        """Return a sentence for the log."""
        name, _, rest = self.spelling.partition("@")
        text = rest.partition("/")[0]
        place = Place.parse(text)
        if place.by_pattern:
            where = "where the pattern says"
        elif not place.searched:
            where = f"at column {text}"
        elif place.columns:
            where = f"behind a prefix, at column {' or '.join(map(str, place.columns))}"
        else:
            where = f'behind the first "{layout_named(name).marker}"'
        return f"{name} like {self.example} {where} ({self.matched:,} of {self.lines:,} lines)"


def detect(head: bytes, *, prefer: str = "auto", pattern: str | None = None) -> Found | None:
    """Find out how stamps are written.

    Args:
        head: Complete lines from the beginning of a file, some 64 KiB at most.
        prefer: "auto", or the name of the only layout that may be found, or
            with a pattern a format of `strptime`.
        pattern: An RE2 expression with a group `ts` around the stamp.

    Returns:
        The winner, or None if no line has a stamp.

    Raises:
        ValueError: `prefer` or `pattern` is not usable.
    """
    if "%" in prefer:
        return _judge(f"strptime@ts/{prefer}", "", frame(head), pattern)
    layouts = LAYOUTS if prefer == "auto" else (layout_named(prefer),)
    head = head.removeprefix(_BOM)
    lines = frame(head)
    if pattern is None:
        texts = _sample(layouts, lines)
    else:
        texts = _spread(_extract(UserPattern(pattern), lines))
    guesses = [
        _guess(
            layout, texts, anywhere=prefer != "auto" or layout.anywhere, by_pattern=bool(pattern)
        )
        for layout in layouts
    ]
    most = max((guess.count for guess in guesses if guess), default=0)
    judged = [
        _judge(guess.spelling, guess.example, lines, pattern)
        for guess in guesses
        if guess and guess.count * _FAR_BEHIND >= most
    ]
    # Of equals `max` takes the first, which is that of the table.
    return max((found for found in judged if found), key=lambda found: found.matched, default=None)


@attrs.frozen
class _Guess:
    """The spelling of a layout that fits some lines best.

    Attributes:
        spelling: As in `Found`.
        example: A stamp.
        count: How many of the lines seem to have one.
    """

    spelling: str
    example: str
    count: int


def _spread(items: Sequence[_T]) -> list[_T]:
    """Return the first items and some of the others."""
    rest = items[_SAMPLE:]
    return [*items[:_SAMPLE], *rest[:: len(rest) // _SAMPLE + 1]]


def _sample(layouts: tuple[Layout, ...], lines: tuple[U8, I64, I64]) -> list[bytes]:
    """Return some lines: of those that begin a record, and of the likeliest."""
    arena, start, end = lines
    begins = ~np.isin(arena[start], np.frombuffer(b" \t\r\n", np.uint8))
    likely = np.zeros(len(start), np.bool_)
    for layout in layouts:
        head = Head(layout)
        for column in range(2):
            likely |= head.fits(arena, start + column, end)
    rows = {*_spread(np.flatnonzero(begins).tolist()), *_spread(np.flatnonzero(likely).tolist())}
    return [arena[start[row] : end[row]].tobytes() for row in sorted(rows)]


def _extract(pattern: UserPattern, lines: tuple[U8, I64, I64]) -> list[bytes]:
    arena, start, end = lines
    if not len(start):
        return []
    _, texts, bounds = pattern.extract(arena, start, trimmed_ends(arena, start, end))
    return [texts[a:b].tobytes() for a, b in itertools.pairwise(bounds)]


def _guess(
    layout: Layout, texts: list[bytes], *, anywhere: bool, by_pattern: bool
) -> _Guess | None:
    """Return how a layout fits some lines best; None if not at all."""
    columns: Counter[int] = Counter()
    variants: Counter[str] = Counter()
    example = ""
    for text in texts:
        column, found = _find(layout, text, anywhere=anywhere and not by_pattern)
        if found is not None:
            columns[column] += 1
            variants[found[0]] += 1
            example = example or text[column : column + found[1]].decode("ascii")
    if not columns:
        return None
    place = Place(by_pattern=True) if by_pattern else _choose_place(layout, columns)
    variant = variants.most_common(1)[0][0]
    spelling = f"{layout.name}@{place}" + (f"/{variant}" if variant else "")
    return _Guess(spelling, example, columns.total())


def _choose_place(layout: Layout, columns: Counter[int]) -> Place:
    # Of equally frequent columns the first is the likelier.
    by_count = sorted(columns, key=lambda column: (-columns[column], column))
    if by_count[0] <= 1 and 2 * columns[by_count[0]] >= columns.total():
        return Place(columns=(by_count[0],))
    if layout.marker:
        return Place(searched=True)
    return Place(columns=tuple(by_count[:_COLUMNS]), searched=True)


def _find(layout: Layout, text: bytes, *, anywhere: bool) -> tuple[int, tuple[str, int] | None]:
    """Return where a layout fits in a line, and what it finds there."""
    for column in range(2):
        found = layout.match(text, column)
        if found is not None and (column == 0 or not text[:1].isalnum()):
            return column, found
    if anywhere and not text[:1].isspace():
        return layout.find(text[:SEARCHED_BYTES])
    return 0, None


def _judge(
    spelling: str, example: str, lines: tuple[U8, I64, I64], pattern: str | None
) -> Found | None:
    """Count the lines that have a stamp so spelled; None for none."""
    decoder = StampDecoder(spelling, pattern=pattern)
    found = decoder.read(*lines).found
    matched = int(found.sum())
    if not matched:
        return None
    if not example and pattern is not None:
        arena, start, end = lines
        row = found.argmax()
        example = _extract(UserPattern(pattern), (arena, start[row : row + 1], end[row : row + 1]))[
            0
        ].decode(errors="replace")
    return Found(
        spelling=spelling,
        example=example,
        matched=matched,
        lines=len(found),
        resolution_ns=decoder.resolution_ns,
    )

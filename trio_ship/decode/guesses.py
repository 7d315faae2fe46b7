"""What the lines of a file say about how its stamps are written: a guess for each layout.

A `Guess` is what `detect` judges: it says how many of some lines seem to have a stamp
of a layout at a kind of place. `detect` says which of them wins.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

import attrs

from trio_ship.batch import I64, U8
from trio_ship.decode.containers import DOCKER
from trio_ship.decode.layouts import Layout
from trio_ship.decode.leads import without_colours
from trio_ship.decode.looks import outlines, sieve_of
from trio_ship.decode.members import FIELDS
from trio_ship.decode.nesting import own_member
from trio_ship.decode.places import Place
from trio_ship.decode.search import find_marks, rows_of
from trio_ship.decode.stamps import frame
from trio_ship.decode.table import LAYOUTS, layout_named
from trio_ship.decode.tags import SEARCHED_BYTES, Tag
from trio_ship.decode.telling import telling_names

__all__ = [
    "Guess",
    "find_further",
    "find_guesses",
    "guesses_inside",
    "in_pattern",
    "is_doubtful",
    "spread",
]

_T = TypeVar("_T")
_SAMPLE: Final = 64
_COLUMNS: Final = 8
_NESTED: Final = 2000  # behind every column
_UNDATED: Final = 1000  # so is whatever says its date better
_SPARE: Final = 10  # one in so many lines may lack what hardly is a stamp
_AT_FRONT: Final = re.compile(r"\w+@[_|\]:~]?[01](?:/|$)")
_COLOURS: Final = re.compile(rb"\x1b\[[\d;:]*m")
_DATE_BEFORE: Final = re.compile(
    rb"(?<![\d.])(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:\d\d){1,2}"
    rb"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ ./-]{1,2}\d\d?(?:,? \d{4})?"
    rb"|(?:\A|(?<=[\[(<]))\d\d?/\d\d?"
    rb"|(?<= )(?:(?:0[1-9]|1[0-2])/(?:0[1-9]|[12]\d|3[01])|(?:1[3-9]|2\d|3[01])/(?:0[1-9]|1[0-2]))"
    rb"|\d\d?[ ./-]{1,2}(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[ -]\d{2,4})?)"
    rb"(?![\d.]\d)[^\d]{1,12}$"
)
_SPAN_BEFORE: Final = re.compile(
    rb"(?i:(?<![a-z])(?:elapsed|duration|took|taken|total|remaining|uptime|run ?time|eta|lap)"
    rb"(?: time)?)[^A-Za-z]{0,12}$"
)


def spread(items: Sequence[_T]) -> list[_T]:
    """Return the first items and some of the others."""
    rest = items[_SAMPLE:]
    return [*items[:_SAMPLE], *rest[:: len(rest) // _SAMPLE + 1]]


@attrs.frozen
class Guess:
    """The spelling of a layout that fits some lines best.

    Attributes:
        spelling: As in `Found`.
        example: A stamp.
        count: How many of the lines seem to have one.
        rank: What comes first of those that fit as many lines; small ones do.
    """

    spelling: str
    example: str
    count: int
    rank: float = 0

    @property
    def is_at_front(self) -> bool:
        """Whether it stands in the first two columns of what is behind tags."""
        return _AT_FRONT.match(self.spelling) is not None


def is_doubtful(spelling: str) -> bool:
    """Tell whether stamps are numbers at some place, which no name says to be stamps."""
    name, _, rest = spelling.partition("@")
    return layout_named(name).is_count and not Place.parse(rest.partition("/")[0]).field


@attrs.define
class _Votes:
    """Lines that have a stamp of one layout, at one kind of place."""

    columns: Counter[int] = attrs.field(factory=Counter)
    variants: Counter[str] = attrs.field(factory=Counter)
    example: str = ""

    def add(self, text: bytes, column: int, found: tuple[str, int]) -> None:
        self.columns[column] += 1
        self.variants[found[0]] += 1
        self.example = self.example or text[column : column + found[1]].decode()

    def add_front(self, layout: Layout, texts: list[bytes], rows: Iterable[int]) -> set[int]:
        """Add the lines of some rows that have a stamp at their beginning; return which do."""
        added = set()
        for row in rows:
            column, found = _at_front(layout, texts[row])
            if found is not None:
                self.add(texts[row], column, found)
                added.add(row)
        return added

    def add_prefixed(self, layout: Layout, texts: list[bytes]) -> None:
        """Add the lines that have a stamp behind a prefix."""
        for text in texts:
            column, found = layout.find(text[:SEARCHED_BYTES])
            if found is not None:
                self.add(text, column, found)

    def guess(self, layout: Layout, place: Place, rank: float) -> Guess:
        variant = self.variants.most_common(1)[0][0]
        spelling = f"{layout.name}@{place}" + (f"/{variant}" if variant else "")
        return Guess(spelling, self.example, self.columns.total(), rank)

    @property
    def column(self) -> float:
        """The mean column."""
        return sum(k * n for k, n in self.columns.items()) / self.columns.total()


def in_pattern(layouts: Sequence[Layout], texts: list[bytes]) -> Iterator[Guess]:
    """Yield what a pattern may have found."""
    for layout in layouts:
        votes = _Votes()
        for text in texts:
            found = layout.match(text)
            if found is not None:
                votes.add(text, 0, found)
        if votes.columns:
            yield votes.guess(layout, Place(by_pattern=True), 0)


def find_guesses(
    layouts: Sequence[Layout], texts: list[bytes], *, named: bool, tag: Tag = ""
) -> Iterator[Guess]:
    """Yield how layouts fit some lines, for each kind of place where one does.

    Args:
        layouts: Those that may be found.
        texts: The lines, each behind its tag.
        named: Whether the user has named the layout.
        tag: What stands in front of them.
    """
    for guess in _find_coloured(layouts, texts, named=named):
        if not tag:
            yield guess
        elif tag != "_" or re.match(r"\w+@[\d*]", guess.spelling):
            yield attrs.evolve(guess, spelling=guess.spelling.replace("@", f"@{tag}", 1))


def _find_coloured(
    layouts: Sequence[Layout], texts: list[bytes], *, named: bool
) -> Iterator[Guess]:
    """Yield also what stands at the beginning of lines behind the colours of a terminal."""
    plain = [without_colours(text) for text in texts]
    if plain != texts:
        yield from (each for each in _find(layouts, plain, named=named) if each.is_at_front)
    yield from _find(layouts, texts, named=named)


def _find(layouts: Sequence[Layout], texts: list[bytes], *, named: bool) -> Iterator[Guess]:
    lines = _framed(texts)
    fronts, present = _fronts(layouts, lines), frozenset(lines[0].tobytes())
    open_rows = [row for row, text in enumerate(texts) if not text[:1].isspace()]
    open_texts = [texts[row] for row in open_rows]
    dated = with_year = 0
    for layout in layouts:
        votes = _Votes()
        front = votes.add_front(layout, texts, fronts.get(layout.name, ()))
        sure = not layout.family and layout.has_date
        if votes.columns.total() == len(texts) and texts and sure:
            # Nothing can fit more lines, or stand further in front.
            yield votes.guess(layout, _choose_place(layout, votes.columns), 0)
            return
        if named or layout.anywhere:
            marked = _rows_with_marks(layout, lines, present) - front
            votes.add_prefixed(layout, [texts[row] for row in open_rows if row in marked])
        if votes.columns:
            place = _choose_place(layout, votes.columns)
            rank = 1 + votes.column if place.searched else 0
            yield votes.guess(layout, place, rank if layout.has_date else _UNDATED)
            dated += layout.has_date * votes.columns.total()
            with_year += layout.has_year
    yield from _in_fields(layouts, open_texts)
    if not named:
        weak = [each for each in layouts if each.weak]
        if dated * _SPARE > len(open_texts):
            # A time of day is the end of some stamp with a date.
            weak = [each for each in weak if each.has_date]
        yield from _in_most(weak, open_texts, _UNDATED if with_year else 0)


def _framed(texts: list[bytes]) -> tuple[U8, I64, I64]:
    """Return an arena of lines, and where they begin and end in it."""
    return frame(b"".join(text.rstrip(b"\n") + b"\n" for text in texts))


def _fronts(layouts: Sequence[Layout], lines: tuple[U8, I64, I64]) -> dict[str, list[int]]:
    """Return for each layout which lines can have a stamp of it in their first two columns."""
    arena, start, end = lines
    rows: dict[str, set[int]] = {}
    for column in range(2):
        for layout, those in sieve_of(tuple(layouts)).split(arena, start + column, end):
            rows.setdefault(layout.name, set()).update(those.tolist())
    return {name: sorted(those) for name, those in rows.items()}


def _rows_with_marks(
    layout: Layout, lines: tuple[U8, I64, I64], present: frozenset[int]
) -> set[int]:
    """Return which lines have the characters of a layout at their distances.

    Args:
        layout: What is sought.
        lines: As `frame` returns them.
        present: All bytes that they have.
    """
    arena, start, end = lines
    rows: set[int] = set()
    for marks in outlines(layout) if len(start) else ():
        if not marks:
            return set(range(len(start)))
        if not present.issuperset(byte for _, byte in marks):
            continue
        at = find_marks(arena, marks, int(start[0]), int(end[-1]))
        rows.update(rows_of(at, start, end).tolist())
    return rows


def _in_most(layouts: Sequence[Layout], texts: list[bytes], rank: int) -> Iterator[Guess]:
    """Yield which stamps that are hardly any stand behind a prefix in nearly every line.

    Args:
        layouts: Those that may be.
        texts: The lines.
        rank: What those that say their date come behind.
    """
    for layout in layouts:
        votes = _Votes()
        votes.add_prefixed(layout, texts)
        if "%s" in layout.fields and not votes.example.startswith("1"):
            continue  # as the seconds from 2001 to 2033 do; others are telephone numbers
        if not layout.has_date and _are_no_times_of_day(layout, texts):
            continue
        if votes.columns.total() * _SPARE > (_SPARE - 1) * len(texts) and votes.column > 1:
            place = Place(columns=_frequent(votes.columns), searched=True)
            behind = rank if layout.has_date else _UNDATED
            yield votes.guess(layout, place, behind + 1 + votes.column)


def _are_no_times_of_day(layout: Layout, texts: list[bytes]) -> bool:
    """Tell whether most stand behind a date, of whatever form, or say how long something took.

    A day that the lines say otherwise would be a wrong one.
    """
    columns = (layout.find(text[:SEARCHED_BYTES])[0] for text in texts)
    pairs = zip(texts, columns, strict=True)
    before = [_COLOURS.sub(b"", text[:column]) for text, column in pairs]
    others = sum(
        _DATE_BEFORE.search(text) is not None or _SPAN_BEFORE.search(text) is not None
        for text in before
    )
    return 2 * others > len(texts)


def _in_fields(layouts: Sequence[Layout], texts: list[bytes]) -> Iterator[Guess]:
    """Yield how layouts fit in fields of JSON and logfmt, the usual ones and others like them."""
    for number, field in enumerate((*FIELDS, *telling_names(texts))):
        votes: dict[tuple[str, bool], _Votes] = {}
        objects = nested = 0
        own = _has_own(field, texts)
        for text in texts:
            last = text.startswith(DOCKER) and field == '"time"'
            column = _find_field(field, text, last=last, own=own)
            if column < 0:
                continue
            is_object = text.startswith(b"{")
            objects += is_object
            nested += is_object and not last and own_member(field.encode(), text) < 0
            for layout in layouts:
                found = layout.match(text, column)
                if found is not None:
                    votes.setdefault((layout.name, last), _Votes()).add(text, column, found)
        for (name, last), mine in votes.items():
            # In an object its columns say nothing; in other text the first stamp counts.
            in_object = 2 * objects >= mine.columns.total()
            rank = (number + 1) / 100 if in_object else 0.9 + mine.column
            if in_object and 2 * nested > objects:
                rank = 0.5 + mine.column / 10_000  # what is within an object, its first stamp
            place = Place(field=field, last=last, own=own and not last)
            yield mine.guess(layout_named(name), place, 0 if last else rank)


def _has_own(field: str, texts: list[bytes]) -> bool:
    """Tell whether objects have a member, and others of its name within them before it."""
    if field[0] != '"':
        return False
    name = field.encode()
    several = (text for text in texts if text.startswith(b"{") and text.count(name + b":") > 1)
    return any(own_member(name, text) > text.find(name + b":") for text in several)


def _find_field(field: str, text: bytes, *, last: bool, own: bool) -> int:
    """Return where the value of a field begins, as `places.find_field` does; or -1."""
    if field[0] == '"':
        key = field.encode() + b":"
        at = own_member(field.encode(), text) if own and not last else -1
        at = at if at >= 0 else text.rfind(key) if last else text.find(key)
        at += len(key) if at >= 0 else 0
        at += text[at : at + 1] == b" " if at >= 0 else 0
    else:
        found = _logfmt(field).search(text)
        at = found.end() if found is not None else -1
    return at + (text[at : at + 1] in (b'"', b"'")) if at >= 0 else -1


@functools.cache
def _logfmt(field: str) -> re.Pattern[bytes]:
    before = "" if field[0] == "<" else r"(?:^|(?<=[ \t]))"
    return re.compile((before + re.escape(field)).encode())


def _choose_place(layout: Layout, columns: Counter[int]) -> Place:
    by_count = _frequent(columns)
    if by_count[0] <= 1 and 2 * columns[by_count[0]] >= columns.total():
        return Place(columns=(by_count[0],))
    if layout.marker:
        return Place(searched=True)
    return Place(columns=by_count, searched=True)


def _frequent(columns: Counter[int]) -> tuple[int, ...]:
    """Return the most frequent columns; of equally frequent ones the first is the likelier."""
    return tuple(sorted(columns, key=lambda column: (-columns[column], column))[:_COLUMNS])


def _at_front(layout: Layout, text: bytes) -> tuple[int, tuple[str, int] | None]:
    """Return where a layout fits at the beginning of a line, and what it finds there."""
    for column in range(2):
        before = text[:column].decode("latin-1")
        if before.isspace() or (
            before.isascii() and before.isalnum() and before not in layout.after
        ):
            continue
        found = layout.match(text, column)
        if found is not None:
            return column, found
    return 0, None


def find_further(texts: list[bytes]) -> Iterator[Guess]:
    """Yield how unmistakable layouts stand behind a prefix of lines, and numbers in front."""
    lines = _framed(texts)
    present = frozenset(lines[0].tobytes())
    weak = [layout for layout in LAYOUTS if layout.weak and layout.has_date]
    fronts = _fronts(weak, lines)
    for layout in LAYOUTS:
        votes = _Votes()
        if layout.anywhere:
            marked = sorted(_rows_with_marks(layout, lines, present))
            votes.add_prefixed(layout, [texts[row] for row in marked])
        votes.add_front(layout, texts, fronts.get(layout.name, ()))
        if votes.columns:
            place = _choose_place(layout, votes.columns)
            yield votes.guess(layout, place, 1 + votes.column)


def guesses_inside(layouts: Sequence[Layout], texts: list[bytes]) -> list[Guess]:
    """Return how layouts fit inside the text of some lines, the likelier first."""
    guesses = list(_in_fields(layouts, [text for text in texts if b"{" in text or b"=" in text]))
    for layout in layouts:
        votes = _Votes()
        for text in texts if layout.anywhere else ():
            column, found = layout.find(text[:SEARCHED_BYTES])
            if found is not None and column:
                votes.add(text, column, found)
        if votes.columns:
            place = Place(columns=_frequent(votes.columns), searched=True)
            guesses.append(votes.guess(layout, place, _NESTED + votes.column))
    return sorted(guesses, key=lambda guess: guess.rank)

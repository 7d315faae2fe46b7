"""How a file writes its stamps, found out from its first lines.

The lines vote: the layout and place that give the most lines a stamp win. Lines
without a stamp have no vote, so a file may begin with a banner or a stack trace.
Of those that give as many, the one that stands first in the lines wins: the stamp
of a container or of syslog is outside that of the application. A field of a JSON
object wins over what stands somewhere in its text, and of fields and of layouts
the one that stands first in its table.

A stamp in column 0 or 1 (behind a bracket or a quote) settles the place: whatever
stands further right in other lines is part of their text. Behind a longer prefix
only unmistakable layouts count, and other columns stay possible.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.batch.columns import trimmed_ends
from trio_ship.decode.ambiguous import Evidence, weigh
from trio_ship.decode.containers import find_wrapped
from trio_ship.decode.found import Found
from trio_ship.decode.further import with_further
from trio_ship.decode.guesses import Guess, find_guesses, in_pattern, is_doubtful, spread
from trio_ship.decode.inside import find_inside
from trio_ship.decode.layouts import Layout
from trio_ship.decode.looks import sieve_of
from trio_ship.decode.patterns import UserPattern
from trio_ship.decode.places import Place
from trio_ship.decode.plausible import are_moments, only_count
from trio_ship.decode.stamps import BEHIND, StampDecoder, frame
from trio_ship.decode.table import LAYOUTS, layout_named
from trio_ship.decode.tags import NEARLY_ALL, Tag, behind_tag, usual_tag

__all__ = ["detect"]

_BOM: Final = b"\xef\xbb\xbf"
_JUDGED: Final = 6
_FAR_BEHIND: Final = 4
_DAY: Final = 86_400 * 10**9
_INDENTS: Final = np.isin(np.arange(256), np.frombuffer(b" \t", np.uint8))
_RARE: Final = 200


def detect(
    head: bytes,
    *,
    prefer: str = "auto",
    pattern: str | None = None,
    inner: bool = False,
    evidence: Evidence | None = None,
) -> Found | None:
    """Find out how stamps are written.

    Args:
        head: Complete lines from the beginning of a file, some 64 KiB at most.
        prefer: "auto", or the name of the only layout that may be found, or
            with a pattern a format of `strptime`.
        pattern: An RE2 expression with a group `ts` around the stamp.
        inner: Whether a stamp inside the text of another's line counts.
        evidence: What else is known of the file, for numbers whose order is
            not clear.

    Returns:
        The winner, or None if no line has a stamp.

    Raises:
        ValueError: `prefer` or `pattern` is not usable.
    """
    if "%" in prefer:
        return _judge(Guess(f"strptime@ts/{prefer}", "", 0), frame(head), pattern)
    layouts: tuple[Layout, ...] = LAYOUTS if prefer == "auto" else (layout_named(prefer),)
    head = head.removeprefix(_BOM)
    lines = frame(head)
    if pattern is not None:
        texts = spread(_extract(UserPattern(pattern), lines))
        found = _elect(in_pattern(layouts, texts), lines, pattern)
    else:
        found, layouts = _in_lines(layouts, lines, evidence, named=prefer != "auto")
        if found is not None and inner and (inside := _find_inner(found, layouts, lines)):
            # Lines with the outer stamp alone go on with the record before them.
            return inside
    if found is None:
        return None
    found = weigh(found, layouts, head, pattern, evidence)
    if pattern is None and prefer == "auto":
        blocks = [head, *(evidence.later() if evidence is not None else [])]
        return attrs.evolve(found, spelling=with_further(found.spelling, blocks))
    return found


def _in_lines(
    layouts: tuple[Layout, ...],
    lines: tuple[U8, I64, I64],
    evidence: Evidence | None,
    *,
    named: bool,
) -> tuple[Found | None, tuple[Layout, ...]]:
    """Find stamps wherever they stand in lines.

    Args:
        layouts: Those that may be found.
        lines: An arena, and where lines begin and end in it.
        evidence: As for `detect`.
        named: Whether the user has named the layout.

    Returns:
        The winner, and the layouts that remain possible.
    """
    mtime_ns = evidence.mtime_ns if evidence is not None else None
    texts = _sample(layouts, lines)
    found, remaining = _find(layouts, texts, lines, mtime_ns, named=named)
    indented = np.count_nonzero(_INDENTS[lines[0][lines[1]]])
    tag: Tag = "_" if indented > (found.matched if found else 0) else usual_tag(texts)
    if tag:
        texts = _behind(tag, layouts, lines)
        inside, others = _find(layouts, texts, lines, mtime_ns, named=named, tag=tag)
        if inside is not None and (found is None or _says_more(inside, found)):
            found, remaining = inside, others
    if found is not None and _is_cri(found, lines):
        found = attrs.evolve(found, spelling=found.spelling.replace("@0", "@cri", 1))
    return found, remaining


def _find(
    layouts: tuple[Layout, ...],
    texts: list[bytes],
    lines: tuple[U8, I64, I64],
    mtime_ns: int | None,
    *,
    named: bool,
    tag: Tag = "",
) -> tuple[Found | None, tuple[Layout, ...]]:
    """Find stamps as `_in_lines` does, by some texts of lines, which stand behind tags."""
    found = _elect(find_guesses(layouts, texts, named=named, tag=tag), lines, None)
    if found is not None and not named and is_doubtful(found.spelling):
        return _doubted(found, layouts, texts, lines, mtime_ns)
    return found, layouts


def _layout(found: Found) -> Layout:
    return layout_named(found.spelling.partition("@")[0])


def _place(found: Found) -> Place:
    return Place.parse(found.spelling.partition("@")[2].partition("/")[0])


def _doubted(
    found: Found,
    layouts: tuple[Layout, ...],
    texts: list[bytes],
    lines: tuple[U8, I64, I64],
    mtime_ns: int | None,
) -> tuple[Found | None, tuple[Layout, ...]]:
    """Return what is found where numbers may be no stamps, and the layouts that may count."""
    stamps = _stamps(found, lines)
    can_be = are_moments(stamps, mtime_ns)
    if can_be and not only_count(stamps, mtime_ns):
        return found, layouts
    tag = _place(found).tag
    others = tuple(layout for layout in layouts if not layout.is_count)
    other = _elect(find_guesses(others, texts, named=False, tag=tag), lines, None)
    if can_be:
        return (found, layouts) if other is None else (other, others)
    guesses = find_guesses(layouts, texts, named=False, tag=tag)
    front = _elect((guess for guess in guesses if guess.is_at_front), lines, None)
    matched = other.matched if other is not None else 0
    if front and front.matched > matched and are_moments(_stamps(front, lines), mtime_ns):
        # Those in the text of other lines are none.
        return front, layouts
    return other, others


def _stamps(found: Found, lines: tuple[U8, I64, I64]) -> I64:
    """Return the stamps that lines have, as they are written."""
    reading = StampDecoder(found.spelling).read(*lines)
    return reading.value[reading.found]


def _is_cri(found: Found, lines: tuple[U8, I64, I64]) -> bool:
    """Tell whether most lines with a stamp are wrapped as Kubernetes does it."""
    if re.match(r"iso8601@0(/|$)", found.spelling) is None:
        return False
    all_lines = np.ones(found.lines, np.bool_)
    wrapped = find_wrapped(*lines, cri=all_lines, docker=~all_lines)
    return bool(2 * np.count_nonzero(wrapped.wrapping) > found.matched)


def _sample(layouts: tuple[Layout, ...], lines: tuple[U8, I64, I64]) -> list[bytes]:
    """Return some lines: of those that begin a record, and of the likeliest."""
    arena, start, end = lines
    begins = ~np.isin(arena[start], np.frombuffer(b" \t\r\n", np.uint8))
    likely = np.zeros(len(start), np.bool_)
    sieve = sieve_of(layouts)
    for column in range(2):
        for _, those in sieve.split(arena, start + column, end):
            likely[those] = True
    rows = {*spread(np.flatnonzero(begins).tolist()), *spread(np.flatnonzero(likely).tolist())}
    return [arena[start[row] : end[row]].tobytes() for row in sorted(rows)]


def _extract(pattern: UserPattern, lines: tuple[U8, I64, I64]) -> list[bytes]:
    arena, start, end = lines
    if not len(start):
        return []
    _, texts, bounds = pattern.extract(arena, start, trimmed_ends(arena, start, end))
    return [texts[a:b].tobytes() for a, b in itertools.pairwise(bounds)]


def _elect(
    guesses: Iterator[Guess], lines: tuple[U8, I64, I64], pattern: str | None
) -> Found | None:
    """Return the guess that gives the most lines a stamp."""
    ranked = sorted(guesses, key=lambda guess: guess.rank)  # stable: of equals the first
    most = max((guess.count for guess in ranked), default=0)
    likely = [guess for guess in ranked if guess.count * _FAR_BEHIND >= most]
    likely.sort(key=lambda guess: -guess.count)
    chosen = [guess for guess in ranked if guess in likely[:_JUDGED]]
    judged = (_judge(guess, lines, pattern) for guess in chosen)
    usual = (found for found in judged if found and not _is_chance(found))
    return max(usual, key=lambda found: found.matched, default=None)


def _is_chance(found: Found) -> bool:
    """Tell whether so few lines have a stamp behind a prefix that it is part of their text."""
    return _place(found).searched and found.matched * _RARE < found.lines


def _behind(tag: Tag, layouts: tuple[Layout, ...], lines: tuple[U8, I64, I64]) -> list[bytes]:
    """Return what stands behind the tags of some lines.

    Behind white space a member of an object that is written over several lines is
    within its record.
    """
    arena, start, end = lines
    texts = _sample(layouts, (arena, behind_tag(tag, arena, start, end), end))
    return [text for text in texts if tag != "_" or not text.startswith(b'"')]


def _says_more(inside: Found, found: Found) -> bool:
    """Tell whether what stands behind the tags of lines says more than what stands in them."""
    place = _place(inside)
    if place.tag == "_":
        # The lines without white space have theirs in either case.
        return inside.matched >= 3 * found.matched
    same = _layout(inside) == _layout(found) and not place.field
    if same and place.tag == "]" and inside.matched == found.matched > NEARLY_ALL * found.lines:
        # `[INFO] 2026-11-23 08:00:00` is read faster as it is.
        return False
    if not place.searched:
        # Stamps further right in other lines are part of their text.
        return 2 * inside.matched >= found.matched
    # Of as many, what is behind a tag lets other lines have theirs at its beginning.
    return inside.matched + (place.tag == "|" or not same) > found.matched


def _find_inner(
    outer: Found, layouts: tuple[Layout, ...], lines: tuple[U8, I64, I64]
) -> Found | None:
    """Return the stamp inside the text of another stamp's line, if there is one."""
    best = None
    for guess in sorted(find_inside(outer.spelling, layouts, lines), key=lambda guess: guess.rank):
        way = f"{outer.spelling}{BEHIND}{guess.spelling}"
        found = _judge(attrs.evolve(guess, spelling=way), lines, None)
        if found is None or (best is not None and found.matched <= best.matched):
            continue
        if not is_doubtful(guess.spelling) or _are_near(found, outer, lines):
            best = found
    return best


def _are_near(inner: Found, outer: Found, lines: tuple[U8, I64, I64]) -> bool:
    """Tell whether most inner stamps are of the day around their outer ones."""
    mine, theirs = (StampDecoder(found.spelling).read(*lines) for found in (inner, outer))
    both = mine.found & theirs.found & theirs.dated
    near = np.abs(mine.value[both] - theirs.value[both]) < _DAY
    return bool(2 * np.count_nonzero(near) > np.count_nonzero(mine.found))


def _judge(guess: Guess, lines: tuple[U8, I64, I64], pattern: str | None) -> Found | None:
    """Count the lines that have a stamp so spelled; None for none."""
    decoder = StampDecoder(guess.spelling, pattern=pattern)
    found = decoder.read(*lines).found
    matched = int(found.sum())
    if not matched:
        return None
    example = guess.example
    if not example and pattern is not None:
        arena, start, end = lines
        row = found.argmax()
        example = _extract(UserPattern(pattern), (arena, start[row : row + 1], end[row : row + 1]))[
            0
        ].decode(errors="replace")
    return Found(
        spelling=guess.spelling,
        example=example,
        matched=matched,
        lines=len(found),
        resolution_ns=decoder.resolution_ns,
    )

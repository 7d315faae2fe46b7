"""Dates such as 03/04/05: which number is the day, decided by evidence.

Layouts of one family read the same digits differently. The one that is right
gives the most lines a date that exists; then time seldom goes back; then the
file does not hold lines from after its last change; then it spans the shortest
time; then its last line is of the time of that change. Where nothing tells, the one
that stands first in the table is taken. All of it is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np

from trio_ship.decode.found import Found
from trio_ship.decode.layouts import Layout
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.decode.table import layout_named

__all__ = ["Evidence", "weigh"]

_DAY: Final = 86_400 * 10**9
_BLOCKS: Final = 32
_WEIGHED_BYTES: Final = 1 << 18
_REASONS: Final = (
    "only so all dates exist",
    "only so time goes on",
    "only so no line is from after the file's last change",
    "so the file spans the shortest time",
    "so its last line is of the time of its last change",
)
_NUMBERS: Final = {
    "%Y": "year",
    "%y": "year",
    "%m": "month",
    "%-m": "month",
    "%d": "day",
    "%-d": "day",
}


@attrs.frozen
class Evidence:
    """What is known of a file beside its first lines.

    Attributes:
        mtime_ns: When it was changed last, nanoseconds since 1970.
        blocks: Returns blocks of lines through the whole file, in order.
        later: Returns a few of those behind its first lines.
    """

    mtime_ns: int
    blocks: Callable[[], list[bytes]]
    later: Callable[[], list[bytes]] = list


def weigh(
    found: Found,
    layouts: tuple[Layout, ...],
    head: bytes,
    pattern: str | None,
    evidence: Evidence | None,
) -> Found:
    """Return how the numbers of a stamp are to be read, and why.

    Args:
        found: The layout that was found; one without a family is returned.
        layouts: Those that may be taken.
        head: The first lines of the file.
        pattern: An RE2 expression with a group `ts` around the stamp, if any.
        evidence: What else is known of the file.
    """
    family = layout_named(found.spelling.partition("@")[0]).family
    rivals = [layout for layout in layouts if family and layout.family == family]
    if len(rivals) < 2:  # noqa: PLR2004 - a choice
        return found
    spellings = {layout.name: _spelling_by(layout, found) for layout in rivals}
    mtime_ns = evidence.mtime_ns if evidence is not None else None
    blocks = evidence.blocks() if evidence is not None else []
    text = b"".join(_beginnings(blocks[:: len(blocks) // _BLOCKS + 1])) or head
    scores = {
        name: _score(StampDecoder(spelling, pattern=pattern), text, mtime_ns)
        for name, spelling in spellings.items()
        if spelling
    }
    if not scores:
        return found
    best, *others = sorted(scores, key=lambda each: scores[each])
    numbers = [_NUMBERS[code] for code in layout_named(best).fields if code in _NUMBERS]
    why = _difference(scores[best], scores[others[0]]) if others else "nothing else fits"
    decoder = StampDecoder(spellings[best], pattern=pattern)
    return attrs.evolve(
        found,
        spelling=spellings[best],
        matched=int(decoder.read(*frame(head)).found.sum()),
        resolution_ns=decoder.resolution_ns,
        reason=f"; taken as {', '.join(numbers)}: {why}; `timestamp.format` may say otherwise",
    )


def _beginnings(blocks: list[bytes]) -> list[bytes]:
    """Return the first lines of blocks, as many of each as are enough together.

    Lines of which a layout reads no date are read one by one.
    """
    share = _WEIGHED_BYTES // max(len(blocks), 1)
    return [block[: block.rfind(b"\n", 0, share) + 1] or block for block in blocks]


def _spelling_by(layout: Layout, found: Found) -> str:
    """Return how the example of a file is spelt by a layout; empty: it is not."""
    example = found.example.encode()
    match = layout.match(example)
    if match is None or match[1] != len(example):
        return ""
    place = found.spelling.partition("@")[2].partition("/")[0]
    return f"{layout.name}@{place}" + (f"/{match[0]}" if match[0] else "")


def _difference(best: tuple[int, ...], other: tuple[int, ...]) -> str:
    """Return what speaks for the better one of two scores."""
    pairs = zip(best, other, _REASONS, strict=True)
    return next((why for mine, its, why in pairs if mine != its), "nothing else tells")


def _score(decoder: StampDecoder, text: bytes, mtime_ns: int | None) -> tuple[int, ...]:
    """Return what speaks against a way of reading; the smallest is the best."""
    reading = decoder.read(*frame(text))
    stamps = reading.value[reading.found]
    if not len(stamps):
        return 0, 0, 0, 0, 0
    back = int((np.diff(stamps) < -_DAY // 24).sum())
    span = int(stamps.max() - stamps.min()) // _DAY
    late = far = 0
    if mtime_ns is not None:
        late = int((stamps > mtime_ns + _DAY).sum())
        far = int(abs(mtime_ns - int(stamps[-1])) > 2 * _DAY)
    return -len(stamps), back, late, span, far

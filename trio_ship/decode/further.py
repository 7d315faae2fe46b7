"""Ways of writing stamps that a file has beside its own, behind a prefix of any form.

Lines without a stamp have another one if it stands at a natural place, whatever the
file (`others`). One behind a free prefix is hardly to be told from a date in the text
of a record; so it counts only where much of a file is written so, as after a new
version of a program, or where several write to one file, and where its times fit in
between those of other lines.

A file that is followed may begin to be written so long after it was first read. That is
seen by the lines behind its last stamp; a table with dates in it that a record
holds is told from them by their times, which go on from that stamp.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8
from trio_ship.decode.guesses import Guess, find_further
from trio_ship.decode.stamps import AUTO, FURTHER, StampDecoder, frame
from trio_ship.decode.table import layout_named
from trio_ship.decode.tags import behind_tag
from trio_ship.decode.words import Bools, gather

__all__ = ["bare_lines", "shape_of", "with_further", "with_turn"]

_MOST: Final = 4
_LEAST_LINES: Final = 3
_LEAST_SHARE: Final = 0.2
_TURNED_SHARE: Final = 0.75
_DAY: Final = 86_400 * 10**9
_BARE_BYTES: Final = 16_384
_BARE_LINE: Final = 512
_TIME: Final = re.compile(rb"\d[:h_]\d\d|\d\.\d\d\.\d|\d{6}")
"""What no stamp lacks; most lines that go on with a record do, and are not asked further."""
_LOOKED_AT: Final = 64
_INDENTS: Final = np.isin(np.arange(256), np.frombuffer(b" \t\r\n", np.uint8))
_WORDS: Final = 3
_SHAPE: Final = 8 * _WORDS
_ALIKE: Final = bytes(ord("0") if value in b"0123456789" else value for value in range(256))


def shape_of(head: bytes) -> bytes:
    """Return how lines begin, with a 0 for every digit; files that begin alike are alike."""
    return head[:_SHAPE].translate(_ALIKE)


def with_further(spelling: str, blocks: Iterable[bytes], shape: bytes = b"") -> str:
    """Return a spelling with the further ways that some blocks of a file show.

    Args:
        spelling: How its stamps are written; one that lets lines have others.
        blocks: Complete lines from different places of the file.
        shape: How lines begin that have such stamps, as far as that is known: as
            `shape_of` returns it.
    """
    way = spelling.removesuffix(AUTO)
    blocks = list(blocks)
    # As most files: they are asked once, not for each block, and most of them not even read.
    arena, start, end = frame(b"".join(blocks))
    others = ~_begin_so(arena, start, shape)
    if not len(_lacking(way + AUTO, arena, start[others], end[others])):
        return way + AUTO
    for block in blocks:
        while way.count(FURTHER) < _MOST and (guess := _most_frequent(way + AUTO, block)):
            if not _fits_in(guess.spelling, way + AUTO, block):
                break
            way += FURTHER + guess.spelling
    return way + AUTO


def bare_lines(arena: U8, begin: int, stop: int) -> list[bytes]:
    """Return how the last lines of a range begin, without those that go on with another.

    Args:
        arena: Bytes.
        begin: Where a line begins.
        stop: No byte from it on counts, and no line without its end before it.
    """
    low = max(begin, stop - _BARE_BYTES)
    lines = arena[low:stop].tobytes().split(b"\n")[low > begin : -1]
    return [line[:_BARE_LINE] for line in lines if line[:1].strip()][-_LOOKED_AT:]


def with_turn(
    spelling: str, lines: Sequence[bytes], *, zone: str, last_ns: int, limit_ns: int
) -> str:
    """Return a spelling with the further way in which a file goes on, if it does.

    Args:
        spelling: How its stamps are written.
        lines: How those behind its last stamp begin, as `bare_lines` gives them.
        zone: For stamps that say none: "local", "UTC" or an IANA name.
        last_ns: That stamp, nanoseconds since 1970; `NO_STAMP` if there is none.
        limit_ns: The latest stamp to believe.
    """
    if not spelling.endswith(AUTO) or spelling.count(FURTHER) >= _MOST:
        return spelling
    if sum(_TIME.search(line) is not None for line in lines) < _LEAST_LINES:
        return spelling
    block = b"".join(line + b"\n" for line in lines)
    guess = _most_frequent(spelling, block, least=_TURNED_SHARE)
    if guess is None:
        return spelling
    turned = spelling.removesuffix(AUTO) + FURTHER + guess.spelling + AUTO
    previous = np.array([last_ns], np.int64)
    decoder = StampDecoder(turned, zone=zone)
    stamps = decoder.decode(*frame(block), np.zeros(1, np.int64), previous)
    stamps = stamps[stamps != NO_STAMP]
    goes_on = len(stamps) and last_ns - _DAY <= int(stamps.min()) and int(stamps.max()) <= limit_ns
    return turned if goes_on else spelling


def _begin_so(arena: U8, start: I64, shape: bytes) -> Bools:
    """Return which lines begin as a shape says; none do where it ends with a line."""
    if len(shape) < _SHAPE or b"\n" in shape:
        return np.zeros(len(start), np.bool_)
    table = np.frombuffer(_ALIKE, np.uint8)
    heads = table[gather(arena, start, _WORDS).view(np.uint8)].view(np.uint64)
    known = np.frombuffer(shape, "<u8")
    is_alike: Bools = (heads == known[:, np.newaxis]).all(axis=0)
    return is_alike


def _lacking(spelling: str, arena: U8, start: I64, end: I64) -> I64:
    """Return the lines without a stamp that do not go on with the one before them."""
    if not len(start):
        return np.zeros(0, np.int64)
    decoder = _decoder(spelling)
    found = decoder.read(arena, start, end).found
    return np.flatnonzero(~found & ~_INDENTS[arena[behind_tag(decoder.tag, arena, start, end)]])


def _fits_in(further: str, spelling: str, block: bytes) -> bool:
    """Tell whether most stamps of a further way stand where others of the file let them.

    A date in the text of records is of any time; the stamps of a log lie between those
    of the lines before and after them, but for a zone.
    """
    arena, start, end = frame(block)
    mine, theirs = (_decoder(way).read(arena, start, end) for way in (spelling, further))
    rows = np.flatnonzero(mine.found & mine.dated)
    asked = np.flatnonzero(theirs.found & theirs.dated & ~mine.found)
    if not len(rows):
        return not layout_named(further.partition("@")[0]).weak
    after = np.searchsorted(rows, asked)
    stamps = np.r_[np.iinfo(np.int64).min + _DAY, mine.value[rows], np.iinfo(np.int64).max - _DAY]
    at = theirs.value[asked]
    # Some logs have their newest line first.
    low, high = np.sort((stamps[after], stamps[after + 1]), axis=0)
    fits = (low - _DAY <= at) & (at <= high + _DAY)
    return bool(2 * np.count_nonzero(fits) >= len(asked))


@functools.lru_cache(maxsize=16)
def _decoder(spelling: str) -> StampDecoder:
    """Return a decoder; many files of a source have the same ways."""
    return StampDecoder(spelling)


def _most_frequent(spelling: str, block: bytes, least: float = _LEAST_SHARE) -> Guess | None:
    """Return the way that most lines without a stamp have; None where they are not many.

    Args:
        spelling: How stamps are written.
        block: Complete lines.
        least: Which share of all lines must have it.
    """
    arena, start, end = frame(block)
    lacking = _lacking(spelling, arena, start, end)
    if len(lacking) < max(_LEAST_LINES, least * len(start)):
        return None
    start = behind_tag(_decoder(spelling).tag, arena, start, end)
    rows = lacking[:: len(lacking) // _LOOKED_AT + 1].tolist()
    guesses = find_further([arena[start[row] : end[row]].tobytes() for row in rows])
    best = max(guesses, key=lambda guess: guess.count, default=None)
    if best is None or 2 * best.count < len(rows):
        return None
    found = _decoder(best.spelling).read(arena, start[lacking], end[lacking]).found
    enough = np.count_nonzero(found) >= max(_LEAST_LINES, least * len(start))
    return best if enough and best.spelling not in spelling else None

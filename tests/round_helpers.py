"""Texts that are read in rounds, as files are."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import attrs
import numpy as np
from core_helpers import column, optional

from trio_ship.batch import Flag
from trio_ship.decode.grouping import Grouping
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import Round, decode_round
from trio_ship.decode.stamps import StampDecoder
from trio_ship.merge import positions_after
from trio_ship.state import FileEntry, Position

__all__ = ["DECODERS", "EIGHT", "File", "Found", "decode", "read_in_rounds", "read_whole"]

EIGHT: Final = 1_795_420_800 * 10**9
"""2026-11-23T08:00:00Z in nanoseconds since 1970."""

DECODERS: Final = [
    StampDecoder("iso8601@0/T.3Z"),
    StampDecoder("syslog@0"),
    StampDecoder("iso8601@cri/T.9Z;auto"),
    StampDecoder('iso8601@"time"$/T.9Z;auto'),
]

_LIMIT: Final = EIGHT + 86_400 * 10**9


@attrs.frozen
class Found:
    """A record as it came out."""

    data: bytes
    key: int
    timestamp: int
    latest: int
    flags: int
    continued: bool = attrs.field(eq=False)
    after: Position = attrs.field(eq=False)


@attrs.define(eq=False)
class File:
    """A text while it is read.

    Attributes:
        text: All of it.
        decoder: Index of its decoder.
        position: Where the next read begins.
        want: How many bytes that must be at least.
        found: The records so far.
        lacking: Whether the last of them was left without its end.
    """

    text: bytes
    decoder: int
    position: Position = attrs.field(factory=Position)
    want: int = 1
    found: list[Found] = attrs.field(factory=list)
    lacking: bool = False

    @property
    def is_over(self) -> bool:
        """Whether all of it was handed over."""
        return self.position.offset == len(self.text)


def decode(
    files: Sequence[File],
    sizes: Sequence[int],
    grouping: Grouping,
    *,
    final: bool = True,
    closing: bool = False,
) -> Round:
    """Read the next bytes of some files, and take up what came of them.

    A region is final where it reaches the end of its text, if `final` is set.
    """
    places = [file.position for file in files]
    pieces = [
        file.text[place.offset : place.offset + size]
        for file, place, size in zip(files, places, sizes, strict=True)
    ]
    ends = [
        final and place.offset + len(piece) == len(file.text)
        for file, place, piece in zip(files, places, pieces, strict=True)
    ]
    regions = Regions.at(
        places,
        [attrs.evolve(_entry(number), anchor_ns=EIGHT) for number in range(len(files))],
        column(map(len, pieces)),
        chain=range(len(files)),
        decoder=[file.decoder for file in files],
        limit_ns=column([_LIMIT] * len(files)),
        final=np.array(ends, np.bool_),
        closing=np.full(len(files), closing),
    )
    regions = attrs.evolve(regions, lacking=np.array([file.lacking for file in files], np.bool_))
    arena = np.frombuffer(b"".join(pieces) + b"9" * 64, np.uint8)
    result = decode_round(arena, regions, DECODERS, grouping=grouping, read_at=1.0)
    for number, file in enumerate(files):
        _take_up(file, number, result)
    return result


def _entry(number: int) -> FileEntry:
    return FileEntry(id=f"{number:016x}", source="app", path="/a", file="/a", device=1, inode=1)


def _take_up(file: File, region: int, result: Round) -> None:
    batch = result.batch
    for row in np.flatnonzero(batch.region == region).tolist():
        start, end = int(batch.start[row]), int(batch.end[row])
        data = batch.buffer[start:end].tobytes()
        flags = int(batch.flags[row])
        key, own, latest = (
            int(values[row]) for values in (batch.key, batch.timestamp, batch.latest)
        )
        (after,) = positions_after(batch, column([region]), column([row]))
        assert after.offset == file.position.offset + len(data)
        file.position = after
        is_continued = bool(flags & Flag.CONTINUED)
        flags &= ~(Flag.CONTINUED | Flag.REST)
        file.found.append(Found(data, key, own, latest, flags, is_continued, after))
    assert file.position.offset == int(result.offset[region])
    file.position = Position(
        int(result.offset[region]),
        optional(int(result.max_ns[region])),
        optional(int(result.last_ns[region])),
        bool(result.inside[region]),
    )
    file.lacking = bool(result.lacking[region])


def read_whole(text: bytes, grouping: Grouping, decoder: int = 0) -> list[Found]:
    """Return the records of a text that is read in one piece."""
    file = File(text, decoder)
    decode([file], [len(text)], grouping)
    return file.found


def read_in_rounds(
    files: Sequence[File], random: Random, grouping: Grouping, *, closing: float = 0.0
) -> None:
    """Read all of some files in pieces of any size.

    Args:
        files: They are read together, not all in every round.
        random: Draws the pieces.
        grouping: How lines become records.
        closing: How often a round ends the wait for more lines.
    """
    largest = random.choice([5, 60, 400])
    while unfinished := [file for file in files if not file.is_over]:
        chosen = random.sample(unfinished, random.randint(1, len(unfinished)))
        sizes = [max(file.want, random.randint(1, largest)) for file in chosen]
        before = [file.position.offset for file in chosen]
        decode(chosen, sizes, grouping, closing=random.random() < closing)
        for file, size, offset in zip(chosen, sizes, before, strict=True):
            file.want = 1 if file.position.offset > offset else 2 * size

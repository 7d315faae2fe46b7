"""What was read from each file of a round, and what decoding has to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from trio_ship.batch import I32, I64, NO_STAMP
from trio_ship.decode.charsets import Narrowed
from trio_ship.decode.words import Bools
from trio_ship.state import FileEntry, Position

__all__ = ["Regions"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Regions:
    """What was read from each file: columns of shape (m,).

    Attributes:
        files: The files.
        chain: Numbers of the chains. Dtype int32.
        base: First byte of each region in the arena, ascending, no gaps.
        size: Bytes read, as UTF-8.
        offset: Where the region begins in its file.
        lead: Bytes of the file in front of the first of the region.
        used: Bytes of the file that the region stands for.
        max_ns: The chain's running maximum there, or `NO_STAMP`.
        last_ns: The file's last stamp before it, or `NO_STAMP`.
        anchor_ns: For stamps without a year, what the first one is near to.
        inside: Whether the region begins inside a line that was cut.
        lacking: Whether the record before it was left without its end.
        final: Whether the region reaches the end of a file that will not grow.
        closing: Whether the wait for more lines of the last record is over.
        limit_ns: The latest stamp to believe.
        decoder: Index into the decoders of the round, -1 for none.
    """

    files: tuple[FileEntry, ...]
    chain: I32
    base: I64
    size: I64
    offset: I64
    lead: I64
    used: I64
    max_ns: I64
    last_ns: I64
    anchor_ns: I64
    inside: Bools
    lacking: Bools
    final: Bools
    closing: Bools
    limit_ns: I64
    decoder: I32

    @classmethod
    def at(
        cls,
        positions: Sequence[Position],
        files: Sequence[FileEntry],
        size: I64,
        *,
        chain: Sequence[int],
        decoder: Sequence[int],
        limit_ns: I64,
        final: Bools,
        closing: Bools,
    ) -> Regions:
        """Return regions that lie one behind the other and begin at `positions`."""
        return cls(
            files=tuple(files),
            chain=np.array(chain, np.int32),
            base=np.cumsum(size) - size,
            size=size,
            offset=np.array([position.offset for position in positions], np.int64),
            lead=np.zeros(len(positions), np.int64),
            used=size,
            max_ns=_stamp_column(position.max_ns for position in positions),
            last_ns=_stamp_column(position.last_ns for position in positions),
            anchor_ns=_stamp_column(file.anchor_ns for file in files),
            inside=np.array([position.inside for position in positions], np.bool_),
            lacking=np.zeros(len(positions), np.bool_),
            final=final,
            closing=closing,
            limit_ns=limit_ns,
            decoder=np.array(decoder, np.int32),
        )

    def read_as(self, texts: Sequence[Narrowed | None]) -> Regions:
        """Return the regions with what is known of those whose files are not UTF-8."""
        lead, used = self.lead.copy(), self.used.copy()
        for number, text in enumerate(texts):
            if text is not None:
                lead[number], used[number] = text.lead, text.used
        return attrs.evolve(self, lead=lead, used=used)


def _stamp_column(values: Iterable[int | None]) -> I64:
    return np.array([NO_STAMP if value is None else value for value in values], np.int64)

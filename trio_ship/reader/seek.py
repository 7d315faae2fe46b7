"""Where in a file the records begin that are not older than a moment.

That is in front of the first record whose ordering time (the latest stamp up to
it) is not before the moment; so all in front of it is before, and all behind it
is not. In a large plain file the place is looked for by bisection first: stamps
are nearly sorted, so the first stamp behind a place tells on which side to go
on. Then it is read from a little before. In a file that is not nearly sorted,
bisection may end behind the first such record; it is done in large files only.

Compressed files, and stamps that say no year, are read from their beginning.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from trio_ship.batch import NO_STAMP
from trio_ship.config import SourceConfig
from trio_ship.decode.charsets import UTF_8, as_in_file, line_end, narrow
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import Round, decode_round
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.follow import footprint
from trio_ship.merge import optional_ns
from trio_ship.notes import Note
from trio_ship.reader.arena import SLACK
from trio_ship.reader.content import Content
from trio_ship.reader.decoders import HEAD, Decoders
from trio_ship.reader.packed import Packed
from trio_ship.reader.samples import blocks, heads, later_blocks, text_of
from trio_ship.state import FileEntry, Position

__all__ = ["Seeker"]

_CHUNK: Final = 1 << 20
_BEFORE: Final = 1 << 20
"""How much is read in front of the place that bisection finds."""


class Seeker:
    """Finds where to begin in the files of a source.

    Args:
        config: The source.
        notes: Where to say what was found.
        begin_ns: The moment, nanoseconds since 1970.
        future_ns: How far beyond its file's time a stamp may lie, in nanoseconds.
        follow: Whether files may grow, so that a line without its end waits for it.
    """

    def __init__(
        self,
        config: SourceConfig,
        notes: list[Note],
        begin_ns: int,
        future_ns: int,
        *,
        follow: bool,
    ) -> None:
        self._decoders = Decoders(config, notes)
        self._begin_ns = begin_ns
        self._future_ns = future_ns
        self._follow = follow

    def seek(
        self, content: Content, entry: FileEntry, size: int, mtime_ns: int
    ) -> tuple[FileEntry, Position]:
        """Return where to begin in a file, and its entry with the way it writes stamps.

        Args:
            content: The file.
            entry: Who it is.
            size: How long it is; of a compressed one that is found out.
            mtime_ns: When it was changed last.

        Returns:
            The end of its last whole record if all are older; its beginning if
            nothing in it has a stamp.

        Raises:
            OSError: It cannot be read.
        """
        size = content.measure() if isinstance(content, Packed) else size
        entry = self._decoders.recognise(
            entry,
            heads(content, entry.charset, size, final=not self._follow),
            mtime_ns=mtime_ns,
            blocks=lambda: blocks(content, entry.charset, 0, size),
            later=lambda: later_blocks(content, entry.charset, 0, size),
        )
        number = self._decoders.number(entry)
        if number < 0:
            return entry, Position()
        low = 0
        if not isinstance(content, Packed) and not self._decoders.all[number].needs_year:
            low = self._bisect(content, entry, size, self._decoders.all[number])
        return entry, self._read_on(content, entry, low, size, mtime_ns)

    def _bisect(self, content: Content, entry: FileEntry, size: int, decoder: StampDecoder) -> int:
        """Return the beginning of a line some way in front of the place."""
        low, high = 0, size
        while high - low > _BEFORE:
            middle = (low + high) // 4 * 2  # a whole unit of UTF-16
            stamp = self._first_stamp(content, entry, middle, high, decoder)
            if stamp is not None and stamp < self._begin_ns:
                low = middle
            else:
                high = middle
        return self._line_begin(content, entry, max(0, low - _BEFORE) // 2 * 2)

    def _first_stamp(
        self, content: Content, entry: FileEntry, begin: int, stop: int, decoder: StampDecoder
    ) -> int | None:
        """Return the first stamp in whole lines of a range; None if there is none."""
        while begin < stop:
            text = text_of(content, entry.charset, HEAD, begin)
            text = text[text.find(b"\n") + 1 : text.rfind(b"\n") + 1]
            if text:
                arena, start, end = frame(text)
                stamps = decoder.decode(
                    arena, start, end, np.zeros(1, np.int64), np.full(1, NO_STAMP)
                )
                found = stamps[stamps != NO_STAMP]
                if len(found):
                    return int(found[0])
            begin += HEAD // 2
        return None

    def _line_begin(self, content: Content, entry: FileEntry, place: int) -> int:
        """Return where the first line behind a place begins."""
        mark = line_end(entry.charset)
        while place:
            block = content.pread(HEAD, place)
            at = block.find(mark)
            while at % len(mark) and at >= 0:
                at = block.find(mark, at + 1)
            if at >= 0:
                return place + at + len(mark)
            if len(block) < HEAD:
                return 0
            place += HEAD
        return 0

    def _read_on(
        self, content: Content, entry: FileEntry, low: int, size: int, mtime_ns: int
    ) -> Position:
        """Return the place, reading from `low` on."""
        position, length = Position(low), _CHUNK
        may_grow = self._follow and not isinstance(content, Packed)
        while position.offset < size:
            raw = content.pread(min(length, size - position.offset), position.offset)
            at_end = position.offset + len(raw) >= size
            result = self._decode(
                raw, entry, position, mtime_ns, closing=at_end, final=at_end and not may_grow
            )
            batch = result.batch
            rows = np.flatnonzero(batch.key >= self._begin_ns)
            if len(rows):
                row = int(rows[0])
                before = batch.buffer.data[: int(batch.start[row])]
                offset = batch.offset_of(row, 0)
                if not row:
                    foot = footprint(as_in_file(before, entry.charset))
                    foot = position.footprint if offset == position.offset else foot
                    return attrs.evolve(position, offset=offset, footprint=foot)
                return Position(
                    offset,
                    optional_ns(int(batch.key[row - 1])),
                    optional_ns(int(batch.latest[row - 1])),
                    footprint=footprint(as_in_file(before, entry.charset)),
                )
            if int(result.offset[0]) == position.offset:
                if at_end:
                    return position
                length *= 2
                continue
            length = _CHUNK
            text = batch.buffer.data[: int(result.stop[0])]
            position = Position(
                int(result.offset[0]),
                optional_ns(int(result.max_ns[0])),
                optional_ns(int(result.last_ns[0])),
                bool(result.inside[0]),
                footprint(as_in_file(text, entry.charset)),
            )
        return position

    def _decode(
        self,
        raw: bytes,
        entry: FileEntry,
        position: Position,
        mtime_ns: int,
        *,
        closing: bool,
        final: bool,
    ) -> Round:
        text = None
        if entry.charset != UTF_8:
            text = narrow(raw, entry.charset, position.offset, final=final)
            raw = text.text
        regions = Regions.at(
            [position],
            [entry],
            np.array([len(raw)], np.int64),
            chain=[0],
            decoder=[self._decoders.number(entry)],
            limit_ns=np.array([mtime_ns + self._future_ns], np.int64),
            final=np.array([final]),
            closing=np.array([closing]),
        ).read_as([text])
        return decode_round(
            np.frombuffer(raw + bytes(SLACK), np.uint8),
            regions,
            self._decoders.all,
            grouping=self._decoders.grouping,
            read_at=0.0,
        )

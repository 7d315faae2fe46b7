"""Which stamp decoder a file has, and finding it out from its first lines."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs
import numpy as np

from trio_ship.batch import I32, I64
from trio_ship.config import SourceConfig
from trio_ship.decode.ambiguous import Evidence
from trio_ship.decode.detect import detect
from trio_ship.decode.found import further_ways, names_zone
from trio_ship.decode.further import shape_of, with_further, with_turn
from trio_ship.decode.grouping import Grouping
from trio_ship.decode.patterns import LinePattern
from trio_ship.decode.stamps import AUTO, BEHIND, FURTHER, StampDecoder, initial_anchor
from trio_ship.decode.zones import resolve_zone_name
from trio_ship.notes import Note
from trio_ship.state import FileEntry

__all__ = ["HEAD", "Decoders"]

HEAD: Final = 65_536
"""How many bytes of a file are looked at to find its layout."""

_TAIL: Final = re.compile(rb"[\d.,:]*(?: ?[+-][\d:]+| \d+| [A-Z]{1,5}(?=[ \])>]))*")
"""What may be the rest of a stamp, as a year, a zone or AM: without it another layout may fit."""

_CRI: Final = re.compile(rb"\S+ std(out|err) [PF]")
_AT_THE_FRONT: Final = re.compile(r"@([01]|cri)[/;]")


class Decoders:
    """The stamp decoders of a source, one for each way its files write stamps.

    Args:
        config: The source.
        notes: Where to say what was found.

    Attributes:
        all: The decoders; files know them by their index.
        grouping: How the lines of the source become records.
    """

    def __init__(self, config: SourceConfig, notes: list[Note]) -> None:
        self._config = config
        self._notes = notes
        self._numbers: dict[tuple[str, str], int] = {}
        # A thread that hung in a read may come back while another is at work.
        self._lock = threading.Lock()
        self._spellings: dict[tuple[bytes, bytes, bool], str] = {}
        self._told: set[str] = set()
        self.all: list[StampDecoder] = []
        self.grouping = _grouping(config)

    def knows(self, entry: FileEntry) -> bool:
        """Tell whether the layout of a file is known, and still fits the configuration."""
        try:
            return self.number(entry) >= 0
        except ValueError:
            # It was found with a pattern that the configuration has no longer.
            return False

    def number(self, entry: FileEntry) -> int:
        """Return the index of a file's decoder; -1 while its layout is not known.

        Raises:
            ValueError: The layout does not fit the configuration.
        """
        if not entry.layout:
            return -1
        key = (entry.layout, entry.zone)
        number = self._numbers.get(key)
        if number is None:
            pattern = self._config.timestamp.pattern
            decoder = StampDecoder(entry.layout, zone=entry.zone, pattern=pattern)
            with self._lock:
                self.all.append(decoder)
                number = self._numbers[key] = len(self.all) - 1
        return number

    def resolution_ns(self, entry: FileEntry) -> int:
        """Return the step of a file's stamps in nanoseconds, 0 while not known."""
        number = self.number(entry)
        return self.all[number].resolution_ns if number >= 0 else 0

    def resolutions_ns(self, numbers: I32) -> I64:
        """Return the same for files whose decoders have these indices. Shapes (m,)."""
        # A file of which nothing is known has the last of these.
        steps = [*(decoder.resolution_ns for decoder in self.all), 0]
        return np.array(steps, np.int64)[numbers]

    def recognise(
        self,
        entry: FileEntry,
        heads: Iterable[bytes],
        *,
        mtime_ns: int,
        blocks: Callable[[], list[bytes]],
        later: Callable[[], list[bytes]] = list,
    ) -> FileEntry:
        """Find out how a file writes stamps.

        Args:
            entry: The file.
            heads: Its first lines, or those at its position; and others, which
                count where those have no stamps.
            mtime_ns: When it was changed last; stamps without a year end there.
            blocks: Returns blocks of lines through the whole file, in order.
            later: Returns a few of those behind its first lines.

        Returns:
            The entry with its layout; without one if there is none yet.
        """
        stamp = self._config.timestamp
        evidence = Evidence(mtime_ns, blocks, later)
        layout, head, is_same = "", b"", True
        for head in heads:
            layout, is_same = self._spelling(head, entry.path, evidence) if head else ("", True)
            if layout:
                break
        if layout == entry.layout:
            return entry
        entry = attrs.evolve(entry, layout=layout, zone=stamp.timezone)
        number = self.number(entry)
        if number < 0:
            return entry
        if not self.all[number].needs_year and (
            is_same or not self.all[number].begins_undated(head)
        ):
            return entry
        anchor = initial_anchor(self.all[number], head, mtime_ns, blocks())
        return attrs.evolve(entry, anchor_ns=anchor)

    def turned(
        self, entry: FileEntry, lines: Sequence[bytes], last_ns: int, limit_ns: int
    ) -> FileEntry:
        """Find out whether a file goes on in another way.

        Args:
            entry: The file; its layout is known.
            lines: How the lines behind its last stamp begin.
            last_ns: That stamp, or `NO_STAMP`.
            limit_ns: The latest stamp to believe.

        Returns:
            The entry; another one if the file does.
        """
        layout = with_turn(entry.layout, lines, zone=entry.zone, last_ns=last_ns, limit_ns=limit_ns)
        if layout == entry.layout:
            return entry
        if layout not in self._told:
            self._told.add(layout)
            way = " ".join(further_ways(layout)[-1])
            text = f"sources.{self._config.name}: {entry.path}: from some line on also {way}"
            self._notes.append(Note.info(text))
        return attrs.evolve(entry, layout=layout)

    def _spelling(self, head: bytes, path: str, evidence: Evidence) -> tuple[str, bool]:
        """Return the layout of the lines, and whether all have it.

        Files that begin alike are alike.
        """
        shape = shape_of(head)
        rest = _TAIL.match(head, len(shape.rstrip(b" ")))
        is_wrapped = _CRI.match(head) is not None
        alike = shape, shape_of(rest[0] if rest is not None else b""), is_wrapped
        known = self._spellings.get(alike)
        if known is not None:
            if not known.endswith(AUTO):
                return known, True
            blocks = [head, *evidence.later()]
            return with_further(known, blocks, b"" if is_wrapped else shape), True
        stamp = self._config.timestamp
        found = detect(
            head,
            prefer=stamp.format,
            pattern=stamp.pattern,
            inner=stamp.prefer == "inner",
            evidence=evidence,
        )
        if found is None:
            return "", True
        if found.spelling not in self._told:
            self._told.add(found.spelling)
            text = f"sources.{self._config.name}: {path}: {found.describe()}"
            if not names_zone(found.spelling):
                zone = stamp.timezone
                if zone == "local":
                    zone = f"{resolve_zone_name()} (this machine's)"
                text += f"; stamps without a zone are taken as {zone}"
            self._notes.append(Note.info(text))
        front = _AT_THE_FRONT.search(found.spelling) and BEHIND not in found.spelling
        if found.matched == found.lines and front and not found.reason:
            way, *further = found.spelling.split(FURTHER)
            self._spellings[alike] = way + AUTO * bool(further)
        return found.spelling, found.matched == found.lines


def _grouping(config: SourceConfig) -> Grouping:
    rule = config.multiline
    return Grouping(
        mode=rule if isinstance(rule, str) else rule.role,
        pattern=None if isinstance(rule, str) else LinePattern(rule.pattern),
        longest=config.max_record_bytes,
        most_lines=config.max_record_lines,
    )

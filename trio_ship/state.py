"""The state that survives a restart: one immutable snapshot and its parts.

A `Snapshot` is a cut of the total order that the sinks have taken, not a note
of what readers have read. It is never changed: whoever has news makes the next
one and puts it in its place with a single assignment, so that every reader of
the attribute sees one consistent moment and no lock is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

__all__ = ["FileEntry", "Identity", "OrderKey", "Position", "SinkState", "Snapshot"]

Identity: TypeAlias = tuple[int, int]
"""Device and inode number of a file: it keeps them whatever its name becomes."""


@attrs.frozen(order=True)
class OrderKey:
    """A place in the total order.

    Attributes:
        timestamp_ns: The ordering time, nanoseconds since 1970.
        source: The name of the source.
        path: The path of the chain.
        generation: Which file of the chain.
        offset: Where the record begins in its file, in bytes.
    """

    timestamp_ns: int
    source: str
    path: str
    generation: int = 0
    offset: int = 0


@attrs.frozen(kw_only=True)
class FileEntry:
    """Who a file is: everything about it that reading does not move.

    Attributes:
        id: 16 hexadecimal digits, drawn when the file was discovered.
        source: The name of the source that it belongs to.
        path: The path of its chain (the name under which it is followed).
        file: Where it was last seen; differs from `path` after a rotation.
        generation: Its number in the chain, from 1.
        device: Device number.
        inode: Inode number.
        fingerprint: Number of head bytes, a colon, and the hexadecimal digest
            of these bytes; `0:` for an empty file.
        charset: How its text is encoded, as `decode.charsets` names it.
        layout: How its stamps are written, as `decode` spells it; empty while
            not known.
        zone: The zone of its stamps without one: "UTC", an IANA name, or
            "local".
        anchor_ns: For stamps without a year: a moment within half a year of
            the file's first stamp, nanoseconds since 1970.
        changed_ns: Its modification time when it was found here, nanoseconds
            since 1970: what came after it was changed no earlier. 0: unknown.
        unpacked: How many bytes a compressed file holds; its modification time
            was `changed_ns` then. 0: unknown.
        gone_ns: Since when it is not to be found, or its source is not in the
            configuration; nanoseconds since 1970.
    """

    id: str
    source: str
    path: str
    file: str
    generation: int = 1
    device: int
    inode: int
    fingerprint: str = "0:"
    charset: str = "utf-8"
    layout: str = ""
    zone: str = ""
    anchor_ns: int | None = None
    changed_ns: int = 0
    unpacked: int = 0
    gone_ns: int | None = None

    @property
    def identity(self) -> Identity:
        """Which file of the system it is."""
        return self.device, self.inode

    def read_as(self, other: FileEntry) -> FileEntry:
        """Return the description with stamps as another one of the file has them."""
        if self.layout == other.layout:
            return self
        return attrs.evolve(self, layout=other.layout, zone=other.zone, anchor_ns=other.anchor_ns)


@attrs.frozen
class Position:
    """How far a file has been taken, and what decoding needs to go on there.

    Attributes:
        offset: The byte after the last record taken.
        max_ns: The running maximum of the chain's stamps up to there,
            nanoseconds since 1970; None while there was no stamp.
        last_ns: The last stamp of this file up to there; None while there was
            none.
        inside: Whether `offset` lies inside a line that was cut.
        footprint: What the bytes in front of `offset` are: their number, a
            colon and their CRC-32 in hexadecimal; empty where nobody knows.
    """

    offset: int = 0
    max_ns: int | None = None
    last_ns: int | None = None
    inside: bool = False
    footprint: str = ""


def _frozen_mapping(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return value if isinstance(value, MappingProxyType) else MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class SinkState:
    """How far a sink has taken the stream.

    Attributes:
        path: The output; empty for a sink that cannot keep a position.
        device: Device number of the output.
        inode: Inode number of the output.
        offset: Length of the output after the cut, in bytes.
        footprint: What the bytes in front of `offset` are, as in `Position`; empty
            where nobody knows.
        ahead: Positions of files of which this sink has taken more than the
            cut says, by file id.
    """

    path: str = ""
    device: int = 0
    inode: int = 0
    offset: int = 0
    footprint: str = ""
    ahead: Mapping[str, Position] = attrs.field(factory=dict, converter=_frozen_mapping)

    @property
    def identity(self) -> Identity:
        """Which file of the system the output is."""
        return self.device, self.inode


@attrs.frozen(kw_only=True)
class Snapshot:
    """One consistent moment of the whole pipeline.

    Attributes:
        sequence: Records delivered since the very first start.
        last_key: The last record that left in order; None before the first.
        files: Every file known, by id.
        positions: The position of every file in `files`, by id.
        sinks: The state of every sink after the cut, by name.
        saved_ns: When it was saved, nanoseconds since 1970; 0 for one that was
            not read from a checkpoint. It is no part of the state.
    """

    sequence: int = 0
    last_key: OrderKey | None = None
    files: Mapping[str, FileEntry] = attrs.field(factory=dict, converter=_frozen_mapping)
    positions: Mapping[str, Position] = attrs.field(factory=dict, converter=_frozen_mapping)
    sinks: Mapping[str, SinkState] = attrs.field(factory=dict, converter=_frozen_mapping)
    saved_ns: int = attrs.field(default=0, eq=False)

"""Making an ordered batch again: from the files, by the ranges it covered.

The cut in front of the batch says where each file stood, the journal how far
the batch took it. The records of those ranges, in the order of their keys, are
the batch: the same bytes as before, because decoding from a position depends
on content alone.
"""

from __future__ import annotations

import attrs
import numpy as np

from trio_ship.batch import I64, Batch, Kind, OrderedBatch
from trio_ship.checkpoint.recovery import Written
from trio_ship.config import Config, SourceConfig
from trio_ship.decode.charsets import UTF_8, Narrowed, narrow
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import decode_round
from trio_ship.filesystem import ReadableFilesystem
from trio_ship.merge import merge_order
from trio_ship.reader.arena import SLACK
from trio_ship.reader.decoders import Decoders
from trio_ship.reader.locate import open_known
from trio_ship.state import FileEntry, Position, Snapshot

__all__ = ["replay"]


def replay(
    disk: ReadableFilesystem, config: Config, written: Written, cut: Snapshot
) -> OrderedBatch | None:
    """Make a batch again; None where its ranges cannot be read any more.

    Args:
        disk: Where the files are.
        config: Says how records of each source are made.
        written: The batch as the journal has it.
        cut: Everything in front of it.
    """
    if written.kind is Kind.DROPPED:
        return None
    # What the sink had beyond the others was left out of the batch.
    names = [
        name
        for name, position in written.positions.items()
        if position.offset > cut.positions.get(name, Position()).offset
    ]
    if not names or any(name not in cut.files for name in names):
        return None
    sources = sorted({cut.files[name].source for name in names})
    if any(source not in config.sources for source in sources):
        return None
    parts: list[Batch] = []
    try:
        for source in sources:
            entries = [cut.files[name] for name in names if cut.files[name].source == source]
            entries.sort(key=lambda entry: (entry.path, entry.generation))
            parts.append(_read(disk, config.sources[source], entries, written, cut))
    except (OSError, ValueError):
        return None
    keys = np.concatenate([part.key for part in parts])
    order = merge_order(keys, _ranks(parts))
    return OrderedBatch(
        number=0,
        sequence=written.sequence,
        kind=written.kind,
        parts=tuple(parts),
        rows=order,
        moves=(),
        last_key=written.last_key,
    )


def _ranks(parts: list[Batch]) -> I64:
    names = sorted({(file.source, file.path) for part in parts for file in part.files})
    rank = {name: place for place, name in enumerate(names)}
    return np.concatenate(
        [
            part.spread(np.array([rank[file.source, file.path] for file in part.files], np.int64))
            for part in parts
        ]
    )


def _read(
    disk: ReadableFilesystem,
    source: SourceConfig,
    entries: list[FileEntry],
    written: Written,
    cut: Snapshot,
) -> Batch:
    starts = [cut.positions.get(entry.id, Position()) for entry in entries]
    data: list[bytes] = []
    texts: list[Narrowed | None] = []
    for entry, start in zip(entries, starts, strict=True):
        length = written.positions[entry.id].offset - start.offset
        raw = _range(disk, entry, start.offset, length)
        is_text = entry.charset == UTF_8
        text = None if is_text else narrow(raw, entry.charset, start.offset, final=True)
        data.append(raw if text is None else text.text)
        texts.append(text)
    sizes = np.array([len(piece) for piece in data], np.int64)
    arena = np.frombuffer(b"".join(data) + bytes(SLACK), np.uint8)
    decoders = Decoders(source, [])
    everything = np.ones(len(entries), np.bool_)
    regions = Regions.at(
        [_carried(entry, start, cut) for entry, start in zip(entries, starts, strict=True)],
        entries,
        sizes,
        chain=range(len(entries)),
        decoder=[decoders.number(entry) for entry in entries],
        limit_ns=np.array([written.limits[entry.id] for entry in entries], np.int64),
        final=everything,
        closing=everything,
    ).read_as(texts)
    return decode_round(
        arena,
        regions,
        decoders.all,
        grouping=decoders.grouping,
        read_at=0.0,
    ).batch


def _carried(entry: FileEntry, start: Position, cut: Snapshot) -> Position:
    """Return where a range begins, with the running maximum of its whole chain."""
    known = [start.max_ns] if start.max_ns is not None else []
    for name, other in cut.files.items():
        if (other.source, other.path) == (entry.source, entry.path):
            max_ns = cut.positions.get(name, Position()).max_ns
            if other.generation < entry.generation and max_ns is not None:
                known.append(max_ns)
    return attrs.evolve(start, max_ns=max(known, default=None))


def _range(disk: ReadableFilesystem, entry: FileEntry, offset: int, length: int) -> bytes:
    content = open_known(disk, entry)
    try:
        pieces = []
        while length:
            piece = content.pread(length, offset)
            if not piece:
                raise OSError(5, "the file is shorter than it was", entry.file)
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return b"".join(pieces)
    finally:
        content.close()

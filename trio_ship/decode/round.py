"""One round: the bytes of many files in one arena, to one batch of records.

`decode_round` is a function of its arguments alone. Whoever reads keeps, for
every file, a `Position`; decoding from a position gives the same records
however far the bytes reach, with one exception that time decides: the last
record of a file stays open, and is not handed over, until it is over by the
rule of its source or the reader says that its wait is (`closing`, `final`).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from trio_ship.batch import I64, NO_STAMP, U8, Batch, Flag
from trio_ship.decode.charsets import UTF_8, file_lengths
from trio_ship.decode.containers import Wrapped, find_wrapped
from trio_ship.decode.framing import Lines, find_lines
from trio_ship.decode.grouping import Grouping
from trio_ship.decode.records import first_known, last_known, running_maximum
from trio_ship.decode.regions import Regions
from trio_ship.decode.stamps import StampDecoder
from trio_ship.decode.words import Bools
from trio_ship.stages import OFF, Stage, Stages

__all__ = ["Round", "decode_round"]

_NEVER = np.iinfo(np.int64).max


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Round:
    """What a round gave.

    Attributes:
        batch: The complete records.
        offset: The byte after the last complete record of each file. (m,).
        stop: The byte after it in the arena, or where its region begins. (m,).
        max_ns: The running maximum there. Shape (m,).
        last_ns: The file's last stamp there. Shape (m,).
        inside: Whether `offset` lies inside a line that was cut. Shape (m,).
        lacking: Whether the record before it was left without its end. (m,).
        held: Whether a file's last record has complete lines but stays open.
            Shape (m,).
        bare: Where the lines behind the last stamp of each region begin in the arena,
            or the region ends. (m,).
        watermark: No later record of the chain has a smaller key. Shape (m,).
    """

    batch: Batch
    offset: I64
    stop: I64
    max_ns: I64
    last_ns: I64
    inside: Bools
    lacking: Bools
    held: Bools
    bare: I64
    watermark: I64


def decode_round(
    arena: U8,
    regions: Regions,
    decoders: Sequence[StampDecoder],
    *,
    grouping: Grouping,
    read_at: float,
    stages: Stages = OFF,
) -> Round:
    """Frame and decode what was read.

    Args:
        arena: The bytes, with 64 bytes of slack behind the last region.
        regions: Where they come from.
        decoders: How stamps are written in the files of the round.
        grouping: How lines become records.
        read_at: When the bytes were read, in seconds of the pipeline's clock.
        stages: Told what both cost.
    """
    size = int(regions.size.sum())
    stages.count(Stage.FRAME, size)
    stages.count(Stage.DECODE, size)
    with stages.measure(Stage.FRAME):
        lines = find_lines(
            arena, regions.base, regions.size, final=regions.final, longest=grouping.longest
        )
    with stages.measure(Stage.DECODE):
        return _decode_lines(arena, lines, regions, decoders, grouping=grouping, read_at=read_at)


def _decode_lines(
    arena: U8,
    lines: Lines,
    regions: Regions,
    decoders: Sequence[StampDecoder],
    *,
    grouping: Grouping,
    read_at: float,
) -> Round:
    inner = _inner(lines, regions)
    stamps = _stamps(arena, lines, regions, decoders, inner)
    stamped = stamps != NO_STAMP
    believed, flags = stamped, lines.flags
    if stamps.max(initial=NO_STAMP) > regions.limit_ns.min(initial=_NEVER):
        beyond = stamps > regions.limit_ns[lines.region]
        believed = stamped & ~beyond
        stamps = np.where(beyond, NO_STAMP, stamps)
        flags = flags | (beyond * np.uint8(Flag.IMPOSSIBLE))
    wrapped = _wrapped(arena, lines, regions, decoders)
    groups = grouping.group(arena, lines, regions, stamped, believed, wrapped)
    first, start, end, timestamp, kind = _columns(lines, groups.heads, stamps, flags)
    kind[first[:-1][groups.continued]] |= Flag.CONTINUED.value
    if len(inner) or len(groups.rests):
        rests = np.concatenate([inner, groups.rests])
        kind[np.searchsorted(groups.heads, rests)] |= Flag.REST.value
    key = running_maximum(timestamp, first, regions.max_ns)
    tails = np.append(groups.heads, len(stamps))[1:] - 1
    if timestamp is stamps or (timestamp != NO_STAMP).sum() == believed.sum():
        latest = last_known(timestamp, first, regions.last_ns)
    else:
        latest = last_known(stamps, lines.first, regions.last_ns)[tails]
    batch = Batch(
        buffer=arena,
        start=start,
        end=end,
        timestamp=timestamp,
        latest=latest,
        key=key,
        flags=kind,
        first=first,
        chain=regions.chain,
        files=regions.files,
        shift=regions.offset - regions.base,
        limit=regions.limit_ns,
        read_at=read_at,
        ranges=_ranges(arena, regions, first, start, end),
    )
    held = groups.open & ~regions.final & ~regions.closing
    lacking = groups.lacking[tails] if groups.lacking is not None else None
    return _handed_over(batch, regions, held, lacking, _bare(lines, regions, stamped))


def _handed_over(
    batch: Batch, regions: Regions, held: Bools, lacking: Bools | None, bare: I64
) -> Round:
    """Return a round without the records that stay open, and where each file stands then.

    Args:
        batch: All records.
        regions: Where they come from.
        held: Of which regions the last record stays open. Shape (m,).
        lacking: Which records were left without their end; None: none. Shape (n,).
        bare: As in `Round`.
    """
    first, last = batch.first, batch.first[1:] - 1
    watermark = regions.max_ns.copy()
    filled = last >= first[:-1]
    watermark[filled] = batch.key[last[filled]]
    last = last - held
    some = last >= first[:-1]
    after = last[some]
    offset, max_ns, last_ns = regions.offset.copy(), regions.max_ns.copy(), regions.last_ns.copy()
    inside, lacks = regions.inside.copy(), regions.lacking.copy()
    stop = regions.base.copy()
    stop[some] = batch.end[after]
    ends = batch.ranges[1][after] if batch.ranges is not None else stop[some] + batch.shift[some]
    offset[some] = ends
    max_ns[some] = batch.key[after]
    last_ns[some] = batch.latest[after]
    inside[some] = (batch.flags[after] & Flag.PARTIAL.value) != 0
    lacks[some] = False if lacking is None else lacking[after]
    if held.any():
        given: slice | Bools = slice(0, int(last[0]) + 1)
        if len(held) > 1:
            given = np.ones(len(batch), np.bool_)
            given[first[1:][held] - 1] = False
        batch = batch.with_rows(given, first - np.concatenate(([0], np.cumsum(held))))
    return Round(
        batch=batch,
        offset=offset,
        stop=stop,
        max_ns=max_ns,
        last_ns=last_ns,
        inside=inside,
        lacking=lacks,
        held=held,
        bare=bare,
        watermark=watermark,
    )


def _ranges(
    arena: U8, regions: Regions, first: I64, start: I64, end: I64
) -> tuple[I64, I64] | None:
    """Return where records begin and end in their files; None if all of these are UTF-8."""
    recoded = [number for number, file in enumerate(regions.files) if file.charset != UTF_8]
    if not recoded:
        return None
    shift = np.repeat(regions.offset - regions.base, np.diff(first))
    begin, stop = start + shift, end + shift
    for number in recoded:
        rows = slice(first[number], first[number + 1])
        base, charset = regions.base[number], regions.files[number].charset
        text = arena[base : base + regions.size[number]]
        origin = regions.offset[number] + regions.lead[number]
        begin[rows] = origin + file_lengths(text, start[rows] - base, charset)
        stop[rows] = origin + file_lengths(text, end[rows] - base, charset)
        # Half a unit at the end of a file counts as one.
        np.minimum(stop[rows], regions.offset[number] + regions.used[number], out=stop[rows])
    return begin, stop


def _bare(lines: Lines, regions: Regions, stamped: Bools) -> I64:
    """Return where the lines behind the last stamp of each region begin, or it ends; (m,)."""
    stop = regions.base + regions.size
    if stamped.all():
        return stop
    rows = np.flatnonzero(stamped)
    last = np.searchsorted(rows, lines.first[1:]) - 1
    row = np.maximum(np.append(rows, -1)[last] + 1, lines.first[:-1])
    bare = row < lines.first[1:]
    stop[bare] = lines.start[row[bare]]
    return stop


def _inner(lines: Lines, regions: Regions) -> I64:
    """Return the lines that are parts of a line which was cut, but for the first ones."""
    cut = np.flatnonzero(lines.flags[:-1] & Flag.PARTIAL.value)
    cut = cut[lines.region[cut] == lines.region[cut + 1]]
    filled = np.diff(lines.first) > 0
    return np.concatenate([cut + 1, lines.first[:-1][regions.inside & filled]])


def _stamps(
    arena: U8, lines: Lines, regions: Regions, decoders: Sequence[StampDecoder], inner: I64
) -> I64:
    """Return the stamp of every line; those that are `inner` have none."""
    counts = np.diff(lines.first)
    start = lines.start
    if len(inner):
        start = start.copy()
        start[inner] = lines.end[inner]
    previous = np.where(regions.last_ns == NO_STAMP, regions.anchor_ns, regions.last_ns)
    # Not np.unique: it imports numpy.ma, which a short run has no other use for.
    used = np.flatnonzero(np.bincount(regions.decoder[counts > 0] + 1)) - 1
    if len(used) == 1 and used[0] >= 0:
        filled = counts > 0
        decoder = decoders[int(used[0])]
        return decoder.decode(arena, start, lines.end, lines.first[:-1][filled], previous[filled])
    stamps = np.full(len(start), NO_STAMP, np.int64)
    for number in used[used >= 0].tolist():
        mine = (regions.decoder == number) & (counts > 0)
        rows = np.flatnonzero(mine[lines.region])
        first = np.concatenate([[0], np.cumsum(counts[mine])[:-1]])
        stamps[rows] = decoders[number].decode(
            arena, start[rows], lines.end[rows], first, previous[mine]
        )
    return stamps


def _wrapped(
    arena: U8, lines: Lines, regions: Regions, decoders: Sequence[StampDecoder]
) -> Wrapped | None:
    """Return what container runtimes say of the lines; None where none has written any."""
    # A file of which nothing is known has the last of these.
    kinds = np.array([*(decoder.wrapping for decoder in decoders), ""])[regions.decoder]
    if not (kinds != "").any():
        return None
    cri, docker = (kinds == "cri")[lines.region], (kinds == "docker")[lines.region]
    return find_wrapped(arena, lines.start, lines.end, cri, docker)


def _columns(lines: Lines, heads: I64, stamps: I64, flags: U8) -> tuple[I64, I64, I64, I64, U8]:
    """Return first row of each region, start, end, stamp and flags of records."""
    if len(heads) == len(stamps):
        return lines.first, lines.start, lines.end, stamps, flags.copy()
    tails = np.append(heads, len(stamps))[1:] - 1
    timestamp = first_known(stamps, heads)
    kind = lines.flags[tails] & (Flag.PARTIAL | Flag.UNFINISHED).value
    if flags is not lines.flags:
        beyond = np.bitwise_or.reduceat(flags & Flag.IMPOSSIBLE.value, heads)
        kind |= beyond * (timestamp == NO_STAMP)
    first = np.searchsorted(heads, lines.first)
    return first, lines.start[heads], lines.end[tails], timestamp, kind

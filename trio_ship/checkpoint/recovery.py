"""Reading a journal after a death: how far the output of a sink goes.

See `journal` for what stands in one. Only lines that follow from the checkpoint,
one from the other, are believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from trio_ship.batch import Kind
from trio_ship.checkpoint.lines import VERSION, is_end, is_head, is_line, read_lines
from trio_ship.cut import advance, own_cut
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

__all__ = ["Recovered", "Written", "beyond", "last_output", "read_journal", "recover", "written_of"]


@attrs.frozen(kw_only=True)
class Written:
    """A batch as the journal has it.

    Attributes:
        sequence: Records delivered up to and with the batch.
        kind: The kind of the batch.
        before: Length of the output before it, in bytes.
        after: Length of the output after it; None where that was not known before
            its last bytes were written: then they were not.
        last_key: The last record in order, up to and with the batch.
        positions: How far each file it touched has come, by id.
        limits: The latest stamp that was believed in each of them.
        is_over_old: Whether bytes of an earlier run stood in its place, so that
            the length of the output does not tell whether it was written.
    """

    sequence: int
    kind: Kind
    before: int
    after: int | None
    last_key: OrderKey | None
    positions: dict[str, Position]
    limits: dict[str, int]
    is_over_old: bool = False


@attrs.frozen(kw_only=True)
class Recovered:
    """What a journal says.

    Attributes:
        cut: The checkpoint and every batch that lies whole in the output.
        torn: The batch behind them, if some of its bytes are there.
        lines: The lines that say so; the last one is that of `torn`, if it is there.
    """

    cut: Snapshot
    torn: Written | None
    lines: tuple[dict[str, Any], ...]


def read_journal(data: bytes, state: SinkState, boot: str) -> list[dict[str, Any]]:
    """Return the lines of a journal that belongs to a checkpoint.

    Args:
        data: The journal.
        state: The state of the sink in the checkpoint.
        boot: The present boot.

    Returns:
        The lines behind the first, as far as they are to be believed; none
        where it is of another output.
    """
    values = read_lines(data)
    head = next(values, None)
    if not head or head.get("journal") != VERSION or not is_head(head):
        return []
    lines = _joined(values)
    if not boot or head.get("boot") != boot:
        durable = [place for place, line in enumerate(lines) if line.get("durable")]
        lines = lines[: durable[-1] + 1] if durable else []
    if (head["device"], head["inode"]) == state.identity:
        return lines
    # It begins behind an older checkpoint: the next one failed when it stood in its place.
    turns = (
        place
        for place, line in enumerate(lines)
        if "output" in line and SinkState(**line["output"]).identity == state.identity
    )
    return lines[next(turns, len(lines)) + 1 :]


def _joined(values: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return lines as far as they are ours, those of batches with what says where they end."""
    lines: list[dict[str, Any]] = []
    for value in values:
        is_open = bool(lines) and "before" in lines[-1] and "after" not in lines[-1]
        if is_open and is_end(value):
            lines[-1] = {**lines[-1], **value}
        elif not is_open and is_line(value):
            lines.append(value)
        else:
            break
    return lines


def last_output(lines: list[dict[str, Any]], state: SinkState) -> SinkState:
    """Return which output the sink wrote last, and where it began to."""
    for line in reversed(lines):
        if "output" in line:
            return attrs.evolve(state, footprint="", **line["output"])
    return state


def recover(
    lines: list[dict[str, Any]], checkpoint: Snapshot, sink: str, size: int | None
) -> Recovered:
    """Return how far the output of a sink goes.

    Args:
        lines: What `read_journal` returned.
        checkpoint: The checkpoint.
        sink: The name of the sink.
        size: Length of the output written last, in bytes; None where it is
            gone, which leaves open whether the last batch was whole.
    """
    state = checkpoint.sinks[sink]
    files = dict(checkpoint.files)
    cut = own_cut(checkpoint, sink)
    torn = None
    adopted = []
    told: dict[str, FileEntry] = {}
    lines = _unknown(lines, state, checkpoint.sequence)
    left = sum("output" in line for line in lines)
    for line in lines:
        if "file" in line:
            told[line["file"]["id"]] = FileEntry(**line["file"])
        elif "output" in line:
            state = attrs.evolve(state, footprint="", **line["output"])
            left -= 1
        else:
            written = written_of(line)
            is_told = written.positions.keys() <= files.keys() | told.keys()
            if written.before != state.offset or not is_told:
                break
            end = _whole_end(written, size, is_left=left > 0, is_last=line is lines[-1])
            if end is None:
                if size is not None and size > written.before:
                    torn = written
                    adopted.append(line)
                    files |= told
                break
            if end != state.offset:
                state = attrs.evolve(state, offset=end, footprint="")
            cut = beyond(cut, written, sink, state)
            files |= told
            told = {}
        adopted.append(line)
    cut = attrs.evolve(cut, files=files, sinks=MappingProxyType({**cut.sinks, sink: state}))
    return Recovered(cut=cut, torn=torn, lines=tuple(adopted))


def _whole_end(written: Written, size: int | None, *, is_left: bool, is_last: bool) -> int | None:
    """Return where a batch ends that lies whole in its output; None if it does not.

    Args:
        written: The batch.
        size: Length of the output written last, in bytes; None where it is gone.
        is_left: Whether another output was begun behind it.
        is_last: Whether it is the last line.
    """
    if written.after is None or (written.is_over_old and is_last):
        return None
    is_whole = is_left or (not is_last if size is None else written.after <= size)
    return written.after if is_whole else None


def _unknown(lines: list[dict[str, Any]], state: SinkState, sequence: int) -> list[dict[str, Any]]:
    """Return the lines that tell more than a checkpoint knows.

    A journal is begun anew with the first batch behind a checkpoint. Until then it
    tells of batches that the checkpoint has, and has of files what was true then.
    """

    def is_counted(line: Mapping[str, Any]) -> bool:
        # Of a batch nothing may have been written, for a condition has left it out.
        return bool(line["sequence"] + (line["kind"] == Kind.DROPPED.value) <= sequence)

    first = 0
    for place, line in enumerate(lines):
        if "file" in line:
            continue
        if "output" in line:
            output = SinkState(**line["output"])
            is_same = output.identity == state.identity
            behind = next((other for other in lines[place:] if "before" in other), None)
            # Where somebody has cut it, the length alone does not tell.
            is_known = is_same and output.offset < state.offset
            is_known = is_known and behind is not None and is_counted(behind)
        else:
            is_known = line.get("after", line["before"]) <= state.offset and (
                line["before"] < state.offset or is_counted(line)
            )
        if not is_known:
            break
        first = place + 1
    return lines[first:]


def beyond(cut: Snapshot, written: Written, sink: str, state: SinkState) -> Snapshot:
    """Return what a sink has taken when a batch of its journal is whole.

    A batch may lie, in part, behind what the sink had beyond the others: that
    part was left out, and its positions are not news. All of it may be older than the
    checkpoint, where the sink was taken out of the configuration for a while.
    """
    further = {
        name: position
        for name, position in written.positions.items()
        if position.offset > cut.positions.get(name, Position()).offset
    }
    sequence, last_key = written.sequence, written.last_key
    if sequence < cut.sequence:
        sequence, last_key = cut.sequence, cut.last_key
    return advance(cut, sequence, last_key, further, {sink: state})


def written_of(value: Mapping[str, Any]) -> Written:
    """Return the batch of a line that tells of one."""
    return Written(
        sequence=value["sequence"],
        kind=Kind(value["kind"]),
        before=value["before"],
        after=value.get("after"),
        last_key=OrderKey(*value["key"]) if value["key"] else None,
        positions={move[0]: Position(*move[1:6]) for move in value["moves"]},
        limits={move[0]: move[6] for move in value["moves"]},
        is_over_old=value.get("over_old", False),
    )

"""The verdict at the end of a run: what stands in the outputs against what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from simulation.model import Content, Line
from simulation.outputs import Row
from simulation.scenario import Scenario

__all__ = ["faults_of", "missing"]


def missing(
    scenario: Scenario, contents: Iterable[Content], sink: str, rows: Iterable[Row]
) -> list[Line]:
    """Return the lines that a sink lacks and has to have."""
    there = {line for row in rows for line in row.lines}
    contents = list(contents)
    there |= {whole for half, whole in _halves(contents).items() if half in there}
    return [
        line
        for content in contents
        for line in content.lines
        if not content.excuse
        and sink not in line.excuses
        and not (content.is_older and not content.was_opened)
        and line.text not in there
        and _is_due(scenario, line)
    ]


def _is_due(scenario: Scenario, line: Line) -> bool:
    """Tell whether a line may be expected: one without its line end only if none will come."""
    if line.is_whole or not scenario.settings.follow:
        return True
    return line.content.is_over and not line.content.is_linked


def faults_of(
    scenario: Scenario,
    contents: Sequence[Content],
    sink: str,
    rows: Sequence[Row],
    *,
    read_all: bool,
    is_even: bool,
) -> Iterator[str]:
    """Say everything that is wrong with the output of a sink.

    Args:
        scenario: What was done.
        contents: What was written.
        sink: The name of the sink.
        rows: What it has.
        read_all: Whether no one-shot run had to leave a file out, which has to be
            read, behind the others, by the next run.
        is_even: Whether no sink had to go back further than the others.
    """
    contents = [content for content in contents if sink not in content.alien]
    for line in missing(scenario, contents, sink, rows):
        yield f"{sink} lacks {line.text!r} of content {line.content.number} of {line.content.log}"
    written = {line.text: line for content in contents for line in content.lines}
    halves = _halves(contents)
    rows = [
        attrs.evolve(row, lines=tuple(halves.get(line, line) for line in row.lines)) for row in rows
    ]
    found = [line for row in rows for line in row.lines]
    for text, count in Counter(found).items():
        if text not in written:
            yield f"{sink} has what was never written: {text!r}"
        elif count > 1:
            yield f"{sink} has {count} times {text!r}"
        elif not written[text].is_whole and not _may_be_unfinished(scenario, written[text]):
            yield f"{sink} has half a line: {text!r}"
    ids = Counter(row.id for row in rows if row.id)
    yield from (
        f"{sink} has {count} records of id {name}" for name, count in ids.items() if count > 1
    )
    yield from _disorder_in_files(contents, sink, found)
    yield from _joined_otherwise(scenario, written, sink, rows)
    if scenario.settings.follow:
        if is_even:
            yield from _disorder(sink, rows)
        if scenario.is_calm:
            known = _logs_without_losses(contents, found)
            marks = Counter(row.mark for row in rows if row.mark and _logs(row, written) <= known)
            yield from (
                f"{sink} has {n} {mark} records, on a calm day" for mark, n in marks.items()
            )
    elif read_all:
        yield from _other_than_sorted(contents, sink, found)


def _logs_without_losses(contents: Sequence[Content], found: Sequence[bytes]) -> set[str]:
    """Return the logs of which every line came out.

    How late a line is depends on those before it, and a life may have read some that died
    with their file before they could leave.
    """
    there = set(found)
    lost = {one.log for one in contents if any(line.text not in there for line in one.lines)}
    return {content.log for content in contents} - lost


def _logs(row: Row, written: Mapping[bytes, Line]) -> set[str]:
    return {written[text].content.log for text in row.lines if text in written}


def _halves(contents: Iterable[Content]) -> dict[bytes, bytes]:
    """Return the lines of which copies have a part only, by that part."""
    return {line.half: line.text for content in contents for line in content.lines if line.half}


def _may_be_unfinished(scenario: Scenario, line: Line) -> bool:
    return line.content.is_over or not scenario.settings.follow


def _disorder_in_files(
    contents: Sequence[Content], sink: str, found: Sequence[bytes]
) -> Iterator[str]:
    """Say which lines of one content are out of order, or torn from their record."""
    place = {text: number for number, text in enumerate(found)}
    for content in contents:
        before = -1
        for line in content.lines:
            here = place.get(line.text)
            if here is None:
                before = -1 if before < 0 else before
                continue
            if here < before:
                yield f"{sink} has {line.text!r} in front of what was written before it"
            previous = _previous(line)
            if (
                line.is_joined
                and previous is not None
                and place.get(previous.text) not in {None, here - 1}
            ):
                yield f"{sink} has {line.text!r} apart from its record"
            before = here


def _joined_otherwise(
    scenario: Scenario, written: Mapping[bytes, Line], sink: str, rows: Sequence[Row]
) -> Iterator[str]:
    """Say which records hold lines of others, or of a one-shot run lack some of theirs."""
    for row in rows:
        lines = [written[text] for text in row.lines if text in written]
        for line in lines[1:]:
            if line.stamp_ns is not None or line.content is not lines[0].content:
                yield f"{sink} has {line.text!r} in the record of {lines[0].text!r}"
        if row.id and lines and lines[0].is_joined and not scenario.settings.follow:
            yield f"{sink} has {lines[0].text!r} in a record of its own"


def _previous(line: Line) -> Line | None:
    number = line.content.lines.index(line)
    return line.content.lines[number - 1] if number else None


def _disorder(sink: str, rows: Sequence[Row]) -> Iterator[str]:
    """Say which records are out of the total order and not marked.

    A log goes on with the running maximum of its stamps when its source is renamed.
    """
    keys: dict[str, int] = {}
    last: tuple[int, tuple[str, str]] | None = None
    for row in rows:
        if not row.id:
            return
        path = row.chain[1]
        if row.stamp_ns is not None:
            keys[path] = max(keys.get(path, row.stamp_ns), row.stamp_ns)
        if row.mark or path not in keys:
            continue
        key = (keys[path], row.chain)
        if last is not None and key < last:
            yield f"{sink} has {row.lines[0]!r} out of order and without a mark"
        last = key


def _other_than_sorted(
    contents: Sequence[Content], sink: str, found: Sequence[bytes]
) -> Iterator[str]:
    """Say where a one-shot output is not a plain sort of all records."""
    records = [
        (-1 if key is None else key, content.source, content.log, number, lines)
        for content in contents
        for number, (key, lines) in enumerate(content.keys(None))
    ]
    records.sort(key=lambda record: record[:4])
    expected = [line.text for record in records for line in record[4]]
    for number, pair in enumerate(zip(found, expected, strict=False)):
        if pair[0] != pair[1]:
            yield f"{sink} is not a plain sort: line {number} is {pair[0]!r}, not {pair[1]!r}"
            break

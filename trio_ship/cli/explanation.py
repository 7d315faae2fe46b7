"""What was found in files, in words, tables and bars: as lines of styled text.

Pure: files and what a survey says of them in, lines out. The same files give the
same lines, whether they are coloured or not.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs

from trio_ship.batch.parsed import Severity
from trio_ship.decode.detect import detect
from trio_ship.decode.found import further_ways, layout_and_place
from trio_ship.decode.stamps import AUTO, FURTHER, StampDecoder, frame
from trio_ship.decode.table import LAYOUTS
from trio_ship.decode.zones import resolve_zone_name
from trio_ship.encode.terminal import escape_controls
from trio_ship.quantities import counted, sized
from trio_ship.state import FileEntry
from trio_ship.survey import Example, FileSurvey

__all__ = ["Explained", "Line", "as_json", "details", "overview", "total"]

Line: TypeAlias = Sequence[tuple[str, str]]
"""Pieces of text, each with a style of `rich`; empty for none."""

_SECOND: Final = 10**9
_LABEL: Final = 10
_BAR: Final = 30
_EXAMPLE: Final = 68
_WORTH_SHARE: Final = 0.01
_BINARY_SHARE: Final = 0.01
_LISTED: Final = 20
_STYLES: Final = {
    Severity.FATAL: "bold red",
    Severity.ERROR: "red",
    Severity.WARN: "yellow",
    Severity.DEBUG: "dim",
    Severity.TRACE: "dim",
    Severity.UNKNOWN: "dim",
}
_AMBIGUOUS: Final = {layout.name for layout in LAYOUTS if layout.family}
_EIGHTHS: Final = "▏▎▍▌▋▊▉█"


@attrs.frozen(slots=False)
class Explained:
    """A file and what it holds.

    Attributes:
        entry: The file.
        survey: What it holds.
        pattern: The expression that says where its stamps stand, if one was given.
        folder: What is left out of its path, where that begins with it.
    """

    entry: FileEntry
    survey: FileSurvey
    pattern: str | None = None
    folder: str = ""

    @property
    def name(self) -> str:
        """Its path from `folder`, in characters that steer no terminal."""
        return _text(self.entry.path.removeprefix(self.folder).encode("utf-8", "surrogateescape"))

    @property
    def layout(self) -> str:
        """The name of its layout; empty for none."""
        return layout_and_place(self.entry.layout)[0] if self.entry.layout else ""

    @functools.cached_property
    def others(self) -> list[tuple[str, str]]:
        """The name and the place of other layouts, which some of its lines have."""
        spelling = self.entry.layout
        others = further_ways(spelling)
        main, separator, _ = spelling.partition(FURTHER if others else AUTO)
        if not separator:
            return []
        known = {_kind(*layout_and_place(spelling)), *(_kind(*other) for other in others)}
        decoder = StampDecoder(main)
        for example in self.survey.shapes:
            line = example.text + b"\n"
            if decoder.read(*frame(line)).found[0] or (found := detect(line)) is None:
                continue
            other = layout_and_place(found.spelling)
            if _kind(*other) not in known:
                known.add(_kind(*other))
                others.append(other)
        return others

    @property
    def is_binary(self) -> bool:
        """Whether it is hardly text."""
        return self.survey.binary > _BINARY_SHARE * self.survey.bytes

    @property
    def is_assumed(self) -> tuple[bool, bool, bool]:
        """Whether its stamps leave open their zone, their year, and their date."""
        if not self.entry.layout or self.survey.sample is None:
            return False, False, False
        decoder = StampDecoder(self.entry.layout, zone=self.entry.zone, pattern=self.pattern)
        reading = decoder.read(*frame(self.survey.sample.text + b"\n"))
        no_year = not reading.dated[0]
        return bool(reading.wall[0]), no_year, no_year and decoder.needs_date


def _kind(name: str, place: str) -> tuple[str, str]:
    """Return what two ways of writing stamps share that differ by a column only."""
    return name, place.partition(",")[0]


def details(file: Explained, *, draws: bool) -> Iterator[Line]:
    """Yield all that is known of a file.

    Args:
        file: The file.
        draws: Whether the terminal has characters to draw with.
    """
    survey = file.survey
    yield [(file.name, "bold"), (f"  {sized(survey.bytes)}", "dim")]
    if not survey.records:
        yield _row("empty", "there is nothing to read in it")
        return
    if file.is_binary:
        text = f"{counted(survey.binary, 'byte')} of no text; leave the file out"
        yield _row("binary", text, "yellow")
    if survey.sample is not None or not file.is_binary:
        yield from _stamps(file)
    yield _row("records", _records(survey))
    if survey.unsorted:
        share = _share(survey.unsorted, survey.stamped)
        text = f"{survey.unsorted:,} of {survey.stamped:,} stamps ({share}) "
        text += "come behind a later one, by up to "
        yield _row("unsorted", text + _duration(survey.behind_ns), "yellow")
    yield from _severities(survey, draws=draws)
    odd = survey.records - survey.stamped
    if odd and file.layout:
        text = f"{odd:,} of {survey.records:,} records without a stamp that counts"
        if survey.impossible:
            text += f" ({survey.impossible:,} in the future)"
        yield _row("unclear", f"{text}:", "yellow")
        yield from map(_example, survey.odd)
    if survey.loose:
        text = f"{survey.joined:,} of {survey.lines:,} lines to the records before them"
        yield _row("joined", f"{text}, such as:")
        yield from map(_example, survey.loose)


def overview(files: Sequence[Explained]) -> Iterator[Line]:
    """Yield a line for each layout, and the files that are worth a look."""
    groups: dict[str, list[Explained]] = {}
    for file in files:
        name = file.layout or ("no stamps" if file.survey.records else "empty")
        groups.setdefault(name, []).append(file)
    rows = [("layout", "files", "records", "size", "time")]
    for name, alike in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        records = sum(file.survey.records for file in alike)
        size = sized(sum(file.survey.bytes for file in alike))
        rows.append((name, f"{len(alike):,}", f"{records:,}", size, _span(alike)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first, *middle, last = (
            text.ljust(width) if column in {0, len(row) - 1} else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield [("  ".join([first, *middle, last]).rstrip(), "" if number else "dim")]
    worth = [(file.name, why) for file in files if (why := _doubt(file))]
    for path, why in worth[:_LISTED]:
        yield [(path, "bold"), (f"  {why}", "yellow")]
    if len(worth) > _LISTED:
        yield [(f"and {len(worth) - _LISTED:,} more files with such doubts", "yellow")]


def total(files: Sequence[Explained]) -> Line:
    """Return what all files hold together."""
    records = sum(file.survey.records for file in files)
    size = sized(sum(file.survey.bytes for file in files))
    span = _span(files)
    text = f"{counted(len(files), 'file')}, {size}, {counted(records, 'record')}"
    return [(f"{text}{span and f'; {span}'}", "bold")]


def as_json(file: Explained) -> dict[str, Any]:
    """Return what is known of a file as values for JSON."""
    survey = file.survey
    layout, place = layout_and_place(file.entry.layout) if file.entry.layout else (None, None)
    zone, year, date = file.is_assumed
    return {
        "path": file.entry.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "source": file.entry.source,
        "layout": layout,
        "place": place,
        "others": [{"layout": name, "place": where} for name, where in file.others],
        "zone": _zone(file.entry.zone)[0] if zone else None,
        "year_assumed": year,
        "date_assumed": date,
        **attrs.asdict(survey, filter=lambda field, _: field.name in _COUNTED),
        "first": None if survey.first_ns is None else _moment(survey.first_ns),
        "last": None if survey.last_ns is None else _moment(survey.last_ns),
        "severities": {_level(level): count for level, count in _levels(survey)},
        "unclear": [{"line": one.number, "text": _text(one.text)} for one in survey.odd],
    }


_COUNTED: Final = {
    "bytes",
    "lines",
    "records",
    "several",
    "longest",
    "stamped",
    "impossible",
    "cut",
    "joined",
    "unsorted",
    "binary",
}


def _stamps(file: Explained) -> Iterator[Line]:
    """Yield how stamps are written, and what is taken for granted of them."""
    survey = file.survey
    if not survey.stamped and not survey.impossible:
        yield _row("layout", "no stamps were found; records keep the order of the file", "yellow")
        yield _row("", "(where they are and how: timestamp.pattern, timestamp.format)")
        return
    layout, place = layout_and_place(file.entry.layout)
    yield _row("layout", f"{layout} {place}")
    for other in file.others:
        yield _row("also", " ".join(other))
    if layout in _AMBIGUOUS:
        yield _row("", "(these numbers can be read otherwise; explain -v says what decided)")
    if survey.sample is None:
        # Examples are given with what is unclear.
        yield _row("", "(all over max_future_seconds ahead of the file's last change,", "yellow")
        yield _row("", "so records keep the order of the file)", "yellow")
        return
    yield _row("like", _shortened(survey.sample.text))
    # A record cannot be told without its stamp, so the lines that continue one say nothing.
    yield _row(
        "fits",
        f"{survey.stamped:,} of {survey.lines:,} lines "
        f"({_share(survey.stamped, survey.lines)}) have a stamp that counts",
    )
    zone, year, date = file.is_assumed
    if zone:
        name, whose = _zone(file.entry.zone)
        yield _row("zone", f"{name}{whose}; the stamps name none")
    else:
        yield _row("zone", "told by the stamps")
    if date:
        dates = sorted({_moment(ns)[:10] for ns in (survey.first_ns, survey.last_ns) if ns})
        yield _row("date", f"{' to '.join(dates)}, by the file's last change and the midnights")
        yield _row("", "in it; the stamps name none, nor a silence of 23 hours or more")
    elif year:
        years = sorted({_moment(ns)[:4] for ns in (survey.first_ns, survey.last_ns) if ns})
        yield _row("year", f"{' to '.join(years)}, by the file's last change; the stamps name none")
    yield _row("time", _span([file]))


def _zone(zone: str) -> tuple[str, str]:
    return (resolve_zone_name(), " (this machine's)") if zone == "local" else (zone, "")


def _records(survey: FileSurvey) -> str:
    text = f"{survey.records:,}"
    if survey.several:
        text += f", of which {survey.several:,} with several lines, up to {survey.longest:,}"
    if survey.cut:
        text += f"; {survey.cut:,} cut, because they are too long"
    return text


def _levels(survey: FileSurvey) -> list[tuple[int, int]]:
    return sorted(survey.severities.items(), reverse=True)


def _level(level: int) -> str:
    return Severity(level).label if level else "none"


def _severities(survey: FileSurvey, *, draws: bool) -> Iterator[Line]:
    levels = _levels(survey)
    most = max(count for _, count in levels)
    if not any(level for level, _ in levels):
        return
    width = max(len(f"{count:,}") for _, count in levels)
    for number, (level, count) in enumerate(levels):
        bar = _bar(count / most, draws=draws)
        style = _STYLES.get(Severity(level), "green")
        yield [
            (f"  {'' if number else 'severity':<{_LABEL}}{_level(level):<8}", "dim"),
            (bar, style),
            (f"{' ' * (_BAR - len(bar))} {count:>{width},}", ""),
            (f"  {_share(count, survey.records):>6}", "dim"),
        ]


def _bar(share: float, *, draws: bool) -> str:
    """Return a bar; what is there at all shows."""
    if not draws:
        return "#" * max(1, round(share * _BAR))
    whole, rest = divmod(max(1, round(share * _BAR * len(_EIGHTHS))), len(_EIGHTHS))
    return _EIGHTHS[-1] * whole + (_EIGHTHS[rest - 1] if rest else "")


def _doubt(file: Explained) -> str:
    """Say what is strange about a file; empty for nothing."""
    survey = file.survey
    if not survey.records:
        return ""
    if file.is_binary:
        return "looks binary"
    if not survey.stamped:
        impossible = "all stamps are ahead of the file's last change"
        return impossible if survey.impossible else "no stamps were found"
    doubts = []
    odd = survey.records - survey.stamped
    if odd > _WORTH_SHARE * survey.records:
        doubts.append(f"{_share(odd, survey.records)} of the records have no stamp that counts")
    if survey.unsorted > _WORTH_SHARE * survey.stamped:
        doubts.append(f"{_share(survey.unsorted, survey.stamped)} of the stamps are unsorted")
    return ", ".join(doubts)


def _row(label: str, text: str, style: str = "") -> Line:
    return [(f"  {label:<{_LABEL}}", "dim"), (text, style)]


def _example(example: Example) -> Line:
    return [(f"  {example.number:>{_LABEL - 1},} ", "dim"), (_shortened(example.text), "")]


def _text(data: bytes) -> str:
    return escape_controls(data.replace(b"\n", b" ")).decode("utf-8", "replace")


def _shortened(data: bytes) -> str:
    text = _text(data)
    return text if len(text) <= _EXAMPLE else text[: _EXAMPLE - 1] + "…"


def _share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}"


def _span(files: Iterable[Explained]) -> str:
    """Return from when to when the records of files are, and how long that is."""
    surveys = [file.survey for file in files]
    first = min((s.first_ns for s in surveys if s.first_ns is not None), default=None)
    last = max((s.last_ns for s in surveys if s.last_ns is not None), default=None)
    if first is None or last is None:
        return ""
    if first == last:
        return _moment(first)
    return f"{_moment(first)} to {_moment(last)} ({_duration(last - first)})"


def _moment(ns: int) -> str:
    seconds, rest = divmod(ns, _SECOND)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def _duration(ns: int) -> str:
    """Return a time in the two largest of its units."""
    if ns < 60 * _SECOND:
        return f"{ns / _SECOND:.3f}".rstrip("0").rstrip(".") + " s"
    left = ns // _SECOND
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])

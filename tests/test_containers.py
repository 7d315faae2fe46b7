"""Lines of container runtimes: parts of a line are joined, streams kept apart, texts judged."""

from __future__ import annotations

import itertools
import json
import re
from random import Random
from typing import Any, Final

import attrs
import numpy as np
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline_helpers import OUTPUT, config, new_disk, running, stamp
from round_helpers import EIGHT, File, decode, read_in_rounds, read_whole

from trio_ship.batch import NO_STAMP
from trio_ship.batch.columns import trimmed_ends
from trio_ship.config import SourceConfig
from trio_ship.decode.containers import find_wrapped, unwrapped
from trio_ship.decode.detect import detect
from trio_ship.decode.grouping import Grouping, Mode
from trio_ship.decode.patterns import LinePattern
from trio_ship.decode.stamps import frame
from trio_ship.reader.decoders import Decoders
from trio_ship.state import FileEntry

CRI: Final = 2
DOCKER: Final = 3
PATTERNS: Final[tuple[tuple[Mode, str], ...]] = (
    ("timestamp", ""),
    ("off", ""),
    ("indent", ""),
    ("start", r"^[A-Z<]"),
    ("continue", r"^\s|^}"),
    ("end", r"[;>]$"),
)
SEEDS = st.integers(0, 2**32)
RULES = st.sampled_from(PATTERNS)
RUNTIMES = st.sampled_from([CRI, DOCKER])
WRAPPED: Final = re.compile(
    rb"2026-11-23T08:00:0(\d)(?:\.(\d+))?(?:Z|\+00:00) (stdout|stderr) ([PF])(?::[\w:]*)?(?: (.*))?"
)


def make(mode: Mode, pattern: str, longest: int = 300) -> Grouping:
    """Return a rule."""
    expression = LinePattern(pattern) if pattern else None
    return Grouping(mode=mode, pattern=expression, longest=longest)


@attrs.frozen(kw_only=True)
class Line:
    """A line as its runtime has written it.

    Attributes:
        data: All of it.
        stream: Its stream; empty: it is not wrapped.
        is_cut: Whether it goes on in the next line of its stream.
        text: What the program wrote.
        stamp: Nanoseconds since 1970; None if it has none.
    """

    data: bytes
    stream: str = ""
    is_cut: bool = False
    text: bytes
    stamp: int | None = None


def _moment(second: str, fraction: str) -> int:
    return EIGHT + int(second) * 10**9 + int(fraction.ljust(9, "0"))


def parsed(data: bytes, runtime: int) -> Line:
    """Take a line apart, in the plainest way there is."""
    text = data.removesuffix(b"\n")
    if runtime == CRI:
        found = WRAPPED.fullmatch(text)
        if found is None:
            return Line(data=data, text=text)
        second, fraction, stream, tag, inner = found.groups(b"")
        moment = _moment(second.decode(), fraction.decode())
        return Line(data=data, stream=stream.decode(), is_cut=tag == b"P", text=inner, stamp=moment)
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return Line(data=data, text=text)
    log = value["log"].encode()
    found_time = re.fullmatch(r"2026-11-23T08:00:0(\d)(?:\.(\d+))?Z", value["time"])
    assert found_time
    moment = _moment(found_time[1], found_time[2] or "")
    return Line(
        data=data,
        stream=value["stream"],
        is_cut=not log.endswith(b"\n"),
        text=log.removesuffix(b"\n"),
        stamp=moment,
    )


def judge(line: Line, mode: Mode, pattern: str) -> tuple[bool, bool]:
    """Tell of a line whether it begins or ends a record."""
    if mode == "timestamp":
        return line.stamp is not None, False
    if mode == "off":
        return True, True
    if mode == "indent":
        return line.text[:1] not in {b" ", b"\t"}, False
    matches = re.search(pattern.encode(), line.text) is not None
    if mode == "end":
        return False, matches and not line.is_cut
    return matches == (mode == "start"), False


def model(text: bytes, runtime: int, mode: Mode, pattern: str, longest: int) -> list[list[Line]]:
    """Return the records of a text, line after line."""
    records: list[list[Line]] = []
    before = Line(data=b"", text=b"")
    is_over, has_stamps = True, False
    for data in text.splitlines(keepends=True):
        line = parsed(data, runtime)
        has_stamps |= line.stamp is not None
        begins, ends = judge(line, mode, pattern)
        is_joined = before.is_cut and bool(line.stream) and before.stream == line.stream
        is_other = bool(before.stream and line.stream) and before.stream != line.stream
        if mode == "off":
            is_joined = is_other = False
        size = sum(len(other.data) for other in records[-1]) if records else 0
        is_full = size + len(data) > longest
        alone = mode == "timestamp" and not has_stamps
        if is_over or is_other or is_full or alone or (begins and not is_joined):
            records.append([])
        records[-1].append(line)
        is_over, before = ends, line
    return records


TEXTS: Final = (
    b"INFO a",
    b"Traceback: x;",
    b"  at <b> & c",
    b"\tat d;",
    b"}",
    b"",
    b'say "x"',
    b"C:\\n",
    b"C:\\",
    b"<p>",
    "\u00e9\u2028".encode(),
)


ATTRIBUTES: Final = ({"tag": '"time":"x'}, {"tag": "web/1", "env": "a"}, {"env": "{}"}, "x")


def text_of(random: Random, runtime: int) -> bytes:
    """Return lines of a runtime, some of them cut, and some that are no such lines."""
    lines = []
    attributes = random.choice(ATTRIBUTES)
    often = random.choice([0, 0.2, 1])
    for _ in range(random.randint(0, 14)):
        text = b"".join(random.choices(TEXTS, k=random.choice([1, 1, 2])))
        stream = random.choice(["stdout", "stdout", "stderr"])
        is_cut = random.random() < 0.3
        fraction = random.choice(["", ".1", ".001", ".123456789", ".1234567"])
        stamp = f"2026-11-23T08:00:0{random.randint(0, 9)}{fraction}Z"
        if random.random() < 0.1:
            lines.append(text.replace(b"{", b"") + b" of nobody\n")
        elif runtime == CRI:
            stamp = random.choice([stamp, stamp.replace("Z", "+00:00")])
            tag = random.choice(["P", "P:x"] if is_cut else ["F", "F:x:y"])
            gap = " " if text or random.random() < 0.5 else ""
            lines.append(f"{stamp} {stream} {tag}{gap}".encode() + text + b"\n")
        else:
            value: dict[str, Any] = {"log": text.decode() + "\n" * (not is_cut), "stream": stream}
            if random.random() < often:
                value["attrs"] = attributes
            encoded = json.dumps(value | {"time": stamp}, separators=(",", ":"), ensure_ascii=False)
            for sign in "<>&":
                encoded = encoded.replace(sign, f"\\u{ord(sign):04x}")
            lines.append(encoded.encode() + b"\n")
    return b"".join(lines)


@given(SEEDS, RUNTIMES, RULES, st.sampled_from([200, 1000]))
@settings(max_examples=300, deadline=None)
def test_records_are_those_of_a_plain_loop(
    seed: int, runtime: int, rule: tuple[Mode, str], longest: int
) -> None:
    """However a file is cut into rounds, its records are the model's, by every rule."""
    random = Random(seed)
    file = File(text_of(random, runtime), runtime)
    read_in_rounds([file], random, make(*rule, longest))
    expected = model(file.text, runtime, *rule, longest)
    assert [record.data for record in file.found] == [
        b"".join(line.data for line in record) for record in expected
    ]
    stamps = [
        next((line.stamp for line in record if line.stamp is not None), NO_STAMP)
        for record in expected
    ]
    assert [record.timestamp for record in file.found] == stamps


@given(SEEDS, RUNTIMES, RULES)
@settings(max_examples=200, deadline=None)
def test_what_the_clock_has_cut_is_made_again_between_the_flags(
    seed: int, runtime: int, rule: tuple[Mode, str]
) -> None:
    """Records up to the next one flagged come out of their range alone, parts of lines too."""
    random = Random(seed)
    grouping = make(*rule)
    file = File(text_of(random, runtime), runtime)
    read_in_rounds([file], random, grouping, closing=0.5)
    assert b"".join(record.data for record in file.found) == file.text
    begins = [number for number, record in enumerate(file.found) if record.continued]
    for first, stop in itertools.pairwise([0, *begins, len(file.found)]):
        expected = file.found[first:stop]
        again = File(file.text, runtime)
        if first:
            again.position = file.found[first - 1].after
        size = sum(len(record.data) for record in expected)
        again.text = file.text[: again.position.offset + size]
        decode([again], [size], grouping, closing=True)
        assert again.found == expected


@given(SEEDS, st.integers(0, 64))
@settings(max_examples=100, deadline=None)
def test_wrapped_lines_next_to_others_and_to_the_end_of_the_arena(seed: int, cut: int) -> None:
    """Any bytes may stand in a file that is taken for one of a runtime; nothing is read amiss."""
    random = Random(seed)
    runtime = random.choice([CRI, DOCKER])
    text = text_of(random, runtime)
    text = text[: max(0, len(text) - cut)]
    assert b"".join(record.data for record in read_whole(text, make("indent", ""), runtime)) == text
    arena, start, end = frame(text)
    mine = np.full(len(start), runtime == CRI)
    wrapped = find_wrapped(arena, start, end, mine, ~mine)
    if len(start) and runtime == DOCKER:
        texts, begin, stop = unwrapped(arena, start, end)
        lines = [parsed(line, DOCKER) for line in text.splitlines(keepends=True)]
        for row in np.flatnonzero(wrapped.stream).tolist():
            found = texts[begin[row] : stop[row]].tobytes().removesuffix(b"\n")
            assert found == lines[row].text or not lines[row].stream


PARTS: Final = (
    b"2026-11-23T08:00:00.100000000Z stdout P one \n",
    b"2026-11-23T08:00:00.2Z stdout F and its end\n",
    b"2026-11-23T08:00:00.300000000Z stdout F two\n",
)


def test_parts_of_a_line_are_one_record_with_the_stamp_of_the_first() -> None:
    """With nothing configured the lines that a runtime has cut are whole again."""
    found = read_whole(b"".join(PARTS), make("timestamp", ""), CRI)
    assert [record.data for record in found] == [PARTS[0] + PARTS[1], PARTS[2]]
    assert [record.timestamp - EIGHT for record in found] == [10**8, 3 * 10**8]
    found = read_whole(b"".join(PARTS), make("off", ""), CRI)
    assert [record.data for record in found] == list(PARTS)


def test_a_line_of_the_other_stream_between_parts_leaves_them_apart() -> None:
    """The order of a file is never changed, and a record is one piece of it."""
    other = b"2026-11-23T08:00:00.150000000Z stderr F other\n"
    found = read_whole(PARTS[0] + other + PARTS[1], make("timestamp", ""), CRI)
    assert [record.data for record in found] == [PARTS[0], other, PARTS[1]]


CRI_LINES: Final = b"".join(PARTS)
ISO_LINES: Final = b"2026-11-23T08:00:00.100000000Z one\n2026-11-23T08:00:00.200000000Z two\n"


@pytest.mark.parametrize(
    ("text", "is_inner", "expected"),
    [
        (CRI_LINES, False, "iso8601@cri/T.9Z;auto"),
        (CRI_LINES.replace(b"Z ", b"+01:00 "), False, "iso8601@cri/T.9+hh:mm;auto"),
        (ISO_LINES, False, "iso8601@0/T.9Z;auto"),
        (PARTS[0] + 2 * ISO_LINES, False, "iso8601@0/T.9Z;auto"),
        (
            b"2026-11-23T08:00:00.100000000Z stdout F 2026-11-23 07:59:59,900 one\n",
            True,
            "iso8601@cri/T.9Z>iso8601@0/ ,3",
        ),
    ],
)
def test_files_of_kubernetes_are_told_by_most_of_their_lines(
    text: bytes,
    is_inner: bool,  # noqa: FBT001  (pytest gives it by name)
    expected: str,
) -> None:
    """A file is taken for one of CRI if most of its first lines are written so."""
    found = detect(text, inner=is_inner)
    assert found is not None
    assert found.spelling == expected


@pytest.mark.parametrize("heads", [(ISO_LINES, CRI_LINES), (CRI_LINES, ISO_LINES)])
def test_files_that_begin_with_the_same_stamp_are_told_apart(heads: tuple[bytes, bytes]) -> None:
    """What is remembered of one file's first bytes is not taken for another's wrapping."""
    decoders = Decoders(SourceConfig(name="app", type="file"), [])
    entry = FileEntry(id="0" * 16, source="app", path="/a", file="/a", device=1, inode=1)
    spelled = [
        decoders.recognise(entry, [head], mtime_ns=EIGHT, blocks=list).layout for head in heads * 2
    ]
    expected = ["cri" if head == CRI_LINES else "0" for head in heads * 2]
    assert [spelling.partition("@")[2].partition("/")[0] for spelling in spelled] == expected


async def test_a_part_of_a_line_waits_for_its_rest(autojump_clock: trio.testing.MockClock) -> None:
    """While following, a part stays with its reader; after the wait its rest is another record."""
    disk = new_disk()
    stamps = [f"{stamp(second)[:-1]}000000Z" for second in (0, 0.3, 0.4, 5, 9)]
    parts = [
        f"{moment} stdout {tag} {text}\n".encode()
        for moment, tag, text in zip(stamps, "PPFPF", "abcde", strict=True)
    ]
    disk.write("/logs/0.log", parts[0])
    sink = f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "json"\n'
    async with running(disk, config(sinks=sink)):
        for moment, part in ((0.3, parts[1]), (0.9, parts[2]), (5, parts[3]), (9, parts[4])):
            await trio.sleep_until(moment)
            disk.append("/logs/0.log", part)
        await trio.sleep_until(12)
    messages = [json.loads(row)["message"] for row in disk.read(OUTPUT).decode().splitlines()]
    expected = [b"".join(parts[:3]), parts[3], parts[4]]
    assert messages == [text.decode().removesuffix("\n") for text in expected]


@given(st.lists(st.binary(max_size=2), min_size=1, max_size=9), st.booleans())
def test_line_ends_are_trimmed_once(texts: list[bytes], is_whole: bool) -> None:  # noqa: FBT001 - drawn
    """LF or CR LF is taken away, and of a line that has nothing else no more than that."""
    lines = [text.replace(b"\n", b"\r") + b"\n" for text in texts]
    if not is_whole:
        lines[-1] = lines[-1][:-1] + b"x"
    arena, start, end = frame(b"".join(lines))
    stop = trimmed_ends(arena, start, end)
    expected = [line.removesuffix(b"\n").removesuffix(b"\r") for line in lines]
    found = zip(start.tolist(), stop.tolist(), strict=True)
    assert [arena[low:high].tobytes() for low, high in found] == expected

"""Records for reading: labels, colours, and the lines of a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import Flag, Kind, OrderedBatch
from trio_ship.encode.labelled import LabelledEncoder, Rule
from trio_ship.encode.labels import short_names
from trio_ship.encode.terminal import escape_controls
from trio_ship.state import FileEntry

RULE = Rule(in_order="|", late="<", ahead=">")
COLOR = re.compile(rb"\x1b\[[0-9;]*m")


def files_at(*paths: str) -> list[FileEntry]:
    """Return files, one at each path."""
    return [attrs.evolve(FILE, id=f"{n:016x}", path=path) for n, path in enumerate(paths)]


def shown(
    batch: OrderedBatch,
    *,
    paths: Callable[[], Iterable[str]] | None = tuple,
    widest: int = 32,
    levels: Sequence[int] | None = None,
    marked: str | None = None,
    raw: bool = False,
) -> bytes:
    """Return a batch as it is shown; `levels` are the severities of its records."""

    def severities(_: OrderedBatch) -> npt.NDArray[np.int8]:
        return np.array(levels, np.int8)

    encode = LabelledEncoder(
        paths,
        widest=widest,
        rule=RULE,
        severities=None if levels is None else severities,
        marked=marked,
        raw=raw,
    )
    return b"".join(encode(batch))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/srv/logs/app.log"], ["app"]),
        (["/srv/logs/app.log", "/srv/logs/db.log"], ["app", "db"]),
        (["/srv/db/1.log", "/srv/web/1.log"], ["db/1", "web/1"]),
        (["/a/x/logs/app.log", "/b/x/logs/app.log"], ["a/app", "b/app"]),
        (["/a/x/app.log", "/a/y/app.log", "/b/x/app.log"], ["a/x/app", "a/y/app", "b/x/app"]),
        (["/logs/app.log", "/logs/old/app.log"], ["app", "old/app"]),
        (["/logs/app.log", "/logs/app.log.1", "/logs/app"], ["app.log", "app.log.1", "app"]),
        (["/logs/app.log", "/logs/app.txt"], ["app", "app.txt"]),
        (["/logs/.log", "-"], [".log", "-"]),
        (["/x/app.log", "/app.log", "/x/x/app.log"], ["x/app", "app", "x/x/app"]),
    ],
)
def test_names_are_as_short_as_they_can_be(paths: list[str], expected: list[str]) -> None:
    """A name has what tells its path from the others, and no more."""
    assert [short_names(paths)[path] for path in paths] == expected


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a.log", ".log"]), min_size=1, max_size=4)))
@settings(max_examples=300, deadline=None)
def test_names_differ_where_paths_do(parts: list[list[str]]) -> None:
    """No two paths share a name, whatever their order."""
    paths = ["/" + "/".join(part) for part in parts]
    names = short_names(paths)
    assert len(set(names.values())) == len(set(paths))
    assert names == short_names(reversed(paths))


def test_lines_stand_behind_aligned_labels() -> None:
    """Each line has its label; those that continue a record have an empty one."""
    part = make_part(
        [[Row(data=b"one\n"), Row(data=b"two\n  at\r\n\n")], [Row(data=b"three\r\n")]],
        files=files_at("/log/app.log", "/log/a.log"),
    )
    assert shown(make_ordered(part, order=[2, 1, 0])) == (
        b"a   | three\n"
        b"app | two\n"
        b"    |   at\n"
        b"    | \n"
        b"app | one\n"
    )  # fmt: skip


def test_labels_make_room_for_files_that_are_known() -> None:
    """A file that has brought nothing yet has its label, so that nothing moves when it does."""
    part = make_part([[Row(data=b"one\n")]], files=files_at("/log/a/x.log"))
    assert shown(make_ordered(part), paths=lambda: ["/log/b/x.log", "/log/longer.log"]) == (
        b"a/x    | one\n"
    )


def test_late_and_ahead_are_marked_at_the_first_line() -> None:
    """What stands out of its place in time has another rule."""
    part = make_part([[Row(data=b"one\ntwo\n")]], files=files_at("/log/a.log"))
    assert shown(make_ordered(part, kind=Kind.LATE)) == b"a < one\n  | two\n"
    assert shown(make_ordered(part, kind=Kind.AHEAD)) == b"a > one\n  | two\n"


def test_one_file_needs_no_label() -> None:
    """Without labels a line is its text; a missing line end is added."""
    rows = [Row(data=b"one\r\n"), Row(data=b"two", flags=Flag.UNFINISHED)]
    assert shown(make_ordered(make_part([rows])), paths=None) == b"one\ntwo\n"


def test_severities_color_every_line_of_a_record() -> None:
    """Warnings are yellow, errors red, what is fatal bold, what is below information faint."""
    rows = [Row(data=data) for data in (b"a\n", b"b\n", b"c\n", b"d\n", b"e\n\n", b"f\n")]
    levels = [0, 1, 9, 13, 17, 24]
    assert shown(make_ordered(make_part([rows])), paths=None, levels=levels) == (
        b"a\n"
        b"\x1b[2mb\x1b[0m\n"
        b"c\n"
        b"\x1b[33md\x1b[0m\n"
        b"\x1b[31me\x1b[0m\n\x1b[31m\x1b[0m\n"
        b"\x1b[1;31mf\x1b[0m\n"
    )


def test_what_was_looked_for_is_shown_in_reverse() -> None:
    """Each match is marked, in each line of a record, and the line's colour goes on behind it."""
    rows = [Row(data=b"a \x1bab\r\nb ab \xe9ab\n\n"), Row(data=b"x\n"), Row(data=b"\n")]
    assert shown(make_ordered(make_part([rows])), paths=None, levels=[17, 0, 0], marked="ab|b") == (
        b"\x1b[31ma \\x1" + b"\x1b[7mb\x1b[27m\x1b[7mab\x1b[27m\x1b[0m\n"
        b"\x1b[31m\x1b[7mb\x1b[27m \x1b[7mab\x1b[27m \xe9\x1b[7mab\x1b[27m\x1b[0m\n"
        b"\x1b[31m\x1b[0m\n"
        b"x\n"
        b"\n"
    )
    nothing = make_ordered(make_part([[Row(data=b"\n")]]))
    assert shown(nothing, paths=None, levels=[0], marked="ab") == b"\n"


def test_files_have_colors_of_their_own_for_as_long_as_they_are_shown() -> None:
    """Colours are taken in turn, and a file that comes later changes no other's."""
    known = ["/log/a.log", "/log/c.log"]
    encode = LabelledEncoder(
        lambda: known, widest=32, rule=RULE, severities=lambda batch: np.zeros(len(batch), np.int8)
    )
    seen = []
    for path in ("/log/a.log", "/log/b.log", "/log/c.log"):
        part = make_part([[Row(data=b"x\n")]], files=files_at(path))
        seen.append(b"".join(encode(make_ordered(part))))
    rest = b" \x1b[2m|\x1b[0m x\n"
    assert seen == [
        b"\x1b[36ma\x1b[0m" + rest,
        b"\x1b[35mb\x1b[0m" + rest,
        b"\x1b[32mc\x1b[0m" + rest,
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("a-very-long-name-of-a-file", "a-very…a-file"),
        ("囀囀囀囀囀囀囀囀", "囀囀囀…囀囀囀"),
        ("e\u0301tat", "e\u0301tat"),
        ("up\x1b[2J\u202eside", "up\ufffd[2J\ufffdside"),
        ("\udce9tat", "\ufffdtat"),
    ],
)
def test_labels_are_cut_in_the_middle_and_steer_nothing(name: str, label: str) -> None:
    """A label takes its columns and no more, and no character of it steers a terminal."""
    part = make_part([[Row(data=b"x\n")]], files=files_at(f"/log/{name}"))
    assert shown(make_ordered(part), widest=13) == f"{label} | x\n".encode()


def test_x04_controls_are_written_out_unless_let_through() -> None:
    """Escape sequences of a record are shown; ours stay."""
    batch = make_ordered(make_part([[Row(data=b"\x1b[2J\x07\n")]]))
    assert shown(batch, paths=None, levels=[17]) == b"\x1b[31m\\x1b[2J\\x07\x1b[0m\n"
    assert shown(batch, paths=None, raw=True) == b"\x1b[2J\x07\n"


def escaped(text: bytes) -> bytes:
    """Return a line as a terminal may have it, without its line end."""
    return escape_controls(text.removesuffix(b"\r"))


_line = st.one_of(
    st.sampled_from([b"", b"x", b"\x1b[31m", b"\x00\x00", b"\xff\xfe", b"\r", "囀é".encode()]),
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
)
_record = st.tuples(st.lists(_line, min_size=1, max_size=4), st.sampled_from([b"\n", b"\r\n"]))


@given(
    records=st.lists(st.tuples(_record, st.integers(0, 2), st.integers(0, 24)), max_size=30),
    names=st.permutations(["/x/a.log", "/x/b.log", "/y/a.log"]),
    marked=st.sampled_from([None, "x", "[^x]+", "x*", "$", "^"]),
    seed=st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_any_records_are_shown_line_by_line(
    records: list[tuple[tuple[list[bytes], bytes], int, int]],
    names: list[str],
    marked: str | None,
    seed: object,
) -> None:
    """Without its colours the output is, line by line, what a simple model makes."""
    labels = {"/x/a.log": "x/a", "/x/b.log": "b", "/y/a.log": "y/a"}
    regions: list[list[Row]] = [[], [], []]
    placed: list[list[tuple[list[bytes], int]]] = [[], [], []]
    for (lines, end), region, level in records:
        regions[region].append(Row(data=b"\n".join(lines) + end))
        placed[region].append(([*lines[:-1], lines[-1] + end[:-1]], level))
    rows = [(lines, level, n) for n, region in enumerate(placed) for lines, level in region]
    order = list(range(len(rows)))
    seed.shuffle(order)  # type: ignore[attr-defined]
    expected = []
    for lines, _, region in (rows[number] for number in order):
        for number, text in enumerate(lines):
            label = "" if number else labels[names[region]]
            expected.append(label.ljust(3).encode() + b" | " + escaped(text))
    batch = make_ordered(make_part(regions, files=files_at(*names)), order=order)
    levels = [rows[number][1] for number in order]
    got = shown(batch, paths=lambda: names, levels=levels, marked=marked)
    assert COLOR.sub(b"", got).split(b"\n") == [*expected, b""]

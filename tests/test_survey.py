"""What files hold, counted from batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP, Flag, OrderedBatch
from trio_ship.survey import Example, FileSurvey, Survey

ONE, TWO = (attrs.evolve(FILE, id=f"{number:016x}", path=f"/log/{number}") for number in (1, 2))


def no_severity(batch: OrderedBatch) -> npt.NDArray[np.int8]:
    """Return that nothing is known of any record."""
    return np.zeros(len(batch), np.int8)


def test_a_file_is_counted_with_its_examples() -> None:
    """Lines, stamps, multi-line records and odd lines of a file, over two batches."""
    rows = [
        Row(data=b"banner\n"),
        Row(data=b"10 INFO\n", stamp=10),
        Row(data=b"30 ERROR\n  at x\nCaused by: y\r\n\n", stamp=30),
    ]
    more = [
        Row(data=b"far\n", flags=Flag.IMPOSSIBLE),
        Row(data=b"50 INFO", stamp=50, flags=Flag.UNFINISHED),
    ]
    survey = Survey(lambda batch: np.array([0, 9, 17][: len(batch)], np.int8))
    survey.add(make_ordered(make_part([rows], files=[ONE])))
    survey.add(make_ordered(make_part([more], files=[ONE])))
    assert survey.of(ONE.id) == FileSurvey(
        bytes=7 + 8 + 31 + 4 + 7,
        lines=8,
        records=5,
        several=1,
        longest=4,
        stamped=3,
        impossible=1,
        joined=3,
        first_ns=10,
        last_ns=50,
        severities={0: 2, 9: 2, 17: 1},
        shapes=(Example(2, b"10 INFO"), Example(3, b"30 ERROR")),
        odd=(Example(1, b"banner"), Example(7, b"far")),
        loose=(Example(5, b"Caused by: y"),),
    )
    assert survey.of(ONE.id).sample == Example(2, b"10 INFO")
    assert survey.of(TWO.id) == FileSurvey()


def test_stamps_before_an_earlier_one_are_counted() -> None:
    """A record is unsorted if its own stamp is below its key, by their difference at most."""
    part = make_part([[Row(data=b"x\n", stamp=stamp) for stamp in (5, 3, NO_STAMP, 4, 9)]])
    survey = Survey(no_severity)
    survey.add(make_ordered(attrs.evolve(part, key=np.array([5, 5, 5, 5, 9]), files=(ONE,))))
    found = survey.of(ONE.id)
    assert (found.unsorted, found.behind_ns, found.stamped) == (2, 2, 4)
    assert (found.first_ns, found.last_ns) == (3, 9)


def test_bytes_of_no_text_are_counted() -> None:
    """NULs and the like are counted for their file; tabs, line ends and colours are text."""
    rows = [[Row(data=b"a\tb\x1b[31m\r\n"), Row(data=b"\x00\x01\n")], [Row(data=b"\x7fELF\x02\n")]]
    survey = Survey(no_severity)
    survey.add(make_ordered(make_part(rows, files=[ONE, TWO]), order=[2, 0, 1]))
    assert (survey.of(ONE.id).binary, survey.of(TWO.id).binary) == (2, 1)


def test_examples_do_not_look_alike() -> None:
    """Three lines are kept, each with a beginning of its own; what is blank is none."""
    texts = [b"same head one\n", b"same head two\n", b"  \n", b"b\n", b"c\n", b"d\n"]
    survey = Survey(no_severity)
    survey.add(make_ordered(make_part([[Row(data=text) for text in texts]], files=[ONE])))
    assert survey.of(ONE.id).odd == (
        Example(1, b"same head one"),
        Example(4, b"b"),
        Example(5, b"c"),
    )


def test_a_line_of_each_shape_is_kept() -> None:
    """Digits are alike, and so are letters; lines without a stamp are of no shape."""
    texts = [b"10:00 a\n", b"Nov 23 08:00\n", b"11:30 b\n", b'{"ts":1}\n', b"Dec 24 09:00\n"]
    rows = [Row(data=text, stamp=number) for number, text in enumerate(texts)]
    survey = Survey(no_severity)
    for some in (rows[:3], [Row(data=b"[x]\n"), *rows[3:]], rows):
        survey.add(make_ordered(make_part([some], files=[ONE])))
    assert survey.of(ONE.id).shapes == (
        Example(1, b"10:00 a"),
        Example(2, b"Nov 23 08:00"),
        Example(5, b'{"ts":1}'),
    )


_text = st.sampled_from([b"x", b"", b" y", b"\x00", b"z" * 500, "é".encode()])
_row = st.tuples(st.integers(0, 1), st.lists(_text, min_size=1, max_size=4), st.integers(-1, 60))


@given(rows=st.lists(_row, max_size=40), cut=st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_counts_are_those_of_a_simple_model(
    rows: Sequence[tuple[int, list[bytes], int]], cut: int
) -> None:
    """However records are spread over batches and files, sums, extremes and line numbers hold."""
    survey = Survey(no_severity)
    for piece in (rows[:cut], rows[cut:]):
        regions: list[list[Row]] = [[], []]
        for file, texts, stamp in piece:
            data = b"\n".join(texts) + b"\n"
            regions[file].append(Row(data=data, stamp=NO_STAMP if stamp < 0 else stamp))
        # The order of the rows in the batch is that of `piece`, file by file as they came.
        base = (0, len(regions[0]))
        seen: Counter[int] = Counter()
        order = []
        for file, _, _ in piece:
            order.append(base[file] + seen[file])
            seen[file] += 1
        survey.add(make_ordered(make_part(regions, files=[ONE, TWO]), order=order))
    for number, entry in enumerate((ONE, TWO)):
        mine = [(texts, stamp) for file, texts, stamp in rows if file == number]
        stamps = [stamp for _, stamp in mine if stamp >= 0]
        found = survey.of(entry.id)
        assert found.records == len(mine)
        assert found.lines == sum(len(texts) for texts, _ in mine)
        assert found.bytes == sum(len(text) + 1 for texts, _ in mine for text in texts)
        assert found.joined == found.lines - found.records
        assert found.several == sum(len(texts) > 1 for texts, _ in mine)
        assert found.longest == max((len(texts) for texts, _ in mine), default=0)
        assert found.stamped == len(stamps)
        assert (found.first_ns, found.last_ns) == (
            min(stamps, default=None),
            max(stamps, default=None),
        )
        assert found.binary == sum(texts.count(b"\x00") for texts, _ in mine)
        lines = [text for texts, _ in mine for text in texts]
        for example in (*found.odd, *found.loose, *([found.sample] if found.sample else [])):
            assert lines[example.number - 1][:400] == example.text

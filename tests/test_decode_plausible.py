"""Numbers of ten digits: moments, or counters and names of things."""

from __future__ import annotations

import numpy as np
import pytest
from stamp_helpers import DAY, SECOND, ns

from trio_ship.decode.ambiguous import Evidence
from trio_ship.decode.detect import detect
from trio_ship.decode.plausible import are_moments, only_count
from trio_ship.decode.stamps import AUTO

EIGHT = ns("2026-11-23T08:00:00")
LATER = EIGHT + 400 * DAY


def seconds(*steps: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return moments from eight o'clock on, by their distances in seconds."""
    return np.cumsum([EIGHT, *(step * SECOND for step in steps)])


@pytest.mark.parametrize(
    ("steps", "mtime_ns", "expected"),
    [
        ([1] * 6, LATER, True),  # too few to tell
        ([1, 0, 3, 60, 0, 2, 0, 1], LATER, True),
        ([1] * 9, LATER, True),
        ([-1, 2] * 9, EIGHT - 2000 * DAY, False),
        ([-1, 2] * 9, EIGHT - 20 * DAY, True),
        ([86_400, -86_400] * 9, LATER, True),  # a table that is not in order
        ([10**8, -(10**8)] * 9, LATER, False),
        ([10**8, -(10**8)] * 9, EIGHT, False),
        ([-1] * 40 + [-(10**8)] + [-1] * 40, LATER, True),  # the newest first, one stray
    ],
)
def test_moments_do_not_leap_about_nor_are_they_of_the_far_future(
    steps: list[int],
    mtime_ns: int | None,
    expected: bool,  # noqa: FBT001  (pytest gives it by name)
) -> None:
    """Numbers that do are none."""
    assert are_moments(seconds(*steps), mtime_ns) is expected


@pytest.mark.parametrize(
    ("steps", "mtime_ns", "expected"),
    [
        ([1] * 6, LATER, False),  # too few to tell
        ([1] * 9, EIGHT + DAY, False),
        ([1] * 9, None, False),
        ([1] * 9, LATER, True),
        ([0] * 9, LATER, True),
        ([60] * 9, LATER, False),
        ([1] * 9 + [2], LATER, False),
    ],
)
def test_counters_count_and_do_not_end_with_their_file(
    steps: list[int],
    mtime_ns: int | None,
    expected: bool,  # noqa: FBT001  (as above)
) -> None:
    """One a line, or all the same."""
    assert only_count(seconds(*steps), mtime_ns) is expected


@pytest.mark.parametrize(
    ("line", "step", "expected"),
    [
        ("{} rows imported\n", 0, "epoch@0"),
        ("{} order\n", 1, "epoch@0"),
        ("{} order\n", -(10**7), "epoch@0"),
        ("[{}] request\n", 7, "epoch@1"),
        ("{} 2026-11-20 08:00:00 order\n", 1, "iso8601@11,*/ "),
        ('{{"time":{}}}\n', 1, 'epoch@"time"'),
    ],
)
def test_a_number_that_counts_is_no_stamp_beside_a_date(
    line: str, step: int, expected: str | None
) -> None:
    """But where there is none, and in the member of an object that says so, it is."""
    first = EIGHT // SECOND
    text = "".join(line.format(first + step * number) for number in range(20)).encode()
    found = detect(text, evidence=Evidence(LATER, list))
    assert (found and found.spelling.removesuffix(AUTO)) == expected


def test_numbers_in_the_text_of_other_lines_do_not_hide_those_in_front() -> None:
    """A line that goes on with a record may name a thing by ten digits."""
    first = EIGHT // SECOND
    lines = (f"{first + 60 * number}.123 [7] ERROR: x\nKey (1577836800)\n" for number in range(20))
    found = detect("".join(lines).encode(), evidence=Evidence(EIGHT, list))
    assert found is not None
    assert found.spelling.removesuffix(AUTO) == "epoch@0/.3"


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"x","elapsed":"00:01:02"}\n',
        b"build finished, total time 00:01:02.5\n",
        b" 10%|#   | 10/100 [00:01<00:09, 9.87it/s]\n",
        b"Lap 1 1:23.456\n",
    ],
)
def test_how_long_something_took_is_no_time_of_day(line: bytes) -> None:
    """Not even where nearly every line says it."""
    assert detect(line * 20) is None
    found = detect(line.replace(b"\n", b" at 2026-11-23 08:00:00\n") * 20)
    assert found is not None
    assert found.spelling.startswith("iso8601@")

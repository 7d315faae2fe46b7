"""Lines that somebody made to cost more than they are worth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from process_helpers import stamped, write_config

from trio_ship.batch import NO_STAMP
from trio_ship.decode.stamps import StampDecoder, frame

NONE = np.full(1, NO_STAMP, np.int64)
MEGABYTE = 1 << 20
TEXTS = st.sampled_from([b"", b"x", b"\xef\xbb\xbf", b"2015-03-04T05:06:07Z a", b"a\x00\x00b"])


@given(st.lists(st.tuples(st.integers(0, 9), TEXTS), min_size=1, max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_r05_any_runs_of_nuls_hide_no_stamp(
    lines: list[tuple[int, bytes]],
    is_turned: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """However many lines begin with NULs, each has the stamp behind them, and no other."""
    arena, start, end = frame(b"".join(bytes(nuls) + text + b"\n" for nuls, text in lines))
    step = -1 if is_turned else 1
    begins = np.zeros(1, np.int64)
    decoder = StampDecoder("iso8601@0/TZ")
    found = decoder.decode(arena, start[::step].copy(), end[::step].copy(), begins, NONE)
    expected = [text.startswith(b"2015") for _, text in lines][::step]
    assert expected == (found != NO_STAMP).tolist()


def peak_of(folder: Path, *arguments: str) -> int:
    """Run the program to its end; return the most memory that it had, in bytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trio_ship", "run", "-q", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        env={**os.environ, "TZ": "UTC"},
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    assert (process.returncode, said) == (0, b"")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("filling", [b"\0", b"x"])
def test_r06_s13_a_line_larger_than_the_memory_passes_in_parts(
    tmp_path: Path, filling: bytes
) -> None:
    """An endless line or a hole is cut at `max_record_bytes`; memory and the rest stay."""
    config = write_config(tmp_path, follow=False, extra="max_buffer_bytes = 4194304")
    log = tmp_path / "logs" / "a.log"
    log.write_bytes(stamped(1, "one") + stamped(2, "two"))
    usual = peak_of(tmp_path, "-c", str(config))
    size = 128 * MEGABYTE
    with log.open("ab") as file:
        file.write(stamped(3, "three")[:-1])
        if filling == b"\0":
            file.truncate(file.tell() + size)
            file.seek(0, os.SEEK_END)
        else:
            for _ in range(size // MEGABYTE):
                file.write(filling * MEGABYTE)
        file.write(b"\n" + stamped(4, "four"))
    assert peak_of(tmp_path, "-c", str(config)) < usual + 64 * MEGABYTE
    output = tmp_path / "out.log"
    joined = 0
    with output.open("rb") as lines:
        for line in lines:
            assert len(line) <= MEGABYTE + 1
            joined += line.count(filling)
    assert joined >= size
    assert output.read_bytes().endswith(b"\n" + stamped(4, "four"))

"""A folder of logs as people have them merges with one command and no configuration.

Eight ways to write a stamp, two of the files compressed, one in UTF-16, one with
CRLF. The order was worked out by hand; the number behind "#" is its place.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from process_helpers import Ship

# 2026-11-23 was a Monday, and 08:00:00 UTC on it is 1795420800 in epoch seconds.
FILES = {
    "app.log": (
        "2026-11-23T08:00:00.250Z INFO #01 the first\n"
        "2026-11-23T09:00:03.500+01:00 WARN #12 an hour ahead of UTC\n"
        "  at a frame of a trace\n"
        "2026-11-23T08:00:06Z INFO #22 whole second\n"
    ),
    "access.log": (
        '10.0.0.1 - - [23/Nov/2026:08:00:01 +0000] "GET /#02 HTTP/1.1" 200 5\n'
        '10.0.0.1 - - [23/Nov/2026:03:00:04 -0500] "GET /#15 HTTP/1.1" 200 5\n'
    ),
    "hadoop.log": (
        "2026-11-23 08:00:01,250 INFO #03 comma\n"
        "2026-11-23 08:00:04,250 INFO #16 comma\n"
        "2026-11-23 08:00:05,999 INFO #21 comma\n"
    ),
    "error.log": (
        "[Mon Nov 23 08:00:01.500000 2026] [core:error] #04 apache\n"
        "[Mon Nov 23 08:00:04.500000 2026] [core:error] #17 apache\n"
    ),
    "syslog.log": (
        "Nov 23 08:00:02 host cron[1]: #05 no year\nNov 23 08:00:05 host cron[1]: #18 no year\n"
    ),
    "queue.log": "1795420802.250 #06 epoch\n1795420803.750 #13 epoch\n",
    "pino.log": (
        '{"level":30,"time":1795420802500,"msg":"#07 milliseconds"}\n'
        '{"level":30,"time":1795420805250,"msg":"#19 milliseconds"}\n'
    ),
    "spark.log": "26/11/23 08:00:03 INFO #09 short\n26/11/23 08:00:07 INFO #24 short\n",
    # Compressed, in UTF-16, with CRLF.
    "old.log.gz": "2026-11-23T08:00:02.750Z #08 gzip\n2026-11-23T08:00:05.500Z #20 gzip\n",
    "older.log.xz": "2026-11-23T08:00:03.250Z #10 xz\n2026-11-23T08:00:03.900Z #14 xz",
    "windows.log": "2026-11-23 08:00:03.400 #11 caf\u00e9\n2026-11-23 08:00:06.500 #23 \u4e2d\n",
    "iis.log": "2026-11-23 08:00:07.250 #25 return\r\n2026-11-23 08:00:08 #26 the last\r\n",
}
ORDER = [f"{number:02}" for number in range(1, 27)]


def test_a_mixed_folder_merges_in_order(tmp_path: Path) -> None:
    """`run *.log *.gz *.xz` gives one readable stream in UTF-8, in the order of time."""
    logs = tmp_path / "logs"
    logs.mkdir()
    changed = datetime(2026, 11, 23, 8, 0, 9, tzinfo=UTC).timestamp()
    for name, text in FILES.items():
        data = text.encode("utf-16" if name == "windows.log" else "utf-8")
        if name.endswith(".gz"):
            data = gzip.compress(data)
        if name.endswith(".xz"):
            data = lzma.compress(data)
        (logs / name).write_bytes(data)
        os.utime(logs / name, (changed, changed))
    names = sorted(f"logs/{name}" for name in FILES)
    ship = Ship(["run", *names], tmp_path, stdout=subprocess.PIPE)
    assert ship.process.stdout is not None
    written = ship.process.stdout.read().decode()
    assert ship.end() == 0
    lines = {
        line.partition("#")[2][:2]: line
        for text in FILES.values()
        for line in text.replace("\n  at", "\0").splitlines(keepends=True)
    }
    expected = [lines[number].replace("\0", "\n  at") for number in ORDER]
    expected[ORDER.index("14")] += "\n"
    assert written == "".join(expected)


def test_lines_without_a_year_before_those_with_one_have_stamps(tmp_path: Path) -> None:
    """The year of a file's first lines follows from the first one that says it."""
    path = tmp_path / "app.log"
    path.write_bytes(
        b"Dec 31 23:59:59 host a\nJan  1 00:00:01 host b\n" + b"2024-01-01T00:00:02Z c\n" * 3
    )
    ship = Ship(["merge", "--json", path], tmp_path, stdout=subprocess.PIPE, text=True)
    shown, _ = ship.process.communicate(timeout=60)
    stamps = [json.loads(line)["timestamp"][:19] for line in shown.splitlines()]
    assert stamps[:3] == ["2023-12-31T23:59:59", "2024-01-01T00:00:01", "2024-01-01T00:00:02"]

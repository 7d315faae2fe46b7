"""Traces, statements and objects as programs write them: which lines stay together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import attrs
import pytest
import trio.testing
from pipeline_helpers import OUTPUT, config, new_disk, run_once

EIGHT: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
JSON_SINK: Final = f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "json"\n'


@attrs.frozen
class Sample:
    """A log.

    Attributes:
        name: What it is.
        records: The records, without the line end of their last line.
        stamps: The seconds of each stamp after 08:00; None where there is none.
        source: What is configured; usually nothing.
    """

    name: str
    records: tuple[str, ...]
    stamps: tuple[float | None, ...]
    source: str = ""


SAMPLES: Final = (
    Sample(
        "a trace of Java, with its causes",
        (
            "2026-11-23 08:00:00,123 INFO  [main] c.e.Shop - started",
            (
                "2026-11-23 08:00:01,456 ERROR [worker-1] c.e.Shop - order 17 failed\n"
                "java.lang.IllegalStateException: no stock since 2026-11-22 10:00:00\n"
                "\tat com.example.Shop.pay(Shop.java:42) ~[shop.jar:1.2]\n"
                "\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
                "Caused by: java.net.SocketTimeoutException: Read timed out\n"
                "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)\n"
                "\t... 17 common frames omitted\n"
                "\tSuppressed: java.io.IOException: closed\n"
                "\t\tat com.example.Pool.close(Pool.java:7)"
            ),
            "2026-11-23 08:00:02,000 INFO  [main] c.e.Shop - stopped",
        ),
        (0.123, 1.456, 2.0),
    ),
    Sample(
        "a trace of Python, with empty lines",
        (
            (
                "2026-11-23 08:00:00,123 - shop - ERROR - order 17 failed\n"
                "Traceback (most recent call last):\n"
                '  File "/srv/shop.py", line 7, in pay\n'
                "    stock[item] -= 1\n"
                "    ~~~~~^^^^^^\n"
                "KeyError: 17\n"
                "\n"
                "During handling of the above exception, another exception occurred:\n"
                "\n"
                "Traceback (most recent call last):\n"
                '  File "/srv/shop.py", line 9, in <module>\n'
                "ValueError: invalid date: 2026-13-01"
            ),
            "2026-11-23 08:00:01,000 - shop - INFO - next",
        ),
        (0.123, 1.0),
    ),
    Sample(
        "a panic of Go",
        (
            (
                "2026/11/23 08:00:00 http: panic serving 10.0.0.1:5000: runtime error\n"
                "goroutine 18 [running]:\n"
                "net/http.(*conn).serve.func1()\n"
                "\t/usr/lib/go/src/net/http/server.go:1825 +0xbf"
            ),
            "2026/11/23 08:00:01 next",
        ),
        (0.0, 1.0),
    ),
    Sample(
        "an exception of Node.js, and one of .NET",
        (
            (
                "[2026-11-23T08:00:00.123Z] ERROR: Error: connect ECONNREFUSED\n"
                "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1300:16) {\n"
                "  errno: -111,\n"
                "}"
            ),
            (
                "[2026-11-23T08:00:01.000Z] ERROR: System.TimeoutException: late\n"
                "   at Shop.Pay() in /src/Shop.cs:line 17\n"
                "--- End of stack trace from previous location ---\n"
                "   at Shop.Run() in /src/Shop.cs:line 9"
            ),
        ),
        (0.123, 1.0),
    ),
    Sample(
        "statements of PostgreSQL",
        (
            (
                "2026-11-23 08:00:00.123 UTC [77] LOG:  duration: 7.1 ms  statement: SELECT id\n"
                "\tFROM customer\n"
                "\tWHERE since > '2026-01-01 00:00:00'"
            ),
            "2026-11-23 08:00:01.000 UTC [77] LOG:  checkpoint starting: time",
        ),
        (0.123, 1.0),
    ),
    Sample(
        "an object of JSON behind a line with a stamp",
        (
            (
                "2026-11-23T08:00:00.123Z INFO answer:\n"
                "{\n"
                '  "time": "2026-11-23T07:59:59Z",\n'
                '  "items": [\n'
                "    1\n"
                "  ]\n"
                "}"
            ),
            "2026-11-23T08:00:01.000Z INFO next",
        ),
        (0.123, 1.0),
    ),
    Sample(
        "objects of JSON over several lines",
        (
            '{\n  "level": "info",\n  "time": "2026-11-23T08:00:00.123Z"\n}',
            (
                '{\n  "level": "warn",\n  "tags": {\n    "a": 1\n  },\n'
                '  "time": "2026-11-23T08:00:01Z"\n}'
            ),
        ),
        (0.123, 1.0),
        """multiline = { start = '^\\{' }
        timestamp.pattern = '^  "time": "(?P<ts>[^"]+)"'""",
    ),
    Sample(
        "statements of SQL",
        (
            "-- 2026-11-23 08:00:00\nSELECT id\n  FROM customer;",
            "UPDATE stock\n   SET n = n - 1\n WHERE item = 3;",
        ),
        (0.0, None),
        "multiline = { end = ';\\s*$' }",
    ),
    Sample(
        "the log of slow queries of MySQL",
        (
            (
                "# Time: 2026-11-23T08:00:00.123456Z\n"
                "# User@Host: shop[shop] @ localhost []  Id:    17\n"
                "# Query_time: 7.000123  Lock_time: 0.000002 Rows_sent: 1  Rows_examined: 9\n"
                "SET timestamp=1795420793;\n"
                "SELECT id\n"
                "  FROM customer;"
            ),
            "# Time: 2026-11-23T08:00:01.000000Z\n# User@Host: x[x] @ localhost []\nSELECT 1;",
        ),
        (0.123456, 1.0),
        "multiline = { start = '^# Time: ' }",
    ),
    Sample(
        "traces without stamps",
        (
            (
                "java.lang.IllegalStateException: one\n"
                "\tat com.example.Shop.pay(Shop.java:42)\n"
                "Caused by: java.io.IOException: two\n"
                "\t... 3 more"
            ),
            "java.lang.Error: three\n\tat com.example.Shop.run(Shop.java:17)",
        ),
        (None, None),
        "multiline = { continue = '^(\\s|Caused by:)' }",
    ),
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
async def test_lines_of_a_record_stay_together(
    sample: Sample, line_end: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Each record comes out whole, with the stamp of the first of its lines that has one."""
    text = "".join(record + "\n" for record in sample.records).replace("\n", line_end)
    disk = new_disk()
    disk.write("/logs/0.log", text.encode())
    source = f"{sample.source}\ntimestamp.timezone = 'UTC'"
    await run_once(disk, config(follow=False, source=source, sinks=JSON_SINK))
    found = [json.loads(row) for row in disk.read(OUTPUT).decode().splitlines()]
    assert [row["message"].replace("\r\n", "\n") for row in found] == list(sample.records)
    seconds = [
        row["timestamp"] and (datetime.fromisoformat(row["timestamp"]) - EIGHT).total_seconds()
        for row in found
    ]
    assert seconds == list(sample.stamps)

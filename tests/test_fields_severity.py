"""How serious records are, as programs write it; every expectation was written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
from encode_helpers import Row, make_ordered, make_part
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch.parsed import Severity
from trio_ship.fields.severity import (
    WINDOW,
    batch_severities,
    named_severity,
    severities,
)

SAMPLES = {
    Severity.FATAL: [
        "<0>kernel: out of memory",
        "<10>Nov 23 08:00:00 host app: no way on",
        "F1123 08:00:00.123456   12 main.go:7] no way on",
        "2026-11-23 08:00:00 UTC [12] PANIC:  could not locate a valid checkpoint record",
        "2026-11-23 08:00:00 UTC [12] FATAL:  role does not exist",
        "2026/11/23 08:00:00 [emerg] 1#1: bind() failed",
        "2026-11-23 08:00:00,123 CRITICAL root: no way on",
        "[08:00:00 FTL] no way on",
        '{"level":60,"time":1795420800000,"msg":"no way on"}',
        '{"levelno": 50, "msg": "no way on"}',
        '{"severity":"EMERGENCY","message":"no way on"}',
        '{"level":550,"message":"no way on"}',
        "crit: Shop.Orders[0]",
    ],
    Severity.ERROR: [
        "<3>app: cannot open",
        "<11>1 2026-11-23T08:00:00Z host app 12 - - INFO the priority counts",
        "E1123 08:00:00.123456   12 main.go:7] cannot open",
        "E20261123 08:00:00.123456 12 main.cc:7] cannot open",
        "[Sun Dec 04 04:47:44 2005] [error] mod_jk child in error state 6",
        "[Mon Nov 23 08:00:00.123456 2026] [core:error] [pid 12] AH00126: Invalid URI",
        "2026-11-23 08:00:00,123 - ERROR - cannot open",
        "2026-11-23 08:00:00-ERROR-cannot open",
        "[2026-11-23 08:00:00] production.ERROR: cannot open",
        "Nov 23, 2026 8:00:00 AM com.shop.Orders open\nSEVERE: cannot open",
        "Nov 23 08:00:00 host sshd[12]: error: Could not load host key",
        "E, [2026-11-23T08:00:00.123456 #12] ERROR -- : cannot open",
        "11-23 08:00:00.123  1702  2395 E ActivityManager: cannot open",
        "E/ActivityManager( 1702): cannot open",
        "2026-11-23T08:00:00.123+0000 E STORAGE  [conn1] cannot open",
        "t=2026-11-23T08:00:00+0000 lvl=eror msg=open",
        'time="2026-11-23T08:00:00Z" level=error msg="cannot open"',
        '{"time":"2026-11-23T08:00:00Z","level":"ERROR","msg":"INFO"}',
        '{"@timestamp":"2026-11-23T08:00:00Z","log.level":"error"}',
        '{"log":{"level":"error"},"message":"cannot open"}',
        '{"t":{"$date":"2026-11-23T08:00:00Z"},"s":"E","c":"STORAGE","msg":"cannot open"}',
        '{ "PRIORITY" : "3", "MESSAGE" : "cannot open" }',
        '{"level":50,"msg":"cannot open"}',
        '{"level":3,"version":"1.1","short_message":"cannot open"}',
        '{"severity_number":18}',
        '{"log":"2026-11-23 08:00:00 ERROR cannot open\\n","stream":"stdout"}',
        '{"log":"{\\"level\\":\\"error\\"}\\n","stream":"stdout"}',
        "2026-11-23T08:00:00Z stdout F level=error cannot open",
        'Nov 23 08:00:00 host app {"msg": "cannot open", "level": "error"}',
        "Nov 23 08:00:00: %LINK-3-UPDOWN: Interface changed state to down",
        "fail: Shop.Orders[0]",
        "2026-11-23T08:00:00.123Z\terror\tshop/main.go:7\tcannot open",
        "[08:00:00] [Server thread/ERROR]: cannot open",
        "[2026-11-23 08:00:00.123][12][error][main] [source/server.cc:1] cannot open",
    ],
    Severity.WARN: [
        "W1123 08:00:00.123456   12 main.go:7] nearly full",
        "17/06/09 20:10:40 WARN executor.Executor: nearly full",
        "2015-07-29 19:04:29,071 - WARN  [SendWorker:188978561024] - nearly full",
        "[W] nearly full",
        "[2026-11-23 08:00:00,123: WARNING/ForkPoolWorker-1] nearly full",
        "2026-11-23 08:00:00.123456 W | etcdserver: nearly full",
        "12:M 23 Nov 2026 08:00:00.123 # nearly full",
        "2026-11-23T08:00:00.123456Z 12 [Warning] nearly full",
        "[1234:5678:1123/080000.123456:WARNING:disk.cc(12)] nearly full",
        "%ASA-4-106023: Deny tcp",
        '{"level":"warn"}',
        '{"level":"warning","msg":"x"}',
        '{"level":40}',
        '{"level":300,"level_name":"WARNING"}',
        '{"SeverityText":"WARN"}',
    ],
    Severity.NOTICE: [
        "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok",
        "12:M 23 Nov 2026 08:00:00.123 * Ready to accept connections",
        "<29>Nov 23 08:00:00 host app: ready",
        '{"PRIORITY":"5"}',
        '{"level":250}',
    ],
    Severity.INFO: [
        "<14>1 2026-11-23T08:00:00Z host app 12 - - ERROR is only said",
        "I1123 08:00:00.123456   12 main.go:7] ready",
        "Nov 23 08:00:00 node1 kubelet[812]: I1123 08:00:00.123456   812 server.go:7] ready",
        "web-1  | I1123 08:00:00.123456   12 main.go:7] ready",
        "[pod/api/web] I1123 08:00:00.123456   12 main.go:7] ready",
        "2026-11-23T08:00:00.5Z I1123 08:00:00.123456   12 main.go:7] ready",
        "I231123 08:00:00.123456 12 server.go:7] ready",
        "2015-10-18 18:01:47,978 INFO [main] org.apache.Main: ready",
        "081109 203615 148 INFO dfs.DataNode$PacketResponder: 1 for block",
        "INFO:     Started server process",
        "info: Microsoft.Hosting.Lifetime[0]",
        "[INFO] agent: ready",
        "[INFO/MainProcess] ready",
        "8:00AM INF ready",
        "2016-09-28 04:30:30, Info                  CBS    Loaded",
        "2026-11-23 08:00:00 UTC [12] LOG:  checkpoint starting",
        '{"level":"info","msg":"no error: \\"level\\":\\"error\\""}',
        '{"level":30}',
        '{"levelno":20}',
        '{"Level":"Information"}',
        '{"level":"INFO+2"}',
        '{"level":"none","severity":"info"}',
    ],
    Severity.DEBUG: [
        "2026-11-23 08:00:00.123 [main] DEBUG c.s.Orders - open",
        "[08:00:00 DBG] open",
        "FINE: open",
        "23-Nov-2026 08:00:00.123 FINE [main] org.apache.catalina open",
        "<15>Nov 23 08:00:00 host app: open",
        '{"s":"D2","c":"STORAGE"}',
        '{"level":20}',
        '{"level":"debug"}',
    ],
    Severity.TRACE: [
        "2026-11-23T08:00:00Z TRACE open",
        "trce: Shop.Orders[0]",
        "V1123 08:00:00.123456   12 main.go:7] open",
        '{"level":10}',
        '{"level":"trace"}',
    ],
    Severity.UNKNOWN: [
        "",
        "\n",
        "{",
        "<999>no priority",
        '10.0.0.1 - - [23/Nov/2026:08:00:00 +0000] "GET /?level=ERROR HTTP/1.1" 500 7',
        '10.0.0.1 - - [23/Nov/2026:08:00:00 +0000] "GET /x/ERROR HTTP/1.1" 404 7',
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0",
        "[10.30 16:49:06] chrome.exe - proxy.example:5070 open through proxy",
        "the error was found, the warning not",
        "[pid 7] reads /var/log/ERROR/a.log and\tno error\tthere",
        "INFORMAL talk of TERRORS and of DEBUGGERS",
        '{"msg":"ERROR","error":null,"status":500}',
        '{"priority":"high"}',
        '{"levelno":0}',
        '{"PRIORITY":"17"}',
        "battery level=5",
        "x" * WINDOW + " ERROR",
    ],
}
LINES = [(level, line) for level, lines in SAMPLES.items() for line in lines]


def _severities(lines: list[bytes]) -> list[int]:
    batch = make_ordered(make_part([[Row(data=line) for line in lines]]))
    return [int(found) for found in batch_severities(batch)]


@pytest.mark.parametrize(("level", "line"), LINES)
def test_what_programs_write_is_understood(level: Severity, line: str) -> None:
    """Each sample has the severity that a reader would give it."""
    assert [Severity(found) for found in _severities([line.encode()])] == [level]


@given(st.lists(st.sampled_from(LINES)), st.integers(1, 3))
def test_a_severity_depends_on_its_record_alone(
    lines: list[tuple[Severity, str]], parts: int
) -> None:
    """However records are spread over batches and ordered, each keeps its severity."""
    rows = [Row(data=line.encode() + b"\n") for _, line in lines]
    batch = make_ordered(*(make_part([rows[part::parts]]) for part in range(parts)))
    expected = [level for part in range(parts) for level, _ in lines[part::parts]]
    assert [Severity(found) for found in batch_severities(batch)] == expected


_COLUMNS = st.builds(
    lambda lead, word, rest: (lead + word + rest).encode(),
    st.sampled_from(["08:00:00 ", "08:00:0 5 ", "<", "x=y", "error ", "level", "%A-1", "I/", "{"]),
    st.sampled_from(["", " INFO ", " WARN", "[INFO/x]", '"level":"info",', "[error]", " a: ", "I"]),
    st.text("Ix%-1:=[] ", max_size=4) | st.sampled_from([" WARN ", "-2-B:", "ING ", "]", " E x"]),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        _COLUMNS | st.sampled_from([line.encode() for _, line in LINES]), min_size=1, max_size=6
    )
)
def test_severities_of_many_are_those_of_each(lines: list[bytes]) -> None:
    """What stands in the same column in many records is not taken for what it is not."""
    one = make_ordered(make_part([[Row(data=line) for line in lines]]))
    count = 6000 // len(lines)
    many = make_ordered(make_part([[Row(data=line) for line in lines * count]]))
    assert batch_severities(many).tolist() == batch_severities(one).tolist() * count


def test_long_objects_are_searched_to_their_end() -> None:
    """A field of an object counts however far behind it stands, over more than one slice."""
    line = b'{"text":"%s","level":"error"}\n' % (b"ERROR " * 200_000)
    assert _severities([line, b"INFO short\n", line]) == [17, 9, 17]


def test_no_records_have_no_severities() -> None:
    """An empty batch gives an empty column of int8."""
    empty = np.zeros(0, np.int64)
    found = severities([], np.zeros(0, np.int32), empty, empty)
    assert (found.dtype.name, len(found)) == ("int8", 0)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_have_a_severity_or_none(lines: list[bytes]) -> None:
    """Whatever a record holds, its severity is one of the scale."""
    assert set(_severities(lines)) <= {level.value for level in Severity}


@pytest.mark.parametrize(
    ("word", "level"),
    [("warn", 13), ("WARNING", 13), ("Err", 17), ("fatal", 21), ("loud", 0), ("", 0)],
)
def test_severities_have_names(word: str, level: int) -> None:
    """A word means its level in any case; others mean none."""
    assert named_severity(word) == level


def test_labels_are_those_of_the_scale() -> None:
    """The labels, from the least to the most serious."""
    labels = ["unknown", "trace", "debug", "info", "notice", "warn", "error", "fatal"]
    assert [level.label for level in Severity] == labels

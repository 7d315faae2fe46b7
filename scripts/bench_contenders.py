# ruff: noqa: INP001 - a helper beside a script, not a package
"""The programs that `scripts/bench` compares, each set up for its best case.

Shippers follow files, keep their positions and write the lines as they are to one
file. Whoever is not on the PATH is left out. A new one is a function that makes a
`Program`, and a row in the table.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from bench_measure import Program

__all__ = ["CONTENDERS", "OURS", "Contender", "Order", "installed", "ship"]

OURS: Final = "trio-ship"
_HEAPQ: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench_heapq.py")
_SHIP: Final = """\
[pipeline]
follow = {follow}
{pipeline}

[pipeline.checkpoint]
interval_seconds = {interval}

[sources.logs]
type = "file"
paths = {paths}

[sinks.merged]
type = "file"
path = "merged.log"
encoding = "{encoding}"
"""
_RSYSLOG: Final = """\
global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off")
module(load="imfile" mode="inotify")
template(name="line" type="list") {{ property(name="msg") constant(value="\\n") }}
ruleset(name="copy" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096") {{
  action(type="omfile" file="{folder}/out.log" template="line" ioBufferSize="1m")
}}
"""
_RSYSLOG_INPUT: Final = (
    'input(type="imfile" file="{path}" tag="x" ruleset="copy" persistStateInterval="20000")\n'
)
_SYSLOG_NG: Final = """\
@version: 3.35
options {{ log-msg-size(65536); use-dns(no); dns-cache(no); keep-hostname(yes); threaded(yes); }};
source s {{
{inputs}}};
destination d {{
  file("{folder}/out.log" template("${{MESSAGE}}\\n") log-fifo-size(2000000) flush-lines(10000));
}};
log {{ source(s); destination(d); flags(flow-control); }};
"""
_SYSLOG_NG_INPUT: Final = (
    '  file("{path}" follow-freq(0.1) flags(no-parse) log-fetch-limit(10000) '
    "log-iw-size(100000));\n"
)
_FLUENT_BIT: Final = """\
[SERVICE]
    flush 0.2
    log_level error
[INPUT]
    name tail
    path {paths}
    read_from_head on
    db {folder}/tail.db
    buffer_chunk_size 1M
    buffer_max_size 8M
[OUTPUT]
    name file
    match *
    path {folder}
    file out.log
    format template
    template {{log}}
"""


class Order(Enum):
    """In what order a program puts the lines."""

    EXACT = "exact"  # by stamp, then by file, then as they stand there
    STAMPS = "stamps"  # by stamp
    NONE = "none"


@dataclass(frozen=True)
class Contender:
    """A program beside trio-ship.

    Attributes:
        name: What the table calls it.
        program: What has to be on the PATH; several names for the same are tried in turn.
        make: Returns the command for some files and an empty folder.
        order: In what order it puts the lines.
        is_shipper: Whether it follows files and keeps its positions.
    """

    name: str
    program: Sequence[str]
    make: Callable[[Sequence[str], str], Program]
    order: Order = Order.NONE
    is_shipper: bool = False


def installed(contender: Contender) -> bool:
    """Tell whether a program is there."""
    return any(shutil.which(program) for program in contender.program)


def ship(
    paths: Sequence[str],
    folder: str,
    *,
    encoding: str = "raw",
    interval: float = 5.0,
    follow: bool = False,
    pipeline: str = "",
) -> Program:
    """Return trio-ship with its checkpoint on, nothing done yet, and a file as output.

    Args:
        paths: What it reads; patterns too.
        folder: An empty folder for configuration, checkpoint and output.
        encoding: That of the output.
        interval: Seconds between two checkpoints.
        follow: Whether it goes on when all is read.
        pipeline: More settings of the pipeline, in TOML.
    """
    text = _SHIP.format(
        follow=str(follow).lower(),
        pipeline=pipeline,
        interval=interval,
        paths=json.dumps(list(paths)),
        encoding=encoding,
    )
    command = [
        sys.executable,
        "-m",
        "trio_ship",
        "run",
        "-q",
        "-c",
        _written(folder, "ship.toml", text),
    ]
    output = os.path.join(folder, "merged.log")
    return Program(name=OURS, command=command, output=output, follows=follow)


def _written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _to_stdout(
    name: str, command: Sequence[str], paths: Sequence[str], folder: str, *, follows: bool = False
) -> Program:
    return Program(
        name=name,
        command=[*command, *paths],
        output=os.path.join(folder, "out.log"),
        to_stdout=True,
        follows=follows,
        environment={"LC_ALL": "C", "TERM": "dumb", "HOME": folder},
    )


def _shipper(name: str, folder: str, *command: str) -> Program:
    return Program(name=name, command=command, output=os.path.join(folder, "out.log"), follows=True)


def _rsyslog(paths: Sequence[str], folder: str) -> Program:
    inputs = "".join(_RSYSLOG_INPUT.format(path=path) for path in paths)
    config = _written(folder, "rsyslog.conf", _RSYSLOG.format(folder=folder) + inputs)
    pid = os.path.join(folder, "pid")
    return _shipper("rsyslogd", folder, "rsyslogd", "-n", "-f", config, "-i", pid)


def _syslog_ng(paths: Sequence[str], folder: str) -> Program:
    inputs = "".join(_SYSLOG_NG_INPUT.format(path=path) for path in paths)
    config = _written(folder, "syslog-ng.conf", _SYSLOG_NG.format(folder=folder, inputs=inputs))
    places = (("-R", "state"), ("-c", "ctl"), ("-p", "pid"))
    state = [part for flag, name in places for part in (flag, os.path.join(folder, name))]
    return _shipper("syslog-ng", folder, "syslog-ng", "-F", "--no-caps", "-f", config, *state)


def _fluent_bit(paths: Sequence[str], folder: str) -> Program:
    text = _FLUENT_BIT.format(paths=",".join(paths), folder=folder)
    config = _written(folder, "fluent-bit.conf", text)
    return _shipper("fluent-bit", folder, "fluent-bit", "-q", "-c", config)


def _vector(paths: Sequence[str], folder: str) -> Program:
    config = {
        "data_dir": folder,
        "sources": {
            "logs": {"type": "file", "include": list(paths), "read_from": "beginning"},
        },
        "sinks": {
            "out": {
                "type": "file",
                "inputs": ["logs"],
                "path": os.path.join(folder, "out.log"),
                "encoding": {"codec": "text"},
            },
        },
    }
    path = _written(folder, "vector.json", json.dumps(config))
    return _shipper("vector", folder, "vector", "-qq", "--config", path)


def _otelcol(paths: Sequence[str], folder: str) -> Program:
    config = {
        "extensions": {"file_storage": {"directory": folder}, "text_encoding": {}},
        "receivers": {
            "filelog": {
                "include": list(paths),
                "start_at": "beginning",
                "storage": "file_storage",
                "include_file_name": False,
            },
        },
        "exporters": {
            "file": {"path": os.path.join(folder, "out.log"), "encoding": "text_encoding"},
        },
        "service": {
            "extensions": ["file_storage", "text_encoding"],
            "pipelines": {"logs": {"receivers": ["filelog"], "exporters": ["file"]}},
            "telemetry": {"logs": {"level": "error"}, "metrics": {"level": "none"}},
        },
    }
    program = shutil.which("otelcol-contrib") or "otelcol"
    # JSON is YAML.
    path = _written(folder, "otelcol.yaml", json.dumps(config))
    return _shipper("otelcol", folder, program, "--config", path)


def _copies(name: str, command: Sequence[str], *, follows: bool = False) -> Contender:
    return Contender(name, command[:1], partial(_to_stdout, name, command, follows=follows))


def _merges(name: str, command: Sequence[str], order: Order) -> Contender:
    return Contender(name, command[:1], partial(_to_stdout, name, command), order)


CONTENDERS: Final = (
    Contender(OURS, [sys.executable], ship, Order.EXACT),
    _copies("cat", ["cat"]),
    _copies("tail -n +1", ["tail", "-q", "-n", "+1"]),
    _copies("tail -F", ["tail", "-q", "-n", "+1", "-F"], follows=True),
    _merges("sort -m", ["sort", "-m", "-s", "-k1,1", "--batch-size=1021"], Order.EXACT),
    _merges("heapq.merge", [sys.executable, _HEAPQ], Order.EXACT),
    _merges("lnav", ["lnav", "-n"], Order.STAMPS),
    Contender("rsyslogd", ["rsyslogd"], _rsyslog, is_shipper=True),
    Contender("syslog-ng", ["syslog-ng"], _syslog_ng, is_shipper=True),
    Contender("fluent-bit", ["fluent-bit"], _fluent_bit, is_shipper=True),
    Contender("vector", ["vector"], _vector, is_shipper=True),
    Contender("otelcol", ["otelcol-contrib", "otelcol"], _otelcol, is_shipper=True),
)
"""All programs, trio-ship first."""

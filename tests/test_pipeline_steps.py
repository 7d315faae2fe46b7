"""Steps and inputs through whole pipelines: exact after any death, and counted."""

from __future__ import annotations

import contextlib
import json

import pytest
import trio.testing
from memory_disk import Death, MemoryDisk
from pipeline_helpers import (
    BOOT,
    SlowDisk,
    config,
    line,
    never_shrinks,
    new_disk,
    run_once,
    stamp,
    survive,
)

from trio_ship.cli.progress import summary

SOURCES = """
parse = { regex = '(?P<level>[A-Z]+) (?P<app>[a-z]+) (?P<number>[0-9]+)' }
[sources.web]
type = "file"
paths = ["/web/*.log"]
parse = "cri"
[[steps]]
type = "filter"
action = "drop"
when = { match = "noise" }
"""
SINKS = """
[sinks.warnings]
type = "file"
path = "/out/warnings.log"
when = { min_severity = "warn" }
[sinks.web]
type = "file"
path = "/out/web.json"
encoding = "json"
inputs = ["w*"]
[[sinks.web.steps]]
type = "redact"
patterns = ["ipv4"]
[sinks.text]
type = "file"
path = "/out/all.txt"
encoding = "text"
[sinks.fields]
type = "file"
path = "/out/fields.json"
encoding = "json"
inputs = ["app"]
when = { field = { level = { match = "^[IWE]" } } }
steps = [
    { type = "rename", fields = { number = "n" } },
    { type = "remove", fields = ["ap*"] },
    { type = "add", fields = { env = "test" } },
]
[sinks.nothing]
type = "file"
path = "/out/nothing.log"
when = { match = "never written" }
"""
OUTPUTS = (
    "/out/warnings.log",
    "/out/web.json",
    "/out/nothing.log",
    "/out/all.txt",
    "/out/fields.json",
)
SETTINGS = config(
    follow=False,
    pipeline="max_buffer_bytes = 65536",
    interval=0.003,
    source=SOURCES,
    sinks=SINKS,
)
LEVELS = ("INFO", "WARN", "DEBUG", "ERROR", "INFO noise")


def _lines(name: str) -> list[tuple[float, str]]:
    return [
        (number / 4, f"{LEVELS[number % 5]} {name} {number} from 10.0.{number}.1 {'x' * 150}")
        for number in range(150)
    ]


def _disk() -> MemoryDisk:
    disk = new_disk(SlowDisk())
    disk.mkdir("/web")
    disk.write("/logs/app.log", b"".join(line(*one) for one in _lines("app")))
    pods = [(at, f"stdout F {text}") for at, text in _lines("web")]
    disk.write("/web/web.log", b"".join(line(*one) for one in pods))
    return disk


def _outputs(disk: MemoryDisk) -> list[bytes]:
    return [disk.read(path) for path in OUTPUTS]


async def test_what_is_left_out_is_taken_and_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each sink has what its steps leave; the summary counts the rest; nothing comes again."""
    disk = _disk()
    pipeline = await run_once(disk, SETTINGS)
    warnings, web, nothing, readable, fields = _outputs(disk)
    both = sorted(
        (at, name, "stdout F " * (name == "web"), text)
        for name in ("app", "web")
        for at, text in _lines(name)
    )
    serious = [
        line(at, prefix + text)
        for at, _, prefix, text in both
        if text.startswith(("WARN", "ERROR"))
    ]
    assert warnings == b"".join(serious)
    # The stamp of a line, and for the pods what the runtime put in front, is in the record.
    shown = [
        f"{stamp(at)} {name} {f'{stamp(at)} {text}' if name == 'app' else text}"
        for at, name, _, text in both
        if "noise" not in text
    ]
    assert readable.decode().splitlines() == shown
    found = [json.loads(one) for one in fields.splitlines()]
    words = [text.split() for _, text in _lines("app")]
    levels = [one for one in words if one[1] != "noise" and one[0] != "DEBUG"]
    assert [one["fields"] for one in found] == [
        {"level": one[0], "n": int(one[2]), "env": "test"} for one in levels
    ]
    assert [one["severity"].upper() for one in found] == [one[0] for one in levels]
    assert web.count(b"\n") == web.count(b"from [ipv4] x") == web.count(b'"source":"web"') == 120
    assert nothing == b""
    assert summary(pipeline, 1.0)[1:] == [
        "all sinks: 60 left out by steps[0]",
        (
            "sinks.fields: 120 left out by sinks.fields.inputs, "
            "30 left out by sinks.fields.when, 90 removed by sinks.fields.steps[1] ap*"
        ),
        "sinks.nothing: 240 left out by sinks.nothing.when",
        "sinks.warnings: 120 left out by sinks.warnings.when",
        ("sinks.web: 120 left out by sinks.web.inputs, 120 redacted by sinks.web.steps[0] ipv4"),
    ]
    again = await run_once(disk, SETTINGS)
    assert again.statistics.records == 0
    assert _outputs(disk) == [warnings, web, nothing, readable, fields]


@pytest.mark.parametrize("is_power_loss", [False, True])
async def test_death_at_every_disk_call(
    autojump_clock: trio.testing.MockClock, *, is_power_loss: bool
) -> None:
    """Wherever a run dies, and whether journals are believed, the outputs end as if undisturbed."""
    disk = _disk()
    await run_once(disk, SETTINGS)
    expected, calls = _outputs(disk), len(disk.calls)
    for call in range(int(is_power_loss), calls, 11):
        disk = _disk()
        check = never_shrinks(disk, *OUTPUTS)
        if is_power_loss:
            disk.die_after(call, call % 90)
            # With several sinks the number of calls differs a little from run to run.
            with contextlib.suppress(Death):
                await run_once(disk, SETTINGS)
            disk.restart()
            disk.write(BOOT, b"another boot\n")
        await survive(disk, SETTINGS, [(call, call % 90)])
        assert _outputs(disk) == expected, call
        check()

#!/usr/bin/env python3
"""What `scripts/demo` shows, and the check at its end; status 1 if that fails.

Five services write logs into a temporary folder. trio-ship follows them into two
outputs while they are written and rotated, and is killed with SIGKILL several
times. Then every record is looked for in both outputs: once, whole, in its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Final, NoReturn

from sample_logs import SERVICES, Record, make_record, write_samples

__all__ = ["Verdict", "Writer", "judge"]

_SHIP: Final = os.path.join(os.path.dirname(sys.executable), "trio-ship")
_SAMPLES: Final = 4000
_KILLS: Final = 5
_PATIENCE_SECONDS: Final = 15.0
_WIDTH: Final = 88
_CONFIG: Final = """\
[sources.shop]
type = "file"
paths = ["logs/app.log"]

[sources.web]
type = "file"
paths = ["logs/access.log"]

[sources.storage]
type = "file"
paths = ["logs/namenode.log", "logs/queue.log"]

[sources.system]
type = "file"
paths = ["logs/syslog.log"]
timestamp.timezone = "UTC"

[sinks.text]
type = "file"
path = "merged.log"

[sinks.objects]
type = "file"
path = "merged.jsonl"
encoding = "json"
"""


class Writer(threading.Thread):
    """Writes what the services say, and rotates their logs, until told to stop.

    Args:
        folder: Where the logs are.
        records: What stands in them already; what is written is added.
        seed: What chance begins with.
    """

    def __init__(self, folder: str, records: list[Record], *, seed: int) -> None:
        super().__init__(daemon=True)
        self.records = records
        self.rotations = 0
        self._folder = folder
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._silence = threading.Event()

    def run(self) -> None:
        """Write some hundred records a second; rotate a log every second or so."""
        logs = {service.file: self._open(service.file) for service in SERVICES}
        try:
            while not self._silence.wait(0.02):
                for _ in range(self._chance.randrange(12)):
                    record = make_record(len(self.records), datetime.now(UTC), self._chance)
                    self._write(logs[record.service.file], record.text.encode())
                    self.records.append(record)
                if self._chance.random() < 0.02:  # noqa: PLR2004 - every second or so
                    name = self._chance.choice(SERVICES).file
                    os.close(logs[name])
                    self._rotate(os.path.join(self._folder, name))
                    logs[name] = self._open(name)
        finally:
            for log in logs.values():
                os.close(log)

    def stop(self) -> None:
        """Write no more; return when that is so."""
        self._silence.set()
        self.join()

    def _open(self, name: str) -> int:
        path = os.path.join(self._folder, name)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def _write(self, log: int, text: bytes) -> None:
        half = self._chance.randrange(len(text)) if self._chance.random() < 0.1 else 0  # noqa: PLR2004 - one in ten comes in two pieces
        if half:
            os.write(log, text[:half])
            time.sleep(0.005)
        os.write(log, text[half:])

    def _rotate(self, path: str) -> None:
        generation = 1
        while os.path.exists(f"{path}.{generation}"):
            generation += 1
        for number in range(generation, 1, -1):
            os.rename(f"{path}.{number - 1}", f"{path}.{number}")
        os.rename(path, f"{path}.1")
        self.rotations += 1


@dataclass(frozen=True)
class Verdict:
    """How an output differs from what was written; all zero if it does not.

    Attributes:
        missing: Records that are not in it.
        doubled: Records that are in it more than once, counted without the first.
        torn: Pieces that are no whole record.
        astray: Records that stand before an earlier one of the same log.
        untimely: Records that stand behind a later one, without being marked late.
    """

    missing: int
    doubled: int
    torn: int
    astray: int
    untimely: int

    @property
    def is_good(self) -> bool:
        """Whether every record is there once, whole, and in its place."""
        return self == Verdict(0, 0, 0, 0, 0)


def judge(records: list[Record], output: list[str], late: frozenset[int] = frozenset()) -> Verdict:
    """Compare what came out with what was written.

    Args:
        records: What was written; the number of each is its index.
        output: The records that came out, each with the newline at its end.
        late: Numbers of records that are marked as late, which may stand anywhere
            between the records of other logs.
    """
    seen: dict[int, int] = {}
    torn = astray = untimely = 0
    last_of_log: dict[str, int] = {}
    last: tuple[datetime, str, str, int] | None = None
    for text in output:
        found = re.search(r"#(\d{6})", text)
        number = int(found[1]) if found else len(records)
        if number >= len(records) or records[number].text != text:
            torn += 1
            continue
        seen[number] = seen.get(number, 0) + 1
        record = records[number]
        log = record.service.file
        astray += number < last_of_log.get(log, -1)
        last_of_log[log] = number
        if number in late:
            continue
        place = (record.stamp, record.service.source, log, number)
        untimely += last is not None and place < last
        last = place
    doubled = sum(seen.values()) - len(seen)
    return Verdict(len(records) - len(seen), doubled, torn, astray, untimely)


def split_records(text: str) -> list[str]:
    """Return the records of a raw output: a line without a number goes with the one before."""
    return re.findall(r"[^\n]*#\d{6}[^\n]*\n(?:(?![^\n]*#\d{6})[^\n]*\n)*|[^\n]+\n?", text)


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _title(text: str) -> None:
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    _say(f"\n{bold}{text}{plain}")


def _show(text: str) -> None:
    for line in text.splitlines():
        _say("  " + (line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."))


def _show_command(folder: str, command: str) -> None:
    """Run a line of shell in the folder, and show it with what it says."""
    _say(f"  $ {command}")
    path = f"{os.path.dirname(_SHIP)}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - our own words
        ["bash", "-c", command],  # noqa: S607 - whatever bash there is
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    _show(done.stdout)


def _start(folder: str) -> subprocess.Popen[bytes]:
    with open(os.path.join(folder, "ship.log"), "wb") as log:
        command = [_SHIP, "run", "-c", "ship.toml"]
        return subprocess.Popen(command, cwd=folder, stderr=log)  # noqa: S603 - our own program


def _read(path: str) -> str:
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        return file.read()
    return ""


def _follow(folder: str, records: list[Record]) -> Writer:
    """Follow the logs while they are written; be killed on the way."""
    chance = random.Random(7)  # noqa: S311 - repeatable, not secret
    began = time.monotonic()

    def tell(what: str) -> None:
        done = split_records(_read(os.path.join(folder, "merged.log")))
        _say(
            f"  {time.monotonic() - began:5.1f} s  {what:<22}"
            f"{len(records):>7,} written, {len(done):>7,} merged"
        )

    writer = Writer(os.path.join(folder, "logs"), records, seed=2)
    ship = _start(folder)
    writer.start()
    try:
        tell("started")
        for kill in range(_KILLS):
            time.sleep(chance.uniform(1.2, 3.0))
            _make_sure_it_runs(ship, folder)
            ship.kill()
            ship.wait()
            tell(f"kill -9, number {kill + 1}")
            time.sleep(chance.uniform(0.2, 1.2))
            ship = _start(folder)
            tell("started again")
        time.sleep(2.0)
        writer.stop()
        tell("the services are silent")
        _wait_merged(folder, sum(len(record.text) for record in records))
        _make_sure_it_runs(ship, folder)
        ship.send_signal(signal.SIGTERM)
        status = ship.wait(_PATIENCE_SECONDS)
        tell(f"SIGTERM: status {status}")
        _show(_read(os.path.join(folder, "ship.log")).rstrip().rpartition("\n")[2])
    finally:
        ship.kill()
        ship.wait()
    return writer


def _make_sure_it_runs(ship: subprocess.Popen[bytes], folder: str) -> None:
    """Show what it said and end, if it has ended by itself."""
    if ship.poll() is not None:
        _show(_read(os.path.join(folder, "ship.log")))
        raise SystemExit(f"WRONG: trio-ship has ended with status {ship.returncode}")


def _wait_merged(folder: str, size: int) -> None:
    """Wait until the output is as long as it must become; not for ever."""
    end = time.monotonic() + _PATIENCE_SECONDS
    path = os.path.join(folder, "merged.log")
    while time.monotonic() < end and (not os.path.exists(path) or os.path.getsize(path) < size):
        time.sleep(0.1)


def _check(folder: str, records: list[Record]) -> bool:
    """Judge both outputs and say how they are; return whether they are good."""
    lines = _read(os.path.join(folder, "merged.jsonl")).splitlines()
    objects = [json.loads(line) for line in lines]
    messages = [item["message"] + "\n" for item in objects]
    late = frozenset(
        int(found[1])
        for item in objects
        if item.get("late") and (found := re.search(r"#(\d{6})", item["message"]))
    )
    outputs = {
        "merged.log": split_records(_read(os.path.join(folder, "merged.log"))),
        "merged.jsonl": messages,
    }
    good = outputs["merged.log"] == outputs["merged.jsonl"]
    for name, output in outputs.items():
        verdict = judge(records, output, late)
        good = good and verdict.is_good
        _say(
            f"  {name:<13}{len(output):>7,} of {len(records):,} records: "
            f"{verdict.missing} missing, {verdict.doubled} doubled, {verdict.torn} torn,\n"
            f"  {'':<13}{verdict.astray} out of order in their log, "
            f"{verdict.untimely} out of order in time, {len(late)} marked late"
        )
    return good


def _demo(folder: str) -> bool:
    logs = os.path.join(folder, "logs")
    os.mkdir(logs)
    _title("1. Five services, five ways to write a stamp")
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    records = write_samples(logs, _SAMPLES, seed=1, begin=begin)
    _show_command(folder, "head -qn 1 logs/*.log")

    _title("2. One stream in the order of time, without any configuration")
    _show_command(folder, "trio-ship run -q logs/*.log | head -n 9")

    _title("3. A configuration, and what it means")
    with open(os.path.join(folder, "ship.toml"), "w", encoding="utf-8") as config:
        config.write(_CONFIG)
    _show_command(folder, "trio-ship check -c ship.toml")

    _title("4. Followed, while logs are written and rotated, and killed at any moment")
    _say("  $ trio-ship run -c ship.toml &")
    writer = _follow(folder, records)

    _title("5. Every record, looked for in both outputs")
    good = _check(folder, records)
    _say(
        f"  {'exactly once and in order' if good else 'WRONG: this is a defect'}"
        f" after {_KILLS} kills and {writer.rotations} rotations"
    )
    return good


def _quit(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(1)


def main() -> int:
    """Show it all in a temporary folder; return the exit status."""
    # Half of the sample logs name no zone; all of them mean this one.
    os.environ["TZ"] = "UTC"
    time.tzset()
    signal.signal(signal.SIGTERM, _quit)
    folder = tempfile.mkdtemp(prefix="trio-ship-demo-")
    try:
        return 0 if _demo(folder) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

# ruff: noqa: INP001 - a helper beside a script, not a package
"""A live run of `scripts/torture`: writers, a follower, and trio-ship tormented."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from torture_judge import Ledger, Verdict, judge_json, judge_raw, read_ledger
from torture_ship import Fault, Follower, Ship, make_fault, wait_until

__all__ = ["Plan", "Result", "run_live"]

_DELAY_SECONDS: Final = 0.3
_WRITERS: Final = ("w0", "w1", "w2", "w3")
_OUTPUTS: Final = ("text.log", "objects.jsonl")
_STEP_NS: Final = 20_000_000
_CONFIG: Final = """\
[pipeline]
max_delay_seconds = {delay}
[pipeline.checkpoint]
interval_seconds = 0.5
[sources.alone]
type = "file"
paths = ["logs/w0.log"]
[sources.pair]
type = "file"
paths = ["logs/w1.log", "logs/w2.log"]
[sources.greedy]
type = "file"
paths = ["logs/w3.log*"]
exclude = ["logs/*.gz"]
[sinks.text]
type = "file"
path = "out/text.log"
[sinks.objects]
type = "file"
path = "out/objects.jsonl"
encoding = "json"
"""


@dataclass(frozen=True)
class Plan:
    """What a live run does.

    Attributes:
        name: Its name.
        rotation: "rename", "copytruncate" or "gzip".
        harms: What may happen to the program, each as often as it stands here.
        seconds: How long the writers write.
        rate: Records a second of each writer.
        every: Seconds between two rotations of a log, about.
        seed: What chance begins with.
        is_small: Whether the outputs and the checkpoint lie on a small disk.
    """

    name: str
    rotation: str
    harms: tuple[str, ...]
    seconds: float
    rate: float
    seed: int
    every: float = 3.0
    is_small: bool = False


@dataclass
class Result:
    """How a run went.

    Attributes:
        name: Its name.
        verdicts: By output.
        events: How often each thing happened.
        problems: What is wrong beside the counts.
        seconds: How long it took.
    """

    name: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems and all(verdict.is_good for verdict in self.verdicts.values())


class _Writers:
    """The writers of a run."""

    def __init__(self, folder: str, plan: Plan) -> None:
        self._folder = folder
        script = os.path.join(os.path.dirname(__file__), "torture_writer.py")
        options = ("--rotation", plan.rotation, "--rate", plan.rate, "--every", plan.every)
        self._processes = [
            subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    script,
                    os.path.join(folder, "logs", f"{name}.log"),
                    self._ledger(name),
                    *map(str, options),
                    "--seed",
                    str(plan.seed + place),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for place, name in enumerate(_WRITERS)
        ]

    def let_rotate(self) -> None:
        """Allow rotations from now on."""
        for process in self._processes:
            assert process.stdin is not None  # noqa: S101 - asked for above
            process.stdin.write(b"r")
            process.stdin.flush()

    def end(self) -> tuple[dict[str, Ledger], int]:
        """End them; return what each wrote, and how often they have rotated."""
        said = [process.communicate()[0] for process in self._processes]
        ledgers = {name: read_ledger(self._ledger(name)) for name in _WRITERS}
        return ledgers, sum(map(int, said))

    def kill(self) -> None:
        """Kill them."""
        for process in self._processes:
            process.kill()
            process.communicate()

    def _ledger(self, name: str) -> str:
        return os.path.join(self._folder, f"{name}.ledger")


class _Live:
    """One run in progress."""

    def __init__(self, folder: str, plan: Plan) -> None:
        self.result = Result(plan.name)
        self._folder = folder
        self._plan = plan
        self._chance = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
        self._logs = [os.path.join(folder, "logs", f"{name}.log") for name in _WRITERS]
        self._outputs = [os.path.join(folder, "out", name) for name in _OUTPUTS]
        self._sizes = dict.fromkeys(self._outputs, 0)
        self._ship = Ship(folder)
        self._fault: Fault | None = None

    def run(self) -> Result:
        """Torment the program while the writers write; judge."""
        began, clock = time.monotonic(), _clock_ns()
        for name in ("logs", "out"):
            os.makedirs(os.path.join(self._folder, name), exist_ok=True)
        with open(os.path.join(self._folder, "ship.toml"), "w", encoding="utf-8") as config:
            config.write(_CONFIG.format(delay=_DELAY_SECONDS))
        writers = _Writers(self._folder, self._plan)
        follower = Follower(self._outputs[0], os.path.join(self._folder, "seen"))
        try:
            self._ship.start()
            if not wait_until(self._knows_all):
                self.result.problems.append(f"no checkpoint after a minute: {self._ship.said!r}")
            # A file that is rotated away before it was ever seen is in no promise.
            writers.let_rotate()
            self._torment(began + self._plan.seconds)
            ledgers, self.result.events["rotations"] = writers.end()
            self._catch_up(sum(len(ledger.stamp_ns) for ledger in ledgers.values()))
            self._ship.stop()
            self._keep_sizes()
            self.result.problems += filter(None, [follower.end()])
        finally:
            self._ship.kill()
            writers.kill()
            follower.kill()
        self.result.problems += self._ship.problems
        self.result.verdicts = {
            "raw": judge_raw(self._outputs[0], ledgers),
            "json": judge_json(self._outputs[1], ledgers, delay_seconds=_DELAY_SECONDS),
        }
        is_stepped = abs(_clock_ns() - clock) > _STEP_NS
        if is_stepped:
            self.result.events["clock steps"] = 1
        # A file whose read was made to fail does not hold up the others, so it may be late.
        if is_stepped or self.result.events["trace"]:
            for verdict in self.result.verdicts.values():
                for count in verdict.counts.values():
                    count.slow, count.misjudged = count.slow + count.misjudged, 0
        self.result.seconds = time.monotonic() - began
        return self.result

    def _knows_all(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self._folder, "ship.checkpoint.toml"), "rb") as file:
                sources = tomllib.load(file)["sources"]
            return sum(map(len, sources.values())) == len(_WRITERS)
        return False

    # What is done to it

    def _torment(self, end: float) -> None:
        while time.monotonic() < end:
            time.sleep(self._chance.uniform(0.1, 2.0))
            if self._ship.has_ended(is_expected=self._fault is not None and self._fault.is_deadly):
                self.result.events["deaths at a call"] += self._fault is not None
                self._restart()
                continue
            harm = self._chance.choice(self._plan.harms)
            self.result.events[harm] += 1
            getattr(self, f"_{harm}")()

    def _kill(self) -> None:
        self._ship.kill()
        self._restart()

    def _kills(self) -> None:
        """Kill it while it starts, some times in a row."""
        for _ in range(self._chance.randrange(1, 4)):
            self._ship.kill()
            self._restart()
            time.sleep(self._chance.uniform(0.0, 1.0))
        self._ship.kill()
        self._restart()

    def _term(self) -> None:
        self._ship.stop()
        self._restart()

    def _pause(self) -> None:
        self._ship.send(signal.SIGSTOP)
        time.sleep(self._chance.uniform(0.1, 2.5))
        self._ship.send(signal.SIGCONT)

    def _second(self) -> None:
        self._ship.second()

    def _hangup(self) -> None:
        if self._ship.has_begun:
            self._ship.send(signal.SIGHUP)

    def _limit(self) -> None:
        """Let the outputs grow for a few more bytes only, for a while."""
        largest = max(map(self._size, self._outputs))
        self._ship.limit_files(largest + self._chance.randrange(4096))
        time.sleep(self._chance.uniform(0.5, 3.0))
        if not self._ship.has_ended():
            self._ship.limit_files(None)

    def _fill(self) -> None:
        """Fill the small disk, for a while."""
        ballast = os.path.join(self._folder, "out", "ballast")
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 12))
        time.sleep(self._chance.uniform(0.5, 3.0))
        os.unlink(ballast)

    def _trace(self) -> None:
        """Start it again under strace, with a fault."""
        self._ship.kill()
        self._fault = make_fault(self._chance, self._logs)
        self.result.events[self._fault.text.partition(" ")[0] + " injected"] += 1
        self._keep_sizes()
        self._ship.start(self._fault)
        # Under strace it needs longer to start.
        time.sleep(self._chance.uniform(2.0, 5.0))

    def _restart(self) -> None:
        self._fault = None
        self._keep_sizes()
        time.sleep(self._chance.choice((0.0, 0.0, self._chance.uniform(0.0, 1.5))))
        self._ship.start()

    def _size(self, path: str) -> int:
        return os.path.getsize(path) if os.path.exists(path) else 0

    def _keep_sizes(self) -> None:
        """Make sure that no output has shrunk since it was looked at last."""
        for path, before in self._sizes.items():
            size = self._size(path)
            if size < before:
                self.result.problems.append(f"{path} shrank from {before} to {size}")
            self._sizes[path] = size

    # The end

    def _catch_up(self, lines: int) -> None:
        """Wait until both outputs are complete, or do not grow any more."""
        if self._fault is not None:
            self._ship.kill()
            self._restart()
        elif self._ship.has_ended():
            self._restart()
        for path in self._outputs:
            size = -1
            while _count_lines(path) < lines and size != self._size(path):
                size = self._size(path)
                wait_until(lambda path=path, size=size: self._size(path) > size)  # type: ignore[misc]


def _count_lines(path: str) -> int:
    """Return how many lines an output has; those inside of JSON texts too."""
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return sum(line.count(b"\n") + line.count(b"\\n    at ") for line in file)


def _clock_ns() -> int:
    """Return how far the wall clock and the one that is never set are apart."""
    return time.time_ns() - time.monotonic_ns()


@contextlib.contextmanager
def _small_disk(folder: str, plan: Plan) -> Iterator[None]:
    """Mount a small disk where the outputs go, if the plan wants it."""
    place = os.path.join(folder, "out")
    if not plan.is_small:
        yield
        return
    os.makedirs(place)
    size = f"size={max(32, round(plan.seconds * plan.rate / 500))}m"
    subprocess.run(  # noqa: S603 - our own words
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", place],  # noqa: S607
        check=True,
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)  # noqa: S603, S607 - our own words


def run_live(folder: str, plan: Plan) -> Result:
    """Do one live run in a folder of its own."""
    with _small_disk(folder, plan):
        return _Live(folder, plan).run()

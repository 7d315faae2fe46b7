"""One run of a scenario: the lives of the pipeline, one after the other, and their end."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final
from unittest import mock

import attrs
import trio
import trio._core._run as trio_run
import trio.testing
from memory_disk import Call, Death

from simulation.configuration import Configuration
from simulation.disk import BOOT_ID, SimulatedDisk
from simulation.finish import faults_of, missing
from simulation.happenings import Happenings
from simulation.oracle import Oracle, Violation
from simulation.scenario import OUTPUTS, Scenario
from simulation.world import World
from trio_ship.batch.pieces import SLICE_BYTES
from trio_ship.encode import raw
from trio_ship.errors import ShipError, SourceError
from trio_ship.pipeline import Pipeline

__all__ = ["Outcome", "run"]

_PATIENCE: Final = 90.0
_LIVES: Final = 60
_PAUSE_SECONDS: Final = 0.02
_SHORT_SLICE: Final = 600  # a few records
_RESTART_SECONDS: Final = 0.5


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run went.

    Attributes:
        failure: What was wrong; empty if nothing was.
        counts: What it covered, by name.
        digest: Of everything that the pipeline did; equal for equal runs.
    """

    failure: str
    counts: Counter[str]
    digest: str


def run(scenario: Scenario, trace: Callable[[str], None] | None = None) -> Outcome:
    """Run a scenario from its beginning to its end; the same every time.

    Args:
        scenario: What happens.
        trace: Takes a line for everything that happens.
    """
    scheduler = trio_run._r.getstate()
    deterministic = trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    trio_run._r.seed(scenario.seed)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    try:
        with _slices(scenario.seed):
            return trio.run(
                _Run(scenario, trace).main, clock=trio.testing.MockClock(autojump_threshold=0)
            )
    finally:
        trio_run._r.setstate(scheduler)
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = deterministic  # type: ignore[misc]


@contextlib.contextmanager
def _slices(seed: int) -> Iterator[None]:
    """Have every fourth seed encode batches in several slices."""
    size = _SHORT_SLICE if seed % 4 == 3 else SLICE_BYTES
    with mock.patch.object(raw, "SLICE_BYTES", size):
        yield


class _Run:
    def __init__(self, scenario: Scenario, trace: Callable[[str], None] | None) -> None:
        self._scenario = scenario
        self._settings = scenario.settings
        self._trace = trace
        self._lives = 0
        self._read_all = True
        self._hash = hashlib.blake2b(digest_size=8)
        self._disk = SimulatedDisk(
            random.Random(scenario.seed), self._settings.hop_seconds, spared="/logs"
        )
        self._world = World(self._disk, self._settings, scenario.seed)
        self._configuration = Configuration(self._settings)
        self._oracle = Oracle(self._disk, self._world, scenario, self._configuration)

    async def main(self) -> Outcome:
        """Live until the end of the scenario and a little longer."""
        self._happenings = Happenings(self._scenario, self._disk, self._world, self._say)
        for folder in ("/etc/ship", "/out", *(f"/logs/{name}" for name in self._settings.sources)):
            self._disk.mkdir(folder)
        self._disk.write(BOOT_ID, b"boot 0\n")
        self._disk.sync()
        self._disk.on_call = self._called
        handler = _Handler(self._say)
        logger = logging.getLogger("trio_ship")
        if self._trace:
            logger.addHandler(handler)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._happenings.happen)
                await self._live()
                nursery.cancel_scope.cancel()
        except* Violation:
            pass  # the oracle knows which
        finally:
            logger.removeHandler(handler)
        return self._outcome()

    def _outcome(self) -> Outcome:
        counts = self._happenings.counts
        counts["lives"] = self._lives
        counts["records"] = sum(1 for _ in self._world.lines)
        counts["rotations"] = self._world.rotations
        counts["faults"] = self._disk.struck
        counts["disk calls"] = len(self._disk.calls)
        counts["checkpoints"] = self._oracle.saves
        for path in OUTPUTS.values():
            if self._disk.exists(path):
                self._hash.update(self._disk.read(path))
        return Outcome(failure=self._oracle.violation, counts=counts, digest=self._hash.hexdigest())

    def _called(self, call: Call) -> None:
        self._hash.update(f"{call.name}{trio.current_time()}".encode())
        if self._trace:
            self._say(f"  {call.name} {call.path} {call.target}")
        self._oracle.look()
        self._happenings.called()
        if call.name in {"pread", "preadv"}:
            self._world.notice_look(call.path)

    # Lives

    async def _live(self) -> None:
        for _ in range(_LIVES):
            if await self._life(self._guide):
                break
            # A one-shot run with nothing to do takes no time; time has to pass.
            least = 0.0 if self._settings.follow else _PAUSE_SECONDS
            await trio.sleep(max(self._happenings.down, least))
        else:
            self._oracle.fail(f"not done after {_LIVES} lives")
        if self._scenario.again:
            before = {sink: self._oracle.rows(sink) for sink in self._settings.sinks}
            self._happenings.deaths.clear()
            await self._life(self._guide_once_more)
            for sink, rows in before.items():
                if self._oracle.rows(sink) != rows:
                    self._oracle.fail(f"{sink}: one more start brought something new")
        for sink in self._configuration.sinks:
            rows = self._oracle.settled_rows(sink)
            for fault in faults_of(
                self._scenario,
                self._world.contents,
                sink,
                rows,
                read_all=self._read_all,
                is_even=self._oracle.is_even,
            ):
                self._oracle.fail(fault)

    async def _life(self, guide: Callable[[Pipeline], object]) -> bool:
        """Live once; return whether all is done."""
        self._lives += 1
        self._say(f"LIFE {self._lives}")
        happenings = self._happenings
        happenings.stop, happenings.down = trio.Event(), 0.0
        struck = self._disk.struck
        self._edit()
        self._oracle.pipeline = pipeline = Pipeline(
            self._configuration.parsed(), disk=self._disk, wall_ns=self._world.wall_ns
        )
        happenings.is_alive = True
        happenings.arm()
        is_dead = False
        failures: list[BaseException] = []
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(guide, pipeline)  # type: ignore[arg-type]
                await pipeline.run()
                nursery.cancel_scope.cancel()
        except* Death:
            is_dead = True
        except* Violation:
            pass  # the oracle knows which
        except* Exception as group:  # noqa: BLE001  (whatever it raises is judged below)
            failures += _leaves(group)
        happenings.is_alive = False
        if self._oracle.violation:
            raise Violation(self._oracle.violation)
        if is_dead:
            # A file that could not be read is read, behind the others, by the next run.
            self._read_all &= self._disk.struck == struck
            self._die()
        else:
            self._end(failures, struck)
        happenings.finish()
        return not is_dead and not failures and self._is_over()

    def _edit(self) -> None:
        """Let the configuration be what an operator has made of it by now."""
        edits, self._happenings.edits = self._happenings.edits, []
        absent = set(self._configuration.absent)
        for event in edits:
            self._configuration.edit(event.values["what"], event.values["name"])
        for sink in absent - self._configuration.absent:
            self._oracle.put_back(sink)

    def _end(self, failures: list[BaseException], struck: int) -> None:
        """Take in that a life has ended by itself, well or not."""
        for failure in failures:
            if not isinstance(failure, ShipError):
                frame = traceback.extract_tb(failure.__traceback__)[-1]
                place = f"{frame.filename}:{frame.lineno}"
                self._oracle.fail(f"the pipeline raised {failure!r} at {place}")
        self._disk.restart()
        self._oracle.ended()
        self._read_all &= not any(isinstance(failure, SourceError) for failure in failures)
        if failures:
            self._say(f"ENDED with {failures[0]}")
            self._happenings.counts["failed lives"] += 1
            self._happenings.down = _RESTART_SECONDS * self._settings.follow
            if self._disk.struck == struck:
                self._oracle.fail(f"a life failed though no fault was planted: {failures[0]}")

    def _die(self) -> None:
        event = self._happenings.deaths.pop(0)
        self._happenings.down = event.values["down"]
        self._disk.restart()
        self._oracle.ended()
        if event.kind == "power":
            self._happenings.counts["power losses"] += 1
            self._say("POWER LOSS")
            survivors = self._disk.lose_power(random.Random(event.values["chance"]))
            self._world.remap(survivors)
            self._oracle.power_lost(survivors)
        else:
            self._happenings.counts["kills"] += 1
            self._say("KILLED")

    def _is_over(self) -> bool:
        return self._happenings.ended.is_set() and not self._lacks()

    def _lacks(self) -> list[str]:
        return [
            f"{sink} lacks {line.text!r} of {line.content.log}"
            for sink in self._configuration.sinks
            for line in missing(
                self._scenario, self._world.contents, sink, self._oracle.settled_rows(sink)
            )
        ]

    # Ends

    async def _guide(self, pipeline: Pipeline) -> None:
        """Drain a life when that is asked, or when all is done."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drain_on_demand, pipeline)
            if self._settings.follow:
                await self._happenings.ended.wait()
                await self._wait_delivered()
                # What was found though nobody had to find it leaves too.
                await trio.sleep(1 + self._settings.max_delay)
                pipeline.drain()
                nursery.cancel_scope.cancel()

    async def _guide_once_more(self, pipeline: Pipeline) -> None:
        await trio.sleep(1)
        pipeline.drain()

    async def _wait_delivered(self) -> None:
        give_up = trio.current_time() + _PATIENCE
        while lacks := self._lacks():
            if trio.current_time() > give_up:
                self._oracle.fail(f"not delivered after {_PATIENCE} s: {lacks[0]}")
            await trio.sleep(0.25)

    async def _drain_on_demand(self, pipeline: Pipeline) -> None:
        await self._happenings.stop.wait()
        self._say("DRAIN")
        pipeline.drain()
        if self._happenings.is_twice:
            await trio.sleep(_PAUSE_SECONDS)
            pipeline.abort()

    def _say(self, text: str) -> None:
        if self._trace:
            self._trace(f"{trio.current_time():8.3f} {text}")


class _Handler(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say a message of the pipeline."""
        self._tell(f"  SAYS {record.getMessage()}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error

"""What happens in a run, at its time: the events of a scenario reach the disk and the world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import attrs
import trio

from simulation.disk import SimulatedDisk
from simulation.scenario import Event, Scenario
from simulation.world import World

__all__ = ["Happenings"]


class Happenings:
    """Lets the events of a scenario happen.

    Args:
        scenario: The events.
        disk: What fails, and kills the pipeline.
        world: The other programs.
        say: Takes a line for the trace.

    Attributes:
        counts: What has happened, by name.
        deaths: Deaths to come; the first one is armed in the present life.
        edits: What an operator has done to the configuration since the present life began.
        stop: Set when the present life is to be drained.
        is_twice: Whether it is told to stop a second time.
        down: How long nothing runs after that.
        ended: Set when all has happened and every fault is healed.
        is_alive: Whether the pipeline runs.
    """

    def __init__(
        self,
        scenario: Scenario,
        disk: SimulatedDisk,
        world: World,
        say: Callable[[str], None],
    ) -> None:
        self._scenario = scenario
        self._disk = disk
        self._world = world
        self._say = say
        self._steps: Iterator[None] | None = None
        self._pace = self._left = 0
        self.counts: Counter[str] = Counter()
        self.deaths: list[Event] = []
        self.edits: list[Event] = []
        self.stop = trio.Event()
        self.is_twice = False
        self.down = 0.0
        self.ended = trio.Event()
        self.is_alive = False

    async def happen(self) -> None:
        """Let all happen, each at its time; heal everything at the end."""
        async with trio.open_nursery() as nursery:
            for event in self._scenario.events:
                await trio.sleep_until(event.at)
                self.finish()
                self._say(f"EVENT {event}")
                self._begin(event, nursery)
            await trio.sleep_until(self._scenario.seconds)
            self.finish()
            nursery.cancel_scope.cancel()
        self._say("all faults heal")
        self._disk.heal()
        self._mend()
        self.ended.set()

    def called(self) -> None:
        """Go on with an action between two disk calls of the pipeline, if it is its turn."""
        if self._steps is not None:
            self._left -= 1
            if self._left < 0:
                self._left = self._pace
                if next(self._steps, self) is self:
                    self._steps = None
                self._say(self._world.listing())

    def finish(self) -> None:
        """Finish the action that is under way."""
        steps, self._steps = self._steps, None
        if steps is not None:
            for _ in steps:
                pass
            self._say(self._world.listing())

    def arm(self) -> None:
        """Let the next death come in the life that begins."""
        if self.deaths:
            values = self.deaths[0].values
            self._disk.die_after(values["calls"], values["torn"])

    def _begin(self, event: Event, nursery: trio.Nursery) -> None:
        action = self._world.action(event.kind)
        if action is None:
            getattr(self, f"_do_{event.kind}")(event)
            if event.kind in {"short", "descriptors", "full"}:
                nursery.start_soon(self._mend_after, event.values["seconds"])
            return
        self._steps = action(**event.values)
        self._left = self._pace = event.pace
        if not event.pace or not self.is_alive:
            self.finish()

    async def _mend_after(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self._mend()

    def _mend(self) -> None:
        self._disk.max_transfer_bytes = self._disk.max_open = self._disk.capacity_bytes = None

    def _do_fault(self, event: Event) -> None:
        values = event.values
        self._disk.fail(
            values["call"],
            values["path"],
            error=values["error"],
            times=values["times"],
            after=values["after"],
        )

    def _do_short(self, event: Event) -> None:
        self.counts["short transfers"] += 1
        self._disk.max_transfer_bytes = event.values["most"]

    def _do_slow(self, event: Event) -> None:
        self.counts["slow calls"] += 1
        self._disk.slow_seconds += event.values["seconds"]

    def _do_descriptors(self, event: Event) -> None:
        self._disk.max_open = self._disk.open_count + event.values["spare"]

    def _do_full(self, event: Event) -> None:
        self._disk.capacity_bytes = self._disk.used_bytes() + event.values["spare"]

    def _do_kill(self, event: Event) -> None:
        is_first = not self.deaths
        self.deaths.append(event)
        self.deaths += [
            attrs.evolve(event, values={**event.values, "calls": calls})
            for calls in event.values["again"]
        ]
        if self.is_alive and is_first:
            self.arm()

    _do_power = _do_kill

    def _do_drain(self, event: Event) -> None:
        self.counts["drains"] += 1
        self.down = event.values["down"]
        self.is_twice = event.values["twice"]
        self.stop.set()

    def _do_edit(self, event: Event) -> None:
        """Edit the configuration, and start again."""
        self.counts["edits"] += 1
        self.edits.append(event)
        self._do_drain(event)

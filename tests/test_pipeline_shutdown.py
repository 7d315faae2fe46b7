"""The end of a pipeline: drained at any moment, aborted, or brought down by a sink."""

from __future__ import annotations

import attrs
import pytest
import trio
from pipeline_helpers import config, line, new_disk, now_line, output_lines, running

from trio_ship.batch import OrderedBatch
from trio_ship.cut import own_cut
from trio_ship.errors import SinkError
from trio_ship.pipeline import Pipeline
from trio_ship.state import SinkState, Snapshot


class GatedSink:
    """A sink that takes nothing until it is let, and may then refuse."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.name = "gated"
        self.gate = trio.Event()
        self.taken = 0
        self.state = SinkState()
        self._error = error

    async def open(self, checkpoint: Snapshot) -> Snapshot:
        """Return the checkpoint with a state of its own."""
        await trio.lowlevel.checkpoint()
        return own_cut(checkpoint, self.name)

    def begin(self, common: Snapshot) -> None:
        """Take the common start."""
        self.state = common.sinks[self.name]

    async def write(self, batch: OrderedBatch) -> None:
        """Wait for the gate, then take the batch or fail."""
        await self.gate.wait()
        if self._error is not None:
            raise self._error
        self.taken += len(batch)

    def make_durable(self, state: SinkState) -> None:
        """Do nothing."""

    def saved(self, snapshot: Snapshot) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("tenths", range(0, 40, 3))
async def test_p01_drained_at_any_moment_the_next_start_is_exact(
    autojump_clock: trio.testing.MockClock, tenths: int
) -> None:
    """Whenever it is drained, what left in order is saved, and a second run ends the work."""
    disk = new_disk()

    async def write() -> None:
        for number in range(20):
            disk.append(f"/logs/{number % 2}.log", now_line(number))
            await trio.sleep(0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        async with running(disk, config()) as pipeline:
            await trio.sleep(tenths / 10)
        assert pipeline.snapshot.sequence == len(output_lines(disk))
    async with running(disk, config()):
        await trio.sleep(20)
    assert output_lines(disk) == [str(number) for number in range(20)]


async def test_d11_a_stalled_sink_bounds_memory_and_ends_within_the_grace(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Readers stop when a sink takes nothing; positions wait; a drain ends all the same."""
    disk = new_disk()
    text = b"".join(line(number / 1000, "x" * 100) for number in range(40_000))
    disk.write("/logs/a.log", text)
    sink = GatedSink()
    settings = config(pipeline="max_buffer_bytes = 65536")
    async with running(disk, settings, sinks=[sink]) as pipeline:
        await trio.sleep(60)
        read = sum(call.name == "preadv" for call in disk.calls)
        await trio.sleep(60)
        assert sum(call.name == "preadv" for call in disk.calls) == read
        assert read * 65536 < len(text) / 2
        assert pipeline.snapshot.sequence == 0
        before = trio.current_time()
    assert trio.current_time() - before < 20
    sink.gate.set()
    async with running(disk, settings, sinks=[sink]):
        await trio.sleep(60)
    assert sink.taken == 40_000
    assert disk.read("/out/merged.log") == text


@pytest.mark.parametrize(
    ("keeps", "fate"),
    [(True, "3 records left for the next start"), (False, "5 records not written")],
)
async def test_d11_what_a_stalled_sink_has_not_taken_is_counted(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    fate: str,
    *,
    keeps: bool,
) -> None:
    """After a restart too, only what was read and not taken counts."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-9, "a") + line(-8, "b"))
    async with running(disk, config()):
        await trio.sleep(10)
    disk.append("/logs/a.log", line(-7, "c") + line(-6, "d") + line(-5, "e"))
    settings = config().pipeline
    settings = attrs.evolve(settings, checkpoint=attrs.evolve(settings.checkpoint, enabled=keeps))
    async with running(disk, attrs.evolve(config(), pipeline=settings), sinks=[GatedSink()]):
        await trio.sleep(10)
    said = f"stopped before every sink had taken what was read: {fate}"
    assert [one.message for one in caplog.records if "stopped" in one.message] == [said]


async def test_p06_a_failing_sink_ends_the_pipeline_with_its_own_error(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One error, not a group; what the other sink has taken is not written again."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-2, "a") + line(-1, "b"))
    sink = GatedSink(error=SinkError("no room for more"))
    pipeline = Pipeline(config(), disk=disk, wall_ns=lambda: 1_795_420_800 * 10**9, sinks=[sink])
    sink.gate.set()
    with pytest.raises(SinkError, match="no room for more"):
        await pipeline.run()
    async with running(disk, config()):
        await trio.sleep(10)
    assert output_lines(disk) == ["a", "b"]


async def test_an_abort_ends_at_once_and_saves_what_is_delivered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Aborted while a sink hangs, the pipeline ends without waiting for it."""
    disk = new_disk()
    disk.write("/logs/a.log", line(-2, "a"))
    async with running(disk, config(), sinks=[GatedSink()]) as pipeline:
        await trio.sleep(5)
        before = trio.current_time()
        pipeline.abort()
    assert trio.current_time() - before < 1

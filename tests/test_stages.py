"""What the stages cost is added up, by stage, from any thread, and only if asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from pipeline_helpers import OUTPUT, config, line, new_disk, wall_ns

from trio_ship.cli.progress import stage_lines
from trio_ship.pipeline import Pipeline
from trio_ship.stages import OFF, Spent, Stage, Stages


class _Clock:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = 0.0
        self.used = 0.0

    def __call__(self) -> tuple[float, float]:
        return self.now, self.used

    def work(self, seconds: float, cpu_seconds: float) -> None:
        self.now += seconds
        self.used += cpu_seconds


_WORK = st.tuples(
    st.sampled_from(Stage), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 10**9)
)


@given(st.lists(_WORK))
def test_costs_add_up_by_stage(work: list[tuple[Stage, int, int, int]]) -> None:
    """Each stage has the sum of its times and bytes; a wait has used no processor."""
    clock = _Clock()
    stages = Stages(clock)
    sums: dict[Stage, tuple[int, int, int]] = {}
    for number, (stage, seconds, used, size) in enumerate(work):
        with stages.measure(stage):
            clock.work(seconds, used)
        stages.count(stage, size)
        clock.work(5, 3)  # between two measurements nothing counts
        if number % 3 == 0:
            stages.spent()
        before = sums.get(stage, (0, 0, 0))
        cpu = 0 if stage in {Stage.WAIT_READ, Stage.WAIT_SINK} else used
        sums[stage] = (before[0] + seconds, before[1] + cpu, before[2] + size)
    assert stages.spent() == {stage: Spent(*total) for stage, total in sums.items()}
    assert list(stages.spent()) == [stage for stage in Stage if stage in sums]


def test_making_slices_is_measured_and_what_is_done_with_them_is_not() -> None:
    """The time of every slice counts, and so does that of finding out that there is none."""
    clock = _Clock()
    stages = Stages(clock)

    def slices() -> Iterator[memoryview]:
        clock.work(1, 1)
        yield memoryview(b"abc")
        clock.work(2, 1)
        yield memoryview(b"de")
        clock.work(4, 1)

    taken = []
    for data in stages.measure_each(Stage.ENCODE, slices()):
        clock.work(100, 100)
        taken.append(bytes(data))
    assert taken == [b"abc", b"de"]
    assert stages.spent() == {Stage.ENCODE: Spent(7, 3, 5)}


def test_what_fails_has_taken_its_time_too() -> None:
    """An error passes through a measurement and is counted."""
    clock = _Clock()
    stages = Stages(clock)

    def fail() -> None:
        with stages.measure(Stage.WRITE):
            clock.work(2, 1)
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fail()
    assert stages.spent() == {Stage.WRITE: Spent(2, 1)}


def test_threads_lose_nothing_of_each_other() -> None:
    """What several threads count at once is all there in the end."""
    stages = Stages(lambda: (0.0, 0.0))

    def work() -> None:
        for _ in range(2000):
            stages.count(Stage.READ, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stages.spent()
    for thread in threads:
        thread.join()
    assert stages.spent() == {Stage.READ: Spent(bytes=8000)}


def test_nothing_is_measured_unless_asked_for() -> None:
    """Without a clock there are no figures, and slices pass as they are."""
    with OFF.measure(Stage.READ):
        OFF.count(Stage.READ, 5)
    slices = iter([memoryview(b"a")])
    assert OFF.measure_each(Stage.ENCODE, slices) is slices
    assert OFF.spent() == {}


@pytest.mark.parametrize("encoding", ["raw", "json"])
async def test_every_stage_of_a_run_is_counted(
    autojump_clock: trio.testing.MockClock, encoding: str
) -> None:
    """All bytes go through all stages; what is written is what stands in the output."""
    disk = new_disk()
    data = [b"".join(line(row + half / 2, "record") for row in range(9)) for half in (0, 1)]
    for number, lines in enumerate(data):
        disk.write(f"/logs/{number}.log", lines)
    stages = Stages(lambda: (trio.current_time(), 0.0))
    sinks = f'[sinks.merged]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "{encoding}"\n'
    steps = '[[steps]]\ntype = "filter"\nwhen = { match = "record" }\n'
    settings = config(follow=False, sinks=sinks + steps)
    await Pipeline(settings, disk=disk, wall_ns=wall_ns, stages=stages).run()
    spent = stages.spent()
    size = sum(map(len, data))
    assert set(spent) == set(Stage)
    for stage in (Stage.READ, Stage.FRAME, Stage.DECODE, Stage.MERGE):
        assert spent[stage].bytes == size, stage
    output = len(disk.read(OUTPUT))
    assert (output == size) is (encoding == "raw")
    assert spent[Stage.ENCODE].bytes == spent[Stage.WRITE].bytes == output


def test_the_table_is_aligned_and_leaves_out_what_is_not_known() -> None:
    """A wait has no time of the processor, and what has no bytes has no rate."""
    spent = {
        Stage.READ: Spent(0.5, 0.25, 1_500_000_000),
        Stage.SYNC: Spent(0.125, 0.0),
        Stage.WAIT_SINK: Spent(2.0),
    }
    assert stage_lines(spent, seconds=3.0, cpu_seconds=1.5) == [
        "stage              seconds    of CPU          MB      MB/s",
        "read                 0.500     0.250     1,500.0     3,000",
        "sync                 0.125     0.000",
        "wait for sinks       2.000",
        "the whole run        3.000     1.500",
    ]


@pytest.mark.parametrize("style", ["text", "json"])
def test_stats_are_said_at_the_end_also_if_quiet(tmp_path: Path, style: str) -> None:
    """`run --stats` says a line for each stage on standard error; records go their way."""
    log = tmp_path / "a.log"
    log.write_bytes(b"2026-11-23T08:00:00Z one\n2026-11-23T08:00:01Z two\n")
    command = [sys.executable, "-m", "trio_ship", "run", "-q", "--log-format", style]
    done = subprocess.run([*command, "--stats", log], capture_output=True, text=True, check=True)
    assert done.stdout == log.read_text()
    for stage in Stage:
        # Standard output has nothing to sync, and there are no steps.
        if stage not in {Stage.SYNC, Stage.STEPS}:
            assert stage.value in done.stderr
    silent = subprocess.run([*command, log], capture_output=True, text=True, check=True)
    assert silent.stderr == ""

"""Progress while catching up; the summary, and what the stages took, at the end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import trio

from trio_ship.pipeline import Pipeline
from trio_ship.quantities import counted, sized
from trio_ship.stages import Spent, Stage

__all__ = ["show_progress", "stage_lines", "summary"]

_LOG = logging.getLogger("trio_ship")
_BAR_SECONDS: Final = 0.25
_LINE_SECONDS: Final = 10.0
_MEGABYTE: Final = 1_000_000


def summary(pipeline: Pipeline, seconds: float) -> list[str]:
    """Return what a run has done, as lines to say.

    Args:
        pipeline: The pipeline, ended.
        seconds: How long it ran.
    """
    done = pipeline.statistics
    seconds = max(seconds, 1e-3)
    extra = [
        f"{count:,} {word}"
        for count, word in (
            (done.ahead, "ahead"),
            (done.dropped, "dropped"),
            (done.impossible, "with an impossible stamp"),
            (done.cut, "cut"),
            (done.replaced, "not UTF-8"),
            (done.undecodable, "undecodable and replaced"),
            (done.cut_nuls, "NUL bytes left out"),
            (done.fieldless, "without fields"),
            (done.failed_saves, "failed saves"),
            (done.hangs, "hanging disk calls"),
        )
        if count
    ]
    per_second = counted(round(done.records / seconds), "record")
    lines = [
        f"{counted(done.records, 'record')}, {sized(done.bytes)} from "
        f"{counted(done.files, 'file')} in {seconds:.2f} s "
        f"({per_second}/s, {sized(done.bytes / seconds)}/s); "
        + ", ".join([f"{done.late:,} late", f"{done.unparsed:,} unparsed", *extra])
    ]
    for name, removed in pipeline.removed.items():
        if sum(removed.values()):
            counts = ", ".join(f"{count:,} {how}" for how, count in removed.items() if count)
            lines.append(f"{name}: {counts}")
    if pipeline.snapshot.sequence and pipeline.is_resumed and not done.records:
        lines.append(
            f"nothing new since record {pipeline.snapshot.sequence:,}; "
            "to start over, add --ignore-checkpoint"
        )
    return lines


def stage_lines(spent: Mapping[Stage, Spent], *, seconds: float, cpu_seconds: float) -> list[str]:
    """Return a table of what the stages took, as lines to say.

    Args:
        spent: What was measured.
        seconds: How long the pipeline has run.
        cpu_seconds: What the process used of the processor meanwhile.
    """
    lines = [f"{'stage':<16}{'seconds':>10}{'of CPU':>10}{'MB':>12}{'MB/s':>10}"]
    for stage, total in spent.items():
        used = "" if stage.is_wait else f"{total.cpu_seconds:.3f}"
        size = rate = ""
        if total.bytes:
            size = f"{total.bytes / _MEGABYTE:,.1f}"
            rate = f"{total.bytes / _MEGABYTE / max(total.seconds, 1e-6):,.0f}"
        lines.append(f"{stage.value:<16}{total.seconds:>10.3f}{used:>10}{size:>12}{rate:>10}")
    lines.append(f"{'the whole run':<16}{seconds:>10.3f}{cpu_seconds:>10.3f}")
    return [line.rstrip() for line in lines]


async def show_progress(pipeline: Pipeline, bar: bool) -> None:  # noqa: FBT001  (started as a task)
    """Show a bar on a terminal until the backlog is read; else a line now and then.

    How much compressed files hold is not known, so there is no bar with them.
    """
    await pipeline.started.wait()
    known = not pipeline.statistics.backlog_packed
    if bar and known and pipeline.statistics.backlog_bytes:
        await _show_bar(pipeline)
    started = trio.current_time()
    last = pipeline.statistics.records
    while True:
        await trio.sleep(_LINE_SECONDS)
        done = pipeline.statistics
        if done.records == last:
            continue
        seconds = trio.current_time() - started
        total = f" of {sized(max(done.backlog_bytes, done.bytes))}" if known else ""
        _LOG.info(
            "%s, %s%s; %s/s",
            counted(done.records, "record"),
            sized(done.bytes),
            total,
            sized(done.bytes / seconds),
        )
        last = done.records


async def _show_bar(pipeline: Pipeline) -> None:
    from rich import progress  # noqa: PLC0415  (only where there is a terminal)
    from rich.console import Console  # noqa: PLC0415

    columns = (
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TextColumn("{task.fields[records]} records"),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=pipeline.statistics.backlog_bytes, records="0")
        while True:
            done = pipeline.statistics
            bar.update(
                task,
                completed=done.bytes,
                records=f"{done.records:,}",
                refresh=True,
            )
            if done.bytes >= done.backlog_bytes:
                return
            await trio.sleep(_BAR_SECONDS)

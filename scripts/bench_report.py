# ruff: noqa: INP001 - a helper beside a script, not a package
"""What `scripts/bench` has found: tables for people, JSON for tools, a plot for the page."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench_contenders import CONTENDERS, OURS, Order
from bench_measure import Measured

__all__ = ["Report", "Row", "machine", "plot", "save", "table"]

_COLOR: Final = "#9aa5b1"
_OUR_COLOR: Final = "#c4472b"
_HEAD: Final = (
    "",
    "seconds",
    "start-up",
    "MB/s",
    "CPU s",
    "MB/CPU s",
    "peak MB",
    "x ours",
    "in order",
)


@dataclass(frozen=True)
class Row:
    """One thing that is asked for.

    Attributes:
        name: What was measured.
        text: What came out, for people.
        value: The number that the bound is for; None if there is none, because the
            output was wrong or nothing came of it.
        bound: What the number may be at most, or at least; None if nothing is asked.
        unit: What is counted, for the bound.
        at_least: Whether more is better.
    """

    name: str
    text: str
    value: float | None
    bound: float | None = None
    unit: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Whether the bound is kept: "ok", "MISSED", or nothing."""
        if self.value is None:
            return "MISSED"
        if self.bound is None:
            return ""
        kept = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "ok" if kept else "MISSED"


@dataclass
class Report:
    """All that was found.

    Attributes:
        rows: What is asked for, in the order in which it was measured.
        sections: Programs side by side, by the title of their table.
    """

    rows: list[Row] = field(default_factory=list)
    sections: dict[str, Mapping[str, Measured]] = field(default_factory=dict)

    def as_text(self) -> str:
        """Return all tables."""
        tables = [f"{title}\n{table(_cells(found))}" for title, found in self.sections.items()]
        required = [("", "measured", "required", "")]
        for row in self.rows:
            sign = ">=" if row.at_least else "<="
            bound = "" if row.bound is None else f"{sign} {row.bound:g} {row.unit}".rstrip()
            required.append((row.name, row.text, bound, row.verdict))
        return "\n\n".join([machine(), *tables, table(required, numbers=False)])

    def as_json(self) -> dict[str, Any]:
        """Return all figures, down to the single run."""
        return {
            "machine": machine(),
            "rows": [{**asdict(row), "verdict": row.verdict} for row in self.rows],
            "sections": {
                title: {name: asdict(measured) for name, measured in found.items()}
                for title, found in self.sections.items()
            },
        }

    @property
    def is_good(self) -> bool:
        """Whether no bound was missed."""
        return all(row.verdict != "MISSED" for row in self.rows)


def machine() -> str:
    """Return what the figures were measured on."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [
                line.partition(":")[2].strip() for line in file if line.startswith("model name")
            ]
        name = models[0] if models else name
    return (
        f"{name}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    )


def _cells(found: Mapping[str, Measured]) -> list[Sequence[str]]:
    orders = {contender.name: contender.order for contender in CONTENDERS}
    ours = found[OURS].seconds if OURS in found else None
    cells: list[Sequence[str]] = [_HEAD]
    for name, measured in sorted(found.items(), key=lambda item: item[1].seconds):
        ordered = orders.get(name, Order.EXACT) is not Order.NONE
        cells.append(
            (
                name,
                f"{measured.seconds:.2f}",
                f"{measured.start_seconds:.2f}" if measured.starts else "",
                f"{measured.rate:,.0f}",
                f"{measured.cpu_seconds:.2f}",
                f"{measured.size / 1e6 / max(measured.cpu_seconds, 1e-3):,.0f}",
                f"{measured.peak_mb:,.0f}",
                f"{measured.seconds / ours:.2f}" if ours else "",
                "yes" if ordered else "no",
            )
        )
    return cells


def table(cells: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    """Return lines of aligned cells; `numbers` stand at the right of their columns."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        parts = [
            cell.rjust(width) if numbers and place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def plot(report: Report, path: str) -> None:
    """Draw the throughput of all programs, one panel a section.

    Args:
        report: What was found.
        path: Where the picture goes; its suffix says of what kind it is.
    """
    # An extra of its own ("bench"), wanted only here.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "trio-ship"  # the same figures make the same file
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    heights = [len(found) for found in report.sections.values()]
    figure, panels = plt.subplots(
        len(heights),
        1,
        figsize=(7, 0.25 * sum(heights) + 0.6 * len(heights)),
        gridspec_kw={"height_ratios": heights},
        squeeze=False,
        layout="constrained",
    )
    for panel, (title, found) in zip(panels[:, 0], report.sections.items(), strict=True):
        names = sorted(found, key=lambda name: found[name].rate)
        bars = panel.barh(
            names,
            [found[name].rate for name in names],
            color=[_OUR_COLOR if name.startswith(OURS) else _COLOR for name in names],
        )
        panel.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        panel.set_title(f"{title}, MB/s", loc="left", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.set_xticks([])
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)


def save(report: Report, path: str) -> None:
    """Write all figures to a file, as JSON, down to the single run."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report.as_json(), file, indent=2)
        file.write("\n")

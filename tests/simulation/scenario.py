"""A scenario: everything that happens in one run, as a plain value."""

from __future__ import annotations

from typing import Any, Final

import attrs

__all__ = ["OUTPUTS", "RULES", "Event", "Scenario", "Settings"]

OUTPUTS: Final = {"raw": "/out/raw.log", "json": "/out/all.json"}
"""The path of each sink's output, by its name, which is also its encoding."""

RULES: Final = {
    "timestamp": "",
    "indent": 'multiline = "indent"',
    "start": "multiline = { start = '^(2026-|no)' }",
    "continue": "multiline = { continue = '^  ' }",
    "end": "multiline = { end = ';$' }",
    "cri": "",
}
"""How lines are written so that they make records, and what is configured for it."""


@attrs.frozen(kw_only=True)
class Settings:
    """What is configured.

    Attributes:
        follow: Whether files are followed.
        logs: The paths of all logs; their folder is named after their source.
        every_name: Whether the patterns match rotated names too.
        sinks: The names of the sinks.
        max_delay: `max_delay_seconds`.
        interval: Seconds between two checkpoints.
        buffer_bytes: `max_buffer_bytes`.
        hop_seconds: How long a hop to the disk takes at most.
        reuse_inodes: Whether a new file gets the inode that was freed last.
        rule: How lines make records, one of `RULES`.
        late_sinks: The sinks that are not there at the beginning.
    """

    follow: bool
    logs: tuple[str, ...]
    every_name: bool
    sinks: tuple[str, ...]
    max_delay: float
    interval: float
    buffer_bytes: int
    hop_seconds: float
    reuse_inodes: bool
    rule: str = "timestamp"
    late_sinks: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources."""
        return tuple(sorted({log.split("/")[2] for log in self.logs}))

    def inputs(self, sink: str) -> tuple[str, ...]:
        """Return the sources whose records a sink takes: of two, the first sink takes one."""
        return self.sources[-1:] if sink == self.sinks[0] else self.sources


@attrs.frozen
class Event:
    """One thing that happens.

    Attributes:
        at: When, in seconds after the start.
        kind: What: an action of `world` or of `runner`.
        values: The rest, by name.
        pace: How many disk calls of the pipeline pass before it, and between
            two steps of it; 0: it happens between two hops, in one piece.
    """

    at: float
    kind: str
    values: dict[str, Any]
    pace: int = 0

    def __str__(self) -> str:
        """Return it as one line of a list."""
        rest = " ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.at:7.3f} {self.kind:<13} {rest}" + (f" pace={self.pace}" * bool(self.pace))


@attrs.frozen(kw_only=True)
class Scenario:
    """All that happens.

    Attributes:
        seed: Where it comes from; also the seed of the scheduler.
        settings: What is configured.
        events: What happens, in the order of time.
        seconds: When all faults heal and the end begins.
        again: Whether another life follows the end, and must find nothing new.
    """

    seed: int
    settings: Settings
    events: tuple[Event, ...]
    seconds: float
    again: bool

    @property
    def is_calm(self) -> bool:
        """Whether nothing happens that might make a record late."""
        disturbing = {"clock", "fault", "slow", "descriptors", "full", "half", "behind", "repoint"}
        disturbing |= {"rest", "edit"}
        return not any(event.kind in disturbing or self._is_unseen(event) for event in self.events)

    def _is_unseen(self, event: Event) -> bool:
        """Tell whether an event makes files that may be found much later only."""
        renames = event.kind == "rotate" and not self.settings.every_name
        return renames and not event.values["create"]

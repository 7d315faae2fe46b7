"""What is configured in the present life: an operator edits it between two lives."""

from __future__ import annotations

import functools
from typing import Final

from simulation.scenario import OUTPUTS, RULES, Settings
from trio_ship.config import Config, parse_config

__all__ = ["Configuration", "usual_name"]

_OTHER: Final = "2"
"""What is added to a name for its other form; such names have the order of the usual ones."""


def usual_name(name: str) -> str:
    """Return the name in `Settings` of a source or sink, whichever of its names it has."""
    return name.removesuffix(_OTHER)


class Configuration:
    """The text of the configuration, and the edits made to it.

    Args:
        settings: What is configured at the beginning.

    Attributes:
        absent: The sinks that are taken out just now.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._renamed: set[str] = set()
        self.absent: set[str] = set(settings.late_sinks)

    @property
    def sinks(self) -> tuple[str, ...]:
        """The sinks that are there, by their usual names."""
        return tuple(sink for sink in self._settings.sinks if sink not in self.absent)

    def edit(self, what: str, name: str) -> None:
        """Change the configuration for the lives to come.

        Args:
            what: "rename": a sink or source gets its other name; "absent": a sink is
                taken out, or put back.
            name: Its usual name.
        """
        changed = self._renamed if what == "rename" else self.absent
        changed ^= {name}

    def _name(self, usual: str) -> str:
        return usual + _OTHER * (usual in self._renamed)

    def parsed(self) -> Config:
        """Return the configuration."""
        return _parsed(self.text())

    def text(self) -> str:
        """Return it as it stands in its file."""
        settings = self._settings
        names = "*" if settings.every_name else "*.log"
        parts = [
            f"[pipeline]\nfollow = {str(settings.follow).lower()}\n",
            f"max_delay_seconds = {settings.max_delay}\n",
            f"max_buffer_bytes = {settings.buffer_bytes}\n",
            f"[pipeline.checkpoint]\ninterval_seconds = {settings.interval}\n",
        ]
        rule = RULES[settings.rule]
        parts += [
            f'[sources.{self._name(source)}]\ntype = "file"\n'
            f'paths = ["/logs/{source}/{names}"]\n{rule}\n'
            for source in settings.sources
        ]
        for sink in self.sinks:
            inputs = settings.inputs(sink)
            parts.append(
                f'[sinks.{self._name(sink)}]\ntype = "file"\npath = "{OUTPUTS[sink]}"\n'
                f'encoding = "{sink}"\n'
                + f"inputs = {[self._name(source) for source in inputs]}\n"
                * (inputs != settings.sources)
            )
        return "".join(parts)


@functools.cache
def _parsed(text: str) -> Config:
    return parse_config(text, file="/etc/ship/ship.toml")

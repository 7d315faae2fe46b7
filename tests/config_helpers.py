"""Configurations that are wrong, and what is said of them."""

from __future__ import annotations

import pytest

from trio_ship.config import parse_config
from trio_ship.errors import ConfigError

__all__ = ["BASE", "SINK", "SOURCE", "faults"]

SOURCE = '[sources.app]\ntype = "file"\npaths = ["/nowhere/*.log"]\n'
SINK = '[sinks.out]\ntype = "stdout"\n'

BASE = SOURCE + '[sources.web-1]\ntype = "file"\npaths = ["/web/*.log"]\n' + SINK
"""Two sources and a sink, whose table is the last."""


def faults(text: str, file: str = "ship.toml") -> list[str]:
    """Return the lines of the error that a text gives, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file=file, needs_sink=True)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]

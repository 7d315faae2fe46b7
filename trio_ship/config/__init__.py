"""What the user wants: TOML in, one frozen tree out, or every fault at once.

`model` holds the classes and all defaults, `values` says what a single key may
hold, `contradictions` what keys may not say together, `load` makes one tree out
of a text, and `describe` says a tree in words.
"""

from __future__ import annotations

from trio_ship.config.describe import describe
from trio_ship.config.load import find_config, load_config, parse_config
from trio_ship.config.model import (
    CheckpointConfig,
    Config,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
    StepConfig,
    TimestampConfig,
    WhenConfig,
)

__all__ = [
    "CheckpointConfig",
    "Config",
    "PipelineConfig",
    "SinkConfig",
    "SourceConfig",
    "StepConfig",
    "TimestampConfig",
    "WhenConfig",
    "describe",
    "find_config",
    "load_config",
    "parse_config",
]

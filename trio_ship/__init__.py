"""trio-ship: many log files, one stream in true time order, exact across restarts.

config = trio_ship.load_config("ship.toml")
await trio_ship.run(config)                      # in a nursery of yours
async with trio_ship.open_stream(config) as stream:
    async for batch in stream:
        ...
        stream.acknowledge(batch)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_ship.batch import NO_STAMP, Batch, Flag, Kind, OrderedBatch
    from trio_ship.board import Statistics
    from trio_ship.config import Config, load_config, parse_config
    from trio_ship.errors import CheckpointError, ConfigError, ShipError, SinkError, SourceError
    from trio_ship.pipeline import Pipeline, run
    from trio_ship.state import Snapshot
    from trio_ship.stream import Stream, open_stream

__all__ = [
    "NO_STAMP",
    "Batch",
    "CheckpointError",
    "Config",
    "ConfigError",
    "Flag",
    "Kind",
    "OrderedBatch",
    "Pipeline",
    "ShipError",
    "SinkError",
    "Snapshot",
    "SourceError",
    "Statistics",
    "Stream",
    "load_config",
    "open_stream",
    "parse_config",
    "run",
]

# In the order of what their import takes: whoever asks for an error needs no NumPy.
_ROOMS = ("errors", "state", "config", "batch", "board", "pipeline", "stream")


def __getattr__(name: str) -> object:
    """Import a name when it is asked for first: NumPy, Arrow and Trio take a while."""
    if name in __all__:
        for room in _ROOMS:
            module = importlib.import_module(f"{__name__}.{room}")
            if name in module.__all__:
                value: object = getattr(module, name)
                globals()[name] = value
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return all names, those too that nobody has asked for yet: for `help` and completion."""
    return sorted({*globals(), *__all__})

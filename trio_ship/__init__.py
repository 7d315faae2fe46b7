"""trio-ship: many log files, one stream in true time order, exact across restarts.

config = trio_ship.load_config("ship.toml")
await trio_ship.run(config)                      # in a nursery of yours
async with trio_ship.open_stream(config) as stream:
    async for batch in stream:
        ...
        stream.acknowledge(batch)
"""

from __future__ import annotations

import trio

from trio_ship.batch import Batch, Kind, OrderedBatch
from trio_ship.config import Config, load_config, parse_config
from trio_ship.errors import CheckpointError, ConfigError, ShipError, SinkError, SourceError
from trio_ship.pipeline import Pipeline
from trio_ship.state import Snapshot
from trio_ship.stream import Stream, open_stream

__all__ = [
    "Batch",
    "CheckpointError",
    "Config",
    "ConfigError",
    "Kind",
    "OrderedBatch",
    "Pipeline",
    "ShipError",
    "SinkError",
    "Snapshot",
    "SourceError",
    "Stream",
    "load_config",
    "open_stream",
    "parse_config",
    "run",
]


async def run(
    config: Config, *, task_status: trio.TaskStatus[Pipeline] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a pipeline until all is read, or until cancelled.

    Args:
        config: What to read and where to write.
        task_status: Is given the running `Pipeline`, whose `drain` ends it in
            order.

    Raises:
        ShipError: What keeps it from its work, by itself and not in a group.
    """
    await Pipeline(config).run(task_status=task_status)

"""Which configuration a command uses."""

from __future__ import annotations

import logging
import os

from trio_ship.config import Config, find_config, load_config
from trio_ship.errors import ConfigError

__all__ = ["chosen_config"]

_LOG = logging.getLogger("trio_ship")


def chosen_config(path: str | None) -> Config:
    """Load the configuration that was named, or the first that is found.

    Raises:
        ConfigError: There is none, or it cannot be used.
    """
    if path is not None:
        return load_config(path)
    found = find_config(os.environ, os.getcwd())
    if found is None:
        raise ConfigError(
            "no configuration: there is no ./trio-ship.toml and no /etc/trio-ship/trio-ship.toml; "
            "name one with --config FILE or $TRIO_SHIP_CONFIG, "
            "or merge files without any: trio-ship run FILE ..."
        )
    _LOG.info("configuration: %s", found)
    return load_config(found)

"""Which configuration a command uses."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import attrs

from trio_ship.config import CheckpointConfig, Config, SourceConfig, find_config, load_config
from trio_ship.config.moments import Beginning, resolve_moment
from trio_ship.config.values import InvalidValueError
from trio_ship.errors import ConfigError

__all__ = ["chosen_config", "current_folder", "reading_config", "with_times"]

_LOG = logging.getLogger("trio_ship")


def current_folder() -> str:
    """Return the current folder; an empty text where somebody has removed it: nothing is in it."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def chosen_config(options: argparse.Namespace, *, needs_sink: bool) -> Config:
    """Return the configuration of the files that were named, or load one.

    That is the one that was named, or the first that is found.

    Args:
        options: `config`, the `command` that wants it, and the `files` if it takes any.
        needs_sink: Whether one without a sink cannot be used.

    Raises:
        ConfigError: There is none, or it cannot be used; or files were named beside it.
    """
    files = getattr(options, "files", [])
    if files and options.config is not None:
        raise ConfigError("FILEs and --config exclude each other; give one of them")
    if files:
        return Config.for_files(files)
    if options.config is not None:
        return load_config(options.config, needs_sink=needs_sink)
    found = find_config(os.environ, current_folder())
    if found is None:
        or_files = f", or name files: trio-ship {options.command} FILE ..."
        raise ConfigError(
            "there is no ./trio-ship.toml and no /etc/trio-ship/trio-ship.toml; "
            "name a configuration with --config FILE or $TRIO_SHIP_CONFIG"
            + (or_files if hasattr(options, "files") else "")
        )
    _LOG.info("configuration: %s", found)
    return load_config(found, needs_sink=needs_sink)


def reading_config(
    options: argparse.Namespace, *, follow: bool = False, is_new: bool = False
) -> Config:
    """Return a configuration that reads what was asked for, and writes and keeps nothing.

    Args:
        options: As for `chosen_config`; `begin` and `until`, if they were asked for.
        follow: Whether files may grow.
        is_new: Whether only what is written from now on is read.

    Raises:
        ConfigError: As `chosen_config` and `with_times`.
    """
    config = chosen_config(options, needs_sink=False)
    start: Literal["beginning", "end"] = "end" if is_new else "beginning"
    sources = {name: attrs.evolve(one, start=start) for name, one in config.sources.items()}
    config = with_times(attrs.evolve(config, sources=sources), options, follow=follow)
    pipeline = attrs.evolve(
        config.pipeline, follow=follow, checkpoint=CheckpointConfig(enabled=False)
    )
    return attrs.evolve(config, pipeline=pipeline, sinks={})


def with_times(config: Config, options: argparse.Namespace, *, follow: bool) -> Config:
    """Return a configuration that begins and ends at the moments that were asked for.

    Raises:
        ConfigError: One is no moment; there is an end where files are followed;
            or the end is not behind the beginning.
    """
    begin, until = getattr(options, "begin", None), getattr(options, "until", None)
    for option, text in (("--from", begin), ("--to", until)):
        if text is not None:
            try:
                Beginning(places=False)(text)
            except InvalidValueError as error:
                raise ConfigError(f"{option}: {error}") from None
    if until is not None and follow:
        remedy = "say --once" if options.command == "run" else "leave --follow and --new out"
        raise ConfigError(f"--to wants an end, and what is followed has none: {remedy}")
    changes = {} if begin is None else {"start": begin}
    changes |= {} if until is None else {"until": until}
    sources = {name: attrs.evolve(one, **changes) for name, one in config.sources.items()}
    if begin is not None and until is not None:
        _check_order(begin, until, sources.values())
    return attrs.evolve(config, sources=sources)


def _check_order(begin: str, until: str, sources: Iterable[SourceConfig]) -> None:
    now_ns = time.time_ns()
    for zone in {source.timestamp.timezone for source in sources}:
        first, end = (resolve_moment(text, zone, now_ns) for text in (begin, until))
        if first >= end:
            said = " and ".join(
                f"{option} {datetime.fromtimestamp(at // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"
                for option, at in (("--from", first), ("--to", end))
            )
            raise ConfigError(f"{said} leave nothing between them; --to wants a later time")

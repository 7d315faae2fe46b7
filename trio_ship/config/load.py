"""From a file to a configuration, or to one error that lists every fault.

Each fault is one line: the file, the key, what was found; what is allowed. A
value is shown only where its key is known, for an unknown one may be a secret.
Of more than fifty faults the first fifty are listed and the others counted.
"""

from __future__ import annotations

import os
import re
import select
import stat
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import attrs

from trio_ship.config.contradictions import contradictions
from trio_ship.config.locations import absolute, absolute_pattern
from trio_ship.config.model import (
    CheckpointConfig,
    Config,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
)
from trio_ship.config.structure import Fault, KeyPath, places, structure
from trio_ship.config.values import InvalidValueError, PipelineName, printable, quoted
from trio_ship.errors import ConfigError

__all__ = ["find_config", "load_config", "parse_config", "refused", "unusable"]

_MEBIBYTE: Final = 1 << 20
_LOCAL: Final = "trio-ship.toml"
_SYSTEM: Final = "/etc/trio-ship/trio-ship.toml"
_DEEPEST: Final = 32
_FAULTS_SAID: Final = 50
_PATIENCE_SECONDS: Final = 10.0
# The parser's time and memory grow with the square of the parts of a dotted key.
_DEEP_KEY: Final = re.compile(
    r"""(?:^|[\[{,])[ \t]*+
    (?:(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    rf"{{{_DEEPEST}}}",
    re.MULTILINE | re.VERBOSE,
)


def find_config(environ: Mapping[str, str], cwd: str) -> str | None:
    """Find the configuration when none is given.

    Args:
        environ: The environment.
        cwd: The current folder.

    Returns:
        The path in $TRIO_SHIP_CONFIG, whether it exists or not; else the first
        that exists of ./trio-ship.toml and /etc/trio-ship/trio-ship.toml; else
        None.
    """
    given = environ.get("TRIO_SHIP_CONFIG")
    if given:
        return os.path.join(cwd, given)
    candidates = (os.path.join(cwd, _LOCAL), _SYSTEM)
    return next((path for path in candidates if os.path.exists(path)), None)


def load_config(path: str | os.PathLike[str], *, needs_sink: bool = False) -> Config:
    """Load a configuration.

    Args:
        path: A TOML file of 1 MiB at most, or a pipe out of which one comes.
        needs_sink: As for `parse_config`.

    Returns:
        The configuration, with absolute paths.

    Raises:
        ConfigError: It cannot be read or used; all faults are listed.
    """
    file = os.fspath(path)
    try:
        data = _read(file)
    except FileNotFoundError:
        raise _error(file, "there is no such file; the path of a TOML file is wanted") from None
    except OSError as error:
        raise _error(file, f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise _error(file, "this is not a path; the path of a TOML file is wanted") from None
    if len(data) > _MEBIBYTE:
        raise _error(file, "larger than 1 MiB; a configuration of 1 MiB at most is allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(file, f"not UTF-8 text (at line {line}); TOML is written in UTF-8") from None
    return parse_config(text, file=file, needs_sink=needs_sink)


def parse_config(text: str, *, file: str, needs_sink: bool = False) -> Config:
    """Make a configuration of a text.

    Args:
        text: TOML, 1 MiB at most.
        file: Where it comes from: relative paths are taken from its folder, and
            messages begin with it. Empty: from nowhere; then relative paths are
            taken from the current folder.
        needs_sink: Whether it is a fault that there is no sink; one is wanted by
            `run`, and not by `open_stream`.

    Returns:
        The configuration, with absolute paths.

    Raises:
        ConfigError: It cannot be used; all faults are listed.
    """
    document = _parse_toml(text, file)
    config, faults = structure(document)
    config = _resolved(config, os.path.abspath(file) if file else "", faults)
    wrong = [fault.path for fault in faults]
    faults += [
        # What is missing because it was wrong has been said already.
        fault
        for fault in contradictions(config, needs_sink=needs_sink)
        if not any(_is_related(fault.path, path) for path in wrong)
    ]
    if faults:
        order = places(document)
        faults.sort(key=lambda fault: _place(fault.path, order))
        texts = [_said(fault) for fault in faults[:_FAULTS_SAID]]
        if len(faults) > _FAULTS_SAID:
            texts.append(f"and {len(faults) - _FAULTS_SAID:,} more")
        raise _error(file, *texts)
    return config


def refused(config: Config, fault: Fault) -> ConfigError:
    """Return the error that says why a configuration cannot be used as somebody wants to."""
    return _error(config.file, _said(fault))


def unusable(config: Config, *errors: ConfigError) -> ConfigError:
    """Return the error that says what was found when a configuration was put to use."""
    return _error(config.file, *map(str, errors))


def _said(fault: Fault) -> str:
    return f"{_spelled(fault.path)}: {fault.text}"


def _error(file: str, *texts: str) -> ConfigError:
    name = printable(file) or "configuration"
    return ConfigError("\n".join(f"{name}: {text}" for text in texts))


def _read(file: str) -> bytes:
    """Return what a file or a pipe holds, up to a byte more than is allowed."""
    # O_NONBLOCK: a named pipe in this place must not stop the program.
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            kind = "folder" if stat.S_ISDIR(mode) else "device"
            raise _error(file, f"this is a {kind}; the path of a TOML file is wanted")
        data = piece = _read_piece(fd, file, _MEBIBYTE + 1)
        while piece and len(data) <= _MEBIBYTE:
            piece = _read_piece(fd, file, _MEBIBYTE + 1 - len(data))
            data += piece
    finally:
        os.close(fd)
    if not data and stat.S_ISFIFO(mode):
        raise _error(file, "nobody writes to this pipe; the path of a TOML file is wanted")
    return data


def _read_piece(fd: int, file: str, size: int) -> bytes:
    """Read once, waiting a while for whoever writes to a pipe."""
    try:
        return os.read(fd, size)
    except BlockingIOError:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(_PATIENCE_SECONDS * 1000):
            text = f"nothing came out of this pipe for {_PATIENCE_SECONDS:g} s; TOML is wanted"
            raise _error(file, text) from None
    return os.read(fd, size)


def _parse_toml(text: str, file: str) -> dict[str, Any]:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _error(file, "not UTF-8 text; TOML is written in UTF-8") from None
    if size > _MEBIBYTE:
        raise _error(file, "larger than 1 MiB; a configuration of 1 MiB at most is allowed")
    too_deep = f"nested too deep; {_DEEPEST} levels at most are allowed"
    deep = _DEEP_KEY.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.end()) + 1
        raise _error(file, f"{too_deep} (at line {line})")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _error(file, too_deep) from None
    except tomllib.TOMLDecodeError as error:
        raise _error(file, f"not valid TOML: {printable(str(error))}") from None
    except ValueError:  # what `int` says of thousands of digits
        raise _error(file, "not valid TOML: a number has too many digits") from None


def _resolved(config: Config, file: str, faults: list[Fault]) -> Config:
    """Fill in names, absolute paths and what depends on the config's place."""
    folder = os.path.dirname(file) if file else os.getcwd()
    pipeline = config.pipeline
    name = pipeline.name
    if not name:
        stem = os.path.splitext(os.path.basename(file))[0] or "trio-ship"
        try:
            name = PipelineName()(os.fsencode(stem).decode(errors="replace"))
        except InvalidValueError as error:
            faults.append(Fault(("pipeline", "name"), f"taken from the file's name, {error}"))
    return Config(
        pipeline=attrs.evolve(
            pipeline, name=name, checkpoint=_resolved_checkpoint(pipeline, name, folder)
        ),
        sources={key: _resolved_source(key, one, folder) for key, one in config.sources.items()},
        sinks={key: _resolved_sink(key, one, folder) for key, one in config.sinks.items()},
        steps=config.steps,
        file=file,
    )


def _resolved_checkpoint(pipeline: PipelineConfig, name: str, folder: str) -> CheckpointConfig:
    path = pipeline.checkpoint.path
    if not path:
        # systemd separates several folders with colons.
        state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        folder = os.path.abspath(state) if state else folder
        path = f"./{name}.checkpoint.toml"
    return attrs.evolve(pipeline.checkpoint, path=absolute(path, folder))


def _resolved_source(name: str, source: SourceConfig, folder: str) -> SourceConfig:
    return attrs.evolve(
        source,
        name=name,
        paths=tuple(absolute_pattern(path, folder) for path in source.paths),
        exclude=tuple(absolute_pattern(path, folder) for path in source.exclude),
    )


def _resolved_sink(name: str, sink: SinkConfig, folder: str) -> SinkConfig:
    return attrs.evolve(sink, name=name, path=absolute(sink.path, folder) if sink.path else "")


def _is_related(path: KeyPath, other: KeyPath) -> bool:
    return all(key == own for key, own in zip(path, other, strict=False))


def _place(path: KeyPath, order: Mapping[KeyPath, int]) -> int:
    """Return where a path, or the nearest table around it, was written."""
    while path and path not in order:
        path = path[:-1]
    return order.get(path, len(order))


def _spelled(path: KeyPath) -> str:
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", key) is not None
            text += ("." if text else "") + (key if bare else quoted(key))
    return text

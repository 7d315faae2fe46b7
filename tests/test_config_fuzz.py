"""Whatever a configuration holds, it gives a `Config` or a `ConfigError`."""

from __future__ import annotations

import string
from typing import Any

import attrs
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.config import (
    CheckpointConfig,
    Config,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
    TimestampConfig,
    parse_config,
)
from trio_ship.errors import ConfigError

RIGHT = """
[sources.app]
type = "file"
paths = ["/nowhere/*.log"]
timestamp = { pattern = '(?P<ts>x)', format = '%d.%m' }
[sinks.out]
type = "stdout"
"""

CLASSES = (
    Config,
    PipelineConfig,
    CheckpointConfig,
    SourceConfig,
    TimestampConfig,
    SinkConfig,
)
KNOWN = sorted({field.name for cls in CLASSES for field in attrs.fields(cls)})
KEYS = st.sampled_from(KNOWN) | st.text(max_size=5)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.text(max_size=8),
    st.sampled_from(["file", "stdin", "stdout", "raw", "%d.%m", "(?P<ts>x)", "~/x", "*.log", "**"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
TABLE = st.dictionaries(KEYS, VALUES, max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "pipeline": TABLE | VALUES,
        "sources": st.dictionaries(KEYS, TABLE | VALUES, max_size=3) | VALUES,
        "sinks": st.dictionaries(KEYS, TABLE | VALUES, max_size=3) | VALUES,
    },
)


def check_outcome(text: str) -> None:
    """Parse a text; anything but a configuration or its error is raised."""
    try:
        config = parse_config(text, file="/nowhere/ship.toml")
    except ConfigError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith("/nowhere/ship.toml: ") for line in lines)
        assert all(line.isprintable() for line in lines)
    else:
        assert isinstance(config, Config)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS | TABLE)
def test_any_document(document: dict[str, Any]) -> None:
    """Any TOML gives a configuration or a ConfigError, in printable lines."""
    check_outcome(tomli_w.dumps(document))


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="[]{}=.,\"'\n\\ab1-:#" + string.digits))
def test_any_text(text: str) -> None:
    """Any text gives a configuration or a ConfigError, in printable lines."""
    check_outcome(text)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage(data: st.DataObject) -> None:
    """A configuration with a damaged place gives a configuration or a ConfigError."""
    start = data.draw(st.integers(0, len(RIGHT)))
    end = data.draw(st.integers(start, min(start + 12, len(RIGHT))))
    check_outcome(RIGHT[:start] + data.draw(st.text(max_size=6)) + RIGHT[end:])

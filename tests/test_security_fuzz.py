"""Good configurations with something changed, odd command lines: errors, never a traceback."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trio_ship.cli import main
from trio_ship.config import Config, describe, parse_config
from trio_ship.errors import ConfigError

FILE = "/nowhere/ship.toml"
GOOD = """
[pipeline]
name = "ship"
follow = true
max_delay_seconds = 1.0
max_future_seconds = 86400
late = "drop"
max_buffer_bytes = 1000000
[pipeline.checkpoint]
enabled = true
path = "/elsewhere/x.toml"
interval_seconds = 5
[sources.app]
type = "file"
paths = ["/nowhere/*.log", "sub/**/x?[a-z]"]
exclude = ["/nowhere/a.log"]
start = "end"
charset = "utf-8"
multiline = "off"
max_record_bytes = 1000
max_delay_seconds = 2.5
max_future_seconds = 0
[sources.app.timestamp]
pattern = '^(?P<ts>\\S+)'
format = "%d.%m.%Y"
timezone = "Europe/Berlin"
[sources.in]
type = "stdin"
[sinks.out]
type = "file"
path = "/elsewhere/out.log"
encoding = "json"
[sinks.std]
type = "stdout"
"""
ODD = st.one_of(
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, 2**64, 10**30, 10**400, -1, 0]),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -0.0, 1e308, 5e-324]),
    st.text(max_size=8),
    st.sampled_from(["\0", "/", "..", "~", "~nobody-here/x", "**/**", "[", "x" * 5000, "\x1b[2J"]),
    st.sampled_from([date(1, 1, 1), datetime(9999, 12, 31, tzinfo=UTC), time(23, 59, 59)]),
    st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=2), max_leaves=9),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield where every key of a document stands."""
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


def change(data: st.DataObject, document: dict[str, Any]) -> None:
    """Remove, rename, move or replace something."""
    *path, last = data.draw(st.sampled_from(sorted(places(document))))
    table = document
    for key in path:
        table = table[key]
    what = data.draw(st.sampled_from(["replace", "replace", "remove", "rename", "nest", "move"]))
    value = table.pop(last)
    if what == "replace":
        table[last] = data.draw(ODD)
    elif what == "rename":
        table[last[:-1] or "x"] = value
    elif what == "nest":
        table[last] = {last: value}
    elif what == "move":
        document[last] = value


def test_the_configuration_of_these_tests_is_one() -> None:
    """Undamaged, it is taken."""
    assert parse_config(GOOD, file=FILE).pipeline.name == "ship"


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_x10_a_good_configuration_with_changes_is_taken_or_refused_by_key(
    data: st.DataObject,
) -> None:
    """Every line of the error has the file, the key, what was found and what is allowed."""
    document = copy.deepcopy(tomllib.loads(GOOD))
    for _ in range(data.draw(st.integers(1, 3))):
        change(data, document)
    try:
        text = tomli_w.dumps(document)
        config = parse_config(text, file=FILE)
    except ConfigError as error:
        for line in str(error).splitlines():
            name, place, rest = line.split(": ", 2)
            assert (name, line.isprintable()) == (FILE, True)
            assert place.split(".")[0].strip('"') in {*document, "sources", "sinks"}
            assert "; " in rest or "unknown key" in rest or "is given" in rest
    else:
        assert isinstance(config, Config)
        assert describe(config)


WORDS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["-", "--", "---", "-c", "--config", "--once", "-q", "--log-format", "-V9"]),
    st.sampled_from(["run", "check", "--color=", "--raw=1", "-c=", "/nowhere/x.toml", "a" * 5000]),
)


@given(st.lists(WORDS, max_size=4))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_wrong_command_line_ends_with_2(
    capfd: pytest.CaptureFixture[str], words: Sequence[str]
) -> None:
    """Usage that is wrong is said in printable lines on standard error, and nothing else."""
    # Whatever else stands there, this option does not exist.
    arguments = ["check", *(word for word in words if word not in {"-h", "--help"}), "--nothing"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, said = capfd.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert "usage: " in said
    assert all(line.isprintable() for line in said.splitlines())

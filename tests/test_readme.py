"""The README keeps its word: its example runs, and its reference is complete."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from trio_ship.checkpoint.document import from_document, to_document
from trio_ship.config import load_config
from trio_ship.config.model import (
    NOT_A_KEY,
    CheckpointConfig,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
    StepConfig,
    TimestampConfig,
    WhenConfig,
)
from trio_ship.decode.table import LAYOUTS

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
_TABLES = {
    "pipeline": PipelineConfig,
    "pipeline.checkpoint": CheckpointConfig,
    "sources.NAME": SourceConfig,
    "sources.NAME.timestamp": TimestampConfig,
    "sinks.NAME": SinkConfig,
    "sinks.NAME.when": WhenConfig,
    "steps": StepConfig,
}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


def reference() -> dict[str, str]:
    """Return what the reference says of each key's default."""
    rows = re.findall(
        r"^\| `((?:pipeline|sources|sinks|steps)\.[\w.]+)` \| (.*?) \|", _README, re.MULTILINE
    )
    return dict(rows)


def fields() -> dict[str, attrs.Attribute[Any]]:
    """Return every key of the configuration, but those of its tables."""
    return {
        f"{table}.{field.name}": field
        for table, one in _TABLES.items()
        for field in attrs.fields(one)
        if not field.metadata.get(NOT_A_KEY) and f"{table}.{field.name}" not in _TABLES
    }


def test_the_example_of_the_library_runs(tmp_path: Path) -> None:
    """The example, as it stands in the README, prints the errors of a log."""
    (code,) = blocks("python")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text(
        "2026-11-23T08:00:00Z INFO well\n2026-11-23T08:00:00.123456789Z ERROR failed\n  at line 7\n"
    )
    config = 'pipeline.follow = false\n[sources.app]\ntype = "file"\npaths = ["logs/*.log"]\n'
    sink = '[sinks.merged]\ntype = "file"\npath = "merged.log"\n'
    (tmp_path / "ship.toml").write_text(config + sink)
    (tmp_path / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    stamp = "2026-11-23 08:00:00.123456789Z"
    record = "2026-11-23T08:00:00.123456789Z ERROR failed\n  at line 7"
    assert done.stdout == f"{stamp} {record}\n"


def test_the_configuration_of_the_tour_is_valid(tmp_path: Path) -> None:
    """The first TOML block loads as it stands."""
    path = tmp_path / "ship.toml"
    path.write_text(blocks("toml")[0])
    assert list(load_config(str(path)).sources) == ["shop"]


def test_the_steps_that_are_shown_are_valid(tmp_path: Path) -> None:
    """The second TOML block is valid behind the first."""
    path = tmp_path / "ship.toml"
    path.write_text("\n".join(blocks("toml")[:2]))
    assert [step.type for step in load_config(str(path)).steps] == ["filter", "redact"]


def test_the_steps_of_fields_that_are_shown_are_valid(tmp_path: Path) -> None:
    """The third TOML block is valid behind the first, where its source is parsed."""
    path = tmp_path / "ship.toml"
    first, _, third = blocks("toml")[:3]
    path.write_text(first.replace('type = "file"', 'type = "file"\nparse = "auto"', 1) + third)
    steps = [step.type for step in load_config(str(path)).steps]
    assert steps == ["rename", "remove", "add"]


def test_the_checkpoint_that_is_shown_is_as_one_is_written() -> None:
    """The fourth TOML block, read and written again, is the same, with its keys in their order."""
    shown = tomllib.loads(blocks("toml")[3])
    snapshot = from_document(shown, pipeline="ship")
    written = to_document(snapshot, pipeline="ship", saved_at=shown["saved_at"])
    assert {**shown, "sinks": {}} == written
    assert list(shown["sources"]["shop"][0]) == list(written["sources"]["shop"][0])


def test_every_key_is_in_the_reference_and_no_other() -> None:
    """The reference names the keys of the configuration classes, in their order."""
    assert list(fields()) == list(reference())


def test_defaults_in_the_reference_are_those_of_the_classes() -> None:
    """A default that is written as code is the default."""
    for key, text in reference().items():
        if re.fullmatch(r"`[^`]*`", text):
            said = tomllib.loads(f"value = {text.strip('`')}")["value"]
            default = fields()[key].default
            assert default == (tuple(said) if isinstance(said, list) else said), key
        else:
            assert fields()[key].default in (attrs.NOTHING, "", None), key


def test_every_layout_is_in_the_table_with_its_example() -> None:
    """The table of stamps has every layout of the program, in its order."""
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+?) \|", _README, re.MULTILINE)
    shown = [(layout.name, layout.example, layout.writers) for layout in LAYOUTS]
    rows = [(name, example.replace("\\|", "|"), writers) for name, example, writers in rows]
    assert shown == rows[: len(LAYOUTS)]


@pytest.mark.parametrize("command", [[], ["run"], ["merge"], ["explain"], ["check"]])
def test_every_flag_of_the_help_is_in_the_readme(command: list[str]) -> None:
    """What `--help` offers is explained."""
    text = subprocess.run(
        [sys.executable, "-m", "trio_ship", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    flags = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
    assert set() == {flag for flag in flags if not re.search(rf"`[^`]*{flag}\b[^`]*`", _README)}

"""Configurations that are right: defaults, paths, names and descriptions."""

from __future__ import annotations

import math
import os
from pathlib import Path

import attrs
import pytest

from trio_ship.config import (
    CheckpointConfig,
    Config,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
    TimestampConfig,
    describe,
    find_config,
    load_config,
    parse_config,
)
from trio_ship.config.multiline import LineRule
from trio_ship.errors import ConfigError

SMALLEST = """
[sources.app]
type = "file"
paths = ["*.log"]
[sinks.out]
type = "stdout"
"""

CONTRACT = r"""
[pipeline]
name = "ship"
follow = true
max_delay_seconds = 1.0
max_future_seconds = 86400.0
late = "emit"
max_buffer_bytes = 67108864

[pipeline.checkpoint]
enabled = true
path = "ship.checkpoint.toml"
interval_seconds = 5.0

[sources.app]
type = "file"
paths = ["/var/log/app/*.log"]
exclude = []
start = "beginning"
charset = "utf-8"
multiline = "timestamp"
max_record_bytes = 1048576

[sources.app.timestamp]
pattern = '^(?P<ts>\S+)'
format = "iso8601"
timezone = "local"

[sinks.merged]
type = "file"
path = "merged.log"
encoding = "raw"
"""


@pytest.fixture(autouse=True)
def _no_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


@pytest.mark.parametrize(("parse", "bytes_"), [("off", 1 << 20), ("json", 1 << 19)])
def test_fields_weigh_as_much_as_their_records(parse: str, bytes_: int) -> None:
    """Where records are parsed, half as many are in flight."""
    text = SMALLEST.replace("[sinks", f'parse = "{parse}"\n[sinks')
    config = parse_config(f"[pipeline]\nmax_buffer_bytes = 1048576\n{text}", file="/srv/a.toml")
    assert config.in_flight_bytes == bytes_


def test_contract() -> None:
    """The example of the contract gives every value that it shows."""
    config = parse_config(CONTRACT, file="/srv/other.toml")
    assert config == Config(
        pipeline=PipelineConfig(
            name="ship",
            checkpoint=CheckpointConfig(path="/srv/ship.checkpoint.toml"),
        ),
        sources={
            "app": SourceConfig(
                name="app",
                type="file",
                paths=("/var/log/app/*.log",),
                timestamp=TimestampConfig(pattern=r"^(?P<ts>\S+)", format="iso8601"),
            )
        },
        sinks={"merged": SinkConfig(name="merged", type="file", path="/srv/merged.log")},
        file="/srv/other.toml",
    )


def test_defaults() -> None:
    """What is left out has the defaults of the contract."""
    config = parse_config(SMALLEST, file="/srv/ship.toml")
    pipeline = config.pipeline
    assert attrs.asdict(pipeline) == {
        "name": "ship",
        "follow": True,
        "max_delay_seconds": 1.0,
        "max_future_seconds": 86_400.0,
        "late": "emit",
        "max_buffer_bytes": 67_108_864,
        "checkpoint": {
            "enabled": True,
            "path": "/srv/ship.checkpoint.toml",
            "interval_seconds": 5.0,
        },
    }
    assert attrs.asdict(config.sources["app"]) == {
        "name": "app",
        "type": "file",
        "paths": ("/srv/*.log",),
        "exclude": (),
        "start": "beginning",
        "until": "",
        "charset": "utf-8",
        "multiline": "timestamp",
        "parse": "off",
        "max_record_bytes": 1_048_576,
        "max_record_lines": None,
        "max_delay_seconds": None,
        "max_future_seconds": None,
        "timestamp": {"pattern": None, "format": "auto", "prefer": "outer", "timezone": "local"},
        "literal": False,
    }
    assert attrs.asdict(config.sinks["out"]) == {
        "name": "out",
        "type": "stdout",
        "path": "",
        "encoding": "raw",
        "inputs": (),
        "when": None,
        "steps": (),
    }


def test_integers_as_durations() -> None:
    """Durations may be integers, and become floats."""
    config = parse_config("[pipeline]\nmax_delay_seconds = 2\n" + SMALLEST, file="")
    delay = config.pipeline.max_delay_seconds
    assert isinstance(delay, float)
    assert math.isclose(delay, 2)


def test_order_of_names() -> None:
    """Sources and sinks come in the order of their names, however they were written."""
    text = "\n".join(f'[sources.{name}]\ntype = "file"\npaths = ["x"]' for name in "cab")
    config = parse_config(text + '\n[sinks.out]\ntype = "stdout"', file="")
    assert list(config.sources) == ["a", "b", "c"]
    assert [source.name for source in config.sources.values()] == ["a", "b", "c"]


def test_frozen() -> None:
    """Nothing of a configuration can be changed."""
    config = parse_config(SMALLEST, file="")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.pipeline.follow = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.sources["x"] = config.sources["app"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("*.log", "/srv/etc/*.log"),
        ("./a/../b.log", "/srv/etc/b.log"),
        ("/var/**/x.log", "/var/**/x.log"),
        ("//var/x.log", "/var/x.log"),
        ("~/x/*.log", "/home/me/x/*.log"),
    ],
)
def test_paths(written: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths begin in the folder of the file, and ~ is expanded."""
    monkeypatch.setenv("HOME", "/home/me")
    text = SMALLEST.replace("*.log", written)
    config = parse_config(text, file="/srv/etc/ship.toml")
    assert config.sources["app"].paths == (expected,)


def test_special_characters_in_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is special in the folder of the file, nor in a home."""
    monkeypatch.setenv("HOME", "/home/m*")
    text = SMALLEST.replace('"*.log"', '"*.log", "~/[ab].log"')
    config = parse_config(text, file="/srv/[prod]/ship.toml")
    assert config.sources["app"].paths == ("/srv/[[]prod]/*.log", "/home/m[*]/[ab].log")


def test_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint is put into the first folder that systemd gives."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/ship:/var/lib/other")
    config = parse_config(SMALLEST, file="/etc/ship.toml")
    assert config.pipeline.checkpoint.path == "/var/lib/ship/ship.checkpoint.toml"


def test_relative_checkpoint_beside_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint path that was given is taken from the folder of the file."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/ship")
    text = '[pipeline.checkpoint]\npath = "state/x.toml"\n' + SMALLEST
    config = parse_config(text, file="/etc/ship.toml")
    assert config.pipeline.checkpoint.path == "/etc/state/x.toml"


def test_c17_two_configs_in_one_folder() -> None:
    """Two configurations in one folder have two checkpoints."""
    paths = {
        parse_config(SMALLEST, file=f"/srv/{name}.toml").pipeline.checkpoint.path
        for name in ("one", "two")
    }
    assert paths == {"/srv/one.checkpoint.toml", "/srv/two.checkpoint.toml"}


def test_tilde_in_name_of_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default path of a checkpoint is a name beside the file, whatever it begins with."""
    monkeypatch.setenv("HOME", "/home/me")
    config = parse_config(SMALLEST, file="/srv/~.toml")
    assert config.pipeline.checkpoint.path == "/srv/~.checkpoint.toml"


def test_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is loaded by a relative path, a byte order mark and CR LF included."""
    (tmp_path / "my.toml").write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    monkeypatch.chdir(tmp_path)
    config = load_config("my.toml")
    assert config.file == str(tmp_path / "my.toml")
    assert config.pipeline.name == "my"
    assert config.sources["app"].paths == (str(tmp_path / "*.log"),)


def test_strptime_format() -> None:
    """A format of strptime is taken where a pattern says where the stamp is."""
    text = SMALLEST + "[sources.app.timestamp]\npattern = '(?P<ts>.{6})'\nformat = '%d %b'\n"
    text += 'timezone = "Europe/Berlin"'
    stamp = parse_config(text, file="").sources["app"].timestamp
    assert stamp == TimestampConfig(
        pattern="(?P<ts>.{6})", format="%d %b", timezone="Europe/Berlin"
    )


def test_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a command line are names, read once and merged to standard output."""
    monkeypatch.chdir(tmp_path)
    config = Config.for_files(["b[1].log", "/x/*.log", "-", "b[1].log"])
    assert not config.pipeline.follow
    assert not config.pipeline.checkpoint.enabled
    assert config.sources == {
        "files": SourceConfig(
            name="files",
            type="file",
            paths=(str(tmp_path / "b[1].log"), "/x/*.log"),
            literal=True,
        ),
        "stdin": SourceConfig(name="stdin", type="stdin"),
    }
    assert config.sinks == {"stdout": SinkConfig(name="stdout", type="stdout")}


def test_for_files_stdin_only() -> None:
    """Standard input alone is one source."""
    assert list(Config.for_files(["-"]).sources) == ["stdin"]


@pytest.mark.parametrize("paths", [[], [""], ["a\0b"]])
def test_for_files_without_a_path(paths: list[str]) -> None:
    """No path, or one that cannot be a path, is refused."""
    with pytest.raises(ConfigError, match="given"):
        Config.for_files(paths)


def test_find_config(tmp_path: Path) -> None:
    """The environment comes first, then the current folder."""
    cwd = str(tmp_path)
    assert find_config({"TRIO_SHIP_CONFIG": "x.toml"}, cwd) == os.path.join(cwd, "x.toml")
    assert find_config({"TRIO_SHIP_CONFIG": "/no/such.toml"}, cwd) == "/no/such.toml"
    (tmp_path / "trio-ship.toml").touch()
    assert find_config({"TRIO_SHIP_CONFIG": ""}, cwd) == str(tmp_path / "trio-ship.toml")


def test_find_config_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of the system is the last that is looked for."""
    there: set[str] = set()
    monkeypatch.setattr(os.path, "exists", there.__contains__)
    assert find_config({}, str(tmp_path)) is None
    there.add("/etc/trio-ship/trio-ship.toml")
    assert find_config({}, str(tmp_path)) == "/etc/trio-ship/trio-ship.toml"


def test_describe() -> None:
    """A description names what is read and written, in two columns."""
    config = parse_config(CONTRACT.replace(r"^(?P<ts>\S+)", "(?P<ts>X)"), file="/srv/ship.toml")
    assert describe(config).splitlines() == [
        "config       /srv/ship.toml",
        "pipeline     ship: follows its files",
        "  order      waits 1 s; records later than that are delivered, marked",
        "  memory     64 MiB of records in flight",
        "source app   files",
        "  reads      /var/log/app/*.log",
        "  stamps     iso8601, where (?P<ts>X) matches; zone, where they have none: this machine's",
        "  records    up to 1 MiB, lines without a stamp joined to the one before",
        "sink merged  file",
        "  writes     /srv/merged.log",
        "  encoding   records as read",
        "checkpoint   every 5 s",
        "  writes     /srv/ship.checkpoint.toml",
    ]


def test_describe_what_differs() -> None:
    """A description says what differs from the usual."""
    text = """
    pipeline = { late = "drop", checkpoint = { enabled = false } }
    [sources.a]
    type = "file"
    paths = ["/x/*"]
    exclude = ["/x/\\u001b.gz"]
    start = "end"
    multiline = "off"
    max_record_bytes = 1000
    max_record_lines = 1
    max_delay_seconds = 0.25
    max_future_seconds = 60
    [sources.b]
    type = "stdin"
    [sinks.out]
    type = "stdout"
    encoding = "json"
    """
    described = describe(parse_config(text, file=""))
    lines = [" ".join(line.split()[1:]) for line in described.splitlines()]
    assert "/x/\\u001b.gz" in lines
    assert "waits 1 s; records later than that are dropped, counted" in lines
    assert "at the end of files that are there at the very first start" in lines
    assert "up to 1000 bytes or 1 line" in lines
    assert "waits 0.25 s" in lines
    assert "stamps up to 60 s ahead are believed" in lines
    assert "b standard input" in lines
    assert "one JSON object a line" in lines
    assert "none: every start reads from the beginning" in lines


@pytest.mark.parametrize(
    ("rule", "loaded", "described"),
    [
        (
            '"indent"',
            "indent",
            ", lines that begin with a space or a tab joined to the one before",
        ),
        (
            "{ start = '^{2}' }",
            LineRule("start", "^{2}"),
            ", each begun by a line that matches ^{2}",
        ),
        (
            "{ continue = '^ ' }",
            LineRule("continue", "^ "),
            ", lines that match ^  joined to the one before",
        ),
        ("{ end = ';$' }", LineRule("end", ";$"), ", each ended by a line that matches ;$"),
    ],
)
def test_rules_of_multiline(rule: str, loaded: object, described: str) -> None:
    """A rule is a name or a table of one expression; `check` says what it means."""
    text = f"""
    sources.app = {{ type = "stdin", max_record_lines = 500, multiline = {rule} }}
    sinks.out = {{ type = "stdout" }}
    """
    config = parse_config(text, file="")
    assert config.sources["app"].multiline == loaded
    assert f"  records   up to 1 MiB or 500 lines{described}" in describe(config).splitlines()

"""What keys may not say together: streams with two users, paths that collide, endless loops."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_helpers import SINK, SOURCE, faults

from trio_ship.config import parse_config
from trio_ship.errors import ConfigError


def test_standard_streams() -> None:
    """Standard input and output have one user each, and no paths."""
    text = """
    [sources.a]
    type = "stdin"
    paths = ["x"]
    exclude = ["x"]
    [sources.b]
    type = "stdin"
    [sinks.a]
    type = "stdout"
    path = "x"
    [sinks.b]
    type = "stdout"
    """
    assert faults(text) == [
        'sources.a.paths: paths are given; a source of type "stdin" has none',
        'sources.a.exclude: exclude are given; a source of type "stdin" has none',
        'sources.b.type: sources.a has it already; one of type "stdin" is allowed',
        'sinks.a.path: a path is given; a sink of type "stdout" has none',
        'sinks.b.type: sinks.a has it already; one of type "stdout" is allowed',
    ]


def test_paths_that_are_missing() -> None:
    """Files need paths on both ends."""
    text = '[sources.a]\ntype = "file"\npaths = []\n[sinks.a]\ntype = "file"\n'
    assert faults(text) == [
        'sources.a.paths: no paths; a source of type "file" wants one or more',
        'sinks.a.path: missing; a sink of type "file" wants the path of its output',
    ]


def test_what_is_asked_of_a_source_in_vain() -> None:
    """Where a key takes back what another says, the one that has no effect is told."""
    text = f"""
    {SOURCE}
    timestamp = {{ pattern = "(?P<ts>.+)", prefer = "inner" }}
    [sources.in]
    type = "stdin"
    start = "end"
    {SINK}
    """
    assert faults(text) == [
        (
            'sources.app.timestamp.prefer: "inner" is given; a pattern says which stamp counts, '
            "so leave one of them out"
        ),
        (
            'sources.in.start: "end" is given; a source of type "stdin" begins at its beginning '
            "or at a time"
        ),
    ]


def test_outputs_that_share_a_path(tmp_path: Path) -> None:
    """An output is no other's, nor the checkpoint, the configuration or a folder."""
    (tmp_path / "link").symlink_to(tmp_path / "ship.checkpoint.toml")
    (tmp_path / "folder").mkdir()
    file = str(tmp_path / "ship.toml")
    names = {"a": "one", "b": "./x/../one", "c": "link", "d": "ship.toml", "e": "folder"}
    sinks = [f'[sinks.{name}]\ntype = "file"\npath = "{path}"\n' for name, path in names.items()]
    lines = faults(SOURCE + "".join(sinks), file=file)
    assert [line.partition(" is ")[2].partition(";")[0] for line in lines] == [
        "the output of sinks.a",
        "the checkpoint",
        "this configuration",
        "a folder",
    ]
    assert [line.partition(":")[0] for line in lines] == [f"sinks.{x}.path" for x in "bcde"]


def loop(file: Path, pattern: str, output: str, exclude: str = "") -> str:
    """Return the line that mends a loop; empty where there is none."""
    text = f'[sources.app]\ntype = "file"\npaths = ["{pattern}"]\n{exclude}\n'
    text += f'[sinks.out]\ntype = "file"\npath = "{output}"\n'
    try:
        parse_config(text, file=str(file))
    except ConfigError as error:
        message = str(error)
    else:
        return ""
    assert "sources.app.exclude: paths match the output of sinks.out" in message
    return message.partition("exclude it with: ")[2]


@pytest.mark.parametrize(
    ("pattern", "output", "is_loop"),
    [
        ("*.log", "merged.log", True),
        ("**/*.log", "a/b/merged.log", True),
        ("**", "a/b/merged.log", True),
        ("a/*/c.log", "a/b/c.log", True),
        ("merged.log", "merged.log", True),
        ("[a-z]*.log", "merged.log", True),
        ("*.log", "merged.out", False),
        ("*.log", "a/merged.log", False),
        ("*.log", ".merged.log", False),
    ],
)
def test_d15_output_that_is_read_again(
    tmp_path: Path, pattern: str, output: str, *, is_loop: bool
) -> None:
    """An output that a source would read is refused, and the line that is printed mends it."""
    file = tmp_path / "ship.toml"
    mend = loop(file, pattern, output)
    assert bool(mend) == is_loop
    if is_loop:
        assert not loop(file, pattern, output, mend)


def test_d15_keeps_what_was_excluded(tmp_path: Path) -> None:
    """The line that mends a loop keeps what was excluded before."""
    file = tmp_path / "ship[1].toml"
    mend = loop(file, "*.log", "me*ged.log", 'exclude = ["x*.log"]')
    assert mend == (
        f'exclude = ["{tmp_path}/x*.log", "{tmp_path}/me[*]ged.log", "{tmp_path}/me[*]ged.log.*"]'
    )
    assert not loop(file, "*.log", "me*ged.log", mend)


def test_d15_through_links(tmp_path: Path) -> None:
    """A loop is seen through links of the output, of its folder and in the folder that is read."""
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    out.mkdir()
    (logs / "real.log").touch()
    (out / "link").symlink_to(logs / "real.log")
    (tmp_path / "alias").symlink_to(logs)
    (logs / "seen.log").symlink_to(out / "later.txt")
    file = tmp_path / "ship.toml"
    for pattern, output in (
        ("logs/*.log", "out/link"),
        ("alias/*.log", "logs/merged.log"),
        ("logs/*.log", "alias/merged.log"),
        ("logs/*.log", "out/later.txt"),
    ):
        mend = loop(file, pattern, output)
        assert mend
        assert not loop(file, pattern, output, mend)


def test_d15_checkpoint(tmp_path: Path) -> None:
    """A checkpoint that a source would read is refused too, unless there is none."""
    text = SOURCE.replace("/nowhere/*.log", "*.toml") + SINK
    file = str(tmp_path / "ship.toml")
    (fault,) = faults(text, file=file)
    assert fault.startswith("sources.app.exclude: paths match the checkpoint, ")
    parse_config("[pipeline.checkpoint]\nenabled = false\n" + text, file=file)

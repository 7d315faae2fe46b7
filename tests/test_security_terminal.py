"""What reaches the operator's terminal: characters to read, none to obey."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from process_helpers import stamped, write_config
from terminal_helpers import on_terminal

from trio_ship.cli import main

EVIL = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\r"
STEERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]|\r(?!\n)")
LINE = stamped(1, f"before {EVIL}after").replace(b"\r\n", b"\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a configuration of one run, and an evil log."""
    write_config(tmp_path, follow=False)
    (tmp_path / "logs" / "a.log").write_bytes(LINE)
    return tmp_path


@pytest.mark.parametrize("encoding", ["raw", "json"])
def test_x04_records_on_a_terminal_are_shown_not_obeyed(folder: Path, encoding: str) -> None:
    """Every control of a record is written out, in either encoding."""
    config = folder / "ship.toml"
    text = config.read_text().replace('type = "file"\n        path = "out.log"', 'type = "stdout"')
    config.write_text(f'{text}encoding = "{encoding}"\n')
    seen = on_terminal(folder, "run", "-q", "-c", "ship.toml").decode()
    assert "owned" in seen
    assert "after" in seen
    assert not STEERS.search(seen.replace("\u202e", ""))


def test_x04_raw_is_for_those_who_want_it(folder: Path) -> None:
    """With `--raw` the terminal gets the bytes as read."""
    assert on_terminal(folder, "run", "-q", "--raw", "logs/a.log") == LINE


def test_x04_files_and_pipes_get_the_bytes_as_read(folder: Path) -> None:
    """What is no terminal obeys nothing, and needs the bytes."""
    command = [sys.executable, "-m", "trio_ship", "run", "-q", "logs/a.log"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    assert done.stdout == LINE


@pytest.mark.parametrize("style", ["text", "json"])
def test_x04_names_of_files_in_messages_are_shown_not_obeyed(
    folder: Path, style: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever a log is called, each message about it is one line of printable text."""
    logs = folder / "logs"
    (logs / f"x{EVIL}\nerror: forged.log").write_bytes(LINE)
    os.mkfifo(logs / f"y{EVIL}.log")
    os.mkfifo(os.fsencode(logs) + b"/z\xff\x9b.log")
    status = main(["run", "-c", str(folder / "ship.toml"), "--log-format", style])
    said = capfd.readouterr().err
    assert status == 1
    assert said.count("owned") >= 2
    assert not STEERS.search(said)
    assert not [line for line in said.splitlines() if line.startswith("error: forged")]
    if style == "json":
        lines = [line for line in said.splitlines() if line.startswith("{")]
        assert all(json.loads(line)["message"] for line in lines)


def test_x04_names_of_files_in_answers_are_shown_not_obeyed(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`check` lists names that steer no terminal."""
    (folder / "logs" / f"x{EVIL}.log").write_bytes(LINE)
    assert main(["check", "-c", str(folder / "ship.toml")]) == 0
    answer = capfd.readouterr().out
    assert "owned" in answer
    assert not STEERS.search(answer)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", f"--{EVIL}"],
        ["run", "--color", EVIL],
        ["run", "-c", EVIL],
        ["check", "-c", f"{EVIL}/x.toml"],
        [EVIL],
        ["check", EVIL],
    ],
)
def test_x04_arguments_in_messages_are_shown_not_obeyed(
    arguments: Sequence[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A name that the shell made an argument of does not reach the terminal raw."""
    try:
        status: object = main(arguments)
    except SystemExit as end:
        status = end.code
    out, said = capfd.readouterr()
    assert (status, out) == (2, "")
    assert "owned" in said
    assert not STEERS.search(said)

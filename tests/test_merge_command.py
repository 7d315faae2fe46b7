"""`merge`: what people read on a terminal, and what goes through a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from process_helpers import PATIENCE, Ship, stamped, wait_until, write_config
from terminal_helpers import on_terminal

ERROR = stamped(2, "ERROR [worker-1] failed")
TRACE = b"  at line 7\r\n"
CLF = b'10.0.0.1 - - [23/Nov/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 17\n'
MERGED = stamped(0, "INFO well") + CLF + ERROR + TRACE + stamped(3, "DEBUG done")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two logs of two layouts."""
    (tmp_path / "app.log").write_bytes(stamped(0, "INFO well") + ERROR + TRACE)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "access.log").write_bytes(CLF + stamped(3, "DEBUG done"))
    return tmp_path


def merge(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command with pipes in the place of terminals."""
    return subprocess.run(
        [sys.executable, "-m", "trio_ship", "merge", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "TZ": "UTC", **variables},
    )


def shown(app: str, access: str, rest: str, *, colored: bool) -> bytes:
    """Return how the two logs are shown, with these labels."""

    def row(label: str, text: bytes, code: str = "") -> bytes:
        if not colored:
            return label.encode() + " │ ".encode() + text + b"\n"
        paint = f"\x1b[{code}m".encode() if code else b""
        return (
            label.encode()
            + " \x1b[2m│\x1b[0m ".encode()
            + paint
            + text
            + (b"\x1b[0m\n" if code else b"\n")
        )

    return b"".join(
        [
            row(app, stamped(0, "INFO well").strip()),
            row(access, CLF.strip()),
            row(app, ERROR.strip(), "31"),
            row(rest, TRACE.rstrip(), "31"),
            row(access, stamped(3, "DEBUG done").strip(), "2"),
        ]
    )


def test_a_pipe_gets_the_records_as_read_and_no_word(folder: Path) -> None:
    """Piped, `merge` is what `run` is, byte for byte, and standard error is silent."""
    done = merge(folder, "app.log", "web/access.log")
    assert (done.returncode, done.stdout, done.stderr) == (0, MERGED, b"")


def test_a_terminal_gets_labels_and_colors(folder: Path) -> None:
    """Each file has a label in a colour, and errors are red to the end of their traces."""
    assert on_terminal(folder, "merge", "app.log", "web/access.log") == shown(
        "\x1b[36mapp\x1b[0m   ", "\x1b[32maccess\x1b[0m", "      ", colored=True
    )


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--color", "never"), {})],
)
def test_colors_can_be_refused(
    folder: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    """With NO_COLOR or `--color never`, or a terminal that has none, labels have no colours."""
    seen = on_terminal(
        folder, "merge", *arguments, "app.log", "web/access.log", environment=variables
    )
    assert seen == shown("app   ", "access", "      ", colored=False)


def test_a_pager_can_have_colors(folder: Path) -> None:
    """`--color always` makes a pipe get what a terminal would, in characters it has."""
    done = merge(
        folder, "--color", "always", "app.log", "web/access.log", NO_COLOR="1", PYTHONUTF8="1"
    )
    expected = shown("\x1b[36mapp\x1b[0m   ", "\x1b[32maccess\x1b[0m", "      ", colored=True)
    assert (done.returncode, done.stdout) == (0, expected)
    done = merge(folder, "--color", "always", "app.log", "web/access.log", PYTHONIOENCODING="ascii")
    assert done.stdout == expected.replace("│".encode(), b"|")


def test_a_single_file_has_no_label(folder: Path) -> None:
    """Where there is nothing to tell apart, the line is the record."""
    seen = on_terminal(folder, "merge", "--color", "never", "app.log")
    assert seen == stamped(0, "INFO well") + ERROR + TRACE.replace(b"\r", b"")


@pytest.mark.parametrize("raw", [False, True])
def test_x04_controls_on_the_terminal(folder: Path, raw: bool) -> None:  # noqa: FBT001
    """Controls in records are written out, unless `--raw` lets them through."""
    (folder / "app.log").write_bytes(b"2026-11-23T00:00:00Z \x1b[2J\x07\n")
    arguments = ["--raw"] if raw else []
    seen = on_terminal(folder, "merge", "--color", "never", *arguments, "app.log")
    assert seen == b"2026-11-23T00:00:00Z " + (b"\x1b[2J\x07\n" if raw else b"\\x1b[2J\\x07\n")


def test_json_is_json_on_a_terminal_too(folder: Path) -> None:
    """`--json` gives objects without labels and colours, wherever it goes."""
    seen = on_terminal(folder, "merge", "--json", "app.log", "web/access.log")
    assert [json.loads(line)["timestamp"][17:19] for line in seen.splitlines()] == [
        "00",
        "01",
        "02",
        "03",
    ]
    assert merge(folder, "--json", "app.log", "web/access.log").stdout == seen


def test_json_has_fields_and_severities(folder: Path) -> None:
    """Of files all fields are found; with a configuration those that it says, as in `run`."""
    lines = merge(folder, "--json", "app.log", "web/access.log").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [one.get("severity") for one in found] == ["info", None, "error", "debug"]
    assert [one.get("fields") for one in found] == [
        None,
        {
            "client": "10.0.0.1",
            "method": "GET",
            "target": "/",
            "protocol": "HTTP/1.1",
            "status": 200,
            "bytes": 17,
        },
        None,
        None,
    ]
    rule = "parse = { regex = '\\[(?P<worker>[^\\]]+)\\]' }"
    (folder / "ship.toml").write_text(
        "pipeline = { follow = false, checkpoint.enabled = false }\n"
        f'[sources.app]\ntype = "file"\npaths = ["app.log"]\n{rule}\n'
        '[[steps]]\ntype = "add"\nfields = { env = "prod" }\n'
        '[sinks.out]\ntype = "stdout"\nencoding = "json"\n'
    )
    by_merge = merge(folder, "--json", "-c", "ship.toml").stdout.splitlines()
    by_run = subprocess.run(
        [sys.executable, "-m", "trio_ship", "run", "-c", "ship.toml"],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    ).stdout.splitlines()
    shown = [
        [(one["severity"], one["fields"]) for one in map(json.loads, lines)]
        for lines in (by_merge, by_run)
    ]
    expected = [("info", {"env": "prod"}), ("error", {"worker": "worker-1", "env": "prod"})]
    assert shown == [expected, expected]


def test_records_can_be_chosen(folder: Path) -> None:
    """`--grep` and `--min-severity` leave out whole records; what says no severity is INFO."""
    files = ("app.log", "web/access.log")
    assert merge(folder, "-s", "info", *files).stdout == (
        stamped(0, "INFO well") + CLF + ERROR + TRACE
    )
    assert merge(folder, "--min-severity", "warn", *files).stdout == ERROR + TRACE
    assert merge(folder, "-g", r"line \d", *files).stdout == ERROR + TRACE
    assert merge(folder, "--grep", "worker|GET", "-s", "error", *files).stdout == ERROR + TRACE
    assert json.loads(merge(folder, "-g", "GET", "--json", *files).stdout)["path"] == str(
        folder / "web" / "access.log"
    )


def test_what_was_looked_for_stands_out_on_a_terminal(folder: Path) -> None:
    """Where the expression matches, a terminal shows the text in reverse."""
    seen = on_terminal(folder, "merge", "-g", "fail(ed)?", "app.log")
    assert b"ERROR [worker-1] \x1b[7mfailed\x1b[27m\x1b[0m\n" in seen
    assert b"INFO" not in seen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-g", "a(b"), b"--grep: the pattern 'a(b' is not usable: Invalid regular expression"),
        (("-s", "loud"), b"invalid choice: 'loud'"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(
    folder: Path, arguments: tuple[str, ...], said: bytes
) -> None:
    """An expression that is none, and a severity that is not on the scale, end it with 2."""
    done = merge(folder, *arguments, "app.log")
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr


def test_the_steps_of_a_configuration_shape_what_is_shown(tmp_path: Path) -> None:
    """What a pipeline makes unreadable is not shown to whoever reads it with `-c`."""
    config = write_config(tmp_path, follow=True)
    step = '[[steps]]\ntype = "redact"\npatterns = ["email"]\n[sources.app]'
    config.write_text(config.read_text().replace("[sources.app]", step))
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "from ada@example.org"))
    assert merge(tmp_path, "-c", "ship.toml").stdout == stamped(1, "from [email]")


def test_a_configuration_can_be_read_without_a_trace(tmp_path: Path) -> None:
    """`-c` shows what a pipeline reads; its checkpoint and its outputs, if any, are left alone."""
    config = write_config(tmp_path, follow=True)
    config.write_text(config.read_text().replace("paths", 'start = "end"\npaths'))
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "one"))
    done = merge(tmp_path, "-c", "ship.toml")
    assert (done.returncode, done.stdout, done.stderr) == (0, stamped(1, "one"), b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "ship.toml"]
    config.write_text(config.read_text().partition("[sinks")[0])
    assert merge(tmp_path, "-c", "ship.toml").stdout == stamped(1, "one")
    done = merge(tmp_path, "-c", "ship.toml", "logs/a.log")
    assert done.returncode == 2
    assert b"exclude each other" in done.stderr


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    """A missing file ends the command with 1, after the others."""
    done = merge(folder, "nothere.log", "app.log")
    assert (done.returncode, done.stdout) == (1, stamped(0, "INFO well") + ERROR + TRACE)
    assert b"nothere.log: there is no such file" in done.stderr


def test_follow_shows_what_comes_until_it_is_interrupted(folder: Path) -> None:
    """`-f` goes on as files grow; SIGINT ends it with 0 and without a word."""
    output = folder / "seen.txt"
    with output.open("wb") as stdout:
        ship = Ship(["merge", "-f", "app.log", "web/access.log"], folder, stdout=stdout)
    wait_until(lambda: output.read_bytes() == MERGED)
    with (folder / "app.log").open("ab") as file:
        file.write(stamped(5, "later"))
    wait_until(lambda: output.read_bytes() == MERGED + stamped(5, "later"))
    assert ship.end(signal.SIGINT) == 0
    assert ship.said == ""


def test_new_shows_only_what_comes_from_now_on(folder: Path) -> None:
    """`-n` follows without what was there before, also for a file that is made later."""
    output = folder / "seen.txt"
    with output.open("wb") as stdout:
        ship = Ship(["merge", "-v", "-n", "app.log", "new.log"], folder, stdout=stdout)
    wait_until(lambda: " to read in " in ship.said)
    (folder / "new.log").write_bytes(stamped(4, "made"))
    with (folder / "app.log").open("ab") as file:
        file.write(stamped(5, "later"))
    wait_until(lambda: len(output.read_bytes()) == len(stamped(4, "made") + stamped(5, "later")))
    assert ship.end(signal.SIGTERM) == 0
    assert sorted(output.read_bytes().splitlines(keepends=True)) == [
        stamped(4, "made"),
        stamped(5, "later"),
    ]


def make_large(folder: Path) -> Path:
    """Return a log that no pipe holds."""
    path = folder / "large.log"
    path.write_bytes(b"".join(stamped(number / 100, f"{number}") for number in range(50_000)))
    return path


def test_d12_head_ends_it_quietly(tmp_path: Path) -> None:
    """A pipe closed by its reader ends it with status 0 and no complaint."""
    ship = Ship(["merge", make_large(tmp_path)], tmp_path, stdout=subprocess.PIPE)
    assert ship.process.stdout is not None
    assert ship.process.stdout.readline() == stamped(0, "0")
    ship.process.stdout.close()
    assert (ship.end(), ship.said) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_p11_an_interrupted_merge_ends_at_once_and_quietly(tmp_path: Path, number: int) -> None:
    """A signal ends it though nobody reads, as in a pager, with 130 or 143 and no word."""
    arguments: list[str | Path] = ["merge", "--color", "always", make_large(tmp_path)]
    ship = Ship(arguments, tmp_path, stdout=subprocess.PIPE)
    assert ship.process.stdout is not None
    assert ship.process.stdout.readline() == stamped(0, "0")
    assert (ship.end(number), ship.said) == (128 + number, "")

"""Where the program finds itself: streams that are closed or full, foreign locales, no home."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from process_helpers import PATIENCE, stamped, wait_until, write_config

LINES = stamped(1, "one") + "2026-11-23T00:00:02Z größer \udcff\n".encode(errors="surrogateescape")


def redirected(
    folder: Path,
    how: str,
    *arguments: str,
    before: str = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end as a shell does with some redirections."""
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [
            bash,
            "-c",
            f'{before}exec "$@" {how}',
            bash,
            sys.executable,
            "-m",
            "trio_ship",
            *arguments,
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a configuration of one run, and a log."""
    write_config(tmp_path, follow=False)
    (tmp_path / "logs" / "a.log").write_bytes(LINES)
    return tmp_path


@pytest.mark.parametrize(
    "how", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>/dev/full"]
)
def test_p08_records_go_to_files_whatever_the_standard_streams_are(folder: Path, how: str) -> None:
    """Closed or full standard streams neither end the program nor get into its files."""
    done = redirected(folder, how, "run", "-c", "ship.toml")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert (folder / "out.log").read_bytes() == LINES
    assert (folder / "logs" / "a.log").read_bytes() == LINES


@pytest.mark.parametrize("how", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_p08_the_status_tells_what_cannot_be_said(folder: Path, how: str) -> None:
    """A refusal has its status also where nobody can hear it."""
    assert redirected(folder, how, "run", "-c", "nowhere.toml").returncode == 2
    assert redirected(folder, how, "walk").returncode == 2


@pytest.mark.parametrize(
    ("how", "command", "reason"),
    [
        (">&-", ["run", "-q", "logs/a.log"], "standard output cannot be written: Bad file desc"),
        (">/dev/full", ["run", "-q", "logs/a.log"], "cannot be written: No space left on device"),
        ("<&-", ["run", "-q", "-"], "standard input cannot be read: Bad file descriptor"),
        (">&-", ["check", "-c", "ship.toml"], "standard output cannot be written: Bad file desc"),
        (">/dev/full", ["check", "-c", "ship.toml"], "cannot be written: No space left on device"),
        (">/dev/full", ["--version"], "standard output cannot be written: No space left on device"),
        (">&-", ["run", "--help"], "standard output cannot be written: Bad file descriptor"),
    ],
)
def test_p08_a_stream_that_is_needed_and_missing_is_an_error(
    folder: Path, how: str, command: list[str], reason: str
) -> None:
    """Whoever asks for records or an answer on a stream that does not work is told so."""
    done = redirected(folder, how, *command)
    assert done.returncode == 1
    [said] = done.stderr.decode().splitlines()
    assert said.startswith("trio-ship: error: ")
    assert reason in said


def test_d12_help_that_nobody_reads_to_its_end_ends_quietly(folder: Path) -> None:
    """Help goes into a pager that is left, as records do."""
    done = redirected(folder, "| true; exit ${PIPESTATUS[0]}", "run", "--help")
    assert done.returncode in {0, 1}
    assert done.stderr == b""


def test_p08_who_heard_what_is_said_may_go_away(folder: Path) -> None:
    """When the reader of standard error is gone, shipping and stopping go on as before."""
    config = write_config(folder, follow=True)
    output = folder / "out.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "trio_ship", "run", "-c", str(config)],
        cwd=folder,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert b"to read" in process.stderr.readline()
    process.stderr.close()
    wait_until(lambda: output.exists() and output.read_bytes() == LINES)
    os.mkfifo(folder / "logs" / "b.log")  # this makes it say something
    with (folder / "logs" / "c.log").open("wb") as log:
        log.write(stamped(3, "three"))
    wait_until(lambda: output.read_bytes() == LINES + stamped(3, "three"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "locale", [{}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_p09_the_same_bytes_come_out_in_every_locale(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    """Names and text that are not ASCII pass, without a locale and without a home."""
    name = os.fsdecode(b"\xfcber \xe2\x82\xac\n.log")
    sinks = '[sinks.copy]\ntype = "file"\npath = "copy.json"\nencoding = "json"'
    outputs: list[object] = []
    for folder, environment in (
        (tmp_path / "a", {"LANG": "C.UTF-8", "HOME": str(tmp_path)}),
        (tmp_path / "b", locale),
    ):
        folder.mkdir()
        write_config(folder, follow=False, sinks=sinks)
        (folder / "logs" / name).write_bytes(LINES)
        given = {**environment, "TZ": "UTC"}
        done = redirected(folder, "", "run", "-c", "ship.toml", environment=given)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
        checked = redirected(folder, "", "check", "-c", "ship.toml", environment=given)
        assert (checked.returncode, checked.stderr) == (0, b"")
        outputs.append((folder / "out.log").read_bytes())
        # Folder and inode, and with them the ids, are others.
        records = (folder / "copy.json").read_bytes().splitlines()
        outputs.append([line[: line.index(b',"source"')] for line in records])
    assert outputs[:2] == outputs[2:]
    assert outputs[0] == LINES


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["run", "-q", "-c", "{}/ship.toml"], 0, b""),
        (["run", "-q", "ship.toml"], 2, b"the current folder is gone; absolute paths are wanted"),
        (["run"], 2, b"there is no ./trio-ship.toml"),
        (["explain", "{}/logs/a.log"], 0, b""),
    ],
)
def test_p09_the_current_folder_is_gone(
    folder: Path, command: list[str], status: int, said: bytes
) -> None:
    """A shell may stand in a folder that was removed: what does not need it is done."""
    done = redirected(
        folder,
        "",
        *(word.format(folder) for word in command),
        before="mkdir gone; cd gone; rmdir ../gone; ",
    )
    assert done.returncode == status
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == (1 if said else 0)


def test_p09_a_home_is_found_without_the_variable(tmp_path: Path) -> None:
    """`~` in a path stands for the home of this user where $HOME is not set."""
    config = write_config(tmp_path, follow=False)
    config.write_text(config.read_text().replace("logs/*.log", "~/nowhere-*.log"))
    done = redirected(tmp_path, "", "check", "-c", "ship.toml", environment={})
    assert (done.returncode, done.stderr) == (0, b"")
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert f"{home}/nowhere-*.log" in done.stdout.decode()

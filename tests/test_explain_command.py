"""`explain`: what is said of files of every kind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from process_helpers import PATIENCE, stamped, write_config
from terminal_helpers import on_terminal

from trio_ship.decode.table import LAYOUTS

APP = (
    stamped(0, "INFO well")
    + stamped(90, "ERROR failed")
    + b"  at line 7\nCaused by: \x1b[31mred\n"
    + stamped(60.5, "INFO back")
    + b"2126-11-23T00:00:00Z WARN far\n"
)
APP_EXPLAINED = f"""\
app.log  {len(APP)} bytes
  layout    iso8601 at column 0
  like      2026-11-23T00:00:00.000Z INFO well
  fits      3 of 6 lines (50.0%) have a stamp that counts
  zone      told by the stamps
  time      2026-11-23T00:00:00Z to 2026-11-23T00:01:30Z (1 min 30 s)
  records   4, of which 1 with several lines, up to 3
  unsorted  1 of 3 stamps (33.3%) come behind a later one, by up to 29.5 s
  severity  error   ███████████████                1   25.0%
            warn    ███████████████                1   25.0%
            info    ██████████████████████████████ 2   50.0%
  unclear   1 of 4 records without a stamp that counts (1 in the future):
          6 2126-11-23T00:00:00Z WARN far
  joined    2 of 6 lines to the records before them, such as:
          4 Caused by: \\x1b[31mred
"""


def explain(
    folder: Path,
    *arguments: str,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command with pipes in the place of terminals."""
    return subprocess.run(
        [sys.executable, "-m", "trio_ship", "explain", *arguments],
        cwd=folder,
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "TZ": "UTC", "PYTHONUTF8": "1", **variables},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a log."""
    (tmp_path / "app.log").write_bytes(APP)
    return tmp_path


def test_a_file_is_explained_in_plain_text(folder: Path) -> None:
    """Layout, zone, time, records, severities, and what was not understood, in a pipe."""
    done = explain(folder, "app.log")
    assert (done.returncode, done.stdout, done.stderr) == (0, APP_EXPLAINED, "")


def test_all_layouts_of_a_file_are_named(folder: Path) -> None:
    """Those at natural places are recognised line by line, and each is named once."""
    (folder / "mixed.log").write_bytes(
        b"I1123 08:00:00.123456       1 server.go:12] a\n"
        b'{"time":"2026-11-23T08:00:01Z","level":"info"}\n'
        b"2026-11-23 08:00:02,500 b\n"
        b"W1123 08:00:03.123456       1 server.go:12] c\n"
        b"2026-11-23 08:00:04,500 d\n"
        b"I1123 08:00:05.123456       1 server.go:12] e\n"
    )
    shown = explain(folder, "mixed.log").stdout
    assert re.findall("^  (?:layout|also) +(.+)$", shown, re.MULTILINE) == [
        "glog at column 1",
        "iso8601 in the field time",
        "iso8601 at column 0",
    ]
    (found,) = map(json.loads, explain(folder, "--json", "mixed.log").stdout.splitlines())
    assert [other["place"] for other in found["others"]] == ["in the field time", "at column 0"]


def test_files_of_one_moment_have_no_span(folder: Path) -> None:
    """The moment is said once, for a file and for all of them."""
    for name in ("a.log", "b.log"):
        (folder / name).write_bytes(stamped(1.5, "INFO one"))
    lines = explain(folder, "a.log", "b.log").stdout.splitlines()
    assert lines.count("  time      2026-11-23T00:00:01.500Z") == 2
    size = 2 * len(stamped(1.5, "INFO one"))
    assert lines[-1] == f"2 files, {size} bytes, 2 records; 2026-11-23T00:00:01.500Z"


def test_what_is_assumed_is_said(folder: Path) -> None:
    """Stamps that name no zone and no year are said to be of this machine, and of the file."""
    path = folder / "sys.log"
    path.write_bytes(b"Dec 31 23:59:59 web-1 su: one\nJan  1 00:00:01 web-1 su: two\n")
    os.utime(path, (1_767_225_700, 1_767_225_700))  # 2026-01-01T00:01:40Z
    said = explain(folder, "sys.log").stdout
    assert "  layout    syslog at column 0\n" in said
    assert "  zone      UTC (this machine's); the stamps name none\n" in said
    assert "  year      2025 to 2026, by the file's last change; the stamps name none\n" in said
    assert "  time      2025-12-31T23:59:59Z to 2026-01-01T00:00:01Z (2 s)\n" in said
    assert "severity" not in said


def test_what_stamps_without_a_date_leave_open_is_said(folder: Path) -> None:
    """Their days are those of the file's last change and of the midnights before it."""
    path = folder / "time.log"
    path.write_bytes(b"23:59:59.5 INFO one\n00:00:01.5 ERROR two\njava.lang.Exception: x\n")
    os.utime(path, (1_795_420_802, 1_795_420_802))  # 2026-11-23T08:00:02Z
    said = explain(folder, "time.log").stdout
    assert "  date      2026-11-22 to 2026-11-23, by the file's last change" in said
    assert "  time      2026-11-22T23:59:59.500Z to 2026-11-23T00:00:01.500Z (2 s)\n" in said
    assert "silence of 23 hours" in said


def test_a_terminal_gets_colors_and_the_same_words(folder: Path) -> None:
    """What is red, yellow or faint on a terminal is in the same place without colours."""
    seen = on_terminal(folder, "explain", "app.log").decode()
    assert re.sub(r"\x1b\[[0-9;]*m", "", seen) == APP_EXPLAINED
    assert "\x1b[31m███████████████\x1b[0m" in seen
    plain = on_terminal(folder, "explain", "app.log", environment={"NO_COLOR": "1"}).decode()
    assert plain == APP_EXPLAINED
    always = explain(folder, "--color", "always", "app.log", NO_COLOR="1")
    assert always.stdout == seen


def test_where_there_is_nothing_to_draw_with_bars_are_written(folder: Path) -> None:
    """An output of ASCII gets number signs."""
    said = explain(folder, "app.log", PYTHONIOENCODING="ascii").stdout
    assert said == APP_EXPLAINED.replace("█", "#")


def test_files_that_are_no_logs_are_told_apart(tmp_path: Path) -> None:
    """Empty, binary and without stamps: each is said, and what would mend it."""
    (tmp_path / "a.log").write_bytes(b"")
    (tmp_path / "b.log").write_bytes(bytes(range(256)))
    (tmp_path / "c.log").write_bytes(b"no stamp at all\n")
    done = explain(tmp_path, "c.log", "b.log", "a.log")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "c.log  16 bytes\n"
        "  layout    no stamps were found; records keep the order of the file\n"
        "            (where they are and how: timestamp.pattern, timestamp.format)\n"
        "  records   1\n"
        "\n"
        "b.log  256 bytes\n"
        "  binary    26 bytes of no text; leave the file out\n"
        "  records   2\n"
        "\n"
        "a.log  0 bytes\n"
        "  empty     there is nothing to read in it\n"
        "\n"
        "3 files, 272 bytes, 3 records\n"
    )


def test_a_file_with_stamps_ahead_of_its_change_has_its_layout_named(tmp_path: Path) -> None:
    """Stamps that count for nothing were found all the same, and it is said why they do not."""
    path = tmp_path / "a.log"
    path.write_bytes(stamped(0, "INFO a") + stamped(1, "INFO b"))
    os.utime(path, (1e9, 1e9))
    done = explain(tmp_path, "a.log")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  layout    iso8601 at column 0\n            (all over max_future" in done.stdout
    assert "2 of 2 records without a stamp that counts (2 in the future)" in done.stdout


def test_what_cannot_be_read_is_said_after_the_others(folder: Path) -> None:
    """A folder and a missing file have their remedies, the rest is explained, status 1."""
    (folder / "logs").mkdir()
    done = explain(folder, "logs", "app.log", "nothere.log")
    assert (done.returncode, done.stdout) == (1, APP_EXPLAINED)
    assert f"logs is a folder, not a file; it is not read (the files in it: {folder}/logs/*)" in (
        done.stderr
    )
    assert "nothere.log: there is no such file; check the path" in done.stderr


def test_standard_input_is_explained_too(folder: Path) -> None:
    """`-` stands for standard input, as everywhere."""
    with (folder / "app.log").open("rb") as file:
        done = explain(folder, "-", stdin=file)
    assert done.stdout.startswith(f"-  {len(APP)} bytes\n  layout    iso8601 at column 0\n")


def test_a_file_that_is_named_twice_is_said(folder: Path) -> None:
    """Of a second name for a file nobody thinks that it was forgotten."""
    (folder / "link.log").symlink_to("app.log")
    done = explain(folder, "app.log", "link.log")
    assert (done.returncode, done.stdout) == (0, APP_EXPLAINED)
    assert f"{folder}/link.log is a file that was named before, or a copy of one" in done.stderr


def test_an_ambiguous_layout_is_said_to_be_one(tmp_path: Path) -> None:
    """Where days and months could be taken for each other, `-v` says why they are not."""
    (tmp_path / "a.log").write_bytes(b"03/04/2026 10:00:00 a\n13/04/2026 10:00:00 b\n")
    done = explain(tmp_path, "-v", "a.log")
    assert "  layout    day_month at column 0\n            (these numbers can be" in done.stdout
    assert "day_month like 03/04/2026 10:00:00" in done.stderr


def test_many_files_are_summed_up(tmp_path: Path) -> None:
    """Of more than twenty files each layout has a line, and files with doubts have theirs."""
    for number in range(40):
        (tmp_path / f"{number:02d}.log").write_bytes(stamped(number, "INFO one"))
    for number in range(25):
        (tmp_path / f"x{number:02d}.log").write_bytes(b"no stamp\n")
    (tmp_path / "z.log").write_bytes(b"")
    done = explain(tmp_path, *sorted(os.listdir(tmp_path)))
    doubts = [f"x{number:02d}.log  no stamps were found" for number in range(20)]
    assert done.stdout.splitlines() == [
        "layout     files  records       size  time",
        "iso8601       40       40     1.4 kB  2026-11-23T00:00:00Z to 2026-11-23T00:00:39Z (39 s)",
        "no stamps     25       25  225 bytes",
        "empty          1        0    0 bytes",
        *doubts,
        "and 5 more files with such doubts",
        "",
        "66 files, 1.6 kB, 65 records; 2026-11-23T00:00:00Z to 2026-11-23T00:00:39Z (39 s)",
    ]


def test_json_has_one_object_for_each_file(folder: Path) -> None:
    """`--json` says the same to programs."""
    (folder / "b.log").write_bytes(b"")
    done = explain(folder, "--json", "app.log", "b.log")
    app, empty = map(json.loads, done.stdout.splitlines())
    assert app["path"] == str(folder / "app.log")
    assert (app["layout"], app["place"], app["zone"]) == ("iso8601", "at column 0", None)
    assert (app["records"], app["lines"], app["stamped"], app["impossible"]) == (4, 6, 3, 1)
    assert (app["first"], app["last"]) == ("2026-11-23T00:00:00Z", "2026-11-23T00:01:30Z")
    assert app["severities"] == {"error": 1, "warn": 1, "info": 2}
    assert app["unclear"] == [{"line": 6, "text": "2126-11-23T00:00:00Z WARN far"}]
    assert (empty["records"], empty["layout"], empty["first"]) == (0, None, None)


def test_a_configuration_is_explained_with_its_settings(tmp_path: Path) -> None:
    """`-c` reads what the configuration names, as it says, and writes nothing."""
    config = write_config(tmp_path, follow=True)
    text = "[sources.app.timestamp]\npattern = '^at=(?P<ts>\\d+)'\nformat = \"epoch\"\n[sinks.out]"
    config.write_text(config.read_text().replace("[sinks.out]", text))
    (tmp_path / "logs" / "a.log").write_bytes(b"at=1000000000 one\n1000000001 two\n")
    done = explain(tmp_path, "-c", "ship.toml")
    assert "layout    epoch where the pattern says\n" in done.stdout
    assert "fits      1 of 2 lines (50.0%) have a stamp that counts\n" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "ship.toml"]


def test_the_names_of_layouts_are_listed(tmp_path: Path) -> None:
    """Each has a line: what a configuration calls it, an example, and who writes so."""
    done = explain(tmp_path, "--layouts")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "auto found out any of these"
    assert "clf 10/Oct/2000:13:55:36 -0700 access logs of Apache, nginx and others" in lines
    assert len(lines) == 1 + len(LAYOUTS)
    assert explain(tmp_path, "--layouts", "app.log").returncode == 2

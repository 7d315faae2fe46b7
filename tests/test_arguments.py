"""Arguments: files and options in any order, and errors that say what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trio_ship.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two logs in a folder that is entered, without any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIO_SHIP_CONFIG", raising=False)
    (tmp_path / "a.log").write_text("2026-11-23T08:00:00Z one\n")
    (tmp_path / "b.log").write_text("2026-11-23T08:00:01Z two\n")
    return tmp_path


def test_options_may_stand_among_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Files behind an option are files like those in front of it."""
    assert main(["merge", "a.log", "--json", "b.log"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [json.loads(line)["message"][-3:] for line in lines] == ["one", "two"]


@pytest.mark.parametrize("option", ["--bogus", "--onc", "-x"])
def test_an_unknown_option_is_refused_with_the_usage_of_its_command(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """Status 2; the beginning of an option's name is not its name."""
    with pytest.raises(SystemExit) as ending:
        main(["run", "a.log", option, "b.log"])
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: trio-ship run [-h]")
    assert said.endswith(f"trio-ship run: error: unrecognized arguments: {option}\n")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["mrege", "a.log"], '; did you mean "merge"?'),
        (["merge", "-s", "errr"], '; did you mean "error"?'),
        (["run", "--color", "allways"], '; did you mean "always"?'),
        (["tail"], ""),
    ],
)
def test_a_misspelt_choice_is_refused_with_what_may_have_been_meant(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], meant: str
) -> None:
    """Status 2; where nothing is like it, the choices alone are said."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert "invalid choice: " in said
    assert said.endswith(f"){meant}\n")


@pytest.mark.parametrize("command", ["run", "merge", "explain", "check"])
def test_without_a_configuration_it_is_said_what_to_name(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """The example is one of the same command; `check` has nothing but configurations."""
    assert main([command]) == 2
    said = capsys.readouterr().err
    assert "there is no ./trio-ship.toml" in said
    assert (f"trio-ship {command} FILE ..." in said) == (command != "check")


def test_what_was_delivered_is_said_also_where_a_file_is_missing(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The summary comes in front of the error; as objects, if these were asked for."""
    assert main(["run", "a.log", "none.log", "--log-format", "json"]) == 1
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert said[-2]["message"].startswith("1 record, 25 bytes from 1 file in ")
    assert said[-1]["level"] == "error"
    assert said[-1]["message"].startswith("1 of the files could not be read:\n")


@pytest.mark.parametrize("command", ["run", "merge"])
def test_an_end_before_the_beginning_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """The message has the moments that were understood."""
    times = ["--from", "2026-11-23T09:00+01:00", "--to", "2026-11-23T08:00Z"]
    assert main([command, "a.log", *times]) == 2
    assert "--from 2026-11-23T08:00:00Z and --to 2026-11-23T08:00:00Z" in capsys.readouterr().err


def test_a_beginning_without_effect_is_said_at_the_start(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who resumes and says --from hears so before the records, not when all is over."""
    (folder / "ship.toml").write_text(
        'pipeline.follow = false\n[sources.a]\ntype = "file"\npaths = ["a.log"]\n'
        '[sinks.out]\ntype = "file"\npath = "out.txt"\n'
    )
    for _ in range(2):
        assert main(["run", "-c", "ship.toml", "--from", "2026-11-23"]) == 0
    _, said = capsys.readouterr().err.split("going on after record 1 ")
    assert said.index("--from counts at the very first start only") < said.index("0 records, ")


@pytest.mark.parametrize("level", ["warn", "WARN", "Warning", "wrn"])
def test_a_severity_may_be_named_by_any_word_that_logs_have_for_it(
    folder: Path, capfd: pytest.CaptureFixture[str], level: str
) -> None:
    """What is as serious as a warning is shown, whatever a warning is called."""
    (folder / "a.log").write_text("2026-11-23T08:00:00Z INFO one\n2026-11-23T08:00:01Z ERROR two\n")
    assert main(["merge", "-s", level, "a.log"]) == 0
    assert capfd.readouterr().out == "2026-11-23T08:00:01Z ERROR two\n"


@pytest.mark.parametrize("level", ["grave", "", "größer"])
def test_a_word_for_no_severity_is_refused_with_those_that_are_allowed(
    folder: Path, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """Status 2, and the word stands in the message as it was written."""
    with pytest.raises(SystemExit) as ending:
        main(["merge", "-s", level, "a.log"])
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert f"invalid choice: {level!r} (choose from " in said

"""Files that somebody planted, and who may read what is written: with real processes."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from process_helpers import Ship, stamped, wait_until, write_config

CHECKPOINT = "ship.checkpoint.toml"
PRECIOUS = b"somebody's own\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a configuration of one run, and a log."""
    write_config(tmp_path, follow=False)
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "one"))
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run to the end; return the status and what was said."""
    ship = Ship(["run", "-c", "ship.toml", *arguments], folder)
    return ship.end(), ship.said


def set_out(folder: Path) -> Path:
    """Run once, add a record, and return a file that must not be touched."""
    assert run(folder)[0] == 0
    with (folder / "logs" / "a.log").open("ab") as log:
        log.write(stamped(2, "two"))
    precious = folder / "precious"
    precious.write_bytes(PRECIOUS)
    precious.chmod(0o604)
    return precious


def check_untouched(precious: Path) -> None:
    """Assert that nobody wrote to a file, or changed who may read it."""
    assert precious.read_bytes() == PRECIOUS
    assert stat.S_IMODE(precious.stat().st_mode) == 0o604


@pytest.mark.parametrize("name", [CHECKPOINT, f"{CHECKPOINT}.lock", "out.log"])
@pytest.mark.parametrize("is_first", [False, True])
def test_x01_a_planted_link_is_refused(folder: Path, name: str, *, is_first: bool) -> None:
    """A symbolic link where a file of ours belongs ends the start with 2, and is not followed."""
    precious = set_out(folder)
    if is_first:
        for path in folder.glob(f"{CHECKPOINT}*"):
            path.unlink()
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(precious)
    status, said = run(folder)
    assert status == 2
    assert str(folder / name) in said
    assert "symbolic link" in said
    assert "Traceback" not in said
    check_untouched(precious)


@pytest.mark.parametrize("name", [f"{CHECKPOINT}.previous", f"{CHECKPOINT}.broken"])
def test_x01_a_link_where_an_old_generation_goes_is_replaced(folder: Path, name: str) -> None:
    """What is renamed to a name takes the place of a link there, and leaves its target alone."""
    precious = set_out(folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(precious)
    assert run(folder)[0] == 0
    check_untouched(precious)
    assert (folder / "out.log").read_bytes() == stamped(1, "one") + stamped(2, "two")


def test_x01_links_beside_a_renamed_output_are_passed_over(folder: Path) -> None:
    """An output that was renamed is found under its own name, whatever links lead to it."""
    set_out(folder)
    (folder / "out.log").rename(folder / "out.log.1")
    for name in ("a", "n", "z"):
        (folder / name).symlink_to("out.log.1")
    (folder / "endless").symlink_to("endless")
    status, said = run(folder)
    assert (status, "error" in said) == (0, False)
    assert (folder / "out.log.1").read_bytes() == stamped(1, "one")
    assert (folder / "out.log").read_bytes() == stamped(2, "two")


def link(path: Path, precious: Path) -> None:
    """Plant a symbolic link."""
    path.symlink_to(precious)


def hard_link(path: Path, precious: Path) -> None:
    """Plant a second name of a file."""
    path.hardlink_to(precious)


def pipe(path: Path, _: Path) -> None:
    """Plant a named pipe, on which whoever opens it waits."""
    os.mkfifo(path)


@pytest.mark.parametrize("plant", [link, hard_link, pipe])
@pytest.mark.parametrize("name", ["journal", "journal.new"])
def test_x01_a_planted_journal_is_neither_read_nor_written(
    folder: Path, name: str, plant: Callable[[Path, Path], None]
) -> None:
    """Whatever stands where the journal goes is replaced; nothing is lost by it."""
    precious = set_out(folder)
    path = folder / f"{CHECKPOINT}.out.{name}"
    path.unlink(missing_ok=True)
    plant(path, precious)
    status, said = run(folder)
    assert (status, "warning" in said) == (0, False)
    check_untouched(precious)
    assert (folder / "out.log").read_bytes() == stamped(1, "one") + stamped(2, "two")
    assert not (folder / f"{CHECKPOINT}.out.journal").is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        PRECIOUS,
        b'[tool.poetry]\nname = "other"\n',
        b'version = 1\npipeline = "other"\n# sha256:00\n',
        b"\x7fELF\x02\x01\x01" + bytes(64),
    ],
)
def test_x01_a_foreign_file_in_the_place_of_the_checkpoint_is_refused(
    folder: Path, content: bytes
) -> None:
    """The file of another program, or of another pipeline, is named and left as it is."""
    set_out(folder)
    for name in (CHECKPOINT, f"{CHECKPOINT}.previous"):
        (folder / name).write_bytes(content)
    status, said = run(folder)
    assert status == 2
    assert str(folder / CHECKPOINT) in said
    assert "Traceback" not in said
    assert (folder / CHECKPOINT).read_bytes() == content
    assert (folder / "out.log").read_bytes() == stamped(1, "one")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("name", [CHECKPOINT, f"{CHECKPOINT}.lock", "out.log"])
def test_x01_a_file_of_somebody_else_in_a_folder_of_everybody_is_refused(
    folder: Path, name: str
) -> None:
    """Where everybody may make files, only those of this user are read and written."""
    set_out(folder)
    folder.chmod(0o1777)
    before = (folder / name).read_bytes()
    os.chown(folder / name, 12345, 12345)
    status, said = run(folder)
    assert status == 2
    assert f"{folder / name}: " in said
    assert "belongs to 12345" in said
    assert (folder / name).read_bytes() == before


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_x03_modes_under_every_umask(folder: Path, umask: int) -> None:
    """Checkpoint, journal and lock are for their owner, the output for its group too at most."""
    ship = Ship(["run", "-c", "ship.toml"], folder, umask=umask)
    assert ship.end() == 0
    with (folder / "logs" / "a.log").open("ab") as log:
        log.write(stamped(2, "two"))
    assert Ship(["run", "-c", "ship.toml"], folder, umask=umask).end() == 0
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in folder.iterdir()
        if path.name.startswith((CHECKPOINT, "out.log", "."))
    }
    assert modes.pop("out.log") == 0o640 & ~umask
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


def test_x03_modes_that_somebody_set_stay(folder: Path) -> None:
    """An output that was opened to more readers stays open to them."""
    set_out(folder)
    (folder / "out.log").chmod(0o644)
    assert run(folder)[0] == 0
    assert stat.S_IMODE((folder / "out.log").stat().st_mode) == 0o644


def test_nothing_in_a_record_steers_a_path(folder: Path) -> None:
    """Records and names of logs that look like paths make no file but the known ones."""
    logs = folder / "logs"
    for number, text in enumerate(("../../evil", "/evil", "%(path)s {path} $HOME `id`")):
        name = text.replace("/", "_") + "\n.log"
        (logs / name).write_bytes(stamped(number, f"{text} path={text}"))
    before = {path.name for path in folder.parent.iterdir()}
    assert run(folder)[0] == 0
    assert {path.name for path in folder.parent.iterdir()} == before
    names = {path.name for path in folder.iterdir() if not path.name.startswith("errors-")}
    mine = {CHECKPOINT, f"{CHECKPOINT}.lock", f"{CHECKPOINT}.out.journal", "out.log"}
    assert names - {f"{CHECKPOINT}.previous"} == {"logs", "ship.toml", *mine}


def test_c17_two_configurations_in_one_folder(folder: Path) -> None:
    """Each has a checkpoint of its own; one that is given the other's is refused."""
    assert run(folder)[0] == 0
    text = (folder / "ship.toml").read_text().replace("out.log", "other.log")
    other = folder / "other.toml"
    other.write_text(text)
    assert Ship(["run", "-c", other], folder).end() == 0
    assert (folder / "other.log").read_bytes() == stamped(1, "one")
    place = f'[pipeline.checkpoint]\npath = "{CHECKPOINT}"'
    other.write_text(text.replace("[pipeline.checkpoint]", place))
    ship = Ship(["run", "-c", other], folder)
    assert ship.end() == 2
    assert "it belongs to 'ship', and this one is 'other'" in ship.said


def test_d15_a_name_of_the_output_that_appears_later_is_not_read(folder: Path) -> None:
    """A link to the output that a source matches while running does not make a loop."""
    write_config(folder, follow=True)
    output = folder / "out.log"
    ship = Ship(["run", "-c", "ship.toml"], folder)
    wait_until(lambda: output.exists() and output.read_bytes() == stamped(1, "one"))
    (folder / "logs" / "loop.log").symlink_to(output)
    (folder / "logs" / "hard.log").hardlink_to(output)
    wait_until(lambda: ship.said.count("is written by a sink and not read") == 2)
    with (folder / "logs" / "a.log").open("ab") as log:
        log.write(stamped(2, "two"))
    wait_until(lambda: output.read_bytes().count(b"\n") > 1)
    assert ship.end(signal.SIGTERM) == 0
    assert output.read_bytes() == stamped(1, "one") + stamped(2, "two")


def test_d15_an_output_that_a_source_matches_is_refused_at_the_start(folder: Path) -> None:
    """The message has the line that mends it; with that line the run works."""
    config = folder / "ship.toml"
    (folder / "alias").symlink_to(folder / "logs")
    text = config.read_text().replace('"out.log"', '"alias/out.log"')
    config.write_text(text)
    status, said = run(folder)
    assert status == 2
    line = said[said.index("exclude = [") :].splitlines()[0]
    config.write_text(text.replace('paths = ["logs/*.log"]', f'paths = ["logs/*.log"]\n{line}'))
    assert run(folder)[0] == 0
    assert (folder / "logs" / "out.log").read_bytes() == stamped(1, "one")

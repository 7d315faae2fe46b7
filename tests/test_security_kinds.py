"""A pipe, a socket, a device or a folder where a file was meant: named, and never waited for."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from process_helpers import PATIENCE, stamped, write_config

import trio_ship
from trio_ship.config import load as load_module
from trio_ship.config import load_config
from trio_ship.errors import CheckpointError, ConfigError, ShipError, SourceError

CHECKPOINT = "ship.checkpoint.toml"
Plant = Callable[[Path], None]


def pipe(path: Path) -> None:
    """Make a named pipe, on which whoever opens it waits."""
    os.mkfifo(path)


def listening(path: Path) -> None:
    """Make a socket, by its name alone: the whole path may be too long for one."""
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def folder_there(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


KINDS = pytest.mark.parametrize("plant", [pipe, listening, folder_there])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a configuration of one run, and a log."""
    write_config(tmp_path, follow=False)
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "one"))
    return tmp_path


def run(folder: Path) -> None:
    """Run what the configuration of a folder says."""
    trio.run(trio_ship.run, load_config(folder / "ship.toml"))


def replace(folder: Path, old: str, new: str) -> None:
    """Change the configuration."""
    config = folder / "ship.toml"
    config.write_text(config.read_text().replace(old, new))


def names(folder: Path) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


@KINDS
def test_an_output_that_is_no_file_is_refused(folder: Path, plant: Plant) -> None:
    """The message has the path and what to do; nothing is made beside it."""
    plant(folder / "out.log")
    with pytest.raises(ConfigError) as caught:
        run(folder)
    assert str(folder / "out.log") in str(caught.value) or '"out.log"' in str(caught.value)
    assert CHECKPOINT not in names(folder)


def test_all_outputs_that_are_refused_are_said_at_once(folder: Path) -> None:
    """Each in a line that begins with the configuration and the key."""
    pipe(folder / "pipe")
    config = folder / "ship.toml"
    with config.open("a") as file:
        for name, path in (("b", "pipe"), ("c", "none/c.log"), ("d", "d.log")):
            file.write(f'\n[sinks.{name}]\ntype = "file"\npath = "{path}"\n')
    with pytest.raises(ConfigError) as caught:
        run(folder)
    lines = str(caught.value).splitlines()
    assert [line.partition(f": {folder}/")[0] for line in lines] == [
        f"{config}: sinks.{name}.path" for name in ("b", "c")
    ]


@pytest.mark.parametrize("path", ["/dev/full", "/dev/zero", "/dev/null"])
def test_an_output_that_is_a_device_is_refused(folder: Path, path: str) -> None:
    """A device keeps no position; standard output is there for that."""
    replace(folder, '"out.log"', f'"{path}"')
    with pytest.raises(ConfigError, match=f'{path} is not a regular file.*type "stdout"'):
        run(folder)


@KINDS
@pytest.mark.parametrize("name", [CHECKPOINT, f"{CHECKPOINT}.previous", f"{CHECKPOINT}.lock"])
def test_a_checkpoint_that_is_no_file_is_refused(folder: Path, name: str, plant: Plant) -> None:
    """Neither generation nor the lock may be anything but a file; nothing is delivered."""
    plant(folder / name)
    with pytest.raises(ShipError, match="checkpoint") as caught:
        run(folder)
    assert caught.value.exit_status == 2
    assert not (folder / "out.log").exists() or not (folder / "out.log").read_bytes()


@KINDS
def test_a_journal_that_is_no_file_is_passed_over(folder: Path, plant: Plant) -> None:
    """Without a journal a start compares; what cannot be replaced is said, and shipping goes on."""
    run(folder)
    with (folder / "logs" / "a.log").open("ab") as log:
        log.write(stamped(2, "two"))
    (folder / f"{CHECKPOINT}.out.journal").unlink()
    plant(folder / f"{CHECKPOINT}.out.journal")
    run(folder)
    assert (folder / "out.log").read_bytes() == stamped(1, "one") + stamped(2, "two")


def test_r24_sources_that_are_no_files_are_named_and_the_others_go_on(folder: Path) -> None:
    """Each is named with its kind, none is waited for, and all that is a file is shipped."""
    logs = folder / "logs"
    wanted = {"logs/*.log", "logs/sub.log", "/dev/zero", "/dev/full", "/proc/self/status"}
    replace(folder, '["logs/*.log"]', str(sorted(wanted)))
    for name, plant in (("pipe", pipe), ("sock", listening), ("sub", folder_there)):
        plant(logs / f"{name}.log")
    (logs / "b.log").write_bytes(stamped(2, "two"))
    with pytest.raises(SourceError) as caught:
        run(folder)
    kinds = {
        logs / "pipe.log": "FIFO",
        logs / "sock.log": "socket",
        logs / "sub.log": "folder",
        Path("/dev/zero"): "device",
        Path("/dev/full"): "device",
    }
    for path, kind in kinds.items():
        assert f"{path} is a {kind}, not a file; it is not read" in str(caught.value)
    assert (folder / "out.log").read_bytes() == stamped(1, "one") + stamped(2, "two")


@KINDS
def test_a_configuration_that_is_no_file_is_refused(tmp_path: Path, plant: Plant) -> None:
    """The path is named, and a pipe that nobody writes to is not waited for."""
    path = tmp_path / "ship.toml"
    plant(path)
    with pytest.raises(ConfigError, match=str(path)):
        load_config(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/dev/null"])
def test_a_configuration_that_is_a_device_is_refused(path: str) -> None:
    """Endless or empty, a device is no configuration."""
    with pytest.raises(ConfigError, match=f"{path}: this is a device"):
        load_config(path)


def test_a_configuration_out_of_a_pipe(folder: Path) -> None:
    """What another program writes is read to its end, also when it takes its time."""
    bash = shutil.which("bash")
    assert bash is not None
    text = f'exec "{sys.executable}" -m trio_ship check -c <(head -c 9; sleep 0.05; cat)'
    done = subprocess.run(
        [bash, "-c", text],
        input=(folder / "ship.toml").read_bytes().replace(b'"logs', f'"{folder}/logs'.encode()),
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{folder}/logs/a.log  {len(stamped(1, 'one'))} bytes" in done.stdout.decode()


def test_a_pipe_that_stays_silent_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that holds a pipe and says nothing does not hold the program."""
    monkeypatch.setattr(load_module, "_PATIENCE_SECONDS", 0.0)
    path = tmp_path / "ship.toml"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(ConfigError, match="nothing came out of this pipe for 0 s"):
            load_config(path)
    finally:
        os.close(writer)


@pytest.mark.parametrize("plant", [pipe, listening])
def test_what_is_no_file_is_not_set_aside(folder: Path, plant: Plant) -> None:
    """A fresh start moves checkpoints out of its way, not a device that a path leads to."""
    plant(folder / CHECKPOINT)
    before = names(folder)

    async def start_afresh() -> None:
        config = load_config(folder / "ship.toml")
        await trio_ship.Pipeline(config, ignore_checkpoint=True).run()

    with pytest.raises(CheckpointError, match="not a regular file; move it away by hand"):
        trio.run(start_afresh)
    assert names(folder) - before == {f"{CHECKPOINT}.lock"}

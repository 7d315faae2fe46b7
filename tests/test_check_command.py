"""`check` as a user runs it: what would be read and written, and what would be refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from process_helpers import Ship, stamped, write_config


def test_check_says_what_would_be_read_and_touches_nothing(tmp_path: Path) -> None:
    """`check` lists the files and the outputs, and makes none of them."""
    config = write_config(tmp_path, follow=True)
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "one"))
    ship = Ship(["check", "-c", config], tmp_path, stdout=subprocess.PIPE)
    out, _ = ship.process.communicate(timeout=60)
    assert b"logs/a.log" in out
    assert b"out.log" in out
    assert not (tmp_path / "out.log").exists()
    assert list(tmp_path.glob("*checkpoint*")) == []


def test_check_says_which_outputs_have_no_folder(tmp_path: Path) -> None:
    """What `run` would refuse to write is said; the name of a file stays on its line."""
    (tmp_path / "a\nb\udcff.log").write_bytes(stamped(1, "one"))
    (tmp_path / "ship.toml").write_text(
        '[pipeline.checkpoint]\npath = "nowhere/x.toml"\n[sources.app]\ntype = "file"\n'
        'paths = ["*.log"]\n[sinks.out]\ntype = "file"\npath = "none/out"\n'
    )
    ship = Ship(["check", "-c", "ship.toml"], tmp_path, stdout=subprocess.PIPE)
    out, _ = ship.process.communicate(timeout=60)
    lines = out.decode().splitlines()
    assert f"  {tmp_path}/a\\u000ab\\xff.log  {len(stamped(1, 'one'))} bytes" in lines
    assert f"sinks.out could not be written: there is no folder {tmp_path}/none" in lines
    assert f"the checkpoint could not be written: there is no folder {tmp_path}/nowhere" in lines


def test_check_says_which_outputs_are_no_files(tmp_path: Path) -> None:
    """Links and FIFOs are refused by `run`, so `check` names them too."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link.toml").symlink_to("nowhere")
    (tmp_path / "ship.toml").write_text(
        '[pipeline.checkpoint]\npath = "link.toml"\n[sources.app]\ntype = "file"\n'
        'paths = ["*.log"]\n[sinks.out]\ntype = "file"\npath = "fifo"\n'
    )
    ship = Ship(["check", "-c", "ship.toml"], tmp_path, stdout=subprocess.PIPE)
    out, _ = ship.process.communicate(timeout=60)
    assert out.decode().splitlines()[-2:] == [
        f"sinks.out could not be written: {tmp_path}/fifo is not a regular file",
        f"the checkpoint could not be written: {tmp_path}/link.toml is a symbolic link",
    ]

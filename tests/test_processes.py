"""The program as a user runs it: real processes, real files, real signals."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from process_helpers import Ship, stamped, wait_until, write_config


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a file, none where it is missing."""
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def wait_for_size(path: Path, size: float, ship: Ship) -> None:
    """Wait until a file is larger than `size`, or the program has ended."""
    wait_until(
        lambda: ship.process.poll() is not None or (path.exists() and path.stat().st_size > size)
    )


def make_backlog(folder: Path, *, files: int, lines: int) -> None:
    """Write files whose lines are interleaved in time."""
    (folder / "logs").mkdir(exist_ok=True)
    chance = random.Random(7)
    outputs = [(folder / "logs" / f"{number}.log").open("wb") for number in range(files)]
    for number in range(lines):
        text = f"line {number} " + "x" * chance.randrange(120)
        outputs[chance.randrange(files)].write(stamped(number / 100, text))
    for output in outputs:
        output.close()


def test_p01_sigint_while_following_ends_with_0_and_saves(tmp_path: Path) -> None:
    """Ctrl-C delivers what the frontier allows, saves, and leaves no traceback."""
    config = write_config(tmp_path, follow=True)
    make_backlog(tmp_path, files=2, lines=500)
    ship = Ship(["run", "-c", config], tmp_path)
    wait_until(lambda: len(lines_of(tmp_path / "out.log")) == 500)
    assert ship.end(signal.SIGINT) == 0
    assert "Traceback" not in ship.said
    checkpoint = tomllib.loads((tmp_path / "ship.checkpoint.toml").read_text())
    assert checkpoint["sequence"] == 500
    sizes = [path.stat().st_size for path in sorted((tmp_path / "logs").iterdir())]
    assert [table["offset"] for table in checkpoint["sources"]["app"]] == sizes


def test_p02_a_second_signal_leaves_at_once_and_the_next_start_is_exact(tmp_path: Path) -> None:
    """A reader of standard output that stalls cannot hold the program after two signals."""
    make_backlog(tmp_path, files=2, lines=20_000)
    sinks = '[sinks.print]\ntype = "stdout"'
    config = write_config(tmp_path, follow=True, sinks=sinks)
    ship = Ship(["run", "-c", config], tmp_path, stdout=subprocess.PIPE)
    wait_until(
        lambda: (tmp_path / "out.log").exists() and (tmp_path / "out.log").stat().st_size > 0
    )
    ship.process.send_signal(signal.SIGINT)
    wait_until(lambda: "stopping" in ship.said)
    assert ship.end(signal.SIGINT) == 130
    again = Ship(["run", "--once", "-c", config], tmp_path, stdout=subprocess.DEVNULL)
    assert again.end() == 0
    merged = sorted(b"".join(p.read_bytes() for p in (tmp_path / "logs").iterdir()).splitlines())
    assert sorted((tmp_path / "out.log").read_bytes().splitlines()) == merged


@pytest.mark.parametrize("room", ["trio_ship.cli", "trio_ship.config", "trio_ship.cli.merge"])
def test_p11_an_interrupted_import_leaves_no_traceback(tmp_path: Path, room: str) -> None:
    """Ctrl-C while modules are still being imported says nothing; the status is that of SIGINT."""
    code = (
        "import sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {room!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from trio_ship.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "merge", "none.log"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_p11_an_interrupted_one_shot_run_says_so(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """A one-shot run that is interrupted ends with 130 or 143: its input is not done."""
    ship = Ship(["run", "-"], tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_until(lambda: "to read" in ship.said)
    assert ship.end(number) == status


def test_p04_a_backlog_killed_again_and_again_comes_out_byte_identical(tmp_path: Path) -> None:
    """Whenever it is killed while catching up, the output is that of one whole run."""
    make_backlog(tmp_path, files=4, lines=150_000)
    sinks = '[sinks.copy]\ntype = "file"\npath = "copy.json"\nencoding = "json"'
    config = write_config(tmp_path, follow=False, sinks=sinks, extra="max_buffer_bytes = 262144")
    assert Ship(["run", "-c", config], tmp_path).end() == 0
    whole = {name: (tmp_path / name).read_bytes() for name in ("out.log", "copy.json")}
    for path in tmp_path.glob("ship.checkpoint*"):
        path.unlink()
    for name in whole:
        (tmp_path / name).unlink()
    output = tmp_path / "out.log"
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        ship = Ship(["run", "-c", config], tmp_path)
        wait_for_size(output, share * len(whole["out.log"]), ship)
        before = output.read_bytes()
        ship.end(signal.SIGKILL)
        assert output.read_bytes().startswith(before)
    assert Ship(["run", "-c", config], tmp_path).end() == 0
    assert {name: (tmp_path / name).read_bytes() for name in whole} == whole


class _Writer(threading.Thread):
    """Appends stamped lines and rotates by rename, as a service does."""

    def __init__(
        self, path: Path, seed: int, stop: threading.Event, may_rotate: threading.Event
    ) -> None:
        super().__init__()
        self.count = 0
        self._may_rotate = may_rotate
        self._path = path
        self._chance = random.Random(seed)
        self._stop_event = stop

    def run(self) -> None:
        """Write until told to stop."""
        output = self._path.open("ab", buffering=0)
        while not self._stop_event.wait(self._chance.uniform(0, 0.01)):
            for _ in range(self._chance.randrange(20)):
                self._write(output.fileno())
            if self._may_rotate.is_set() and self._chance.random() < 0.01:
                for age in range(99, 0, -1):
                    old = self._path.with_name(f"{self._path.name}.{age}")
                    if old.exists():
                        old.rename(self._path.with_name(f"{self._path.name}.{age + 1}"))
                self._path.rename(self._path.with_name(f"{self._path.name}.1"))
                self._write(output.fileno())
                output.close()
                output = self._path.open("ab", buffering=0)
        output.close()

    def _write(self, fd: int) -> None:
        import time  # noqa: PLC0415  (the stamp of a live line is the time)

        now = time.time_ns()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
        text = f"{moment}.{now // 1000 % 10**6:06d}Z {self._path.stem} {self.count}\n"
        os.write(fd, text.encode())
        self.count += 1


def test_p04_live_writers_with_rotation_and_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """Each line comes exactly once, each file's order is kept, and the output never shrinks."""
    sinks = '[sinks.copy]\ntype = "file"\npath = "copy.json"\nencoding = "json"'
    config = write_config(tmp_path, follow=True, sinks=sinks)
    stop = threading.Event()
    # A file that is rotated away before the very first start was never followed.
    may_rotate = threading.Event()
    writers = [
        _Writer(tmp_path / "logs" / f"w{number}.log", number, stop, may_rotate)
        for number in range(3)
    ]
    for writer in writers:
        writer.start()
    output = tmp_path / "out.log"
    before = b""
    try:
        for _ in range(5):
            ship = Ship(["run", "-c", config], tmp_path)
            wait_for_size(output, len(before) + 4096, ship)
            may_rotate.set()
            ship.end(signal.SIGKILL)
            data = output.read_bytes()
            assert data.startswith(before)
            before = data
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    ship = Ship(["run", "-c", config], tmp_path)
    total = sum(writer.count for writer in writers)
    wait_until(lambda: output.read_bytes().count(b"\n") >= total)
    assert ship.end(signal.SIGTERM) == 0
    assert output.read_bytes().startswith(before)
    records = [json.loads(line)["message"] for line in lines_of(tmp_path / "copy.json")]
    for found in ([line.decode().rstrip("\n") for line in lines_of(output)], records):
        for writer, name in zip(writers, ("w0", "w1", "w2"), strict=True):
            numbers = [int(text.split()[2]) for text in found if text.split()[1] == name]
            assert numbers == list(range(writer.count))


def test_c05_a_second_process_on_one_checkpoint_is_refused(tmp_path: Path) -> None:
    """The second start ends with 2 and names the process that holds the lock."""
    config = write_config(tmp_path, follow=True)
    first = Ship(["run", "-c", config], tmp_path)
    wait_until(lambda: "to read" in first.said)
    second = Ship(["run", "-c", config], tmp_path)
    assert second.end() == 2
    assert str(first.process.pid) in second.said
    assert first.end(signal.SIGTERM) == 0


def test_c17_a_second_configuration_on_one_output_is_refused(tmp_path: Path) -> None:
    """The second start ends with 2, names the output, and leaves it as it is."""
    config = write_config(tmp_path, follow=True)
    first = Ship(["run", "-c", config], tmp_path)
    wait_until(lambda: "to read" in first.said)
    (tmp_path / "other.toml").write_text(config.read_text())
    second = Ship(["run", "-c", "other.toml"], tmp_path)
    assert second.end() == 2
    assert f"sinks.out.path: {tmp_path / 'out.log'}: it is written by another" in second.said
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    third = Ship(["run", "--once", "-c", "other.toml"], tmp_path)
    assert third.end() == 0


def test_p10_a_second_one_shot_run_ships_only_what_is_new(tmp_path: Path) -> None:
    """The second run delivers the new lines alone; with none it says how to start over."""
    config = write_config(tmp_path, follow=False)
    log = tmp_path / "logs" / "a.log"
    log.write_bytes(stamped(1, "one"))
    assert Ship(["run", "-c", config], tmp_path).end() == 0
    idle = Ship(["run", "-c", config], tmp_path)
    assert idle.end() == 0
    assert "--ignore-checkpoint" in idle.said
    with log.open("ab") as file:
        file.write(stamped(2, "two"))
    assert Ship(["run", "-c", config], tmp_path).end() == 0
    assert (tmp_path / "out.log").read_bytes() == log.read_bytes()


def test_p12_a_fifo_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    """A FIFO among the files is refused with its kind, the rest is shipped, status 1."""
    config = write_config(tmp_path, follow=False)
    os.mkfifo(tmp_path / "logs" / "pipe.log")
    (tmp_path / "logs" / "a.log").write_bytes(stamped(1, "one"))
    ship = Ship(["run", "-c", config], tmp_path)
    assert ship.end() == 1
    assert "FIFO" in ship.said
    assert (tmp_path / "out.log").read_bytes() == stamped(1, "one")


@pytest.mark.parametrize(
    ("name", "remedy"), [("nothere.log", "check the path"), ("*.txt", "without quotes")]
)
def test_a_missing_file_is_named_and_the_others_are_merged(
    tmp_path: Path, name: str, remedy: str
) -> None:
    """`run` of a path that leads nowhere says so, merges the rest, and ends with status 1."""
    (tmp_path / "a.log").write_bytes(stamped(1, "one"))
    ship = Ship(["run", "-q", name, "a.log"], tmp_path, stdout=subprocess.PIPE)
    out, _ = ship.process.communicate(timeout=60)
    assert (out, ship.end()) == (stamped(1, "one"), 1)
    assert f"{tmp_path / name}: there is no such file" in ship.said
    assert remedy in ship.said


def test_d12_head_ends_a_merge_quietly(tmp_path: Path) -> None:
    """A pipe closed by its reader ends `run FILE` with status 0 and no complaint."""
    make_backlog(tmp_path, files=2, lines=50_000)
    files = sorted((tmp_path / "logs").iterdir())
    ship = Ship(["run", "-q", *files], tmp_path, stdout=subprocess.PIPE)
    assert ship.process.stdout is not None
    assert ship.process.stdout.readline().endswith(b"\n")
    ship.process.stdout.close()
    assert ship.end() == 0
    assert ship.said == ""


def test_standard_input_merges_with_files(tmp_path: Path) -> None:
    """`run FILE -` merges standard input with files by time."""
    (tmp_path / "a.log").write_bytes(stamped(1, "a") + stamped(3, "a"))
    ship = Ship(["run", "a.log", "-"], tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = ship.process.communicate(stamped(2, "stdin") + stamped(4, "stdin"), timeout=60)
    assert out == b"".join(
        stamped(second, "a" if second % 2 else "stdin") for second in (1, 2, 3, 4)
    )


def test_standard_input_that_has_ended_holds_nothing_up_while_following(tmp_path: Path) -> None:
    """What came through it leaves, and so does what files get later."""
    (tmp_path / "a.log").write_bytes(stamped(1, "a"))
    (tmp_path / "ship.toml").write_text(
        '[sources.app]\ntype = "file"\npaths = ["a.log"]\n[sources.in]\ntype = "stdin"\n'
        '[sinks.out]\ntype = "file"\npath = "out"\n'
    )
    ship = Ship(["run", "-q", "-c", "ship.toml"], tmp_path, stdin=subprocess.PIPE)
    assert ship.process.stdin is not None
    ship.process.stdin.write(stamped(2, "stdin"))
    ship.process.stdin.close()
    expected = stamped(1, "a") + stamped(2, "stdin")
    wait_for_size(tmp_path / "out", len(expected) - 1, ship)
    with (tmp_path / "a.log").open("ab") as log:
        log.write(stamped(3, "a"))
    expected += stamped(3, "a")
    wait_for_size(tmp_path / "out", len(expected) - 1, ship)
    assert ship.end(signal.SIGTERM) == 0
    assert (tmp_path / "out").read_bytes() == expected


def test_more_standard_input_than_waits_at_once_flows_while_following(tmp_path: Path) -> None:
    """Input that never pauses does not wait for a pause."""
    (tmp_path / "ship.toml").write_text(
        '[sources.in]\ntype = "stdin"\n[sinks.out]\ntype = "file"\npath = "out"\n'
    )
    text = b"".join(stamped(1 + number / 1000, "x" * 1000) for number in range(3000))
    ship = Ship(["run", "-q", "-c", "ship.toml"], tmp_path, stdin=subprocess.PIPE)
    ship.process.communicate(text, timeout=60)
    assert ship.end() == 0
    assert (tmp_path / "out").read_bytes() == text


def test_p03_a_rename_and_a_sighup_begin_a_new_output(tmp_path: Path) -> None:
    """After a rename and a SIGHUP new records go to a new file, old ones stay."""
    config = write_config(tmp_path, follow=True)
    log, output = tmp_path / "logs" / "a.log", tmp_path / "out.log"
    log.write_bytes(stamped(1, "one"))
    ship = Ship(["run", "-c", config], tmp_path)
    wait_until(lambda: len(lines_of(output)) == 1)
    output.rename(tmp_path / "out.log.1")
    ship.process.send_signal(signal.SIGHUP)
    with log.open("ab") as file:
        file.write(stamped(2, "two"))
    wait_until(lambda: len(lines_of(output)) == 1)
    assert ship.end(signal.SIGTERM) == 0
    assert (tmp_path / "out.log.1").read_bytes() == stamped(1, "one")
    assert output.read_bytes() == stamped(2, "two")


def test_every_configuration_error_is_said_at_once(tmp_path: Path) -> None:
    """A bad configuration ends with 2, names each key, and shows no traceback."""
    config = tmp_path / "bad.toml"
    config.write_text('[pipeline]\nfolow = true\nlate = "never"\n[sources.a]\ntype = "file"\n')
    for command in ("run", "check"):
        ship = Ship([command, "-c", config], tmp_path)
        assert ship.end() == 2
        assert "Traceback" not in ship.said
        for word in ('did you mean "follow"', "pipeline.late", "sources.a.paths", "sink"):
            assert word in ship.said


def test_a_merge_imports_nothing_that_is_slow_and_not_needed(tmp_path: Path) -> None:
    """A start is short because these come in only where they are used."""
    paths = [str(tmp_path / name) for name in ("a.log", "b.log")]
    for number, path in enumerate(paths):
        lines = (f"2026-11-23T08:00:{second:02d}.{number}Z INFO x\n" for second in range(60))
        Path(path).write_text("".join(lines), encoding="ascii")
    code = (
        "import sys; from trio_ship.cli import main; main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "run", "-q", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 120
    imported = set(done.stderr.split())
    assert {"numpy", "pyarrow", "trio"} <= imported
    slow = {"pyarrow.compute", "numpy.ma", "rich", "zstandard", "gzip", "asyncio"}
    slow |= {"anyio._backends._trio"}
    assert slow & imported == set()

"""The scripts do what they say, on tiny data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib import import_module
from io import FileIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_ROOT = Path(__file__).parent.parent
_SCRIPTS = _ROOT / "scripts"
Load = Callable[[str], ModuleType]
_BEGIN = datetime(2026, 11, 23, 8, tzinfo=UTC)
_SHELL = [
    path
    for path in [*sorted(_SCRIPTS.iterdir()), _ROOT / ".ci" / "run"]
    if path.is_file() and not path.suffix
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what imports a module that stands beside the scripts."""
    monkeypatch.syspath_prepend(str(_SCRIPTS))
    return import_module


@pytest.mark.parametrize("path", _SHELL, ids=lambda path: path.name)
def test_shell_scripts_parse(path: Path) -> None:
    """Bash understands every script that is written for it."""
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_sample_logs_are_the_same_every_time(load: Load, tmp_path: Path) -> None:
    """The same seed gives the same bytes and times; another seed gives others."""
    samples = load("sample_logs")
    made = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        folder = tmp_path / name
        folder.mkdir()
        samples.write_samples(str(folder), 300, seed=seed, begin=_BEGIN)
        files = sorted(folder.iterdir())
        made.append([(file.name, file.stat().st_mtime, file.read_bytes()) for file in files])
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert len(samples.SERVICES) == len(made[0])


def test_sample_logs_are_merged_as_they_were_made(load: Load, tmp_path: Path) -> None:
    """The program puts the sample logs into the order of their stamps."""
    samples, demo = load("sample_logs"), load("demo_run")
    records = samples.write_samples(str(tmp_path), 300, seed=1, begin=_BEGIN)
    paths = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "trio_ship", "run", "-q", *paths],
        env={"TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    output = demo.split_records(done.stdout)
    # One source here: the path decides between equal stamps, not the source.
    numbers = {record.text: number for number, record in enumerate(records)}
    places = [
        (records[numbers[text]].stamp, records[numbers[text]].service.file, numbers[text])
        for text in output
    ]
    assert sorted(places) == places
    assert len(records) == len(places)


def test_the_demo_tells_right_from_wrong(load: Load) -> None:
    """Each way to be wrong is counted as what it is."""
    samples, demo = load("sample_logs"), load("demo_run")
    records = list(samples.make_stream(200, seed=1, begin=_BEGIN))

    def place(number: int) -> tuple[datetime, str, str, int]:
        record = records[number]
        return (record.stamp, record.service.source, record.service.file, number)

    order = sorted(range(200), key=place)
    right = [records[number].text for number in order]
    assert demo.judge(records, right).is_good
    assert right == demo.split_records("".join(right))
    assert demo.Verdict(1, 0, 0, 0, 0) == demo.judge(records, right[:-1])
    assert demo.Verdict(0, 1, 0, 0, 0) == demo.judge(records, [*right, right[-1]])
    torn = demo.judge(records, [*right[:-1], right[-1][:-3]])
    assert demo.Verdict(1, 0, 1, 0, 0) == torn
    moved = [*right[1:], right[0]]
    assert demo.Verdict(0, 0, 0, 1, 1) == demo.judge(records, moved)
    assert demo.judge(records, moved, frozenset({order[0]})).untimely == 0


def test_the_corpus_is_the_same_every_time_and_ordered(load: Load) -> None:
    """Lines of the benchmark depend on nothing but the seed, and stamps never fall."""
    corpus = load("bench_corpus")
    one, again = (next(corpus.lines(1, seed=3)) for _ in range(2))
    assert one == again
    stamps = [line[:24] for line in one]
    assert sorted(stamps) == stamps
    assert 140 < sum(map(len, one)) / len(one) < 160


@pytest.mark.parametrize("text", ["plain", "quotes", "non-ASCII"])
def test_a_corpus_is_split_line_by_line(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Files hold the lines of one stream in turn, whatever their number, and are made once."""
    corpus = load("bench_corpus")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    one, eight = (corpus.make_corpus(1, files=files, text=text) for files in (1, 8))
    whole = Path(one.paths[0]).read_bytes().splitlines()
    parts = [Path(part).read_bytes().splitlines() for part in eight.paths]
    assert [whole[number::8] for number in range(8)] == parts
    assert len(whole) == one.lines == eight.lines
    assert one.size == eight.size
    assert all(corpus.TEXTS[text] in line for line in whole[:1000])
    before = Path(one.paths[0]).stat().st_mtime_ns
    assert one == corpus.make_corpus(1, files=1, text=text)
    assert before == Path(one.paths[0]).stat().st_mtime_ns


def test_outputs_are_checked_byte_by_byte(load: Load, tmp_path: Path) -> None:
    """One byte of difference is an error, in raw and in json."""
    checks = load("bench_checks")
    texts, wrong, objects = (str(tmp_path / name) for name in ("texts", "wrong", "objects"))
    Path(texts).write_text("one\ntwo\n")
    Path(wrong).write_text("one\ntwp\n")
    checks.same_bytes(texts, texts)
    with pytest.raises(ValueError, match="differs from"):
        checks.same_bytes(wrong, texts)
    lines = [json.dumps({"message": text}) + "\n" for text in ("one", "two")]
    Path(objects).write_text("".join(lines))
    checks.check_json(objects, texts)
    Path(objects).write_text(lines[1] + lines[0])
    with pytest.raises(ValueError, match="line 1 is not"):
        checks.check_json(objects, texts)
    Path(objects).write_text(lines[0])
    with pytest.raises(ValueError, match="longer"):
        checks.check_json(objects, texts)


def test_outputs_are_checked_line_by_line(load: Load, tmp_path: Path) -> None:
    """Lost, doubled and changed lines are errors; another order is one where it is promised."""
    checks = load("bench_checks")
    lines = [b"2026-11-23T08:00:0%d.000Z %d\n" % (number // 2, number) for number in range(4)]
    inputs = [tmp_path / "one", tmp_path / "two"]
    for number, path in enumerate(inputs):
        path.write_bytes(b"".join(lines[number::2]))
    expected = checks.digest(map(str, inputs))
    output = tmp_path / "output"
    for places, is_same, is_ordered in (
        ([0, 1, 2, 3], True, True),
        ([1, 0, 3, 2], True, True),
        ([0, 2, 1, 3], True, False),
        ([0, 1, 2], False, False),
        ([0, 1, 2, 2], False, False),
        ([0, 1, 2, 3, 3], False, False),
    ):
        output.write_bytes(b"".join(lines[place] for place in places))
        for in_order, is_good in ((False, is_same), (True, is_ordered)):
            refused = nullcontext() if is_good else pytest.raises(ValueError, match="output")
            with refused:
                checks.same_lines(str(output), expected, in_order=in_order)


def test_a_run_is_measured_and_a_failure_is_told(load: Load, tmp_path: Path) -> None:
    """Time, processor and memory of a whole process; its words if it fails."""
    measure = load("bench_measure")
    output = tmp_path / "out"

    def program(name: str, *command: str) -> Any:
        return measure.Program(name=name, command=command, output=str(output), to_stdout=True)

    run = measure.run_once(program("echo", "echo", "hello"), str(tmp_path), 6)
    assert output.read_text() == "hello\n"
    assert run.seconds > 0
    assert run.peak_bytes > 100_000
    bad = program("bad", sys.executable, "-c", "raise SystemExit('no luck')")
    with pytest.raises(RuntimeError, match="bad: status 1: no luck"):
        measure.run_once(bad, str(tmp_path), 6)


def test_who_follows_is_stopped_when_the_output_is_complete(load: Load, tmp_path: Path) -> None:
    """A program that waits for more is ended by a signal; one that ends before is told of."""
    measure = load("bench_measure")
    output = str(tmp_path / "out")

    def follower(*command: str) -> Any:
        return measure.Program(
            name="f", command=command, output=output, to_stdout=True, follows=True
        )

    waits = f"print('hello', flush=True); open({str(tmp_path / 'pipe')!r}).read()"
    os.mkfifo(tmp_path / "pipe")
    measure.run_once(follower(sys.executable, "-c", waits), str(tmp_path), 6)
    assert Path(output).read_text() == "hello\n"
    with pytest.raises(RuntimeError, match="f: it has ended by itself"):
        measure.run_once(follower("echo", "hell"), str(tmp_path), 6)


def test_contenders_take_turns_and_one_that_fails_is_left_out(load: Load, tmp_path: Path) -> None:
    """Each is run as often as asked for; a wrong output ends one, and not the others."""
    measure = load("bench_measure")
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\n")
    folders = (str(folder) for folder in map(tmp_path.joinpath, map(str, range(100))))

    def scratch() -> str:
        folder = next(folders)
        os.mkdir(folder)
        return folder

    def maker(*command: str) -> Callable[[Sequence[str], str], Any]:
        return lambda paths, folder: measure.Program(
            name=command[0], command=[*command, *paths], output=f"{folder}/out", to_stdout=True
        )

    def check(program: Any) -> None:
        load("bench_checks").same_bytes(program.output, str(log))

    found, failed = measure.compare(
        {"cat": maker("cat"), "head": maker("head", "-n", "1")},
        [str(log)],
        check,
        runs=3,
        starts=2,
        scratch=scratch,
    )
    assert list(found) == ["cat"]
    assert (len(found["cat"].runs), len(found["cat"].starts), found["cat"].size) == (3, 2, 8)
    assert list(failed) == ["head"]
    assert "differs from" in failed["head"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_copies_and_merges_hold_the_lines_in_the_order_that_is_said(
    load: Load, tmp_path: Path
) -> None:
    """All lines arrive; shippers are left out, for what they do depends on their machine."""
    measure, checks = load("bench_measure"), load("bench_checks")
    contenders = load("bench_contenders")
    paths = [str(tmp_path / name) for name in ("one.log", "two.log")]
    for number, path in enumerate(paths):
        lines = [b"2026-11-23T08:%02d:%02d.000Z INFO x\n" % (m, number) for m in range(60)]
        Path(path).write_bytes(b"".join(lines))
    expected, size = checks.digest(paths), sum(map(os.path.getsize, paths))
    for one in filter(contenders.installed, contenders.CONTENDERS):
        if one.is_shipper:
            continue
        folder = tmp_path / one.name
        folder.mkdir()
        program = one.make(paths, str(folder))
        measure.run_once(program, str(folder), size)
        in_order = one.order is not contenders.Order.NONE
        checks.same_lines(program.output, expected, in_order=in_order)


def test_medians_and_verdicts(load: Load) -> None:
    """The middle run counts, the worst peak counts, and a miss is said."""
    measure, report = load("bench_measure"), load("bench_report")
    runs = [measure.Run(seconds, seconds / 2, int(seconds * 1e6)) for seconds in (9.0, 1.0, 2.0)]
    measured = measure.Measured(8_000_000, runs, runs[:1])
    assert (measured.seconds, measured.cpu_seconds, measured.peak_mb) == (2.0, 1.0, 9.0)
    assert (measured.rate, measured.start_seconds) == (4.0, 9.0)
    found = report.Report()
    found.sections["one file"] = {"trio-ship": measured}
    found.rows += [
        report.Row("kept", "1 x", 1.0, 1.0, "x"),
        report.Row("missed", "2 x", 1.01, 1.0, "x"),
        report.Row("more", "3 x", 3.0, 2.0, "x", at_least=True),
        report.Row("less", "1 x", 1.0, 2.0, "x", at_least=True),
        report.Row("told", "3 lines", 3.0),
        report.Row("broken", "failed", None),
    ]
    verdicts = ["ok", "MISSED", "ok", "MISSED", "", "MISSED"]
    assert [row.verdict for row in found.rows] == verdicts
    assert not found.is_good
    lines = [line.split() for line in found.as_text().splitlines()]
    assert ["missed", "2", "x", "<=", "1", "x", "MISSED"] in lines
    assert ["trio-ship", "2.00", "9.00", "4", "1.00", "8", "9", "1.00", "yes"] in lines
    assert [row["verdict"] for row in found.as_json()["rows"]] == verdicts
    assert json.loads(json.dumps(found.as_json()))["sections"]["one file"]["trio-ship"]["runs"]


def test_live_delays_are_those_of_the_lines(load: Load, tmp_path: Path) -> None:
    """What arrives is told apart by its number; a line behind a later one is counted."""
    live = load("bench_live")
    files = [FileIO(tmp_path / str(number), "w") for number in range(2)]
    output = tmp_path / "output"
    traffic = live.Traffic(files, str(output))
    traffic.look()
    traffic.write(4)
    for file in files:
        file.close()
    lines = [(tmp_path / str(number)).read_bytes().splitlines(keepends=True) for number in (0, 1)]
    assert [len(some) for some in lines] == [2, 2]
    later = lines[1][0].replace(b"20", b"21", 1)
    output.write_bytes(lines[0][0] + later + lines[0][1][:-5])
    traffic.look()
    assert set(traffic.arrived) == {0, 1}
    assert traffic.disorder == 0
    with output.open("ab") as more:
        more.write(lines[0][1][-5:])
    traffic.look()
    assert set(traffic.arrived) == {0, 1, 2}
    assert traffic.disorder == 1


def test_system_calls_that_fail_lose_and_double_nothing(load: Load, tmp_path: Path) -> None:
    """Errors and deaths at single system calls change no output."""
    refusal = load("torture_ship").can_trace()
    if refusal:
        pytest.skip(refusal)
    plan = load("torture_live").Plan("calls", "", (), seconds=0, rate=0, seed=1)
    result = load("torture_calls").run_calls(str(tmp_path), plan, deaths=1, step=6)
    assert result.problems == []
    assert sum(result.events.values()) >= 6


def test_outputs_are_compared_by_what_each_writer_wrote(load: Load, tmp_path: Path) -> None:
    """The lines of two writers may stand otherwise to each other; all else is told."""
    one, other = (str(tmp_path / name) for name in ("one", "other"))
    lines = [b"x w0 0000000 a\n", b"x w0 0000001 a\n", b"x w1 0000000 b\n"]
    Path(one).write_bytes(b"".join(lines))
    for order, is_same in (
        ((0, 1, 2), True),
        ((2, 0, 1), True),
        ((1, 0, 2), False),
        ((0, 1), False),
        ((0, 1, 2, 2), False),
    ):
        Path(other).write_bytes(b"".join(lines[place] for place in order))
        assert load("torture_calls").hold_the_same(one, other) is is_same

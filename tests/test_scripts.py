"""The scripts do what they say, on tiny data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

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


def test_a_corpus_is_split_line_by_line(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts hold the lines of the whole in turn, and are made only once."""
    corpus = load("bench_corpus")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = corpus.make_corpus(1, with_whole=True)
    whole = Path(made.whole).read_bytes().splitlines()
    parts = [Path(part).read_bytes().splitlines() for part in made.parts]
    assert [whole[number :: corpus.FILES] for number in range(corpus.FILES)] == parts
    assert len(whole) == made.lines
    before = Path(made.whole).stat().st_mtime_ns
    assert made == corpus.make_corpus(1, with_whole=True)
    assert before == Path(made.whole).stat().st_mtime_ns


def test_outputs_are_compared_byte_by_byte(load: Load, tmp_path: Path) -> None:
    """One byte of difference is an error, in raw and in json."""
    measure, bench = load("bench_measure"), load("bench_main")
    texts, wrong, objects = (str(tmp_path / name) for name in ("texts", "wrong", "objects"))
    Path(texts).write_text("one\ntwo\n")
    Path(wrong).write_text("one\ntwp\n")
    measure.same_bytes(texts, texts)
    with pytest.raises(ValueError, match="differs from"):
        measure.same_bytes(wrong, texts)
    lines = [json.dumps({"message": text}) + "\n" for text in ("one", "two")]
    Path(objects).write_text("".join(lines))
    bench.check_json(objects, texts)
    Path(objects).write_text(lines[1] + lines[0])
    with pytest.raises(ValueError, match="line 1 is not"):
        bench.check_json(objects, texts)
    Path(objects).write_text(lines[0])
    with pytest.raises(ValueError, match="longer"):
        bench.check_json(objects, texts)


def test_a_run_is_measured_and_a_failure_is_told(load: Load, tmp_path: Path) -> None:
    """Time, processor and memory of a whole process; its words if it fails."""
    measure = load("bench_measure")
    output = tmp_path / "out"
    good = measure.Program("echo", ["echo", "hello"], str(output), to_stdout=True, environment={})
    run = measure.run_once(good, str(tmp_path))
    assert output.read_text() == "hello\n"
    assert run.seconds > 0
    assert run.peak_bytes > 100_000
    command = [sys.executable, "-c", "raise SystemExit('no luck')"]
    bad = measure.Program("bad", command, str(output), to_stdout=True, environment={})
    with pytest.raises(RuntimeError, match="bad: status 1: no luck"):
        measure.run_once(bad, str(tmp_path))


def test_medians_and_verdicts(load: Load) -> None:
    """The middle run counts, the worst peak counts, and a miss is said."""
    measure = load("bench_measure")
    runs = [measure.Run(seconds, 0.0, int(seconds * 1e6)) for seconds in (9.0, 1.0, 2.0)]
    assert measure.median_seconds(runs) == 2.0
    assert measure.peak_mb(runs) == 9.0
    rows = [
        measure.Row("kept", "1 x", 1.0, 1.0, "x"),
        measure.Row("missed", "2 x", 1.01, 1.0, "x"),
        measure.Row("told", "3 lines", 3.0, None, ""),
        measure.Row("broken", "failed", 0.0, None, "", failed=True),
    ]
    assert [row.verdict for row in rows] == ["ok", "MISSED", "", "MISSED"]
    assert measure.table(rows).splitlines()[2].split() == [
        "missed",
        "2",
        "x",
        "<=",
        "1",
        "x",
        "MISSED",
    ]


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

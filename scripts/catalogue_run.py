# ruff: noqa: INP001 - a helper beside a script, not a package
"""The catalogue of failures: which test provokes each row, and how it ends.

Rows stand in `catalogue.toml`. A row is answered by tests named after its id
and by limits in the README that carry it in brackets, such as "(R13)".
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

__all__ = ["Row", "answers", "limits", "main", "read_rows", "render", "results", "tests"]

_ROOT = Path(__file__).parent.parent
_NAME = re.compile(r"test((?:_[rsdcpx]\d\d)+)_")
_SECTION = re.compile(r"^## What cannot be kept$(.*?)^## ", re.MULTILINE | re.DOTALL)
_IDS = re.compile(r"\(([A-Z]\d\d(?:, [A-Z]\d\d)*)\)")
_WIDTH = 78


@attrs.frozen(kw_only=True)
class Row:
    """A row of the catalogue with its answers.

    Attributes:
        id: A letter and two digits.
        text: What goes wrong.
        tests: Tests named after it, `file::function`.
        limits: How the limits that carry it begin.
    """

    id: str
    text: str
    tests: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def is_answered(self) -> bool:
        """Whether there is a test or a limit."""
        return bool(self.tests or self.limits)


def read_rows(text: str) -> dict[str, str]:
    """Return what goes wrong in each row, by id, from the table in TOML."""
    return {row: what for table in tomllib.loads(text).values() for row, what in table.items()}


def tests(folder: Path) -> dict[str, list[str]]:
    """Return the tests below a folder that carry an id, as `path::function`, by id."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and (match := _NAME.match(node.name)):
                place = f"{path.relative_to(folder)}::{node.name}"
                for row in match[1].upper().split("_")[1:]:
                    found.setdefault(row, []).append(place)
    return found


def limits(readme: str) -> dict[str, list[str]]:
    """Return how the limits of the README begin, by the ids that they carry."""
    section = _SECTION.search(readme)
    found: dict[str, list[str]] = {}
    for limit in (section[1] if section else "").split("\n* ")[1:]:
        words = " ".join(limit.split()).replace("*", "")
        for ids in _IDS.findall(words):
            for row in ids.split(", "):
                found.setdefault(row, []).append(words)
    return found


def answers(
    rows: Mapping[str, str], tested: Mapping[str, list[str]], limited: Mapping[str, list[str]]
) -> list[Row]:
    """Return all rows with their answers.

    Raises:
        ValueError: A test or a limit carries an id that no row has.
    """
    unknown = (tested.keys() | limited.keys()) - rows.keys()
    if unknown:
        raise ValueError(f"no row has the id {', '.join(sorted(unknown))}")
    return [
        Row(id=row, text=text, tests=tuple(tested.get(row, ())), limits=tuple(limited.get(row, ())))
        for row, text in rows.items()
    ]


def results(report: str) -> dict[str, Counter[str]]:
    """Return how often each test passed, failed or was skipped, from a JUnit report.

    Args:
        report: The report, in XML.

    Returns:
        Counts by `file::function`, as `tests` spells it; cases of a
        parametrised test are counted together.
    """
    found: dict[str, Counter[str]] = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314  (pytest wrote it just now)
        path = case.attrib["classname"].removeprefix("tests.").replace(".", "/") + ".py"
        name = case.attrib["name"].partition("[")[0]
        kinds = {child.tag for child in case}
        end = "failed" if kinds & {"failure", "error"} else "passed"
        end = "skipped" if "skipped" in kinds else end
        found.setdefault(f"{path}::{name}", Counter())[end] += 1
    return found


def render(rows: Iterable[Row], ends: Mapping[str, Counter[str]] | None) -> str:
    """Return the table.

    Args:
        rows: The rows.
        ends: What `results` returned; None where no test was run.
    """
    lines = []
    for row in rows:
        lines.append(f"{row.id}  {row.text}")
        for test in row.tests:
            counts = Counter[str]() if ends is None else ends.get(test, Counter({"not run": 1}))
            told = ", ".join(f"{count} {end}" for end, count in sorted(counts.items()))
            lines.append(f"       {test:{_WIDTH}}  {told}".rstrip())
        lines += [f"       README: {text[:_WIDTH]}..." for text in row.limits]
        if not row.is_answered:
            lines.append("       MISSING: neither a test nor a limit")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print the table; return 1 if a row is not answered or a test failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="only list the tests")
    parser.add_argument("--jobs", default="auto", help="processes to run tests in")
    options = parser.parse_args(arguments)
    rows = answers(
        read_rows((_ROOT / "scripts" / "catalogue.toml").read_text()),
        tests(_ROOT / "tests"),
        limits((_ROOT / "README.md").read_text()),
    )
    ends = (
        None if options.list else _run([test for row in rows for test in row.tests], options.jobs)
    )
    print(render(rows, ends))  # noqa: T201  (the answer)
    missing = [row.id for row in rows if not row.is_answered]
    bad = sorted(test for test, counts in (ends or {}).items() if counts.keys() - {"passed"})
    with_tests = sum(bool(row.tests) for row in rows)
    limited = sum(bool(row.limits) and not row.tests for row in rows)
    print(  # noqa: T201  (the answer)
        f"\n{len(rows)} rows: {with_tests} with tests ({sum(len(row.tests) for row in rows)} of "
        f"them), {limited} answered by a limit of the README alone, {len(missing)} missing"
        + (f": {', '.join(missing)}" if missing else "")
        + (f"\nnot passed: {', '.join(bad)}" if bad else "")
    )
    return 1 if missing or bad else 0


def _run(chosen: list[str], jobs: str) -> dict[str, Counter[str]]:
    """Run tests; return their ends."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        places = [f"tests/{test}" for test in chosen]
        options = ["--quiet", "--numprocesses", jobs, f"--junitxml={report}"]
        done = subprocess.run(  # noqa: S603  (our own tests)
            [sys.executable, "-m", "pytest", *options, *places],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if not report.exists():
            raise SystemExit(done.stdout)
        if done.returncode:
            print(done.stdout, file=sys.stderr)  # noqa: T201  (what failed)
        return results(report.read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

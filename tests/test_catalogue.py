"""The table of failures: what counts as an answer, and what is missing."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).parent.parent
_ROWS = {"R01": "half a line", "R13": "gone", "S01": "quiet"}
_README = """
## What cannot be kept

* **Gone**: a file that is
  gone (R13, S01), is gone.
* **Nothing** has an id here: see R01.

## Next

* Not a limit (R01).
"""


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module that stands beside the scripts."""
    monkeypatch.syspath_prepend(str(_ROOT / "scripts"))
    return import_module("catalogue_run")


def test_only_functions_that_bear_an_id_are_answers(catalogue: ModuleType, tmp_path: Path) -> None:
    """A test counts for the rows that its name begins with, in folders below too."""
    (tmp_path / "more").mkdir()
    (tmp_path / "test_a.py").write_text(
        "def test_r01_r13_halves(): ...\nasync def test_r01_other(): ...\ndef test_plain(): ...\n"
        "def r01_helper(): ...\n"
    )
    (tmp_path / "more" / "test_b.py").write_text("def test_s01_quiet(): ...\n")
    (tmp_path / "helper.py").write_text("def test_r13_not_collected(): ...\n")
    assert catalogue.tests(tmp_path) == {
        "R01": ["test_a.py::test_r01_r13_halves", "test_a.py::test_r01_other"],
        "R13": ["test_a.py::test_r01_r13_halves"],
        "S01": ["more/test_b.py::test_s01_quiet"],
    }


def test_limits_are_those_of_one_section(catalogue: ModuleType) -> None:
    """Ids in brackets count, in the section on limits alone."""
    found = catalogue.limits(_README)
    assert found.keys() == {"R13", "S01"}
    assert found["R13"] == ["Gone: a file that is gone (R13, S01), is gone."]


def test_a_row_without_test_and_limit_is_missing(catalogue: ModuleType) -> None:
    """It is said in the table; a test alone or a limit alone is an answer."""
    rows = catalogue.answers(_ROWS, {"S01": ["test_a.py::test_s01_quiet"]}, {"R13": ["Gone"]})
    assert [row.id for row in rows if not row.is_answered] == ["R01"]
    lines = catalogue.render(rows, None).splitlines()
    assert lines[:2] == ["R01  half a line", "       MISSING: neither a test nor a limit"]
    assert "README: Gone" in lines[3]


def test_an_id_that_no_row_has_is_refused(catalogue: ModuleType) -> None:
    """A misspelt id cannot hide a missing answer."""
    with pytest.raises(ValueError, match="R99"):
        catalogue.answers(_ROWS, {"R99": ["test_a.py::test_r99_x"]}, {})


def test_results_add_up_the_cases_of_a_test(catalogue: ModuleType) -> None:
    """Of a parametrised test each case counts; failures and errors are the same."""
    report = (
        '<testsuites><testsuite><testcase classname="tests.test_a" name="test_r01_x[1]"/>'
        '<testcase classname="tests.test_a" name="test_r01_x[2]"><failure/></testcase>'
        '<testcase classname="tests.sim.test_b" name="test_s01_y"><error/></testcase>'
        '<testcase classname="tests.test_a" name="test_r13_z"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    assert catalogue.results(report) == {
        "test_a.py::test_r01_x": Counter(passed=1, failed=1),
        "sim/test_b.py::test_s01_y": Counter(failed=1),
        "test_a.py::test_r13_z": Counter(skipped=1),
    }


def test_every_id_of_the_tests_and_the_readme_is_in_the_table(catalogue: ModuleType) -> None:
    """No test and no limit speaks of a row that is not there."""
    rows = catalogue.read_rows((_ROOT / "scripts" / "catalogue.toml").read_text())
    tested = catalogue.tests(_ROOT / "tests")
    found = catalogue.answers(rows, tested, catalogue.limits((_ROOT / "README.md").read_text()))
    assert len(found) == len(rows)
    assert sum(len(row.tests) for row in found) == sum(map(len, tested.values()))

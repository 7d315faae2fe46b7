"""Path patterns."""

from __future__ import annotations

import fnmatch
import glob
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.globs import has_magic, matches, segment_matcher

NAMES = [
    "a.log",
    "b.log",
    "a.log.1",
    ".hidden.log",
    "[x].log",
    "sub/a.log",
    "sub/deep/a.log",
    "sub/.git/a.log",
    ".dir/a.log",
    "other/b.txt",
    "line\nbreak.log",
]
PATTERNS = [
    "*",
    "*.log",
    "?.log",
    "[ab].log",
    "[!a].log",
    "[[]x[]].log",
    ".*.log",
    ".*",
    "*/a.log",
    "*/*",
    "sub/*",
    "s*b/deep/*.log",
    "**/*.log",
    "**/a.log",
    "sub/**/a.log",
    "sub/**/*.log",
    "**/deep/*",
    "**/.git/*",
    ".dir/*",
    "**/**/a.log",
    "a.log",
    "sub/a.log",
    "*.txt",
    "**",
    "sub/**",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all names."""
    root = tmp_path_factory.mktemp("globs")
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_what_they_mean_to_the_standard_library(folder: Path, pattern: str) -> None:
    """A file matches where `glob` finds it, hidden names and `**` included."""
    root = str(folder)
    full = f"{root}/{pattern}"
    found = {path for path in glob.glob(full, recursive=True) if os.path.isfile(path)}
    assert {path for name in NAMES if matches(full, path := f"{root}/{name}")} == found


@given(st.text("ab*?.[]!", max_size=6), st.text("ab.[]", min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_a_segment_matches_what_fnmatch_matches_except_hidden_names(
    segment: str, name: str
) -> None:
    """One segment is a shell pattern; a leading point must be written."""
    is_hidden = name.startswith(".") and not segment.startswith(".")
    expected = fnmatch.fnmatchcase(name, segment) and not is_hidden
    assert segment_matcher(segment)(name) is expected


def test_magic_is_what_can_match_more_than_itself() -> None:
    """Only the three openers count."""
    assert [has_magic(text) for text in ("/a/*", "/a?", "/[a]", "/a].log", "/a")] == [
        True,
        True,
        True,
        False,
        False,
    ]

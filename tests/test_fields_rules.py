"""Rules on many texts at once, held equal to `re`, which tries one place after the other."""

from __future__ import annotations

import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.fields.rules import Rules

PATTERNS = (
    r"a(?P<?>[1-3])x*b",
    r"[ab](?P<?>[1-3])[x ]",
    r"^(?P<?>[1-3]) ",
    r"b(?P<?>[1-3])(?:$|a)",
)
RULES = Rules(PATTERNS, [int, lambda text: int(text) + 3, int, int])
_TEXTS = st.builds(
    lambda lead, match, rest: lead + match + rest,
    st.sampled_from(["    ", "a1b ", "b2  ", "1   ", "a3xx"]),
    st.sampled_from(["a1x", "a1xx", "b2 ", "b2", "a3 "]),
    st.text("ab1x ", max_size=4),
)


def _said(text: str) -> int:
    for_each = "|".join(pattern.replace("(?P<?>", "(").replace("$", r"\Z") for pattern in PATTERNS)
    found = re.search(for_each, text)
    if found is None:
        return 0
    assert found.lastindex is not None
    return RULES.readers[found.lastindex - 1](found[found.lastindex].encode())


@settings(deadline=None)
@given(st.lists(_TEXTS | st.text("ab1x ", max_size=6), min_size=1, max_size=6))
def test_texts_say_what_their_leftmost_match_says(texts: list[str]) -> None:
    """What stands in one column of many texts counts in each as if it were alone."""
    count = 3000 // len(texts)
    expected = [_said(text) for text in texts]
    column = pa.array([text.encode() for text in texts] * count, pa.large_binary())
    assert RULES.read([column, column[:7]]).tolist() == expected * count + (expected * 7)[:7]


def test_what_stands_in_no_sample_is_found() -> None:
    """One text of thousands that are alike may say something else in the same column."""
    texts = [b"    a1x"] * 5000
    texts[3], texts[77], texts[78] = b"b2  a1x", b"    a1xxb", b"    a2x"
    expected = [4] * 5000
    expected[3], expected[77], expected[78] = 5, 1, 5
    assert RULES.read([pa.array(texts, pa.large_binary())]).tolist() == expected


def test_a_sample_of_the_first_column_serves_all() -> None:
    """Texts of a later column, few or unlike those before, say what they say alone."""
    columns = [[b"    a1x"] * 3000, [b"b2 ", b"    a1x", b"b2  a1x"], [b"1   a1x"] * 3000]
    expected = [4] * 3000 + [5, 4, 5] + [1] * 3000
    assert RULES.read(pa.array(texts, pa.large_binary()) for texts in columns).tolist() == expected


def test_the_end_of_a_text_is_nothing_that_others_have_there() -> None:
    """A match that needs the end of its text is none where a text goes on."""
    texts = [b"    b2"] * 3000 + [b"    b2b"] * 3000
    assert RULES.read([pa.array(texts, pa.large_binary())]).tolist() == [2] * 3000 + [0] * 3000

"""A look tells which texts may be of a form, and never that one is not which is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.fields.forms import (
    CLF,
    LOOK_CLF,
    LOOK_LOGFMT,
    LOOK_SYSLOG,
    LOOK_SYSLOG_5424,
    SYSLOG,
    SYSLOG_5424,
    Expression,
    Form,
    Look,
    looking,
    read_logfmt,
)
from trio_ship.fields.texts import occurs

FORMS = {
    "clf": (LOOK_CLF, Expression.of(CLF)),
    "logfmt": (LOOK_LOGFMT, read_logfmt),
    "syslog": (LOOK_SYSLOG, Expression.of(SYSLOG)),
    "syslog_5424": (LOOK_SYSLOG_5424, Expression.of(SYSLOG_5424)),
}
_TEXTS = st.one_of(
    st.from_regex(rf"\A{SYSLOG.removeprefix(chr(92) + 'A').replace(chr(92) + 'z', chr(92) + 'Z')}"),
    st.from_regex(r'\A\S{1,3} - - \[\d+\] "(GET /|)" 200 (-|7)( "-" "x")?\Z'),
    st.from_regex(r'\A<\d{1,3}>1 \S - - - - (-|\[a b="c"\])( x)?\Z'),
    st.from_regex(r'\A\s{0,2}[a-zA-Z_@]{1,3}=(\S|"a b"|)(\s[a-z]=1)?\s?\Z'),
    st.text('<1>Na=_ []"-\t{', max_size=8),
).map(str.encode)


@pytest.mark.parametrize(("look", "form"), FORMS.values(), ids=FORMS)
@given(st.lists(_TEXTS, max_size=8))
def test_what_a_form_understands_looks_like_it(look: Look, form: Form, texts: list[bytes]) -> None:
    """A form that is asked about a few texts only says the same."""
    column = pa.array(texts, pa.large_binary())
    assert looking(look, form)(column).to_pylist() == form(column).to_pylist()


def test_a_form_is_not_asked_about_other_texts() -> None:
    """Texts with another first byte, or without what stands in each, are spared."""

    def read(texts: object) -> object:
        assert texts == pa.array([b'<x] "', b'a] "'], pa.large_binary())
        return texts

    texts = pa.array([b'<x] "', b"", b'0] "', b"a", b'a] "'], pa.large_binary())
    expected = [b'<x] "', None, None, None, b'a] "']
    assert looking(Look(first=b"<a", literal=b'] "'), read)(texts).to_pylist() == expected


@given(st.text("ab", min_size=1, max_size=4), st.text("ab", max_size=9))
def test_a_text_occurs_where_it_stands(text: str, data: str) -> None:
    """A text occurs in others, or not, as Python's own search has it."""
    assert occurs(text.encode(), np.frombuffer(data.encode(), np.uint8)) == (text in data)

"""Expressions and formats of the user, on records of anybody: bounded in time and memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP
from trio_ship.config import parse_config
from trio_ship.decode.patterns import LinePattern
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.errors import ConfigError

START = np.zeros(1, np.int64)
UNKNOWN = np.full(1, NO_STAMP, np.int64)
FORM = "%d.%m.%Y %H:%M"
CONFIG = """
[sources.app]
type = "file"
paths = ["/nowhere/*.log"]
[sources.app.timestamp]
pattern = '{}'
format = '{}'
[sinks.out]
type = "stdout"
"""


def decode(decoder: StampDecoder, text: bytes) -> list[int]:
    """Return the stamp of every line of a text."""
    arena, start, end = frame(text)
    stamps = [int(stamp) for stamp in decoder.decode(arena, start, end, START, UNKNOWN)]
    assert len(stamps) == len(start)
    return stamps


def test_x07_a_pattern_that_takes_all_of_a_record_keeps_none_of_it() -> None:
    """Long texts are no stamps, and are not remembered as the short ones are."""
    decoder = StampDecoder(f"strptime@ts/{FORM}", pattern="(?P<ts>.+)")
    good = b"24.12.2026 18:00\n"
    decode(decoder, good)  # whatever is imported at the first use
    tracemalloc.start()
    try:
        for number in range(40):
            lines = b"%d " % number + b"x" * 100_000 + b"\n" + good
            assert [stamp == NO_STAMP for stamp in decode(decoder, lines)] == [True, False]
        del lines
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_x07_a_format_has_an_end() -> None:
    """A format may have 100 characters, not more."""
    end = "x" * (100 - len(FORM))
    assert parse_config(CONFIG.format("(?P<ts>.+)", FORM + end), file="/nowhere/ship.toml")
    text = CONFIG.format("(?P<ts>.+)", FORM + end + "x")
    with pytest.raises(ConfigError, match="this is too long; 100 characters at most"):
        parse_config(text, file="/nowhere/ship.toml")


@given(st.text("(?:)P<ts>[]{}*+|.,0123456789\\dwpL^$ab", max_size=40), st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_x07_any_pattern_is_refused_or_reads_any_record(text: str, data: bytes) -> None:
    """Whatever the expression and the bytes, there are stamps or there are none."""
    for pattern in (text, f"(?P<ts>{text})"):
        try:
            decoder = StampDecoder(f"strptime@ts/{FORM}", pattern=pattern)
        except ValueError:
            continue
        decode(decoder, data + b"\n")


@given(st.text("(?:)[]{}*+|.,0123456789\\dwpL^$ab", max_size=40), st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_x07_any_expression_of_multiline_is_refused_or_judges_any_line(
    text: str, data: bytes
) -> None:
    """Whatever the expression and the bytes, each line matches or does not."""
    try:
        pattern = LinePattern(text)
    except ValueError:
        return
    arena, start, end = frame(data + b"\n")
    assert len(pattern.matches(arena, start, end)) == len(start)


@given(st.text("%aAbBcdDfGHIjmMpSuUVwWxXyYzZ -:/.T0\x00\\[(", max_size=12), st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_x10_any_format_is_refused_or_reads_any_text(form: str, data: bytes) -> None:
    """Whatever the format and the text of a stamp, there is a moment or there is none."""
    try:
        decoder = StampDecoder(f"strptime@ts/{form}", pattern="(?P<ts>.*)")
    except ValueError:
        return
    decode(decoder, data + b"\nThu Dec 24 00:00:00 2026\n24.12.2026 18:00\n")

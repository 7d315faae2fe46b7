"""Records on a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.encode.terminal import escape_controls


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain\ttext\n", b"plain\ttext\n"),
        (b"\x1b[31mred\x1b]0;title\x07\n", rb"\x1b[31mred\x1b]0;title\x07" + b"\n"),
        (b"a\rb\r\nc\r\r\n", rb"a\x0db" + b"\r\nc" + rb"\x0d" + b"\r\n"),
        (b"\x00\x08\x0b\x7f", rb"\x00\x08\x0b\x7f"),
        ("\x9b31m \x80".encode(), rb"\x9b31m \x80"),
        (b"\x9b31m", rb"\x9b31m"),
        ("naïve Ärger 囀 😀\n".encode(), "naïve Ärger 囀 😀\n".encode()),
        (b"\xff\xe9 latin\n", b"\xff\xe9 latin\n"),
        (b"end\r", rb"end\x0d"),
        (b"", b""),
    ],
)
def test_x04_controls_are_written_out(data: bytes, expected: bytes) -> None:
    """Escape sequences are shown; text, tabs and line ends stay."""
    assert expected == escape_controls(data)
    assert expected == escape_controls(memoryview(data))


@given(st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_x04_no_control_reaches_the_terminal(data: bytes) -> None:
    """Whatever the bytes, only tabs and line ends are left of the controls."""
    text = escape_controls(data).decode("utf-8", "surrogateescape")
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\udc80-\udc9f]|\r(?!\n)", text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=50))
@settings(max_examples=100, deadline=None)
def test_text_without_controls_is_left_alone(text: str) -> None:
    """Characters of every script pass."""
    assert text.encode() == escape_controls(text.encode())

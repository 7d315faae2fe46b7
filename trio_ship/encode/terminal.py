"""Records on a terminal: control characters are shown, never obeyed.

A record may hold an escape sequence that moves the cursor, retitles the window
or makes the terminal type. Promises: of all control characters only newline,
tab, and the carriage return of a line end reach the terminal as they are. Only
for terminals: files and pipes get the bytes as read.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escape_controls"]

# Bytes of 0x80 to 0x9f outside a UTF-8 character are controls for a terminal
# that does not speak UTF-8; they decode to U+DC80 to U+DC9F.
_CONTROL: Final = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\udc80-\udc9f]")
_PLAIN: Final = bytes([0x09, 0x0A, *range(0x20, 0x7F)])


def escape_controls(data: bytes | bytearray | memoryview) -> bytes:
    r"""Return `data` with control characters written out, such as `\x1b`.

    Args:
        data: Whole records with their line ends.
    """
    data = bytes(data)
    if not data.translate(None, _PLAIN):
        return data
    text = data.decode("utf-8", "surrogateescape")
    return _CONTROL.sub(_written_out, text).encode("utf-8", "surrogateescape")


def _written_out(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]) & 0xFF:02x}"

r"""Lines that a container runtime has wrapped, and which of them were one line.

Kubernetes (CRI) puts a stamp, the stream and a tag in front of each line; the
json-file driver of Docker makes an object of it:

    2026-11-23T08:00:00.123456789Z stdout F text
    {"log":"text\n","stream":"stdout","time":"2026-11-23T08:00:00.123456789Z"}

Both cut long lines, at 16 KiB usually. All parts but the last have the tag P in
place of F, or a text that does not end with a line feed.

What is neither is a line like any other: it is of no stream, and whole.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import attrs
import numpy as np

from trio_ship.batch import I64, U8
from trio_ship.batch.columns import trimmed_ends
from trio_ship.decode.patterns import LinePattern, UserPattern
from trio_ship.decode.search import have_marks
from trio_ship.decode.words import Bools, Words, gather

__all__ = ["DOCKER", "Wrapped", "Wrapping", "begins_inside", "find_wrapped", "unwrapped"]

Wrapping: TypeAlias = Literal["", "cri", "docker"]
"""How the lines of a file are wrapped; empty: they are not."""

DOCKER: Final = b'{"log":"'
"""How every object of Docker begins."""

_CRI_STREAMS: Final = {b" stdout ": 1, b" stderr ": 2}
_DOCKER_STREAMS: Final = {b'stdout",': 1, b'stderr",': 2}
# Stamps have nanoseconds, often without zeros at the end, and "Z" or an offset.
_STAMP_LENGTHS: Final = (30, 35, 29, 28, 34, 33, *range(27, 19, -1), 32, 31)
_BEHIND_TAG: Final = np.isin(np.arange(256), np.frombuffer(b" :\r\n", np.uint8))
_DOCKER_LENGTHS: Final = (30, 29, 28, *range(27, 19, -1), 35)
_TEXT: Final = r'^\{"log":"(?P<ts>(?:[^"\\]|\\.)*)"'
_WHOLE: Final = r'^\{"log":"(?:[^"\\]|\\.)*\\n"'
_MEMBERS: Final = re.compile(
    rb'"stream":"std(?:out|err)",("\w+":(?:\{[^{}]*\}|"[^"\\]*"),)"time":"[^"]*"\}\s*$'
)
_STREAM: Final = r'^\{"log":"(?:[^"\\]|\\.)*","stream":"'
# NUL stands for an escaped backslash until all else is undone; no JSON text has one.
_ESCAPES: Final = (
    (r"\\", "\0"),
    (r"\n", "\n"),
    (r"\t", "\t"),
    (r"\r", "\r"),
    (r"\"", '"'),
    (r"\/", "/"),
    (r"\u003c", "<"),
    (r"\u003e", ">"),
    (r"\u0026", "&"),
    ("\0", "\\"),
)


@attrs.frozen(eq=False, repr=False)
class Wrapped:
    """What runtimes say of lines.

    Attributes:
        wrapping: Index of the wrapping of each line: 0 none, 1 CRI, 2 Docker.
            Shape (n,), dtype uint8.
        stream: 1 for standard output, 2 for standard error, 0 where nothing is
            known. Shape (n,), dtype uint8.
        is_cut: Whether the line goes on in the next one of its stream. Shape (n,).
        text: First byte of the text of CRI, else of the line. Shape (n,).
    """

    wrapping: U8
    stream: U8
    is_cut: Bools
    text: I64

    @property
    def is_docker(self) -> Bools:
        """Which lines are objects of Docker. Shape (n,)."""
        found: Bools = self.wrapping == 2  # noqa: PLR2004 - see above
        return found


def find_wrapped(arena: U8, start: I64, end: I64, cri: Bools, docker: Bools) -> Wrapped:
    """Look at lines that may be wrapped.

    Args:
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line. Shape (n,).
        end: The byte after each line, its line end included. Shape (n,).
        cri: Which lines are of files that CRI writes. Shape (n,).
        docker: Which lines are of files that Docker writes. Shape (n,).
    """
    count = len(start)
    wrapped = Wrapped(
        np.zeros(count, np.uint8),
        np.zeros(count, np.uint8),
        np.zeros(count, np.bool_),
        start.copy(),
    )
    if cri.any():
        _look_at_cri(wrapped, arena, np.flatnonzero(cri), end)
    if docker.any():
        _look_at_docker(wrapped, arena, np.flatnonzero(docker), end)
    return wrapped


def begins_inside(wrapping: Wrapping, arena: U8, start: I64, end: I64) -> I64:
    """Return where the text that a container wrote begins; where its line does if it is none.

    Args:
        wrapping: What the runtime has put around lines.
        arena: Bytes, with at least 64 more behind the last `end`.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).
    """
    if wrapping == "docker":
        return start + len(DOCKER) * have_marks(arena, start, list(enumerate(DOCKER)))
    are_cri = np.full(len(start), wrapping == "cri")
    return find_wrapped(arena, start, end, are_cri, np.zeros_like(are_cri)).text


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


def _streams(words: Words, names: dict[bytes, int]) -> U8:
    stream = np.zeros(len(words), np.uint8)
    for name, number in names.items():
        stream += (words == _word(name)) * np.uint8(number)
    return stream


def _look_at_cri(wrapped: Wrapped, arena: U8, rows: I64, end: I64) -> None:
    start = wrapped.text[rows]
    rows = rows[(arena[start] - np.uint8(ord("0")) <= 9) & (arena[start + 10] == ord("T"))]  # noqa: PLR2004 - digits
    for length in _STAMP_LENGTHS:
        if not len(rows):
            return
        start = wrapped.text[rows]
        at = start + length
        name, tags = gather(arena, at, 2)
        stream = _streams(name, _CRI_STREAMS)
        tag, behind = tags.astype(np.uint8), (tags >> np.uint64(8)).astype(np.uint8)
        is_cut = tag == ord("P")
        found = (stream > 0) & (is_cut | (tag == ord("F"))) & _BEHIND_TAG[behind]
        found &= at + 9 < end[rows]
        wrapped.wrapping[rows] = found
        wrapped.stream[rows] = stream * found
        wrapped.is_cut[rows] = is_cut & found
        wrapped.text[rows] = np.where(found, at + 9 + (behind == ord(" ")), start)
        for row in rows[found & (behind == ord(":"))].tolist():
            # More tags than the one that is known today.
            head = arena[wrapped.text[row] : end[row]].tobytes()
            wrapped.text[row] += head.find(b" ") + 1
        rows = rows[~found]


def _look_at_docker(wrapped: Wrapped, arena: U8, rows: I64, end: I64) -> None:
    rows = rows[gather(arena, wrapped.text[rows], 1)[0] == _word(DOCKER)]
    wrapped.wrapping[rows] = 2
    if not len(rows):
        return
    # Attributes of a container are the same in all its lines.
    members = _MEMBERS.search(arena[wrapped.text[rows[0]] : end[rows[0]]].tobytes())
    for more in {members[1] if members else b"": None, b"": None}:
        rows = _look_from_end(wrapped, arena, rows, end, more)
    if len(rows):
        _look_closely(wrapped, arena, rows, end)


def _look_from_end(wrapped: Wrapped, arena: U8, rows: I64, end: I64, more: bytes) -> I64:
    """Look at objects that end as most do; return the rows of others.

    Args:
        wrapped: What is known of lines, to which it is added.
        arena: Bytes, with at least 64 more behind the last line.
        rows: Lines that begin as an object of Docker.
        end: The byte after each line. Shape (n,).
        more: The members that stand between the stream and the time.
    """
    stop = trimmed_ends(arena, wrapped.text[rows], end[rows])
    marks = list(enumerate(more + b'"time":"'))
    for length in _DOCKER_LENGTHS:
        if not len(rows):
            break
        # From the last byte back: `"}`, the stamp, `"time":"`, `stdout",`, `tream":"`, `","s`.
        text = wrapped.text[rows] + 8
        at = stop - (2 + length + len(marks) + 24)
        near = at + 4 >= text
        at = np.where(near, at, text)
        log, name, stream_name = gather(arena, at, 3)
        found = near & have_marks(arena, at + 24, marks) & (name == _word(b'tream":"'))
        found &= (log >> np.uint64(32)) == _word(b'","s')
        stream = _streams(stream_name, _DOCKER_STREAMS)
        newline = (log >> np.uint64(16)).astype(np.uint16) == _word(b"\\n")
        # Of several backslashes it takes a closer look to tell which escapes what.
        several = newline & ((log >> np.uint64(8)).astype(np.uint8) == ord("\\"))
        found &= (stream > 0) & ~several
        wrapped.stream[rows] = stream * found
        wrapped.is_cut[rows] = found & ~newline
        rows, stop = rows[~found], stop[~found]
    return rows


def _look_closely(wrapped: Wrapped, arena: U8, rows: I64, end: I64) -> None:
    """Look at objects that have more members, or backslashes at the end of their text."""
    begin, after = wrapped.text[rows], end[rows]
    for name, number in _DOCKER_STREAMS.items():
        pattern = LinePattern(_STREAM + name.decode().removesuffix(","))
        wrapped.stream[rows[pattern.matches(arena, begin, after)]] = number
    is_whole = LinePattern(_WHOLE).matches(arena, begin, after)
    wrapped.is_cut[rows] = ~is_whole & (wrapped.stream[rows] > 0)


def unwrapped(arena: U8, start: I64, end: I64) -> tuple[U8, I64, I64]:
    """Return the texts in objects of Docker, without the escapes of JSON.

    Args:
        arena: The bytes of the lines.
        start: First byte of each line. Shape (n,).
        end: The byte after each line. Shape (n,).

    Returns:
        An arena with slack, and where each text begins and ends in it; a line
        that is no such object has an empty text. Escapes of characters that
        Docker does not escape stay as they are.
    """
    import pyarrow as pa  # noqa: PLC0415 - as in `patterns`
    import pyarrow.compute as pc  # noqa: PLC0415 - as in `patterns`

    rows, data, bounds = UserPattern(_TEXT).extract(arena, start, end)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(bounds)), pa.py_buffer(data)]
    texts = pa.Array.from_buffers(pa.large_binary(), len(rows), buffers)
    for escape, character in _ESCAPES:
        texts = pc.replace_substring(texts, pattern=escape, replacement=character)
    _, offsets, content = texts.buffers()
    ends = np.frombuffer(offsets, np.int64, len(rows) + 1, 8 * texts.offset)
    begin, stop = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
    begin[rows], stop[rows] = ends[:-1], ends[1:]
    size = int(ends[-1]) if len(rows) else 0
    used = np.frombuffer(content, np.uint8, size) if size else np.empty(0, np.uint8)
    return np.concatenate((used, np.zeros(64, np.uint8))), begin, stop

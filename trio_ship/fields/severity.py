r"""How serious a record is, on one scale, whoever wrote it.

The numbers are those of OpenTelemetry's severities, so that a column of them can
be compared and handed on as it is. Promises: the severity of a record depends on
its own bytes alone, and all records of a batch are judged by a few calls of
Arrow (RE2: linear in time).

What counts, and the leftmost of it in a record:

* in front: a priority (`<14>`, `<3>`), the letter of glog (`I1123 08:`, also behind what
  another program has put there), Android, MongoDB, Ruby or etcd, the mark of Redis, the
  digit of Cisco (`%LINK-3-UPDOWN:`);
* a field: `level=warn`, `"severity":"ERROR"`, `"level":30` (bunyan and pino; below
  8 GELF, from 100 on Monolog), `"PRIORITY":"3"` (journald), `"levelno"` (Python);
* a word: `INFO` in capitals between blanks or brackets, `[error]`, `error:`, `error`
  between tabs, and beside the name of a process or thread: `INFO/Worker-1]`.

Of a JSON object only fields count, and all of it is searched; of text the first
`WINDOW` bytes, and of what Docker wraps its `"log"`. The status of a request over
HTTP is no severity.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from trio_ship.batch import I32, I64, U8, OrderedBatch
from trio_ship.batch.parsed import Severity
from trio_ship.batch.pieces import gather_slices, large_binary, slice_edges
from trio_ship.decode.containers import DOCKER
from trio_ship.decode.words import Bools, stands
from trio_ship.fields.rules import I8, Rules

__all__ = ["WINDOW", "batch_severities", "named_severity", "severities"]

# Arrow compiles an expression anew for each slice.
_SLICE_BYTES: Final = 4 << 20

WINDOW: Final = 256
"""How far into a text a severity is looked for, in bytes."""


# SEVERE is what `java.util.logging` says where others say ERROR.
_SYNONYMS: Final = {
    Severity.TRACE: "trace trc trce finest finer verbose vrb v t",
    Severity.DEBUG: "debug dbg dbug fine config d",
    Severity.INFO: "info inf information informational log i",
    Severity.NOTICE: "notice note n",
    Severity.WARN: "warn warning wrn w",
    Severity.ERROR: "error err eror severe fail e",
    Severity.FATAL: "fatal ftl critical crit alert emerg emergency panic dpanic f c",
}
_WORDS: Final = {
    word.encode(): level for level, words in _SYNONYMS.items() for word in words.split()
}
_REDIS: Final = {
    b".": Severity.DEBUG,
    b"-": Severity.INFO,
    b"*": Severity.NOTICE,
    b"#": Severity.WARN,
}
_SYSLOG: Final = (
    Severity.FATAL,
    Severity.FATAL,
    Severity.FATAL,
    Severity.ERROR,
    Severity.WARN,
    Severity.NOTICE,
    Severity.INFO,
    Severity.DEBUG,
)
# From which number on a severity counts, by whose numbers they are.
_PRIORITIES: Final = {**dict(enumerate(_SYSLOG)), len(_SYSLOG): Severity.UNKNOWN}
_BUNYAN: Final = {
    8: Severity.TRACE,
    20: Severity.DEBUG,
    30: Severity.INFO,
    40: Severity.WARN,
    50: Severity.ERROR,
    60: Severity.FATAL,
}
_MONOLOG: Final = {
    100: Severity.DEBUG,
    200: Severity.INFO,
    250: Severity.NOTICE,
    300: Severity.WARN,
    400: Severity.ERROR,
    500: Severity.FATAL,
}
_LEVELS: Final = _PRIORITIES | _BUNYAN | _MONOLOG
_PYTHON: Final = {
    0: Severity.UNKNOWN,
    1: Severity.TRACE,
    10: Severity.DEBUG,
    20: Severity.INFO,
    30: Severity.WARN,
    40: Severity.ERROR,
    50: Severity.FATAL,
}
_OPENTELEMETRY: Final = {level.value: level for level in Severity}


def named_severity(word: str) -> Severity:
    """Return what a word such as `warning` or `ERR` means; `UNKNOWN` if it means none."""
    return _word(word.encode())


def _word(text: bytes) -> Severity:
    # MongoDB numbers its levels of debugging: D1 to D5.
    return _WORDS.get(text.lower().rstrip(b"12345"), Severity.UNKNOWN)


def _priority(text: bytes) -> Severity:
    return _SYSLOG[int(text) % len(_SYSLOG)]


def _mark(text: bytes) -> Severity:
    return _REDIS[text]


def _field(text: bytes) -> Severity:
    """Return the severity of a key and its value, whatever stands between them."""
    found = re.fullmatch(rb"(?s)([\w.@-]+).*?(\w+)", text)
    assert found is not None  # noqa: S101 - the expression has seen to it
    key, value = found[1].lower(), found[2]
    return _number(key, int(value)) if value.isdigit() else _word(value)


def _number(key: bytes, number: int) -> Severity:
    """Return the severity of a number, by whose key it is."""
    scale = _LEVELS
    if key.endswith(b"number"):
        scale = _OPENTELEMETRY
    elif key.endswith(b"no"):
        scale = _PYTHON
    elif key == b"priority":
        scale = _PRIORITIES
    return scale[max(least for least in scale if least <= number)]


_CAPITALS: Final = (
    "TRACE|TRC|VERBOSE|VRB|DEBUG|DBG|INFO|INF|NOTICE|WARN(?:ING)?|WRN|ERR(?:OR)?|SEVERE"
    "|FATAL|FTL|CRIT(?:ICAL)?|ALERT|EMERG(?:ENCY)?|D?PANIC"
)
_ANY: Final = f"{_CAPITALS}|INFORMATION(?:AL)?|NOTE|EROR|DBUG|TRCE|FINE(?:R|ST)?|CONFIG"
_KEYS: Final = (
    r"@?level|@l|lvl|level_?name|log[._]?level|severity|severity_?text|syslog_?severity(?:-text)?"
)
_NUMBERS: Final = r"level_?no|severity_?number|priority"
_COLON: Final = r'"\s*:\s*"?'
_LEVEL: Final = rf"(?:{_KEYS}){_COLON}(?:{_ANY}|[1-9]?\d{{1,2}}|[tdiwefc])"
_NUMBER: Final = rf"(?:{_NUMBERS}){_COLON}\d{{1,2}}"
_IS: Final = r"""\\?["']?\s?[=:]\s?\\?["']?"""
_STOP: Final = r"""[\s"',;})\]|\\+-]"""

_OBJECT: Final = (
    (
        _field,
        rf'"(?P<?>(?i:{_LEVEL}|{_NUMBER})|s{_COLON}(?:[FEWI]|D[1-5]))(?:$|["\s,}}+-])',
    ),
)
"""What counts in a JSON object. Each rule reads what its group `?` has matched."""

_TEXT: Final = (
    (_priority, r"^<(?P<?>1[0-8]\d|19[01]|\d{1,2})>"),
    (_word, r"^(?P<?>[VDIWEFC])(?:(?:\d{4}|\d{6}|\d{8}) \d\d:|, \[)"),
    (_word, r"[|:\]Z] (?P<?>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d"),
    (_word, r"^\d\d-\d\d [\d:.]+ +\d+ +\d+ (?P<?>[VDIWEF]) "),
    (_word, r"^\d{4}-\d\d-\d\d[T ][\d:.]+\S* (?P<?>[DIWEFNC]) (?:\||[A-Z]+ )"),
    (_word, r"^(?P<?>[VDIWEF])/\S+ *\("),
    (_word, r"[\[|(](?P<?>[TVDIWEFC])[\]|)]"),
    (_mark, r"^\d+:[XCSM] \d\d [A-Z][a-z]{2} (?:\d{4} )?[\d:.]+ (?P<?>[.*#-]) "),
    (_priority, r"%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)?-(?P<?>[0-7])-[A-Z0-9_]+:"),
    *_OBJECT,
    (
        _field,
        rf"""(?:^|[\s{{,\["';|(])(?P<?>(?i:(?:{_KEYS}){_IS}(?:{_ANY}|[tdiwefc])))(?:$|{_STOP})""",
    ),
    (_word, rf"""(?:^|[\s\[(<|:.,;"])(?P<?>{_CAPITALS})(?:$|[\s\])>|:,;"!])"""),
    (_word, rf"-(?P<?>{_CAPITALS})-"),
    (_word, rf"[\s\[/](?P<?>{_CAPITALS})(?:/[\w.-]+)?\]"),
    (_word, rf"\t(?P<?>(?i:{_ANY}))\t"),
    (_word, r"(?:^|\s)(?P<?>CONFIG|FINE|FINER|FINEST|LOG)(?::| +\[)"),
    (_word, rf"[\[(<|:](?P<?>(?i:{_ANY}))[\])>|]"),
    (_word, rf"(?:^|\s)(?P<?>(?i:{_ANY}|fail)):(?:$|\s)"),
    (_word, r", (?P<?>Info|Warning|Error)  "),
)
"""What counts in text, a rule a line; see `_OBJECT`."""


def _rules(rules: Sequence[tuple[Callable[[bytes], Severity], str]]) -> Rules:
    return Rules([pattern for _, pattern in rules], [reader for reader, _ in rules])


_OF_OBJECTS: Final = _rules(_OBJECT)
_OF_TEXTS: Final = _rules(_TEXT)


def batch_severities(batch: OrderedBatch) -> I8:
    """Return the severity of each record of a batch, `Severity` as int8; shape (n,)."""
    return severities(batch.buffers, batch.part, batch.start, batch.length)


def severities(buffers: Sequence[U8], buffer: I32, start: I64, length: I64) -> I8:
    """Return how serious records are.

    Args:
        buffers: Where the records lie; contiguous.
        buffer: The number of each record's buffer. Shape (n,).
        start: First byte of each record in its buffer. Shape (n,).
        length: Bytes of each record, with or without its line end. Shape (n,).

    Returns:
        `Severity` as int8, 0 where there is none. Shape (n,).
    """
    result = np.zeros(len(start), np.int8)
    first = np.zeros(len(start), np.uint8)
    for number, data in enumerate(buffers):
        mine = np.flatnonzero((buffer == number) & (length > 0))
        first[mine] = data[start[mine]]
    is_object = first == DOCKER[0]
    objects = np.flatnonzero(is_object & (length >= len(DOCKER)))
    wrapped = objects[_begin_with(DOCKER, buffers, buffer[objects], start[objects])]
    objects = np.setdiff1d(objects, wrapped, assume_unique=True)
    start, length = start.copy(), length.copy()
    start[wrapped] += len(DOCKER)
    length[wrapped] -= len(DOCKER)
    is_object[wrapped] = False
    texts = np.flatnonzero(~is_object)
    length[texts] = np.minimum(length[texts], WINDOW)
    for rows, rules in (texts, _OF_TEXTS), (objects, _OF_OBJECTS):
        if len(rows):
            result[rows] = _read(rules, buffers, buffer[rows], start[rows], length[rows])
    return result


def _begin_with(prefix: bytes, buffers: Sequence[U8], buffer: I32, start: I64) -> Bools:
    """Return which records, none shorter than `prefix`, begin with it."""
    same = np.zeros(len(start), np.bool_)
    for number, data in enumerate(buffers):
        mine = np.flatnonzero(buffer == number)
        if len(mine):
            same[mine] = stands(prefix, data, start[mine])
    return same


def _read(rules: Rules, buffers: Sequence[U8], buffer: I32, start: I64, length: I64) -> I8:
    """Apply rules to records, n > 0, some megabytes at a time."""
    edges = slice_edges(length, slice_bytes=_SLICE_BYTES)
    texts = gather_slices(buffers, buffer, start, length, edges)
    return rules.read(
        large_binary(text, length[first:stop])
        for (first, stop), text in zip(itertools.pairwise(edges.tolist()), texts, strict=True)
    )

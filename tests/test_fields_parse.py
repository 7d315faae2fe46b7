"""Fields of records; every expectation was written down by hand or comes from `json`."""

from __future__ import annotations

import json
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.batch import Kind
from trio_ship.batch.parsed import Parsed, Severity
from trio_ship.batch.pieces import table
from trio_ship.encode.json_lines import JsonEncoder
from trio_ship.fields.forms import Expression
from trio_ship.fields.objects import are_objects
from trio_ship.fields.parse import Parser, rule

STAMP = "2026-11-23T08:00:00.123456789Z"
ACCESS = '[23/Nov/2026:08:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 8317'
REQUEST = {
    "method": "GET",
    "target": "/a?b=c",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes": 8317,
}


def _read(name: str, *texts: str, pattern: str = "") -> tuple[list[Any], list[bytes | None]]:
    read = rule(name, pattern)(pa.array([text.encode() for text in texts], pa.large_binary()))
    objects = [None if one is None else json.loads(one) for one in read.objects.to_pylist()]
    return objects, read.messages.to_pylist()


SAMPLES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("json", '{"a":1,"b":[{"c":null}]}', {"a": 1, "b": [{"c": None}]}),
    ("json", '{"n":12345678901234567890123}', {"n": 12345678901234567890123}),
    ("json", '{\n  "a": "x",\r\n  "b": 2\n}', {"a": "x", "b": 2}),
    ("json", "{}", {}),
    ("json", '{"deep":' + "[" * 150 + "]" * 150 + "}", {"deep": json.loads("[" * 150 + "]" * 150)}),
    ("json", '{"deep":' + "[" * 250 + "]" * 250 + "}", None),
    ("json", '{"wide":[' + "[]," * 250 + "1]}", {"wide": [[]] * 250 + [1]}),
    ("json", '{"a":1}{"b":2}', None),
    ("json", '{"a":"two\nlines"}', None),
    ("json", '{"a":NaN}', None),
    ("json", '{"a":"NaN"}', {"a": "NaN"}),
    ("json", '{"a":1,}', None),
    ("json", "[1]", None),
    ("json", "text", None),
    (
        "logfmt",
        'a=1 b=x c="q w=3 \\" z" d= e=true',
        {"a": 1, "b": "x", "c": 'q w=3 " z', "d": "", "e": True},
    ),
    (
        "logfmt",
        "n=0012 m=-1.50 t=12:00 big=1234567890123456",
        {"n": "0012", "m": -1.5, "t": "12:00", "big": "1234567890123456"},
    ),
    ("logfmt", "url=http://x/?a=b", {"url": "http://x/?a=b"}),
    ("logfmt", 'a="x" and more', None),
    ("logfmt", 'a="x\x01"', None),
    ("clf", f"10.0.0.1 - - {ACCESS}", {"client": "10.0.0.1", **REQUEST}),
    (
        "clf",
        f'::1 - ada l {ACCESS[:-4]}- "-" "x \\"y\\" ü"',
        {
            "client": "::1",
            "user": "ada l",
            "method": "GET",
            "target": "/a?b=c",
            "protocol": "HTTP/1.1",
            "status": 200,
            "agent": 'x \\"y\\" ü',
        },
    ),
    (
        "clf",
        f"shop.example:443 10.0.0.1 - - {ACCESS}",
        {"vhost": "shop.example:443", "client": "10.0.0.1", **REQUEST},
    ),
    (
        "clf",
        'shop.example:443 - ada [x] "-" 408 0',
        {"client": "shop.example:443", "user": "ada", "request": "-", "status": 408, "bytes": 0},
    ),
    (
        "clf",
        '::1 - - [x] "\\x16\\x03" 400 0',
        {"client": "::1", "request": "\\x16\\x03", "status": 400, "bytes": 0},
    ),
    ("clf", "INFO ready", None),
    (
        "syslog",
        "<34>1 2026-10-11T22:14:15.003Z host su - ID47 - text",
        {"priority": 34, "host": "host", "app": "su", "msgid": "ID47"},
    ),
    (
        "syslog",
        '<34>1 - - - 12 - [a@1 b="]"] text',
        {"priority": 34, "pid": 12, "data": '[a@1 b="]"]'},
    ),
    (
        "syslog",
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: failure",
        {"host": "combo", "app": "sshd(pam_unix)", "pid": 19939},
    ),
    (
        "syslog",
        "<13>Feb  5 17:32:18 10.0.0.99 app: text",
        {"priority": 13, "host": "10.0.0.99", "app": "app"},
    ),
    ("syslog", "text", None),
    ("auto", '{"a":1}', {"a": 1}),
    ("auto", f"10.0.0.1 - - {ACCESS}", {"client": "10.0.0.1", **REQUEST}),
    ("auto", "level=info msg=ready", {"level": "info", "msg": "ready"}),
    ("auto", "Jun 14 15:16:01 combo kernel: text", {"host": "combo", "app": "kernel"}),
    ("auto", f"{STAMP} stdout F text", {"stream": "stdout"}),
    ("auto", '{"log":"text\\n","stream":"stderr","time":"x"}', {"stream": "stderr"}),
    ("auto", "just text", None),
]


@pytest.mark.parametrize(("name", "text", "expected"), SAMPLES)
def test_what_is_understood(name: str, text: str, expected: dict[str, Any] | None) -> None:
    """Each rule finds the fields that a reader would see, with their types, or none."""
    objects, _ = _read(name, text)
    assert objects == [expected]


@pytest.mark.parametrize("name", sorted({name for name, _, _ in SAMPLES}))
def test_neighbours_change_nothing(name: str) -> None:
    """All samples at once, also those of other rules, give what each gives alone."""
    texts = [text for _, text, _ in SAMPLES] * 5
    together = _read(name, *texts)
    alone = [_read(name, text) for _, text, _ in SAMPLES] * 5
    assert together[0] == [objects[0] for objects, _ in alone]
    assert together[1] == [messages[0] for _, messages in alone]


def test_fields_by_an_expression() -> None:
    """Named groups are fields wherever the expression is found; empty ones are left out."""
    pattern = r"user=(?P<user>\S+)(?: in (?P<ms>\d+) ms)?"
    objects, _ = _read("regex", 'x user="al\\" in 7 ms', "user=bob", "none", pattern=pattern)
    assert objects == [{"user": '"al\\"', "ms": 7}, {"user": "bob"}, None]


@pytest.mark.parametrize("pattern", ["a", "(a)", "(?P<x>a)(?P<x>b)", "(?P<x>", "(?<=a)(?P<x>b)"])
def test_expressions_that_give_no_fields(pattern: str) -> None:
    """An expression without groups, with unnamed or equal ones, or none at all, is refused."""
    with pytest.raises(ValueError, match=r"group|name|expression"):
        Expression.of(pattern)


_KEYS = st.text(max_size=3)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(_KEYS, _VALUES, max_size=3)
_TEXTS = st.one_of(
    _OBJECTS.map(lambda one: json.dumps(one).encode()),
    _OBJECTS.map(lambda one: json.dumps(one, ensure_ascii=False).encode(errors="replace")),
    st.sampled_from(
        [
            b'{"a":1}{"b":2}',
            b'{"a":}',
            b'{"a":[}]}',
            b'{"a":{}',
            b'{"x":1}}',
            b'{"a":"\xff"}',
            b'{"a":01}',
            b'{"a":1e999}',
            b'{"a":Infinity}',
            b'{"a":[1, -Inf]}',
            b'{"a": NaN}',
            b'{"a":"Inf, NaN"}',
            b'{"\x01":2}',
            b"{\x00}",
        ]
    ),
    st.binary(max_size=6).map(lambda data: b"{" + data + b"}"),
)


def _is_object(text: bytes) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(text.decode(), parse_constant=refuse), dict)
    except ValueError:
        return False


@given(st.lists(_TEXTS, max_size=40))
def test_objects_are_those_of_the_standard(texts: list[bytes]) -> None:
    """Whatever stands side by side, those texts are objects that `json` takes for objects."""
    expected = [_is_object(text) and text.endswith(b"}") and text[:1] == b"{" for text in texts]
    assert are_objects(pa.array(texts, pa.large_binary())).tolist() == expected


_FOUND = st.tuples(
    st.sampled_from(sorted(Severity)),
    st.integers(0, 20),
    st.sampled_from(["", '{"x":1}', '{"y":[2]}']),
)


@given(st.lists(_FOUND, min_size=1, max_size=20), st.sampled_from([Kind.IN_ORDER, Kind.LATE]))
def test_lines_tell_what_was_found(found: list[tuple[Severity, int, str]], kind: Kind) -> None:
    """A line has its severity, its file's fields and its own, and none of its neighbours'."""
    batch = make_ordered(make_part([[Row(data=b"text\n")] * len(found)]), kind=kind)
    parsed = Parsed(
        inner=None,
        severity=np.array([severity for severity, *_ in found], np.int8),
        objects=table([own.encode() for *_, own in found]),
        prefix=[b'{"file":%d,' % number for number in range(21)],
        prefix_of=np.array([number for _, number, _ in found], np.int64),
    )
    encoded = b"".join(JsonEncoder()(attrs.evolve(batch, parsed=parsed)))
    for line, (severity, number, own) in zip(encoded.splitlines(), found, strict=True):
        written = json.loads(line)
        assert written.get("severity") == (severity.label if severity else None)
        fields = {"file": number, **json.loads(own)} if own else None
        assert written.get("fields") == fields
        assert written.get("late") == (True if kind is Kind.LATE else None)


def test_lines_of_container_runtimes() -> None:
    """Parts are joined, lines that belong together stay lines, and all lose their prefix."""
    out = f"{STAMP} stdout"
    texts = {
        f"{STAMP} stdout F text": b"text",
        f"{STAMP} stdout F": b"",
        f"{STAMP} stderr P one \n{STAMP} stderr P two\n{STAMP} stderr F  three": b"one two three",
        f"{out} F a\n{out} F   b\n{out} F \n{out} F c": b"a\n  b\n\nc",
        f"{STAMP} stdout P half": b"half",
        f"{STAMP} stdout P {STAMP} stdout F x\n{STAMP} stdout F y": f"{STAMP} stdout F xy".encode(),
        f"{STAMP} stdlog F text": None,
        f"{STAMP} stdout F \x02": None,
    }
    _, messages = _read("cri", *texts)
    assert dict(zip(texts, messages, strict=True)) == texts


def test_lines_of_docker() -> None:
    """Logs are unescaped and joined; what else the first line has are fields."""
    texts = [
        '{"log":"text\\n","stream":"stdout","time":"x"}',
        '{"log":"say \\"hi\\"\\n","stream":"stderr","attrs":{"a":"ü"},"time":"x"}',
        '{"log":"one ","stream":"stdout","time":""}\n{"log":"two\\n","stream":"stdout"}',
        '{"log":1}',
        '{"log":"',
        '{"log":"\\ud800\\n","stream":"stdout","time":"x"}',
    ]
    objects, messages = _read("docker", *texts)
    assert messages == [b"text", b'say "hi"', b"one two", None, None, None]
    assert objects == [
        {"stream": "stdout"},
        {"stream": "stderr", "attrs": {"a": "ü"}},
        {"stream": "stdout"},
        None,
        None,
        None,
    ]


INSIDE = [
    ('{"level":"warn","n":1.50}', {"level": "warn", "n": 1.5}),
    ("{}", {}),
    ("{ }", {}),
    ('{\n "a": 1}', {"a": 1}),
    ("level=warn path=/a", {"level": "warn", "path": "/a"}),
    ('- - - [23/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 -', {"client": "-", "status": 200}),
    ("a line of text", {}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "fields"), INSIDE)
def test_fields_inside_of_containers(text: str, fields: dict[str, Any]) -> None:
    """What containers wrap is read as if it stood there alone; their own fields come first."""
    lines = text.split("\n")
    cri = "\n".join(f"{STAMP} stderr F {line}" for line in lines)
    docker = "\n".join(
        f'{{"log":{json.dumps(line)[:-1]}\\n","stream":"stderr","time":"{STAMP}"}}'
        for line in lines
    )
    halves = f"{STAMP} stderr P {text[:3]}\n{STAMP} stderr F {text[3:]}"
    whole = [cri, docker, *([halves] if len(lines) == 1 else [])]
    objects, messages = _read("auto", *whole)
    assert messages == [text.encode()] * len(whole)
    for found in objects:
        assert found is not None
        assert next(iter(found)) == "stream"
        assert fields.items() <= found.items()
        assert set(found) - set(fields) <= {"stream", "method", "target", "protocol"}
    assert [one["stream"] for one in objects] == ["stderr"] * len(whole)
    assert _read("cri", cri)[0] == _read("docker", docker)[0] == [{"stream": "stderr"}]


POD = attrs.evolve(
    FILE, id="00000000000000aa", source="pod", path="/var/log/pods/shop_web-1_0a1b/app/0.log"
)
LINK = attrs.evolve(
    POD, id="00000000000000bb", path=f"/var/log/containers/web-1_shop_app-{'0a' * 32}.log"
)


def _encoded(parser: Parser, kind: Kind = Kind.IN_ORDER) -> list[dict[str, Any]]:
    regions = [
        [Row(data=b'{"level":"warn"}\n', stamp=0), Row(data=b"plain\r\n"), Row(data=b"{}\n")],
        [Row(data=f"{STAMP} stdout F ERROR {n}\n".encode()) for n in range(2)],
        [Row(data=b"{ }\n"), Row(data=b'{"log":"a\\tb\\n","stream":"stdout","time":"x"}\n')],
    ]
    part = make_part(regions, files=[FILE, POD, LINK])
    batch = make_ordered(part, order=[3, 0, 1, 5, 2, 4, 6], kind=kind)
    return [json.loads(line) for line in b"".join(JsonEncoder()(parser(batch))).splitlines()]


def test_fields_in_json() -> None:
    """Parsed records have a severity and fields where there are any, and inner texts."""
    names = {"namespace": "shop", "pod": "web-1", "container": "app"}
    parser = Parser({"app": rule("json"), "pod": rule("auto")})
    lines = _encoded(parser)
    expected = [
        ("ERROR 0", "error", {**names, "stream": "stdout"}),
        ('{"level":"warn"}', "warn", {"level": "warn"}),
        ("plain", None, None),
        ("{ }", None, names),
        ("{}", None, {}),
        ("ERROR 1", "error", {**names, "stream": "stdout"}),
        ("a\tb", None, {**names, "stream": "stdout"}),
    ]
    assert [(one["message"], one.get("severity"), one.get("fields")) for one in lines] == expected
    assert parser.failed == 1
    assert list(lines[0]) == ["timestamp", "source", "path", "message", "id", "severity", "fields"]


def test_fields_of_late_records_and_of_some_sources() -> None:
    """A mark follows the fields; records of sources without a rule are as they were."""
    lines = _encoded(Parser({"pod": rule("cri")}), Kind.LATE)
    assert list(lines[0])[4:] == ["id", "severity", "fields", "late"]
    assert list(lines[1]) == ["timestamp", "source", "path", "message", "id", "late"]

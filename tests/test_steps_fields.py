"""Steps on fields, through the encoding; and secrets in what fields are made of."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import OrderedBatch
from trio_ship.batch.pieces import Slice
from trio_ship.config import Config, parse_config
from trio_ship.encode import Encoder, encoder
from trio_ship.shaping import Shaping
from trio_ship.steps.chain import StepChain

POD = attrs.evolve(
    FILE, id="00000000000000aa", source="pod", path="/var/log/pods/shop_web-1_0a1b/app/0.log"
)
STAMP = "2026-11-23T08:00:00Z"
NAMES = {"namespace": "shop", "pod": "web-1", "container": "app"}
SOURCES = """
[sources.app]
type = "file"
paths = ["/app"]
parse = "json"
[sources.pod]
type = "file"
paths = ["/pod"]
parse = "auto"
[sinks.out]
type = "stdout"
encoding = "ENCODING"
"""


def _config(steps: str, encoding: str = "json") -> Config:
    return parse_config(SOURCES.replace("ENCODING", encoding) + steps, file="")


def _batch(app: Sequence[bytes], pod: Sequence[bytes] = ()) -> OrderedBatch:
    """Return records of both sources, those of the pod first, but the first of all."""
    regions = [[Row(data=line + b"\n") for line in lines] for lines in (app, pod)]
    order = [0, *range(len(app), len(app) + len(pod)), *range(1, len(app))]
    return make_ordered(make_part(regions, files=[FILE, POD]), order=order)


class _Whole:
    """All that happens to a batch before one sink writes it."""

    def __init__(self, common: StepChain, own: Encoder) -> None:
        self._common, self._own = common, own

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        return self._own(self._common.apply(batch))

    @property
    def chains(self) -> list[StepChain]:
        return [each for each in (self._common, self._own) if isinstance(each, StepChain)]

    @property
    def removed(self) -> Counter[str]:
        return sum((chain.removed for chain in self.chains), Counter[str]())

    @property
    def fieldless(self) -> int:
        return sum(chain.fieldless for chain in self.chains)


def _chain(steps: str, encoding: str = "json") -> _Whole:
    """Return all steps, those in common and those of the sink, and the encoding."""
    config = _config(steps, encoding)
    shaping = Shaping(config)
    common = shaping.common()
    encode = encoder(encoding)
    own = shaping.own(config.sinks["out"], encode)
    return _Whole(common or StepChain([], encoder("raw")), own or encode)


def _fields(chain: _Whole, batch: OrderedBatch) -> list[Any]:
    return [json.loads(line).get("fields") for line in b"".join(chain(batch)).splitlines()]


APP = [b'{"status":500,"user":{"name":"ada"}}', b"no object", b'{"status":"200","env":"test"}']
PODS = [f"{STAMP} stdout F status=503 x=1".encode(), f"{STAMP} stderr F text".encode()]


@pytest.mark.parametrize(
    ("more", "encoding", "is_common"),
    [
        ("", "json", True),
        ("", "text", True),
        ("", "raw", False),
        ('when = { match = "a" }', "json", False),
        ('inputs = ["app"]', "json", False),
        ('[[sinks.out.steps]]\ntype = "add"\nfields = { a = 1 }', "json", False),
        ('[sinks.more]\ntype = "file"\npath = "/more"', "json", True),
        ('when = { match = "a" }\n[sinks.more]\ntype = "file"\npath = "/o"', "json", False),
    ],
)
def test_fields_of_all_records_are_found_before_a_sink(
    more: str, encoding: str, *, is_common: bool
) -> None:
    """Where a sink wants fields, but not of all records, it is left to it to find them."""
    common = Shaping(_config(more, encoding)).common()
    assert (common is not None) == is_common
    if common is not None:
        assert common.apply(_batch(APP, PODS)).parsed is not None


def test_fields_are_added_renamed_and_removed() -> None:
    """Steps follow each other; names of pods are fields too; what goes is counted by name."""
    chain = _chain("""
    [[steps]]
    type = "rename"
    fields = { "user.name" = "user", status = "code", pod = "x" }
    [[steps]]
    type = "add"
    fields = { env = "prod", n = 1 }
    [[sinks.out.steps]]
    type = "remove"
    fields = ["*space", "container", "n"]
    """)
    assert _fields(chain, _batch(APP, PODS)) == [
        {"code": 500, "user": "ada", "env": "prod"},
        {"x": "web-1", "stream": "stdout", "code": 503, "env": "prod"},
        {"x": "web-1", "stream": "stderr", "env": "prod"},
        {"env": "prod"},
        {"code": "200", "env": "test"},
    ]
    assert +chain.removed == {
        "removed by steps[0] user": 1,
        "removed by steps[0] x": 1,
        "removed by sinks.out.steps[0] *space": 2,
        "removed by sinks.out.steps[0] container": 2,
        "removed by sinks.out.steps[0] n": 5,
    }
    assert chain.fieldless == 1


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("status = 500", [0]),
        ('status = "500"', [0]),
        ("status = [200, 503]", [1, 4]),
        ("status = { match = '^5' }", [0, 1]),
        ('status = "5"', []),
        ('"user.name" = "ada"', [0]),
        ('"*" = "test"', [4]),
        ('namespace = "shop", stream = "stdout"', [1]),
        ('namespace = "shop", status = 500', []),
        ("other = { match = '' }", []),
        ("env = { match = '' }", [4]),
    ],
)
@pytest.mark.parametrize("encoding", ["json", "raw"])
def test_records_are_chosen_by_what_fields_say(
    field: str, expected: list[int], encoding: str
) -> None:
    """Values are compared by their text; who lacks the field is not meant; encodings agree."""
    batch = _batch(APP, PODS)
    whole = b"".join(encoder("raw")(batch)).splitlines()
    kept = _chain(f"when = {{ field = {{ {field} }} }}", encoding)
    lines = b"".join(kept(batch)).splitlines()
    if encoding == "raw":
        assert lines == [whole[row] for row in expected]
    dropped = _chain(
        f'[[steps]]\ntype = "filter"\naction = "drop"\nwhen = {{ field = {{ {field} }} }}', encoding
    )
    assert len(lines) == len(expected)
    assert len(list(b"".join(dropped(batch)).splitlines())) == len(whole) - len(expected)
    assert kept.removed["left out by sinks.out.when"] + len(expected) == len(whole)
    assert dropped.removed["left out by steps[0]"] == len(expected)


REDACT = """
[[steps]]
type = "redact"
patterns = ["card", "email", "ipv4"]
match = 'password=[^ "]+'
"""
CUT = [
    f"{STAMP} stdout P paid with 4111 1111\n{STAMP} stdout F  1111 1111".encode(),
    b'{"log":"mail ada@exa","stream":"stdout","time":""}\n{"log":"mple.org\\n","stream":"stdout"}',
    f'{STAMP} stdout P {{"a":"10.0.\n{STAMP} stdout F 0.1"}}'.encode(),
]


@pytest.mark.parametrize("before", ["", '[[steps]]\ntype = "add"\nfields = { e = 1 }\n'])
def test_secrets_that_containers_have_cut(before: str) -> None:
    """What is only a secret when parts are put together is hidden in messages and fields."""
    chain = _chain(before + REDACT)
    lines = [json.loads(line) for line in b"".join(chain(_batch([b"{}", b"{}"], CUT))).splitlines()]
    messages = [line["message"] for line in lines]
    assert messages == ["{}", "paid with [card]", "mail [email]", '{"a":"[ipv4]"}', "{}"]
    assert lines[3]["fields"].items() >= {"a": "[ipv4]", "stream": "stdout"}.items()
    assert [line["fields"].get("e") for line in lines] == [1 if before else None] * 5
    number = 1 if before else 0
    names = ("card", "email", "ipv4")
    assert +chain.removed == {f"redacted by steps[{number}] {name}": 1 for name in names}
    text = _chain(REDACT, "text")
    readable = b"".join(text(_batch([b"{}"], CUT))).splitlines()
    assert [line.split(None, 2)[2] for line in readable[1:]] == [
        b"paid with [card]",
        b"mail [email]",
        b'{"a":"[ipv4]"}',
    ]


@pytest.mark.parametrize("encoding", ["json", "raw"])
def test_secrets_beside_escapes(encoding: str) -> None:
    r"""The letters of an escape are no part of a secret, and an object stays one."""
    line = (
        rb'{"a":"x\n10.0.0.1","b":"\u003cada@example.org\u003e","c":"ada\u0040example.org",'
        rb'"d":"\\","e":"password=a\/b c"}'
    )
    expected = {"a": "x\n[ipv4]", "b": "<[email]>", "c": "[email]", "d": "\\", "e": "[redacted] c"}
    odd = rb'{"a":"10.0.0.1\n' + b'\x01 10.0.0.1"}'
    found, last = b"".join(_chain(REDACT, encoding)(_batch([line, odd]))).splitlines()
    if encoding == "raw":
        assert json.loads(found) == expected
    else:
        one = json.loads(found)
        assert one["fields"] == json.loads(one["message"]) == expected
    assert last.count(b"[ipv4]") == 2


def test_fields_are_those_of_what_is_left() -> None:
    """What a key tells of is hidden in fields too, though they were found before."""
    steps = '[[steps]]\ntype = "filter"\naction = "drop"\nwhen = { field = { x = 2 } }\n'
    rename = '[[steps]]\ntype = "rename"\nfields = { x = "y" }\n'
    lines = [
        f"{STAMP} stdout F x=1 password=secret".encode(),
        f"{STAMP} stdout F x=2 password=secret".encode(),
        f"{STAMP} stdout F x=3".encode(),
    ]
    chain = _chain(steps + rename + REDACT + 'text = "hidden=1"')
    found = _fields(chain, _batch([b"{}"], lines))
    names = {**NAMES, "stream": "stdout"}
    assert found == [{}, {**names, "y": 1, "hidden": 1}, {**names, "y": 3}]
    assert +chain.removed == {"left out by steps[0]": 1, "redacted by steps[2] match": 1}


ALL_STEPS = """
[[steps]]
type = "filter"
action = "drop"
when = { field = { status = 204, stream = { match = "out" } } }
[[steps]]
type = "rename"
fields = { "user.name" = "user", a = "b" }
[[steps]]
type = "redact"
patterns = ["card", "email", "ipv4"]
match = 'password=[^ "]+'
[[sinks.out.steps]]
type = "remove"
fields = ["pod", "user.*", "d"]
[[sinks.out.steps]]
type = "redact"
patterns = ["bearer"]
[[sinks.out.steps]]
type = "add"
fields = { env = "prod", status = 0 }
"""
RECORDS = [
    rb'{"status":204,"user":{"name":"ada","mail":"ada@example.org"},"a":1,"b":2}',
    rb'{"a":"x\n10.0.0.1","d":"\u003cada@example.org\u003e","x":"Bearer abcdefgh1"}',
    b'{"a":"10.0.0.1\x01 \\n 10.0.0.1"}',
    b"{}",
    b"plain password=x 4111 1111 1111 1111",
    f"{STAMP} stdout F status=204 a=1 password=x".encode(),
    f'{STAMP} stderr F {{"status":204,"a":"4111111111111111"}}'.encode(),
    f"{STAMP} stdout F text".encode(),
    *CUT,
]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(RECORDS), max_size=6), st.sampled_from(["json", "raw", "text"]))
def test_a_record_alone_decides_what_becomes_of_it(records: list[bytes], encoding: str) -> None:
    """Steps make of records together what they make of each by itself, and count the same."""
    steps = ALL_STEPS if encoding == "json" else REDACT
    together, alone = _chain(steps, encoding), _chain(steps, encoding)
    # What is not unwrapped shows the parts as they are.
    batch = _batch([b"{}", *(one for one in records if one not in CUT)], records)
    numbers = np.arange(len(batch))
    each = [b"".join(alone(batch.select(numbers == number))) for number in numbers]
    assert b"".join(together(batch)) == b"".join(each)
    assert +together.removed == +alone.removed
    assert together.fieldless == alone.fieldless
    if encoding == "json":
        assert not re.search(rb"ada@exa|10\.0\.0\.1|password=|4111|Bearer", b"".join(each))

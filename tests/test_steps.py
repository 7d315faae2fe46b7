"""Steps on ordered batches: what they leave out, what they hide, and what stays as it was."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from encode_helpers import FILE, Row, make_ordered, make_part
from hypothesis import given
from hypothesis import strategies as st

from trio_ship.batch import Flag, OrderedBatch
from trio_ship.batch.parsed import Severity
from trio_ship.encode.json_lines import JsonEncoder
from trio_ship.encode.raw import encode_raw, raw_size
from trio_ship.fields.parse import Parser, rule
from trio_ship.steps.chain import Filter, Redact, StepChain
from trio_ship.steps.condition import Condition
from trio_ship.steps.redact import PATTERNS, Redaction

WEB = FILE.__class__(
    id="00000000000000aa", source="web-1", path="/w.log", file="/w.log", device=1, inode=2
)
LINES = [b"INFO ready\n", b"WARN slow\n", b"no level\n", b"ERROR failed\r\n", b"DEBUG x\n"]


def _batch(*lines: bytes, web: tuple[bytes, ...] = ()) -> OrderedBatch:
    regions = [[Row(data=line) for line in some] for some in (lines, web)]
    return make_ordered(make_part(regions, files=[FILE, WEB]))


def _raw(batch: OrderedBatch) -> bytes:
    return b"".join(encode_raw(batch))


def _hidden(text: bytes, *names: str) -> bytes:
    step = Redact(tuple(Redaction(name, PATTERNS[name], f"[{name}]") for name in names))
    batch = _batch(b"before\n", text + b"\r\n", b"after\n")
    lines = _raw(step(batch, Counter())).split(b"\n")
    assert (lines[0], lines[-2]) == (b"before", b"after")
    return b"\n".join(lines[1:-2]).removesuffix(b"\r")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(), [0, 1, 2, 3, 4, 5]),
        (Condition(min_severity=Severity.WARN), [1, 3, 5]),
        (Condition(min_severity=Severity.INFO), [0, 1, 2, 3, 5]),
        (Condition(sources=("web-*",)), [5]),
        (Condition(sources=("app", "other")), [0, 1, 2, 3, 4]),
        (Condition(match="^[A-Z]+ .*ed$"), [3, 5]),
        (Condition(match="ed", min_severity=Severity.ERROR, sources=("a*",)), [3]),
        (Condition(match="nothing like this"), []),
    ],
)
def test_conditions(condition: Condition, expected: list[int]) -> None:
    """All that a condition says must hold; what has no severity counts as info."""
    holds = condition.holds(_batch(*LINES, web=(b"FATAL crashed\n",)))
    assert [row for row, one in enumerate(holds) if one] == expected


@pytest.mark.parametrize(("drop", "left"), [(False, LINES[1:2] + LINES[3:4]), (True, LINES[::2])])
def test_a_filter_keeps_or_drops_and_counts(drop: bool, left: list[bytes]) -> None:  # noqa: FBT001 - a case
    """A filter keeps what is meant, or the rest, in order, and counts the others."""
    step = Filter(reason="why", when=Condition(min_severity=Severity.WARN), drop=drop)
    removed: Counter[str] = Counter()
    assert _raw(step(_batch(*LINES), removed)) == b"".join(left)
    assert removed == {"why": len(LINES) - len(left)}


SECRETS = [
    ("email", "mail to ada.l+x@mail.example.co.uk, please", "mail to [email], please"),
    ("email", "no @ mail, user@host", "no @ mail, user@host"),
    ("ipv4", "from 10.0.0.254:8080 to 255.255.255.255", "from [ipv4]:8080 to [ipv4]"),
    ("ipv4", "1.2.3 and 256.1.1.1 and v1.2.3.4", "1.2.3 and 256.1.1.1 and v1.2.3.4"),
    ("ipv6", "[2001:db8::8a2e:370:7334]:443", "[[ipv6]]:443"),
    ("ipv6", "from ::1 and fe80::1, 1:2:3:4:5:6:7:8.", "from [ipv6] and [ipv6], [ipv6]."),
    ("ipv6", "at 08:00:00 std::string", "at 08:00:00 std::string"),
    ("card", "paid with 4111 1111 1111 1111.", "paid with [card]."),
    ("card", "4111-1111-1111-1111 378282246310005", "[card] [card]"),
    ("card", "not 4111111111111112, 1795420800123", "not 4111111111111112, 1795420800123"),
    ("card", "card 4111 1111 1111 1111 12 items", "card [card] 12 items"),
    ("bearer", "Authorization: Bearer abc.DEF-123_~+/==", "Authorization: [bearer]"),
    ("bearer", "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x-Y_z end", "jwt [bearer] end"),
    ("bearer", "the bearer of news", "the bearer of news"),
    ("aws_key", "key AKIAIOSFODNN7EXAMPLE used", "key [aws_key] used"),
    ("aws_key", "aws_secret_access_key = " + "a1/+" * 10, "[aws_key]"),
    ("aws_key", "AKIA is short", "AKIA is short"),
]


@pytest.mark.parametrize(("name", "text", "expected"), SECRETS)
def test_secrets_with_a_name(name: str, text: str, expected: str) -> None:
    """What is named is hidden, its surroundings and what only looks like it are not."""
    assert _hidden(text.encode(), name) == expected.encode()


def test_redactions_follow_each_other_and_are_counted() -> None:
    """Each place is counted by its name; text of the replacement is taken literally."""
    removed: Counter[str] = Counter()
    step = Redact(
        (
            Redaction("ip", PATTERNS["ipv4"], r"\0"),
            Redaction("own", r"pass=\w+", ""),
            Redaction("card", PATTERNS["card"], "#"),
        )
    )
    batch = _batch(b"10.0.0.1 and 10.0.0.2\n", b"plain\n", b"pass=x pass=y 4111111111111111\n")
    expected = b"\\0 and \\0\nplain\n  #\n"
    after = step(batch, removed)
    assert _raw(after) == expected
    assert raw_size(after) == len(expected)
    assert removed == {"ip": 2, "own": 2, "card": 1}


def test_records_without_a_line_end_keep_none() -> None:
    """The end of a hidden record stays: none, LF or CR LF, also a CR where a record was cut."""
    unfinished = int(Flag.UNFINISHED)
    rows = [
        Row(data=b"10.0.0.1\r\n"),
        Row(data=b"10.0.0.2\r", flags=int(Flag.PARTIAL)),
        Row(data=b"10.0.0.3", flags=unfinished),
    ]
    batch = make_ordered(make_part([rows]))
    step = Redact((Redaction("ipv4", PATTERNS["ipv4"], "ip"),))
    assert _raw(step(batch, Counter())) == b"ip\r\nip\r\nip\n"


def test_hidden_records_stay_who_they_are() -> None:
    """In json only the message of a hidden record differs: stamp, path and id are as before."""
    batch = _batch(b"a\n", b"from 10.0.0.1\n", b"b\n", b"from 10.0.0.2 and more\n")
    chain = StepChain([Redact((Redaction("ipv4", PATTERNS["ipv4"], "ip"),))], JsonEncoder())
    before = [json.loads(line) for line in b"".join(JsonEncoder()(batch)).splitlines()]
    after = [json.loads(line) for line in b"".join(chain(batch)).splitlines()]
    assert [one.pop("message") for one in after] == ["a", "from ip", "b", "from ip and more"]
    assert [{**one, "message": ""} for one in after] == [{**one, "message": ""} for one in before]
    table = chain.apply(batch).to_arrow()
    assert table["message"].to_pylist() == [b"a", b"from ip", b"b", b"from ip and more"]
    assert table["id"].to_pylist() == [one["id"] for one in before]


def test_what_is_found_in_records_as_columns() -> None:
    """Severity, fields and inner texts are in the table, null where there are none."""
    lines = [b'{"level":"warn","n":1.50}\n', b"text\n", b"S stderr F <3>a=1\n"]
    parsed = Parser({"app": rule("auto")})(_batch(*lines, web=(b"ERROR\n",)))
    table = parsed.to_arrow()
    assert table.column_names[-3:] == ["id", "severity", "fields"]
    assert table["message"].to_pylist() == [
        b'{"level":"warn","n":1.50}',
        b"text",
        b"<3>a=1",
        b"ERROR",
    ]
    assert table["severity"].to_pylist() == ["warn", None, "error", None]
    assert table["fields"].to_pylist() == [
        '{"level":"warn","n":1.50}',
        None,
        '{"stream":"stderr"}',
        None,
    ]
    bare = _batch(*lines).to_arrow()
    assert bare.schema == table.schema
    assert bare["fields"].null_count == bare["severity"].null_count == len(lines)


@given(
    st.lists(st.lists(st.sampled_from([b"abc", b"x1", b"", b"secret", b"secret secret z"]))),
    st.randoms(use_true_random=False),
)
def test_steps_one_after_the_other(regions: list[list[bytes]], random: object) -> None:
    """Hiding, leaving out and hiding again give what the same does to each line alone."""
    rows = [[Row(data=text + b"\n") for text in texts] for texts in regions]
    parts = [make_part([some]) for some in rows]
    count = sum(map(len, rows))
    order = list(range(count))
    getattr(random, "shuffle")(order)  # noqa: B009 - hypothesis hides its type
    if not parts:
        return
    lines = [row.data for some in rows for row in some]
    expected = []
    for place in order:
        line = lines[place].replace(b"secret", b"hid")
        if b"x" not in line:
            expected.append(re.sub(rb"z|abc", b"-long-", line))
    chain = StepChain(
        [
            Redact((Redaction("a", "secret", "hid"),)),
            Filter(reason="x", when=Condition(match="x"), drop=True),
            Redact((Redaction("b", "z|abc", "-long-"),)),
        ],
        encode_raw,
    )
    assert b"".join(chain(make_ordered(*parts, order=order))) == b"".join(expected)
    assert chain.removed["x"] == sum(b"x" in line for line in lines)


def test_the_severity_of_what_containers_wrap() -> None:
    """Where a source is unwrapped, the severity is that of the inner text, the text stays."""
    wrapped = b"2026-11-23T08:00:00Z stderr F <3>failed\n"
    parser = Parser({"app": rule("container")})
    batch = _batch(wrapped, b"<3>failed\n", b"2026-11-23T08:00:00Z stderr F <6>ready\n")
    when = Condition(min_severity=Severity.ERROR, unwrap=parser)
    kept = Filter(reason="", when=when)(batch, Counter())
    assert _raw(kept) == wrapped + b"<3>failed\n"

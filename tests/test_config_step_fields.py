"""Fields in steps and conditions of configurations: what is said of them, and what is refused."""

from __future__ import annotations

import pytest
from config_helpers import BASE, faults

from trio_ship.config import StepConfig, WhenConfig, describe, parse_config
from trio_ship.config.fields import FieldText
from trio_ship.config.parse import FieldRule


@pytest.mark.parametrize(
    ("value", "rule", "described"),
    [
        ('"off"', "off", None),
        ('"auto"', "auto", "found by auto"),
        ("{ regex = 'a(?P<x>b)' }", FieldRule("a(?P<x>b)"), "found by a(?P<x>b)"),
    ],
)
def test_rules_of_fields(value: str, rule: object, described: str | None) -> None:
    """A rule is a name or an expression, and is described where there is one."""
    text = BASE.replace('paths = ["/web/*.log"]', f'paths = ["/web/*.log"]\nparse = {value}')
    config = parse_config(text, file="s.toml")
    assert config.sources["web-1"].parse == rule
    lines = [line.strip() for line in describe(config).splitlines()]
    found = [line.removeprefix("fields").strip() for line in lines if line.startswith("fields")]
    assert found == ([described] if described else [])


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("1", ': 1 is an integer; "off", "auto"'),
        ('"xml"', ': "xml" is unknown; "off", "auto", "json"'),
        ("{}", ': this table is empty; "off", "auto"'),
        ("{ regexp = 'x' }", '.regexp: unknown key; "regex" is allowed'),
        ("{ regex = 1 }", ".regex: 1 is an integer; an RE2 expression with groups such as"),
        ("{ regex = 'a' }", ".regex: there is no group in it; an RE2 expression with groups"),
        ("{ regex = '(a)' }", ".regex: every group needs a name, or write (?:...) for it; an RE2"),
        ("{ regex = '(?P<x>' }", ".regex: Invalid regular expression: "),
        (f"{{ regex = '{'x' * 5000}' }}", ".regex: this is too long; 4096 characters at most"),
    ],
)
def test_rules_of_fields_that_are_refused(value: str, fault: str) -> None:
    """A fault of a rule names its place, what was found, and what is allowed."""
    text = BASE.replace('paths = ["/web/*.log"]', f'paths = ["/web/*.log"]\nparse = {value}')
    (told,) = faults(text)
    assert told.startswith(f"sources.web-1.parse{fault}")


PARSED = BASE.replace('paths = ["/nowhere/*.log"]', 'paths = ["/nowhere/*.log"]\nparse = "auto"')
JSON = PARSED + 'encoding = "json"\n'


def test_steps_and_conditions_of_fields() -> None:
    """Fields arrive as they are written, whatever their type, and are described."""
    text = """
    when = { field = { "http.*" = { match = "^5" }, user = "ada", ok = [true, 1.5, 20, "x"] } }
    [[sinks.out.steps]]
    type = "remove"
    fields = ["user.*", "b"]
    [[steps]]
    type = "add"
    fields = { env = "prod", replica = 2, "a.b" = true, ratio = 0.5 }
    [[steps]]
    type = "rename"
    fields = { "http.status" = "code", a = "b", b = "a" }
    """
    config = parse_config(JSON + text, file="s.toml")
    sink = config.sinks["out"]
    assert sink.when == WhenConfig(
        field={
            "http.*": FieldText(match="^5"),
            "user": FieldText(values=("ada",)),
            "ok": FieldText(values=("true", "1.5", "20", "x")),
        }
    )
    assert sink.steps == (StepConfig(type="remove", fields=("user.*", "b")),)
    added: dict[str, str | int | float] = {"env": "prod", "replica": 2, "a.b": True, "ratio": 0.5}
    renamed: dict[str, str | int | float] = {"http.status": "code", "a": "b", "b": "a"}
    assert config.steps == (
        StepConfig(type="add", fields=added),
        StepConfig(type="rename", fields=renamed),
    )
    described = [" ".join(line.split()) for line in describe(config).splitlines()]
    for line in (
        'step adds the fields env = "prod", replica = 2, a.b = true, ratio = 0.5',
        "step renames the fields http.status to code, a to b, b to a",
        "step leaves out the fields user.*, b",
        (
            'takes records in whose field http.* ^5 is found and whose field user is "ada" '
            'and whose field ok is "true" or "1.5" or "20" or "x"'
        ),
    ):
        assert line in described


FIELD_FAULTS = [
    ('when = { field = "x" }', 'when.field: "x" is a string; a table is wanted'),
    (
        'when = { field = { a = [], b = 2026-11-23, "" = 1 } }',
        (
            'when.field."": "" is no name of a field; a name of 1 to 200 characters is wanted',
            (
                "when.field.a: this array is empty; a string, a number, a boolean, an array of "
                "these, or { match = '...' } is wanted"
            ),
            (
                "when.field.b: this is a date or a time; a string, a number, a boolean, an array "
                "of these, or { match = '...' } is wanted"
            ),
        ),
    ),
    (
        "when = { field = { a = { mach = 'x' } } }",
        (
            'when.field.a.mach: unknown key; "match" is allowed; a field inside another is named '
            'like "a.b"'
        ),
    ),
    ("when = { field = { a = {} } }", 'when.field.a: this table is empty; "match" is wanted'),
    (
        f"when = {{ field = {{ a = {{ match = '{'x' * 5000}' }} }} }}",
        "when.field.a.match: this is too long; 4096 characters at most are allowed",
    ),
    (
        'steps = [{ type = "add" }, { type = "add", fields = ["a"] }]',
        (
            'steps[0].fields: missing; a step of type "add" wants a table such as { env = "prod" }',
            (
                'steps[1].fields: this is an array; a step of type "add" wants a table such as '
                '{ env = "prod" }'
            ),
        ),
    ),
    (
        'steps = [{ type = "remove", fields = { a = "b" }, text = "x" }]',
        (
            (
                'steps[0].fields: this is a table; a step of type "remove" wants an array such as '
                '["user.*"]'
            ),
            'steps[0].text: text is given; a step of type "remove" has none',
        ),
    ),
    (
        'steps = [{ type = "add", fields = 1 }]',
        "steps[0].fields: 1 is an integer; a table, or an array of strings, is wanted",
    ),
    (
        'steps = [{ type = "add", fields = { a = [1], "b*" = 1, c = inf, d = {} } }]',
        (
            "steps[0].fields.a: this is an array; a string, a number or a boolean is wanted",
            'steps[0].fields."b*": "b*" is a pattern; a name without * is wanted',
            "steps[0].fields.c: inf is not a number; a string, a number or a boolean is wanted",
            (
                "steps[0].fields.d: this is a table; a string, a number or a boolean is wanted; a "
                'field inside another is named like "http.status"'
            ),
        ),
    ),
    (
        (
            'steps = [{ type = "rename", fields = { a = 1, b = "x*", c = "c", d = "e", f = "e", '
            '"d.x" = "y" } }]'
        ),
        (
            "steps[0].fields.a: 1 is an integer; a name of 1 to 200 characters is wanted",
            'steps[0].fields.b: "x*" is a pattern; a name without * is wanted',
            "steps[0].fields.c: it has this name already; another one is wanted",
            'steps[0].fields.f: "d" gets this name already; another one is wanted',
            'steps[0].fields."d.x": it may be inside of "d"; a step of its own is wanted',
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), FIELD_FAULTS)
def test_what_is_refused_of_fields(text: str, expected: str | tuple[str, ...]) -> None:
    """All faults of a table are told at once, each with its place."""
    told = [line.removeprefix("sinks.out.") for line in faults(JSON + text)]
    assert sorted(told) == sorted([expected] if isinstance(expected, str) else expected)


UNPARSED = 'there are no fields, for sources.web-1 is not parsed; parse = "auto" finds some'
VAIN = [
    (
        PARSED,
        'inputs = ["web*"]\nwhen = { field = { a = 1 } }',
        f"sinks.out.when.field: {UNPARSED}",
    ),
    (
        PARSED,
        'steps = [{ type = "filter", when = { sources = ["web-1"], field = { a = 1 } } }]',
        f"sinks.out.steps[0].when.field: {UNPARSED}",
    ),
    (
        BASE,
        'when = { field = { a = 1 } }\nencoding = "json"',
        (
            "sinks.out.when.field: there are no fields, for sources.app and sources.web-1 are not "
            'parsed; parse = "auto" finds some'
        ),
    ),
    (
        JSON,
        'inputs = ["web-1"]\nsteps = [{ type = "remove", fields = ["a"] }]',
        f"sinks.out.steps[0].fields: {UNPARSED}",
    ),
    (
        PARSED,
        'steps = [{ type = "add", fields = { a = 1 } }]',
        'sinks.out.steps[0].type: fields are not shown by encoding "raw"; "json" shows them',
    ),
    (
        PARSED,
        'encoding = "text"\n[[steps]]\ntype = "remove"\nfields = ["a"]',
        'steps[0].type: no sink shows fields; one with encoding = "json" does',
    ),
]


@pytest.mark.parametrize(("base", "text", "fault"), VAIN)
def test_what_would_be_in_vain(base: str, text: str, fault: str) -> None:
    """Fields that no source has, or that no sink shows, are told of."""
    assert faults(base + text) == [fault]


def test_fields_that_are_of_use() -> None:
    """Fields may be added where nothing is parsed, and asked for by sinks that show none."""
    parse_config(BASE + 'encoding = "json"\n[[steps]]\ntype = "add"\nfields = { a = 1 }', file="")
    parse_config(PARSED + "when = { field = { a = 1 } }", file="")
    other = '[sinks.other]\ntype = "file"\npath = "/o"\nencoding = "json"\n'
    parse_config(PARSED + other + '[[steps]]\ntype = "rename"\nfields = { a = "b" }', file="")

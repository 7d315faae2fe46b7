"""Steps, inputs and conditions in configurations: what is said of them, and what is refused."""

from __future__ import annotations

import pytest
from config_helpers import BASE, faults

from trio_ship.config import StepConfig, WhenConfig, describe, parse_config


def test_steps_of_all_and_of_one_sink() -> None:
    """Steps, inputs and conditions arrive as they are written, and are described."""
    text = """
    inputs = ["app", "web-*"]
    when = { min_severity = "warn", sources = ["app"], match = "a.*b" }
    [[sinks.out.steps]]
    type = "redact"
    patterns = ["email", "card"]
    match = "pass=[a-z]+"
    [[steps]]
    type = "filter"
    action = "drop"
    when = { match = "noise" }
    [[steps]]
    type = "redact"
    patterns = ["ipv4"]
    text = ""
    """
    config = parse_config(BASE + text, file="s.toml")
    sink = config.sinks["out"]
    assert sink.inputs == ("app", "web-*")
    assert sink.when == WhenConfig(min_severity="warn", sources=("app",), match="a.*b")
    assert sink.steps == (
        StepConfig(type="redact", patterns=("email", "card"), match="pass=[a-z]+"),
    )
    assert config.steps == (
        StepConfig(type="filter", action="drop", when=WhenConfig(match="noise")),
        StepConfig(type="redact", patterns=("ipv4",), text=""),
    )
    described = [" ".join(line.split()) for line in describe(config).splitlines()]
    assert described[described.index("step leaves out records in which noise is found") :][:8] == [
        "step leaves out records in which noise is found",
        "step writes nothing instead of ipv4",
        "sink out standard output",
        "encoding records as read",
        "takes records of app, web-*",
        "takes records of app and of severity warn or more and in which a.*b is found",
        "step writes its name in brackets instead of email, card, pass=[a-z]+",
        "checkpoint every 5 s",
    ]


def test_what_a_filter_and_a_redaction_want() -> None:
    """Keys of the other type are refused, and those that are needed are missed."""
    text = """
    [[steps]]
    type = "filter"
    patterns = ["card"]
    match = "x"
    [[steps]]
    type = "redact"
    when = { match = "x" }
    action = "drop"
    """
    assert sorted(faults(BASE + text)) == [
        'steps[0].match: match is given; a step of type "filter" has none',
        'steps[0].patterns: patterns is given; a step of type "filter" has none',
        'steps[0].when: missing; a step of type "filter" wants to know which records are meant',
        'steps[1].action: action is given; a step of type "redact" has none',
        'steps[1].when: when is given; a step of type "redact" has none',
        'steps[1]: patterns are missing; a step of type "redact" wants these, or match, or both',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('inputs = "app"', 'inputs: "app" is a string; an array of strings is wanted'),
        ('inputs = ["ap"]', 'inputs[0]: "ap" is no source; "app" or "web-1" is allowed'),
        (
            'inputs = ["a/b"]',
            'inputs[0]: "a/b" is no name of a source; a name, or a pattern with * is allowed',
        ),
        (
            'when = { sources = ["db*"] }',
            'when.sources[0]: "db*" is no source; "app" or "web-1" is allowed',
        ),
        ("when = 1", "when: 1 is an integer; a table is wanted"),
        ('when = { matches = "x" }', 'when.matches: unknown key; did you mean "match"?'),
        (
            'when = { min_severity = "loud" }',
            (
                'when.min_severity: "loud" is unknown; "trace", "debug", "info", "notice", "warn", '
                '"error" or "fatal" is allowed'
            ),
        ),
        ("steps = {}", "steps: this is a table; an array of tables is wanted"),
        ("steps = [1]", "steps[0]: 1 is an integer; a table is wanted"),
        (
            "steps = [{}]",
            'steps[0].type: missing; "filter", "redact", "add", "rename" or "remove" is wanted',
        ),
        (
            'steps = [{ type = "redact", match = "x*" }]',
            'steps[0].match: "x*" matches where nothing is; one that needs text is wanted',
        ),
        (
            'steps = [{ type = "redact", match = "gr[üu]n" }]',
            (
                'steps[0].match: "[üu]" would count the bytes of a character beyond ASCII one by '
                "one; such characters in groups are wanted, (?:ü|u) for [üu] or (?:ü)+ for ü+"
            ),
        ),
        (
            'steps = [{ type = "redact", match = "x", text = "\\n" }]',
            (
                'steps[0].text: "\\u000a" is not allowed; a text of 100 characters at most, in one '
                "line, is wanted"
            ),
        ),
        (
            f'when = {{ match = "{"x" * 5000}" }}',
            "when.match: this is too long; 4096 characters at most are allowed",
        ),
    ],
)
def test_what_is_refused(text: str, fault: str) -> None:
    """Each fault names its place, what was found, and what is allowed."""
    assert faults(BASE + text) == [f"sinks.out.{fault}"]


def test_a_step_that_is_wrong_hides_no_fault_of_another() -> None:
    """Whatever is wrong with some steps, what others lack is said too, in the order of the file."""
    text = """
    [[steps]]
    type = "filter"
    [[steps]]
    type = "filtre"
    text = 1
    [[steps]]
    action = "drop"
    [[steps]]
    type = "filter"
    action = 5
    [[steps]]
    type = "redact"
    patterns = ["email", 5]
    when = { match = "x" }
    [[sinks.out.steps]]
    type = "filter"
    when = { match = "x", sources = ["app", 7] }
    [[sinks.out.steps]]
    type = "redact"
    """
    types = '"filter", "redact", "add", "rename" or "remove"'
    wants = 'missing; a step of type "filter" wants to know which records are meant'
    assert [line for line in faults(BASE + text) if not line.startswith("sinks")] == [
        f"steps[0].when: {wants}",
        f'steps[1].type: "filtre" is unknown; {types} is allowed',
        "steps[1].text: 1 is an integer; a text of 100 characters at most, in one line, is wanted",
        f"steps[2].type: missing; {types} is wanted",
        f"steps[3].when: {wants}",
        'steps[3].action: 5 is an integer; "keep" or "drop" is wanted',
        (
            "steps[4].patterns[1]: 5 is an integer; "
            '"email", "ipv4", "ipv6", "card", "bearer" or "aws_key" is wanted'
        ),
        'steps[4].when: when is given; a step of type "redact" has none',
    ]
    assert [line.partition(": ")[0] for line in faults(BASE + text)][:2] == [
        "sinks.out.steps[0].when.sources[1]",
        "sinks.out.steps[1]",
    ]


def test_conditions_on_sources_that_a_sink_does_not_take() -> None:
    """They would leave nothing out of what it takes, or all of it; each name is a source."""
    text = """
    inputs = ["web*"]
    when = { sources = ["app"] }
    steps = [
        { type = "filter", when = { sources = ["web-1", "app"] } },
        { type = "filter", when = { sources = ["a*"] } },
        { type = "filter", when = { sources = ["nosuch"] } },
    ]
    """
    why = "none of sinks.out.inputs is meant; sources that it takes are wanted"
    assert faults(BASE + text) == [
        f"sinks.out.when.sources: {why}",
        f"sinks.out.steps[1].when.sources: {why}",
        'sinks.out.steps[2].when.sources[0]: "nosuch" is no source; "app" or "web-1" is allowed',
    ]


def test_an_expression_that_is_none() -> None:
    """What RE2 does not take is refused, with its reason."""
    (fault,) = faults(BASE + 'when = { match = "(?<=x)y" }')
    assert fault.startswith("sinks.out.when.match: the pattern '(?<=x)y' is not usable")

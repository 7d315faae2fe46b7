"""From a configuration to what shapes records: steps in common, and those of each sink."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from trio_ship.batch.parsed import Severity
from trio_ship.config.fields import FieldText
from trio_ship.config.model import Config, SinkConfig, StepConfig, WhenConfig
from trio_ship.config.parse import FieldRule
from trio_ship.encode import Encoder
from trio_ship.encode.raw import encode_raw
from trio_ship.fields.compare import FieldTest
from trio_ship.fields.parse import Hide, Parser, Rule, rule
from trio_ship.steps.chain import Filter, Parse, Redact, Step, StepChain
from trio_ship.steps.condition import Condition
from trio_ship.steps.edits import Add, Remove, Rename
from trio_ship.steps.redact import PATTERNS, Redaction, hidden

__all__ = ["Shaping"]


class Shaping:
    """Makes the steps of a pipeline: those that all sinks have in common, and the rest.

    Fields are found in common where several sinks want them, and where one wants them of
    all records: those of a batch are then found while the one before is encoded.

    Args:
        config: Says which steps there are.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._common = _Steps(config)
        self._common.add_all(config.steps, "steps")
        wanting = [sink for sink in config.sinks.values() if _wants_fields(sink)]
        if len(wanting) > 1 or any(_takes_all(sink) for sink in wanting):
            self._common.add_parse()

    def common(self) -> StepChain | None:
        """Return what comes before the sinks; None if nothing does."""
        return self._common.before(encode_raw)

    def own(self, sink: SinkConfig, encode: Encoder) -> StepChain | None:
        """Return the encoder of a sink with what is its own in front of it; None if nothing is.

        Args:
            sink: The sink.
            encode: Its encoding.
        """
        steps = _Steps(self._config, self._common)
        if sink.inputs:
            steps.add_filter(WhenConfig(sources=sink.inputs), f"sinks.{sink.name}.inputs")
        if sink.when is not None:
            steps.add_filter(sink.when, f"sinks.{sink.name}.when")
        steps.add_all(sink.steps, f"sinks.{sink.name}.steps")
        if sink.encoding != "raw":
            steps.add_parse()
        return steps.before(encode)

    def parser(self) -> Parser | None:
        """Return what finds fields behind the steps in common; None if nothing is left to find."""
        steps = _Steps(self._config, self._common)
        steps.add_parse()
        return steps.parser


class _Steps:
    """Makes steps, one after the other.

    Args:
        config: Says how records are parsed.
        behind: Those that batches have been through before.

    Attributes:
        made: The steps.
        redactions: What they, and those before, look for.
        edits: Those of them, and of those before, that change fields.
        parser: What finds fields for them; None: they want none, or have them.
        is_parsed: Whether batches come with their fields.
    """

    def __init__(self, config: Config, behind: _Steps | None = None) -> None:
        self.made: list[Step] = []
        self._removed: Counter[str] = Counter()
        self._rules = _rules(config)
        self._unwrap = _unwrap(config)
        self.redactions: tuple[Redaction, ...] = ()
        self.edits: list[Step] = []
        self.parser: Parser | None = None
        self.is_parsed = False
        if behind is not None:
            self.redactions, self.edits = behind.redactions, [*behind.edits]
            self.is_parsed = behind.parser is not None

    def before(self, encode: Encoder) -> StepChain | None:
        """Return an encoder with the steps in front of it; None if there are none."""
        return StepChain(self.made, encode, self._removed, self.parser) if self.made else None

    def add_parse(self) -> None:
        """Have fields found, if any source is parsed and that is not done yet."""
        if self._rules and not self.is_parsed:
            self.made.append(Parse(self._found_by()))

    def add_filter(self, when: WhenConfig, reason: str, *, drop: bool = False) -> None:
        """Have records left out."""
        least = when.min_severity
        condition = Condition(
            min_severity=Severity[least.upper()] if least is not None else None,
            sources=when.sources,
            match=when.match,
            fields=tuple(_test(name, text) for name, text in when.field.items()),
            unwrap=self._unwrap,
        )
        parser = self._found_by() if when.field else None
        how = f"left out by {reason}"
        self.made.append(Filter(reason=how, when=condition, drop=drop, parser=parser))

    def add_all(self, steps: Sequence[StepConfig], place: str) -> None:
        """Have done what steps say that stand at a place of the configuration."""
        for number, step in enumerate(steps):
            reason = f"{place}[{number}]"
            if step.type == "filter":
                self.add_filter(step.when or WhenConfig(), reason, drop=step.action == "drop")
            elif step.type == "redact":
                self._add_redact(step, reason)
            else:
                self.edits.append(_edit(step, reason, self._found_by()))
                self.made.append(self.edits[-1])

    def _add_redact(self, step: StepConfig, reason: str) -> None:
        redactions = _redactions(step, reason)
        self.redactions += redactions
        again: tuple[Step, ...] = ()
        if self.parser is not None or self.is_parsed:
            again = (Parse(Parser(self._rules, self._hide())), *self.edits)
        self.made.append(Redact(redactions, again))

    def _found_by(self) -> Parser:
        """Return what finds fields, behind the redactions that there are by now."""
        if self.parser is None:
            self.parser = Parser(self._rules, self._hide())
        return self.parser

    def _hide(self) -> Hide | None:
        redactions, removed = self.redactions, self._removed
        if not redactions:
            return None
        return lambda texts: hidden(texts, redactions, removed)[0]


def _wants_fields(sink: SinkConfig) -> bool:
    whens = [sink.when, *(step.when for step in sink.steps)]
    return sink.encoding != "raw" or any(when is not None and when.field for when in whens)


def _takes_all(sink: SinkConfig) -> bool:
    return not (sink.inputs or sink.when or sink.steps)


def _rules(config: Config) -> dict[str, Rule]:
    """Return how the records of each source that is parsed are."""
    rules = {}
    for name, source in config.sources.items():
        if isinstance(source.parse, FieldRule):
            rules[name] = rule("regex", source.parse.pattern)
        elif source.parse != "off":
            rules[name] = rule(source.parse)
    return rules


def _unwrap(config: Config) -> Parser | None:
    """Return what finds inner texts of what containers wrote, if any source is theirs."""
    wrapped = [
        name for name, source in config.sources.items() if source.parse in {"auto", "cri", "docker"}
    ]
    return Parser(dict.fromkeys(wrapped, rule("container"))) if wrapped else None


def _edit(step: StepConfig, reason: str, parser: Parser) -> Step:
    how = f"removed by {reason}"
    if not isinstance(step.fields, Mapping):
        return Remove(parser=parser, reason=how, names=step.fields)
    if step.type == "rename":
        names = {old: str(new) for old, new in step.fields.items()}
        return Rename(parser=parser, reason=how, names=names)
    values = {
        name: json.dumps(value, ensure_ascii=False).encode() for name, value in step.fields.items()
    }
    return Add(parser=parser, fields=values)


def _redactions(step: StepConfig, reason: str) -> tuple[Redaction, ...]:
    wanted: list[tuple[str, str]] = [(name, PATTERNS[name]) for name in step.patterns]
    if step.match is not None:
        wanted.append(("match", step.match))
    return tuple(
        Redaction(
            name=f"redacted by {reason} {name}",
            pattern=pattern,
            text=_mark(name) if step.text is None else step.text,
        )
        for name, pattern in wanted
    )


def _mark(name: str) -> str:
    return "[redacted]" if name == "match" else f"[{name}]"


def _test(name: str, text: FieldText) -> FieldTest:
    return FieldTest(name=name, values=text.values, match=text.match)

"""From a configuration to what shapes the records of a sink: its steps and its encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from trio_ship.batch import OrderedBatch
from trio_ship.config.model import Config, SinkConfig, StepConfig, WhenConfig
from trio_ship.config.parse import FieldRule
from trio_ship.encode import Encoder
from trio_ship.fields.parse import Parser, rule
from trio_ship.fields.severity import Severity
from trio_ship.steps.chain import Chain, Filter, Parse, Redact, Step
from trio_ship.steps.condition import Condition
from trio_ship.steps.redact import PATTERNS, Redaction

__all__ = ["common_steps", "parser_for", "shaped"]

_Unwrap: TypeAlias = Callable[[OrderedBatch], OrderedBatch] | None


def parser_for(config: Config) -> Parser | None:
    """Return a new parser of the records of all sources; None where none is parsed."""
    rules = {}
    for name, source in config.sources.items():
        if isinstance(source.parse, FieldRule):
            rules[name] = rule("regex", source.parse.pattern)
        elif source.parse != "off":
            rules[name] = rule(source.parse)
    return Parser(rules) if rules else None


def _unwrap(config: Config) -> _Unwrap:
    """Return what finds inner texts of what containers wrote, if any source is theirs."""
    wrapped = [
        name for name, source in config.sources.items() if source.parse in {"auto", "cri", "docker"}
    ]
    if not wrapped:
        return None
    return Parser(dict.fromkeys(wrapped, rule("container")))


def shaped(
    config: Config, sink: SinkConfig, encode: Encoder, parser: Parser | None = None
) -> Encoder:
    """Return the encoder of a sink with everything in front of it.

    Args:
        config: Says which steps all sinks have.
        sink: The sink.
        encode: Its encoding; returned as it is where nothing is in front of it.
        parser: Finds fields, where any source is parsed and the encoding shows them.
    """
    steps = [*_inputs(sink), *common_steps(config), *_when(sink, _unwrap(config))]
    for number, step in enumerate(sink.steps):
        steps.append(_step(step, f"sinks.{sink.name}.steps[{number}]", _unwrap(config)))
    if parser is not None:
        steps.append(Parse(parser))
    return Chain(steps, encode) if steps else encode


def common_steps(config: Config) -> list[Step]:
    """Return the steps in front of all sinks."""
    unwrap = _unwrap(config)
    return [_step(step, f"steps[{number}]", unwrap) for number, step in enumerate(config.steps)]


def _inputs(sink: SinkConfig) -> Iterator[Step]:
    if sink.inputs:
        when = Condition(sources=sink.inputs)
        yield Filter(reason=f"sinks.{sink.name}.inputs", when=when)


def _when(sink: SinkConfig, unwrap: _Unwrap) -> Iterator[Step]:
    if sink.when is not None:
        yield Filter(reason=f"sinks.{sink.name}.when", when=_condition(sink.when, unwrap))


def _step(step: StepConfig, reason: str, unwrap: _Unwrap) -> Step:
    if step.type == "filter":
        when = _condition(step.when or WhenConfig(), unwrap)
        return Filter(reason=reason, when=when, drop=step.action == "drop")
    wanted: list[tuple[str, str]] = [(name, PATTERNS[name]) for name in step.patterns]
    if step.match is not None:
        wanted.append(("match", step.match))
    return Redact(
        tuple(
            Redaction(
                name=f"{reason} {name}",
                pattern=pattern,
                text=_mark(name) if step.text is None else step.text,
            )
            for name, pattern in wanted
        )
    )


def _mark(name: str) -> str:
    return "[redacted]" if name == "match" else f"[{name}]"


def _condition(when: WhenConfig, unwrap: _Unwrap) -> Condition:
    least = when.min_severity
    return Condition(
        min_severity=Severity[least.upper()] if least is not None else None,
        sources=when.sources,
        match=when.match,
        unwrap=unwrap,
    )

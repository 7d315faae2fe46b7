"""A configuration in words, for people who want to know what it will do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from trio_ship.config.model import (
    Config,
    PipelineConfig,
    SinkConfig,
    SourceConfig,
    StepConfig,
    WhenConfig,
)
from trio_ship.config.values import printable, quoted

__all__ = ["describe"]

_RULES: Final = {
    "timestamp": ", lines without a stamp joined to the one before",
    "off": "",
    "indent": ", lines that begin with a space or a tab joined to the one before",
    "start": ", each begun by a line that matches {}",
    "continue": ", lines that match {} joined to the one before",
    "end": ", each ended by a line that matches {}",
}


_ENCODINGS: Final = {
    "raw": "records as read",
    "json": "one JSON object a line",
    "text": "lines of stamp, source and message",
}


def describe(config: Config) -> str:
    """Say what a configuration reads and writes, without a look at the disk.

    Args:
        config: The configuration.

    Returns:
        Lines of plain text, in two columns, without a newline at the end.
    """
    rows = [*_pipeline(config)]
    for source in config.sources.values():
        rows += _source(source, config.pipeline)
    rows += [("step", _step(step)) for step in config.steps]
    for sink in config.sinks.values():
        rows += _sink(sink)
    rows += _checkpoint(config.pipeline)
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {printable(text)}" for label, text in rows)


def _seconds(value: float) -> str:
    return f"{value:.10g} s"


def _bytes(value: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value % size == 0:
            return f"{value // size} {unit}"
    return f"{value} bytes"


def _pipeline(config: Config) -> Iterator[tuple[str, str]]:
    pipeline = config.pipeline
    if config.file:
        yield "config", config.file
    way = "follows its files" if pipeline.follow else "reads everything once, then stops"
    yield "pipeline", f"{pipeline.name}: {way}"
    if pipeline.follow:
        late = "are delivered, marked" if pipeline.late == "emit" else "are dropped, counted"
        yield (
            "  order",
            f"waits {_seconds(pipeline.max_delay_seconds)}; records later than that {late}",
        )
    yield "  memory", f"{_bytes(pipeline.max_buffer_bytes)} of records in flight"


def _source(source: SourceConfig, pipeline: PipelineConfig) -> Iterator[tuple[str, str]]:
    yield f"source {source.name}", "standard input" if source.type == "stdin" else "files"
    for path in source.paths:
        yield "  reads", path
    for path in source.exclude:
        yield "  except", path
    if source.start == "end":
        yield "  start", "at the end of files that are there at the very first start"
    elif source.start != "beginning":
        yield "  start", f"at {source.start}, in files that are there at the very first start"
    if source.charset != "utf-8":
        yield "  charset", source.charset
    yield "  stamps", _stamps(source)
    yield "  records", _records(source)
    if source.parse != "off":
        rule = source.parse if isinstance(source.parse, str) else source.parse.pattern
        yield "  fields", f"found by {rule}"
    if source.max_delay_seconds is not None and pipeline.follow:
        yield "  order", f"waits {_seconds(source.max_delay_seconds)}"
    if source.max_future_seconds is not None:
        yield "  future", f"stamps up to {_seconds(source.max_future_seconds)} ahead are believed"


def _records(source: SourceConfig) -> str:
    text = f"up to {_bytes(source.max_record_bytes)}"
    if source.max_record_lines is not None:
        text += f" or {source.max_record_lines} line{'s' * (source.max_record_lines > 1)}"
    rule = source.multiline
    if isinstance(rule, str):
        return text + _RULES[rule]
    return text + _RULES[rule.role].format(rule.pattern)


def _stamps(source: SourceConfig) -> str:
    stamp = source.timestamp
    form = "found out from the first lines" if stamp.format == "auto" else stamp.format
    where = f", where {stamp.pattern} matches" if stamp.pattern else ""
    zone = "this machine's" if stamp.timezone == "local" else stamp.timezone
    return f"{form}{where}; zone, where they have none: {zone}"


def _sink(sink: SinkConfig) -> Iterator[tuple[str, str]]:
    yield f"sink {sink.name}", "standard output" if sink.type == "stdout" else "file"
    if sink.path:
        yield "  writes", sink.path
    yield "  encoding", _ENCODINGS[sink.encoding]
    if sink.inputs:
        yield "  takes", f"records of {', '.join(sink.inputs)}"
    if sink.when is not None:
        yield "  takes", f"records {_when(sink.when)}"
    for step in sink.steps:
        yield "  step", _step(step)


def _step(step: StepConfig) -> str:
    if step.type == "filter":
        verb = "keeps only" if step.action == "keep" else "leaves out"
        return f"{verb} records {_when(step.when or WhenConfig())}"
    if isinstance(step.fields, Mapping):
        if step.type == "add":
            given = (f"{name} = {json.dumps(value)}" for name, value in step.fields.items())
            return f"adds the fields {', '.join(given)}"
        pairs = (f"{old} to {new}" for old, new in step.fields.items())
        return f"renames the fields {', '.join(pairs)}"
    if step.type == "remove":
        return f"leaves out the fields {', '.join(step.fields)}"
    secrets = [*step.patterns, *([step.match] if step.match is not None else [])]
    text = "its name in brackets" if step.text is None else step.text or "nothing"
    return f"writes {text} instead of {', '.join(secrets)}"


def _when(when: WhenConfig) -> str:
    parts = []
    if when.sources:
        parts.append(f"of {', '.join(when.sources)}")
    if when.min_severity is not None:
        parts.append(f"of severity {when.min_severity} or more")
    if when.match is not None:
        parts.append(f"in which {when.match} is found")
    for name, text in when.field.items():
        if text.match is not None:
            parts.append(f"in whose field {name} {text.match} is found")
        else:
            parts.append(f"whose field {name} is {' or '.join(map(quoted, text.values))}")
    return " and ".join(parts) or "of all kinds"


def _checkpoint(pipeline: PipelineConfig) -> Iterator[tuple[str, str]]:
    checkpoint = pipeline.checkpoint
    if not checkpoint.enabled:
        yield "checkpoint", "none: every start reads from the beginning"
        return
    yield "checkpoint", f"every {_seconds(checkpoint.interval_seconds)}"
    yield "  writes", checkpoint.path

"""What steps and conditions of a configuration may not say, and what would be in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from trio_ship.config.fields import FieldName
from trio_ship.config.model import Config, SinkConfig, StepConfig, WhenConfig
from trio_ship.config.structure import Fault, KeyPath
from trio_ship.config.values import InvalidValueError, one_of, quoted, shown
from trio_ship.globs import matches_name

__all__ = ["check_fields", "check_inputs", "check_steps"]

_KEYS: Final = {
    "filter": {"when", "action"},
    "redact": {"patterns", "match", "text"},
    "add": {"fields"},
    "rename": {"fields"},
    "remove": {"fields"},
}
_FORMS: Final = {
    "add": 'a table such as { env = "prod" }',
    "rename": 'a table such as { old = "new" }',
    "remove": 'an array such as ["user.*"]',
}


def check_steps(config: Config) -> Iterator[Fault]:
    """Refuse keys that a step does not have, and miss those that it needs."""
    for path, step, _ in _steps(config):
        if step.type == "filter" and step.when is None:
            text = 'missing; a step of type "filter" wants to know which records are meant'
            yield Fault((*path, "when"), text)
        if step.type == "redact" and not step.patterns and step.match is None:
            text = 'patterns are missing; a step of type "redact" wants these, or match, or both'
            yield Fault(path, text)
        for field in attrs.fields(StepConfig):
            is_given = field.name != "type" and getattr(step, field.name) != field.default
            if is_given and field.name not in _KEYS[step.type]:
                text = f"{field.name} is given; a step of type {quoted(step.type)} has none"
                yield Fault((*path, field.name), text)
        if step.type in _FORMS:
            yield from _check_form(step, (*path, "fields"))


def _check_form(step: StepConfig, path: KeyPath) -> Iterator[Fault]:
    wanted = f"a step of type {quoted(step.type)} wants {_FORMS[step.type]}"
    if not step.fields:
        yield Fault(path, f"missing; {wanted}")
    elif isinstance(step.fields, Mapping) is (step.type == "remove"):
        yield Fault(path, f"this is {'an array' if step.type != 'remove' else 'a table'}; {wanted}")
    elif isinstance(step.fields, Mapping) and step.type == "rename":
        yield from _check_names(step.fields, path)


def _check_names(names: Mapping[str, object], path: KeyPath) -> Iterator[Fault]:
    """Refuse new names that are none, and fields that cannot both be renamed."""
    owners: dict[object, str] = {}
    for old, new in names.items():
        try:
            FieldName()(new)
        except InvalidValueError as error:
            yield Fault((*path, old), str(error))
            continue
        if new == old:
            yield Fault((*path, old), "it has this name already; another one is wanted")
        elif new in owners:
            text = f"{shown(owners[new])} gets this name already; another one is wanted"
            yield Fault((*path, old), text)
        owners.setdefault(new, old)
        around = [other for other in names if old.startswith(f"{other}.")]
        if around:
            text = f"it may be inside of {shown(around[0])}; a step of its own is wanted"
            yield Fault((*path, old), text)


def check_inputs(config: Config) -> Iterator[Fault]:
    """Refuse names of sources that there are none of, or none that a sink takes."""
    if not config.sources:
        return
    named = [((*path, "sources"), when.sources) for path, when, _ in _conditions(config)]
    named += [(("sinks", name, "inputs"), sink.inputs) for name, sink in config.sinks.items()]
    for path, patterns in named:
        for place, pattern in enumerate(patterns):
            if not any(matches_name(pattern, name) for name in config.sources):
                text = f"{shown(pattern)} is no source; {one_of(tuple(config.sources))} is allowed"
                yield Fault((*path, place), text)
    for path, when, sink in _conditions(config):
        asked, taken = _meant(config, None, when.sources), _meant(config, sink, ())
        if sink is not None and asked and taken and not set(asked) & set(taken):
            text = f"none of sinks.{sink.name}.inputs is meant; sources that it takes are wanted"
            yield Fault((*path, "sources"), text)


def check_fields(config: Config) -> Iterator[Fault]:
    """Refuse what has to do with fields where there are none, or where none are shown."""
    for path, when, sink in _conditions(config):
        if when.field:
            yield from _check_parsed(config, sink, when.sources, (*path, "field"))
    shown_by = [name for name, sink in config.sinks.items() if sink.encoding == "json"]
    for path, step, sink in _steps(config):
        if step.type not in _FORMS:
            continue
        if step.type != "add":
            yield from _check_parsed(config, sink, (), (*path, "fields"))
        if sink is not None and sink.name not in shown_by:
            text = f'fields are not shown by encoding {quoted(sink.encoding)}; "json" shows them'
            yield Fault((*path, "type"), text)
        elif config.sinks and not shown_by:
            text = 'no sink shows fields; one with encoding = "json" does'
            yield Fault((*path, "type"), text)


def _check_parsed(
    config: Config, sink: SinkConfig | None, sources: tuple[str, ...], path: KeyPath
) -> Iterator[Fault]:
    """Refuse fields of records of sources of which none is parsed."""
    meant = _meant(config, sink, sources)
    if meant and all(config.sources[name].parse == "off" for name in meant):
        text = (
            f"there are no fields, for {' and '.join(f'sources.{name}' for name in meant)} "
            f'{"is" if len(meant) == 1 else "are"} not parsed; parse = "auto" finds some'
        )
        yield Fault(path, text)


def _meant(config: Config, sink: SinkConfig | None, sources: tuple[str, ...]) -> list[str]:
    """Return the sources of which a condition may hold, for one sink or for all."""
    return [
        name
        for name in config.sources
        if all(
            not some or any(matches_name(each, name) for each in some)
            for some in (sources, sink.inputs if sink is not None else ())
        )
    ]


def _conditions(config: Config) -> Iterator[tuple[KeyPath, WhenConfig, SinkConfig | None]]:
    """Return all conditions, where they stand, and of which sink alone they are."""
    for name, sink in config.sinks.items():
        if sink.when is not None:
            yield ("sinks", name, "when"), sink.when, sink
    for path, step, own in _steps(config):
        if step.when is not None:
            yield (*path, "when"), step.when, own


def _steps(config: Config) -> Iterator[tuple[KeyPath, StepConfig, SinkConfig | None]]:
    """Return all steps, where they stand, and of which sink alone they are."""
    for place, step in enumerate(config.steps):
        yield ("steps", place), step, None
    for name, sink in config.sinks.items():
        for place, step in enumerate(sink.steps):
            yield ("sinks", name, "steps", place), step, sink

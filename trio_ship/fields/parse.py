"""Fields of the records of a batch, by the rule of each source.

Promises: the fields of a record are a function of its own bytes and its path. What
a rule does not understand keeps its message and is counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import numpy as np

from trio_ship.batch import I64, OrderedBatch
from trio_ship.encode.gather import Pieces, constant, table
from trio_ship.fields.containers import Unwrapped, pod_fields, unwrap_cri, unwrap_docker
from trio_ship.fields.forms import (
    CLF,
    SYSLOG,
    SYSLOG_5424,
    Expression,
    Form,
    first_of,
    read_json,
    read_logfmt,
)
from trio_ship.fields.rewriting import pieces_of, with_texts
from trio_ship.fields.severity import I8, Severity, batch_severities
from trio_ship.fields.texts import text_slices

__all__ = ["Parsed", "Parser", "Rule", "rule"]

Rule: TypeAlias = Callable[[Any], Unwrapped]
"""From texts, an Arrow array of large_binary, to their fields and inner texts."""


@attrs.frozen(kw_only=True, eq=False)
class Parsed:
    """A batch with fields.

    Attributes:
        batch: The records; where something was unwrapped, with the inner text.
        severity: `Severity` of each record; 0 too where its source has no rule.
            Shape (n,).
        objects: The fields of each record, an object in JSON; empty: none.
        prefix: What else every object of the same file begins with, from its brace
            on; `prefix_of` says which one a record has.
    """

    batch: OrderedBatch
    severity: I8
    objects: Pieces
    prefix: Sequence[bytes]
    prefix_of: I64

    def members(self, rows: slice) -> tuple[Pieces, ...]:
        """Return what follows the other members of a JSON object, row by row."""
        objects = self.objects
        length = objects.length[rows]
        there = length > 0
        prefix = table(self.prefix)
        which = self.prefix_of[rows]
        return (
            _chosen(_SEVERITIES, self.severity[rows].astype(np.int64)),
            constant(b',"fields":', there),
            Pieces(prefix.data, prefix.start[which], prefix.length[which] * there),
            Pieces(objects.data, objects.start[rows] + there, length - there),
        )


def _chosen(table: Pieces, which: I64) -> Pieces:
    return Pieces(table.data, table.start[which], table.length[which])


_SEVERITIES: Final = table(
    [
        b',"severity":"%s"' % Severity(code).label.encode() if code in set(Severity) - {0} else b""
        for code in range(max(Severity) + 1)
    ]
)


class Parser:
    """Finds the fields of records.

    Args:
        rules: The rule of each source that has one, by its name.

    Attributes:
        failed: Records so far that their rule did not understand.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)
        self.failed = 0

    def __call__(self, batch: OrderedBatch) -> Parsed:
        """Return a batch with its fields."""
        sources = np.array([file.source for file in batch.files])
        start, length = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
        rewritten = batch
        found: list[Any] = []
        size = 0
        has_rule = np.zeros(len(batch), np.bool_)
        for source in sorted(set(sources.tolist()) & self._rules.keys()):
            mine = (sources == source)[batch.region]
            has_rule |= mine
            rows = np.flatnonzero(mine)
            unwrapped: list[I64] = []
            messages: list[Any] = []
            for part, texts in text_slices(batch.select(mine)):
                read = self._rules[source](texts)
                objects = pieces_of(read.objects)
                data = objects.data[objects.start[:1].sum() :]
                start[rows[part]] = objects.start - objects.start[:1].sum() + size
                length[rows[part]] = objects.length
                size += len(data)
                found.append(data)
                inner = np.asarray(read.messages.is_valid())
                if inner.any():
                    unwrapped.append(rows[part][inner])
                    messages.append(read.messages.drop_null())
            if messages:
                rewritten = with_texts(rewritten, np.concatenate(unwrapped), messages)
        self.failed += int(np.count_nonzero(has_rule & (length == 0)))
        severity = np.zeros(len(batch), np.int8)
        severity[has_rule] = batch_severities(rewritten.select(has_rule))
        everything = np.concatenate(found) if found else np.zeros(0, np.uint8)
        prefix, prefix_of = self._prefixes(batch, length)
        return Parsed(
            batch=rewritten,
            severity=severity,
            objects=Pieces(everything, start, length),
            prefix=prefix,
            prefix_of=prefix_of,
        )

    def _prefixes(self, batch: OrderedBatch, length: I64) -> tuple[list[bytes], I64]:
        """Return what objects begin with, and which record's begins with which of these."""
        prefixes = [b"{"]
        by_file = np.zeros(len(batch.files), np.int64)
        for number, file in enumerate(batch.files):
            names = pod_fields(file.path) if file.source in self._rules else b""
            if names:
                by_file[number] = len(prefixes)
                # An object without members of its own wants no comma.
                prefixes += [b"{" + names + b",", b"{" + names]
        which = by_file[batch.region]
        which += (which > 0) & (length == len(b"{}"))
        return prefixes, which


def _without_messages(form: Form) -> Rule:
    def read(texts: Any) -> Unwrapped:  # noqa: ANN401 - pyarrow has no types
        import pyarrow as pa  # noqa: PLC0415 - its import is slow

        return Unwrapped(form(texts), pa.nulls(len(texts), pa.large_binary()))

    return read


def _any_of(*rules: Rule) -> Rule:
    def read(texts: Any) -> Unwrapped:  # noqa: ANN401 - as above
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        known = rules[0](texts)
        for other in rules[1:]:
            left = known.objects.is_null()
            rest = texts.filter(left)
            if not len(rest):
                break
            more = other(rest)
            known = Unwrapped(
                pc.replace_with_mask(known.objects, left, more.objects),
                pc.replace_with_mask(known.messages, left, more.messages),
            )
        return known

    return read


@functools.lru_cache(maxsize=64)
def rule(name: str, pattern: str = "") -> Rule:
    """Return a rule.

    Args:
        name: "auto", "json", "logfmt", "clf", "syslog", "cri", "docker" or "regex";
            or "container": "cri" or "docker", whichever a record is.
        pattern: The expression of a "regex".

    Raises:
        ValueError: The expression is not usable, or there is no such rule.
    """
    clf = Expression.of(CLF, ("status", "bytes"))
    numeric = ("priority", "pid")
    syslog = first_of(Expression.of(SYSLOG_5424, numeric), Expression.of(SYSLOG, numeric))
    rules: dict[str, Rule] = {
        "json": _without_messages(read_json),
        "logfmt": _without_messages(read_logfmt),
        "clf": _without_messages(clf),
        "syslog": _without_messages(syslog),
        "cri": unwrap_cri,
        "docker": unwrap_docker,
    }
    if name == "regex":
        return _without_messages(Expression.of(pattern))
    if name == "container":
        return _any_of(unwrap_docker, unwrap_cri)
    if name == "auto":
        form = first_of(read_json, clf, syslog, read_logfmt)
        return _any_of(unwrap_docker, unwrap_cri, _without_messages(form))
    if name not in rules:
        raise ValueError(f"unknown rule {name!r}")
    return rules[name]

"""Fields of the records of a batch, by the rule of each source.

Promises: the fields of a record are a function of its own bytes and its path. What
a rule does not understand keeps its message and is counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import numpy as np

from trio_ship.batch import I64, OrderedBatch
from trio_ship.batch.parsed import Parsed, Rewritten
from trio_ship.batch.pieces import Pieces
from trio_ship.decode.words import Bools
from trio_ship.fields.columns import both_of
from trio_ship.fields.containers import (
    Unwrapped,
    pod_fields,
    unwrap_any,
    unwrap_cri,
    unwrap_docker,
)
from trio_ship.fields.forms import (
    CLF,
    LOOK_CLF,
    LOOK_LOGFMT,
    LOOK_SYSLOG,
    LOOK_SYSLOG_5424,
    SYSLOG,
    SYSLOG_5424,
    Expression,
    Form,
    first_of,
    looking,
    read_json,
    read_logfmt,
)
from trio_ship.fields.objects import are_bare
from trio_ship.fields.rewriting import pieces_of, rewritten
from trio_ship.fields.severity import batch_severities
from trio_ship.fields.texts import text_slices

__all__ = ["Hide", "Parser", "Rule", "rule"]


Hide: TypeAlias = Callable[[Any], Any]
"""From texts, an Arrow array of large_binary, to texts without secrets."""


@attrs.frozen(kw_only=True)
class Rule:
    """How the fields of a text are found; a pure function of each text.

    Attributes:
        unwrap: Finds what is in texts of containers; None: they are none.
        form: Reads what is in there, and texts of no container; None: neither.
    """

    unwrap: Callable[[Any], Unwrapped] | None = None
    form: Form | None = None

    def __call__(self, texts: Any, hide: Hide | None = None) -> Unwrapped:  # noqa: ANN401 - pyarrow has no types
        """Return the fields and the inner texts of an Arrow array of large_binary.

        Args:
            texts: The texts.
            hide: Makes secrets in inner texts unreadable, before these are read.
        """
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        known = Unwrapped.nothing(len(texts)) if self.unwrap is None else self.unwrap(texts)
        if known.objects.null_count == len(texts):
            return known if self.form is None else attrs.evolve(known, objects=self.form(texts))
        is_inner = known.messages.is_valid()
        if hide is not None and pc.any(is_inner).as_py():
            hidden = hide(known.messages.drop_null())
            known = attrs.evolve(
                known, messages=pc.replace_with_mask(known.messages, is_inner, hidden)
            )
        if self.form is None:
            return known
        inner = self.form(pc.coalesce(known.messages, texts))
        return Unwrapped(both_of(known.objects, inner), known.messages)


class Parser:
    """Finds the fields of records.

    Args:
        rules: The rule of each source that has one, by its name.
        hide: Makes secrets unreadable that only show when what a container wrote is
            put together.

    Attributes:
        failed: Records so far that their rule did not understand.
    """

    def __init__(self, rules: Mapping[str, Rule], hide: Hide | None = None) -> None:
        self._rules = dict(rules)
        self._hide = hide
        self.failed = 0

    def __call__(self, batch: OrderedBatch) -> OrderedBatch:
        """Return a batch with what is found in it; as it is where that is done."""
        return attrs.evolve(batch, parsed=self.found(batch))

    def found(self, batch: OrderedBatch) -> Parsed:
        """Return what is found in a batch, by now or before."""
        if batch.parsed is not None:
            return batch.parsed
        sources = np.array([file.source for file in batch.files])
        start, length = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
        inner: Rewritten | None = None
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
                read = self._rules[source](texts, self._hide)
                one = pieces_of(read.objects)
                data = one.data[one.start[:1].sum() :]
                start[rows[part]] = one.start - one.start[:1].sum() + size
                length[rows[part]] = one.length
                size += len(data)
                found.append(data)
                is_inner = np.asarray(read.messages.is_valid())
                if is_inner.any():
                    unwrapped.append(rows[part][is_inner])
                    messages.append(read.messages.drop_null())
            if messages:
                inner = rewritten(batch, np.concatenate(unwrapped), messages).over(inner)
        self.failed += int(np.count_nonzero(has_rule & (length == 0)))
        everything = np.concatenate(found) if found else np.zeros(0, np.uint8)
        found.clear()  # for large batches, twice the memory
        objects = Pieces(everything, start, length)
        prefix, prefix_of = self._prefixes(batch, are_bare(objects))
        parsed = Parsed(
            inner=inner,
            severity=np.zeros(len(batch), np.int8),
            objects=objects,
            prefix=prefix,
            prefix_of=prefix_of,
        )
        messages_of_ruled = batch.with_rewritten(inner).select(has_rule)
        parsed.severity[has_rule] = batch_severities(messages_of_ruled)
        return parsed

    def _prefixes(self, batch: OrderedBatch, bare: Bools) -> tuple[list[bytes], I64]:
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
        which += (which > 0) & bare
        return prefixes, which


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
    clf = looking(LOOK_CLF, Expression.of(CLF, ("status", "bytes")))
    numeric = ("priority", "pid")
    syslog = first_of(
        looking(LOOK_SYSLOG_5424, Expression.of(SYSLOG_5424, numeric)),
        looking(LOOK_SYSLOG, Expression.of(SYSLOG, numeric)),
    )
    logfmt = looking(LOOK_LOGFMT, read_logfmt)
    rules = {
        "json": Rule(form=read_json),
        "logfmt": Rule(form=logfmt),
        "clf": Rule(form=clf),
        "syslog": Rule(form=syslog),
        "cri": Rule(unwrap=unwrap_cri),
        "docker": Rule(unwrap=unwrap_docker),
        "container": Rule(unwrap=unwrap_any),
        "auto": Rule(unwrap=unwrap_any, form=first_of(read_json, clf, syslog, logfmt)),
    }
    if name == "regex":
        return Rule(form=Expression.of(pattern))
    if name not in rules:
        raise ValueError(f"unknown rule {name!r}")
    return rules[name]

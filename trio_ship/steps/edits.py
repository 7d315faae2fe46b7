"""Steps that change the fields of records; the records as they were read stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from trio_ship.batch import OrderedBatch
from trio_ship.batch.pieces import Pieces
from trio_ship.fields.editing import with_fields, with_names, without_fields
from trio_ship.fields.parse import Parser

__all__ = ["Add", "Remove", "Rename"]


@attrs.frozen(kw_only=True)
class Add:
    """Adds fields, also to records that have none; those that are there stay.

    Attributes:
        parser: Finds the fields of records.
        fields: The value of each new one, as JSON writes it.
    """

    parser: Parser
    fields: Mapping[str, bytes]

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return the batch with more fields."""

        def add(objects: Pieces) -> tuple[Pieces, Counter[str]]:
            return with_fields(objects, self.fields), Counter()

        return _edited(batch, self.parser, add, "", removed)


@attrs.frozen(kw_only=True)
class Rename:
    """Gives fields other names.

    Attributes:
        parser: Finds the fields of records.
        reason: With the new name, by what those are counted that make room.
        names: The new name of each.
    """

    parser: Parser
    reason: str
    names: Mapping[str, str]

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return the batch with other names."""

        def rename(objects: Pieces) -> tuple[Pieces, Counter[str]]:
            return with_names(objects, self.names)

        return _edited(batch, self.parser, rename, self.reason, removed)


@attrs.frozen(kw_only=True)
class Remove:
    """Leaves fields out.

    Attributes:
        parser: Finds the fields of records.
        reason: With the name, by what they are counted.
        names: Their names, or patterns.
    """

    parser: Parser
    reason: str
    names: tuple[str, ...]

    def __call__(self, batch: OrderedBatch, removed: Counter[str], /) -> OrderedBatch:
        """Return the batch without them."""

        def remove(objects: Pieces) -> tuple[Pieces, Counter[str]]:
            return without_fields(objects, self.names)

        return _edited(batch, self.parser, remove, self.reason, removed)


def _edited(
    batch: OrderedBatch,
    parser: Parser,
    edit: Callable[[Pieces], tuple[Pieces, Counter[str]]],
    reason: str,
    removed: Counter[str],
) -> OrderedBatch:
    parsed = parser.found(batch)
    objects, counts = edit(parsed.whole_objects())
    removed.update({f"{reason} {name}": count for name, count in counts.items()})
    return attrs.evolve(batch, parsed=parsed.with_objects(objects))

"""Which records have a field that says a certain thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from trio_ship.batch.pieces import Pieces
from trio_ship.decode.words import Bools
from trio_ship.fields.members import members_of, object_slices
from trio_ship.fields.names import may_have, named, texts_of

__all__ = ["FieldTest", "pass_tests"]


@attrs.frozen(kw_only=True)
class FieldTest:
    """What a field must say.

    Attributes:
        name: Its name, or a pattern; one of several fields is enough.
        values: The texts that it may say.
        match: An RE2 expression that is found in its text, instead of `values`.
    """

    name: str
    values: tuple[str, ...] = ()
    match: str | None = None

    def passed(self, texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return which texts, an Arrow array of large_binary, are what is wanted."""
        import pyarrow as pa  # noqa: PLC0415 - its import is slow
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        if self.match is not None:
            return pc.match_substring_regex(texts, self.match)
        values = pa.array([value.encode() for value in self.values], pa.large_binary())
        return pc.is_in(texts, value_set=values)


def pass_tests(objects: Pieces, tests: Sequence[FieldTest]) -> Bools:
    """Return which objects pass all tests; one that lacks a field does not. Shape (n,).

    Args:
        objects: Valid objects; empty ones lack all fields.
        tests: What their fields must say.
    """
    passed = np.zeros(len(objects.start), np.bool_)
    names = [test.name for test in tests]
    for rows, data, bounds in object_slices(objects):
        if not all(may_have(data, [name]) for name in names):
            continue
        members = members_of(data, bounds)
        passed[rows] = True
        for test, which in zip(tests, named(members, names), strict=True):
            right = np.asarray(test.passed(texts_of(members, which)))
            one = np.zeros(len(bounds) - 1, np.bool_)
            one[members.row[which[right]]] = True
            passed[rows] &= one
    return passed

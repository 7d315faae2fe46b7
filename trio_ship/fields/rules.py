r"""Rules, each an expression and what it means, that are tried together on many texts.

Promise: what is found in a text is what its leftmost match says, of those that begin
there that of the first rule; so it depends on the text alone.

How: to look for groups costs ten times what it costs to look for a match, and texts of
one log say a thing in the same column. So groups are looked for in a sample. Where
another text has the same bytes in the same place, the same rule matches there with
the same group: no rule leaves it open where its group ends, once the end of its match
is known. It is the one that counts unless something matches further left, or an
earlier rule matches there, and that is a question without groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from trio_ship.batch import I64
from trio_ship.batch.pieces import Pieces
from trio_ship.decode.words import Bools, stands
from trio_ship.fields.rewriting import pieces_of

__all__ = ["I8", "Rules"]

I8 = npt.NDArray[np.int8]

_MANY: Final = 2048
"""So many texts are worth a sample."""
_SAMPLE: Final = 32
_MOST_PLACES: Final = 4
_FEWEST: Final = 2
_FARTHEST: Final = 200
_LONGEST: Final = 32


@attrs.frozen
class _Place:
    """A column in which a rule matches.

    Attributes:
        start: The byte at which its matches begin.
        rule: The number of the rule.
    """

    start: int
    rule: int


@attrs.frozen
class Rules:
    """Rules as one expression.

    Attributes:
        patterns: RE2 expressions, each with one group, whose name is to be `?`. What is
            behind a group ends with a byte that cannot be in the group, or with `$`.
        readers: What the text of each group means; not 0 unless it means nothing.
    """

    patterns: Sequence[str]
    readers: Sequence[Callable[[bytes], int]]

    def read(self, columns: Iterable[Any]) -> I8:
        """Return what each text says; 0: nothing.

        Args:
            columns: The texts, in Arrow arrays of large_binary, one at least. The sample is
                taken from the first.
        """
        found: list[I8] = []
        places: dict[_Place, dict[bytes, int]] = {}
        for texts in columns:
            if not found and len(texts) >= _MANY:
                places = self._places(texts)
            found.append(self._read(texts, places))
        return np.concatenate(found)

    def _read(self, texts: Any, places: Mapping[_Place, dict[bytes, int]]) -> I8:  # noqa: ANN401 - pyarrow has no types
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        result = np.zeros(len(texts), np.int8)
        left = np.ones(len(texts), np.bool_)
        for place, meanings in places.items():
            hit = _same(pieces_of(texts), place.start, meanings, left, result)
            rivals = self._before(place)
            if rivals:
                rows = np.flatnonzero(hit)
                beaten = np.asarray(pc.match_substring_regex(texts.take(rows), rivals))
                hit[rows[beaten]] = False
            left &= ~hit
        rows = np.flatnonzero(left)
        if len(rows):
            result[rows] = self.searched(texts if len(rows) == len(texts) else texts.take(rows))
        return result

    def searched(self, texts: Any) -> I8:  # noqa: ANN401 - as above
        """Return the same for each text on its own."""
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        result = np.zeros(len(texts), np.int8)
        rows = np.flatnonzero(pc.match_substring_regex(texts, self._any()))
        if not len(rows):
            return result
        groups = pc.extract_regex(texts.take(rows), self._any(named=True))
        for number, reader in enumerate(self.readers):
            group = groups.field(number)
            mine = np.flatnonzero(pieces_of(group).length)
            if len(mine):
                coded = group.take(mine).dictionary_encode()
                meanings = np.array(
                    [reader(text) for text in coded.dictionary.to_pylist()], np.int8
                )
                result[rows[mine]] = meanings[np.asarray(coded.indices)]
        return result

    def _any(self, count: int | None = None, *, named: bool = False) -> str:
        """Return an expression for any of the first rules, with or without their groups."""
        return "|".join(
            pattern.replace("(?P<?>", f"(?P<rule{number}>" if named else "(?:")
            for number, pattern in enumerate(self.patterns[:count])
        )

    def _before(self, place: _Place) -> str:
        """Return an expression for what counts more than a match in a place; empty: nothing."""
        rivals = []
        if place.start:
            rivals.append(rf"(?s:.{{0,{place.start - 1}}})(?:{self._any()})")
        if place.rule:
            rivals.append(rf"(?s:.{{{place.start}}})(?:{self._any(place.rule)})")
        return rf"\A(?:{'|'.join(rivals)})" if rivals else ""

    def _places(self, texts: Any) -> dict[_Place, dict[bytes, int]]:  # noqa: ANN401 - as above
        """Return what stands in the places where something is found most often."""
        import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

        sample = texts.take(np.arange(_SAMPLE) * len(texts) // _SAMPLE)
        pattern = rf"\A(?P<lead>(?s:.*?))(?P<match>{self._any(named=True)})"
        found: dict[_Place, dict[bytes, int]] = {}
        count: Counter[_Place] = Counter()
        groups = pc.extract_regex(sample, pattern).to_pylist()
        for text, each in zip(sample.to_pylist(), groups, strict=True):
            if each is None:
                continue
            lead, match, *others = each.values()
            # At the end of its text a match may be one because nothing follows.
            if len(lead) > _FARTHEST or len(match) > _LONGEST or len(lead + match) == len(text):
                continue
            rule = next(number for number, group in enumerate(others) if group)
            place = _Place(len(lead), rule)
            found.setdefault(place, {})[match] = self.readers[rule](others[rule])
            count[place] += 1
        return {
            place: found[place]
            for place, times in count.most_common(_MOST_PLACES)
            if times >= _FEWEST
        }


def _same(texts: Pieces, place: int, meanings: dict[bytes, int], left: Bools, result: I8) -> Bools:
    """Note what texts mean by what stands in a place of them; return which have it there.

    Args:
        texts: The texts.
        place: How many bytes of each stand in front.
        meanings: What each text means that may stand there.
        left: Those that are asked about. Shape (n,).
        result: Takes the meanings. Shape (n,).
    """
    hit = np.zeros(len(left), np.bool_)
    for text, meaning in meanings.items():
        rows: I64 = np.flatnonzero(left & ~hit & (texts.length >= place + len(text)))
        if len(rows):
            same = rows[stands(text, texts.data, texts.start[rows] + place)]
            result[same], hit[same] = meaning, True
    return hit

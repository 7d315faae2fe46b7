"""Short names for files: as little of each path as tells it from the others.

`/srv/logs/app.log` is `app`; beside `/srv/old/app.log` it is `logs/app`. Promises:
different paths have different names, and a name depends on the set of paths
alone, not on their order.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["short_names"]

_ENDING: Final = ".log"


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Return a name for each path.

    A name is what distinguishes the folder, if anything has to, and the last part
    of the path. `.log` at its end is left out where that makes no two names equal.

    Args:
        paths: Absolute paths.
    """
    by_last: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        by_last.setdefault(_parts(path)[-1], []).append(path)
    names = {
        path: "/".join([*folder, last])
        for last, alike in by_last.items()
        for path, folder in zip(
            alike, _distinct([_parts(path)[:-1] for path in alike]), strict=True
        )
    }
    counts = Counter(map(_bare, names.values()))
    return {
        path: bare if counts[bare := _bare(name)] == 1 and bare else name
        for path, name in names.items()
    }


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _bare(name: str) -> str:
    return name.removesuffix(_ENDING)


def _distinct(folders: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return lists, all different, without the parts that all have in front or behind."""
    front = _shared(folders)
    rest = [folder[front:] for folder in folders]
    back = _shared([folder[::-1] for folder in rest])
    return [folder[: len(folder) - back] for folder in rest]


def _shared(lists: Sequence[Sequence[str]]) -> int:
    """Return how many parts all lists have in front."""
    columns = zip(*lists, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda parts: len(set(parts)) == 1, columns))

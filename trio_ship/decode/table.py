"""The table of layouts: one row for each way in which programs write stamps.

Each row holds an example and the moment that it is, so it says what it is good
for and tests itself. `layouts` explains the templates. Rows with names of months are
in `names`, those of numbers in `numbers` and `orders` and, where date and time are
apart, in `apart`.
"""

from __future__ import annotations

from typing import Final

from trio_ship.decode.apart import APART
from trio_ship.decode.layouts import Layout
from trio_ship.decode.names import NAMED
from trio_ship.decode.numbers import NUMBERS
from trio_ship.decode.orders import ORDERED
from trio_ship.nearest import nearest

__all__ = ["LAYOUTS", "layout_named", "names_like"]

_SHORTEST_WORD: Final = 3

LAYOUTS: Final = (
    Layout(
        name="postgresql",
        template="%Y-%m-%d %H:%M:%S%f %h [",
        example="2026-11-23 08:00:00.123 -03 [",
        example_ns=1_795_431_600_123_000_000,
        writers="PostgreSQL in a zone without a name",
        anywhere=True,
    ),
    Layout(
        name="offset_apart",
        template='%Y-%m-%d %H:%M:%S%f %h{,|"| - }',
        example="2026-11-23 08:00:00.123 -03,",
        example_ns=1_795_431_600_123_000_000,
        writers="csvlog and jsonlog of PostgreSQL in such a zone, Duplicati",
        anywhere=True,
    ),
    Layout(
        name="iso8601_halves",
        template="%Y{-|/}%m{-|/}%d{ |T}%-H:%M:%S%f%P%z",
        example="2026-11-23 8:00:00 AM",
        example_ns=1_795_420_800_000_000_000,
        writers="hours of one digit before noon and after it",
        anywhere=True,
    ),
    Layout(
        name="iso8601",
        template="%Y-%m-%d{T| |t|\t}%H:%M:%S%f%z",
        example="2015-10-18T18:01:47.978Z",
        example_ns=1_445_191_307_978_000_000,
        writers="RFC 3339, log4j, logback, Python, Rails, MySQL, PostgreSQL, Kubernetes, IIS",
        anywhere=True,
    ),
    Layout(
        name="iso8601_spaced",
        template="%Y-%m-%d{ |  }%k:%M:%S%f%z",
        example="2026-11-23  8:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="MariaDB, apt",
        anywhere=True,
    ),
    Layout(
        name="zone_first",
        template="%Z %Y{-|/}%m{-|/}%d{ |T}%H:%M:%S%f",
        example="CET 2026-11-23 09:00:00",
        example_ns=1_795_420_800_000_000_000,
        writers="programs that name their zone first",
    ),
    *NAMED,
    *NUMBERS,
    *ORDERED,
    *APART,
)
"""Every layout, the likelier first: the order decides where two fit as well."""


def layout_named(name: str) -> Layout:
    """Return the layout of a name.

    Raises:
        ValueError: There is none.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    names = ", ".join(layout.name for layout in LAYOUTS)
    raise ValueError(f"no layout is called {name!r}; there are {names}")


def names_like(text: str) -> tuple[str, ...]:
    """Return the names of layouts that somebody may mean who writes another name.

    That is the one almost like it; else those that begin so, or whose writers are
    called so, three at most.
    """
    names = [layout.name for layout in LAYOUTS]
    near = nearest(text, names, alike=0.75)
    word = _squeezed(text)
    akin = [
        layout.name
        for layout in LAYOUTS
        if layout.name.startswith(word) or word in _squeezed(layout.writers)
    ]
    return (near,) if near else tuple(akin[:3] if len(word) >= _SHORTEST_WORD else ())


def _squeezed(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())

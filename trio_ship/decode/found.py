"""How a file writes its stamps, as it was found out, and what a spelling says in words."""

from __future__ import annotations

from typing import Final

import attrs

from trio_ship.decode.places import Place
from trio_ship.decode.shapes import shape_of
from trio_ship.decode.stamps import AUTO, BEHIND, FURTHER
from trio_ship.decode.table import layout_named
from trio_ship.decode.tags import Tag

__all__ = ["Found", "further_ways", "layout_and_place", "names_zone"]

_TAGS: Final[dict[Tag, str]] = {
    "": "",
    "_": " behind white space",
    "|": " behind a name and a bar",
    "]": " behind a name in brackets",
    ":": "",
    "~": "",
}
_MARKS: Final = '"\\=:'


@attrs.frozen(kw_only=True)
class Found:
    """How a file writes its stamps.

    Attributes:
        spelling: From this text a `StampDecoder` is made, now or after a restart.
        example: A stamp as it stands in the file.
        matched: How many of the lines have such a stamp.
        lines: How many lines were looked at.
        resolution_ns: What one step of the last digit of a stamp is worth.
        reason: Why it was taken to be this, where its numbers may mean
            something else too; empty otherwise.
    """

    spelling: str
    example: str
    matched: int
    lines: int
    resolution_ns: int
    reason: str = ""

    def describe(self) -> str:
        """Return a sentence for the log."""
        name, where = layout_and_place(self.spelling)
        counts = f"({self.matched:,} of {self.lines:,} lines)"
        also = "".join(f"; also {' '.join(other)}" for other in further_ways(self.spelling))
        return f"{name} like {self.example} {where} {counts}{also}{self.reason}"


def layout_and_place(spelling: str) -> tuple[str, str]:
    """Return the name of the layout that a spelling tells, and in words where it stands."""
    name, text, _, is_behind = _main_way(spelling)
    place = Place.parse(text)
    if is_behind:
        where = "behind another stamp"
    elif place.by_pattern:
        where = "where the pattern says"
    elif place.field:
        where = f"in the {'last ' if place.last else ''}field {place.field.strip(_MARKS)}"
    elif place.wrapping:
        where = "in front of what a container wrote"
    elif not place.searched:
        where = f"at column {text.removeprefix(place.tag)}"
    elif place.columns:
        where = f"behind a prefix, at column {' or '.join(map(str, place.columns))}"
    else:
        where = f'behind the first "{layout_named(name).marker}"'
    return name, where + _TAGS[place.tag]


def names_zone(spelling: str) -> bool:
    """Tell whether most stamps that are written so say themselves which zone is theirs."""
    name, _, variant, _ = _main_way(spelling)
    if name == "strptime":
        return "%z" in variant
    return shape_of(layout_named(name), variant).own_zone


def _main_way(spelling: str) -> tuple[str, str, str, bool]:
    """Return layout, place and variant of most stamps, and whether others stand before them."""
    way = spelling.removesuffix(AUTO)
    if way != spelling:
        way = way.partition(FURTHER)[0]
    outer, behind, inner = way.partition(BEHIND)
    # A format of strptime may hold any text.
    is_behind = bool(behind) and "%" not in outer
    name, _, rest = (inner if is_behind else way).partition("@")
    place, _, variant = rest.partition("/")
    return name, place, variant, is_behind


def further_ways(spelling: str) -> list[tuple[str, str]]:
    """Return the name and the place of each way that other lines of a file have."""
    ways = spelling.removesuffix(AUTO).split(FURTHER)[1:] if spelling.endswith(AUTO) else []
    return [layout_and_place(way) for way in ways]

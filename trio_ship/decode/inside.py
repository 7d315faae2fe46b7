r"""Stamps inside the text of lines that another program has stamped.

What a container or a service of syslog writes is a line of its own, whose beginning
says as much as that of any other; Docker puts it into a string:

    2026-11-23T08:00:00.5Z stderr F I1123 07:59:59.123456       1 server.go:12] text
    {"log":"{\"ts\":1795420799.123}\n","stream":"stdout","time":"2026-11-23T08:00:00.5Z"}
    Nov 23 08:00:00 node1 kubelet[812]: I1123 07:59:59.123456     812 server.go:12] text
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from trio_ship.batch import I64, U8
from trio_ship.decode.guesses import Guess, find_guesses, guesses_inside, spread
from trio_ship.decode.layouts import Layout
from trio_ship.decode.stamps import StampDecoder
from trio_ship.decode.tags import Tag, behind_tag

__all__ = ["find_inside"]

_TAGS: Final[tuple[Tag, ...]] = (":", "~")
_MEMBER: Final = re.compile(r'@("[^"]+")\^?')


def find_inside(
    outer: str, layouts: tuple[Layout, ...], lines: tuple[U8, I64, I64]
) -> Iterator[Guess]:
    """Yield how layouts fit inside the text of the lines of another stamp.

    Args:
        outer: How that is written.
        layouts: Those that may be found.
        lines: An arena, and where lines begin and end in it.
    """
    decoder = StampDecoder(outer)
    arena, start, end = decoder.inside(*lines)
    texts = _texts(arena, start, end)
    if decoder.wrapping == "docker":
        texts = [text.replace(b'\\"', b'"') for text in texts]
        for guess in find_guesses(layouts, texts, named=False):
            yield attrs.evolve(guess, spelling=_MEMBER.sub(_in_string, guess.spelling))
    elif decoder.wrapping:
        yield from find_guesses(layouts, texts, named=False)
    else:
        yield from guesses_inside(layouts, texts)
        for tag in _TAGS:
            behind = _texts(arena, behind_tag(tag, arena, start, end), end)
            guesses = find_guesses(layouts, behind, named=False, tag=tag)
            yield from (guess for guess in guesses if guess.is_at_front)


def _texts(arena: U8, start: I64, end: I64) -> list[bytes]:
    bounds = zip(start.tolist(), end.tolist(), strict=True)
    return spread([text for a, b in bounds if (text := arena[a:b].tobytes())])


def _in_string(member: re.Match[str]) -> str:
    return "@" + member[1].replace('"', r"\"")

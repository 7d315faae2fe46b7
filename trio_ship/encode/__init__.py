"""Encodings: an ordered batch in, the bytes of an output out.

An encoder is pure: it gathers record bytes and makes no system call. It yields
slices of about 1 MB, one at a time, whose concatenation is the encoding; the
same batch always gives the same bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from trio_ship.batch import OrderedBatch
from trio_ship.batch.pieces import Slice
from trio_ship.encode.json_lines import JsonEncoder, least_size
from trio_ship.encode.raw import encode_raw, raw_size
from trio_ship.encode.text import TextEncoder

__all__ = ["Encoder", "announced", "encoded_size", "encoder", "expected_size", "sized"]


class Encoder(Protocol):
    """Turns an ordered batch into the bytes of an output."""

    def __call__(self, batch: OrderedBatch) -> Iterator[Slice]:
        """Yield the encoding of `batch` in slices; nothing where it has no rows."""


def encoded_size(encode: Encoder, batch: OrderedBatch) -> int | None:
    """Return how many bytes a batch will make, where that is cheap to know."""
    return raw_size(batch) if encode is encode_raw else None


def expected_size(encode: Encoder, batch: OrderedBatch) -> int:
    """Return how many bytes a batch will make, or nearly all of them; 0: nobody knows."""
    if isinstance(encode, JsonEncoder):
        return least_size(batch)
    return encoded_size(encode, batch) or 0


def sized(slices: Iterator[Slice], size: int | None) -> tuple[Iterator[Slice], int | None]:
    """Return slices, and how many bytes they are: if that is not known, of a single one."""
    if size is not None:
        return slices, size
    first = list(itertools.islice(slices, 2))
    if len(first) < 2:  # noqa: PLR2004  (there are no more)
        return iter(first), sum(map(len, first))
    return itertools.chain(first, slices), None


def announced(slices: Iterator[Slice], announce: Callable[[int], None]) -> Iterator[Slice]:
    """Give slices, of which there are some; before the last say how many bytes all are."""
    last = next(slices)
    size = len(last)
    for data in slices:
        yield last
        last = data
        size += len(data)
    announce(size)
    yield last


def encoder(name: str, *, sources: Sequence[str] = ()) -> Encoder:
    """Return a new encoder.

    Args:
        name: "raw", "json" or "text".
        sources: The names of all sources.

    Raises:
        ValueError: There is no such encoding.
    """
    match name:
        case "raw":
            return encode_raw
        case "json":
            return JsonEncoder()
        case "text":
            return TextEncoder(sources)
        case _:
            raise ValueError(f'unknown encoding {name!r}; there are "raw", "json" and "text"')

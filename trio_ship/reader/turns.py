"""Files that are written in another way from some line on, while they are followed.

A layout is looked for in what was read of a file first, and it is part of the file's
description. The lines behind its last stamp may show another one, behind a prefix, that
the file goes on with. Then the round that they came with is decoded again, and the
description goes out with it: it is in the journal before the first record so read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from trio_ship.batch import U8
from trio_ship.decode.further import bare_lines
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import Round
from trio_ship.reader.chains import Chains
from trio_ship.reader.decoders import Decoders
from trio_ship.reader.reading import Filled
from trio_ship.reader.tails import Tail

__all__ = ["keep_bare", "take_turns"]

_KEPT: Final = 2  # one more line, and they say something


def take_turns(
    filled: Sequence[Filled],
    regions: Regions,
    result: Round,
    arena: U8,
    *,
    chains: Chains,
    decoders: Decoders,
) -> bool:
    """Find out of every file of a round whether it goes on in another way.

    Args:
        filled: What was read of each file.
        regions: Where that is.
        result: What came of it.
        arena: The bytes.
        chains: Told how files are written from now on.
        decoders: Those of the source.

    Returns:
        Whether there are such files: then the round is to be decoded again.
    """
    some = False
    stop = regions.base + regions.size
    for row in np.flatnonzero((result.bare < stop) & (regions.decoder >= 0)).tolist():
        tail, begin = filled[row].job.chain.tails[0], int(result.bare[row])
        before = tail.bare if begin == regions.base[row] else ()
        lines = [*before, *bare_lines(arena, begin, int(stop[row]))]
        limit_ns = int(regions.limit_ns[row])
        entry = decoders.turned(tail.entry, lines, int(result.last_ns[row]), limit_ns)
        if entry is not tail.entry:
            chains.update(tail, entry)
            some = True
    return some


def keep_bare(tail: Tail, arena: U8, base: int, begin: int, stop: int) -> None:
    """Keep the last lines of a file that were handed over without a stamp behind them.

    Args:
        tail: The file.
        arena: The bytes.
        base: Where those of the file begin.
        begin: Where the lines behind the last stamp begin.
        stop: The byte after the last record that was handed over.
    """
    before = tail.bare if begin == base else ()
    if tail.bare or begin < stop:
        tail.bare = (*before, *bare_lines(arena, begin, max(begin, stop)))[-_KEPT:]

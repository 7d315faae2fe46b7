"""Names of JSON members that say that a moment is in them, whatever program writes them.

The usual ones are known (`members`). Others are told by what they are made of, as in
`created_at`, `eventTimestamp` or `epoch_ms`. A name that speaks of how long something
takes, or of what is still to come, is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from trio_ship.decode.members import FIELDS

__all__ = ["telling_names"]

_MOST: Final = 8
_LOOKED_AT: Final = 64
_MEMBERS: Final = re.compile(rb'("[A-Za-z_@$][\w@$.-]*"): ?(?="?[A-Z1-9{])', re.ASCII)
_MOMENT: Final = re.compile(
    r"(?i:time(?!out|r)|date(?!base)|stamp|epoch|when|utc|clock|created|logged|occurred|received)"
    r'|["_]ts["_]|Ts["_]|_at"|[a-z]At"'
)
_SPAN: Final = re.compile(
    r"(?i:duration|elapsed|respon|taken|spent|total|wait|latency|idle|cpu|zone|life_?time|run_?time"
    r"|up_?time|expir|until|next|valid|deadline|birth|due|interval|candidate)"
)
_OF_OTHERS: Final = re.compile(r"(?i:end|finish|last|prev|old|updat|modif|seen)")


def telling_names(texts: Iterable[bytes]) -> tuple[str, ...]:
    """Return the names that may hold the moment of a record, the likelier first.

    Args:
        texts: Lines; those that do not begin an object are passed over.

    Returns:
        The names with their quotes, without those in `FIELDS`, a few at most.
    """
    counts: Counter[str] = Counter()
    objects = (text for text in texts if text.startswith(b"{"))
    for text, _ in zip(objects, range(_LOOKED_AT), strict=False):
        counts.update({name.decode() for name in _MEMBERS.findall(text)})
    names = [
        name
        for name in counts
        if name not in FIELDS and _MOMENT.search(name) and not _SPAN.search(name)
    ]
    names.sort(key=lambda name: (_OF_OTHERS.search(name) is not None, -counts[name]))
    return tuple(names[:_MOST])

"""What the watcher saw of a source, until its reader takes it up."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trio_ship.follow import Candidate
from trio_ship.report import Poll

__all__ = ["Look", "Problem", "Sighting"]


@attrs.frozen
class Problem:
    """A path that cannot be read as a file.

    Attributes:
        error: What the system said; None where it is not a regular file.
        kind: What it is: "file", "folder", "FIFO", "socket" or "device".
    """

    error: OSError | None
    kind: str = "file"


Sighting: TypeAlias = Candidate | Problem | None
"""What stands behind a path; None: nothing."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Look:
    """One look at a source, or several that nobody has taken up yet.

    Attributes:
        poll: The clocks before the (last) look.
        changed: What stands behind each path that has changed.
        renamed: Folders in which files may have been renamed.
        unreadable: Folders that could not be listed.
        empty: Patterns that matched nothing.
        missing: Paths given without a wildcard behind which nothing stands.
        hangs: Whether nothing was seen, because the disk does not answer, and
            only the clocks have moved on.
    """

    poll: Poll
    changed: dict[str, Sighting] = attrs.field(factory=dict)
    renamed: frozenset[str] = frozenset()
    unreadable: dict[str, OSError] = attrs.field(factory=dict)
    empty: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    hangs: bool = False

    def after(self, earlier: Look | None) -> Look:
        """Return this look with what an earlier one saw and nobody took up."""
        if earlier is None:
            return self
        changed = {**earlier.changed, **self.changed}
        renamed = earlier.renamed | self.renamed
        hangs = self.hangs and earlier.hangs
        return attrs.evolve(self, changed=changed, renamed=renamed, hangs=hangs)

"""What may befall a disk in memory: calls that fail, and the death of the process."""

from __future__ import annotations

import fnmatch

import attrs

__all__ = ["Call", "Death", "Fault"]


class Death(BaseException):
    """The process was killed; no `except Exception` may see it."""


@attrs.frozen
class Call:
    """One disk call.

    Attributes:
        name: The method.
        path: What it was given; for an open file the name it was opened by.
        target: The second path of `replace` and `link`.
    """

    name: str
    path: str
    target: str = ""


@attrs.define
class Fault:
    """An error that some calls raise.

    Attributes:
        call: A pattern of their names.
        path_glob: A pattern of one of their paths.
        error: The number of the error.
        times: How many of them; None: all.
        after: How many succeed before.
    """

    call: str
    path_glob: str
    error: int
    times: int | None
    after: int

    def strikes(self, call: Call) -> bool:
        """Tell whether a call raises it, and count the call."""
        paths = (call.path, call.target) if call.target else (call.path,)
        if not fnmatch.fnmatchcase(call.name, self.call) or not any(
            fnmatch.fnmatchcase(path, self.path_glob) for path in paths
        ):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0

"""The errors of trio-ship, one for each party that can err.

Every error that reaches a caller is a `ShipError`; its class says who has to
act, and its text says what is wrong and what mends it. Programming errors are
not translated: they stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ShipError",
    "SinkError",
    "SourceError",
    "ungrouped",
]


class ShipError(Exception):
    """Something outside the program keeps it from its work.

    Never raised itself; catch it to catch all of the classes below.
    """

    #: What a process that ends with this error exits with: 1 when trying again
    #: may help, 2 when somebody must act first.
    exit_status = 1


class ConfigError(ShipError):
    """The configuration cannot be used; every fault is listed, one a line.

    Not raised for things that a correct configuration meets at run time, such
    as a file without read permission (`SourceError`).
    """

    exit_status = 2


class CheckpointError(ShipError):
    """The saved state cannot be trusted, belongs to another, or is in use.

    Raised only at the start. A save that fails while the pipeline runs is
    logged, counted and tried again instead.
    """

    exit_status = 2


class SourceError(ShipError):
    """A source could not be read to its end in a one-shot run.

    While following, a file that cannot be read is tried again instead.
    """


class SinkError(ShipError):
    """A sink cannot take records any more, and waiting would not help.

    Not raised for a full disk: the sink waits for room.
    """


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the first error of a group by itself; programming errors first."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        for error in errors:
            if not isinstance(error, ShipError):
                raise error from None
        raise errors[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error

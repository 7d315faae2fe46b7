"""Settings of all tests: property tests try the same examples at every run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same-every-time",
    derandomize=True,
    deadline=None,
    # How fast and how large the examples of a loaded machine are is no property of ours.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("same-every-time")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Have no command that a test runs within its own process set up the logging of others."""
    logger = logging.getLogger("trio_ship")
    level, propagate, handlers = logger.level, logger.propagate, logger.handlers
    raises = logging.raiseExceptions
    yield
    logger.setLevel(level)
    logger.propagate, logger.handlers = propagate, handlers
    logging.raiseExceptions = raises

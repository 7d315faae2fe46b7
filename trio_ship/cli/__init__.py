"""The face: arguments in, messages and an exit status out."""

from __future__ import annotations

from trio_ship.cli.main import main

__all__ = ["main"]

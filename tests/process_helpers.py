"""Real processes: start the program, wait for what it does, count lines."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["PATIENCE", "Ship", "stamped", "wait_until", "write_config"]

PATIENCE = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; a test that waits in vain has failed."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def stamped(second: float, text: str) -> bytes:
    """Return a line with an ISO 8601 stamp so many seconds after a fixed moment."""
    whole, milli = divmod(round(second * 1000), 1000)
    hours, rest = divmod(whole, 3600)
    return f"2026-11-23T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{milli:03d}Z {text}\n".encode()


def write_config(folder: Path, *, follow: bool, extra: str = "", sinks: str = "") -> Path:
    """Write a configuration that reads `logs/*.log` and writes `out.log`."""
    (folder / "logs").mkdir(exist_ok=True)
    config = folder / "ship.toml"
    config.write_text(
        f"""
        [pipeline]
        follow = {str(follow).lower()}
        max_delay_seconds = 0.2
        {extra}
        [pipeline.checkpoint]
        interval_seconds = 0.2
        [sources.app]
        type = "file"
        paths = ["logs/*.log"]
        [sinks.out]
        type = "file"
        path = "out.log"
        {sinks}
        """
    )
    return config


class Ship:
    """The program, running."""

    def __init__(self, arguments: Sequence[str | Path], folder: Path, **options: object) -> None:
        self._errors = folder / f"errors-{time.monotonic_ns()}.txt"
        environment = {**os.environ, "TZ": "UTC", "NO_COLOR": "1"}
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                [sys.executable, "-m", "trio_ship", *map(str, arguments)],
                stderr=errors,
                cwd=folder,
                env=environment,
                **options,
            )

    @property
    def said(self) -> str:
        """What it has said on standard error."""
        return self._errors.read_text()

    def end(self, number: int | None = None) -> int:
        """Send a signal, if any; return the exit status."""
        if number is not None:
            self.process.send_signal(number)
        status = int(self.process.wait(PATIENCE))
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return status

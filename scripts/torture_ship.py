# ruff: noqa: INP001 - a helper beside a script, not a package
"""trio-ship as `scripts/torture` runs it: started, harmed, watched.

A fault makes system calls of the program fail, or kills it at one of them, by
way of strace. The calls are counted in every thread by itself.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["PATIENCE", "Fault", "Follower", "Ship", "can_trace", "make_fault", "wait_until"]

PATIENCE: Final = 60.0
"""How long to wait, in seconds, for what must come however slow the machine is."""

_BEGUN: Final = b"bytes to read in"
_STRACE: Final = ("strace", "-D", "-f", "-qq", "-o", "/dev/null")

# What may fail without ending the program: (system call, error, whether for logs alone).
_ERRORS: Final = (
    ("fsync", "EIO", False),
    ("fsync", "ENOSPC", False),
    ("pwrite64", "ENOSPC", False),
    ("pwrite64", "EIO", False),
    ("rename", "ENOSPC", False),
    ("link", "EPERM", False),
    ("unlink", "EROFS", False),
    ("ftruncate", "EIO", False),
    ("preadv", "EIO", True),
    ("pread64", "EIO", True),
    ("openat", "EMFILE", True),
    ("openat", "EACCES", True),
)
_DEADLY: Final = ("fsync", "pwrite64", "rename", "linkat", "unlink", "openat", "preadv")


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until something is so; return whether it came to be."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True)
class Fault:
    """What strace does to the program.

    Attributes:
        text: What it is, for people.
        arguments: For strace.
        is_deadly: Whether the program dies of it.
        is_reading: Whether logs alone are concerned.
    """

    text: str
    arguments: tuple[str, ...]
    is_deadly: bool
    is_reading: bool = False


def can_trace() -> str:
    """Return why strace cannot be used here; empty if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(  # noqa: S603 - our own words
        [*_STRACE, "-e", "inject=getppid:error=EIO:when=1", "true"],
        capture_output=True,
        check=False,
    )
    return "" if done.returncode == 0 else "strace may not trace here"


def make_fault(chance: random.Random, logs: Sequence[str]) -> Fault:
    """Choose a fault.

    Args:
        chance: Decides.
        logs: The paths of the logs, for faults of reading.
    """
    first = chance.randrange(1, 30)
    if chance.random() < 0.4:  # noqa: PLR2004 - two in five
        call = chance.choice(_DEADLY)
        paths = logs if call == "preadv" else ()
        what = f"inject={call}:signal=SIGKILL:when={first if call != 'openat' else 400 + first}"
        return Fault(f"SIGKILL at {call} {first}", (*_only(paths), "-e", what), is_deadly=True)
    if chance.random() < 0.1:  # noqa: PLR2004 - one in ten
        what = "inject=fsync:delay_enter=400000"
        return Fault("every fsync 0.4 s slower", ("-e", what), is_deadly=False)
    call, error, for_logs = chance.choice(_ERRORS)
    call = "linkat" if call == "link" else call
    when = chance.choice((f"{first}..{first + chance.randrange(8)}", f"{first}+{first + 3}"))
    what = f"inject={call}:error={error}:when={when}"
    arguments = (*_only(logs if for_logs else ()), "-e", what)
    return Fault(f"{error} from {call} {when}", arguments, is_deadly=False)


def _only(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for path in paths for part in ("-P", path))


class Ship:
    """The program in a folder with `ship.toml`, started again and again.

    Args:
        folder: Where it runs; what it says goes to `ship.log` there.
        more: Arguments beside the configuration.

    Attributes:
        problems: What it did that it must not do.
    """

    def __init__(self, folder: str, *more: str) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._log = os.path.join(folder, "ship.log")
        self._said_from = 0

    @property
    def has_begun(self) -> bool:
        """Whether this start has come as far as reading."""
        return _BEGUN in self.said

    @property
    def said(self) -> bytes:
        """What it has said since this start."""
        with open(self._log, "rb") as log:
            log.seek(self._said_from)
            return log.read()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._running.pid

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None  # noqa: S101 - started before
        return self._process

    def start(self, fault: Fault | None = None) -> None:
        """Start it, perhaps under strace."""
        self._said_from = os.path.getsize(self._log) if os.path.exists(self._log) else 0
        before = [*_STRACE, *fault.arguments] if fault else []
        self._process = self._popen(before)

    def second(self) -> None:
        """Start another one on the same checkpoint, which must be refused."""
        process = self._popen([], stderr=subprocess.PIPE)
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        if process.returncode != 2 or b"is in use by" not in said:  # noqa: PLR2004 - the contract
            self.problems.append(f"a second one: status {process.returncode}, {said!r}")

    def has_ended(self, *, is_expected: bool = False) -> bool:
        """Tell whether it has ended by itself; a problem, unless that was to be.

        A start that is refused in order, before anything was read, is none: a
        disk that fails then is for a person to mend.
        """
        status = self._running.poll()
        if status is None:
            return False
        refused = status in {1, 2} and b"trio-ship: " in self.said and not self.has_begun
        if not refused and not (is_expected and status == -signal.SIGKILL):
            self.problems.append(f"ended by itself, status {status}: {self.said[-800:]!r}")
        self._look_for_traceback()
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._running.send_signal(number)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._running.kill()
        self._running.wait()
        self._look_for_traceback()

    def stop(self) -> None:
        """End it in order; it must end with 0."""
        self.send(signal.SIGTERM)
        try:
            status = self._running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.problems.append("it did not end within a minute of SIGTERM")
            self.kill()
            return
        begun = self.has_begun
        # Before it heeds signals it may die of one.
        if status and (begun or status != -signal.SIGTERM):
            self.problems.append(f"status {status} after SIGTERM: {self.said[-800:]!r}")
        self._look_for_traceback()

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end; return the status, or None if it goes on."""
        try:
            return self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def limit_files(self, size: int | None) -> None:
        """Let no file grow beyond a size, as a full disk does; None: let them."""
        soft = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    def _popen(self, before: Sequence[str], stderr: int | None = None) -> subprocess.Popen[bytes]:
        program = [*before, sys.executable, "-m", "trio_ship", "run", "-c", "ship.toml"]
        with open(self._log, "ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own program
                [*program, *self._more],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stderr=log if stderr is None else stderr,
                env={**os.environ, "TZ": "UTC", "NO_COLOR": "1"},
            )

    def _look_for_traceback(self) -> None:
        said = self.said
        if b"Traceback" in said:
            self.problems.append(f"a traceback: {said[said.index(b'Traceback') :][-1500:]!r}")


class Follower:
    """`tail -c +1 -F` on an output: it must see exactly the file's bytes.

    Args:
        path: The output.
        copy: Where what it sees goes.
    """

    def __init__(self, path: str, copy: str) -> None:
        self._path = path
        self._copy = copy
        self._errors = f"{copy}.errors"
        with open(copy, "wb") as seen, open(self._errors, "wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                ["tail", "-c", "+1", "-F", path],  # noqa: S607 - whatever tail there is
                stdout=seen,
                stderr=errors,
                env={**os.environ, "LC_ALL": "C"},
            )

    def end(self) -> str:
        """Let it see the rest; return how it differs from the output, or nothing."""
        wait_until(lambda: os.path.getsize(self._copy) >= os.path.getsize(self._path))
        self.kill()
        with open(self._errors, "rb") as errors:
            said = errors.read()
        if b"truncated" in said or b"replaced" in said:
            return f"the follower said {said.decode(errors='replace').splitlines()[-1]!r}"
        with open(self._path, "rb") as output, open(self._copy, "rb") as copy:
            while True:
                wanted, seen = output.read(1 << 20), copy.read(1 << 20)
                if wanted != seen:
                    return f"the follower saw other bytes before byte {output.tell()}"
                if not wanted:
                    return ""

    def kill(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()

"""The programs that write logs, and what they have written."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Final

import trio
from pipeline_helpers import START_NS, stamp

from simulation.disk import SimulatedDisk
from simulation.model import Content, Place
from simulation.scenario import Settings

__all__ = ["Writers"]

_SECOND: Final = 1_000_000_000
_MILLI: Final = 1_000_000


class Writers:
    """Whoever appends to logs.

    Each action, a method named `_do_` and the kind of its event, is a generator.

    Args:
        disk: The disk that they write to.
        settings: Which logs there are.
        seed: Of the texts that they write.

    Attributes:
        contents: Everything ever written.
    """

    def __init__(self, disk: SimulatedDisk, settings: Settings, seed: int) -> None:
        self._disk = disk
        self._settings = settings
        self._rng = random.Random(seed)
        self._step_ns = 0
        self._current: dict[str, Content] = {}
        self._words = 0
        self._ending = b";" if settings.rule == "end" else b""
        self._unended: set[Content] = set()
        self.contents: list[Content] = []
        disk.now_ns = self.wall_ns
        disk.reuse_inodes = settings.reuse_inodes

    def wall_ns(self) -> int:
        """Return the wall clock, nanoseconds since 1970."""
        return START_NS + self._step_ns + round(trio.current_time() * _SECOND)

    def _content(self, log: str) -> Content:
        """Return what a log writes to, made if it is not there."""
        if log not in self._current:
            if not self._disk.exists(log):
                self._disk.append(log, b"")
            content = self._new_content(log, log)
            self.contents.append(content)
            self._current[log] = content
        return self._current[log]

    def _new_content(self, log: str, path: str) -> Content:
        """Return an empty content of a log, which stands under a path."""
        source = log.split("/")[2]
        sinks = self._settings.sinks
        return Content(
            log=log,
            number=len(self.contents),
            places=[Place(self._disk.node(path))],
            alien=frozenset(sink for sink in sinks if source not in self._settings.inputs(sink)),
        )

    def _text(
        self, log: str, width: int, behind: float = 0.0, *, goes_on: bool = False
    ) -> tuple[bytes, int]:
        """Return a line with a stamp of some time ago, without its line end, and the stamp.

        Args:
            log: The path of the log.
            width: How long it is, more or less.
            behind: How old the stamp is, in seconds.
            goes_on: Whether other lines of its record follow.
        """
        delay = self._rng.choice((0.0, 0.0, 0.3)) * self._settings.max_delay
        moment = self.wall_ns() - round((delay + behind) * _SECOND)
        moment -= moment % _MILLI
        self._words += 1
        name = os.path.basename(log).partition(".")[0]
        tag = f"stdout {'P' if goes_on else 'F'} " if self._settings.rule == "cri" else ""
        text = f"{stamp((moment - START_NS) / _SECOND)} {tag}{name} {self._words} {'x' * width}"
        return text.encode(), moment

    def _rest(self, moment_ns: int) -> bytes:
        """Return a line that belongs to the record of the line before."""
        self._words += 1
        tag = ""
        if self._settings.rule == "cri":
            tag = f"{stamp((moment_ns - START_NS) / _SECOND)} stdout F"
        return f"{tag}  in a function of line {self._words}".encode() + self._ending + b"\n"

    def _write(self, content: Content, path: str, data: bytes, stamp_ns: int | None) -> None:
        self._disk.append(path, data)
        content.add(data, stamp_ns, joined=stamp_ns is None and bool(content.lines))
        content.touch(self.wall_ns())

    def _put(
        self,
        log: str,
        count: int,
        *,
        width: int = 20,
        traces: int = 0,
        behind: float = 0.0,
        path: str = "",
        content: Content | None = None,
    ) -> None:
        """Write lines in one call of the kernel, finishing a half one first."""
        content = content or self._content(log)
        pieces: list[tuple[bytes, int | None]] = []
        if content.lines and not content.lines[-1].is_whole:
            pieces.append((b" and its end" + self._ending + b"\n", content.lines[-1].stamp_ns))
        if content in self._unended:
            pieces.append((self._close(content), None))
        for number in range(count):
            has_trace = bool(traces) and number % traces == 0
            text, moment = self._text(log, width, behind, goes_on=has_trace)
            pieces.append((text + (b"" if has_trace else self._ending) + b"\n", moment))
            if has_trace:
                pieces.append((self._rest(moment), None))
        data = b"".join(piece for piece, _ in pieces)
        self._disk.append(path or log, data)
        for piece, moment_ns in pieces:
            # What comes later than its record is only together with it if that has waited.
            joined = moment_ns is None and content not in self._unended
            content.add(piece, moment_ns, joined=joined)
            self._unended.discard(content)
        content.touch(self.wall_ns())
        if content.is_over:
            self._judge_age(content)

    def _do_append(self, log: str, count: int, width: int = 20, traces: int = 0) -> Iterator[None]:
        self._put(log, count, width=width, traces=traces)
        yield

    def _do_fill(self, log: str, count: int, traces: int) -> Iterator[None]:
        """Write a backlog, some of its stamps going back."""
        if self._rng.random() < 1 / 4:
            self._words += 1
            text = b"no stamp %d%s\n" % (self._words, self._ending)
            self._write(self._content(log), log, text, None)
        for _ in range(count):
            self._put(
                log,
                1,
                traces=int(traces and self._rng.random() < 1 / 8),
                behind=round(self._rng.uniform(0, 9), 1),
            )
        if self._rng.random() < 1 / 4:
            self._half(log)
        yield

    def _half(self, log: str) -> None:
        content = self._content(log)
        if content in self._unended or (content.lines and not content.lines[-1].is_whole):
            return
        text, moment = self._text(log, self._rng.choice((0, 30)))
        self._write(content, log, text, moment)

    def _do_half(self, log: str) -> Iterator[None]:
        self._half(log)
        yield

    def _do_open(self, log: str) -> Iterator[None]:
        """Write the first line of a record whose rest comes later."""
        content = self._content(log)
        self._put(log, 0)
        text, moment = self._text(log, 20, goes_on=True)
        self._write(content, log, text + b"\n", moment)
        self._unended.add(content)
        yield

    def _close(self, content: Content) -> bytes:
        """Return the rest of such a record."""
        moment = content.lines[-1].stamp_ns
        assert moment is not None
        return self._rest(moment)

    def _do_rest(self, log: str) -> Iterator[None]:
        if self._current.get(log) in self._unended:
            self._put(log, 0)
        yield

    def _do_behind(self, log: str, seconds: float) -> Iterator[None]:
        self._put(log, 1, behind=seconds)
        yield

    def _judge_age(self, content: Content) -> None:
        content.is_older = not self._settings.every_name and any(
            other.log == content.log and other.latest_ns > content.mtime_ns
            for other in self.contents
        )

"""The other programs: those that write logs, those that rotate them, and the clock.

Each action is a generator. Between its steps the pipeline may make disk calls;
at every step the model says what was written and what can be read no more.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Final

import trio
from memory_tree import Node
from pipeline_helpers import START_NS, stamp

from simulation.disk import SimulatedDisk
from simulation.model import Content, Line, Place
from simulation.scenario import Settings
from trio_ship.follow import HEAD

__all__ = ["World"]

_SECOND: Final = 1_000_000_000
_MILLI: Final = 1_000_000


class World:
    """Everybody but the pipeline.

    Args:
        disk: The disk of them all.
        settings: Which logs there are.
        seed: Of the texts that they write.

    Attributes:
        contents: Everything ever written.
        rotations: How many files were rotated, cut, replaced or removed.
        on_loss: Called when lines may have become impossible to read.
        known: The logs of which the pipeline knows a file, open or recorded.
        is_alive: Tells whether the pipeline runs.
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
        self.rotations = 0
        self.on_loss: Callable[[], None] = lambda: None
        self.known: set[str] = set()
        disk.now_ns = self.wall_ns
        disk.reuse_inodes = settings.reuse_inodes

    def wall_ns(self) -> int:
        """Return the wall clock, nanoseconds since 1970."""
        return START_NS + self._step_ns + round(trio.current_time() * _SECOND)

    @property
    def lines(self) -> Iterator[Line]:
        """All lines ever written."""
        return (line for content in self.contents for line in content.lines)

    def action(self, kind: str) -> Callable[..., Iterator[None]] | None:
        """Return the action of that name."""
        found: Callable[..., Iterator[None]] | None = getattr(self, f"_do_{kind}", None)
        return found

    def reachable(self) -> set[Node]:
        """Return the files that have a name where the pipeline may look."""
        folders = dict.fromkeys(os.path.dirname(log) for log in self._settings.logs)
        return {
            node
            for folder in folders
            if self._disk.exists(folder)
            for node in self._disk.files_in(folder).values()
        }

    def listing(self) -> str:
        """Return the names, inodes and lengths of the logs, for the trace."""
        files = {
            name: node
            for folder in dict.fromkeys(os.path.dirname(log) for log in self._settings.logs)
            if self._disk.exists(folder)
            for name, node in self._disk.files_in(folder).items()
        }
        return "LOGS " + ", ".join(
            f"{os.path.basename(name)} #{node.number} {len(node.data)}"
            for name, node in sorted(files.items())
        )

    def notice_opened(self) -> None:
        """Remember which files the pipeline has open."""
        for content in self.contents:
            if any(place.node.opened for place in content.places):
                content.was_opened = True
                self.known.add(content.log)

    def notice_look(self, path: str) -> None:
        """Remember that the pipeline looks into a file."""
        content = self._current.get(path)
        if content is not None and content.data:
            content.was_seen = True

    def remap(self, survivors: dict[Node, Node]) -> None:
        """Go on with the files that a power loss has left."""
        for content in self.contents:
            content.places = [
                Place(survivors[place.node], place.size)
                for place in content.places
                if place.node in survivors
            ]

    # Writing

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

    # Rotation

    def _shift(self, log: str, keep: int) -> Iterator[None]:
        """Make room for `log.1`, as logrotate does."""
        names = list(self._disk.names(os.path.dirname(log)))
        base = os.path.basename(log)
        numbers = sorted(
            (int(name[len(base) + 1 :]) for name in names if _is_numbered(name, base)),
            reverse=True,
        )
        for number in numbers:
            if number >= keep:
                self._disk.remove(f"{log}.{number}")
                self.on_loss()
            else:
                self._disk.rename(f"{log}.{number}", f"{log}.{number + 1}")
            yield

    def _give_up(self, log: str) -> Content:
        """Let a log begin a new content at its next line."""
        content = self._current.pop(log)
        content.is_over = True
        self._judge_age(content)
        return content

    def _judge_age(self, content: Content) -> None:
        content.is_older = not self._settings.every_name and any(
            other.log == content.log and other.latest_ns > content.mtime_ns
            for other in self.contents
        )

    def _excuse_unknown(self, content: Content) -> None:
        if content.log not in self.known and not self._settings.every_name:
            content.excuse = "rotated before any file of its log was known"

    def _do_rotate(
        self, log: str, turns: int, keep: int, after: int, *, dated: bool, create: bool
    ) -> Iterator[None]:
        for turn in range(turns):
            if not self._disk.exists(log) or log not in self._current:
                self._put(log, 1)
                yield
            if dated:
                target = f"{log}-{self.wall_ns() // _MILLI}.{self._words}"
            else:
                yield from self._shift(log, keep)
                target = f"{log}.1"
            self.notice_opened()
            self._disk.rename(log, target)
            self.rotations += 1
            content = self._give_up(log)
            self.on_loss()
            self._excuse_unknown(content)
            yield
            if after and self._disk.exists(target):
                self._put(log, after, path=target, content=content)
                yield
            if create or turn < turns - 1:
                self._put(log, 1)
                yield

    def _do_copytruncate(
        self, log: str, keep: int, before: int, gap: int, fast: int
    ) -> Iterator[None]:
        if not self._disk.exists(log) or log not in self._current:
            self._put(log, 1)
        if before:
            self._put(log, before)
        yield from self._shift(log, keep)
        content = self._content(log)
        self._disk.write(f"{log}.1", bytes(content.data))
        content.places.append(Place(self._disk.node(f"{log}.1"), len(content.data)))
        yield
        # Of a smaller file the copy could not be told: its head goes on behind the copy.
        if gap and len(content.data) >= HEAD:
            self._put(log, gap)
            yield
        self.notice_opened()
        self._disk.truncate(log)
        self.rotations += 1
        self._give_up(log)
        del content.places[0]
        self.on_loss()
        self._excuse_unknown(content)
        if not content.was_seen and not self._settings.every_name:
            content.excuse = "written, copied and cut between two looks"
        if fast:
            self._put(log, fast)
        yield

    def _do_recreate(self, log: str, count: int) -> Iterator[None]:
        yield from self._do_remove(log)
        self._put(log, max(1, count))
        yield

    def _do_remove(self, log: str) -> Iterator[None]:
        if self._disk.exists(log) and log in self._current:
            self._disk.remove(log)
            self.rotations += 1
            self._give_up(log)
            self.on_loss()
        yield

    def _do_replace(self, log: str, count: int) -> Iterator[None]:
        """Write a file beside a log and rename it over the log, as editors do."""
        beside = f"{os.path.dirname(log)}/.beside"
        self._disk.write(beside, b"")
        content = self._new_content(log, beside)
        self._put(log, max(1, count), path=beside, content=content)
        yield
        self._disk.rename(beside, log)
        if log in self._current:
            self._give_up(log)
        self.contents.append(content)
        self._current[log] = content
        self.rotations += 1
        self.on_loss()
        yield

    def _do_hardlink(self, log: str) -> Iterator[None]:
        other = f"{os.path.dirname(log)}/z{os.path.basename(log)}"
        if self._disk.exists(log) and not self._disk.exists(other):
            self._disk.hard_link(log, other)
        yield

    def _do_touch(self, log: str) -> Iterator[None]:
        if self._disk.exists(log):
            self._disk.set_mtime(log, self.wall_ns())
            if log in self._current:
                self._current[log].touch(self.wall_ns())
        yield

    def _do_clock(self, seconds: float) -> Iterator[None]:
        self._step_ns += round(seconds * _SECOND)
        yield


def _is_numbered(name: str, base: str) -> bool:
    return name.startswith(f"{base}.") and name[len(base) + 1 :].isdigit()

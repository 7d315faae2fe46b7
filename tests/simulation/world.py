"""The other programs: those that write logs, those that rotate them, and the clock.

Each action is a generator. Between its steps the pipeline may make disk calls;
at every step the model says what was written and what can be read no more.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Iterator
from typing import Final

from memory_tree import Node

from simulation.disk import SimulatedDisk
from simulation.model import Content, Line, Place
from simulation.scenario import OUTPUTS, Settings
from simulation.writers import Writers
from trio_ship.follow import HEAD

__all__ = ["World"]

_SECOND: Final = 1_000_000_000
_MILLI: Final = 1_000_000


class World(Writers):
    """Everybody but the pipeline.

    Attributes:
        rotations: How many files were rotated, cut, replaced or removed.
        on_loss: Called when lines may have become impossible to read.
        known: The logs of which the pipeline knows a file, open or recorded.
    """

    def __init__(self, disk: SimulatedDisk, settings: Settings, seed: int) -> None:
        super().__init__(disk, settings, seed)
        self.rotations = 0
        self.on_loss: Callable[[], None] = lambda: None
        self.known: set[str] = set()

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

    # Rotation

    def _rotated(self, log: str) -> dict[str, tuple[int, str]]:
        """Return the paths of a log's numbered files: their numbers, and what is behind those."""
        folder, base = os.path.split(log)
        found = {}
        for name in self._disk.names(folder):
            parts = re.fullmatch(re.escape(base) + r"\.(\d+)((?:\.gz)?)", name)
            if parts:
                found[f"{folder}/{name}"] = (int(parts[1]), parts[2])
        return found

    def _shift(self, log: str, keep: int) -> Iterator[None]:
        """Make room for `log.1`, as logrotate does."""
        rotated = self._rotated(log)
        for path in sorted(rotated, key=lambda path: rotated[path], reverse=True):
            number, ending = rotated[path]
            if number >= keep:
                self._disk.remove(path)
                self.on_loss()
            else:
                self._disk.rename(path, f"{log}.{number + 1}{ending}")
            yield

    def _give_up(self, log: str) -> Content:
        """Let a log begin a new content at its next line."""
        content = self._current.pop(log)
        content.is_over = True
        self._judge_age(content)
        return content

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
        if self._disk.is_link(log) and self._settings.every_name:
            return  # the file may be known by its other name, and the copy has this one
        if before:
            self._put(log, before)
        yield from self._shift(log, keep)
        content = self._content(log)
        self._disk.write(f"{log}.1", bytes(content.data))
        content.places.append(Place(self._disk.node(f"{log}.1"), len(content.data)))
        yield
        # Of a smaller file the copy could not be told: its head goes on behind the copy.
        if gap and len(content.data) >= HEAD:
            unfinished = [line for line in content.lines[-1:] if not line.is_whole]
            halves = [line.text for line in unfinished]
            self._put(log, gap)
            for line, half in zip(unfinished, halves, strict=True):
                line.half = half
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
            self._excuse_unknown(self._give_up(log))
            self.on_loss()
        yield

    def _do_replace(self, log: str, count: int) -> Iterator[None]:
        """Write a file beside a log and rename it over the log, as editors do."""
        beside = f"{os.path.dirname(log)}/.beside"
        content = self._write_apart(log, count, beside)
        yield
        self._put_over(log, beside, content)
        yield

    def _do_symlink(self, log: str, count: int, *, beside: bool) -> Iterator[None]:
        """Let a log's name lead to a new file, as programs with dated logs do."""
        folder, base = os.path.split(log)
        target = f"{folder if beside else '/logs'}/{base}-{self.wall_ns() // _MILLI}.{self._words}"
        link = f"{folder}/.link"
        content = self._write_apart(log, count, target)
        yield
        self._disk.symlink(target, link)
        yield
        self._put_over(log, link, content)
        content.is_linked = beside and self._settings.every_name
        yield

    def _write_apart(self, log: str, count: int, path: str) -> Content:
        """Write what is to stand under a log's name under another one."""
        self._disk.write(path, b"")
        content = self._new_content(log, path)
        self._put(log, max(1, count), path=path, content=content)
        return content

    def _put_over(self, log: str, path: str, content: Content) -> None:
        """Rename something over a log."""
        self.notice_opened()
        self._disk.rename(path, log)
        if log in self._current:
            self._excuse_unknown(self._give_up(log))
        self.contents.append(content)
        self._current[log] = content
        self.rotations += 1
        self.on_loss()

    def _do_compress(self, log: str, *, keeps_time: bool) -> Iterator[None]:
        """Compress the oldest rotated file of a log that is not, in two writes."""
        folder, base = os.path.split(log)
        plain = [
            path
            for path, node in self._disk.files_in(folder).items()
            if os.path.basename(path).startswith((f"{base}.", f"{base}-"))
            and not path.endswith(".gz")
            and node.data
            and node.links == 1
            and not self._disk.is_link(path)
            and not any(
                node is place.node
                for content in self._current.values()
                for place in content.places[:1]
            )
        ]
        if not plain:
            return
        path = min(plain, key=lambda path: (self._disk.node(path).mtime_ns, path))
        node = self._disk.node(path)
        packed = gzip.compress(bytes(node.data), mtime=0)
        self._disk.write(f"{path}.gz", packed[: len(packed) // 2])
        yield
        self._disk.append(f"{path}.gz", packed[len(packed) // 2 :])
        for content in self.contents:
            content.places += [
                Place(self._disk.node(f"{path}.gz"), place.size or len(content.data))
                for place in content.places
                if place.node is node
            ]
        if keeps_time:
            self._disk.set_mtime(f"{path}.gz", node.mtime_ns)
        yield
        self.notice_opened()
        self._disk.remove(path)
        self.rotations += 1
        self.on_loss()
        yield

    def _do_hardlink(self, log: str) -> Iterator[None]:
        other = f"{os.path.dirname(log)}/z{os.path.basename(log)}"
        if self._disk.exists(log) and not self._disk.exists(other):
            self._disk.hard_link(log, other)
            self._content(log).is_linked = True
        yield

    def _do_touch(self, log: str) -> Iterator[None]:
        if self._disk.exists(log):
            self._disk.set_mtime(log, self.wall_ns())
            if log in self._current:
                self._current[log].touch(self.wall_ns())
        yield

    def _do_output(self, sink: str, *, create: bool) -> Iterator[None]:
        """Rotate what a sink writes; that is durable before anybody can make use of it."""
        path = OUTPUTS[sink]
        if self._disk.exists(path):
            for _ in self._shift(path, keep=1 << 16):
                pass
            self._disk.rename(path, f"{path}.1")
            if create:
                self._disk.write(path, b"")
            self._disk.sync_names(os.path.dirname(path))
            self.rotations += 1
        yield

    def _do_clock(self, seconds: float) -> Iterator[None]:
        self._step_ns += round(seconds * _SECOND)
        yield

"""The simulated disk: hops that take time, and hooks before and after every call."""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import trio
from memory_disk import Call, Death, MemoryDisk
from memory_tree import Node

__all__ = ["BOOT_ID", "SimulatedDisk"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class SimulatedDisk(MemoryDisk):
    """A disk on which chance and the oracle look at every call.

    Args:
        rng: Draws how long a hop takes.
        hop_seconds: How long it takes at most.
        spared: A folder of which everything is durable at once.

    Attributes:
        struck: Calls that failed because that was planned.
        slow_seconds: How much longer the next hop takes.
        held: The files that were open when the present hop began; what a hop opens to
            look into and closes again is not in it. None between hops.
        on_change: Called after each call that has changed a file or put one in its
            place: the name of the call, the path, the file, and how far a write reached.
        on_failure: Called with each call that failed because that was planned.
    """

    def __init__(self, rng: random.Random, hop_seconds: float, spared: str) -> None:
        super().__init__()
        self._spared = spared
        self._rng = rng
        self._hop_seconds = hop_seconds
        self.struck = 0
        self.slow_seconds = 0.0
        self.held: set[Node] | None = None
        self.on_change: Callable[[str, str, Node, int], None] = lambda *_: None
        self.on_failure: Callable[[Call], None] = lambda _: None

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Take some time, call `function` inline, take some more; as a thread would.

        Like a thread it can be cancelled before it starts, and not any more then.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        before = self.slow_seconds + self._hop_seconds * self._rng.random()
        self.slow_seconds = 0.0
        with trio.CancelScope(shield=True):
            await trio.sleep(before)
            self.held = {opened.node for opened in self._opened.values()}
            try:
                result = function(*args, **kwargs)
            finally:
                self.held = None
            await trio.sleep(self._hop_seconds * self._rng.random())
        return result

    # Hooks

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """See `Filesystem.open`."""
        try:
            return super().open(path, flags, mode)
        except OSError as error:
            if error.errno == errno.EMFILE and self.max_open is not None:
                self._strike(Call("open", path))
            raise

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See `Filesystem.pwrite`."""
        opened = self._opened[fd]
        path = opened.path
        torn = self._torn_bytes
        try:
            count = super().pwrite(fd, data, offset)
        except Death:
            if torn and self._torn_bytes == 0:
                self.on_change("pwrite", path, opened.node, offset + min(torn, len(data)))
            raise
        except OSError as error:
            if error.errno == errno.ENOSPC and self.capacity_bytes is not None:
                self._strike(Call("pwrite", path))
            raise
        self.on_change("pwrite", path, opened.node, offset + count)
        return count

    def ftruncate(self, fd: int, size: int) -> None:
        """See `Filesystem.ftruncate`."""
        super().ftruncate(fd, size)
        opened = self._opened[fd]
        self.on_change("ftruncate", opened.path, opened.node, size)

    def replace(self, source: str, target: str) -> None:
        """See `Filesystem.replace`."""
        super().replace(source, target)
        self.on_change("replace", target, self.node(target), 0)

    def _begin(self, call: Call) -> None:
        try:
            super()._begin(call)
        except OSError:
            self._strike(call)
            raise

    def _strike(self, call: Call) -> None:
        self.struck += 1
        self.on_failure(call)

    # What only a simulation asks

    @property
    def open_count(self) -> int:
        """How many files the pipeline has open."""
        return len(self._opened)

    def used_bytes(self) -> int:
        """Return how many bytes all files have."""
        nodes = {*self._nodes(self._root), *(opened.node for opened in self._opened.values())}
        return sum(len(node.data) for node in nodes)

    def node(self, path: str) -> Node:
        """Return what a path leads to."""
        return self._existing(path)

    def is_link(self, path: str) -> bool:
        """Tell whether a path names a symbolic link."""
        node = self._find(path, follow=False)[2]
        return node is not None and stat.S_ISLNK(node.mode)

    def files_in(self, folder: str) -> dict[str, Node]:
        """Return the files of a folder by path, links followed."""
        found = {}
        for name in self.names(folder):
            path = os.path.join(folder, name)
            node = self._find(path)[2]
            if node is not None and stat.S_ISREG(node.mode):
                found[path] = node
        return found

    def sync_names(self, folder: str) -> None:
        """Make the names in a folder durable."""
        self._sync_folder(self.node(folder))

    def _sync_spared(self) -> None:
        if not self.exists(self._spared):
            return
        for node in self._nodes(self.node(self._spared)):
            node.sync()
            if stat.S_ISDIR(node.mode):
                self._sync_folder(node)

    def _reused(self) -> int | None:
        """Take an inode that was freed, once the end of its file is durable."""
        self._sync_spared()
        kept = [node for change in self._pending for _, _, node in change if node is not None]
        kept += [
            node for folder in self._nodes(self._root) for node in folder.durable_names.values()
        ]
        numbers = {node.number for node in kept}
        free = next((n for n in reversed(self._free_inodes) if n not in numbers), None)
        if free is not None:
            self._free_inodes.remove(free)
        return free

    def lose_power(self, rng: random.Random) -> dict[Node, Node]:
        """Become what the next boot may find.

        Args:
            rng: Draws what is left.

        Returns:
            For every file that was there, what it is now.
        """
        self._sync_spared()
        self.restart()
        old = {node.number: node for node in self._nodes(self._root)}
        left = self.after_power_loss(rng)
        self._root, self._pending, self._free_inodes = left._root, [], []
        new = {node.number: node for node in self._nodes(self._root)}
        self.write(BOOT_ID, b"boot %d\n" % rng.randrange(1 << 32))
        self.sync()
        return {node: new[number] for number, node in old.items() if number in new}

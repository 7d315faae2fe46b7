"""What stands on a disk in memory: inodes, names, and which of both are durable.

`MemoryTree` is the part of `MemoryDisk` that knows no descriptors and no
faults. Its public methods are what other programs do: they act at once, are
not logged, never fail on purpose, and make missing folders.

Content is durable after `Node.sync`, a name after `sync_folder`; of the rest
any part may be gone in the tree that `survivors` returns.
"""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

__all__ = ["Change", "MemoryTree", "Node", "disk_error"]

_MAX_LINKS_FOLLOWED = 40


@attrs.define(eq=False)
class Node:
    """An inode: a file, a folder, a symbolic link or a named pipe.

    Attributes:
        number: Inode number.
        mode: Type and permissions.
        mtime_ns: Last change of the content, or of a folder's names.
        data: Content as every process sees it.
        names: The names in a folder.
        target: Where a symbolic link leads.
        links: How many names it has.
        opened: How many descriptors it has.
        holder: Whoever holds its lock.
        durable: Content that outlives a power loss for certain.
        durable_names: Names that do.
        dirty: Ranges of `data` that the next sync makes durable.
    """

    number: int
    mode: int
    mtime_ns: int
    data: bytearray = attrs.field(factory=bytearray)
    names: dict[str, Node] = attrs.field(factory=dict)
    target: str = ""
    links: int = 0
    opened: int = 0
    holder: object = None
    durable: bytearray = attrs.field(factory=bytearray)
    durable_names: dict[str, Node] = attrs.field(factory=dict)
    dirty: list[tuple[int, int]] = attrs.field(factory=list)

    def sync(self) -> None:
        """Make the length durable, and what the kernel knows as dirty."""
        del self.durable[len(self.data) :]
        self.durable.extend(bytes(len(self.data) - len(self.durable)))
        for start, end in self.dirty:
            self.durable[start:end] = self.data[start:end]
        self.dirty.clear()

    def survivor(self, rng: random.Random) -> bytearray:
        """Return what may be left of the content after a power loss."""
        left = bytearray(self.durable)
        fate = rng.choice(("nothing", "length", "part", "all"))
        if fate != "nothing":
            left.extend(bytes(max(0, len(self.data) - len(left))))
        if fate in {"part", "all"}:
            for start, end in self.dirty:
                stop = min(end, len(self.data))
                if fate == "part" and stop > start:
                    stop = rng.randint(start, stop)
                left[start:stop] = self.data[start:stop]
        return left


#: One step that changes names all at once: (folder, name, its new inode or None).
Change: TypeAlias = tuple[tuple[Node, str, Node | None], ...]


def disk_error(number: int, path: str) -> OSError:
    """Return the error that `os` raises for a number from `errno`."""
    return OSError(number, os.strerror(number), path)


class MemoryTree:
    """Folders and files; relative paths count from the root.

    Attributes:
        now_ns: The clock that modification times are taken from.
        reuse_inodes: Whether a new file gets the inode that was freed last.
    """

    def __init__(self) -> None:
        """Make an empty tree."""
        self.now_ns: Callable[[], int] = lambda: 1_795_420_800_000_000_000
        self.reuse_inodes = False
        self._next_inode = 2
        self._free_inodes: list[int] = []
        self._pending: list[Change] = []
        self._root = Node(1, stat.S_IFDIR | 0o755, 0, links=1)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return bytes(self._existing(path).data)

    def write(self, path: str, data: bytes) -> None:
        """Make a file, or give the same inode a new content."""
        node = self._file(path)
        self._resize(node, 0)
        self._fill(node, data, 0)

    def append(self, path: str, data: bytes) -> None:
        """Add to a file; make it if it is not there."""
        node = self._file(path)
        self._fill(node, data, len(node.data))

    def truncate(self, path: str, size: int = 0) -> None:
        """Set the length of a file."""
        self._resize(self._existing(path), size)

    def rename(self, source: str, target: str) -> None:
        """Rename, over `target` if it is there; two names of one file both stay, as in POSIX."""
        folder, name, node = self._find(source, follow=False)
        new_folder, new_name, present = self._find(target, follow=False)
        if node is None:
            raise disk_error(errno.ENOENT, source)
        if node is present:
            return
        if new_folder in self._nodes(node):
            raise disk_error(errno.EINVAL, source)
        if present is not None and folder in self._nodes(present):
            raise disk_error(errno.ENOTEMPTY, target)
        if present is not None:
            if stat.S_ISDIR(present.mode) and not stat.S_ISDIR(node.mode):
                raise disk_error(errno.EISDIR, target)
            if stat.S_ISDIR(node.mode) and not stat.S_ISDIR(present.mode):
                raise disk_error(errno.ENOTDIR, target)
            if present.names:
                raise disk_error(errno.ENOTEMPTY, target)
        self._change((folder, name, None), (new_folder, new_name, node))

    def remove(self, path: str) -> None:
        """Remove a file, a link, or a folder with all that is in it."""
        folder, name, node = self._find(path, follow=False)
        if node is None:
            raise disk_error(errno.ENOENT, path)
        for child in list(node.names):
            self.remove(f"{path}/{child}")
        self._change((folder, name, None))

    def mkdir(self, path: str) -> None:
        """Make a folder and those above it; fine if it is there."""
        done = ""
        for part in reversed(_parts(path)):
            done = f"{done}/{part}"
            folder, name, node = self._find(done)
            if node is None:
                self._change((folder, name, self._make(stat.S_IFDIR | 0o755)))

    def symlink(self, target: str, path: str) -> None:
        """Make `path` a symbolic link to `target` (the order of `os.symlink`)."""
        self._special(path, stat.S_IFLNK | 0o777).target = target

    def mkfifo(self, path: str) -> None:
        """Make a named pipe; to open it without O_NONBLOCK would block for ever."""
        self._special(path, stat.S_IFIFO | 0o600)

    def hard_link(self, source: str, target: str) -> None:
        """Give a file, or a symbolic link itself, a second name."""
        _, _, node = self._find(source, follow=False)
        if node is None:
            raise disk_error(errno.ENOENT, source)
        folder, name, present = self._find(target, follow=False)
        if present is not None:
            raise disk_error(errno.EEXIST, target)
        if stat.S_ISDIR(node.mode):
            raise disk_error(errno.EPERM, source)
        self._change((folder, name, node))

    def exists(self, path: str) -> bool:
        """Tell whether there is such a name; links are not followed."""
        try:
            return self._find(path, follow=False)[2] is not None
        except OSError:
            return False

    def target(self, path: str) -> str:
        """Return the path that a symbolic link leads to; others as given."""
        for _ in range(_MAX_LINKS_FOLLOWED):
            node = self._find(path, follow=False)[2]
            if node is None or not stat.S_ISLNK(node.mode):
                break
            path = os.path.normpath(os.path.join(os.path.dirname(path), node.target))
        return path

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(self._folder(path).names)

    def set_mtime(self, path: str, mtime_ns: int) -> None:
        """Set the modification time of a file or folder."""
        self._existing(path).mtime_ns = mtime_ns

    def sync(self) -> None:
        """Make everything durable, as the program of that name does."""
        for node in self._nodes(self._root):
            node.durable, node.dirty = bytearray(node.data), []
            node.durable_names = dict(node.names)
        self._pending.clear()

    # --- inside -------------------------------------------------------------------

    def _find(self, path: str, *, follow: bool = True) -> tuple[Node, str, Node | None]:
        """Return the folder, the name in it, and what is there (None: nothing)."""
        trail, name, hops = [self._root], "", 0
        node: Node | None = self._root if path else None
        parts = _parts(path)
        while parts:
            name = parts.pop()
            if name == "..":
                trail = trail[:-1] or trail
                node = trail[-1]
                continue
            node = trail[-1].names.get(name)
            if node is not None and stat.S_ISLNK(node.mode) and (parts or follow):
                hops += 1
                if hops > _MAX_LINKS_FOLLOWED:
                    raise disk_error(errno.ELOOP, path)
                if node.target.startswith("/"):
                    trail = [self._root]
                parts.extend(_parts(node.target))
                node = trail[-1]
            elif parts:
                if node is None:
                    raise disk_error(errno.ENOENT, path)
                if not stat.S_ISDIR(node.mode):
                    raise disk_error(errno.ENOTDIR, path)
                trail.append(node)
        return trail[-1], name, node

    def _existing(self, path: str) -> Node:
        node = self._find(path)[2]
        if node is None:
            raise disk_error(errno.ENOENT, path)
        return node

    def _folder(self, path: str) -> Node:
        node = self._existing(path)
        if not stat.S_ISDIR(node.mode):
            raise disk_error(errno.ENOTDIR, path)
        return node

    def _file(self, path: str) -> Node:
        self.mkdir(os.path.dirname(path))
        folder, name, node = self._find(path)
        if node is None:
            node = self._make(stat.S_IFREG | 0o644)
            self._change((folder, name, node))
        return node

    def _special(self, path: str, mode: int) -> Node:
        self.mkdir(os.path.dirname(path))
        folder, name, present = self._find(path, follow=False)
        if present is not None:
            raise disk_error(errno.EEXIST, path)
        node = self._make(mode)
        self._change((folder, name, node))
        return node

    def _make(self, mode: int) -> Node:
        number = self._reused() if self.reuse_inodes else None
        if number is None:
            number, self._next_inode = self._next_inode, self._next_inode + 1
        return Node(number, mode, self.now_ns())

    def _reused(self) -> int | None:
        """Take an inode that was freed."""
        return self._free_inodes.pop() if self._free_inodes else None

    def _change(self, *change: tuple[Node, str, Node | None]) -> None:
        """Change names in one step."""
        gone = [folder.names.get(name) for folder, name, _ in change]
        for folder, name, node in change:
            _set_name(folder.names, name, node)
            folder.mtime_ns = self.now_ns()
            if node is not None:
                node.links += 1
        self._pending.append(change)
        for node in gone:
            if node is not None:
                node.links -= 1
                self._free(node)

    def _free(self, node: Node) -> None:
        if not node.links and not node.opened:
            self._free_inodes.append(node.number)

    def _fill(self, node: Node, data: bytes, offset: int) -> None:
        if not data:
            return
        end = offset + len(data)
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset:end] = data
        if node.dirty and node.dirty[-1][1] == offset:
            offset = node.dirty.pop()[0]
        node.dirty.append((offset, end))
        node.mtime_ns = self.now_ns()

    def _resize(self, node: Node, size: int) -> None:
        before = len(node.data)
        node.dirty.append((min(size, before), max(size, before)))
        del node.data[size:]
        node.data.extend(bytes(size - len(node.data)))
        node.mtime_ns = self.now_ns()

    def _sync_folder(self, folder: Node) -> None:
        """Make the names of a folder durable, and what that depends on elsewhere."""
        involved, rest, chosen = {folder}, [], []
        for change in reversed(self._pending):
            folders = {changed for changed, _, _ in change}
            if involved.isdisjoint(folders):
                rest.append(change)
            else:
                involved |= folders
                chosen.append(change)
        self._pending = rest[::-1]
        for change in reversed(chosen):
            for changed, name, node in change:
                _set_name(changed.durable_names, name, node)

    def _survivors(self, rng: random.Random) -> Node:
        """Return the root of what the next boot may find."""
        names: dict[Node, dict[str, Node]] = {}
        for change in self._pending:
            if rng.random() < 1 / 2:
                for folder, name, node in change:
                    left = names.setdefault(folder, dict(folder.durable_names))
                    _set_name(left, name, node)
        copies: dict[Node, Node] = {}

        def copy(old: Node) -> Node:
            if old not in copies:
                new = Node(old.number, old.mode, old.mtime_ns, target=old.target)
                copies[old] = new
                new.data = old.survivor(rng)
                left = names.get(old, old.durable_names)
                new.names = {name: copy(child) for name, child in left.items()}
            copies[old].links += 1
            return copies[old]

        return copy(self._root)

    def _nodes(self, root: Node) -> Iterator[Node]:
        """Give every inode from `root` downwards once."""
        seen: set[Node] = set()
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting.extend(node.names.values())
                yield node


def _parts(path: str) -> list[str]:
    """Return the names of a path, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]


def _set_name(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node

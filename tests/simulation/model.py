"""What was written, and which of it may be missing: the model that the oracle compares with.

It knows nothing of the code under test. A *content* is what one log wrote under
one identity until that was cut or given up; its lines stand in *places*: the
file itself and, after a copytruncate, the copy. A line may be missing from an
output only if no place of it could be read any more while it was not delivered
there: the exceptions of the README, and no others.
"""

from __future__ import annotations

import attrs
from memory_tree import Node

__all__ = ["Content", "Line", "Place"]


@attrs.define(eq=False)
class Place:
    """A file in which a content stands.

    Attributes:
        node: The file.
        size: How much of the content is in it, in bytes; None: all.
    """

    node: Node
    size: int | None = None


@attrs.define(eq=False, kw_only=True)
class Line:
    """One line that was written, or the beginning of one that never came to its end.

    Attributes:
        content: Where it stands.
        text: Its bytes without the line end.
        begin: Where it begins in its content.
        end: The byte behind it, its line end included.
        stamp_ns: Its stamp, nanoseconds since 1970; None: it has none.
        is_whole: Whether it has its line end.
        is_joined: Whether it was written together with the line before it and
            belongs to its record.
        is_owed: Whether the life that had its file open when the last name of it
            went away has to deliver it.
        half: What of it a copy has, where the rest was written before the file was cut.
        excuses: Why it may be missing, by sink.
    """

    content: Content
    text: bytes
    begin: int
    end: int
    stamp_ns: int | None
    is_whole: bool = True
    is_joined: bool = False
    is_owed: bool = False
    half: bytes = b""
    excuses: dict[str, str] = attrs.field(factory=dict)

    @property
    def places(self) -> list[Node]:
        """The files in which it stands."""
        return [
            place.node
            for place in self.content.places
            if place.size is None or self.end <= place.size
        ]


@attrs.define(eq=False, kw_only=True)
class Content:
    """What one log wrote under one identity.

    Attributes:
        log: The path of the log.
        number: Counts the contents of all logs, from 0.
        places: The files in which it stands, the first one first.
        data: All of it.
        lines: Its lines.
        mtime_ns: When it was written last.
        latest_ns: The latest time that it has ever borne; clocks are put back.
        was_opened: Whether the pipeline has had it open, in this life or one whose
            checkpoint names it.
        was_seen: Whether the pipeline has ever looked into it, with bytes in it.
        is_over: Whether nobody writes to it any more.
        is_linked: Whether it has another name, under which somebody may write on.
        is_older: Whether it was renamed to a name that no pattern matches, with a
            time that is before that of a content in front of it.
        excuse: Why all of it may be missing; empty if it may not.
        alien: The sinks that do not take the records of its source.
    """

    log: str
    number: int
    places: list[Place]
    data: bytearray = attrs.field(factory=bytearray)
    lines: list[Line] = attrs.field(factory=list)
    mtime_ns: int = 0
    latest_ns: int = 0
    was_opened: bool = False
    was_seen: bool = False
    is_over: bool = False
    is_linked: bool = False
    is_older: bool = False
    excuse: str = ""
    alien: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        """The name of the source that reads the log."""
        return self.log.split("/")[2]

    def touch(self, now_ns: int) -> None:
        """Take in that it bears a new time."""
        self.mtime_ns = now_ns
        self.latest_ns = max(self.latest_ns, now_ns)

    def add(self, data: bytes, stamp_ns: int | None, *, joined: bool = False) -> None:
        """Take in a line that was written, or a part of one."""
        begin = len(self.data)
        self.data += data
        if self.lines and not self.lines[-1].is_whole:
            line = self.lines[-1]
            line.text, line.end = bytes(self.data[line.begin :]), len(self.data)
        else:
            line = Line(
                content=self,
                text=data,
                begin=begin,
                end=len(self.data),
                stamp_ns=stamp_ns,
                is_joined=joined,
                excuses=dict.fromkeys(self.alien, "its source is none of the sink's inputs"),
            )
            self.lines.append(line)
        line.is_whole = line.text.endswith(b"\n")
        line.text = line.text.removesuffix(b"\n")

    def keys(self, before: int | None) -> list[tuple[int | None, list[Line]]]:
        """Return its records with their keys: the running maximum of the stamps.

        Args:
            before: The running maximum in front of the content.
        """
        records: list[tuple[int | None, list[Line]]] = []
        for line in self.lines:
            if line.stamp_ns is None and records:
                records[-1][1].append(line)
                continue
            if line.stamp_ns is not None:
                before = line.stamp_ns if before is None else max(before, line.stamp_ns)
            records.append((before, [line]))
        return records

"""The oracle: looks at every change of the outputs and checkpoints, and at the end.

What it holds the pipeline to:

* A byte of an output that was written (or compared, after a power loss) never
  changes; what a checkpoint covers outlives everything.
* A checkpoint names no byte of an output that is not durable, no record that is
  not in front of that byte, and nothing behind what an earlier one named.
* At the end every line stands in every output exactly once, those of a content in
  their order, those of a record together; only lines with an excuse are missing.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from memory_disk import Call
from memory_tree import Node
from pipeline_helpers import CHECKPOINT

from simulation.configuration import Configuration, usual_name
from simulation.disk import BOOT_ID, SimulatedDisk
from simulation.model import Content, Line
from simulation.outputs import Output, Row, covered, is_journal, rows_of
from simulation.scenario import OUTPUTS, Scenario
from simulation.world import World
from trio_ship.pipeline import Pipeline

__all__ = ["Oracle", "Violation"]

_SLACK: Final = 4096


class Violation(BaseException):
    """A promise was broken; nothing in the pipeline may catch it."""


class Oracle:
    """Watches one run.

    Args:
        disk: What it runs on.
        world: Who knows what was written.
        scenario: What happens.
        configuration: What is configured.

    Attributes:
        pipeline: The present life, if there is one.
        saves: Checkpoints that were put in their place.
        is_even: Whether all sinks were sure to be given the same order: one without
            its journal, or one whose last batch was torn and cannot be made again,
            goes back further than the others, and after a read that failed some may
            have what others are given between older records; so may one that had more
            when a life ended, if what is written then goes back in time, and one that
            was not always there.
    """

    def __init__(
        self,
        disk: SimulatedDisk,
        world: World,
        scenario: Scenario,
        configuration: Configuration,
    ) -> None:
        self._disk = disk
        self._world = world
        self._scenario = scenario
        self._configuration = configuration
        self._sinks = scenario.settings.sinks
        self._outputs: dict[str, list[Output]] = {sink: [] for sink in self._sinks}
        self._newest: dict[str, Any] | None = None
        self._trusted: dict[str, Any] | None = None
        self._believed_saves = 0
        self._harmed: set[str] = set()
        self._is_blind = False
        self._missed_reads = False
        older = {"behind", "clock", "half"}  # a line that is finished later is older than others
        self._goes_back = any(event.kind in older for event in scenario.events)
        self.pipeline: Pipeline | None = None
        self.saves = 0
        self.violation = ""
        self.is_even = True
        self._has_lost_power = False
        disk.on_change = self._changed
        disk.on_failure = self._failed
        world.on_loss = self.losses

    def fail(self, text: str) -> None:
        """Say that a promise is broken."""
        self.violation = self.violation or text
        raise Violation(text)

    # While it runs

    def look(self) -> None:
        """Look at what the pipeline says of itself; called before every disk call."""
        if self.pipeline is None:
            return
        board = self.pipeline._board
        if board.statistics.saves != self._believed_saves:
            self._believed_saves = board.statistics.saves
            self._trusted = self._newest
        pending = int(board.pending.sum()) if len(board.pending) else 0
        if pending > self._scenario.settings.buffer_bytes + _SLACK:
            self.fail(f"{pending} bytes wait in the sequencer")

    def _failed(self, call: Call) -> None:
        """Take in that a journal, or what says whose it is, cannot be trusted any more."""
        self._missed_reads |= call.path.startswith("/logs/")
        if call.path == BOOT_ID:
            self._is_blind = True
        for sink in self._sinks:
            if is_journal(call.path, sink):
                self._harmed.add(sink)
                self.is_even = len(self._sinks) == 1
                if call.name in {"open", "pread"} and not call.path.endswith(".new"):
                    self._back_to_checkpoint([sink])
        if self._is_blind:
            self._back_to_checkpoint(self._sinks)

    def _changed(self, call: str, path: str, node: Node, reached: int) -> None:
        if path == CHECKPOINT:
            self._saved()
        elif call == "replace":
            self._harmed -= {sink for sink in self._sinks if is_journal(path, sink)}
        for sink in self._sinks:
            if call == "pwrite" and is_journal(path, sink) and self._outputs[sink]:
                self._outputs[sink][-1].noted = len(self._outputs[sink][-1].kept)
            if path.startswith(OUTPUTS[sink]) and ".cut-" not in path:
                self._wrote(sink, node, call, reached)

    def _output(self, sink: str, node: Node) -> Output:
        """Return an output of a sink; one that was not known is its last."""
        outputs = self._outputs[sink]
        known = next((output for output in outputs if output.node is node), None)
        if known is None:
            known = Output(node)
            outputs.append(known)
        return known

    def _wrote(self, sink: str, node: Node, call: str, reached: int) -> None:
        output = self._output(sink, node)
        if not node.data.startswith(output.kept):
            self.fail(f"{call}: a byte of the output {sink} changed, of {len(output.kept)} kept")
        if call == "pwrite" and reached > len(output.kept):
            output.kept = bytes(node.data[:reached])

    def _saved(self) -> None:
        self.saves += 1
        document = tomllib.loads(self._disk.read(CHECKPOINT).decode())
        sinks = document.get("sinks", {}).items()
        document["sinks"] = {usual_name(name): table for name, table in sinks}
        for earlier in (self._newest, self._trusted):
            if earlier is not None:
                self._check_progress(earlier, document)
        self._newest = document
        for sink in self._configuration.sinks:
            table = document["sinks"].get(sink)
            if table is not None:
                self._check_durable(sink, table)
                self._check_covered(sink, table, document)

    def _check_progress(self, earlier: dict[str, Any], document: dict[str, Any]) -> None:
        if document["sequence"] < earlier["sequence"]:
            self.fail(f"the checkpoint went back from record {earlier['sequence']}")
        before = {file["id"]: file["offset"] for file in _files(earlier)}
        for file in _files(document):
            if file["offset"] < before.get(file["id"], 0):
                self.fail(f"the checkpoint went back in {file['path']}")

    def _check_durable(self, sink: str, table: dict[str, Any]) -> None:
        """Check that what a checkpoint names is durable; keep in mind which output that is."""
        offset, folder = table["offset"], self._disk.node("/out")
        node = next(node for node in folder.names.values() if node.number == table["inode"])
        self._output(sink, node)
        if not offset:
            return
        if node.durable[:offset] != node.data[:offset] or len(node.durable) < offset:
            self.fail(f"the checkpoint names byte {offset} of {sink}, which is not durable")
        if node not in folder.durable_names.values():
            self.fail(f"the checkpoint names the output {sink}, whose name is not durable")

    def _check_covered(self, sink: str, table: dict[str, Any], document: dict[str, Any]) -> None:
        """Check that all in front of the positions stands in front of the output's offset."""
        there = {line for row in self.rows(sink, table) for line in row.lines}
        for file in _files(document):
            content = self._content_of(file)
            if content is None:
                continue
            for line in content.lines:
                if line.end > file["offset"]:
                    break
                if line.text not in there and sink not in line.excuses:
                    self.fail(
                        f"the checkpoint stands at byte {file['offset']} of {file['path']}, "
                        f"but {sink} lacks {line.text!r}"
                    )

    def _content_of(self, file: dict[str, Any]) -> Content | None:
        length, _, digest = file["fingerprint"].partition(":")
        if not digest:
            return None
        for content in self._world.contents:
            head = bytes(content.data[: int(length)])
            if len(head) == int(length) and hashlib.sha256(head).hexdigest()[:32] == digest:
                return content
        return None

    def rows(self, sink: str, table: dict[str, Any] | None = None) -> list[Row]:
        """Return what a sink has written, as far as a checkpoint covers it if one is given."""
        outputs = self._outputs[sink]
        lengths = covered(outputs, table) if table else [None] * len(outputs)
        return [
            row
            for output, length in zip(outputs, lengths, strict=True)
            for row in rows_of(sink, bytes(output.node.data[:length]))
        ]

    def settled_rows(self, sink: str) -> list[Row]:
        """Return what a sink has written, without what nothing is left to compare with.

        What a power loss has left behind the last checkpoint is compared with what
        comes next. If nothing comes, because the sources are gone, it stays there.
        """
        outputs = self._outputs[sink]
        table = (self._newest or {}).get("sinks", {}).get(sink, {})
        is_last = bool(outputs) and table.get("inode") == outputs[-1].node.number
        return self.rows(sink, table if self._has_lost_power and is_last else None)

    # Losses and deaths

    def put_back(self, sink: str) -> None:
        """Excuse what was delivered while a sink was not there: it goes on at the checkpoint."""
        self.is_even = False
        for file in _files(self._newest or {}):
            content = self._content_of(file)
            for line in content.lines if content is not None else ():
                if line.end <= file["offset"]:
                    line.excuses.setdefault(sink, "delivered while there was no such sink")

    def losses(self) -> None:
        """Excuse the lines that nobody can read any more and that were not delivered."""
        self._world.notice_opened()
        if self.pipeline is None:
            self._give_up_torn()
        self._excuse("deleted while it was not open", self._lines_kept)

    def ended(self) -> None:
        """Take in that a life has ended: files without a name are gone with it."""
        self.look()
        self.is_even &= not self._missed_reads or len(self._sinks) == 1
        if self._goes_back and len({frozenset(self._lines_kept(sink)) for sink in self._sinks}) > 1:
            self.is_even = False
        self._missed_reads = False
        self.pipeline = None
        self._believed_saves = 0
        for line in self._world.lines:
            line.is_owed = False
        self._forget_unrecorded()
        self._back_to_checkpoint(self._sinks if self._is_blind else self._harmed)
        self._is_blind = False
        self._give_up_torn()
        self._excuse("deleted, and the life that had it open has ended", self._lines_kept)

    def _give_up_torn(self) -> None:
        """Let a torn batch go that cannot be made again, because one of its files is gone."""
        if self._gone():
            for outputs in self._outputs.values():
                for output in outputs[-1:]:
                    self.is_even &= len(output.kept) <= output.noted or len(self._sinks) == 1
                    output.kept = output.kept[: output.noted]

    def power_lost(self, survivors: dict[Node, Node]) -> None:
        """Check what a power loss has left, and forget what it may have taken."""
        self._has_lost_power = True
        for sink, outputs in self._outputs.items():
            self._outputs[sink] = [
                Output(survivors[output.node], output.kept)
                for output in outputs
                if output.node in survivors
            ]
            if len(self._outputs[sink]) < len(outputs) and outputs[-1].kept:
                self._check_lost(sink)
        self._back_to_checkpoint(self._sinks)
        for sink in self._sinks:
            for output in self._outputs[sink]:
                if not output.node.data.startswith(output.kept):
                    self.fail(f"a power loss took bytes of {sink} that a checkpoint covers")
        self._newest = self._trusted
        self._forget_unrecorded()
        self._excuse("deleted, and its lines were not durable in the output", self._lines_kept)

    def _check_lost(self, sink: str) -> None:
        table = (self._trusted or {}).get("sinks", {}).get(sink)
        left = {output.node.number for output in self._outputs[sink]}
        if table and table["offset"] and table["inode"] not in left:
            self.fail(f"a power loss took the output {sink} that a checkpoint names")

    def _forget_unrecorded(self) -> None:
        """Excuse files under names that no pattern matches, of logs in no checkpoint."""
        recorded = list(_files(self._newest or {}))
        self._world.known = {file["path"] for file in recorded}
        inodes = {file["inode"] for file in recorded}
        for content in self._world.contents:
            content.was_opened &= any(place.node.number in inodes for place in content.places)
        if not self._scenario.settings.every_name:
            for content in self._world.contents:
                if content.is_over and content.log not in self._world.known:
                    content.excuse = "found and renamed, but in no checkpoint when the life ended"

    def _back_to_checkpoint(self, sinks: Collection[str]) -> None:
        """Keep only what the newest checkpoint covers: the rest is compared, not adopted."""
        for sink in sinks:
            table = (self._trusted or {}).get("sinks", {}).get(sink)
            outputs = self._outputs[sink]
            for output, length in zip(outputs, covered(outputs, table), strict=True):
                output.kept = output.kept[:length]

    def _lines_kept(self, sink: str) -> set[bytes]:
        return {
            line
            for output in self._outputs[sink]
            for row in rows_of(sink, output.kept)
            for line in row.lines
        }

    def _gone(self) -> list[Line]:
        """Return the lines that nobody can read any more."""
        reachable = self._world.reachable()
        gone: list[Line] = []
        for content in self._world.contents:
            if content.places and all(
                place.size is None and place.node in reachable for place in content.places
            ):
                continue
            for line in content.lines:
                places = line.places
                if any(node in reachable for node in places):
                    continue
                if self.pipeline is not None:
                    line.is_owed = line.is_owed or any(map(self._is_held, places))
                if not line.is_owed:
                    gone.append(line)
        return gone

    def _is_held(self, node: Node) -> bool:
        return bool(node.opened) and (self._disk.held is None or node in self._disk.held)

    def _excuse(self, why: str, delivered: Callable[[str], set[bytes]]) -> None:
        gone = self._gone()
        for sink in self._sinks:
            there = delivered(sink) if gone else set()
            for line in gone:
                if line.text not in there:
                    line.excuses.setdefault(sink, why)


def _files(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tables in document.get("sources", {}).values():
        yield from tables

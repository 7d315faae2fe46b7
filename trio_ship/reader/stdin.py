"""Standard input as a source: one chain that can be read only once.

Bytes that did not make a whole record yet wait in memory, not in a file; so
there is no position to go back to after a restart.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from typing import Final

import attrs
import numpy as np
import trio

from trio_ship.batch import NO_STAMP
from trio_ship.board import Board
from trio_ship.config import SourceConfig
from trio_ship.decode.charsets import UTF_8, charset_of, narrow
from trio_ship.decode.regions import Regions
from trio_ship.decode.round import Round, decode_round
from trio_ship.errors import SourceError
from trio_ship.merge import optional_ns, select
from trio_ship.notes import Note
from trio_ship.reader.arena import SLACK
from trio_ship.reader.decoders import HEAD, Decoders
from trio_ship.reader.samples import whole_lines
from trio_ship.report import Chain, Poll, Report
from trio_ship.stages import OFF, Stage, Stages
from trio_ship.state import FileEntry, Position

__all__ = ["StdinReader"]

_LOG = logging.getLogger("trio_ship")
_STDIN: Final = 0
_CHUNK: Final = 1 << 20
_SECOND: Final = 1_000_000_000
_PATIENCE_SECONDS: Final = 0.1
_MARK_BYTES: Final = 2
_NEVER_NS: Final = 2**62
"""When another file may come to a source that is one stream: no other waits for that."""


class StdinReader:
    """Reads standard input to its end.

    Args:
        config: The source.
        board: What the tasks share.
        number: The number of its chain.
        follow: Whether the pipeline goes on when other inputs have ended.
        max_delay_seconds: How long to wait for more lines of the last record.
        max_future_seconds: How far beyond the present a stamp may lie.
        wall_ns: The wall clock, nanoseconds since 1970.
        stages: Told what reading and decoding cost.
    """

    def __init__(
        self,
        config: SourceConfig,
        board: Board,
        *,
        number: int,
        follow: bool,
        max_delay_seconds: float,
        max_future_seconds: float,
        wall_ns: Callable[[], int],
        stages: Stages = OFF,
    ) -> None:
        self._stages = stages
        self._config = config
        self._board = board
        self._number = number
        self._follow = follow
        self._delay = max_delay_seconds
        self._future_ns = round(max_future_seconds * _SECOND)
        self._wall_ns = wall_ns
        self._begin_ns = config.begin_ns(wall_ns())
        self._until_ns = config.until_ns(wall_ns())
        self._is_over = False
        self._notes: list[Note] = []
        self._decoders = Decoders(config, self._notes)
        self._entry = FileEntry(
            id="0" * 16,
            source=config.name,
            path="-",
            file="-",
            device=0,
            inode=0,
            zone=config.timestamp.timezone,
        )
        self._position = Position()
        self._lacking = np.zeros(1, np.bool_)
        self._data = b""
        self._raw = b""
        self._offset = 0
        self._charset = ""

    async def run(self, send: trio.MemorySendChannel[Report]) -> None:
        """Read until the end of input or until cancelled."""
        opened = (Chain(number=self._number, source=self._config.name, path="-"),)
        bell = self._board.readers[self._config.name]
        with send:
            await send.send(self._report(None, opened=opened))
            ended = False
            while not ended:
                while self._waiting_bytes() > _CHUNK:
                    await bell.wait_ring()
                started = trio.current_time()
                wall_ns = self._wall_ns()
                data = await self._read_some()
                if data is not None:
                    ended = not data
                    self._take(data, final=ended)
                poll = Poll(wall_ns=_NEVER_NS if data else wall_ns, seconds=started)
                result = self._decode(final=ended, closing=data is None)
                ended = ended or self._is_over
                if ended:
                    poll = Poll(wall_ns=_NEVER_NS, seconds=math.inf)
                unread = bool(data) and not ended
                await send.send(self._report(result, poll=poll, unread=unread, ended=ended))

    def _take(self, data: bytes, *, final: bool) -> None:
        """Take in what was read, as UTF-8."""
        self._raw += data
        if not self._charset:
            if len(self._raw) < _MARK_BYTES and not final:
                return
            self._charset = charset_of(self._config.charset, UTF_8, self._raw[:_MARK_BYTES])
        if self._charset == UTF_8:
            self._data, self._raw = self._data + self._raw, b""
            return
        read = narrow(self._raw, self._charset, self._offset, final=final)
        self._board.count(undecodable=len(read.replaced))
        self._data += read.text
        self._offset += read.used
        self._raw = self._raw[read.used :]

    def _waiting_bytes(self) -> int:
        pending = self._board.pending
        return int(pending[self._number]) if self._number < len(pending) else 0

    async def _read_some(self) -> bytes | None:
        """Return the next bytes, b"" at the end; None after a quiet while."""
        with trio.move_on_after(max(self._delay, _PATIENCE_SECONDS)) as quiet:
            try:
                await trio.lowlevel.wait_readable(_STDIN)
            except OSError:
                await trio.lowlevel.checkpoint()
        if quiet.cancelled_caught:
            return None
        try:
            return await trio.to_thread.run_sync(self._read_chunk)
        except OSError as error:
            raise SourceError(
                f"sources.{self._config.name}: standard input cannot be read: {error.strerror}"
            ) from error

    def _read_chunk(self) -> bytes:
        with self._stages.measure(Stage.READ):
            data = os.read(_STDIN, _CHUNK)
        self._stages.count(Stage.READ, len(data))
        return data

    def _decode(self, *, final: bool, closing: bool) -> Round | None:
        if not self._data:
            return None
        if not self._decoders.knows(self._entry):
            head = whole_lines(self._data[:HEAD], final=final and len(self._data) <= HEAD)
            self._entry = self._decoders.recognise(
                self._entry, [head], mtime_ns=self._wall_ns(), blocks=lambda: [self._data]
            )
            for note in self._notes:
                _LOG.log(note.level, "%s", note.text)
            self._notes.clear()
        position = self._position
        regions = Regions.at(
            [position],
            [self._entry],
            np.array([len(self._data)], np.int64),
            chain=[self._number],
            decoder=[self._decoders.number(self._entry)],
            limit_ns=np.array([self._wall_ns() + self._future_ns], np.int64),
            final=np.array([final]),
            closing=np.array([closing]),
        )
        result = decode_round(
            np.frombuffer(self._data + bytes(SLACK), np.uint8),
            attrs.evolve(regions, lacking=self._lacking),
            self._decoders.all,
            grouping=self._decoders.grouping,
            read_at=trio.current_time(),
            stages=self._stages,
        )
        self._lacking = result.lacking
        self._data = self._data[int(result.offset[0]) - position.offset :]
        self._position = Position(
            int(result.offset[0]),
            optional_ns(int(result.max_ns[0])),
            optional_ns(int(result.last_ns[0])),
            bool(result.inside[0]),
        )
        return self._within(result)

    def _within(self, result: Round) -> Round:
        """Leave out what is in front of the moment to begin with, or behind the last."""
        batch = result.batch
        if not self._decoders.knows(self._entry):
            return result
        if self._begin_ns is not None and len(batch) and batch.key[0] < self._begin_ns:
            batch = select(batch, batch.key >= self._begin_ns)
        if self._until_ns is not None and len(batch) and batch.key[-1] >= self._until_ns:
            self._is_over = True
            batch = select(batch, batch.key < self._until_ns)
        return attrs.evolve(result, batch=batch)

    def _report(
        self,
        result: Round | None,
        *,
        opened: tuple[Chain, ...] = (),
        poll: Poll | None = None,
        unread: bool = False,
        ended: bool = False,
    ) -> Report:
        numbers = np.array([self._number], np.int64)
        known = self._position.max_ns
        mark = np.array([NO_STAMP if known is None else known], np.int64)
        if result is not None:
            mark = result.watermark
        return Report(
            source=self._config.name,
            batch=result.batch if result is not None and len(result.batch) else None,
            opened=opened,
            chains=numbers,
            watermarks=mark,
            resolution_ns=np.array([self._decoders.resolution_ns(self._entry)], np.int64),
            closed=(self._number,) if ended else (),
            poll=poll if self._follow else None,
            unread=frozenset([self._number] if unread else []),
            held=frozenset([self._number] if result is not None and bool(result.held[0]) else []),
        )

"""From a configuration to the parts of a pipeline: sinks, watches and readers."""

from __future__ import annotations

import itertools
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from trio_ship.batch import OrderedBatch
from trio_ship.board import Bell, Board
from trio_ship.checkpoint.journal import Journal, boot_id, content_of, journal_path
from trio_ship.checkpoint.recovery import Written
from trio_ship.config import Config, SinkConfig, SourceConfig
from trio_ship.cut import stops
from trio_ship.encode import Encoder, encoder
from trio_ship.encode.json_lines import JsonEncoder
from trio_ship.filesystem import Filesystem
from trio_ship.globs import matches
from trio_ship.reader.arrivals import Seek
from trio_ship.reader.chains import Chains
from trio_ship.reader.claims import assign, handed_over
from trio_ship.reader.files import SourceFiles
from trio_ship.reader.pulse import Pulse
from trio_ship.reader.replay import replay
from trio_ship.reader.rounds import RoundReader
from trio_ship.reader.seek import Seeker
from trio_ship.reader.stdin import StdinReader
from trio_ship.reader.task import Reader
from trio_ship.reader.watch import Watch
from trio_ship.reader.watcher import Watcher
from trio_ship.sink import Sink
from trio_ship.sinks.file import FileSink
from trio_ship.sinks.stdout import StdoutSink
from trio_ship.stages import OFF, Stages
from trio_ship.state import FileEntry, Position, Snapshot

if TYPE_CHECKING:
    from trio_ship.shaping import Shaping
    from trio_ship.steps.chain import StepChain

__all__ = ["Assembly", "Sources"]

_SPARE_DESCRIPTORS: Final = 64
_SECOND: Final = 1_000_000_000
_UNKNOWN_NS: Final = 10_000_000_000


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Sources:
    """What reads.

    Attributes:
        watcher: What looks at all files.
        readers: The readers of files.
        stdin: The reader of standard input, if there is one.
    """

    watcher: Watcher
    readers: tuple[Reader, ...]
    stdin: StdinReader | None


class Assembly:
    """Makes the parts of one pipeline.

    Attributes:
        common: What is done to batches before any sink takes them; None: nothing.

    Args:
        config: What to make.
        disk: Whose files.
        wall_ns: The wall clock, nanoseconds since 1970.
        stages: Told what reading and writing cost.
    """

    def __init__(
        self,
        config: Config,
        disk: Filesystem,
        wall_ns: Callable[[], int],
        stages: Stages = OFF,
    ) -> None:
        self._stages = stages
        self._config = config
        self._disk = disk
        self._wall_ns = wall_ns
        self._numbers = itertools.count()
        self._json: list[JsonEncoder] = []
        self._chains: dict[str, StepChain] = {}
        self._shaping = _shaping(config)
        self.common = self._shaping.common() if self._shaping is not None else None

    @property
    def removed(self) -> dict[str, Counter[str]]:
        """How much steps have removed: by whose they are, and how and where."""
        common = {"all sinks": self.common.removed} if self.common is not None else {}
        own = {f"sinks.{name}": chain.removed for name, chain in self._chains.items()}
        return common | own

    @property
    def encoding_counts(self) -> dict[str, int]:
        """What encoders could not do as it was asked, by the names in `Statistics`."""
        return {
            "replaced": sum(encode.replaced for encode in self._json),
            "cut_nuls": sum(encode.cut_nuls for encode in self._json),
            "fieldless": sum(chain.fieldless for chain in self._shaped_by()),
        }

    def _shaped_by(self) -> list[StepChain]:
        common = [self.common] if self.common is not None else []
        return [*common, *self._chains.values()]

    def delays(self) -> dict[str, float]:
        """Return how long a line of each source may take to its file, in seconds."""
        return {name: self._delay(source) for name, source in self._config.sources.items()}

    async def sinks(
        self, former: Mapping[str, str], *, resumed: bool, raw_terminal: bool
    ) -> list[Sink]:
        """Make the sinks.

        Args:
            former: The names that sinks had at the last run, where those were others.
            resumed: Whether there is a checkpoint, so that journals count.
            raw_terminal: Whether control characters may reach a terminal.
        """
        made: list[Sink] = []
        for name, settings in self._config.sinks.items():
            encode = encoder(settings.encoding, sources=tuple(self._config.sources))
            if isinstance(encode, JsonEncoder):
                self._json.append(encode)
            if self._shaping is not None and (own := self._shaping.own(settings, encode)):
                self._chains[name] = encode = own
            if settings.type == "stdout":
                made.append(StdoutSink(name, encode, raw=raw_terminal, stages=self._stages))
            else:
                known_as = former.get(name, name) if resumed else None
                made.append(await self._file_sink(name, settings, encode, known_as))
        return made

    async def _file_sink(
        self, name: str, settings: SinkConfig, encode: Encoder, known_as: str | None
    ) -> FileSink:
        journal, data = None, b""
        checkpoint = self._config.pipeline.checkpoint
        if checkpoint.enabled:
            boot = await self._disk.run(boot_id, self._disk)
            journal = Journal(self._disk, journal_path(checkpoint.path, name), boot)
            if known_as is not None:
                path = journal_path(checkpoint.path, known_as)
                data = await self._disk.run(content_of, self._disk, path)
        return FileSink(
            name,
            settings.path,
            self._disk,
            encode,
            journal=journal,
            journal_data=data,
            replay=self._replay,
            stages=self._stages,
        )

    def _replay(self, written: Written, cut: Snapshot) -> OrderedBatch | None:
        cut = handed_over(cut, self._assigned(cut), self._wall_ns())
        batch = replay(self._disk, self._config, written, cut)
        return batch if batch is None or self.common is None else self.common.apply(batch)

    def _assigned(self, snapshot: Snapshot) -> dict[str, str]:
        """Return the name of the source that goes on with each file, by the file's id."""
        covers = {
            name: _covers(source)
            for name, source in self._config.sources.items()
            if source.type == "file"
        }
        return assign(list(snapshot.files.values()), covers)

    def sources(self, board: Board, *, checkpoint: Snapshot | None) -> Sources:
        """Make what reads; every reader gets its bell on the board.

        Args:
            board: What the tasks share; it shows what was read before.
            checkpoint: What was loaded; None at the very first start.
        """
        assigned = self._assigned(board.snapshot)
        board.snapshot = handed_over(board.snapshot, assigned, self._wall_ns())
        pulse = Pulse(self._disk)
        watches: dict[str, Watch] = {}
        readers: list[Reader] = []
        stdin = None
        for name, source in self._config.sources.items():
            board.readers[name] = Bell()
            if source.type == "stdin":
                stdin = self._stdin(source, board)
                continue
            watches[name] = Watch(pulse, source.paths, source.exclude, literal=source.literal)
            recorded = [
                (board.snapshot.files[id_], board.snapshot.positions[id_])
                for id_, owner in assigned.items()
                if owner == name
            ]
            readers.append(self._reader(name, source, board, recorded, checkpoint))
        watcher = Watcher(
            self._disk,
            watches,
            pulse,
            board,
            wall_ns=self._wall_ns,
            patience=self.delays(),
            follow=self._config.pipeline.follow,
        )
        return Sources(watcher=watcher, readers=tuple(readers), stdin=stdin)

    def _reader(
        self,
        name: str,
        source: SourceConfig,
        board: Board,
        recorded: list[tuple[FileEntry, Position]],
        checkpoint: Snapshot | None,
    ) -> Reader:
        settings = self._config.pipeline
        pulse = Pulse(self._disk)
        chains = Chains(
            pulse,
            name,
            follow=settings.follow,
            number=self._numbers.__next__,
            recorded=recorded,
            keep=_file_limit() // len(self._config.sources),
            charset=source.charset,
            stops=stops(board.snapshot),
        )
        files = SourceFiles(
            pulse,
            chains,
            covers=_covers(source),
            from_end=checkpoint is None and source.start != "beginning",
            # A file is known some seconds after it was made.
            since_ns=0 if checkpoint is None else max(0, checkpoint.saved_ns - _UNKNOWN_NS),
            recorded=recorded,
            outputs=lambda: {state.identity for state in board.snapshot.sinks.values()},
            seek=self._seek(source, chains),
        )
        rounds = RoundReader(
            pulse,
            source,
            chains,
            follow=settings.follow,
            max_future_seconds=self._future(source),
            until_ns=source.until_ns(self._wall_ns()),
            stages=self._stages,
        )
        return Reader(
            self._disk,
            name,
            files,
            rounds,
            board,
            follow=settings.follow,
            in_flight_bytes=self._config.in_flight_bytes,
            max_delay_seconds=self._delay(source),
        )

    def _seek(self, source: SourceConfig, chains: Chains) -> Seek | None:
        begin_ns = source.begin_ns(self._wall_ns())
        if begin_ns is None:
            return None
        future_ns = round(self._future(source) * _SECOND)
        follow = self._config.pipeline.follow
        return Seeker(source, chains.notes, begin_ns, future_ns, follow=follow).seek

    def _stdin(self, source: SourceConfig, board: Board) -> StdinReader:
        return StdinReader(
            source,
            board,
            number=next(self._numbers),
            follow=self._config.pipeline.follow,
            max_delay_seconds=self._delay(source),
            max_future_seconds=self._future(source),
            wall_ns=self._wall_ns,
            stages=self._stages,
        )

    def _delay(self, source: SourceConfig) -> float:
        own = source.max_delay_seconds
        return self._config.pipeline.max_delay_seconds if own is None else own

    def _future(self, source: SourceConfig) -> float:
        own = source.max_future_seconds
        return self._config.pipeline.max_future_seconds if own is None else own


def _shaping(config: Config) -> Shaping | None:
    """Return what shapes records; None where nothing does."""
    if config.is_plain:
        return None
    from trio_ship.shaping import Shaping  # noqa: PLC0415 - much is imported for it

    return Shaping(config)


def _covers(source: SourceConfig) -> Callable[[str], bool]:
    def covers(path: str) -> bool:
        if source.literal:
            return path in source.paths
        return any(matches(pattern, path) for pattern in source.paths) and not any(
            matches(pattern, path) for pattern in source.exclude
        )

    return covers


def _file_limit() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        limit = 1 << 20
    return max(2 * _SPARE_DESCRIPTORS, limit) - _SPARE_DESCRIPTORS

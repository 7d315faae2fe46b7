"""The configuration as one frozen tree; every default stands here and nowhere else.

The annotations carry the rules of `values`, which hold for what is loaded from
TOML. Whoever builds a tree by hand is trusted to give absolute paths and values
that make sense.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

import attrs

from trio_ship.config.expressions import Expression, Pattern
from trio_ship.config.fields import FieldName, FieldTest, FieldText, FieldValue, Scalar
from trio_ship.config.moments import PLACES, Beginning, resolve_moment
from trio_ship.config.multiline import LineRule, Multiline, RuleName
from trio_ship.config.parse import FieldRule, Parse, ParseName
from trio_ship.config.values import (
    NamePattern,
    Number,
    PathText,
    PipelineName,
    Replacement,
    StampFormat,
    TableName,
    ZoneName,
)
from trio_ship.errors import ConfigError

__all__ = [
    "NOT_A_KEY",
    "Charset",
    "CheckpointConfig",
    "Config",
    "PipelineConfig",
    "SinkConfig",
    "SourceConfig",
    "StepConfig",
    "TimestampConfig",
    "WhenConfig",
]

NOT_A_KEY: Final = "not a key"
"""In the metadata of attributes that cannot be set in TOML."""

# Three years: ten times as long still counts in nanoseconds within 64 bits.
_LONGEST: Final = 100_000_000

_Seconds: TypeAlias = Annotated[float, Number(unit="seconds", least=0, most=_LONGEST)]
_Interval: TypeAlias = Annotated[float, Number(unit="seconds", least=0.001, most=_LONGEST)]
# The gather addresses bytes with 32 bits.
_RecordBytes: TypeAlias = Annotated[int, Number(unit="bytes", least=64, most=1 << 30, whole=True)]
_RecordLines: TypeAlias = Annotated[int, Number(unit="lines", least=1, most=1 << 30, whole=True)]
_BufferBytes: TypeAlias = Annotated[
    int, Number(unit="bytes", least=65_536, most=1 << 40, whole=True)
]
Charset: TypeAlias = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "latin-1",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
]
"""How the text of a source may be encoded; "utf-16" leaves the order of bytes to the file."""

_Pattern: TypeAlias = Annotated[str, PathText()]
_Output: TypeAlias = Annotated[str, PathText(is_output=True)]
_Name: TypeAlias = Annotated[str, TableName()]
_Severity: TypeAlias = Literal["trace", "debug", "info", "notice", "warn", "error", "fatal"]
_Field: TypeAlias = Annotated[str, FieldName(is_pattern=True)]
_Fields: TypeAlias = (
    Mapping[Annotated[str, FieldName()], Annotated[Scalar, FieldValue()]] | tuple[_Field, ...]
)
_Secret: TypeAlias = Literal["email", "ipv4", "ipv6", "card", "bearer", "aws_key"]


def _by_name(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(sorted(tables.items())))


def _hidden(default: Any) -> Any:  # noqa: ANN401 - `attrs.field` is typed as what it stands for
    return attrs.field(default=default, metadata={NOT_A_KEY: True})


@attrs.frozen(kw_only=True)
class TimestampConfig:
    """How the stamps of a source are written.

    Attributes:
        pattern: An RE2 expression with a group `ts` around the stamp; None: it
            is found out where the stamp stands.
        format: "auto", the name of a layout, or a format of `strptime`.
        prefer: Which of two stamps in a line counts: the outer one, of a
            container or of syslog, or that of the application inside.
        timezone: The zone of stamps without one: "local" (this machine's),
            "UTC" or an IANA name.
    """

    pattern: Annotated[str, Pattern()] | None = None
    format: Annotated[str, StampFormat()] = "auto"
    prefer: Literal["outer", "inner"] = "outer"
    timezone: Annotated[str, ZoneName()] = "local"


@attrs.frozen(kw_only=True)
class SourceConfig:
    """One source: files that are read alike.

    Attributes:
        name: The key of its table.
        type: Files by path, or standard input.
        paths: Absolute patterns; empty for standard input.
        exclude: Absolute patterns of paths that are not read.
        start: Where to begin in files that are there at the very first start:
            "beginning", "end", or a moment that `moments` resolves.
        until: A moment; records from then on are not read. Empty: all are.
        charset: How text is encoded; a byte order mark of UTF-16 is believed anyhow.
        multiline: Which lines make a record: "timestamp": a line without a stamp
            goes on with the record before; "indent": one that begins with a
            space or a tab does; "off": every line is a record; or an expression.
        parse: How fields are found in records, for the encodings that show them: not
            at all, by a rule, or by an expression.
        max_record_bytes: Longer records are cut.
        max_record_lines: Records of more lines are cut; None: of any number they are not.
        max_delay_seconds: As in `PipelineConfig`, which holds where it is None.
        max_future_seconds: As in `PipelineConfig`, which holds where it is None.
        timestamp: How stamps are written.
        literal: Whether nothing is special in `paths`: they are names.
    """

    name: str = _hidden("")
    type: Literal["file", "stdin"]
    paths: tuple[_Pattern, ...] = ()
    exclude: tuple[_Pattern, ...] = ()
    start: Annotated[str, Beginning()] = "beginning"
    until: str = _hidden("")
    charset: Charset = "utf-8"
    multiline: Annotated[RuleName | LineRule, Multiline()] = "timestamp"
    parse: Annotated[ParseName | FieldRule, Parse()] = "off"
    max_record_bytes: _RecordBytes = 1 << 20
    max_record_lines: _RecordLines | None = None
    max_delay_seconds: _Seconds | None = None
    max_future_seconds: _Seconds | None = None
    timestamp: TimestampConfig = TimestampConfig()
    literal: bool = _hidden(default=False)

    def begin_ns(self, now_ns: int) -> int | None:
        """Return the moment to begin at, in ns since 1970; None where `start` is a place."""
        if self.start in PLACES:
            return None
        return resolve_moment(self.start, self.timestamp.timezone, now_ns)

    def until_ns(self, now_ns: int) -> int | None:
        """Return the moment to end at, in ns since 1970; None if there is none."""
        if not self.until:
            return None
        return resolve_moment(self.until, self.timestamp.timezone, now_ns)


@attrs.frozen(kw_only=True)
class WhenConfig:
    """Which records are meant: those of which all of this holds.

    Attributes:
        min_severity: They are at least that serious; None: any are.
        sources: Names of their sources, or patterns of names; none: all.
        match: An RE2 expression found in their text; None: any text.
        field: What fields of theirs say, by name; one that they lack says nothing.
    """

    min_severity: _Severity | None = None
    sources: tuple[Annotated[str, NamePattern()], ...] = ()
    match: Annotated[str, Expression()] | None = None
    field: Mapping[_Field, Annotated[FieldText, FieldTest()]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class StepConfig:
    """One thing that is done to records before they are encoded.

    Attributes:
        type: Leaving records out, making secrets in them unreadable, or changing
            their fields.
        when: Of a filter: which records are meant.
        action: Of a filter: whether those are kept and the others left out, or
            the other way round.
        patterns: Of a redaction: what is looked for, by name.
        match: Of a redaction: an RE2 expression that is looked for too.
        text: Of a redaction: what is written instead; None: the name in brackets.
        fields: The value of each field that is added, the new name of each that is
            renamed, or the names of those that are removed.
    """

    type: Literal["filter", "redact", "add", "rename", "remove"]
    when: WhenConfig | None = None
    action: Literal["keep", "drop"] = "keep"
    patterns: tuple[_Secret, ...] = ()
    match: Annotated[str, Expression(is_replaced=True)] | None = None
    text: Annotated[str, Replacement()] | None = None
    fields: _Fields = ()


@attrs.frozen(kw_only=True)
class SinkConfig:
    """One sink: where the stream goes.

    Attributes:
        name: The key of its table.
        type: A file by path, or standard output.
        path: Absolute path of the output; empty for standard output.
        encoding: Records as read, one JSON object a line, or lines for people.
        inputs: Names of sources, or patterns of names, whose records it takes;
            none: all.
        when: Which records it takes of those that the steps leave; None: all.
        steps: What is done behind `inputs`, the steps for all sinks, and `when`.
    """

    name: str = _hidden("")
    type: Literal["file", "stdout"]
    path: _Output = ""
    encoding: Literal["raw", "json", "text"] = "raw"
    inputs: tuple[Annotated[str, NamePattern()], ...] = ()
    when: WhenConfig | None = None
    steps: tuple[StepConfig, ...] = ()


@attrs.frozen(kw_only=True)
class CheckpointConfig:
    """Whether, where and how often the state is saved.

    Attributes:
        enabled: Whether there is a checkpoint.
        path: Its absolute path; empty where a tree was built without a file.
        interval_seconds: How long between two of them.
    """

    enabled: bool = True
    path: _Output = ""
    interval_seconds: _Interval = 5.0


@attrs.frozen(kw_only=True)
class PipelineConfig:
    """What holds for the whole pipeline.

    Attributes:
        name: The name of the pipeline, which its checkpoint bears too.
        follow: Whether files may grow; else all is read once.
        max_delay_seconds: How long a line may take from its stamp to its file.
        max_future_seconds: How far a stamp may lie beyond its file's time.
        late: Whether records that come too late for their place leave all the
            same, marked, or are dropped.
        max_buffer_bytes: Bytes of records in flight, and of the fields found in them.
        checkpoint: How the state is saved.
    """

    name: Annotated[str, PipelineName()] = ""
    follow: bool = True
    max_delay_seconds: _Seconds = 1.0
    max_future_seconds: _Seconds = 86_400.0
    late: Literal["emit", "drop"] = "emit"
    max_buffer_bytes: _BufferBytes = 64 << 20
    checkpoint: CheckpointConfig = CheckpointConfig()


@attrs.frozen(kw_only=True)
class Config:
    """All of a configuration.

    Attributes:
        pipeline: What holds for all.
        sources: By name, in the order of names.
        sinks: By name, in the order of names.
        steps: What is done to records before any sink takes them.
        file: Absolute path of the file that it was loaded from; empty if none.
    """

    pipeline: PipelineConfig = PipelineConfig()
    sources: Mapping[_Name, SourceConfig] = attrs.field(factory=dict, converter=_by_name)
    sinks: Mapping[_Name, SinkConfig] = attrs.field(factory=dict, converter=_by_name)
    steps: tuple[StepConfig, ...] = ()
    file: str = _hidden("")

    @property
    def is_parsed(self) -> bool:
        """Whether fields are looked for in the records of any source."""
        return any(source.parse != "off" for source in self.sources.values())

    @property
    def in_flight_bytes(self) -> int:
        """How many bytes of records may be in flight; fields weigh as much as what they are of."""
        most = self.pipeline.max_buffer_bytes
        return most // 2 if self.is_parsed else most

    @property
    def is_plain(self) -> bool:
        """Whether all records go to all sinks as they are, and nothing is looked for in them."""
        return not (
            self.steps
            or self.is_parsed
            or any(sink.inputs or sink.when or sink.steps for sink in self.sinks.values())
        )

    @classmethod
    def for_files(cls, paths: Sequence[str]) -> Config:
        """Return the configuration that merges files to standard output, once.

        Args:
            paths: Names of files, in which nothing is special; relative ones
                are taken from the current folder, and `-` is standard input.

        Raises:
            ConfigError: There is no path, or one cannot be that of a file.
        """
        if not paths:
            raise ConfigError(
                "no file is given; paths of files, or - for standard input, are wanted"
            )
        if any(not path or "\0" in path for path in paths):
            raise ConfigError("an empty path is given; paths of files are wanted")
        try:
            names = dict.fromkeys(os.path.abspath(path) for path in paths if path != "-")
        except FileNotFoundError:
            raise ConfigError("the current folder is gone; absolute paths are wanted") from None
        sources = {}
        if names:
            sources["files"] = SourceConfig(
                name="files", type="file", paths=tuple(names), literal=True
            )
        if "-" in paths:
            sources["stdin"] = SourceConfig(name="stdin", type="stdin")
        return cls(
            pipeline=PipelineConfig(
                name="run", follow=False, checkpoint=CheckpointConfig(enabled=False)
            ),
            sources=sources,
            sinks={"stdout": SinkConfig(name="stdout", type="stdout")},
        )

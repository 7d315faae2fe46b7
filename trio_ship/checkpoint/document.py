"""A `Snapshot` as a TOML document, and back.

The document is made to be read by people and by other programs. Every number
is an exact integer; `saved_at` and `last_timestamp` stand there for people and
are not read again. A path that is not UTF-8 is kept as hexadecimal bytes under
`path_bytes` or `file_bytes`. Keys that are not known are ignored; `version`
rises only when a meaning changes.

`from_document` trusts nothing: it returns a snapshot that `to_document` could
have been given, or raises a `CheckpointError` that names the key, what was
found there and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import tomli_w

from trio_ship.checkpoint.tables import NANOSECONDS, Table
from trio_ship.decode.charsets import UTF_8
from trio_ship.errors import CheckpointError
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

__all__ = [
    "FORMS",
    "VERSION",
    "from_document",
    "refuse_foreign",
    "render",
    "to_document",
]

VERSION: Final = 1
"""The version that is written, and the only one that is read."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ODD: Final = re.compile(r'[\x00-\x1f"\\\x7f]')

FORMS: Final = {
    "id": re.compile(r"[0-9a-f]{16}"),
    "fingerprint": re.compile(r"[0-9]{1,9}:(?:[0-9a-f]{2})*"),
    "footprint": re.compile(r"[0-9]{1,9}:[0-9a-f]{8}|"),
    "charset": re.compile(r"utf-8|utf-16-[lb]e|latin-1|cp125[0-8]"),
}
"""What is text and no name, by key."""

# An inode may use all 64 bits; places in files are signed, as in the system.
_UNSIGNED: Final = range(2**64)
_COUNT: Final = range(2**63)
_NUMBER: Final = range(1, 2**63)


def to_document(snapshot: Snapshot, *, pipeline: str, saved_at: datetime) -> dict[str, Any]:
    """Return the document of a snapshot, in the order in which it is written.

    Args:
        snapshot: The state; every file in it has a position.
        pipeline: The name of the pipeline that the state belongs to.
        saved_at: The time of the save, with its zone.
    """
    document: dict[str, Any] = {
        "version": VERSION,
        "pipeline": pipeline,
        "saved_at": saved_at,
        "sequence": snapshot.sequence,
    }
    if snapshot.last_key is not None:
        key = snapshot.last_key
        document["last_key"] = {
            "timestamp_ns": key.timestamp_ns,
            "source": key.source,
            **_path("path", key.path),
            "offset": key.offset,
            "generation": key.generation,
        }
    sources: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(snapshot.files.values(), key=_rank):
        table = _file_table(file, snapshot.positions[file.id])
        sources.setdefault(file.source, []).append(table)
    document["sources"] = sources
    document["sinks"] = {name: _sink_table(sink) for name, sink in snapshot.sinks.items()}
    return document


def render(document: Mapping[str, Any]) -> str:
    """Return what `to_document` gave as TOML text.

    A general TOML writer needs 200 ms for 10,000 files, of which it holds the
    interpreter for itself; knowing the layout makes that 80.
    """
    text = [
        f"{key} = {_value(value)}\n"
        for key, value in document.items()
        if key not in {"sources", "sinks"}
    ]
    for source, tables in document["sources"].items():
        text += [_table(f"[[sources.{_name(source)}]]", table) for table in tables]
    for sink, table in document["sinks"].items():
        place = f"sinks.{_name(sink)}"
        own = {key: table[key] for key in table if key != "ahead"}
        text.append(_table(f"[{place}]", own))
        for id_, position in table.get("ahead", {}).items():
            text.append(_table(f"[{place}.ahead.{_name(id_)}]", position))
    return "".join(text)


def _table(header: str, table: Mapping[str, Any]) -> str:
    """Return a table; of 100,000 the lines would take five times the memory of the text."""
    lines = "".join([f"{key} = {_value(value)}\n" for key, value in table.items()])
    return f"\n{header}\n{lines}"


def _value(value: object) -> str:
    if isinstance(value, str):
        # tomli_w knows what must be escaped; few strings hold any of it.
        return tomli_w.dumps({"x": value})[4:-1] if _ODD.search(value) else f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
    return str(value)


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _rank(file: FileEntry) -> tuple[str, str, int, str]:
    return (file.source, file.path, file.generation, file.id)


def _file_table(file: FileEntry, position: Position) -> dict[str, Any]:
    table = _path("path", file.path)
    if file.file != file.path:
        table |= _path("file", file.file)
    table |= {
        "generation": file.generation,
        "id": file.id,
        "device": file.device,
        "inode": file.inode,
        "fingerprint": file.fingerprint,
    }
    table |= _position_table(position)
    if file.charset != UTF_8:
        table["charset"] = file.charset
    if file.layout:
        table["layout"] = file.layout
    if file.zone:
        table["zone"] = file.zone
    if file.anchor_ns is not None:
        table["anchor_ns"] = file.anchor_ns
    if file.changed_ns:
        table["changed_ns"] = file.changed_ns
    if file.unpacked:
        table["unpacked"] = file.unpacked
    if file.gone_ns is not None:
        table["gone_ns"] = file.gone_ns
    return table


def _position_table(position: Position) -> dict[str, Any]:
    table: dict[str, Any] = {"offset": position.offset}
    if position.last_ns is not None:
        # Cut to microseconds: Python's TOML knows no more. Every 64-bit number has a date.
        table["last_timestamp"] = _EPOCH + timedelta(microseconds=position.last_ns // 1000)
        table["last_timestamp_ns"] = position.last_ns
    if position.max_ns is not None:
        table["max_timestamp_ns"] = position.max_ns
    if position.inside:
        table["inside_record"] = True
    if position.footprint:
        table["footprint"] = position.footprint
    return table


def _sink_table(sink: SinkState) -> dict[str, Any]:
    table = _path("path", sink.path)
    table |= {"device": sink.device, "inode": sink.inode, "offset": sink.offset}
    if sink.footprint:
        table["footprint"] = sink.footprint
    if sink.ahead:
        table["ahead"] = {id_: _position_table(position) for id_, position in sink.ahead.items()}
    return table


def _path(key: str, path: str) -> dict[str, Any]:
    try:
        path.encode()
    except UnicodeEncodeError:
        return {f"{key}_bytes": path.encode("utf-8", "surrogateescape").hex()}
    return {key: path}


def refuse_foreign(document: Mapping[str, Any], *, pipeline: str) -> None:
    """Make sure that a document, even one cut short, is for this program and this pipeline.

    Raises:
        CheckpointError: It is no checkpoint, is of another version, or belongs
            to another pipeline.
    """
    if "version" not in document:
        raise CheckpointError("it is not a checkpoint of trio-ship: it has no `version`")
    version = Table(document).integer("version", range(2**63))
    if version > VERSION:
        raise CheckpointError(
            f"version: it is {version}, saved by a newer trio-ship; this one reads {VERSION}"
        )
    if version < VERSION:
        raise CheckpointError(f"version: there is no version {version}; it must be {VERSION}")
    name = Table(document).text("pipeline", pipeline)
    if name != pipeline:
        raise CheckpointError(f"pipeline: it belongs to {name!r}, and this one is {pipeline!r}")


def from_document(document: Mapping[str, Any], *, pipeline: str) -> Snapshot:
    """Return the snapshot of a document.

    Args:
        document: What a TOML parser made of a checkpoint.
        pipeline: The name of the pipeline that it must belong to.

    Raises:
        CheckpointError: Something in it is missing or cannot be; the text
            names the key.
    """
    refuse_foreign(document, pipeline=pipeline)
    root = Table(document)
    root.text("pipeline")
    files: dict[str, FileEntry] = {}
    positions: dict[str, Position] = {}
    places: dict[str, str] = {}
    for source, tables in root.arrays("sources"):
        for table in tables:
            file = _file(source, table)
            if file.id in places:
                raise table.error("id", f"must not be that of another file ({places[file.id]})")
            places[file.id] = table.place
            files[file.id], positions[file.id] = file, _position(table)
    last_key = root.table("last_key") if "last_key" in document else None
    return Snapshot(
        sequence=root.integer("sequence", _COUNT),
        last_key=None if last_key is None else _key(last_key),
        files=files,
        positions=positions,
        sinks={name: _sink(table) for name, table in root.tables("sinks")},
        saved_ns=_nanoseconds(document.get("saved_at")),
    )


def _nanoseconds(moment: object) -> int:
    """Return when a checkpoint was saved; 0 where somebody took that out."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return 0
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _key(table: Table) -> OrderKey:
    return OrderKey(
        timestamp_ns=table.integer("timestamp_ns", NANOSECONDS),
        source=table.text("source"),
        path=table.path("path"),
        generation=table.integer("generation", _COUNT),
        offset=table.integer("offset", _COUNT),
    )


def _file(source: str, table: Table) -> FileEntry:
    path = table.path("path")
    moved = "file" in table.content or "file_bytes" in table.content
    return FileEntry(
        id=table.matching("id", FORMS["id"], "16 hexadecimal digits, in lower case"),
        source=source,
        path=path,
        file=table.path("file") if moved else path,
        generation=table.integer("generation", _NUMBER),
        device=table.integer("device", _UNSIGNED),
        inode=table.integer("inode", _UNSIGNED),
        fingerprint=table.matching(
            "fingerprint",
            FORMS["fingerprint"],
            "a number of bytes, a colon and a hexadecimal digest",
        ),
        charset=table.matching("charset", FORMS["charset"], "the name of a charset", UTF_8),
        layout=table.text("layout", ""),
        zone=table.text("zone", ""),
        anchor_ns=table.moment("anchor_ns"),
        changed_ns=table.moment("changed_ns") or 0,
        unpacked=table.integer("unpacked", _COUNT, 0),
        gone_ns=table.moment("gone_ns"),
    )


def _position(table: Table) -> Position:
    return Position(
        offset=table.integer("offset", _COUNT),
        max_ns=table.moment("max_timestamp_ns"),
        last_ns=table.moment("last_timestamp_ns"),
        inside=table.flag("inside_record"),
        footprint=_footprint(table),
    )


def _footprint(table: Table) -> str:
    form = "a number of bytes, a colon and 8 hexadecimal digits"
    return table.matching("footprint", FORMS["footprint"], form, "")


def _sink(table: Table) -> SinkState:
    ahead = {}
    for id_, position in table.tables("ahead"):
        if not FORMS["id"].fullmatch(id_):
            raise position.error(None, "must be named by the id of a file, 16 hexadecimal digits")
        ahead[id_] = _position(position)
    return SinkState(
        path=table.path("path"),
        device=table.integer("device", _UNSIGNED),
        inode=table.integer("inode", _UNSIGNED),
        offset=table.integer("offset", _COUNT),
        footprint=_footprint(table),
        ahead=ahead,
    )

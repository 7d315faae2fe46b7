"""Tests of the checkpoint's layout: what is written is read again exactly, the rest refused."""

from __future__ import annotations

import contextlib
import os
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.checkpoint.document import from_document, render, to_document
from trio_ship.errors import CheckpointError
from trio_ship.follow import footprint
from trio_ship.state import FileEntry, OrderKey, Position, SinkState, Snapshot

SAVED_AT = datetime(2026, 11, 23, 8, 0, 0, 125000, UTC)

NS = st.integers(-(2**63), 2**63 - 1)
SIZES = st.one_of(st.integers(0, 2**63 - 1), st.sampled_from([2**53 + 1, 2**63 - 1]))
NUMBERS = st.one_of(SIZES, st.sampled_from([2**63, 2**64 - 1]))
IDS = st.integers(0, 2**64 - 1).map("{:016x}".format)
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), st.text(st.characters(codec="utf-8"))
)
PATHS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.binary().map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")),
    st.sampled_from(
        ['a "b"', "new\nline", "\x7f\x01", "back\\slash", "c:'d'", os.fsdecode(b"\xff")]
    ),
)
POSITIONS = st.builds(
    Position,
    SIZES,
    st.none() | NS,
    st.none() | NS,
    st.booleans(),
    st.binary(max_size=9).map(footprint) | st.just(""),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw any state that a pipeline could have."""
    ids = draw(st.lists(IDS, unique=True, max_size=4))
    files = {}
    for id_ in ids:
        path = draw(PATHS)
        files[id_] = FileEntry(
            id=id_,
            source=draw(NAMES),
            path=path,
            file=draw(st.just(path) | PATHS),
            generation=draw(st.integers(1, 2**40)),
            device=draw(NUMBERS),
            inode=draw(NUMBERS),
            fingerprint=draw(st.sampled_from(["0:", "7:9f86", "1024:" + "ab" * 16])),
            layout=draw(st.sampled_from(["", "iso8601", "%d/%b \"'"])),
            zone=draw(st.sampled_from(["", "UTC", "Europe/Berlin"])),
            anchor_ns=draw(st.none() | NS),
            changed_ns=draw(NS),
            gone_ns=draw(st.none() | NS),
        )
    sinks = st.builds(
        SinkState,
        path=PATHS,
        device=NUMBERS,
        inode=NUMBERS,
        offset=SIZES,
        ahead=st.dictionaries(IDS, POSITIONS, max_size=2),
    )
    return Snapshot(
        sequence=draw(SIZES),
        last_key=draw(st.none() | st.builds(OrderKey, NS, NAMES, PATHS, SIZES, SIZES)),
        files=files,
        positions={id_: draw(POSITIONS) for id_ in ids},
        sinks=draw(st.dictionaries(NAMES, sinks, max_size=2)),
    )


def write(snapshot: Snapshot) -> str:
    """Return the checkpoint of a snapshot as text."""
    return render(to_document(snapshot, pipeline="ship", saved_at=SAVED_AT))


EXAMPLE = Snapshot(
    sequence=1048576,
    last_key=OrderKey(1795420799998000000, "app", "/var/log/app.log", 3, 67619623),
    files={
        "5f1d0c2e9b7a4411": FileEntry(
            id="5f1d0c2e9b7a4411",
            source="app",
            path="/var/log/app.log",
            file="/var/log/app.log.1",
            generation=3,
            device=2049,
            inode=131077,
            fingerprint="1024:9f86d081",
            layout="iso8601",
            zone="UTC",
        )
    },
    positions={
        "5f1d0c2e9b7a4411": Position(
            67619736, 1795420799998000000, 1795420799998000999, inside=True
        )
    },
    sinks={
        "merged": SinkState(
            path="merged.log",
            device=2049,
            inode=131090,
            offset=540822322,
            footprint="256:6b1f0a52",
            ahead={"5f1d0c2e9b7a4411": Position(67619836, 1795420799999000000)},
        )
    },
)

TEXT = """\
version = 1
pipeline = "ship"
saved_at = 2026-11-23T08:00:00.125000Z
sequence = 1048576
last_key = { timestamp_ns = 1795420799998000000, source = "app", path = "/var/log/app.log", \
offset = 67619623, generation = 3 }

[[sources.app]]
path = "/var/log/app.log"
file = "/var/log/app.log.1"
generation = 3
id = "5f1d0c2e9b7a4411"
device = 2049
inode = 131077
fingerprint = "1024:9f86d081"
offset = 67619736
last_timestamp = 2026-11-23T07:59:59.998000Z
last_timestamp_ns = 1795420799998000999
max_timestamp_ns = 1795420799998000000
inside_record = true
layout = "iso8601"
zone = "UTC"

[sinks.merged]
path = "merged.log"
device = 2049
inode = 131090
offset = 540822322
footprint = "256:6b1f0a52"

[sinks.merged.ahead.5f1d0c2e9b7a4411]
offset = 67619836
max_timestamp_ns = 1795420799999000000
"""


def test_the_layout_is_the_published_one() -> None:
    """A state is written exactly as the documentation shows it."""
    assert write(EXAMPLE) == TEXT


@settings(max_examples=150, deadline=None)
@given(snapshot=snapshots())
def test_c13_any_state_survives_a_round_trip(snapshot: Snapshot) -> None:
    """Odd paths, numbers above 2^53 and 2^63 and nanoseconds come back exactly."""
    assert from_document(tomllib.loads(write(snapshot)), pipeline="ship") == snapshot


def test_c12_a_path_that_is_not_utf8_is_kept_as_hex() -> None:
    """Bytes that TOML cannot hold stand as hexadecimal under a key of their own."""
    path = os.fsdecode(b"/log/\xff.log")
    document = to_document(
        Snapshot(sinks={"out": SinkState(path=path)}), pipeline="ship", saved_at=SAVED_AT
    )
    assert document["sinks"]["out"]["path_bytes"] == "2f6c6f672fff2e6c6f67"
    assert "path" not in document["sinks"]["out"]


@pytest.mark.parametrize(
    ("last_ns", "date"),
    [
        (-(2**63), "1677-09-21T00:12:43.145224Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775Z"),
    ],
)
def test_every_timestamp_has_a_date_for_people(last_ns: int, date: str) -> None:
    """The date is cut to microseconds; the exact number stands beside it."""
    entry = next(iter(EXAMPLE.files.values()))
    state = Snapshot(files={entry.id: entry}, positions={entry.id: Position(1, None, last_ns)})
    assert f"last_timestamp = {date}\nlast_timestamp_ns = {last_ns}\n" in write(state)


def test_what_goes_without_saying_is_not_written() -> None:
    """Of a file under its own name, of which nothing was read yet, only who it is stands there."""
    entry = FileEntry(id="0" * 16, source="app", path="/a", file="/a", device=1, inode=2)
    state = Snapshot(files={entry.id: entry}, positions={entry.id: Position()})
    table = to_document(state, pipeline="ship", saved_at=SAVED_AT)["sources"]["app"][0]
    assert set(table) == {"path", "generation", "id", "device", "inode", "fingerprint", "offset"}


def test_unknown_keys_are_ignored() -> None:
    """A key that a later version or a person has added does no harm."""
    text = TEXT.replace("inode", "colour = 'red'\ninode").replace("seq", "more = [1]\nseq")
    assert from_document(tomllib.loads(text), pipeline="ship") == EXAMPLE


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "", "it is not a checkpoint of trio-ship: it has no `version`"),
        ("version = 1", "version = 2", "version: it is 2, saved by a newer trio-ship"),
        ("version = 1", "version = 0", "version: there is no version 0; it must be 1"),
        ("version = 1", "version = true", "version: it must be an integer from 0 to"),
        ("version = 1", "version = 1.0", "version: it must be an integer .*, found 1.0"),
        ('"ship"', '"barge"', "pipeline: it belongs to 'barge', and this one is 'ship'"),
        ('pipeline = "ship"', "", "pipeline: is missing; it must be a string"),
        ("sequence = 1048576", "", "sequence: is missing; it must be an integer"),
        ("sequence = 1048576", "sequence = true", "sequence: it must .*, found true"),
        ("offset = 67619736", "offset = -5", r"sources.app\[0\].offset: it must .*, found -5"),
        ("inode = 131077", 'inode = "x"', r"sources.app\[0\].inode: it must .*, found 'x'"),
        ("inode = 131077", "inode = 1e5", r"sources.app\[0\].inode: .*, found 100000.0"),
        ("offset = 67619736", f"offset = {2**63}", r"offset: it must be .* to 9223372036854775807"),
        ("inode = 131077", f"inode = {2**64}", r"inode: it must be .* to 18446744073709551615"),
        ("inode = 131077", f"inode = {'9' * 999}", "found an enormous integer"),
        ("generation = 3\nid", "generation = 0\nid", r"sources.app\[0\].generation: .*from 1 "),
        ("[[sources.app]]", "[sources.app]", "sources.app: it must be an array of tables"),
        ("[sinks.merged]", "[[sinks.merged]]", "sinks.merged: it must be a table, found an array"),
        ('"5f1d0c2e9b7a4411"', '"5F1D0C2E9B7A4411"', "id: it must .* 16 hexadecimal digits"),
        (".5f1d0c2e9b7a4411", ".x", "sinks.merged.ahead.x: must be named by the id of a file"),
        ('"1024:9f86d081"', '"9f86d081"', "fingerprint: it must .*, found '9f86d081'"),
        ("= 1795420799998000000\nins", f"= {10**30}\nins", "max_timestamp_ns: it must be"),
        ("inside_record = true", "inside_record = 1", "inside_record: it must be true or false"),
        ('path = "merged.log"', 'path_bytes = "xyz"', "path_bytes: it must be bytes in hex"),
        ('path = "merged.log"', 'path = ""\npath_bytes = ""', "must not stand beside `path`"),
        ("last_key = {", "last_key = [] # {", "last_key: it must be a table, found an array"),
        ('source = "app", ', "", "last_key.source: is missing; it must be a string"),
        ("zone = ", "zone = 7 # ", r"sources.app\[0\].zone: it must be a string, found 7"),
        ("offset = 540822322", "offset = nan", "sinks.merged.offset: .*, found nan"),
    ],
)
def test_c04_each_fault_is_named_with_its_key(old: str, new: str, message: str) -> None:
    """What cannot be is refused with the key, what was found, and what is allowed."""
    assert old in TEXT
    with pytest.raises(CheckpointError, match=message):
        from_document(tomllib.loads(TEXT.replace(old, new, 1)), pipeline="ship")


def test_c04_two_files_cannot_have_one_id() -> None:
    """The second table of an id is refused, and the first is named."""
    first = TEXT.index("[[sources.app]]")
    text = TEXT.replace("[sinks.merged]\n", TEXT[first : TEXT.index("[sinks")] + "[sinks.merged]\n")
    with pytest.raises(CheckpointError, match=r"app\[1\].id: .* another file \(sources.app\[0\]\)"):
        from_document(tomllib.loads(text), pipeline="ship")


ODD_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(snapshot=snapshots(), data=st.data())
def test_c04_fuzzed_documents_load_or_are_refused(snapshot: Snapshot, data: st.DataObject) -> None:
    """Whatever stands anywhere in a document, it is a snapshot or a `CheckpointError`."""
    document = tomllib.loads(write(snapshot))
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(ODD_VALUES)
            break
        place = place[key]
    with contextlib.suppress(CheckpointError):
        assert isinstance(from_document(document, pipeline="ship"), Snapshot)

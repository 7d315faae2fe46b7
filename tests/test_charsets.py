"""Text that is not UTF-8: read as such, positions those of the file, nothing lost or doubled."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from memory_disk import MemoryDisk
from pipeline_helpers import (
    OUTPUT,
    config,
    line,
    new_disk,
    now_line,
    output_lines,
    run_once,
    running,
    survive,
)
from process_helpers import Ship

from trio_ship.decode.charsets import as_in_file, charset_of, file_lengths, narrow
from trio_ship.reader.content import end_of_lines, open_content

LOG = "/logs/app.log"
BYTES = st.text(st.characters(codec="utf-8"), max_size=40)
WIDE = ["utf-16-le", "utf-16-be"]
MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
CYRILLIC = "\u041f\u0440\u0438\u0432\u0435\u0442"


@given(BYTES, st.sampled_from(WIDE), st.integers(0, 80), st.sampled_from(["", "\ufeff"]))
def test_wide_text_in_two_reads_is_the_text(text: str, charset: str, cut: int, mark: str) -> None:
    """However it is cut, both parts are the whole, and lengths are those of the file."""
    data = (mark + text).encode(charset)
    expected = (mark + text).removeprefix("\ufeff")
    one = narrow(data[:cut], charset, 0, final=cut >= len(data))
    two = narrow(data[one.used :], charset, one.used, final=True)
    assert (one.text + two.text).decode() == expected
    assert one.used + two.used == len(data)
    assert len(one.replaced) == len(two.replaced) == 0
    read = np.frombuffer(one.text, np.uint8)
    assert file_lengths(read, np.array([len(read)]), charset) + one.lead in (one.used, [0])
    known = expected.rpartition("\ufffd")[2]
    assert bytes(as_in_file(memoryview(expected.encode()), charset)) == known.encode(charset)


@given(st.binary(max_size=60), st.sampled_from([*WIDE, "latin-1", "cp1252", "cp1255"]))
def test_any_bytes_are_read_and_what_is_no_character_is_counted(data: bytes, charset: str) -> None:
    """Invalid bytes become U+FFFD, each at a place that is told; no byte is passed over."""
    data = b"\n\n" + data  # no byte order mark
    read = narrow(data, charset, 0, final=True)
    assert read.used == len(data)
    assert read.text.decode() == data.decode(charset, "replace") or charset in WIDE
    text = np.frombuffer(read.text, np.uint8)
    for place in read.replaced.tolist():
        assert read.text[place : place + 3].decode() == "\ufffd"
    length = int(file_lengths(text, np.array([len(text)]), charset)[0])
    assert length - len(data) in ({0, 1} if charset in WIDE else {0})
    genuine = (
        [
            unit
            for unit in range(0, len(data) - 1, 2)
            if data[unit : unit + 2] == "\ufffd".encode(charset)
        ]
        if charset in WIDE
        else []
    )
    assert read.text.decode().count("\ufffd") == len(read.replaced) + len(genuine)


@pytest.mark.parametrize(
    ("configured", "known", "head", "expected"),
    [
        ("utf-8", "utf-8", b"ab", "utf-8"),
        ("utf-8", "utf-8", b"\xff\xfe", "utf-16-le"),
        ("utf-8", "utf-8", b"\xfe\xff", "utf-16-be"),
        ("utf-8", "utf-16-be", b"", "utf-16-be"),
        ("utf-8", "latin-1", b"", "utf-8"),
        ("utf-16", "utf-8", b"\xfe\xff", "utf-16-be"),
        ("utf-16", "utf-8", b"\0a", "utf-16-be"),
        ("utf-16", "utf-8", b"a\0", "utf-16-le"),
        ("utf-16", "utf-16-be", b"", "utf-16-be"),
        ("latin-1", "utf-8", b"\xff\xfe", "latin-1"),
    ],
)
def test_a_file_says_how_it_is_encoded(
    configured: str, known: str, head: bytes, expected: str
) -> None:
    """The configuration counts, but a byte order mark of UTF-16 where it says UTF-8."""
    assert charset_of(configured, known, head) == expected


@pytest.mark.parametrize("charset", WIDE)
def test_the_last_line_end_of_a_wide_file_is_at_a_whole_unit(charset: str) -> None:
    """U+0A00 and U+0A0A are no line ends."""
    disk = MemoryDisk()
    text = "first\n" + "\u0a00\u0a0a\u000b" * 40_000
    disk.write("/x", text.encode(charset))
    content = open_content(disk, "/x")
    size = len(text.encode(charset))
    assert end_of_lines(content, size, charset, 0) == 12
    assert end_of_lines(content, size - 1, charset, 0) == 12
    assert end_of_lines(content, 11, charset, 0) == 0
    content.close()


@pytest.mark.parametrize("charset", WIDE)
async def test_utf_16_is_known_by_its_mark_and_merged(
    autojump_clock: trio.testing.MockClock, charset: str
) -> None:
    """Without configuration, CRLF and all; offsets in json are those of the file."""
    disk = new_disk()
    lines = [f"2026-11-23T07:00:0{n}Z wide {n} \u4e2d\U0001f600\r\n" for n in range(3)]
    disk.write("/logs/wide.log", MARKS[charset] + "".join(lines).encode(charset))
    disk.write(LOG, b"".join(f"2026-11-23T07:00:0{n}.5Z narrow {n}\n".encode() for n in range(3)))
    sinks = (
        f'[sinks.raw]\ntype = "file"\npath = "{OUTPUT}"\n'
        '[sinks.json]\ntype = "file"\npath = "/out/merged.jsonl"\nencoding = "json"\n'
    )
    await run_once(disk, config(follow=False, sinks=sinks))
    merged = [
        text for n in range(3) for text in (lines[n], f"2026-11-23T07:00:0{n}.5Z narrow {n}\n")
    ]
    assert disk.read(OUTPUT).decode() == "".join(merged)
    objects = [json.loads(text) for text in disk.read("/out/merged.jsonl").splitlines()]
    assert [one["message"] for one in objects] == [text.rstrip("\r\n") for text in merged]
    # 28 characters a line, one of them two units: 58 bytes, behind the mark.
    width = len(lines[0].encode(charset))
    assert width == 66
    places = [int(one["id"].split("-")[1], 16) for one in objects if "wide" in one["message"]]
    assert places == [2, 2 + width, 2 + 2 * width]


@pytest.mark.parametrize("charset", WIDE)
async def test_a_wide_file_is_followed_in_halves_of_units(
    autojump_clock: trio.testing.MockClock, charset: str
) -> None:
    """Bytes that come one by one, across restarts and a rotation, give each record once."""
    disk = new_disk()
    settings = config()
    written = []
    disk.append(LOG, MARKS[charset])

    async def write(text: str) -> None:
        written.append(text)
        data = now_line(text).decode().encode(charset)
        cut = len(data) // 3 | 1
        disk.append(LOG, data[:cut])
        await trio.sleep(0.4)
        disk.append(LOG, data[cut:])

    for life in range(3):
        async with running(disk, settings):
            for turn in range(3):
                await write(f"{life} {turn} \U0001f600")
                await trio.sleep(1.3)
            disk.rename(LOG, f"{LOG}.{life}")
            disk.append(LOG, MARKS[charset])
            await write(f"{life} rotated")
            await trio.sleep(4)
        await write(f"{life} down")
    async with running(disk, settings):
        await trio.sleep(4)
    assert output_lines(disk) == written


@pytest.mark.parametrize(
    ("charset", "texts"),
    [
        ("utf-16", ["\u4e2d\u6587 \U0001f600" * 9] * 100),
        ("utf-16-be", ["wide"] * 200),
        ("latin-1", ["na\u00efve caf\u00e9"] * 200),
        ("cp1251", [CYRILLIC] * 200),
    ],
)
async def test_deaths_while_other_text_is_read_leave_no_trace(
    autojump_clock: trio.testing.MockClock, charset: str, texts: list[str]
) -> None:
    """Journal, replay and checkpoint count bytes of the file, whatever is written of it."""
    lines = [line(-900 + n, f"{text} {n}").decode() for n, text in enumerate(texts)]
    settings = config(
        follow=False,
        source=f'charset = "{charset}"\nmax_record_bytes = 100',
        pipeline="max_buffer_bytes = 65536",
    )
    outputs = set()
    for calls in (10_000, *range(40, 130, 11)):
        disk = new_disk()
        disk.write(LOG, "".join(lines).encode(charset))
        disk.write("/logs/b.log", "".join(lines).encode(charset))
        await survive(disk, settings, [(calls, 3), (calls // 2, 0)])
        outputs.add(disk.read(OUTPUT).decode())
    assert len(outputs) == 1
    assert sorted(outputs.pop().replace("\n", "")) == sorted("".join(lines * 2).replace("\n", ""))


async def test_charsets_of_one_byte_become_utf_8(autojump_clock: trio.testing.MockClock) -> None:
    """Text is written as UTF-8; undefined bytes are replaced and counted; places are the file's."""
    disk = new_disk()
    disk.write(LOG, line(-9, "x").rstrip(b"\n") + "\u20ac caf\u00e9".encode("cp1252") + b"\x81\n")
    disk.append(LOG, line(-8, "y"))
    sinks = f'[sinks.json]\ntype = "file"\npath = "{OUTPUT}"\nencoding = "json"\n'
    pipeline = await run_once(disk, config(follow=False, source='charset = "cp1252"', sinks=sinks))
    first, second = map(json.loads, disk.read(OUTPUT).splitlines())
    assert first["message"].endswith("x\u20ac caf\u00e9\ufffd")
    assert int(second["id"].split("-")[1], 16) == disk.read(LOG).index(b"\n") + 1
    assert pipeline.statistics.undecodable == 1


async def test_start_at_the_end_of_a_wide_file(autojump_clock: trio.testing.MockClock) -> None:
    """The end is behind its last whole line."""
    disk = new_disk()
    disk.write(LOG, "\ufeff2026-11-23T07:00:00Z old\n2026".encode("utf-16-le"))
    async with running(disk, config(source='start = "end"')):
        await trio.sleep(3)
        disk.append(LOG, "-11-23T08:00:03Z new\n".encode("utf-16-le"))
        await trio.sleep(4)
    assert output_lines(disk) == ["new"]


def test_standard_input_in_utf_16(tmp_path: Path) -> None:
    """A byte order mark is believed on standard input too."""
    text = "".join(line(n, f"caf\u00e9 {n}").decode() for n in range(3000))
    (tmp_path / "input").write_bytes(text.encode("utf-16"))
    with (tmp_path / "input").open("rb") as file:
        ship = Ship(["run", "-"], tmp_path, stdin=file, stdout=subprocess.PIPE)
    assert ship.process.stdout.read().decode() == text
    assert ship.end() == 0

"""Configurations that are wrong: every fault, one a line, and never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from config_helpers import SINK, SOURCE, faults

from trio_ship.config import load_config, parse_config
from trio_ship.errors import ConfigError


def test_all_faults_in_the_order_of_the_file() -> None:
    """All faults are said at once, one a line, in the order of the file."""
    text = """
    [sinks.out]
    type = "stdout"
    encodings = "raw"
    [sources.app]
    starts = "end"
    paths = ["a", 3]
    [pipeline]
    max_delay_seconds = "1s"
    late = "keep"
    """
    assert faults(text) == [
        'sinks.out.encodings: unknown key; did you mean "encoding"?',
        'sources.app.type: missing; "file" or "stdin" is wanted',
        'sources.app.starts: unknown key; did you mean "start"?',
        "sources.app.paths[1]: 3 is an integer; the path of a file is wanted",
        'pipeline.max_delay_seconds: "1s" is a string; a number of seconds, 0 or more, is wanted',
        'pipeline.late: "keep" is unknown; "emit" or "drop" is allowed',
    ]


def test_wrong_keys_and_contradictions_together() -> None:
    """Contradictions between keys that are right are said beside keys that are wrong."""
    text = SOURCE + "extra = 1\n[sources.app.timestamp]\nformat = '%Y-%m-%d'\n"
    assert [line.partition(": ")[0] for line in faults(text)] == [
        "sources.app.extra",
        "sources.app.timestamp.pattern",
        "sinks",
    ]


def test_a_flood_of_faults_is_cut() -> None:
    """Of more faults than anybody reads the first fifty are said, and how many more there are."""
    keys = "".join(f"key{number:05d} = 1\n" for number in range(20_000))
    said = faults(SOURCE + keys + SINK)
    assert [line.partition(":")[0] for line in said[:50]] == [
        f"sources.app.key{number:05d}" for number in range(50)
    ]
    assert said[50:] == ["and 19,950 more"]


def test_no_second_fault_for_what_is_wrong() -> None:
    """A key that is wrong is not called missing as well."""
    text = '[sources.app]\ntype = "file"\npaths = "x"\n[sinks.out]\ntype = "http"\n'
    assert faults(text) == [
        'sources.app.paths: "x" is a string; an array of strings is wanted',
        'sinks.out.type: "http" is unknown; "file" or "stdout" is allowed',
    ]


def test_empty() -> None:
    """An empty configuration lacks a source and a sink."""
    assert faults("") == [
        "sources: there is no source; at least one [sources.NAME] is wanted",
        "sinks: there is no sink; at least one [sinks.NAME] is wanted",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "max_delay_seconds = -1",
        "max_delay_seconds = nan",
        "max_delay_seconds = inf",
        "max_delay_seconds = 1e30",
        "max_delay_seconds = true",
        "max_future_seconds = -inf",
        f"max_future_seconds = 1{'0' * 400}",
        f"max_future_seconds = 0x{'f' * 9000}",
        "max_buffer_bytes = 65535",
        "max_buffer_bytes = 65536.0",
        "max_buffer_bytes = true",
        "max_buffer_bytes = 9223372036854775808",
        'follow = "yes"',
        "follow = 1",
        "late = 1",
        'name = "a/b"',
        'name = ""',
        'name = "a\\u0000"',
        "name = 2024-01-01",
        "checkpoint = 3",
        "checkpoint = [{}]",
        "checkpoint.interval_seconds = 0",
        'checkpoint.path = ""',
        'checkpoint.path = "folder/"',
        "checkpoint.enabled = []",
    ],
)
def test_x10_values_of_the_pipeline(line: str) -> None:
    """A value that a key of the pipeline cannot take is one clear fault."""
    key = line.partition(" ")[0]
    (fault,) = faults(f"[pipeline]\n{line}\n{SOURCE}{SINK}")
    assert fault.startswith(f"pipeline.{key}: ")
    assert "; " in fault


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max_record_bytes = 63", "63 is not allowed; an integer number of bytes, 64 or more"),
        ("max_delay_seconds = [1]", "this is an array; a number"),
        (
            'charset = "latin1"',
            '"latin1" is unknown; "utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", '
            + ", ".join(f'"cp{number}"' for number in range(1250, 1258))
            + ' or "cp1258" is allowed',
        ),
        ('start = "middle"', '"middle" is no time; "beginning", "end" or a time such as'),
        ('multiline = "on"', '"timestamp", "off" or "indent", or a table such as { start ='),
        ('multiline = "start"', '"start" is unknown; "timestamp", "off" or "indent", or a table'),
        ("multiline = true", "true is a boolean; "),
        ("multiline = {}", 'this table is empty; one of "start", "continue" or "end" is wanted'),
        ("multiline = { start = 'a', end = 'b' }", "start and end are given; one of "),
        ("max_record_lines = 0", "0 is not allowed; an integer number of lines, 1 or more"),
        ("exclude = {}", "this is a table; an array of strings is wanted"),
        ('exclude = [""]', "the path of a file is wanted"),
        ('exclude = ["a\\u0000b"]', "the path of a file is wanted"),
        (f'exclude = ["{"x" * 5000}"]', "too long"),
        (f'exclude = ["{"x/" * 200}"]', "too long"),
        ('exclude = ["~no-such-user-here/x"]', "no home folder"),
        ("timestamp = 1", "1 is an integer; a table is wanted"),
        ('timestamp.format = "log"', '"log" is unknown; did you mean "glog"'),
        ('timestamp.format = "iso-8601"', '"iso-8601" is unknown; did you mean "iso8601"? Or: '),
        ('timestamp.format = "RFC3164"', '"RFC3164" is unknown; did you mean "syslog"? Or: '),
        ('timestamp.format = "my own"', '"my own" is unknown; "auto", the name of a layout, or a'),
        ("timestamp.format = 3", "wanted; the names: trio-ship explain --layouts"),
        ('timestamp.timezone = "europe/berlin"', 'did you mean "Europe/Berlin"?'),
        ('timestamp.timezone = "utc"', 'did you mean "UTC"?'),
        ('timestamp.timezone = "../../etc/passwd"', '"local", "UTC" or a name'),
        ('timestamp.timezone = "America"', "is not a known time zone"),
        ('timestamp.timezone = "+99:99"', "is not a known time zone"),
        ('name = "x"', "unknown key"),
        ("literal = true", "unknown key"),
    ],
)
def test_values_of_a_source(line: str, expected: str) -> None:
    """A value that a key of a source cannot take is one clear fault."""
    (fault,) = faults(SOURCE + line + "\n" + SINK)
    assert fault.startswith(f"sources.app.{line.partition(' ')[0]}")
    assert expected in fault


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ("{ start = '(' }", "start", "the pattern '(' is not usable: "),
        ("{ continue = '(?=x)' }", "continue", "(look-ahead and look-behind are not supported)"),
        ("{ end = '' }", "end", "this is empty, and would match every line; an RE2 expression"),
        ("{ end = 3 }", "end", "3 is an integer; an RE2 expression is wanted"),
        (f"{{ end = '{'x' * 4097}' }}", "end", "this is too long; 4096 characters at most"),
        ("{ begin = '^x' }", "begin", 'unknown key; one of "start", "continue" or "end" is wanted'),
        ("{ starts = '^x' }", "starts", 'unknown key; did you mean "start"?'),
    ],
)
def test_expressions_of_multiline(table: str, key: str, expected: str) -> None:
    """A fault in the table of `multiline` names the key in it, once, beside other faults."""
    first, second = faults(f"{SOURCE}multiline = {table}\nextra = 1\n{SINK}")
    assert first.startswith(f"sources.app.multiline.{key}: ")
    assert expected in first
    assert second.startswith("sources.app.extra: ")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?P<ts>a", "missing )"),
        ("(?P<ts>(?=a))", "invalid perl operator"),
        (r"(?P<ts>a)(?P<b>x)\\1", "invalid escape"),
        ("abc", "no group (?P<ts>...)"),
        ("(a)(?P<ts>b)", "(?:...)"),
        ("(?P<ts>" + "(?:" * 3000 + ")" * 3001, "too"),
        ("x" * 5000, "too long"),
        ("(?P<ts>[^äx])", '"[^äx]" would count the bytes of a character beyond ASCII one by one'),
        ("(?P<ts>x)ü?", '"ü?" would count the bytes'),
    ],
)
def test_x07_patterns(pattern: str, expected: str) -> None:
    """A pattern that the linear-time engine does not take is refused with its words."""
    pattern = pattern.replace("\\\\", "\\")
    (fault,) = faults(f"{SOURCE}timestamp.pattern = '{pattern}'\n{SINK}")
    assert fault.startswith("sources.app.timestamp.pattern: ")
    assert expected in fault


@pytest.mark.parametrize(
    "pattern", ["ü(?P<ts>[a[:alpha:]])é", r"\\[ä(?P<ts>x)\\]", "(?:ü)+(?P<ts>é)"]
)
def test_characters_beyond_ascii_may_stand_by_themselves(pattern: str) -> None:
    """Outside of brackets, and where they are not counted, their bytes stand together."""
    pattern = pattern.replace("\\\\", "\\")
    assert parse_config(f"{SOURCE}timestamp.pattern = '{pattern}'\n{SINK}", file="x.toml")


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("%Y-%m-%d %Q", "is not usable: %Q is unknown to strptime; "),
        ("%Y-%m-%dT%T", "is not usable: %T is unknown to strptime, write %H:%M:%S instead; "),
        ("%d.%m. %H:%M:%S.%3f", "is not usable: %3f is unknown to strptime, write %f instead; "),
        ("%-d %b %Y", "is not usable: %-d is unknown to strptime, write %d instead; "),
        ("%%Y %d %m %k", "is not usable: %k is unknown to strptime, write %H instead; "),
        ("%s", 'is unknown to strptime, write "epoch" as the whole format instead; '),
        ("%Y %m %d %% %Y %%", "is not usable: %Y is in it twice; "),
        ("%Y-%m-%d %", "is not usable: there is a % at its end; %% stands for one; "),
        ("%G-%V", "is not usable: ISO year directive '%G' must be used with"),
        ("%H:%M:%S", "does not say the day; "),
        ("%d %H:%M", "does not say the day; "),
        ("%%d %%m", "does not say the day; "),
    ],
)
def test_formats(form: str, reason: str) -> None:
    """A strptime format that cannot be read, or does not say the day, is refused, and why."""
    (fault,) = faults(
        f"{SOURCE}timestamp.pattern = '(?P<ts>x)'\ntimestamp.format = '{form}'\n{SINK}"
    )
    assert fault.startswith("sources.app.timestamp.format: ")
    assert reason in fault


def test_names_of_tables() -> None:
    """Names of sources and sinks are made of letters, digits, - and _."""
    text = SOURCE.replace("app", '"a b"') + SINK.replace(".out", '."\\u001b"')
    allowed = 'this is not a name; letters (A-Z, a-z), digits, "_" and "-" are allowed'
    assert faults(text) == [f'sources."a b": {allowed}', f'sinks."\\u001b": {allowed}']


def test_keys_of_later_versions() -> None:
    """Keys that are kept free are called unsupported, not unknown."""
    text = f"include = []\napi = {{}}\n{SOURCE}{SINK}[sinks.out.buffer]\n[metrics]\n[log]\n"
    lines = faults(text)
    assert len(lines) == 5
    assert all(line.endswith(": not supported by this version; leave it out") for line in lines)


def test_x08_values_of_unknown_keys() -> None:
    """The value of an unknown key, which may be a secret, is never shown."""
    text = f'{SOURCE}{SINK}password = "hunter2"\nauth = {{ token = "hunter2" }}\n'
    text += '[pipeline]\nsecret = ["hunter2"]\nname = { env = "hunter2" }\n'
    assert not [line for line in faults(text) if "hunter2" in line]


def test_x08_password_of_a_url() -> None:
    """The password of a URL is not shown where a value is."""
    (fault,) = faults(SOURCE + SINK.replace("stdout", "http://me:hunter2@host/"))
    assert '"http://***@host/" is unknown' in fault


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 10_000,
        "a = " + "[" * 10_000 + "]" * 10_000,
        "a = " + "{b = " * 10_000,
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join("a" * 100_000) + "]",
        "a = { " + " . ".join(['"b"'] * 100_000) + " = 1 }",
        "a = 1" + "0" * 10_000,
        "# " + "x" * (1 << 20),
    ],
)
def test_x09_bombs(text: str) -> None:
    """Text that is too large or too deep is refused in a sentence."""
    (fault,) = faults(text)
    assert len(fault) < 200


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[pipeline\n", "not valid TOML: Expected ']'"),
        (b"a = 1\nb =\n", "(at line 2, column 4)"),
        (b"\n\n\xff = 1", "not UTF-8 text (at line 3)"),
        (b"# " + b"x" * (1 << 20), "larger than 1 MiB"),
    ],
)
def test_contents_of_files(tmp_path: Path, content: bytes, expected: str) -> None:
    """A file that is not TOML is refused with the place."""
    path = tmp_path / "ship.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing, a folder or no path at all is refused."""
    for path, expected in (
        (tmp_path, "this is a folder"),
        (tmp_path / "none.toml", "there is no such file"),
        (tmp_path / "none.toml" / "x", "there is no such file"),
    ):
        with pytest.raises(ConfigError, match=expected):
            load_config(path)
    with pytest.raises(ConfigError, match="not a path"):
        load_config("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(tmp_path: Path) -> None:
    """A file that may not be read is refused with what the system says."""
    path = tmp_path / "ship.toml"
    path.touch(0o000)
    with pytest.raises(ConfigError, match="Permission denied"):
        load_config(path)


def test_name_that_cannot_be_taken_from_the_file() -> None:
    """A pipeline whose file has an impossible name must be given one."""
    (fault,) = faults(SOURCE + SINK, file=f"/srv/{'x' * 240}.toml")
    assert fault.startswith("pipeline.name: taken from the file's name")

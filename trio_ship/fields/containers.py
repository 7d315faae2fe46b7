r"""What containers write, unwrapped: CRI lines and the json-file of Docker.

    2026-11-23T08:00:00.123456789Z stdout F the line
    {"log":"the line\n","stream":"stdout","time":"2026-11-23T08:00:00.123456789Z"}

A record may have several such lines: parts of a long one (P, or a log without its
newline), which are joined, or lines that belong together, which stay lines. The
names of a pod come from the path of its file.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import attrs

from trio_ship.fields.columns import escaped
from trio_ship.fields.forms import Look

__all__ = ["Unwrapped", "pod_fields", "unwrap_any", "unwrap_cri", "unwrap_docker"]

_CRI: Final = r"\A\S+ (?P<stream>stdout|stderr) [FP](?::\S*)?(?: |\n|\z)"
_CRI_PART: Final = r"(?m:^)\S+ (?:stdout|stderr) P(?::\S*)? ([^\n]*)(?:\n|\z)"
# Parts stand between the bytes 3 and 2 meanwhile; no record with these is unwrapped.
_CRI_LINE: Final = r"(?:(?m:^)|\x02)[^\s\x02\x03]+ (?:stdout|stderr) F(?::\S*)?(?: |(?m:$))"
_MARKS: Final = r"[\x02\x03]"
_DOCKER: Final = (
    r'\A\{"log":"(?P<log>[^"\\\x00-\x1f]*)\\n","stream":"(?P<stream>stdout|stderr)"'
    r',"time":"[^"\\]*"\}\z'
)
_LOOK_CRI: Final = Look(literal=b" std")
_LOOK_DOCKER: Final = Look(first=b"{", literal=b'{"log":"')
_DOCKER_START: Final = r'\A\{"log":"'
_POD: Final = re.compile(r"/pods/([^/_]+)_([^/_]+)_[^/]+/([^/]+)/[^/]+\Z")
_LINK: Final = re.compile(r"/containers/([^/_]+)_([^/_]+)_([^/]+)-[0-9a-f]{12,64}\.log[^/]*\Z")


@attrs.frozen(eq=False, repr=False)
class Unwrapped:
    """What is in records of containers.

    Attributes:
        objects: Their fields, an Arrow array of large_binary; null: not understood.
        messages: Their inner texts; null where there is no object.
    """

    objects: Any
    messages: Any

    @classmethod
    def nothing(cls, count: int) -> Unwrapped:
        """Return what is in records that are of no container."""
        import pyarrow as pa  # noqa: PLC0415 - its import is slow

        none = pa.nulls(count, pa.large_binary())
        return cls(none, none)


def unwrap_cri(texts: Any) -> Unwrapped:  # noqa: ANN401 - pyarrow has no types
    """Return what is in lines of Kubernetes' container runtimes."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    if not _LOOK_CRI.fitting(texts).any():
        return Unwrapped.nothing(len(texts))
    groups = pc.extract_regex(texts, _CRI)
    valid = pc.and_(groups.is_valid(), pc.invert(pc.match_substring_regex(texts, _MARKS)))
    lines = texts.filter(valid)
    if not len(lines):
        return Unwrapped.nothing(len(texts))
    none = pa.nulls(len(texts), pa.large_binary())
    joined = pc.replace_substring_regex(lines, _CRI_PART, "\x03\\1\x02")
    bare = pc.replace_substring_regex(joined, _CRI_LINE, "")
    messages = pc.replace_substring_regex(bare, _MARKS, "")
    streams = _streams(groups.field(0).filter(valid))
    return Unwrapped(
        pc.replace_with_mask(none, valid, streams), pc.replace_with_mask(none, valid, messages)
    )


def unwrap_docker(texts: Any) -> Unwrapped:  # noqa: ANN401 - as above
    """Return what is in lines of Docker's json-file; those with escapes one by one."""
    import pyarrow as pa  # noqa: PLC0415 - its import is slow
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    if not _LOOK_DOCKER.fitting(texts).any():
        return Unwrapped.nothing(len(texts))
    groups = pc.extract_regex(texts, _DOCKER)
    plain = groups.is_valid()
    nothing = pa.scalar(None, pa.large_binary())
    messages = pc.if_else(plain, groups.field(0), nothing)
    objects = pc.if_else(plain, _streams(groups.field(1)), nothing)
    begun = pc.match_substring_regex(texts, _DOCKER_START)
    left = pc.and_not(begun, plain)
    others = texts.filter(left).to_pylist()
    if others:
        read = [_unwrap_one(text) for text in others]
        objects = pc.replace_with_mask(objects, left, _column([one[0] for one in read]))
        messages = pc.replace_with_mask(messages, left, _column([one[1] for one in read]))
    return Unwrapped(objects, messages)


def unwrap_any(texts: Any) -> Unwrapped:  # noqa: ANN401 - as above
    """Return what is in lines of either."""
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    known = unwrap_docker(texts)
    if known.objects.null_count == len(texts):
        return unwrap_cri(texts)
    left = known.objects.is_null()
    rest = texts.filter(left)
    if not len(rest):
        return known
    more = unwrap_cri(rest)
    return Unwrapped(
        pc.replace_with_mask(known.objects, left, more.objects),
        pc.replace_with_mask(known.messages, left, more.messages),
    )


def pod_fields(path: str) -> bytes:
    """Return the names that the path of a log of Kubernetes tells, as members of an object."""
    found = _POD.search(path)
    names = found.groups() if found else ()
    link = None if found else _LINK.search(path)
    if link:
        pod, namespace, container = link.groups()
        names = namespace, pod, container
    texts = [escaped(name.encode("utf-8", "surrogateescape")) for name in names]
    return b'"namespace":"%s","pod":"%s","container":"%s"' % tuple(texts) if texts else b""


def _streams(names: Any) -> Any:  # noqa: ANN401 - as above
    import pyarrow.compute as pc  # noqa: PLC0415 - its import is slow

    return pc.replace_substring_regex(names, r"\A(.*)\z", r'{"stream":"\1"}')


def _unwrap_one(text: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the fields and the message of a record of Docker; None twice if it is none."""
    try:
        lines = [json.loads(line.decode()) for line in text.split(b"\n")]
        log = "".join(line["log"] for line in lines).removesuffix("\n")
        fields = {key: value for key, value in lines[0].items() if key not in {"log", "time"}}
        written = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return written.encode(), log.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, None


def _column(values: list[bytes | None]) -> Any:  # noqa: ANN401 - as above
    import pyarrow as pa  # noqa: PLC0415 - its import is slow

    return pa.array(values, pa.large_binary())

"""Names of JSON members that say that a moment is in them."""

from __future__ import annotations

import pytest
from stamp_helpers import decode, ns

from trio_ship.decode.detect import detect
from trio_ship.decode.stamps import StampDecoder
from trio_ship.decode.telling import telling_names

EIGHT = ns("2026-11-23T08:00:00")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (b'{"id":1234567890,"event_time":1795420800,"x":"1111111111"}\n', 'epoch@"event_time"'),
        (b'{"a":"b", "_time": 1795420800.000000}\n', 'epoch@"_time"/.6'),
        (b'{"eventTimestamp":1795420800000,"x":1}\n', 'epoch_ms@"eventTimestamp"'),
        (b'{"createdAt":"1795420800000000"}\n', 'epoch_us@"createdAt"'),
        (b'{"epoch_ns":1795420800000000000}\n', 'epoch_ns@"epoch_ns"'),
        (
            b'{"EdgeEndTimestamp":1795420801,"EdgeStartTimestamp":1795420800}\n',
            'epoch@"EdgeStartTimestamp"',
        ),
        (
            b'{"log_time":{"seconds":1795420800,"nanos":0}}\n',
            'protobuf@"log_time"/{"seconds":,"nanos":',
        ),
        (b'{"msg":"2020-01-01 00:00:00","loggedAt":"2026-11-23T08:00:00Z"}\n', '"loggedAt"'),
        (b'{"unixtime":1577836800,"ts":1795420800}\n', 'epoch@"ts"'),
    ],
)
def test_a_name_that_says_so_holds_the_stamp(line: bytes, place: str) -> None:
    """Whatever numbers stand before it; a usual name, or the time of a beginning, before others."""
    found = detect(line * 3)
    assert found is not None
    assert place in found.spelling
    assert decode(StampDecoder(found.spelling), line, EIGHT) == [EIGHT]


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":1795420800,"phone":1795420800}\n',
        b'{"duration_ms":1795420800,"response_time":1795420800}\n',
        b'{"expires_at":1795420800,"next_run":1795420800,"timeout":1795420800}\n',
    ],
)
def test_other_numbers_are_no_stamps(line: bytes) -> None:
    """Nor is how long something takes, or what is still to come."""
    assert detect(line * 3) is None


def test_only_objects_have_names_and_no_more_than_a_few() -> None:
    """The most frequent first."""
    assert telling_names([b'x {"at_time":1}\n', b"\n"]) == ()
    lines = [b'{"a_time":1,"b_time":1}\n', b'{"b_time":"2026","c_time":x}\n']
    assert telling_names(lines) == ('"b_time"', '"a_time"')
    many = b"{" + b",".join(b'"%d_at":1' % number for number in range(99)) + b"}"
    assert telling_names([many]) == ()
    many = many.replace(b',"', b',"n').replace(b'{"', b'{"n')
    assert len(telling_names([many])) == len({*telling_names([many])}) == 8

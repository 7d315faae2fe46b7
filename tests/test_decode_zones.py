import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP
from trio_ship.decode.stamps import StampDecoder, frame
from trio_ship.decode.zones import Zone, resolve_zone_name

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times on the wall
SECOND = 10**9
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Nuuk", "Asia/Kolkata")


def decode(lines: list[str], zone: str, previous: int = NO_STAMP) -> list[str]:
    """Return the time of day of each line in UTC."""
    arena, start, end = frame("\n".join(lines).encode())
    decoder = StampDecoder("iso8601@0/ ", zone=zone)
    stamps = decoder.decode(arena, start, end, np.array([0]), np.array([previous]))
    return [str(stamp)[11:19] for stamp in stamps.view("M8[ns]")]


def test_s11_the_hour_that_exists_twice_is_the_first_until_time_steps_back() -> None:
    """Two passes through 02:00 to 03:00 come out an hour apart, in order."""
    lines = [
        "2024-10-27 01:59:00",
        "2024-10-27 02:10:00",
        "2024-10-27 02:50:00",
        "2024-10-27 02:45:00",
        "2024-10-27 02:05:00",
        "2024-10-27 02:30:00",
        "2024-10-27 02:59:00",
        "2024-10-27 03:00:00",
    ]
    expected = [
        "23:59:00",
        "00:10:00",
        "00:50:00",
        "00:45:00",
        "01:05:00",
        "01:30:00",
        "01:59:00",
        "02:00:00",
    ]
    assert decode(lines, "Europe/Berlin") == expected


def test_s11_the_hour_that_does_not_exist_is_read_as_before_the_change() -> None:
    """02:30 on the day the clock goes forward is half an hour after 02:00."""
    lines = ["2024-03-31 01:59:59", "2024-03-31 02:30:00", "2024-03-31 03:30:00"]
    assert decode(lines, "Europe/Berlin") == ["00:59:59", "01:30:00", "01:30:00"]


def test_s11_second_60_is_the_following_second() -> None:
    """A leap second has a moment; second 61 has none."""
    lines = ["2016-12-31 23:59:59", "2016-12-31 23:59:60", "2016-12-31 23:59:61"]
    assert decode(lines, "UTC") == ["23:59:59", "00:00:00", ""]


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "utc+1", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    """The error says what a zone may be."""
    with pytest.raises(ValueError, match="IANA"):
        StampDecoder("iso8601@0/T", zone=name)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Sao_Paulo"])
def test_the_local_zone_is_that_of_the_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone "local" agrees with the zone that the machine is set to."""
    monkeypatch.setenv("TZ", name)
    time.tzset()
    try:
        local = Zone("local")
        wall = np.arange(1.7e9, 1.7e9 + 400 * 86400, 1800).astype(np.int64) * SECOND
        assert (local.to_utc(wall) == Zone(name).to_utc(wall)).all()
        assert resolve_zone_name() == ("CET/CEST" if "Berlin" in name else "-03")
    finally:
        monkeypatch.undo()
        time.tzset()


walls = st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31)).map(  # noqa: DTZ001 - on the wall
    lambda wall: wall.replace(microsecond=0)
)
near_changes = st.integers(-8000, 8000).flatmap(
    lambda seconds: st.sampled_from(
        [
            datetime(2024, 3, 31, 2),  # noqa: DTZ001
            datetime(2024, 10, 27, 3),  # noqa: DTZ001
            datetime(2021, 11, 7, 2),  # noqa: DTZ001
            datetime(2021, 4, 4, 2),  # noqa: DTZ001
        ]
    ).map(lambda moment: moment + timedelta(seconds=seconds))
)


@settings(max_examples=80, deadline=None)
@given(st.lists(walls | near_changes, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_s11_a_column_is_converted_as_the_standard_library_does(
    times: list[datetime], name: str
) -> None:
    """The first moment of a time on the wall is that of `fold=0`, and its way back too."""
    zone = Zone(name)
    wall = np.array([(moment - EPOCH) // timedelta(seconds=1) for moment in times]) * SECOND
    expected = [int(moment.replace(tzinfo=ZoneInfo(name)).timestamp()) * SECOND for moment in times]
    utc = zone.to_utc(wall)
    assert utc.tolist() == expected
    there = [
        moment.replace(tzinfo=ZoneInfo(name)).astimezone(UTC).astimezone(ZoneInfo(name))
        for moment in times
    ]
    back = [(moment.replace(tzinfo=None) - EPOCH) // timedelta(seconds=1) for moment in there]
    assert zone.to_wall(utc).tolist() == [second * SECOND for second in back]


@settings(max_examples=80, deadline=None)
@given(st.lists(near_changes, min_size=1, max_size=30), st.sampled_from(ZONES), st.integers(0, 30))
def test_s11_chunking_does_not_change_the_choice_of_an_hour(
    times: list[datetime], name: str, cut: int
) -> None:
    """Only the stamp before decides which of two hours is meant."""
    lines = [f"{moment:%Y-%m-%d %H:%M:%S}\n".encode() for moment in times]
    decoder = StampDecoder("iso8601@0/ ", zone=name)

    def run(part: list[bytes], previous: int) -> list[int]:
        arena, start, end = frame(b"".join(part))
        first = np.zeros(min(len(part), 1), np.int64)
        stamps = decoder.decode(arena, start, end, first, np.array([previous])[: len(first)])
        return [int(stamp) for stamp in stamps]

    whole = run(lines, NO_STAMP)
    before = run(lines[:cut], NO_STAMP)
    assert before + run(lines[cut:], before[-1] if before else NO_STAMP) == whole
    ordered = sorted(whole)
    local = [datetime.fromtimestamp(ns // SECOND, ZoneInfo(name)) for ns in ordered]
    again = run([f"{moment:%Y-%m-%d %H:%M:%S}\n".encode() for moment in local], NO_STAMP)
    steps = np.diff(again)
    assert (steps >= -1800 * SECOND).all()

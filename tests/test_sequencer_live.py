"""The sequencer while files grow: exact order from good clocks, no stall from bad ones."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from live_helpers import BEGIN, MS, SECOND, Stream, World

from trio_ship.batch import NO_STAMP, Kind
from trio_ship.state import OrderKey

SEEDS = st.integers(0, 2**32)
DELAYS = (SECOND, SECOND // 5, 3 * SECOND)
RESOLUTIONS = (1, MS, SECOND)
HOUR = 3600 * SECOND


def _world(random: Random, *, drop_late: bool = False) -> World:
    """Return sources with some files; the stamps of a source are all of one resolution."""
    names = ["app", "db", "web"][: random.randint(1, 3)]
    world = World({name: random.choice(DELAYS) for name in names}, drop_late=drop_late)
    for name in names:
        resolution = random.choice(RESOLUTIONS)
        for number in range(random.randint(1, 3)):
            is_multiline = random.random() < 0.5
            world.add(name, f"/{number}", resolution=resolution, is_multiline=is_multiline)
    return world


def _pass_time(world: World, random: Random) -> None:
    world.now += random.choice([0, 1, MS, random.randrange(SECOND // 2), 2 * SECOND])


def _look_or_read(world: World, random: Random) -> None:
    source = random.choice(list(world.delays))
    if random.random() < 0.5:
        world.look(source)
    else:
        world.read(source, random.choice([None, 1, 3]))


def _has_continued(stream: Stream) -> bool:
    return any(record.flags for record in stream.log.records)


@given(SEEDS)
@example(3610)
@example(1_000_093)
@settings(max_examples=150, deadline=None)
def test_s18_good_clocks_give_exact_order(seed: int) -> None:
    """Whenever lines are written, seen and read, none of them is late, ahead or out of place."""
    random = Random(seed)
    world = _world(random)
    for _ in range(random.randint(10, 80)):
        _pass_time(world, random)
        if random.random() < 0.6:
            stream = random.choice(world.streams)
            lag = random.choice([0, 0, random.randint(0, world.delays[stream.log.source])])
            is_stamped = random.random() < 0.9 or not stream.is_multiline
            is_first = not stream.log.records
            world.write(stream, world.wall(world.now) - lag if is_stamped or is_first else None)
        else:
            _look_or_read(world, random)
    world.settle(12)
    assert world.sequencer.is_empty
    assert sorted(world.places()) == world.expected()
    in_order = world.places(Kind.IN_ORDER)
    assert in_order == sorted(in_order)
    # Only a line that came after its record had left cannot stand in its place.
    excepted = {stream.log.path for stream in world.streams if _has_continued(stream)}
    assert not world.places(Kind.AHEAD)
    assert {out.place[2] for out in world.ledger.of(Kind.LATE)} <= excepted


@given(SEEDS, st.booleans())
@example(8_429_296, False)  # noqa: FBT003  (whether late records are dropped)
@example(1_000_247, False)  # noqa: FBT003  (likewise)
@settings(max_examples=200, deadline=None)
def test_s06_whatever_clocks_do_every_record_leaves_once(
    seed: int,
    drop_late: bool,  # noqa: FBT001  (Hypothesis gives it by name)
) -> None:
    """Zones, steps and nonsense cost marks, never a record, a stall or the order of a file."""
    random = Random(seed)
    world = _world(random, drop_late=drop_late)
    steps = [(0, 0)]
    world.wall = lambda now: BEGIN + now + [step for begin, step in steps if begin <= now][-1]
    shifts = {stream.log.number: random.choice([0, 0, 0, HOUR, -HOUR]) for stream in world.streams}
    for _ in range(random.randint(10, 80)):
        _pass_time(world, random)
        chance = random.random()
        if chance < 0.05:
            steps.append((world.now, random.choice([-HOUR, 2 * SECOND, 0])))
        elif chance < 0.6:
            stream = random.choice(world.streams)
            moment = world.wall(world.now) + shifts[stream.log.number]
            noise = random.choice([0, 0, -SECOND, random.randint(-HOUR, HOUR)])
            world.write(stream, random.choice([moment, moment + noise, None]))
        else:
            _look_or_read(world, random)
    world.settle(20)
    assert world.sequencer.is_empty
    assert len(world.ledger.out) + world.ledger.dropped == len(world.expected())
    for stream in world.streams:
        assert world.ledger.taken(stream.log) == len(stream.log.records)
    keyed = [place for place in world.places(Kind.IN_ORDER) if place[0] != NO_STAMP]
    assert keyed == sorted(keyed)
    assert not (drop_late and world.places(Kind.LATE))


def test_s02_two_quiet_files_that_speak_together_come_out_in_order_of_time() -> None:
    """Lines a millisecond apart are ordered by their stamps, not by who was polled first."""
    world = World({"app": SECOND, "db": SECOND})
    first, second = world.add("app", "/a"), world.add("db", "/b")
    world.settle(5)
    for _ in range(5):
        for stream in (second, first):
            world.now += MS
            world.write(stream, world.wall(world.now))
            world.look(stream.log.source)
            world.read(stream.log.source)
    world.settle(2)
    assert world.places(Kind.IN_ORDER) == world.expected()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_s01_a_quiet_file_holds_the_others_no_longer_than_the_delay(resolution: int) -> None:
    """The others wait its delay, a step of the stamps, and two looks."""
    world = World({"app": SECOND, "db": SECOND})
    busy = world.add("app", "/a", resolution=resolution)
    quiet = world.add("db", "/b", resolution=resolution)
    world.write(quiet, world.wall(0))
    for _ in range(20):
        world.write(busy, world.wall(world.now))
        world.settle(0.5)
    world.settle(4)
    assert world.places(Kind.IN_ORDER) == world.expected()
    assert world.waits()["in_order"] <= SECOND + resolution + SECOND // 2


def _tell(world: World, streams: dict[Stream, int], rounds: int = 40) -> None:
    """Let some streams write four times a second, each with its clock shifted."""
    for _ in range(rounds):
        for stream, shift in streams.items():
            world.now += 7 * MS
            world.write(stream, world.wall(world.now) + shift)
        world.settle(0.25)


def test_s08_a_clock_behind_is_late_and_harms_nobody() -> None:
    """Lines an hour behind are marked late and leave at once; the others stay in order."""
    world = World({"app": SECOND, "db": SECOND})
    good, other, behind = (world.add(*name) for name in [("app", "/a"), ("db", "/b"), ("db", "/c")])
    _tell(world, {good: 0, other: 0, behind: -HOUR})
    world.settle(3)
    late = world.places(Kind.LATE)
    assert [place for place in world.places() if place[2] == "/c"] == world.expected(behind)
    assert len(late) >= len(behind.log.records) - 10
    assert {place[2] for place in late} == {"/c"}
    assert world.places(Kind.IN_ORDER)[-1] == world.expected(good, other)[-1]
    assert not world.places(Kind.AHEAD)
    assert world.waits()["late"] <= SECOND // 2
    assert world.waits()["in_order"] <= 2 * SECOND + SECOND // 2


@pytest.mark.parametrize("is_multiline", [False, True])
def test_s08_a_clock_ahead_leaves_after_the_delay_and_harms_nobody(
    is_multiline: bool,  # noqa: FBT001  (pytest gives it by name)
) -> None:
    """Lines an hour ahead are marked, soon gone, and make nobody else late."""
    world = World({"app": SECOND, "db": SECOND})
    good = world.add("app", "/a", is_multiline=is_multiline)
    other, ahead = world.add("db", "/b"), world.add("db", "/c", is_multiline=is_multiline)
    _tell(world, {good: 0, other: 0, ahead: HOUR})
    world.settle(6)
    assert world.places(Kind.AHEAD) == world.expected(ahead)
    assert world.places(Kind.IN_ORDER) == world.expected(good, other)
    last = world.ledger.batches[-1].last_key
    assert last is not None
    assert last.timestamp_ns == world.expected(good, other)[-1][0]
    assert world.waits()["ahead"] <= 4 * SECOND


def test_s08_a_clock_ahead_with_a_backlog_that_has_no_room_goes_on() -> None:
    """A reader whose share is full of lines from the future does not wait for the future."""
    world = World({"app": SECOND, "db": SECOND})
    good, ahead = world.add("app", "/a"), world.add("db", "/b")
    for number in range(200):
        world.write(ahead, world.wall(0) + HOUR + number)
    for _ in range(120):
        world.write(good, world.wall(world.now))
        world.now += SECOND // 4
        for source in world.delays:
            ahead.stalls = bool(world.sequencer.pending_bytes[1:].sum() > 100)
            world.look(source)
            world.read(source, 20)
    assert world.places(Kind.AHEAD) == world.expected(ahead)
    world.settle(3)
    assert world.places(Kind.IN_ORDER) == world.expected(good)


def test_a_record_that_stays_open_makes_nobody_ahead() -> None:
    """A stack trace that trickles for seconds holds the others back, in order."""
    world = World({"app": SECOND, "db": SECOND})
    good, slow = world.add("app", "/a"), world.add("db", "/b", is_multiline=True)
    world.write(slow, world.wall(0))
    for number in range(28):
        world.write(good, world.wall(world.now))
        if number < 24:
            world.write(slow, None)
        world.settle(0.25)
    world.settle(4)
    assert world.places(Kind.IN_ORDER) == world.expected()


def test_s17_a_new_file_with_old_records_is_late_and_whole() -> None:
    """A file that appears with records from yesterday is delivered, marked, in its order."""
    world = World({"app": SECOND})
    good = world.add("app", "/a")
    _tell(world, {good: 0})
    new = world.add("app", "/new")
    world.write(new, None)
    for number in range(20):
        world.write(new, world.wall(0) - HOUR + number)
    world.write(new, world.wall(world.now))
    for _ in range(10):
        world.look("app")
        world.read("app", 3)
    _tell(world, {good: 0})
    world.settle(3)
    assert [place for place in world.places() if place[2] == "/new"] == world.expected(new)
    assert world.places(Kind.LATE) == world.expected(new)[1:-1]
    assert world.places(Kind.IN_ORDER)[1:] != []
    assert not world.places(Kind.AHEAD)
    for stream in world.streams:
        assert world.ledger.taken(stream.log) == len(stream.log.records)


def test_s17_a_record_at_the_very_promise_for_new_files_waits_for_them() -> None:
    """A file not found yet may bring the same stamp, and rank before."""
    world = World({"app": SECOND})
    known = world.add("app", "/1")
    world.write(known, BEGIN)
    world.now = SECOND
    world.look("app")
    world.read("app")
    assert world.places() == []
    new = world.add("app", "/0")
    world.write(new, BEGIN)
    world.settle(3)
    assert world.places(Kind.IN_ORDER) == world.expected(new) + world.expected(known)


def test_s17_a_new_file_with_fresh_records_is_in_order_however_late_it_is_read() -> None:
    """What is written after the last listing waits to be found."""
    world = World({"app": SECOND})
    good, new = world.add("app", "/a"), world.add("app", "/new")
    _tell(world, {good: 0}, rounds=8)
    world.now += 1
    world.write(new, world.wall(world.now))
    for _ in range(20):
        world.now += SECOND // 4
        world.write(good, world.wall(world.now))
        world.read("app")
    world.settle(3)
    assert world.places(Kind.IN_ORDER) == world.expected()


def _add_files_of_whole_seconds(world: World, known: int, lag: int) -> None:
    """Let new files write whole seconds, beside one with exact stamps that went before them.

    Each begins as late in its second as hurts most, `lag` after the moment its lines say.
    """
    good = world.add("app", "/a", resolution=known)
    _tell(world, {good: 0}, rounds=16)
    for number in range(8):
        new = world.add("app", f"/new{number}", resolution=SECOND)
        _tell(world, {good: 0}, rounds=5)
        world.now += SECOND // 10 * 9 - world.now % SECOND
        world.write(new, world.wall(world.now) - lag)
        _tell(world, {good: 0, new: -lag}, rounds=3)
    world.settle(6)


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("known", [1, MS])
def test_s17_of_new_files_that_write_whole_seconds_only_the_first_is_late(
    delay: int, known: int
) -> None:
    """From then on the promise for new files goes by whole seconds, and no line is lost."""
    world = World({"app": delay})
    _add_files_of_whole_seconds(world, known, lag=delay)
    late = world.places(Kind.LATE)
    assert {path for _, _, path, _ in late} == {"/new0"}
    assert world.places(Kind.IN_ORDER) == sorted(set(world.expected()) - set(late))
    assert sorted(world.places()) == world.expected()


@pytest.mark.parametrize("delay", [delay for delay in DELAYS if delay >= SECOND])
@pytest.mark.parametrize("known", [1, MS])
def test_s17_a_delay_of_a_second_has_room_for_whole_seconds_that_are_written_at_once(
    delay: int, known: int
) -> None:
    """Then not even the first line of the first such file is late."""
    world = World({"app": delay})
    _add_files_of_whole_seconds(world, known, lag=0)
    assert world.places(Kind.IN_ORDER) == world.expected()


def test_late_records_can_be_dropped_and_their_positions_taken() -> None:
    """With `late = "drop"` a late record leaves no row, but the file has moved on."""
    world = World({"app": SECOND, "db": SECOND}, drop_late=True)
    good, behind = world.add("app", "/a"), world.add("db", "/b")
    _tell(world, {good: 0}, rounds=12)
    for _ in range(3):
        world.write(behind, BEGIN - HOUR)
    world.settle(1)
    batch = next(batch for batch in world.ledger.batches if batch.kind is Kind.DROPPED)
    assert len(batch) == 0
    assert [move.after.offset for move in batch.moves] == [behind.log.size]
    assert world.ledger.dropped == 3
    world.settle(3)
    assert world.places() == world.expected(good)


def test_s21_a_record_below_the_recorded_key_is_late_after_a_restart() -> None:
    """The last key of the run before tells what is late; an equal one is so by name."""
    last = OrderKey(BEGIN, "app", "/b", 1, 100)
    world = World({"app": SECOND}, last_key=last)
    for path in ("/a", "/b", "/c"):
        stream = world.add("app", path)
        world.write(stream, BEGIN - 1)
        world.write(stream, BEGIN)
        world.write(stream, BEGIN + 1)
    world.settle(3)
    late = [(BEGIN - 1, "/a"), (BEGIN - 1, "/b"), (BEGIN - 1, "/c"), (BEGIN, "/a")]
    assert [(key, path) for key, _, path, _ in world.places(Kind.LATE)] == late
    order = [(BEGIN, "/b"), (BEGIN, "/c"), (BEGIN + 1, "/a"), (BEGIN + 1, "/b"), (BEGIN + 1, "/c")]
    assert [(key, path) for key, _, path, _ in world.places(Kind.IN_ORDER)] == order


def test_s14_a_file_without_stamps_leaves_at_once_and_is_never_late() -> None:
    """Lines without any stamp are not held, and not called late."""
    world = World({"app": SECOND, "db": SECOND})
    good, plain = world.add("app", "/a"), world.add("db", "/b")
    for _ in range(20):
        world.write(good, world.wall(world.now))
        world.write(plain, None)
        world.settle(0.25)
    world.settle(3)
    assert {out.kind for out in world.ledger.out} == {Kind.IN_ORDER}
    assert sorted(world.places()) == world.expected()
    plain_waits = [
        left - wrote
        for left, out in zip(world.left_at, world.ledger.out, strict=True)
        for record, wrote in zip(plain.log.records, plain.written_at, strict=True)
        if plain.log.place(record) == out.place
    ]
    assert max(plain_waits) <= SECOND // 2


def test_s09_a_clock_that_steps_back_an_hour_stalls_nothing() -> None:
    """Lines written after the step are late, those from before it soon gone."""
    world = World({"app": SECOND, "db": SECOND})
    streams = {world.add("app", "/a"): 0, world.add("db", "/b"): 0}
    _tell(world, streams, rounds=8)
    world.wall = lambda now: BEGIN + now - HOUR
    _tell(world, streams, rounds=8)
    assert max(world.waits().values()) <= 3 * SECOND
    world.settle(4)
    assert sorted(world.places()) == world.expected()

"""The sequencer in one-shot mode: whatever arrives when, one total order leaves."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from core_helpers import Ledger, Log, Out, report
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_ship.batch import NO_STAMP, Flag, Kind
from trio_ship.sequencer import Sequencer

RANDOMS = st.randoms(use_true_random=False)
NAMES = st.tuples(st.sampled_from(["app", "db", "zz"]), st.sampled_from(["/a", "/b", "/c.1"]))
STAMPS = st.lists(st.none() | st.integers(0, 12), max_size=20)
LOGS = st.dictionaries(NAMES, STAMPS, min_size=1, max_size=6)


def _logs(content: dict[tuple[str, str], list[int | None]]) -> list[Log]:
    logs = [Log(number, *name) for number, name in enumerate(content)]
    for log, stamps in zip(logs, content.values(), strict=True):
        for stamp in stamps:
            log.write(stamp)
    return logs


class _Readers:
    """Reads logs in random rounds, and knows what it has handed over."""

    def __init__(self, logs: list[Log], random: Random, begin: dict[int, int]) -> None:
        self.logs = logs
        self.random = random
        self.read = dict(begin)
        self.open = {log.number for log in logs}

    def first_reports(self, sequencer: Sequencer) -> None:
        for source in {log.source for log in self.logs}:
            mine = [log for log in self.logs if log.source == source]
            sequencer.accept(report(source, opened=mine))

    def step(self, sequencer: Sequencer) -> None:
        """Read a piece of one or more logs of one source; close those that are at their end."""
        one = self.random.choice([log for log in self.logs if log.number in self.open])
        mine = [log for log in self.logs if log.source == one.source and log.number in self.open]
        chosen = [log for log in mine if log is one or self.random.random() < 0.5]
        pieces = []
        closed = []
        for log in chosen:
            begin = self.read[log.number]
            stop = min(len(log.records), begin + self.random.randint(0, 7))
            if stop > begin:
                pieces.append((log, log.records[begin:stop]))
            self.read[log.number] = stop
            if stop == len(log.records):
                closed.append(log)
                self.open.remove(log.number)
        sequencer.accept(report(one.source, pieces, closed=closed))

    def holder(self) -> Log | None:
        """Return the log that holds the frontier."""
        return min(
            (log for log in self.logs if log.number in self.open),
            key=lambda log: (log.mark(self.read[log.number]), log.source, log.path),
            default=None,
        )


def _run(
    logs: list[Log], random: Random, begin: dict[int, int], ledger: Ledger, sequencer: Sequencer
) -> None:
    readers = _Readers(logs, random, begin)
    readers.first_reports(sequencer)
    while readers.open:
        readers.step(sequencer)
        if random.random() < 0.8:
            ledger.take(sequencer)
            holder = readers.holder()
            assert holder is None or sequencer.pending_bytes[holder.number] == 0
    ledger.take(sequencer)


def _sorted(logs: list[Log]) -> list[Out]:
    rows = [
        Out(log.place(record), record.data, Kind.IN_ORDER, record.flags)
        for log in logs
        for record in log.records
    ]
    return sorted(rows, key=lambda out: out.place)


@given(LOGS, RANDOMS)
@settings(max_examples=250, deadline=None)
def test_s04_output_is_the_sorted_input_however_it_arrives(
    content: dict[tuple[str, str], list[int | None]], random: Random
) -> None:
    """Any interleaving of rounds gives one sort; whoever holds the frontier has nothing waiting."""
    logs = _logs(content)
    sequencer = Sequencer(dict.fromkeys({log.source for log in logs}, 1.0), follow=False)
    ledger = Ledger(logs)
    _run(logs, random, {log.number: 0 for log in logs}, ledger, sequencer)
    assert ledger.out == _sorted(logs)
    assert sequencer.is_empty
    assert not sequencer.pending_bytes.any()


@given(LOGS, RANDOMS)
@settings(max_examples=100, deadline=None)
def test_s16_a_run_cut_anywhere_and_begun_again_gives_the_same_output(
    content: dict[tuple[str, str], list[int | None]], random: Random
) -> None:
    """What left before a cut and what leaves after it are together one sort of everything."""
    logs = _logs(content)
    delays = dict.fromkeys({log.source for log in logs}, 1.0)
    whole = Ledger(logs)
    sequencer = Sequencer(delays, follow=False)
    _run(logs, random, {log.number: 0 for log in logs}, whole, sequencer)
    kept = whole.batches[: random.randint(0, len(whole.batches))]
    sequence = kept[-1].sequence if kept else 0
    last_key = kept[-1].last_key if kept else None
    taken = {move.file.id: move.after.offset for batch in kept for move in batch.moves}
    begin = {
        log.number: sum(record.end <= taken.get(log.entry.id, 0) for record in log.records)
        for log in logs
    }
    again = Ledger(logs, last_key=last_key, sequence=sequence)
    for log in logs:
        again.skip(log, begin[log.number])
    resumed = Sequencer(delays, follow=False, last_key=last_key, sequence=sequence)
    _run(logs, random, begin, again, resumed)
    assert whole.out[:sequence] + again.out == _sorted(logs)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_s20_equal_keys_leave_as_they_come(size: int) -> None:
    """An hour of equal keys does not pile up: the first chain's leave at once, whole."""
    logs = [Log(0, "app", "/a"), Log(1, "app", "/b")]
    for log in logs:
        for _ in range(2 * size):
            log.write(7)
    sequencer = Sequencer({"app": 1.0}, follow=False)
    ledger = Ledger(logs)
    sequencer.accept(report("app", opened=logs))
    sequencer.accept(report("app", [(log, log.records[:size]) for log in logs]))
    ledger.take(sequencer)
    assert [out.data for out in ledger.out] == [record.data for record in logs[0].records[:size]]
    sequencer.accept(report("app", [(logs[0], logs[0].records[size:])], closed=logs[:1]))
    ledger.take(sequencer)
    assert len(ledger.out) == 3 * size
    sequencer.accept(report("app", [(logs[1], logs[1].records[size:])], closed=logs[1:]))
    ledger.take(sequencer)
    assert ledger.out == _sorted(logs)


def test_nothing_leaves_before_every_source_has_spoken() -> None:
    """A source that has not yet said which files it has may have the smallest key of all."""
    log = Log(0, "db", "/a")
    log.write(None)
    log.write(1)
    other = Log(1, "app", "/b")
    sequencer = Sequencer({"app": 1.0, "db": 1.0}, follow=False)
    sequencer.accept(report("db", [(log, log.records)], opened=[log], closed=[log]))
    assert sequencer.take() == []
    sequencer.accept(report("app", opened=[other]))
    assert sequencer.take() == []
    sequencer.accept(report("app", closed=[other]))
    assert len(sequencer.take()[0]) == 2
    assert sequencer.is_empty


def test_what_waits_pins_no_more_than_twice_its_own_bytes() -> None:
    """Rows that wait are copied out of an arena that has mostly left."""
    first, second = Log(0, "app", "/a"), Log(1, "app", "/b")
    for stamp in range(100):
        first.write(stamp)
    second.write(90)
    second.write(95)
    sequencer = Sequencer({"app": 1.0}, follow=False)
    ledger = Ledger([first, second])
    sequencer.accept(report("app", opened=[first, second]))
    sequencer.accept(report("app", [(first, first.records), (second, second.records[:1])]))
    ledger.take(sequencer)
    assert [out.place[0] for out in ledger.out] == [*range(91), 90]
    assert sequencer.pending_bytes.tolist() == [first.size - first.records[91].offset, 0]
    sequencer.accept(report("app", [(second, second.records[1:])], closed=[second]))
    part = ledger.take(sequencer)[0].parts[0]
    assert len(part.buffer) <= 2 * (first.size - first.records[91].offset)


def test_lines_that_belonged_to_a_record_begin_a_batch_of_their_own() -> None:
    """A batch holds a record and its late continuation only if the latter is first."""
    log, other = Log(0, "app", "/a"), Log(1, "app", "/b")
    log.write(5)
    log.write(None, Flag.CONTINUED)
    log.write(None, Flag.CONTINUED)
    log.write(6)
    for stamp in (4, 5, 5, 6):
        other.write(stamp)
    logs = [log, other]
    sequencer = Sequencer({"app": 1.0}, follow=False)
    ledger = Ledger(logs)
    sequencer.accept(report("app", opened=logs))
    sequencer.accept(report("app", [(log, log.records[:2])]))
    sequencer.accept(report("app", [(log, log.records[2:]), (other, other.records)], closed=logs))
    ledger.take(sequencer)
    assert ledger.out == _sorted(logs)
    assert [len(batch) for batch in ledger.batches] == [2, 1, 5]


def test_keys_at_both_ends_of_what_64_bits_hold() -> None:
    """Records without a stamp and the latest possible stamp stand side by side."""
    logs = [Log(0, "app", "/a"), Log(1, "app", "/b")]
    for log in logs:
        for stamp in (None, NO_STAMP + 1, 0, int(np.iinfo(np.int64).max) - 1):
            log.write(stamp)
    sequencer = Sequencer({"app": 1.0}, follow=False)
    ledger = Ledger(logs)
    pieces = [(log, log.records) for log in logs]
    sequencer.accept(report("app", pieces, opened=logs, closed=logs))
    ledger.take(sequencer)
    assert ledger.out == _sorted(logs)

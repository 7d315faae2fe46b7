#!/usr/bin/env python3
"""Makes sample logs: five services, five ways to write a stamp.

The same arguments give the same bytes. Records of all services are interleaved
in time, and every one carries a number of its own (`#000042`), so that whoever
reads them again can tell which is missing, doubled or out of place.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["SERVICES", "Record", "Service", "make_record", "make_stream", "write_samples"]

_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)
_USERS: Final = ("ada", "brian", "claude", "dennis", "edith", "frances", "grace", "ken")
_TRACE: Final = (
    "Traceback (most recent call last):\n"
    '  File "/srv/shop/orders.py", line {line}, in charge\n'
    "    receipt = bank.charge(order.total)\n"
    '  File "/srv/shop/bank.py", line 88, in charge\n'
    "    raise Refused(answer.code)\n"
    "shop.bank.Refused: 51"
)


def _app(moment: datetime, number: int, chance: random.Random) -> str:
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    worker, user = chance.randrange(1, 5), chance.choice(_USERS)
    if chance.random() < 0.03:  # noqa: PLR2004 - one in thirty or so goes wrong
        trace = _TRACE.format(line=chance.randrange(40, 400))
        return f"{stamp} ERROR [worker-{worker}] order #{number:06d} of {user} failed\n{trace}"
    took = chance.randrange(3, 90)
    return f"{stamp} INFO  [worker-{worker}] order #{number:06d} of {user} paid in {took} ms"


def _access(moment: datetime, number: int, chance: random.Random) -> str:
    stamp = moment.strftime("%d/%b/%Y:%H:%M:%S %z")
    address = f"10.0.{chance.randrange(4)}.{chance.randrange(2, 250)}"
    status = chance.choice((200, 200, 200, 201, 304, 404, 502))
    size = chance.randrange(200, 9000)
    return f'{address} - - [{stamp}] "GET /orders/#{number:06d} HTTP/1.1" {status} {size}'


def _syslog(moment: datetime, number: int, chance: random.Random) -> str:
    stamp = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
    user, port = chance.choice(_USERS), chance.randrange(32768, 61000)
    return f"{stamp} web-1 sshd[{port}]: session #{number:06d} opened for {user}"


def _namenode(moment: datetime, number: int, chance: random.Random) -> str:
    stamp = f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"
    block = chance.randrange(10**12, 10**13)
    return f"{stamp} INFO org.apache.hadoop.hdfs.StateChange: #{number:06d} allocated blk_{block}"


def _queue(moment: datetime, number: int, chance: random.Random) -> str:
    stamp = f"{int(moment.timestamp())}.{moment.microsecond // 1000:03d}"
    return f"{stamp} job #{number:06d} done, {chance.randrange(40)} waiting"


@dataclass(frozen=True)
class Service:
    """One service that writes a log.

    Attributes:
        source: The source that reads it, in a configuration.
        file: The name of its log.
        resolution: What one step of the last digit of its stamps is worth.
        write: Makes a record of a moment, a number and chance.
    """

    source: str
    file: str
    resolution: timedelta
    write: Callable[[datetime, int, random.Random], str]


SERVICES: Final = (
    Service("shop", "app.log", _MILLISECOND, _app),
    Service("web", "access.log", _SECOND, _access),
    Service("system", "syslog.log", _SECOND, _syslog),
    Service("storage", "namenode.log", _MILLISECOND, _namenode),
    Service("storage", "queue.log", _MILLISECOND, _queue),
)
"""ISO 8601 with stack traces, Common Log Format, syslog without a year, Hadoop's
comma, and seconds since 1970."""


@dataclass(frozen=True)
class Record:
    """One record of a log.

    Attributes:
        service: Who wrote it.
        stamp: Its moment, as exact as its stamp says it.
        text: What stands in the log, with the newline at its end.
    """

    service: Service
    stamp: datetime
    text: str


def make_record(number: int, moment: datetime, chance: random.Random) -> Record:
    """Return a record of a service that chance picks.

    Args:
        number: The number that it carries.
        moment: When it happens, in UTC.
        chance: Where all choices come from.
    """
    service = chance.choice(SERVICES)
    whole = moment.replace(microsecond=0)
    stamp = whole + (moment - whole) // service.resolution * service.resolution
    return Record(service, stamp, service.write(moment, number, chance) + "\n")


def make_stream(count: int, *, seed: int, begin: datetime) -> Iterator[Record]:
    """Return records of all services in the order of their moments.

    Args:
        count: How many.
        seed: What chance begins with.
        begin: When the first of them happens, in UTC.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    moment = begin
    for number in range(count):
        yield make_record(number, moment, chance)
        moment += timedelta(milliseconds=chance.randrange(400))


def write_samples(folder: str, count: int, *, seed: int, begin: datetime) -> list[Record]:
    """Write the logs of all services into a folder; return their records.

    A log is as old as its last record, because a stamp without a year belongs to
    the year in which its file was written.

    Args:
        folder: Where to; it must exist.
        count: How many records in all.
        seed: What chance begins with.
        begin: When the first record happens, in UTC.
    """
    records = list(make_stream(count, seed=seed, begin=begin))
    for service in SERVICES:
        own = [record for record in records if record.service is service]
        path = os.path.join(folder, service.file)
        with open(path, "w", encoding="utf-8") as log:
            log.writelines(record.text for record in own)
        if own:
            last = own[-1].stamp.timestamp()
            os.utime(path, (last, last))
    return records


def main() -> None:
    """Write sample logs as the command line says."""
    parser = argparse.ArgumentParser(description="Make the logs of five services.")
    parser.add_argument("folder", help="where to; made if it is not there")
    parser.add_argument("--records", type=int, default=4000, help="how many (4000)")
    parser.add_argument("--seed", type=int, default=1, help="what chance begins with (1)")
    parser.add_argument(
        "--begin",
        type=datetime.fromisoformat,
        default=datetime(2026, 11, 23, 8, tzinfo=UTC),
        help="when the first record happens (2026-11-23T08:00:00Z)",
    )
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    begin = options.begin if options.begin.tzinfo else options.begin.replace(tzinfo=UTC)
    write_samples(options.folder, options.records, seed=options.seed, begin=begin.astimezone(UTC))


if __name__ == "__main__":
    main()

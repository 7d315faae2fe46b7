"""Logs whose rotated files bear a date or a number inside their name: `app-2026-11-23.1.log.gz`.

So lumberjack of Go, logback, log4j and NLog name them, with the extension behind it, and
rotating-file-stream of Node with all of the name behind it.
"""

from __future__ import annotations

import gzip

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs
from pipeline_helpers import config, line, new_disk, running

LOGS = '["/logs/*.log"]'
FORMS = [
    "app-2026-11-23T08-00-{:02}.123.log.gz",
    "app-2026-11-23.{}.log.gz",
    "app.{}.log.gz",
    "app_20261123_{:06}.log.gz",
    "20261123-0800-{:02}-app.log.gz",
]


def rotate(logs: Logs, form: str, number: int) -> None:
    """Compress the log under another name, and begin a new one."""
    content = logs.disk.read(LOG)
    logs.disk.remove(LOG)
    logs.disk.write("/logs/" + form.format(number), gzip.compress(content, mtime=0))
    logs.put(f"app new {number}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("paths", [LOGS, EVERY_NAME])
async def test_r12_compressed_under_a_date_while_followed(
    autojump_clock: trio.testing.MockClock, paths: str, form: str
) -> None:
    """What was read of the log is not read again in its compressed form."""
    logs = Logs(new_disk())
    async with running(logs.disk, config(paths=paths)):
        for number in range(3):
            logs.put(f"app {number}")
            await trio.sleep(3)
            rotate(logs, form, number)
        await trio.sleep(5)
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(5)
    logs.check()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("paths", [LOGS, EVERY_NAME])
async def test_r12_compressed_under_a_date_while_down(
    autojump_clock: trio.testing.MockClock, paths: str, form: str
) -> None:
    """The rest of the log is read there; what another log became is nothing to it."""
    logs = Logs(new_disk())
    logs.put("app 0")
    async with running(logs.disk, config(paths=paths)):
        await trio.sleep(3)
    logs.put("app 1")
    rotate(logs, form, 1)
    if paths == LOGS:
        text = gzip.compress(line(trio.current_time(), "never asked for"), mtime=0)
        logs.disk.write("/logs/app-error-2026-11-23.1.log.gz", text)
        logs.disk.write("/logs/app-2026-11-22.1.log.gz", text)
    for _ in range(2):
        async with running(logs.disk, config(paths=paths)):
            await trio.sleep(8)
    logs.check()

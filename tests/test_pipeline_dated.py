"""Logs whose rotated files bear a date or a number inside their name: `app-2026-11-23.1.log.gz`.

So lumberjack of Go, logback, log4j and NLog name them, with the extension behind it, and
rotating-file-stream of Node with all of the name behind it.
"""

from __future__ import annotations

import gzip

import pytest
import trio
import trio.testing
from follow_helpers import EVERY_NAME, LOG, Logs, follow_for
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
    await follow_for(logs.disk, 5, config(paths=paths))
    logs.check()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("paths", [LOGS, EVERY_NAME])
async def test_r12_compressed_under_a_date_while_down(
    autojump_clock: trio.testing.MockClock, paths: str, form: str
) -> None:
    """The rest of the log is read there; what another log became is nothing to it."""
    logs = Logs(new_disk())
    logs.put("app 0")
    await follow_for(logs.disk, 3, config(paths=paths))
    logs.put("app 1")
    rotate(logs, form, 1)
    if paths == LOGS:
        text = gzip.compress(line(trio.current_time(), "never asked for"), mtime=0)
        logs.disk.write("/logs/app-error-2026-11-23.1.log.gz", text)
        logs.disk.write("/logs/other-2026-11-23.1.log.gz", text)
    for _ in range(2):
        await follow_for(logs.disk, 8, config(paths=paths))
    logs.check()


@pytest.mark.parametrize("form", FORMS[:-1])
@pytest.mark.parametrize("paths", [LOGS, EVERY_NAME])
async def test_r11_generations_compressed_under_a_date_while_down(
    autojump_clock: trio.testing.MockClock, paths: str, form: str
) -> None:
    """What began, was finished and was compressed since then is read in its place."""
    logs = Logs(new_disk())
    if paths == LOGS:
        text = gzip.compress(line(0, "from before the first start"), mtime=0)
        logs.disk.write("/logs/app-2026-11-22.1.log.gz", text)
        await trio.sleep(1)
    logs.put("app 0")
    await follow_for(logs.disk, 3, config(paths=paths))
    for number in (1, 2, 3):
        rotate(logs, form, number)
        await trio.sleep(1)
    await trio.sleep(3)
    for _ in range(2):
        await follow_for(logs.disk, 8, config(paths=paths))
    logs.check()


@pytest.mark.parametrize("is_there", [False, True])
async def test_r11_a_compressed_file_is_of_the_log_whose_name_it_has_most_of(
    autojump_clock: trio.testing.MockClock, *, is_there: bool
) -> None:
    """A log that nobody asked for leaves files whose names begin like one that is followed."""
    logs = Logs(new_disk())
    settings = config(paths=f'["{LOG}"]')
    logs.put("app 0")
    if is_there:
        logs.disk.write("/logs/app-1.log", b"another log\n")
    await follow_for(logs.disk, 3, settings)
    text = line(trio.current_time(), "app 1")
    logs.disk.write("/logs/app-1-20261123.log.gz", gzip.compress(text, mtime=0))
    if not is_there:
        logs.written.append("app 1")
    rotate(logs, FORMS[1], 2)
    await trio.sleep(3)
    await follow_for(logs.disk, 8, settings)
    logs.check()

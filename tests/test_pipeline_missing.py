"""Paths that were named and lead nowhere: said, and the others go on."""

from __future__ import annotations

import errno
import logging

import pytest
import trio
import trio.testing
from pipeline_helpers import config, line, new_disk, now_line, output_lines, run_once, running

from trio_ship.cli.progress import summary
from trio_ship.errors import SourceError

PATHS = '["/logs/app.log", "/logs/nothere.log"]'


async def test_a_missing_path_fails_a_one_shot_run_after_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What is there is shipped; then the missing path is the error, with its remedy."""
    disk = new_disk()
    disk.write("/logs/app.log", line(1, "one"))
    with pytest.raises(SourceError, match=r"nothere\.log: there is no such file; check the path"):
        await run_once(disk, config(follow=False, paths=PATHS))
    assert output_lines(disk) == ["one"]


async def test_r25_a_refused_file_fails_a_one_shot_run_with_its_remedy(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The error at the end says of a file what was said when it was refused."""
    disk = new_disk()
    disk.write("/logs/app.log", line(1, "one"))
    disk.write("/logs/nothere.log", line(2, "two"))
    disk.fail("open", "/logs/nothere.log", error=errno.EACCES, times=None)
    with pytest.raises(SourceError, match=r"\n  /logs/nothere\.log: permission denied; it belongs"):
        await run_once(disk, config(follow=False, paths=PATHS))
    assert output_lines(disk) == ["one"]


async def test_a_missing_path_is_waited_for_while_following(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once that there is no such file yet, and the file is read when it comes."""
    disk = new_disk()
    disk.write("/logs/app.log", line(0, "one"))
    async with running(disk, config(paths=PATHS)):
        await trio.sleep(3)
        disk.write("/logs/nothere.log", now_line("two"))
        await trio.sleep(3)
    assert output_lines(disk) == ["one", "two"]
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ["/logs/nothere.log: there is no such file yet; it is waited for"]


@pytest.mark.parametrize(
    ("follow", "expected"),
    [
        (True, "sources.app: /logs/*.log matches no file yet"),
        (False, "sources.app: /logs/*.log matches no file"),
    ],
)
async def test_a_pattern_that_matches_nothing_is_said(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    follow: bool,  # noqa: FBT001  (a parameter of the test)
    expected: str,
) -> None:
    """Only while following may files still come."""
    async with running(new_disk(), config(follow=follow)):
        await trio.sleep(3)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [expected]


async def test_where_there_was_never_a_record_nobody_is_told_to_start_over(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A second run over nothing has as little to say as the first."""
    disk = new_disk()
    for _ in range(2):
        pipeline = await run_once(disk, config(follow=False))
        assert len(summary(pipeline, 1.0)) == 1


async def test_a_path_that_was_rotated_away_is_not_missing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A log that was followed and has no successor yet is read to its end, without complaint."""
    disk = new_disk()
    disk.write("/logs/app.log", line(1, "one"))
    settings = config(follow=False, paths='["/logs/app.log"]')
    await run_once(disk, settings)
    disk.append("/logs/app.log", line(2, "two"))
    disk.rename("/logs/app.log", "/logs/app.log.1")
    await run_once(disk, settings)
    assert output_lines(disk) == ["one", "two"]

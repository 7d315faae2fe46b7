"""Where the output of a sink is at a start, whatever it is called by then."""

from __future__ import annotations

import errno
import os

import attrs
import pytest
from memory_disk import Call, MemoryDisk
from pipeline_helpers import OUTPUT

from trio_ship.errors import ConfigError
from trio_ship.follow import footprint
from trio_ship.sinks.outputs import find_output, open_output
from trio_ship.state import SinkState

ROTATED = f"{OUTPUT}.1"
OTHER = "/out/other.log"
WRITTEN = b"one line\nanother line\n"


def written(disk: MemoryDisk, path: str = OUTPUT, *, known: bool = True) -> SinkState:
    """Write an output; return what a checkpoint knows of it, with its last bytes or without."""
    disk.write(path, WRITTEN)
    status = disk.stat(path)
    return SinkState(
        path=path,
        device=status.device,
        inode=status.inode,
        offset=len(WRITTEN),
        footprint=footprint(WRITTEN) if known else "",
    )


def found(disk: MemoryDisk, output: SinkState, *, anywhere: bool = True) -> str | None:
    """Return the name under which an output is found; nothing else is left open."""
    there = find_output(disk, "merged", OUTPUT, output, anywhere=anywhere)
    if there is None:
        assert disk._opened == {}
        return None
    fd, status = there
    assert status == disk.fstat(fd)
    assert list(disk._opened) == [fd]
    path = disk._opened[fd].path
    disk.close(fd)
    return path


def test_c17_an_output_that_another_process_writes_is_not_passed_over() -> None:
    """A new one beside it would be begun, and the other process would not be named."""
    disk = MemoryDisk()
    output = written(disk)
    fd, _ = open_output(disk, "other", OUTPUT)
    disk.rename(OUTPUT, ROTATED)
    with pytest.raises(ConfigError, match=f"{ROTATED}: it is written by another process"):
        find_output(disk, "merged", OUTPUT, output, anywhere=True)
    assert list(disk._opened) == [fd]


def test_d09_a_pipe_that_got_the_inode_of_an_output_is_none() -> None:
    """Before the first checkpoint an output is as empty as a pipe is; the start goes on."""
    disk = MemoryDisk()
    disk.reuse_inodes = True
    output = attrs.evolve(written(disk), offset=0, footprint="")
    disk.remove(OUTPUT)
    disk.mkfifo(OTHER)
    assert disk.stat(OTHER).inode == output.inode
    assert found(disk, output) is None


@pytest.mark.parametrize("anywhere", [True, False])
@pytest.mark.parametrize(
    "name", [OUTPUT, ROTATED, "/out/merged.log-20261123", OTHER, f"{OUTPUT}.1.gz"]
)
def test_d09_an_output_is_found_under_another_name_beside_it(name: str, *, anywhere: bool) -> None:
    """What was delivered is gone on with; before that, only a rotation's name says that it is."""
    disk = MemoryDisk()
    output = written(disk)
    disk.write("/out/aaa.log", WRITTEN)
    disk.rename(OUTPUT, name)
    is_found = anywhere or name not in {OTHER, f"{OUTPUT}.1.gz"}
    assert found(disk, output, anywhere=anywhere) == (name if is_found else None)


def test_d09_an_output_whose_path_was_edited_is_found_where_it_was() -> None:
    """It is finished there; nothing of it comes twice under the new path."""
    disk = MemoryDisk()
    disk.mkdir("/out")
    assert found(disk, written(disk, "/before/all.log")) == "/before/all.log"


@pytest.mark.parametrize("name", [OUTPUT, ROTATED])
def test_d09_an_output_on_a_disk_that_has_another_number(name: str) -> None:
    """After a reboot it is known under its own name; beside it an inode of another disk is none."""
    disk = MemoryDisk()
    output = attrs.evolve(written(disk), device=7)
    disk.rename(OUTPUT, name)
    assert found(disk, output) == (OUTPUT if name == OUTPUT else None)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("data", "is_ours"),
    [
        (WRITTEN, (True, True)),
        (WRITTEN + b"and more\n", (True, True)),
        (WRITTEN[:-1], (False, False)),
        (WRITTEN.replace(b"another", b"unknown"), (False, True)),
        (b"x" + WRITTEN, (False, True)),
    ],
    ids=["same", "longer", "shorter", "another", "moved"],
)
def test_d09_a_file_with_the_inode_of_an_output_is_it_if_it_holds_what_was_written(
    data: bytes, is_ours: tuple[bool, bool], *, known: bool
) -> None:
    """A log of somebody else would be written to; where its bytes are known they decide."""
    disk = MemoryDisk()
    output = written(disk, known=known)
    disk.rename(OUTPUT, OTHER)
    disk.write(OTHER, data)
    assert (found(disk, output) == OTHER) == is_ours[not known]


def test_d09_a_file_of_another_inode_is_no_output_though_it_holds_the_same() -> None:
    """A copy of an output is somebody's backup."""
    disk = MemoryDisk()
    output = written(disk)
    disk.write(ROTATED, WRITTEN)
    disk.remove(OUTPUT)
    disk.write(OUTPUT, WRITTEN)
    assert found(disk, output) is None


def test_d09_an_output_that_is_renamed_while_it_is_opened_is_looked_for_again() -> None:
    """Else what it lacks would stand in the new output, and be missing here."""
    disk = MemoryDisk()
    output = written(disk)

    def rename(call: Call) -> None:
        if (call.name, call.path) == ("open", OUTPUT):
            disk.on_call = None
            disk.rename(OUTPUT, ROTATED)

    disk.on_call = rename
    assert found(disk, output) == ROTATED
    assert disk.read(OUTPUT) == b""


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO])
def test_d09_a_folder_of_outputs_that_cannot_be_listed(error: int) -> None:
    """One that may only be entered has its output all the same; a disk that fails is waited for."""
    disk = MemoryDisk()
    output = written(disk)
    disk.fail("scandir", "/out", error=error, times=None)
    if error == errno.EACCES:
        assert found(disk, output) == OUTPUT
        disk.rename(OUTPUT, ROTATED)
        assert found(disk, output) is None
    else:
        with pytest.raises(OSError, match="Input/output"):
            found(disk, output)


@pytest.mark.parametrize("call", ["stat", "open"])
@pytest.mark.parametrize(
    ("error", "own", "beside"),
    [
        (errno.ENOENT, None, None),
        (errno.EACCES, Exception, None),
        (errno.ELOOP, Exception, None),
        (errno.EIO, OSError, OSError),
    ],
)
def test_d09_an_output_that_cannot_be_looked_at(
    call: str, error: int, own: type[Exception] | None, beside: type[Exception] | None
) -> None:
    """A name beside it that is closed to us is no output; its own, or a disk that fails, is said.

    Where that were passed over, a new output would be begun beside the one that is there.
    """
    for name, expected in ((OUTPUT, own), (ROTATED, beside)):
        disk = MemoryDisk()
        output = written(disk)
        disk.rename(OUTPUT, name)
        disk.fail(call, name, error=error, times=None)
        if expected is None:
            assert found(disk, output) is None
        else:
            with pytest.raises(expected):
                found(disk, output)
        assert disk._opened == {}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errno.EACCES, ConfigError),
        (errno.EROFS, ConfigError),
        *((error, OSError) for error in (errno.EIO, errno.EMFILE, errno.ENOSPC, errno.EDQUOT)),
    ],
)
def test_d07_an_error_at_an_output_is_of_the_configuration_or_passes(
    error: int, expected: type[Exception]
) -> None:
    """What waiting may mend does not end a service for good."""
    disk = MemoryDisk()
    disk.mkdir("/out")
    disk.fail("open", OUTPUT, error=error)
    with pytest.raises(expected, match=os.strerror(error).split("/")[0]):
        open_output(disk, "merged", OUTPUT)


def test_c17_an_output_that_is_refused_is_not_left_open() -> None:
    """A reload that is refused may be tried as often as somebody likes."""
    disk = MemoryDisk()
    disk.write(OUTPUT, b"")
    disk.mkfifo("/out/pipe")
    fd, _ = open_output(disk, "merged", OUTPUT)
    for path, why in ((OUTPUT, "written by another process"), ("/out/pipe", "not a regular file")):
        with pytest.raises(ConfigError, match=f"sinks.merged.path: {path}.*{why}"):
            open_output(disk, "merged", path)
        assert list(disk._opened) == [fd]

"""The library: the ordered stream as an object, inside somebody's own program."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
import trio
from process_helpers import stamped

import trio_ship


def make_config(
    folder: Path, *, follow: bool = False, sink: str | None = "out"
) -> trio_ship.Config:
    """Return a configuration that reads two small files, and writes one unless `sink` is None."""
    for name, seconds in (("a", (1, 3, 5)), ("b", (2, 4, 6))):
        (folder / f"{name}.log").write_bytes(b"".join(stamped(at, name) for at in seconds))
    text = f"""
        [pipeline]
        follow = {str(follow).lower()}
        [sources.app]
        type = "file"
        paths = ["*.log"]
    """
    if sink is not None:
        text += f'[sinks.{sink}]\ntype = "file"\npath = "out.txt"\n'
    return trio_ship.parse_config(text, file=str(folder / "ship.toml"))


async def messages_of(config: trio_ship.Config, *, acknowledge: int) -> list[bytes]:
    """Return what a stream hands out, acknowledging so many batches."""
    found: list[bytes] = []
    async with trio_ship.open_stream(config) as stream:
        async for batch in stream:
            found += batch.to_arrow()["message"].to_pylist()
            if acknowledge > 0:
                acknowledge -= 1
                stream.acknowledge(batch)
    return found


async def test_a_stream_hands_out_records_in_order(tmp_path: Path) -> None:
    """Records of all files come in the order of time, with their columns."""
    config = make_config(tmp_path)
    found = await messages_of(config, acknowledge=100)
    merged = [stamped(at, "b" if at % 2 == 0 else "a").rstrip(b"\n") for at in range(1, 7)]
    assert found == merged


async def test_what_was_acknowledged_is_not_handed_out_again(tmp_path: Path) -> None:
    """A second run over the same checkpoint hands out nothing that was acknowledged."""
    config = make_config(tmp_path)
    await messages_of(config, acknowledge=100)
    assert await messages_of(config, acknowledge=100) == []


async def test_what_was_not_acknowledged_comes_again(tmp_path: Path) -> None:
    """A body that ends early gets the rest from the next run, a sink got it once."""
    config = make_config(tmp_path)
    async with trio_ship.open_stream(config) as stream:
        async for _batch in stream:
            break
    assert len(await messages_of(config, acknowledge=100)) == 6
    merged = b"".join(stamped(at, "b" if at % 2 == 0 else "a") for at in range(1, 7))
    assert (tmp_path / "out.txt").read_bytes() == merged


async def test_a_stream_needs_no_sink(tmp_path: Path) -> None:
    """Without sinks what is not acknowledged comes again, and then never more; `run` wants one."""
    config = make_config(tmp_path, sink=None)
    assert len(await messages_of(config, acknowledge=0)) == 6
    assert len(await messages_of(config, acknowledge=100)) == 6
    assert await messages_of(config, acknowledge=100) == []
    with pytest.raises(trio_ship.ConfigError, match="sinks: there is no sink"):
        await trio_ship.run(config)


async def test_no_sink_has_the_name_of_the_stream(tmp_path: Path) -> None:
    """A sink whose place in the checkpoint would be that of the stream is refused."""
    with pytest.raises(trio_ship.ConfigError, match="a stream has this name"):
        await messages_of(make_config(tmp_path, sink="stream"), acknowledge=0)


async def test_run_belongs_in_a_nursery_and_drains(tmp_path: Path) -> None:
    """`run` starts inside a nursery, hands out its pipeline, and ends when drained."""
    config = make_config(tmp_path, follow=True)
    async with trio.open_nursery() as nursery:
        pipeline = await nursery.start(trio_ship.run, config)
        with trio.fail_after(60):
            while pipeline.statistics.records < 5:  # noqa: ASYNC110  (it publishes no event)
                await trio.sleep(0.01)
        pipeline.drain()
    assert pipeline.snapshot.sequence >= 5


async def test_errors_come_bare(tmp_path: Path) -> None:
    """A checkpoint in use raises a `CheckpointError` by itself, in a stream too."""
    config = make_config(tmp_path, follow=True)
    async with trio.open_nursery() as nursery:
        pipeline = await nursery.start(trio_ship.run, config)
        with pytest.raises(trio_ship.CheckpointError):
            await trio_ship.run(config)
        with pytest.raises(trio_ship.CheckpointError):
            async with trio_ship.open_stream(config):
                pass
        pipeline.drain()


async def test_an_error_of_the_body_comes_bare(tmp_path: Path) -> None:
    """What the body of a stream raises reaches its caller without a group."""

    async def fail() -> None:
        async with trio_ship.open_stream(make_config(tmp_path)) as stream:
            async for _batch in stream:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


def test_it_works_under_anyio(tmp_path: Path) -> None:
    """`anyio.run` with the trio backend runs a pipeline as `trio.run` does."""
    config = make_config(tmp_path)
    anyio.run(trio_ship.run, config, backend="trio")
    assert (tmp_path / "out.txt").read_bytes().count(b"\n") == 6

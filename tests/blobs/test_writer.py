"""From octets to a blob: same result for any cut, bounded memory, nothing left behind."""

import asyncio
import errno
import hashlib
import itertools
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from postroom.blobs import zstd
from postroom.blobs.files import Files
from postroom.blobs.frames import FRAME, from_octets
from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW
from postroom.blobs.writer import BlobWriter
from postroom.db.ids import Ids
from postroom.errors import StorageFailed, StorageFull
from tests.blobs.letters import HEAD, LARGE, SIZES, files, noise, text
from tests.fakes import Clock

STEPS = ("created", "written", "synced", "renamed", "published")


def new(data: Path, *, in_rows: bool = False) -> BlobWriter:
    return BlobWriter(Files(data), Ids(Clock()), in_rows=in_rows)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def clear(data: Path) -> None:
    for path in files(data):
        path.unlink()


def size_of(path: str | None) -> int:
    assert path is not None
    return Path(path).stat().st_size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", [noise, text], ids=["noise", "text"])
@pytest.mark.parametrize("in_rows", [False, True])
def test_where_a_body_ends_up(data: Path, size: int, make: object, in_rows: bool) -> None:
    body = noise(size) if make is noise else text(size)

    async def go() -> None:
        writer = new(data, in_rows=in_rows)
        await writer.write(body)
        blob = (await writer.finish(HEAD)).packed()
        assert (blob.head_size, blob.body_size) == (len(HEAD), size)
        assert blob.digest == hashlib.sha256(body + HEAD).digest()
        assert zstd.unpack(blob.head, blob.head_size) == HEAD
        if size <= 65_536 or (make is text and size <= FRAME):
            assert blob.place == IN_ROW
            assert blob.body is not None
            assert zstd.unpack(blob.body, size) == body
            assert files(data) == []
        else:
            assert blob.place == (IN_FRAMES if in_rows else IN_FILE)
            assert blob.body is None
            assert blob.path is not None
            table = from_octets(blob.frames, size)
            assert [Path(blob.path)] == files(data)
            assert size_of(blob.path) == sum(frame.stored for frame in table)
        await writer.abort()
        assert len(files(data)) == (blob.place != IN_ROW)

    asyncio.run(go())


@pytest.mark.parametrize("in_rows", [False, True])
@pytest.mark.parametrize("size", [0, 10, 5000, LARGE])
def test_a_small_body_that_is_kept_apart(data: Path, size: int, in_rows: bool) -> None:
    async def go() -> None:
        writer = new(data, in_rows=in_rows)
        await writer.write(text(size))
        blob = await writer.finish(HEAD, apart=True)
        assert blob.place == (IN_FRAMES if in_rows else IN_FILE)
        assert (blob.body, blob.body_size) == (None, size)
        assert blob.digest == hashlib.sha256(text(size) + HEAD).digest()
        from_octets(blob.frames, size)

    asyncio.run(go())


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(cuts=strategies.lists(strategies.integers(1, LARGE - 1), max_size=12))
def test_any_cut_gives_the_same_blob(data: Path, cuts: list[int]) -> None:
    body = noise(LARGE)
    edges = [0, *sorted(cuts), LARGE]

    async def go() -> None:
        writer = new(data)
        for start, end in itertools.pairwise(edges):
            await writer.write(body[start:end])
        blob = await writer.finish(HEAD)
        assert blob.digest == hashlib.sha256(body + HEAD).digest()
        assert [frame.size for frame in from_octets(blob.frames, LARGE)] == [FRAME, FRAME, 12_345]
        assert size_of(blob.path) == sum(f.stored for f in from_octets(blob.frames, LARGE))
        clear(data)

    asyncio.run(go())


def test_small_bodies_all_at_once(data: Path) -> None:
    blob = new(data).write_small(HEAD, b"hello\r\n").packed()
    assert (blob.place, blob.frames, blob.path) == (IN_ROW, b"", None)
    assert blob.body is not None
    assert zstd.unpack(blob.body, 7) == b"hello\r\n"
    assert blob.digest == hashlib.sha256(b"hello\r\n" + HEAD).digest()


@pytest.mark.parametrize("at", STEPS)
def test_a_step_that_fails_leaves_no_file_or_the_whole_one(data: Path, at: str) -> None:
    def step(name: str) -> None:
        if name == at:
            raise OSError(errno.EIO, at)

    async def go() -> None:
        writer = BlobWriter(Files(data, step), Ids(Clock()), in_rows=False)
        with pytest.raises(StorageFailed, match=at):
            await writer.write(noise(LARGE))
            await writer.finish(HEAD)
        await writer.abort()
        await writer.abort()

    asyncio.run(go())
    whole = at in {"renamed", "published"}
    assert len(files(data)) == whole  # a whole one without a row: ``sweep``
    assert not [path for path in files(data) if path.parent.name == "tmp"]


def test_a_full_disk_is_told_as_such(data: Path) -> None:
    def step(name: str) -> None:
        if name == "written":
            raise OSError(errno.ENOSPC, "no space left")

    async def go() -> None:
        writer = BlobWriter(Files(data, step), Ids(Clock()), in_rows=False)
        await writer.write(noise(LARGE))
        with pytest.raises(StorageFull):
            await writer.finish(HEAD)

    asyncio.run(go())
    assert files(data) == []


def test_abort_leaves_nothing(data: Path) -> None:
    async def go() -> None:
        writer = new(data)
        await writer.write(noise(LARGE))
        assert len(files(data)) == 1
        await writer.abort()
        await writer.abort()

    asyncio.run(go())
    assert files(data) == []


def test_a_cancelled_writer_can_be_aborted_while_its_thread_works(data: Path) -> None:
    started, gate = threading.Event(), threading.Event()

    def step(name: str) -> None:
        if name == "created":
            started.set()
            gate.wait(60)

    async def go() -> None:
        writer = BlobWriter(Files(data, step), Ids(Clock()), in_rows=False)
        task = asyncio.ensure_future(writer.write(noise(LARGE)))
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        aborting = asyncio.ensure_future(writer.abort())
        await asyncio.sleep(0)
        assert not aborting.done()
        gate.set()
        await aborting

    before = descriptors()
    asyncio.run(go())
    assert files(data) == []
    assert descriptors() <= before


@pytest.mark.parametrize("in_rows", [False, True])
def test_a_blob_that_is_finished_when_nobody_waits_any_more_leaves_nothing(
    data: Path, in_rows: bool
) -> None:
    last = "created" if in_rows else "published"

    async def go() -> None:
        loop = asyncio.get_running_loop()

        def step(name: str) -> None:
            if name == last:
                loop.call_soon_threadsafe(task.cancel)

        writer = BlobWriter(Files(data, step), Ids(Clock()), in_rows=in_rows)
        await writer.write(noise(200_000))
        task = asyncio.ensure_future(writer.finish(HEAD))
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(go())
    assert files(data) == []


def test_memory_is_flat_in_message_size(data: Path) -> None:
    block = noise(256 * 1024)

    async def go(blocks: int) -> int:
        tracemalloc.start()
        try:
            writer = new(data)
            for _ in range(blocks):
                await writer.write(block)
            await writer.finish(HEAD)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(go(100)) < 5 << 20


def test_open_files_are_closed(data: Path) -> None:
    ids = Ids(Clock())

    async def go() -> None:
        for _ in range(3):
            writer = BlobWriter(Files(data), ids, in_rows=False)
            await writer.write(noise(LARGE))
            await writer.finish(HEAD)

    before = descriptors()
    asyncio.run(go())
    assert descriptors() <= before


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 5])
def test_what_was_written_can_be_read_before_the_end(data: Path, size: int) -> None:
    async def go() -> None:
        writer = new(data)
        await writer.write(noise(size))
        for _ in range(2):  # as often as anybody likes
            pieces = [piece async for piece in writer.octets()]
            assert all(len(piece) <= FRAME for piece in pieces)
            assert b"".join(pieces) == noise(size)
        blob = (await writer.finish(HEAD)).packed()
        assert blob.digest == hashlib.sha256(noise(size) + HEAD).digest()

    asyncio.run(go())


def test_what_the_disk_spoils_is_not_read(data: Path) -> None:
    async def go() -> None:
        writer = new(data)
        await writer.write(noise(2 * FRAME))
        (path,) = files(data)
        path.write_bytes(b"x" * path.stat().st_size)
        with pytest.raises(StorageFailed, match="checksum"):
            _ = [piece async for piece in writer.octets()]
        path.unlink()
        with pytest.raises(StorageFailed, match="No such file"):
            _ = [piece async for piece in writer.octets()]
        path.touch()
        await writer.abort()
        assert files(data) == []

    asyncio.run(go())

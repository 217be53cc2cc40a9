"""The octets of one message, however they come."""

import asyncio
import tracemalloc
from pathlib import Path

from hypothesis import given, settings, strategies as st

from postroom.blobs.store import BlobStore
from postroom.db.ids import Ids
from postroom.intake.arrival import SMALL, Arrival
from postroom.intake.limits import HEADER_TOO_LARGE
from postroom.message import headers
from postroom.message.scan import scan
from postroom.protocol.smtp import replies
from tests.fakes import Clock

MULTIPART = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\n'
    + b"two\r\n" * 20_000
    + b"--b--\r\n"
)


def arrival(data: Path, *, max_message: int = 0, mends: bool = False) -> Arrival:
    blobs = BlobStore(data, "sqlite", Ids(Clock()))
    return Arrival(blobs, max_message=max_message, mends=mends)


def files(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file()]


async def feed(one: Arrival, octets: bytes, size: int) -> None:
    for at in range(0, len(octets), size):
        await one.take(octets[at : at + size])
    await one.finish()


@settings(max_examples=30)
@given(st.integers(1, 200_000), st.sampled_from([100, 70_000, 100_000]))
def test_any_cut_gives_the_same(tmp_path_factory, size: int, length: int) -> None:  # type: ignore[no-untyped-def]
    size = max(size, length // 2000)
    octets = MULTIPART[:length]

    async def run() -> None:
        one = arrival(tmp_path_factory.mktemp("data"))
        await feed(one, octets, size)
        assert one.refusal is None
        assert one.head == headers.split(octets)[0]
        assert one.part == scan(octets)
        assert one.size == len(octets)
        prepared = await one.prepared(one.head)
        assert (prepared.head_size, prepared.body_size) == (
            len(one.head), len(octets) - len(one.head),
        )  # fmt: skip
        await one.abort()

    asyncio.run(run())


def test_a_header_may_end_behind_the_first_64_kib(data: Path) -> None:
    async def run() -> None:
        head = b"X: " + b"y" * (SMALL + 50_000) + b"\r\n\r\n"
        one = arrival(data)
        await feed(one, head + b"body\r\n", 1000)
        assert one.refusal is None
        assert one.head == head
        assert one.part.body_start == len(head)

    asyncio.run(run())


def test_a_header_that_does_not_end_is_refused_early(data: Path) -> None:
    async def run() -> None:
        one = arrival(data)
        for _ in range(400):
            await one.take(b"y" * 1000)
        assert one.refusal == HEADER_TOO_LARGE
        await one.finish()
        assert one.refusal == HEADER_TOO_LARGE

    asyncio.run(run())


def test_a_header_that_comes_octet_by_octet_is_cheap(data: Path) -> None:
    async def run() -> None:
        one = arrival(data)
        tracemalloc.start()
        try:
            for _ in range(150_000):
                await one.take(b"y")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert one.refusal is None
        assert peak < 2_000_000

    asyncio.run(run())


def test_what_is_too_big_is_swallowed(data: Path) -> None:
    async def run() -> None:
        one = arrival(data, max_message=2_000_000)
        for _ in range(30):
            await one.take(b"\r\n" + b"x" * 99_998)
        assert one.refusal == replies.MESSAGE_TOO_BIG
        await one.finish()
        assert files(data) == []
        exact = arrival(data, max_message=100)
        await feed(exact, b"\r\n" + b"x" * 98, 7)
        assert exact.refusal is None

    asyncio.run(run())


def test_line_ends_are_mended_across_blocks(data: Path) -> None:
    async def run() -> None:
        for filler in (b"", b"z" * SMALL * 2):
            one = arrival(data, mends=True)
            await feed(one, b"A: b\n\n" + filler + b"one\rtwo\r\nthree\n\r", 1)
            assert one.head == b"A: b\r\n\r\n"
            prepared = await one.prepared(one.head)
            assert prepared.body_size == len(filler) + len(b"one\r\ntwo\r\nthree\r\n\r\n")
            assert one.part.lines == 4

    asyncio.run(run())


def test_memory_does_not_grow_with_the_message(data: Path) -> None:
    async def run() -> None:
        one = arrival(data)
        block = b"x" * 998 + b"\r\n"
        await one.take(b"Subject: x\r\n\r\n")
        for _ in range(3000):
            await one.take(block)
        tracemalloc.start()
        try:
            for _ in range(20_000):
                await one.take(block)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8_000_000
        await one.abort()
        assert files(data) == []

    asyncio.run(run())


def test_the_body_is_there_until_it_is_prepared(data: Path) -> None:
    async def run(octets: bytes) -> None:
        one = arrival(data)
        await feed(one, octets, 50_000)
        head, body = headers.split(octets)
        assert b"".join([piece async for piece in one.body()]) == body
        assert (await one.prepared(head)).body_size == len(body)

    for octets in (MULTIPART[:100], MULTIPART, MULTIPART + b"x\r\n" * 1_000_000):
        asyncio.run(run(octets))

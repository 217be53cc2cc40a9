"""Decoded parts of messages, small and large."""

import asyncio
import base64
import random
import tracemalloc
from pathlib import Path

import pytest

from postroom.access import binary, loading
from postroom.access.append import Appender
from postroom.access.binary import UnknownEncoding
from postroom.access.pages import FetchRow
from postroom.access.view import View
from postroom.blobs.frames import FRAME
from postroom.blobs.recent import FRAMES
from postroom.post.commit import Post
from postroom.store.store import Store
from tests.access.shop import opened, place_of, put, shop
from tests.conftest import Opener

BODY = random.Random(3).randbytes(2_000_000)


def letter(encoding: bytes, encoded: bytes) -> bytes:
    return (
        b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n--b--"
    ) % (encoding, encoded)


def base64_of(body: bytes) -> bytes:
    return base64.encodebytes(body).replace(b"\n", b"\r\n")


async def row_of(view: View, uid: int = 1) -> FetchRow:
    async for page in loading.rows(view, [(uid, uid)], need=frozenset({"head"})):
        return page[0]
    raise AssertionError("there is no such message")


async def read(row: FetchRow, path: tuple[int, ...], start: int, length: int) -> bytes:
    found = await binary.find(row, path)
    assert found is not None
    return b"".join([piece async for piece in binary.read(row, found, start, length)])


async def stocked(store: Store, *letters: bytes) -> View:
    await put(store, *letters, prefix=b"Delivered-To: a@example.org\r\n")
    return await opened(store)


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 2_000_000])
def test_base64_of_any_size(database: Opener, data: Path, size: int) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            body = BODY[:size]
            row = await row_of(await stocked(store, letter(b"base64", base64_of(body))))
            found = await binary.find(row, (2,))
            assert found is not None
            assert (found.size, found.has_nul) == (size, b"\0" in body)
            assert await read(row, (2,), 0, size) == body
            for start, length in ((3, size // 2), (size // 2, size - size // 2), (size, 0)):
                assert await read(row, (2,), start, length) == body[start : start + length]
            assert await read(row, (1,), 0, 5) == b"first"

    asyncio.run(run())


def test_large_quoted_printable_and_large_identity(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            text = (b"caf\xc3\xa9 " * 10 + b"\r\n") * 20_000
            quoted = text.replace(b"\xc3\xa9", b"=C3=A9")
            view = await stocked(store, letter(b"quoted-printable", quoted), letter(b"8BIT", text))
            for uid in (1, 2):
                row = await row_of(view, uid)
                found = await binary.find(row, (2,))
                assert found is not None
                assert (found.size, found.has_nul) == (len(text), False)
                assert await read(row, (2,), 1_234_567, 400) == text[1_234_567:1_234_967]
                assert await read(row, (2,), 0, len(text)) == text

    asyncio.run(run())


def test_composite_and_missing_and_unknown(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            sent = letter(b"x-uuencode", b"begin")
            row = await row_of(await stocked(store, sent))
            stored = row.prefix + sent
            assert await read(row, (), 0, len(stored)) == stored
            assert await binary.find(row, (3,)) is None
            await binary.check(row, (3,))
            await binary.check(row, (1,))
            for step in (binary.find, binary.check):
                with pytest.raises(UnknownEncoding, match="x-uuencode"):
                    await step(row, (2,))

    asyncio.run(run())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_large_part_in_pieces_is_decoded_once_and_takes_little_memory(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            body = BODY * 8
            work = Appender(store, Post(store.db, store.blobs, store.notify, store.clock))
            await work.begin(await place_of(store, "INBOX"))
            await work.message(0, [], 0)
            await work.write(letter(b"base64", base64_of(body)))
            await work.finish()
            view = await opened(store)
            row = await row_of(view)
            tracemalloc.start()
            found = await binary.find(row, (2,))
            assert found is not None
            assert found.size == len(body)
            for start in range(0, len(body), 300_000):
                piece = await read(row, (2,), start, 300_000)
                assert piece == body[start : start + 300_000]
                place = view.decodings[row.blob_id, (2,)].enter(start + 300_000)
                assert start + 300_000 - place.decoded <= 1_048_576
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < FRAMES * FRAME + 10_000_000  # of 21 MB; pieces are read ahead meanwhile
            assert len(view.decodings) == 1

    asyncio.run(run())


def test_few_decodings_are_remembered(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary, "MAX_DECODINGS", 2)
    monkeypatch.setattr(binary, "SMALL", 10)

    async def run() -> None:
        async with shop(database, data) as store:
            view = await stocked(store, *[letter(b"base64", base64_of(BODY[:90]))] * 3)
            for uid in (1, 2, 3):
                assert await read(await row_of(view, uid), (2,), 0, 90) == BODY[:90]
            assert len(view.decodings) == 2

    asyncio.run(run())

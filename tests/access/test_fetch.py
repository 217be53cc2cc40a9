"""Content and sections."""

import asyncio
import base64
import random
from pathlib import Path

import pytest

from postroom.access import fetch, loading
from postroom.access.pages import FetchRow, message
from postroom.errors import MailError, NotFound
from postroom.protocol.imap.fetch import Section
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

PREFIX = b"Return-Path: <b@example.org>\r\nDelivered-To: a@example.org\r\n"
INNER = (
    b"Subject: inner\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
    b"--i\r\nContent-Type: text/plain\r\n\r\ninner plain\r\n--i\r\n\r\ninner other\r\n--i--\r\n"
)
LETTER = (
    b"Subject: outer\r\nFrom: b@example.org\r\nX-A: 1\r\n 2\r\nX-a: 3\r\n"
    b"Content-Type: multipart/mixed; boundary=o\r\n\r\npreamble\r\n"
    b"--o\r\nContent-Type: text/plain\r\nX-Part: one\r\n\r\nfirst part\r\n"
    b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"--o--\r\n"
)


async def one_row(store: Store, letter: bytes, need: frozenset[str]) -> FetchRow:
    await put(store, letter, prefix=PREFIX)
    view = await opened(store, read_only=True)
    last = view.last_uid
    row = await message(view, last, need=need)
    assert row is not None
    return row


def test_content_is_prefix_head_body(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, LETTER, frozenset())
            whole = PREFIX + LETTER
            assert b"".join([piece async for piece in fetch.stream(row)]) == whole
            for start, length in ((0, 9999), (5, 10), (50, 100), (len(whole) - 3, 100), (9999, 5)):
                assert await fetch.octets(row, start, length) == whole[start : start + length]

    asyncio.run(run())


def test_sections(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, LETTER, frozenset())
            head = PREFIX + LETTER[: LETTER.index(b"\r\n\r\n") + 4]

            async def get(
                *path: int, piece: str = "", fields: tuple[str, ...] = ()
            ) -> bytes | None:
                return await fetch.section(row, Section(path, piece, fields))  # type: ignore[arg-type]

            assert await get() == PREFIX + LETTER
            assert await get(piece="HEADER") == head
            assert await get(piece="TEXT") == (PREFIX + LETTER)[len(head) :]
            assert await get(piece="HEADER.FIELDS", fields=("x-a", "delivered-to", "none")) == (
                b"Delivered-To: a@example.org\r\nX-A: 1\r\n 2\r\nX-a: 3\r\n\r\n"
            )
            rest = await get(piece="HEADER.FIELDS.NOT", fields=("x-a", "content-type"))
            assert rest == PREFIX + b"Subject: outer\r\nFrom: b@example.org\r\n\r\n"
            assert await get(1) == b"first part"
            assert await get(1, piece="MIME") == b"Content-Type: text/plain\r\nX-Part: one\r\n\r\n"
            assert await get(1, piece="HEADER") is None
            assert await get(2) == INNER[:-2]
            assert await get(2, piece="HEADER") == INNER[: INNER.index(b"\r\n\r\n") + 4]
            assert await get(2, piece="HEADER.FIELDS", fields=("subject",)) == (
                b"Subject: inner\r\n\r\n"
            )
            assert await get(2, 1) == b"inner plain"
            assert await get(2, 2, piece="MIME") == b"\r\n"
            assert await get(2, 3) is None
            assert await get(3) is None
            assert await get(1, 1) is None
            assert await fetch.extent(row, Section((1,))) == (
                (PREFIX + LETTER).index(b"first"), 10,
            )  # fmt: skip
            assert await fetch.extent(row, Section((), "HEADER.FIELDS", ("a",))) is None

    asyncio.run(run())


def test_partial_sections(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, LETTER, frozenset({"head"}))
            first = Section((1,))
            assert await fetch.section(row, first, (0, 5)) == b"first"
            assert await fetch.section(row, first, (6, 99)) == b"part"
            assert await fetch.section(row, first, (10, 1)) == b""
            assert await fetch.section(row, first, (999, 1)) == b""
            subject = Section((), "HEADER.FIELDS", ("subject",))
            assert await fetch.section(row, subject, (9, 5)) == b"outer"
            assert await fetch.section(row, Section(), (len(PREFIX), 7)) == b"Subject"

    asyncio.run(run())


def test_a_letter_of_one_part(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, b"A: b\r\n\r\nhello\r\n", frozenset())
            assert await fetch.section(row, Section((1,))) == b"hello\r\n"
            assert await fetch.section(row, Section((1,), "MIME")) == PREFIX + b"A: b\r\n\r\n"
            assert await fetch.section(row, Section((1, 1))) is None

    asyncio.run(run())


def test_what_was_expunged_since_is_not_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, LETTER, frozenset())
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            with pytest.raises(NotFound):
                await fetch.octets(row, 0, 1)
            with pytest.raises(NotFound):
                await fetch.section(row, Section())

    asyncio.run(run())


def test_pieces_end_where_stored_ones_do(database: Opener, data: Path) -> None:
    """Whoever takes only the first leaves nothing running."""

    async def run() -> None:
        async with shop(database, data) as store:
            body = random.Random(4).randbytes(3 * fetch.PIECE + 5)
            letter = b"Subject: x\r\n\r\n" + body
            await put(store, letter)
            view = await opened(store)
            row = await message(view, 1, need=frozenset({"head"}))
            assert row is not None
            found = [piece async for piece in fetch.pieces(row, 7, row.size - 9)]
            assert b"".join(found) == letter[7:-2]
            assert list(map(len, found)) == [7, *[fetch.PIECE] * 3, 3]
            assert [piece async for piece in fetch.pieces(row, 7, 0)] == []
            reading = fetch.pieces(row, 0, row.size)
            assert await anext(reading) == letter[:14]
            await reading.aclose()
            row.size += 1
            with pytest.raises(MailError):
                _ = [piece async for piece in fetch.pieces(row, 7, row.size - 7)]

    asyncio.run(run())


def test_a_large_letter_is_read_in_pieces(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            octets = b"".join(number.to_bytes(4, "big") for number in range(900_000))
            attached = base64.encodebytes(octets).replace(b"\n", b"\r\n")
            letter = (
                b"Content-Type: multipart/mixed; boundary=o\r\n\r\n"
                b"--o\r\n\r\nhello\r\n--o\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + attached + b"--o--\r\n"
            )  # fmt: skip
            head, _, body = letter.partition(b"\r\n\r\n")
            writer = store.blobs.writer()
            await writer.write(body)
            blob = await writer.finish(head + b"\r\n\r\n")
            assert blob.body_size == len(body)
            await put(store, b"A: b\r\n\r\nx")
            await store.db.write(lambda tx: store.blobs.insert(tx, [(blob, 1)]))
            sql = f"UPDATE message SET blob_id = {blob.id}, prefix = '', size = {len(letter)}"
            await store.db.write(lambda tx: tx.execute(sql.replace("''", _empty(tx.engine))))
            await store.db.write(lambda tx: tx.execute(f"UPDATE entry SET size = {len(letter)}"))
            view = await opened(store, read_only=True)
            pages = [page async for page in loading.rows(view, [(1, 1)], need=frozenset())]
            row = pages[0][0]
            pieces = [piece async for piece in fetch.stream(row)]
            assert b"".join(pieces) == letter
            assert max(map(len, pieces)) <= 1 << 20
            assert await fetch.section(row, Section((1,))) == b"hello"
            assert (
                await fetch.section(row, Section((2,)), (3_000_000, 1000))
                == (attached[3_000_000:3_001_000])
            )

    asyncio.run(run())


def _empty(engine: str) -> str:
    return "X''" if engine == "sqlite" else "''"

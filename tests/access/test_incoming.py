"""One message on its way into a blob."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import incoming as incoming_module
from postroom.access.binary import UnknownEncoding
from postroom.access.incoming import MAX_BINARY, MAX_HEAD, Incoming
from postroom.blobs.prepared import IN_ROW
from postroom.errors import Invalid, Refused
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.store.store import Store
from tests.access.shop import shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"


async def sizes(incoming: Incoming, letter: bytes, block: int) -> tuple[int, int]:
    """Of head and body, once it is checked against the letter that should be there."""
    for start in range(0, len(letter), block):
        await incoming.write(letter[start : start + block])
    arrived = await incoming.finish()
    assert arrived.size == arrived.blob.head_size + arrived.blob.body_size
    return arrived.blob.head_size, arrived.blob.body_size


@pytest.mark.parametrize("block", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (LETTER, (len(LETTER) - 6, 6)),
        (LETTER.replace(b"\r\n", b"\n"), (len(LETTER) - 6, 6)),
        (b"\r\nno header", (2, 9)),
        (b"Subject: no body\r\n", (18, 0)),
        (b"Subject: no body\r\n\r\n", (20, 0)),
        (b"X: " + b"y" * (MAX_HEAD + 100), (MAX_HEAD, 103)),
        (b"\r\n" + b"z" * 70_000, (2, 70_000)),
    ],
)
def test_head_and_body(
    database: Opener, data: Path, letter: bytes, expected: tuple[int, int], block: int
) -> None:
    if len(letter) > 1000 and block < 100:
        block = 5000

    async def run() -> None:
        async with shop(database, data) as store:
            assert await sizes(Incoming(store.blobs), letter, block) == expected

    asyncio.run(run())


def test_it_is_indexed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            incoming = Incoming(store.blobs)
            await incoming.write(LETTER)
            arrived = await incoming.finish()
            assert arrived.indexed == index(LETTER[:-6], scan(LETTER))

    asyncio.run(run())


def test_a_small_body_can_be_kept_apart(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for body, apart in ((b"body\r\n", False), (b"body\r\n", True), (b"", True)):
                incoming = Incoming(store.blobs)
                await incoming.write(b"Subject: x\r\n\r\n" + body)
                blob = (await incoming.finish(apart=apart)).blob
                assert (blob.place == IN_ROW) is not apart
                assert (blob.body is None) is apart
                assert blob.body_size == len(body)

    asyncio.run(run())


BINARY = b"Content-Transfer-Encoding: binary\r\n\r\n%s"
PART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + BINARY + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("letter", "encoding"),
    [
        (BINARY % b"a\r\nb", b"binary"),
        (BINARY % b"a\nb", b"quoted-printable"),
        (BINARY % b"a\rb", b"quoted-printable"),
        (BINARY % b"a\r", b"quoted-printable"),
        (BINARY % b"a\0b", b"quoted-printable"),
        (b"Content-Type: x/y\r\n" + BINARY % b"a\0\r\xff\n", b"base64"),
        (PART % b"a\r\nb", b"binary"),
        (PART % b"a\nb", b"quoted-printable"),
        (LETTER + b"a\nb", b"7bit"),
        (LETTER + b"a\0b", b"quoted-printable"),
        (b"Content-Type: message/rfc822\r\n\r\n" + PART % b"a\nb", b"quoted-printable"),
    ],
)
@pytest.mark.parametrize("block", [1, 100_000])
def test_binary_content_comes_through(
    database: Opener, data: Path, letter: bytes, encoding: bytes, block: int
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            incoming = Incoming(store.blobs)
            incoming.expect_binary()
            for start in range(0, len(letter), block):
                await incoming.write(letter[start : start + block])
            arrived = await incoming.finish()
            assert b'"%s"' % encoding in arrived.indexed.bodystructure
            assert arrived.size == arrived.blob.head_size + arrived.blob.body_size

    asyncio.run(run())


@pytest.mark.parametrize(
    "letter",
    [
        b"Subject: \0\r\n\r\nx",
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\0\r\n--b--\r\n",
        BINARY % (b"\0" * MAX_BINARY),
    ],
)
def test_binary_content_that_stays_as_it_is_is_refused(
    database: Opener, data: Path, letter: bytes
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            incoming = Incoming(store.blobs)
            incoming.expect_binary()
            await incoming.write(letter)
            with pytest.raises(UnknownEncoding):
                await incoming.finish()
            await incoming.abort()

    asyncio.run(run())


def test_of_many_with_binary_content_few_are_held(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming_module, "MAX_TOGETHER", 100)
    letter = BINARY % (b"\0" * 20)

    async def begun(store: Store) -> Incoming:
        incoming = Incoming(store.blobs)
        incoming.expect_binary()
        await incoming.write(letter)
        return incoming

    async def run() -> None:
        async with shop(database, data) as store:
            first, second = await begun(store), await begun(store)
            with pytest.raises(UnknownEncoding):
                await second.finish()
            await second.abort()
            await first.finish()
            third = await begun(store)
            await third.abort()
            await (await begun(store)).finish()

    asyncio.run(run())


def test_nul_and_nothing_at_all(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            with pytest.raises(Invalid):
                await Incoming(store.blobs).finish()
            for tail in (b"a\0b", b"a\0b" + b"x" * 3_000_000):
                incoming = Incoming(store.blobs)
                await incoming.write(LETTER)
                await incoming.write(tail)
                await incoming.write(LETTER)
                with pytest.raises(Refused, match="NUL"):
                    await incoming.finish()
                await incoming.abort()
            incoming = Incoming(store.blobs)
            await incoming.write(LETTER + b"x" * 3_000_000)
            await incoming.abort()

    asyncio.run(run())
    assert [path for path in data.rglob("*") if path.is_file()] == []

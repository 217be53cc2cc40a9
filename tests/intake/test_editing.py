"""Header blocks that scripts have changed, as they are stored."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import MailboxFull, StorageFailed
from postroom.message import headers
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.store.filing import Filed
from tests.conftest import Opener
from tests.intake.desk import BOBS, LARGE, LETTER, Desk, desk, nothing_left, said, send

BOB = "bob@local.test"
BOTH = (BOB, "alice@local.test")
REQUIRED = 'require ["editheader", "fileinto", "mailbox", "copy"];\n'
SIZES = pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])


async def envelope(here: Desk) -> bytes:
    rows = await here.db.read(
        lambda tx: tx.all("SELECT envelope FROM message WHERE account_id = :id", id=here.bob.id)
    )
    assert len(rows) == 1
    return bytes(rows[0][0])


@SIZES
def test_what_is_added_on_top_shares_the_blob(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'addheader "X-Seen" "yes"; addheader "Subject" "[new] Hello";'
            await here.town.script(BOB, REQUIRED + script)
            (answer,) = await send(here.open(), *BOTH, octets=octets)
            assert said(answer) == "250 2.0.0"
            (his,) = await here.inbox(here.bob)
            (hers,) = await here.inbox(here.alice)
            top = (
                b"Return-Path: <ann@client.example>\r\nDelivered-To: bob@local.test\r\n"
                b"Subject: [new] Hello\r\nX-Seen: yes\r\nReceived: "
            )
            assert his.startswith(top)
            assert his.endswith(octets)
            assert b"X-Seen" not in hers
            assert b"[new] Hello" in await envelope(here)
            assert (await here.counts())["blob"] == 1
            assert await here.db.read(lambda tx: tx.one("SELECT refs FROM blob")) == (2,)

    asyncio.run(run())


@SIZES
def test_any_other_change_has_a_blob_of_its_own(
    database: Opener, data: Path, octets: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'deleteheader "Subject"; addheader :last "Subject" "Quiet";'
            await here.town.script(BOB, REQUIRED + script)
            (answer,) = await send(here.open(), *BOTH, octets=octets)
            assert said(answer) == "250 2.0.0"
            (his,) = await here.inbox(here.bob)
            (hers,) = await here.inbox(here.alice)
            assert hers.endswith(octets)
            head, body = headers.split(his)
            assert body == headers.split(octets)[1]
            assert headers.values(head, b"subject") == [b"Quiet"]
            assert len(headers.values(head, b"received")) == 1
            assert b'"Quiet"' in await envelope(here)
            rows = await here.db.read(lambda tx: tx.all("SELECT refs FROM blob"))
            assert rows == [(1,), (1,)]

    asyncio.run(run())


@SIZES
def test_the_blob_that_nobody_wants_is_not_there(
    database: Opener, data: Path, octets: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, REQUIRED + 'deleteheader "Subject";')
            (answer,) = await send(here.open(), BOB, octets=octets)
            assert said(answer) == "250 2.0.0"
            (his,) = await here.inbox(here.bob)
            assert b"Subject:" not in his
            assert await here.db.read(lambda tx: tx.all("SELECT refs FROM blob")) == [(1,)]
            assert len(here.files()) == (1 if octets is LARGE and here.db.engine == "sqlite" else 0)

    asyncio.run(run())


@SIZES
def test_each_place_gets_what_stood_there_then(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = (
                'fileinto :copy :create "A"; addheader "X-B" "1"; fileinto :copy :create "B";'
                'deleteheader "To"; fileinto :copy :create "C"; fileinto :copy :create "D";'
            )
            await here.town.script(BOB, REQUIRED + script)
            await send(here.open(), BOB, octets=octets)
            found = {name: (await here.inbox(here.bob, name))[0] for name in "ABCD"}
            kept = (await here.inbox(here.bob))[0]
            heads = {name: headers.split(one)[0] for name, one in found.items()}
            for name, added, to in (("A", 0, 1), ("B", 1, 1), ("C", 1, 0), ("D", 1, 0)):
                assert len(headers.values(heads[name], b"x-b")) == added
                assert len(headers.values(heads[name], b"to")) == to
            assert kept == found["C"] == found["D"]
            rows = await here.db.read(lambda tx: tx.all("SELECT refs FROM message ORDER BY refs"))
            assert rows == [(1,), (1,), (3,)]
            refs = await here.db.read(lambda tx: tx.all("SELECT refs FROM blob ORDER BY refs"))
            assert refs == [(1,), (2,)]

    asyncio.run(run())


@SIZES
def test_nothing_is_left_of_a_letter_that_is_refused_late(
    database: Opener, data: Path, octets: bytes
) -> None:
    class Full(Post):
        async def commit(self, letter: Letter) -> list[Filed]:
            assert len(letter.blobs) == 2
            await self.discard(*letter.blobs)
            raise MailboxFull

    class Broken(Post):
        async def commit(self, letter: Letter) -> list[Filed]:
            raise AssertionError("it does not come to this")

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, REQUIRED + 'deleteheader "Subject";')
            here.change(post=Full(here.db, here.blobs, here.notify, here.clock))
            (answer,) = await send(here.open(), BOB, octets=octets)
            assert said(answer) == "452 4.2.2"
            await nothing_left(here)
            here.change(post=Broken(here.db, here.blobs, here.notify, here.clock))

            class Torn(type(here.blobs)):  # type: ignore[misc]
                opened = 0

                def writer(self):  # type: ignore[no-untyped-def]
                    self.opened += 1
                    if self.opened == 2:
                        raise StorageFailed(detail="no more files")
                    return super().writer()

            here.change(blobs=Torn(data, here.db.engine, here.ids))
            (answer,) = await send(here.open(), BOB, octets=octets)
            assert said(answer) == "451 4.3.0"
            await nothing_left(here)

    asyncio.run(run())


def test_nobody_learns_of_bcc(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            octets = b"Bcc: eve@local.test\r\n" + BOBS
            scripts = (
                'deleteheader "Subject"; if exists "bcc" { discard; }',
                'addheader "X-Seen" "yes"; if exists "bcc" { discard; }',
                'deleteheader "Message-ID";',
            )
            for number, script in enumerate(scripts):
                await here.town.script("alice@local.test", REQUIRED + script)
                one = await here.logged_in(here.bob)
                (answer,) = await send(one, "alice@local.test", octets=octets, sender=BOB)
                assert said(answer) == "250 2.0.0"
                hers = (await here.inbox(here.alice))[number]
                head, _ = headers.split(hers)
                assert headers.values(head, b"bcc") == []
                assert len(headers.values(head, b"message-id")) == 1
            rows = await here.db.read(lambda tx: tx.all("SELECT envelope FROM message"))
            assert not any(b"eve" in bytes(row[0]) for row in rows)

    asyncio.run(run())

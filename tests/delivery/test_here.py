"""Letters of the queue as letters for mailboxes here."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.address import Address
from postroom.delivery.content import Loaded
from postroom.delivery.here import Filer, NobodyHere
from postroom.message import headers
from postroom.message.index import brief
from postroom.post.letter import Letter
from postroom.post.notice import entry
from postroom.queue import claims
from postroom.queue.claimed import Recipient
from postroom.queue.rows import OURS, Outgoing, Queued
from postroom.store.audit import wrong_blobs
from tests.conftest import Opener
from tests.delivery.station import ALICE, OCTETS, Station, station


async def loaded(here: Station, who: str, octets: bytes = OCTETS) -> tuple[Loaded, Recipient]:
    await here.send(who, octets=octets)
    now, leases = here.clock(), [here.ids.next()]
    [batch] = await here.db.write(lambda tx: claims.claim(tx, leases, now, 100))
    found = (await here.services.contents.load(batch.letters))[batch.letters[0].letter.id]
    assert isinstance(found, Loaded)
    return found, batch.letters[0].recipients[0]


def filer(here: Station) -> Filer:
    return Filer(here.db, here.blobs, here.town.directory, here.ids, here.clock)


@pytest.mark.parametrize("size", [0, 300_000])
def test_a_copy_is_like_any_that_has_just_come(database: Opener, data: Path, size: int) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            octets = OCTETS + b"0123456789\r\n" * (size // 12)
            one, recipient = await loaded(here, "bob+news@home.test", octets)
            made = await filer(here).letter(one, recipient, None)
            assert (made.queued, made.outgoing) == (None, ())
            [copy] = made.copies
            assert copy.account_id == here.bob.id
            assert copy.size == len(octets) + len(copy.prefix)
            assert copy.prefix == (
                b"Return-Path: <alice@home.test>\r\nDelivered-To: bob+news@home.test\r\n"
            )
            await here.post.commit(made)
            assert await here.inbox(here.bob) == [copy.prefix + octets]
            assert made.entry is not None
            assert (made.entry.subject, made.entry.sender) == ("Hello", ALICE)
            assert made.entry.size == len(octets)

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 300_000])
def test_many_here_share_one_blob(database: Opener, data: Path, size: int) -> None:
    """Whatever stands before it for each of them, and however the queue ends."""

    async def run() -> None:
        async with station(database, data) as here:
            octets = OCTETS + b"0123456789\r\n" * (size // 12)
            head, body = headers.split(octets)
            writer = here.blobs.writer()
            await writer.write(body)
            blob = await writer.finish(head)
            now, also = here.clock(), []
            for number, who in enumerate(("alice", "bob", "bob", "nobody")):
                ident, prefix = here.ids.next(), b"List-Unsubscribe: <mailto:%d@l>\r\n" % number
                queued = Queued(
                    ident, blob.id, b"dev@home.test", len(octets), now, prefix=prefix, origin=OURS
                )
                going = Outgoing(ident, 0, f"{who}@home.test".encode(), "home.test")
                also.append(Letter(blob=blob, queued=queued, outgoing=(going,)))
            empty, ident = here.blobs.small(b"", b""), here.ids.next()
            story = entry(ident, now, "", brief(head), 0)
            await here.post.commit(Letter(blob=empty, entry=story, also=tuple(also)))
            await here.run()
            assert await here.waiting() == []

            def expected(who: str, number: int) -> bytes:
                return (
                    f"Return-Path: <dev@home.test>\r\nDelivered-To: {who}@home.test\r\n"
                    f"List-Unsubscribe: <mailto:{number}@l>\r\n"
                ).encode() + octets

            assert expected("alice", 0) in await here.inbox(here.alice)
            assert await here.inbox(here.bob) == [expected("bob", n) for n in (1, 2)]
            rows = await here.db.read(
                lambda tx: tx.all("SELECT refs, freed_at FROM blob WHERE id = :id", id=blob.id)
            )
            assert rows == [(3, None)]
            large = await here.db.read(
                lambda tx: tx.all("SELECT id FROM blob WHERE body_size = :size", size=len(body))
            )
            assert large == [(blob.id,)]
            assert await here.db.read(wrong_blobs) == []
            sizes = await here.db.read(
                lambda tx: tx.all(
                    "SELECT size FROM message WHERE account_id = :bob ORDER BY id", bob=here.bob.id
                )
            )
            assert [size for (size,) in sizes] == [len(expected("bob", n)) for n in (1, 2)]

    asyncio.run(run())


def test_another_address_can_be_named(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            one, recipient = await loaded(here, "you@b.test")
            made = await filer(here).letter(one, recipient, Address.parse("bob@home.test"))
            assert [copy.account_id for copy in made.copies] == [here.bob.id]

    asyncio.run(run())


@pytest.mark.parametrize("who", ["nobody@home.test", "you@b.test"])
def test_nobody(who: str, database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            one, recipient = await loaded(here, who)
            with pytest.raises(NobodyHere) as refused:
                await filer(here).letter(one, recipient, None)
            assert (refused.value.code, refused.value.status) == (550, "5.1.1")

    asyncio.run(run())


def test_forwards_go_on(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.town.forward("bob@home.test", "bob@B.test", "böb@bücher.example", keep=True)
            one, recipient = await loaded(here, "bob@home.test")
            asked = msgspec.structs.replace(recipient, notify="SUCCESS,DELAY", orcpt=b"rfc822;b@c")
            made = await filer(here).letter(one, asked, None)
            assert len(made.copies) == 1
            assert {(out.notify, out.orcpt) for out in made.outgoing} == {("DELAY", b"rfc822;b@c")}
            assert [(out.recipient.decode(), out.destination) for out in made.outgoing] == [
                ("bob@b.test", "b.test"),
                ("böb@xn--bcher-kva.example", "xn--bcher-kva.example"),
            ]
            assert made.queued is not None
            assert made.queued.id != one.claimed.letter.id
            assert made.queued.sender == ALICE.encode()
            await here.post.commit(made)

    asyncio.run(run())

"""One 250, many opinions: who takes a message, who refuses it, and where it is then."""

import asyncio
from pathlib import Path

import pytest

from postroom.db.ids import from_text
from postroom.errors import OutcomeUnknown, StorageFull
from postroom.intake import rejecting
from postroom.ledger import trace
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.store import rejects
from postroom.store.filing import Filed
from postroom.telemetry.session_events import MessageRefused
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import LARGE, LETTER, Desk, desk, nothing_left, said, send

BOTH = ("alice@local.test", "bob@local.test")


async def kept(here: Desk, account_id: int) -> list[rejects.Reject]:
    return await here.store.read(rejects.newest, account_id, limit=9)


def test_one_refuses_and_the_other_gets_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", "client.example")
            (answer,) = await send(here.open(), *BOTH)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 1
            assert await here.inbox(here.bob) == []
            (one,) = await kept(here, here.bob.id)
            assert (one.recipient, one.sender) == ("bob@local.test", "ann@client.example")
            assert (one.author, one.subject) == ("Ann <ann@client.example>", "Hello")
            assert one.reason == "client.example is on the block list"
            assert one.prefix.endswith(b"Delivered-To: bob@local.test\r\n")
            octets = [piece async for piece in here.blobs.stream(here.db, one.blob_id)]
            assert len(one.prefix) + len(b"".join(octets)) == one.size
            assert await here.db.read(lambda tx: tx.one("SELECT refs FROM blob")) == (2,)
            assert (await here.store.usage(here.bob.id)).messages == 0
            queue_id = answer.lines[0].rpartition(" ")[2]
            story = await here.db.read(lambda tx: trace.by_id(tx, from_text(queue_id)))
            assert story is not None
            assert [(fact.kind, fact.recipient, fact.detail) for fact in story.facts] == [
                ("filed", "alice@local.test", ""),
                ("refused", "bob@local.test", "client.example is on the block list"),
            ]

    asyncio.run(run())


def test_when_all_refuse_the_sender_is_told(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for name in BOTH:
                await here.town.senders(name, "block", "ann@client.example")
            for octets in (LETTER, LARGE):
                (answer,) = await send(here.open(), *BOTH, octets=octets)
                assert said(answer) == "550 5.7.1"
                assert "accepts no mail from this sender" in answer.lines[0]
            for account in (here.alice, here.bob):
                assert await here.inbox(account) == []
                assert len(await kept(here, account.id)) == 2
            counts = await here.counts()
            assert counts | {"blob_frame": 0} == {"blob": 2, "reject": 4, "blob_frame": 0}
            assert {event.reason for event in events.of(MessageRefused)} == {
                "ann@client.example is on the block list"
            }

    asyncio.run(run())


def test_what_could_not_be_kept_is_refused_all_the_same(database: Opener, data: Path) -> None:
    class Full(Post):
        async def commit(self, letter: Letter) -> list[Filed]:
            await self.discard(*letter.blobs)
            raise StorageFull

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", "client.example")
            here.change(post=Full(here.db, here.blobs, here.notify, here.clock))
            for octets in (LETTER, LARGE):
                (answer,) = await send(here.open(), "bob@local.test", octets=octets)
                assert said(answer) == "550 5.7.1"
            await nothing_left(here)

    asyncio.run(run())


def test_nobody_is_answered_while_it_may_still_be_kept(database: Opener, data: Path) -> None:
    class Doubtful(Post):
        async def commit(self, letter: Letter) -> list[Filed]:
            raise OutcomeUnknown

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", "client.example")
            here.change(post=Doubtful(here.db, here.blobs, here.notify, here.clock))
            with pytest.raises(OutcomeUnknown):
                await send(here.open(), "bob@local.test")

    asyncio.run(run())


def test_a_flood_does_not_fill_the_disk(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejecting, "MOST_OCTETS", 10_000)

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(kept=Budget(here.clock, 2))
            await here.town.senders("bob@local.test", "block", "client.example")
            (answer,) = await send(here.open(), "bob@local.test", octets=LARGE)
            assert said(answer) == "550 5.7.1"
            await nothing_left(here)
            here.clock.advance(seconds=3600)
            for _ in range(4):
                (answer,) = await send(here.open(), "bob@local.test")
                assert said(answer) == "550 5.7.1"
            assert len(await kept(here, here.bob.id)) == 2
            here.clock.advance(seconds=3600)
            await send(here.open(), "bob@local.test")
            assert len(await kept(here, here.bob.id)) == 3

    asyncio.run(run())


def test_lmtp_answers_each(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("both@local.test", *BOTH)
            await here.town.senders("bob@local.test", "block", "client.example")
            one = here.open("lmtp")
            answers = await send(one, "bob@local.test", "both@local.test", "alice@local.test")
            assert [said(answer) for answer in answers] == ["550 5.7.1", "250 2.0.0", "250 2.0.0"]
            assert len(await here.inbox(here.alice)) == len(await kept(here, here.bob.id)) == 1
            answers = await send(one, "bob@local.test")
            assert [said(answer) for answer in answers] == ["550 5.7.1"]
            assert len(await kept(here, here.bob.id)) == 2

    asyncio.run(run())


def test_a_forward_goes_on_though_its_account_refuses(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.forward("bob@local.test", "b@elsewhere.test", keep=True)
            await here.town.senders("bob@local.test", "block", "client.example")
            (answer,) = await send(here.open(), "bob@local.test")
            assert said(answer) == "250 2.0.0"
            assert await here.queue() == [("b@elsewhere.test", "elsewhere.test")]
            assert len(await kept(here, here.bob.id)) == 1

    asyncio.run(run())


def test_a_list_is_of_people_here_as_well(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("alice@local.test", "block", "local.test")
            one = await here.logged_in(here.bob)
            bobs = LETTER.replace(b"ann@client.example", b"bob@local.test")
            (answer,) = await send(one, "alice@local.test", octets=bobs, sender="bob@local.test")
            assert said(answer) == "550 5.7.1"
            assert len(await kept(here, here.alice.id)) == 1

    asyncio.run(run())

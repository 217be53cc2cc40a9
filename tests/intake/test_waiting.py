"""What has waited in the queue for people here ends as it would have at acceptance."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from postroom.address import Address
from postroom.config.model import Config
from postroom.delivery.here import Message
from postroom.directory.accounts import Account
from postroom.directory.expand import Local, Resolution
from postroom.errors import Permanent
from postroom.intake.forwarding import DAY_MS
from postroom.intake.waiting import Waiting, waiting
from postroom.mailauth import srs
from postroom.message import headers
from postroom.queue.rows import OURS, STRANGER, Inward, Queued
from tests.conftest import Opener
from tests.delivery.stock import recipient
from tests.intake.desk import LARGE, LETTER, Desk, desk
from tests.policy.zone import Zone

SENDER = "ann@client.example"


class Tools:
    def __init__(self, here: Desk) -> None:
        self.db = here.db
        self.directory = here.town.directory
        self.store = here.store
        self.blobs = here.blobs
        self.ids = here.ids
        self.clock = here.clock


async def message(
    here: Desk,
    octets: bytes = LETTER,
    to: str = "bob@local.test",
    origin: int = OURS,
    only: Resolution | None = None,
    **more: object,
) -> Message:
    head, body = headers.split(octets)
    found = await here.town.directory.resolve(Address.parse(to))
    letter = Queued(
        id=7, blob_id=1, sender=SENDER.encode(), size=len(octets), accepted=1, origin=origin,
        envid=b"E1", account_id=here.alice.id,
    )  # fmt: skip

    async def blocks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    row = msgspec.structs.replace(recipient(to), **more)
    one = Message(letter=letter, found=found, recipient=row, head=head, body=blocks)
    return one if only is None else msgspec.structs.replace(one, found=only)


async def ended(here: Desk, one: Message) -> None:
    taken = await Waiting(here.services).take(one)
    assert taken is not None
    letter, follow = taken
    await here.post.commit(letter)
    await follow()


def test_who_has_no_opinion_simply_keeps_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            config = Config(hostname="mx.local.test", data=str(data))
            one = waiting(config, Tools(here), here.post, Zone())
            assert await one.take(await message(here)) is None
            assert here.files() == []

    asyncio.run(run())


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_a_script_files_it(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'require ["fileinto", "mailbox", "editheader"]; addheader "X-Mark" "1";'
            await here.town.script("bob@local.test", script + ' fileinto :create "Work";', "main")
            await ended(here, await message(here, octets))
            (filed,) = await here.inbox(here.bob, "Work")
            assert filed == (
                b"Return-Path: <ann@client.example>\r\nDelivered-To: bob@local.test\r\n"
                b"X-Mark: 1\r\n" + octets
            )
            await here.town.script("bob@local.test", script + ' deleteheader "Subject";', "main")
            await ended(here, await message(here, octets))
            (filed,) = await here.inbox(here.bob)
            assert filed.count(b"Received:") == 0
            assert b"Subject:" not in filed.partition(b"\r\n\r\n")[0]

    asyncio.run(run())


def test_a_blocked_sender_is_refused(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", SENDER)
            with pytest.raises(Permanent) as caught:
                await Waiting(here.services).take(await message(here))
            assert (caught.value.code, caught.value.status) == (550, "5.7.1")
            assert await here.counts() == {"blob": 1, "reject": 1}

    asyncio.run(run())


def test_a_refusal_that_others_cover_is_told_of(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", "alice@local.test", "bob@local.test")
            script = 'require "reject"; reject "not me";'
            await here.town.script("bob@local.test", script, "main")
            await ended(here, await message(here, to="all@local.test"))
            assert len(await here.inbox(here.alice)) == 1
            counts = await here.counts()
            assert counts["reject"] == 1
            ((to, notice),) = await here.leaving()
            assert to == SENDER
            assert b"not me" in notice

    asyncio.run(run())


def test_a_redirect_leaves_with_what_it_asked_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script("bob@local.test", 'redirect "b@elsewhere.test";', "main")
            await ended(here, await message(here, origin=STRANGER))
            queued = await here.queued()
            assert queued["sender"].startswith(b"SRS0=")
            assert queued["origin"] == STRANGER
            assert queued["account_id"] == here.alice.id
            assert await here.queue() == [("b@elsewhere.test", "elsewhere.test")]

    asyncio.run(run())


def test_what_was_here_before_goes_in_no_circle(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script("bob@local.test", "keep;", "main")
            one = await message(here, b"Delivered-To: bob@local.test\r\n" + LETTER)
            with pytest.raises(Permanent, match=r"5\.4\.6"):
                await Waiting(here.services).take(one)
            grown = b"".join([b"X-%d: x\r\n" % n for n in range(1_001)]) + LETTER
            assert await Waiting(here.services).take(await message(here, grown)) is None
            assert here.files() == []

    asyncio.run(run())


def one_of(account: Account, to: str) -> Resolution:
    """One account of those behind an address."""
    return Resolution("found", (Local(account.id, to, None, account.quota),))


def test_for_one_account_of_many_it_is_as_when_it_came(database: Opener, data: Path) -> None:
    """It was junk then, and its sender was rewritten for others."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("other.test")
            team = "team@local.test"
            rewritten = srs.encode(
                SENDER, "local.test", here.town.directory.secrets.srs, here.clock() // DAY_MS
            )
            junk = Inward(here.bob.id, junk="junk: spam: it looks so", score=6.5)
            one = await message(here, only=one_of(here.bob, team), inward=junk)
            sent = msgspec.structs.replace(one.letter, sender=rewritten.encode(), origin=STRANGER)
            await ended(here, msgspec.structs.replace(one, letter=sent))
            (filed,) = await here.inbox(here.bob, "Junk")
            assert filed.startswith(
                b"Return-Path: <ann@client.example>\r\nDelivered-To: team@local.test\r\n"
                b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=6.5"
            )
            assert await here.queue() == []

    asyncio.run(run())


def test_one_account_of_many_refuses_without_a_word(database: Opener, data: Path) -> None:
    """Its sender was told that the message is ours, by those who took it."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.senders("bob@local.test", "block", SENDER)
            found = one_of(here.bob, "team@local.test")
            await ended(here, await message(here, only=found, inward=Inward(here.bob.id)))
            assert await here.inbox(here.bob) == []
            counts = await here.counts()
            assert counts["reject"] == 1
            assert "queued" not in counts

    asyncio.run(run())


@pytest.mark.parametrize(
    ("asked", "left"), [("NEVER", "NEVER"), ("SUCCESS,DELAY", "DELAY"), ("SUCCESS", "NEVER")]
)
def test_what_the_sender_wants_to_hear_goes_on(
    asked: str, left: str, database: Opener, data: Path
) -> None:
    """RFC 3461 §5.2.7; of success it hears at this delivery."""

    async def run() -> None:
        async with desk(database, data) as here:
            script = 'require "copy"; redirect :copy "v@other.test";'
            await here.town.script("bob@local.test", script)
            await ended(here, await message(here, notify=asked, orcpt=b"rfc822;b@c.test"))
            rows = await here.db.read(lambda tx: tx.all("SELECT notify, orcpt FROM delivery"))
            assert [(notify, bytes(orcpt)) for notify, orcpt in rows] == [
                (left, b"rfc822;b@c.test")
            ]

    asyncio.run(run())

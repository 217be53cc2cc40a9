"""Messages for many of whom one has no room: nobody waits for another, and nothing is lost."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.db.database import Database
from postroom.directory.accounts import Account
from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict
from postroom.queue.rows import STRANGER, VERIFIED, Inward
from tests.conftest import Opener
from tests.intake.desk import LETTER, Desk, desk, mail, rcpt, said, send
from tests.policy.zone import Zone

TEAM = "team@local.test"
CAROL = "carol@local.test"


async def full(here: Desk, members: tuple[str, ...] = (CAROL, "bob@local.test")) -> Account:
    """Carol, who has no room for a second message, and a team that she is in."""
    carol = await here.town.account(CAROL, message_quota=1)
    await send(here.open(), CAROL)
    await here.town.alias(TEAM, *members)
    return carol


async def inward(db: Database) -> list[Inward]:
    """For which accounts something waits."""
    rows = await db.read(
        lambda tx: tx.all("SELECT inward FROM delivery WHERE inward IS NOT NULL ORDER BY number")
    )
    return [msgspec.json.decode(row[0], type=Inward) for row in rows]


def test_the_others_have_it_and_hers_waits(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here)
            one = here.open(trusted=True)
            await one.verb()
            (answer,) = await send(one, TEAM)
            assert said(answer) == "250 2.0.0"
            assert "queued for mailboxes that are full: 1" in answer.reasons
            assert (len(await here.inbox(here.bob)), len(await here.inbox(carol))) == (1, 1)
            assert await here.queue() == [(TEAM, "local.test")]
            assert await inward(here.db) == [Inward(carol.id)]
            queued = await here.queued()
            assert (queued["sender"], queued["prefix"]) == (b"ann@client.example", b"")
            story = [one for one in await here.told(answer) if one[0] == "noted"]
            full_ = "the mailbox is full: its copy waits until there is room"
            assert story == [("noted", TEAM, full_)]

    asyncio.run(run())


def test_her_own_address_is_put_off_unless_a_copy_waits_anyhow(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here)
            one = here.open()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(CAROL))) == "452 4.2.2"
            await send(one, TEAM, CAROL, "bob@local.test")
            assert (len(await here.inbox(here.bob)), len(await here.inbox(carol))) == (1, 1)
            assert await inward(here.db) == [Inward(carol.id)]
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(CAROL))) == "452 4.2.2"  # that was another message
            await one.mail(mail())
            await one.rcpt(rcpt(TEAM))
            one.reset()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(CAROL))) == "452 4.2.2"

    asyncio.run(run())


def test_where_all_are_full_it_is_put_off(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await full(here, (CAROL,))
            one = here.open()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(TEAM))) == "452 4.2.2"
            assert await here.queue() == []

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 100_000])
def test_who_is_full_only_at_the_end_of_the_message(
    database: Opener, data: Path, size: int
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account(CAROL, message_quota=1)
            await here.town.alias(TEAM, CAROL, "bob@local.test")
            one = here.open()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(TEAM))) == "250 2.1.5"
            await send(here.open(), CAROL)
            assert (await one.data()).code == 354
            await one.content(LETTER + b"0123456789abcdef\r\n" * (size // 18))
            (answer,) = await one.end(None)
            assert said(answer) == "250 2.0.0"
            assert (len(await here.inbox(here.bob)), len(await here.inbox(carol))) == (1, 1)
            assert await inward(here.db) == [Inward(carol.id)]

    asyncio.run(run())


def test_over_lmtp_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account(CAROL, message_quota=1)
            await here.town.alias(TEAM, CAROL, "bob@local.test")
            one = here.open("lmtp")
            await one.mail(mail())
            for recipient in (TEAM, CAROL):
                assert said(await one.rcpt(rcpt(recipient))) == "250 2.1.5"
            await send(here.open(), CAROL)  # she was not full a moment ago
            await one.content(LETTER)
            answers = await one.end(None)
            assert [said(answer) for answer in answers] == ["250 2.0.0", "250 2.0.0"]
            assert (len(await here.inbox(here.bob)), len(await here.inbox(carol))) == (1, 1)
            assert await inward(here.db) == [Inward(carol.id)]

    asyncio.run(run())


def test_beside_members_elsewhere(database: Opener, data: Path) -> None:
    """No Delivered-To field of theirs would let it look like a loop."""

    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here, (CAROL, "v@other.test"))
            (answer,) = await send(here.open(), TEAM)
            assert said(answer) == "250 2.0.0"
            assert await here.queue() == [("v@other.test", "other.test"), (TEAM, "local.test")]
            assert await inward(here.db) == [Inward(carol.id)]
            queued = await here.queued()
            assert queued["sender"].startswith(b"SRS0=")
            assert queued["prefix"] == b""

    asyncio.run(run())


def test_she_is_reached_by_a_subaddress(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here, ("carol+work@local.test", "bob@local.test"))
            await send(here.open(), TEAM)
            assert await inward(here.db) == [Inward(carol.id, "work")]

    asyncio.run(run())


class Spam:
    async def judge(self, facts: Facts) -> Verdict:
        del facts
        return Verdict(stage="spam", action="junk", reason="it looks so", score=6.5)


def test_what_was_found_is_not_forgotten(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here)
            here.change(stages=(Spam(),))
            await send(here.open(checks=True), TEAM)
            assert await inward(here.db) == [
                Inward(carol.id, junk="junk: spam: it looks so", score=6.5)
            ]

    asyncio.run(run())


def test_whom_she_has_blocked_is_refused_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await full(here)
            await here.town.senders(CAROL, "block", "ann@client.example")
            (answer,) = await send(here.open(), TEAM)
            assert said(answer) == "250 2.0.0"
            assert await here.queue() == []
            assert (await here.counts())["reject"] == 1

    asyncio.run(run())


def test_who_redirects_to_her_makes_no_second_copy(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await full(here)
            await here.town.script("bob@local.test", f'redirect "{CAROL}"; keep;', "main")
            await send(here.open(), TEAM)
            assert await here.queue() == [(TEAM, "local.test")]
            assert await inward(here.db) == [Inward(carol.id)]

    asyncio.run(run())


def test_success_is_told_once_as_expanded(database: Opener, data: Path) -> None:
    """RFC 3461 §5.2.7."""

    async def run() -> None:
        async with desk(database, data) as here:
            await full(here)
            one = here.open()
            await one.mail(mail())
            wanted = rcpt(TEAM, notify="SUCCESS,FAILURE")
            assert said(await one.rcpt(wanted)) == "250 2.1.5"
            await one.content(LETTER)
            await one.end(None)
            notices = [octets for to, octets in await here.leaving() if "client" in to]
            assert len(notices) == 1
            assert b"\r\nAction: expanded\r\n" in notices[0]
            rows = await here.db.read(
                lambda tx: tx.all("SELECT notify FROM delivery WHERE inward IS NOT NULL")
            )
            assert rows == [("FAILURE",)]

    asyncio.run(run())


SPF = {"pass": b"+all", "fail": b"-all"}


@pytest.mark.parametrize(
    ("spf", "members", "origin"),
    [
        ("pass", (CAROL, "bob@local.test"), VERIFIED),
        ("fail", (CAROL, "bob@local.test"), STRANGER),
        ("pass", (CAROL, "v@other.test"), STRANGER),  # the sender was rewritten
    ],
)
def test_only_who_is_proven_is_told_of_the_end(
    spf: str, members: tuple[str, ...], origin: int, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await full(here, members)
            zone = Zone({("client.example", "TXT"): (b"v=spf1 " + SPF[spf],)})
            here.change(resolver=zone)
            await send(here.open(), TEAM)
            assert (await here.queued())["origin"] == origin

    asyncio.run(run())

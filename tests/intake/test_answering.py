"""Answers and notices that scripts ask for: who gets one, how often, and what it says."""

import asyncio
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.db.database import Tx
from postroom.directory import masks, rules, vacations
from postroom.directory.rules import Action, Condition, Rule
from postroom.errors import StorageFailed
from postroom.message import headers
from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.store.filing import Filed
from postroom.telemetry.events import NoticeSuppressed
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import BOBS, LETTER, Desk, desk, said, send
from tests.policy.zone import Zone

BOB = "bob@local.test"
DAY_MS = 86_400_000
AWAY = 'require "vacation"; vacation :days 7 "I am away.";'


def field(octets: bytes, name: str) -> bytes:
    return headers.value(headers.split(octets)[0], name.encode()) or b""


async def written(here: Desk, octets: bytes = LETTER, sender: str = "ann@client.example") -> None:
    (answer,) = await send(here.open(), BOB, octets=octets, sender=sender)
    assert said(answer) == "250 2.0.0"


def test_who_is_away_answers_once_a_week(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, AWAY)
            await written(here)
            ((recipient, octets),) = await here.leaving()
            assert recipient == "ann@client.example"
            assert (await here.queued())["sender"] == b""
            assert field(octets, "from") == b"bob@local.test"
            assert field(octets, "to") == b"ann@client.example"
            assert field(octets, "subject") == b"Auto: Hello"
            assert field(octets, "auto-submitted").startswith(b"auto-replied")
            assert field(octets, "in-reply-to") == b"<1@client.example>"
            assert octets.endswith(b"\r\n\r\nI am away.\r\n")
            assert len(await here.inbox(here.bob)) == 1
            (answer,) = await send(here.open(), BOB, sender="zoe@client.example")
            told = await here.told(answer)
            assert told[-1] == ("noted", BOB, "answered that bob@local.test is away")
            await written(here)
            (answer,) = await send(here.open(), BOB, sender="ANN@client.example")
            assert (await here.told(answer))[-1][2].endswith(
                "ANN@client.example has the answer already"
            )
            assert len(await here.leaving()) == 2
            await written(here, sender="eve@client.example")
            assert len(await here.leaving()) == 3
            here.clock.advance(days=7)
            await written(here)
            assert [one for one, _ in await here.leaving()] == [
                "ann@client.example", "zoe@client.example", "eve@client.example",
                "ann@client.example",
            ]  # fmt: skip

    asyncio.run(run())


@pytest.mark.parametrize(
    ("top", "sender"),
    [
        (b"", ""),
        (b"", "owner-list@client.example"),
        (b"", "list-request@client.example"),
        (b"", "MAILER-DAEMON@client.example"),
        (b"Auto-Submitted: auto-replied\r\n", "ann@client.example"),
        (b"Precedence: bulk\r\n", "ann@client.example"),
        (b"List-Id: <l.client.example>\r\n", "ann@client.example"),
        (b"X-Auto-Response-Suppress: All\r\n", "ann@client.example"),
        (b"", "bob@local.test"),
    ],
)
def test_programs_lists_and_oneself_get_no_answer(
    database: Opener, data: Path, top: bytes, sender: str
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, AWAY)
            (answer,) = await send(here.open(), BOB, octets=top + LETTER, sender=sender)
            assert await here.leaving() == []
            kind, who, why = (await here.told(answer))[-1]
            assert (kind, who) == ("noted", BOB)
            assert why.startswith("does not answer that bob@local.test is away: ")
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


def test_who_is_not_named_does_not_answer(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, AWAY)
            (answer,) = await send(
                here.open(), BOB,
                octets=LETTER.replace(b"To: bob@local.test", b"To: all@client.example"),
            )  # fmt: skip
            assert await here.leaving() == []
            assert "names none of the owner's addresses" in (await here.told(answer))[-1][2]

    asyncio.run(run())


def test_junk_gets_no_answer(database: Opener, data: Path) -> None:
    class Junk:
        async def judge(self, facts: Facts) -> Verdict:
            return Verdict(stage="spam", action="junk", reason="odd")

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=(Junk(),))
            await here.town.script(BOB, AWAY + "keep;")
            (answer,) = await send(here.open(), BOB)
            assert len(await here.inbox(here.bob)) == 1
            assert await here.leaving() == []
            assert [one for one in await here.told(answer) if "is judged junk" in one[2]]

    asyncio.run(run())


def test_two_who_are_away_do_not_answer_for_ever(database: Opener, data: Path) -> None:
    """Threat Q3."""

    async def run() -> None:
        async with desk(database, data) as here:
            for name in (BOB, "alice@local.test"):
                await here.town.script(name, AWAY)
            one = await here.logged_in(here.bob)
            octets = BOBS.replace(b"To: bob@", b"To: alice@")
            (answer,) = await send(one, "alice@local.test", octets=octets, sender=BOB)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 1
            (reply,) = await here.inbox(here.bob)
            assert reply.startswith(b"Return-Path: <>\r\n")
            assert field(reply, "from") == b"alice@local.test"
            assert await here.leaving() == []

    asyncio.run(run())


def test_a_masked_address_answers_for_itself(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            mask = Address.parse("batoku1@local.test")
            await here.town.directory.change(
                lambda tx: masks.add(tx, here.ids.next(), here.bob.id, mask, "", here.clock())
            )
            await here.town.script(BOB, AWAY)
            octets = LETTER.replace(b"To: bob@", b"To: batoku1@")
            await send(here.open(), "batoku1@local.test", octets=octets)
            ((_, reply),) = await here.leaving()
            assert field(reply, "from") == b"batoku1@local.test"
            assert b"bob@" not in reply

    asyncio.run(run())


def test_a_copy_of_an_answer_is_kept(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = (
                'require ["vacation", "fcc", "mailbox", "imap4flags"];'
                r'vacation :fcc "Sent" :create :flags "\\Seen" "Away.";'
            )
            await here.town.script(BOB, script)
            await written(here)
            (copy,) = await here.inbox(here.bob, "Sent")
            assert copy == (await here.leaving())[0][1]
            flags = await here.db.read(lambda tx: tx.all("SELECT flags FROM entry ORDER BY flags"))
            assert flags == [(0,), (1,)]

    asyncio.run(run())


def test_a_notice_goes_where_the_script_says(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'require "enotify"; notify :message "Post!" "mailto:phone@other.test";'
            await here.town.script(BOB, script)
            await written(here)
            ((recipient, octets),) = await here.leaving()
            assert recipient == "phone@other.test"
            assert field(octets, "subject") == b"Post!"
            assert field(octets, "auto-submitted").startswith(b"auto-notified")
            assert (await here.queued())["sender"] == b""
            await written(here, b"Auto-Submitted: auto-notified\r\n" + LETTER)
            assert len(await here.leaving()) == 1

    asyncio.run(run())


def test_a_letter_that_was_seen_before(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = 'require "duplicate"; if duplicate :seconds 60 { discard; }'
            await here.town.script(BOB, script)
            for _ in range(3):
                await written(here)
            assert len(await here.inbox(here.bob)) == 1
            await written(here, LETTER.replace(b"<1@", b"<2@"))
            assert len(await here.inbox(here.bob)) == 2
            here.clock.advance(seconds=61)
            await written(here)
            assert len(await here.inbox(here.bob)) == 3

    asyncio.run(run())


@pytest.mark.parametrize("is_proven", [True, False])
def test_a_refusal_that_nobody_heard(database: Opener, data: Path, *, is_proven: bool) -> None:
    """Threat Q2: a notice only for who is proven to have written it."""

    async def run() -> None:
        async with desk(database, data) as here:
            records = {
                ("a.test", "TXT"): (b"v=spf1 ip4:192.0.2.1 -all",),
                ("_dmarc.a.test", "TXT"): (b"v=DMARC1; p=none",),
            }
            here.change(resolver=Zone(records))
            await here.town.script(BOB, 'require "reject"; reject "Not today.";')
            octets = LETTER.replace(b"client.example", b"a.test")
            one = here.open(address="192.0.2.1" if is_proven else "192.0.2.66")
            await one.greet("mx.a.test", esmtp=True)
            (answer,) = await send(one, BOB, "alice@local.test", octets=octets, sender="ann@a.test")
            assert said(answer) == "250 2.0.0"
            leaving = await here.leaving()
            assert len(leaving) == is_proven
            for recipient, notice in leaving:
                assert recipient == "ann@a.test"
                assert b"Diagnostic-Code: smtp; 550 5.7.1 Not today." in notice
                assert b"Final-Recipient: rfc822; bob@local.test" in notice

    asyncio.run(run())


def test_an_address_gets_so_many_an_hour(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            here.change(budget=Budget(here.clock, 1))
            await here.town.script(BOB, 'require "enotify"; notify "mailto:phone@other.test";')
            await written(here)
            await written(here)
            assert len(await here.leaving()) == 1
            (event,) = events.of(NoticeSuppressed)
            assert event.recipient == "phone@other.test"

    asyncio.run(run())


def test_an_answer_that_nobody_can_have_is_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script(BOB, AWAY)
            here.change(budget=Budget(here.clock, 0))
            (answer,) = await send(here.open(), BOB)
            assert await here.leaving() == []
            assert (
                "nothing can be sent to ann@client.example now" in (await here.told(answer))[-1][2]
            )

    asyncio.run(run())


def test_what_fails_costs_an_answer_and_no_letter(
    database: Opener, data: Path, events: Recorder
) -> None:
    class Once(Post):
        commits = 0

        async def commit(self, letter: Letter) -> list[Filed]:
            self.commits += 1
            if self.commits == 2:
                await self.discard(*letter.blobs)
                raise StorageFailed(detail="the disk is gone")
            return await super().commit(letter)

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(post=Once(here.db, here.blobs, here.notify, here.clock))
            await here.town.script(BOB, AWAY)
            await written(here)
            assert len(await here.inbox(here.bob)) == 1
            assert await here.leaving() == []
            (event,) = events.of(NoticeSuppressed)
            assert event.reason == "the disk is gone"

    asyncio.run(run())


def test_rules_the_script_and_the_vacation_of_the_settings(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            rule = Rule(
                "all", (Condition("subject", "contains", "hell"),), (Action("flag", "$Work"),)
            )

            def settings(tx: Tx) -> None:
                rules.add(tx, here.bob.id, here.ids.next(), rule)
                vacations.put(tx, here.bob.id, vacations.Vacation("On an island.", days=3))

            await here.town.directory.change(settings)
            await written(here)
            ((recipient, octets),) = await here.leaving()
            assert recipient == "ann@client.example"
            assert octets.endswith(b"\r\n\r\nOn an island.\r\n")
            script = 'require ["fileinto", "mailbox"]; fileinto :create "A";'
            await here.town.script(BOB, script)
            await written(here, sender="eve@client.example")
            rows = await here.db.read(
                lambda tx: tx.all(
                    "SELECT b.name, e.keywords FROM entry e JOIN mailbox b ON b.id = e.mailbox_id"
                    " ORDER BY b.name"
                )
            )
            assert rows == [("A", "$Work"), ("INBOX", "$Work")]
            assert len(await here.leaving()) == 2
            await here.town.script(BOB, "discard;")
            await written(here, sender="zoe@client.example")
            assert len(await here.leaving()) == 2

    asyncio.run(run())

"""Journal copies: of what comes, of what people send, and never of a copy."""

import asyncio
from pathlib import Path

import pytest

from postroom.intake.conversation import Conversation
from tests.conftest import Opener
from tests.intake.desk import BOBS, LARGE, LETTER, Blocks, Desk, desk, mail, rcpt, said, send

ARCHIVE = "archive@vault.test"
REDIRECTS = """require ["copy", "editheader"];
redirect :copy "plain@far.test";
addheader "X-Mark" "1";
redirect :copy "marked@far.test";
"""


async def copies(here: Desk) -> dict[str, tuple[list[str], bytes]]:
    """By where it goes: the facts of a report, and the message in it."""
    found = {}
    for to, octets in await here.leaving():
        if b"\r\nX-MS-Journal-Report:\r\n" not in octets:
            continue
        boundary = b"--" + octets.partition(b'boundary="')[2].partition(b'"')[0]
        _, text, message, end = octets.split(boundary)
        assert end == b"--\r\n"
        facts = text.partition(b"\r\n\r\n")[2].decode().splitlines()
        assert to not in found
        found[to] = facts[:-1], message.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
    return found


async def stranger(here: Desk) -> Conversation:
    """Somebody who has greeted a server that copies local.test, and of two domains only that."""
    await here.town.domain("other.test")
    await here.town.account("carol@other.test")
    await here.town.journal("local.test", ARCHIVE)
    one = here.open()
    await one.greet("client.example", esmtp=True)
    return one


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_what_comes_is_copied_with_its_envelope(
    database: Opener, data: Path, octets: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await stranger(here)
            recipients = ("bob@local.test", "carol@other.test", "alice@local.test")
            (answer,) = await send(one, *recipients, octets=octets, cut=Blocks(70_000))
            assert said(answer) == "250 2.0.0"
            (filed,) = await here.inbox(here.bob)
            ((to, (facts, message)),) = (await copies(here)).items()
            assert to == ARCHIVE
            assert facts == [
                "Sender: ann@client.example",
                "Subject: Hello",
                "Message-Id: <1@client.example>",
                "Recipient: bob@local.test",  # carol is in a domain that keeps no journal
                "Recipient: alice@local.test",
                "Date: Mon, 21 Sep 2026 14:13:20 +0000",
                f"Queue-Id: {answer.lines[0].rpartition(' ')[2]}",
            ]
            assert filed.endswith(message)
            assert message.startswith(b"Received: from client.example")
            assert message.endswith(octets)
            queued = await here.queued()
            assert (queued["sender"], queued["account_id"]) == (b"", None)
            notes = [detail for kind, _, detail in await here.told(answer) if kind == "noted"]
            assert notes[0].startswith(f"journal copy to {ARCHIVE}, id ")
            counts = await here.counts()
            assert (counts["ledger"], counts["queued"], counts["blob"]) == (2, 1, 2)

    asyncio.run(run())


def test_whom_mail_is_sent_on_to_is_told_to_the_archive_of_who_does_so(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await stranger(here)
            await here.town.forward("bob@local.test", "friend@far.test")
            await here.town.forward("carol@other.test", "secret@far.test")
            await here.town.script("alice@local.test", REDIRECTS)
            recipients = ("bob@local.test", "alice@local.test", "carol@other.test")
            (answer,) = await send(one, *recipients, octets=LETTER)
            assert said(answer) == "250 2.0.0"
            ((_, (facts, _)),) = (await copies(here)).items()
            assert [one for one in facts if one.startswith("Recipient")] == [
                "Recipient: bob@local.test",
                "Recipient: alice@local.test",
                "Recipient: friend@far.test, Forwarded: bob@local.test",
                "Recipient: plain@far.test, Forwarded: alice@local.test",
                "Recipient: marked@far.test, Forwarded: alice@local.test",
            ]

    asyncio.run(run())


def test_without_a_journal_nothing_is_made(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("other.test")
            await here.town.journal("other.test", ARCHIVE)
            one = here.open()
            await one.greet("client.example", esmtp=True)
            await send(one, "bob@local.test")
            await here.town.journal("other.test", None)
            await send(one, "bob@local.test")
            assert await here.leaving() == []

    asyncio.run(run())


def test_an_archive_sees_what_its_domain_may_know(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("other.test")
            await here.town.account("carol@other.test")
            await here.town.journal("local.test", ARCHIVE)
            await here.town.journal("other.test", "second@vault.test")
            one = await here.logged_in(here.bob)
            octets = BOBS.replace(b"Subject:", b"Bcc: blind@far.test\r\nSubject:")
            to = ("carol@other.test", "blind@far.test")
            await send(one, *to, sender="bob@local.test", octets=octets)
            made = await copies(here)
            assert set(made) == {ARCHIVE, "second@vault.test"}
            assert made[ARCHIVE][0][3:5] == [f"Recipient: {name}" for name in to]
            assert made["second@vault.test"][0][3] == "Recipient: carol@other.test"
            assert "Recipient" not in made["second@vault.test"][0][4]
            assert b"Bcc" not in made[ARCHIVE][1]

    asyncio.run(run())


def test_one_archive_of_both_domains_gets_one_copy(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("other.test")
            await here.town.account("carol@other.test")
            for name in ("local.test", "other.test"):
                await here.town.journal(name, ARCHIVE)
            one = await here.logged_in(here.bob)
            to = ("carol@other.test", "x@far.test")
            await send(one, *to, sender="bob@local.test", octets=BOBS)
            made = await copies(here)
            assert made[ARCHIVE][0][3:5] == [f"Recipient: {name}" for name in to]

    asyncio.run(run())


def test_who_sends_without_a_sender_is_known_by_from(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.journal("local.test", ARCHIVE)
            one = await here.logged_in(here.bob)
            await send(one, "x@far.test", sender="", octets=BOBS)
            assert (await copies(here))[ARCHIVE][0][0] == "Sender: <>"

    asyncio.run(run())


def test_a_stranger_in_the_name_of_a_domain_does_not_speak_for_it(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await stranger(here)
            await send(one, "carol@other.test", sender="bob@local.test", octets=BOBS)
            assert await copies(here) == {}

    asyncio.run(run())


def test_a_copy_that_comes_back_is_not_copied(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await stranger(here)
            await send(one, "bob@local.test")
            ((_, report),) = await here.leaving()
            await send(one, "alice@local.test", sender="", octets=report)
            assert len(await here.leaving()) == 1
            forged = report.replace(b"X-Postroom-Journal: ", b"X-Postroom-Journal: 0")
            await send(one, "alice@local.test", sender="", octets=forged)
            assert len(await here.leaving()) == 2
            await send(one, "alice@local.test", sender="ann@client.example", octets=report)
            assert len(await here.leaving()) == 3
            hops = [octets.count(b"Received: from") for _, octets in await here.leaving()]
            assert hops == [2, 5, 5]  # on the report, and in the message: a loop ends

    asyncio.run(run())


def test_what_is_held_for_later_is_copied_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.journal("local.test", ARCHIVE)
            one = await here.logged_in(here.bob)
            assert said(await one.mail(mail("bob@local.test", hold_for=3600))) == "250 2.1.0"
            await one.rcpt(rcpt("x@far.test"))
            await one.data()
            await one.content(BOBS)
            await one.end(None)
            assert set(await copies(here)) == {ARCHIVE}
            rows = await here.db.read(
                lambda tx: tx.all("SELECT due - accepted FROM queued ORDER BY id")
            )
            assert sorted(rows) == [(0,), (3_600_000,)]

    asyncio.run(run())


def test_what_nobody_takes_is_not_copied(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.journal("local.test", ARCHIVE)
            await here.town.senders("bob@local.test", "block", "client.example")
            one = here.open()
            await one.greet("client.example", esmtp=True)
            (answer,) = await send(one, "bob@local.test")
            assert answer.code == 550
            assert await here.leaving() == []

    asyncio.run(run())

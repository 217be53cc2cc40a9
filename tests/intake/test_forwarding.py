"""Letters that go on elsewhere, and the bounces that find their way back."""

import asyncio
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.intake import forwarding
from postroom.intake.forwarding import DAY_MS, MANY
from postroom.mailauth import srs
from postroom.queue.rows import BULK, FIRST, NORMAL, OURS, STRANGER
from postroom.telemetry.session_events import RecipientRefused
from tests.conftest import Opener
from tests.fakes import START, Recorder
from tests.intake.desk import (
    BOBS,
    LETTER,
    Desk,
    desk,
    mail,
    nothing_left,
    rcpt,
    said,
    send,
)


def rewritten(here: Desk, sender: str, via: str = "local.test", day: int = START // DAY_MS) -> str:
    return srs.encode(sender, via, here.town.secrets.srs, day)


async def forwarded(here: Desk, recipient: str, *, sender: str = "ann@client.example") -> str:
    """A stranger's letter to the recipient; the sender it goes on with."""
    (answer,) = await send(here.open(), recipient, sender=sender)
    assert said(answer) == "250 2.0.0"
    octets = (await here.queued())["sender"]
    assert isinstance(octets, bytes)
    return octets.decode()


def test_a_stranger_s_letter_leaves_in_our_name(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("Out@local.test", "v@other.test")
            found = await forwarded(here, "OUT@local.test")
            assert found == rewritten(here, "ann@client.example")
            assert found.endswith("=client.example=ann@local.test")
            queued = await here.queued()
            assert queued["prefix"] == b"Delivered-To: out@local.test\r\n"
            assert (queued["origin"], queued["priority"]) == (STRANGER, NORMAL)
            blob = await here.db.read(lambda tx: tx.one("SELECT blob_id FROM queued"))
            assert blob is not None
            octets = b"".join([one async for one in here.blobs.stream(here.db, blob[0])])
            assert octets.endswith(LETTER)  # signatures stay whole
            assert b"Return-Path" not in octets

    asyncio.run(run())


def test_an_account_that_forwards_does_so_with_and_without_a_copy(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.forward("bob@local.test", "v@other.test")
            assert (await forwarded(here, "bob+x@local.test")).startswith("SRS0=")
            assert (await here.queued())["prefix"] == b"Delivered-To: bob+x@local.test\r\n"
            (letter,) = await here.inbox(here.bob)
            assert letter.startswith(b"Return-Path: <ann@client.example>\r\n")
            await here.town.forward("bob@local.test", "w@other.test", keep=False)
            await forwarded(here, "Bob@local.test")
            assert (await here.queued())["prefix"] == b"Delivered-To: bob@local.test\r\n"
            assert len(await here.inbox(here.bob)) == 1
            assert [name for name, _ in await here.queue()] == ["v@other.test", "w@other.test"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "alice@local.test",
        "x@alias.test",
        f"{'x' * 60}@a-rather-long-name.example",
        "a@[192.0.2.1]",
    ],
)
def test_senders_that_stay_as_they_are(database: Opener, data: Path, sender: str) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("alias.test", alias_of="local.test")
            await here.town.alias("out@local.test", "v@other.test")
            assert await forwarded(here, "out@local.test", sender=sender) == sender
            assert (await here.queued())["origin"] == STRANGER

    asyncio.run(run())


def test_the_domain_is_that_of_the_first_who_forwards(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("side.test")
            await here.town.alias("one@side.test", "v@other.test")
            await here.town.alias("two@local.test", "w@other.test")
            people = ("alice@local.test", "one@side.test", "two@local.test")
            await send(here.open(), *people)
            queued = await here.queued()
            assert queued["sender"].endswith(b"@side.test")
            assert queued["prefix"] == b""  # one of them must not learn of the other
            await send(here.open(), "one@side.test", "ONE@side.test", "alice@local.test")
            assert (await here.queued())["prefix"] == b"Delivered-To: one@side.test\r\n"

    asyncio.run(run())


def test_postmaster_leads_elsewhere_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.forward("alice@local.test", "v@other.test", keep=False)
            assert (await forwarded(here, "")).endswith("@local.test")
            assert (await here.queued())["prefix"] == b"Delivered-To: postmaster@local.test\r\n"

    asyncio.run(run())


def test_letters_of_ours_keep_their_senders(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("out@local.test", "v@other.test")
            person = await here.logged_in(here.bob)
            device = here.open(relay=True)
            for one, sender in ((person, "bob@local.test"), (device, "printer@client.example")):
                await send(one, "out@local.test", sender=sender, octets=BOBS)
                queued = await here.queued()
                assert (queued["sender"], queued["origin"]) == (sender.encode(), OURS)
                assert queued["prefix"] == b"Delivered-To: out@local.test\r\n"
                await send(one, "out@local.test", "x@other.test", sender=sender, octets=BOBS)
                assert (await here.queued())["prefix"] == b""  # x is not behind out
                await send(one, "x@other.test", sender=sender, octets=BOBS)
                assert (await here.queued())["prefix"] == b""

    asyncio.run(run())


def test_a_letter_that_comes_back_is_in_a_loop(database: Opener, data: Path) -> None:
    """Q1."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("out@local.test", "v@other.test")
            await here.town.forward("bob@local.test", "v@other.test", keep=False)
            for name in ("out", "bob"):
                before = f"Delivered-To: {name.upper()}@local.test\r\n".encode()
                (answer,) = await send(here.open(), f"{name}@local.test", octets=before + LETTER)
                assert said(answer) == "554 5.4.6"
            await nothing_left(here)
            relayed = b"Delivered-To: v@other.test\r\n" + LETTER
            (answer,) = await send(here.open(relay=True), "v@other.test", octets=relayed)
            assert said(answer) == "250 2.0.0"  # no address of ours: not for us to say

    asyncio.run(run())


# -- priorities


@pytest.mark.parametrize(
    ("sender", "head", "count", "expected"),
    [
        ("ann@x.test", b"", 1, NORMAL),
        ("ann@x.test", b"", MANY, NORMAL),
        ("ann@x.test", b"", MANY + 1, BULK),
        ("ann@x.test", b"List-Id: <a.b>\r\n", 1, BULK),
        ("ann@x.test", b"Precedence: bulk\r\n", 1, BULK),
        ("", b"Precedence: bulk\r\n", 1, FIRST),
        ("", b"", MANY + 1, FIRST),
    ],
)
def test_notices_go_first_and_mass_mail_last(
    database: Opener, data: Path, sender: str, head: bytes, count: int, expected: int
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            people = [f"u{number}@other.test" for number in range(count)]
            await send(here.open(relay=True), *people, sender=sender, octets=head + LETTER)
            assert (await here.queued())["priority"] == expected
            rows = await here.db.read(lambda tx: tx.all("SELECT DISTINCT priority FROM delivery"))
            assert rows == [(expected,)]

    asyncio.run(run())


# -- bounces


def test_a_bounce_finds_its_way_back(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("out@local.test", "v@other.test")
            back = await forwarded(here, "out@local.test", sender="Ann.X@client.example")
            for folded in (back, back.lower()):
                (answer,) = await send(here.open(), folded, sender="")
                assert said(answer) == "250 2.0.0"
                queued = await here.queued()
                assert (queued["sender"], queued["origin"]) == (b"", STRANGER)
                assert (queued["priority"], queued["prefix"]) == (FIRST, b"")
            assert [name for name, _ in await here.queue()][1:] == [
                "Ann.X@client.example", "ann.x@client.example",
            ]  # fmt: skip

    asyncio.run(run())


def test_the_way_back_over_several_forwarders(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("out@local.test", "v@other.test")
            first = "SRS0=abcd=XY=client.example=ann@first.example"
            back = await forwarded(here, "out@local.test", sender=first)
            assert back.startswith("SRS1=")
            (answer,) = await send(here.open(), back, sender="")
            assert said(answer) == "250 2.0.0"
            assert (await here.queue())[-1] == (first, "first.example")

    asyncio.run(run())


def test_the_way_back_is_for_notices_that_we_have_signed(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("alias.test", alias_of="local.test")
            good = rewritten(here, "ann@client.example")
            old = rewritten(here, "ann@client.example", day=START // DAY_MS - srs.MAX_AGE - 1)
            young = rewritten(here, "ann@client.example", day=START // DAY_MS - srs.MAX_AGE)
            literal = rewritten(here, "ann@[192.0.2.1]")
            forged = good.replace("client", "victim")
            answers = {
                good: "250 2.1.5",
                good.replace("@local.test", "@ALIAS.test"): "250 2.1.5",
                young: "250 2.1.5",
                old: "550 5.1.8",
                forged: "550 5.1.1",
                "SRS0=AAAAAA=BB=client.example=ann@local.test": "550 5.1.1",
                "SRS1=x@local.test": "550 5.1.1",
                "srs0+a@local.test": "550 5.1.1",
                "SRS@local.test": "550 5.1.1",
                "SRSX=1@local.test": "550 5.1.1",
                literal: "550 5.7.1",
                good.replace("@local.test", "@other.test"): "550 5.7.1",
            }
            one = here.open()
            await one.mail(mail(""))
            for recipient, expected in answers.items():
                assert (recipient, said(await one.rcpt(rcpt(recipient)))) == (recipient, expected)
            one.reset()
            await one.mail(mail())
            assert await one.rcpt(rcpt(good)) == forwarding.ONLY_NOTICES
            assert said(await one.rcpt(rcpt(old))) == "550 5.1.8"
            assert said(await one.rcpt(rcpt(forged))) == "550 5.1.1"
            person = await here.logged_in(here.bob)
            await person.mail(mail("bob@local.test"))
            assert await person.rcpt(rcpt(good)) == forwarding.ONLY_NOTICES
            await nothing_left(here)
            trusted = here.open(trusted=True)
            await trusted.verb()
            await trusted.mail(mail(""))
            assert "expired" in (await trusted.rcpt(rcpt(old))).reasons[0]
            assert "not ours" in (await trusted.rcpt(rcpt(forged))).reasons[0]

    asyncio.run(run())
    assert all(event.reason for event in events.of(RecipientRefused))
    assert any("without one" in event.reason for event in events.of(RecipientRefused))


def test_a_name_that_somebody_has_wins(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            name = rewritten(here, "a@client.example")
            await here.town.alias(name, "bob@local.test")
            await here.town.account("srs0=x@local.test")
            one = here.open()
            assert said((await send(one, name))[0]) == "250 2.0.0"  # with a sender, too
            assert said((await send(one, "SRS0=X@local.test"))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 1
            assert await here.queue() == []

    asyncio.run(run())


def test_a_catch_all_does_not_catch_bounces(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.catch_all("local.test", "bob@local.test")
            good = rewritten(here, "ann@client.example")
            one = here.open()
            await one.mail(mail(""))
            assert said(await one.rcpt(rcpt(good))) == "250 2.1.5"
            assert said(await one.rcpt(rcpt("SRS0=AAAAAA=BB=x.test=a@local.test"))) == "550 5.1.1"
            assert said(await one.rcpt(rcpt("SRSsomething@local.test"))) == "250 2.1.5"
            await one.content(LETTER)
            await one.end(None)
            assert await here.queue() == [("ann@client.example", "client.example")]
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


def test_a_domain_that_has_become_ours_gets_its_bounces(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            back = rewritten(here, "bob@new.test")
            gone = rewritten(here, "gone@new.test")
            await here.town.domain("new.test", alias_of="local.test")
            one = here.open()
            await one.mail(mail(""))
            assert said(await one.rcpt(rcpt(gone))) == "550 5.1.1"
            assert said(await one.rcpt(rcpt(back))) == "250 2.1.5"
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 1
            assert await here.queue() == []

    asyncio.run(run())


def test_other_names_cost_no_question(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for text in ("bob@local.test", "sr@local.test", "SRS0=x@other.test"):
                found = await forwarding.returned(
                    here.town.directory, Address.parse(text), START, is_notice=True
                )
                assert found is None

    asyncio.run(run())

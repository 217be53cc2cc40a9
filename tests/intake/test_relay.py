"""Nobody relays here in any spelling: every row of threats R1-R7 and R10."""

import asyncio
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.directory.expand import Local, Resolution
from postroom.intake import relay
from postroom.intake.relay import Accepted, judge
from postroom.protocol.smtp.replies import Reply
from postroom.queue.rows import OURS, STRANGER
from postroom.quota import NO_QUOTA
from tests.conftest import Opener
from tests.intake.desk import LETTER, desk, mail, rcpt, said, send

DENIED = "550 5.7.1"
UNKNOWN = "550 5.1.1"


SPELLINGS = [
    ("v@other.test", DENIED),  # R1
    ("v%other.test@local.test", UNKNOWN),  # R2
    ("other.test!v@local.test", UNKNOWN),  # R4
    ('"v@other.test"@local.test', UNKNOWN),  # R5
    ('"v%other.test"@local.test', UNKNOWN),
    ('"other.test!v"@local.test', UNKNOWN),
    ('"bob"@local.test', "250 2.1.5"),
    ('"b\\ob"@local.test', "250 2.1.5"),
    ("v@[127.0.0.1]", DENIED),  # R7
    ("v@[IPv6:::1]", DENIED),
    ("v@OTHER.test.", DENIED),
    ("bob@local.test.", "250 2.1.5"),
    ("BOB@LOCAL.TEST", "250 2.1.5"),
    ("v@sub.local.test", DENIED),
    ("v@bücher.test", DENIED),
    ("${run{id}}@local.test", UNKNOWN),  # R10
    ('"\' OR 1=1--"@local.test', UNKNOWN),
    ('"*)(uid=*"@local.test', UNKNOWN),
    ("'or'1'='1@local.test", UNKNOWN),
    ('"a\\"b"@local.test', UNKNOWN),
    ("nobody@local.test", UNKNOWN),
    ("bob+news@local.test", "250 2.1.5"),
    ("postmaster@local.test", "250 2.1.5"),
    ("", "250 2.1.5"),  # Postmaster
]


@pytest.mark.parametrize("sender", ["x@client.example", "", "alice@local.test"])
def test_recipients_of_strangers(database: Opener, data: Path, sender: str) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            before = await here.db.read(lambda tx: tx.all("SELECT * FROM account ORDER BY id"))
            one = here.open()
            assert said(await one.mail(mail(sender))) == "250 2.1.0"  # R6: no decision from it
            for recipient, expected in SPELLINGS:
                assert (recipient, said(await one.rcpt(rcpt(recipient)))) == (recipient, expected)
            after = await here.db.read(lambda tx: tx.all("SELECT * FROM account ORDER BY id"))
            assert after == before
            assert await here.counts() == {}
            await one.close()

    asyncio.run(run())


def test_loopback_is_a_stranger_and_lmtp_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for door in ("smtp", "lmtp"):
                for address in ("127.0.0.1", "::1"):
                    one = here.open(door, address=address)
                    await one.mail(mail("alice@local.test"))
                    assert said(await one.rcpt(rcpt("v@other.test"))) == DENIED

    asyncio.run(run())


def test_who_may_relay(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            listed = here.open(relay=True)
            await listed.mail(mail())
            assert said(await listed.rcpt(rcpt("v@other.test"))) == "250 2.1.5"
            assert said(await listed.rcpt(rcpt("v@[127.0.0.1]"))) == "250 2.1.5"
            assert said(await listed.rcpt(rcpt("nobody@local.test"))) == UNKNOWN
            person = await here.logged_in(here.bob)
            await person.mail(mail("bob@local.test"))
            assert said(await person.rcpt(rcpt("v@other.test"))) == "250 2.1.5"
            trusted = here.open(trusted=True)
            await trusted.mail(mail())
            assert said(await trusted.rcpt(rcpt("v@other.test"))) == DENIED

    asyncio.run(run())


def test_an_alias_leads_elsewhere_without_relaying(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("out@local.test", "v@other.test", "bob@local.test")
            one = here.open()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt("out@local.test"))) == "250 2.1.5"
            assert said(await one.rcpt(rcpt("v@other.test"))) == DENIED

    asyncio.run(run())


@pytest.mark.parametrize(
    ("resolution", "may_relay", "expected"),
    [
        (Resolution("not-ours"), False, relay.DENIED),
        (Resolution("not-ours"), True, ((), ("v@other.test",))),
        (Resolution("unknown"), True, relay.UNKNOWN),
        (Resolution("disabled"), True, relay.DISABLED),
        (Resolution("loop"), True, relay.ALIAS_LOOP),
        (Resolution("too-many"), True, relay.ALIAS_TOO_LARGE),
    ],
)
def test_judgements(resolution: Resolution, may_relay: bool, expected: object) -> None:
    address = Address.parse("v@other.test")
    assert judge(address, resolution, may_relay=may_relay) == expected
    assert resolution.kind in relay.REASONS


def test_the_name_of_the_machine_has_a_postmaster(database: Opener, data: Path) -> None:
    """RFC 5321 §4.5.1, RFC 2142: it is what reverse DNS tells of us."""

    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open()
            await one.mail(mail())
            for recipient in ("postmaster@MX.local.test.", "Abuse@mx.local.test"):
                assert said(await one.rcpt(rcpt(recipient))) == "250 2.1.5"
            for recipient in ("alice@mx.local.test", "postmaster@my.local.test"):
                assert said(await one.rcpt(rcpt(recipient))) == DENIED
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            (letter,) = await here.inbox(here.alice)
            assert b"Delivered-To: postmaster@local.test\r\n" in letter
            assert await here.queue() == []

    asyncio.run(run())


def test_postmaster_without_a_domain_is_never_elsewhere() -> None:
    assert isinstance(judge(None, Resolution("not-ours"), may_relay=True), Reply)
    local = (Local(1, "postmaster@local.test", None, NO_QUOTA),)
    assert judge(None, Resolution("found", local), may_relay=False) == (local, ())


def test_reasons_name_the_way() -> None:
    local = (Local(1, "a@local.test", None, NO_QUOTA),)
    accepted = Accepted("a@local.test", local, ("b@x.test", "c@x.test"), via="a@local.test")
    assert relay.reasons(accepted) == [
        "alias a@local.test",
        "local accounts: 1",
        "addresses elsewhere: 2",
    ]


def test_anybody_sends_to_a_domain_that_we_are_a_backup_mx_for(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.backup_domain("first.test")
            one = here.open()
            assert said(await one.mail(mail("s@stranger.test"))) == "250 2.1.0"
            for spelling in ("v@sub.first.test", "v%other.test@local.test", "v@[127.0.0.1]"):
                assert said(await one.rcpt(rcpt(spelling)))[:3] == "550"
            one.reset()
            (answer,) = await send(
                one, "V@FIRST.test", "bob@local.test", "v@first.test", sender="s@stranger.test"
            )
            assert answer.code == 250
            assert await here.queue() == [
                ("V@first.test", "first.test"),
                ("v@first.test", "first.test"),
            ]
            assert len(await here.inbox(here.bob)) == 1
            found = await here.queued()
            assert (found["sender"], found["prefix"]) == (b"s@stranger.test", b"")  # no SRS
            assert (found["origin"], found["account_id"]) == (STRANGER, None)
            rows = await here.db.read(lambda tx: tx.all("SELECT patient FROM delivery"))
            assert rows == [(1,), (1,)]

    asyncio.run(run())


def test_what_is_sent_there_by_people_and_forwards_is_as_ever(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.backup_domain("first.test")
            await here.town.alias("out@local.test", "v@first.test")
            (answer,) = await send(here.open(), "out@local.test", sender="s@stranger.test")
            assert answer.code == 250
            found = await here.queued()
            assert found["sender"].startswith(b"SRS0=")
            person = await here.logged_in(here.bob)
            octets = b"From: <bob@local.test>\r\n\r\nhi\r\n"
            (answer,) = await send(person, "v@first.test", sender="bob@local.test", octets=octets)
            assert answer.code == 250
            assert (await here.queued())["origin"] == OURS
            verbose = here.open(trusted=True)
            await verbose.verb()
            await verbose.mail(mail())
            told = await verbose.rcpt(rcpt("v@first.test"))
            assert "we are a backup MX for its domain" in told.reasons

    asyncio.run(run())

"""Who is told what: the rules of notices, on real flows."""

import asyncio
from pathlib import Path

import pytest

from postroom.delivery.notices import Kind, is_wanted
from postroom.queue.rows import OURS, STRANGER, VERIFIED
from postroom.telemetry.events import NoticeSuppressed
from rig.smtp import OFFERS
from tests.conftest import Opener
from tests.delivery.sinks import authorities, served
from tests.delivery.station import (
    ALICE,
    BOB,
    OCTETS,
    Station,
    alone,
    nothing_was_said,
    notice_of,
    station,
)
from tests.fakes import Recorder

PLAIN = tuple([one for one in OFFERS if one != "DSN"])


async def told(here: Station, who: str = "alice") -> list[str]:
    account = here.alice if who == "alice" else here.bob
    return [notice_of(one)[1] for one in await here.inbox(account)]


@pytest.mark.parametrize(
    ("kind", "notify", "wanted"),
    [
        ("failed", None, True), ("delayed", None, True), ("relayed", None, False),
        ("delivered", None, False), ("failed", "NEVER", False), ("delayed", "NEVER", False),
        ("relayed", "NEVER", False), ("failed", "SUCCESS,FAILURE", True),
        ("delayed", "SUCCESS,FAILURE", False), ("relayed", "success", True),
        ("delivered", "SUCCESS", True), ("delayed", "DELAY", True), ("failed", "DELAY", False),
    ],
)  # fmt: skip
def test_notify(kind: Kind, notify: str | None, *, wanted: bool) -> None:
    assert is_wanted(kind, notify) is wanted


@pytest.mark.parametrize(
    ("sender", "origin", "who"),
    [
        (BOB, OURS, "bob"),
        (BOB, VERIFIED, "bob"),
        ("friend@c.test", VERIFIED, "c.test"),
        ("stranger@c.test", STRANGER, "alice"),  # forwarded: the postmaster is told
        ("", OURS, "alice"),  # a notice: the postmaster is told
        ("", STRANGER, "alice"),
        ("gone@home.test", OURS, "alice"),  # nobody is there any more
    ],
)
def test_who_is_told_of_a_failure(
    sender: str, origin: int, who: str, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            await here.send("no@b.test", sender=sender, origin=origin)
            await here.run()
            assert await here.waiting() == []
            if who == "c.test":
                [one] = here.sink.taken
                assert (one.sender, one.recipients) == ("", [sender])
                assert notice_of(one.octets) == ("Undelivered: Hello", "failed")
                assert await told(here) == await told(here, "bob") == []
                return
            assert here.sink.taken == []
            assert await told(here, who) == ["failed"]
            assert await told(here, "bob" if who == "alice" else "alice") == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sender", "origin"), [("stranger@c.test", STRANGER), ("", OURS), ("", STRANGER)]
)
def test_who_is_told_of_a_delay(sender: str, origin: int, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("you@dead.test", sender=sender, origin=origin)
            here.advance(hours=5)
            await here.run()
            assert len(await here.waiting()) == 1
            assert await told(here) == await told(here, "bob") == []

    asyncio.run(run())


def test_a_notice_that_fails_is_no_reason_for_another_one(
    database: Opener, data: Path, events: Recorder
) -> None:
    """The postmaster's own mail goes to a server that refuses it: nothing goes in circles."""

    async def run() -> None:
        async with station(database, data) as here:
            await here.town.forward(ALICE, "alice@c.test", keep=False)
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            here.sink.fault("RCPT friend@b.test", "550 5.1.1 Nobody")
            here.sink.fault("RCPT alice@c.test", "550 5.7.1 No notices")
            await here.send("no@b.test", sender="friend@b.test", origin=VERIFIED)
            await here.until_quiet(hours=130)
            assert await here.waiting() == []
            tried = [line for line in here.sink.lines if line.startswith("RCPT")]
            assert [line.partition("<")[2].partition(">")[0] for line in tried] == [
                "no@b.test",  # the message
                "friend@b.test",  # its notice
                "alice@c.test",  # and that one's
            ]
            assert [one.reason for one in events.of(NoticeSuppressed)] == [
                "it would go where a notice has just failed"
            ]

    asyncio.run(run())


def test_others_are_delivered_and_the_sender_is_told_in_the_same_commit(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.fault("RCPT no@b.test", "550-5.1.1 Nobody\r\n550 5.1.1 of that name")
            ident = await here.send("you@b.test", "no@b.test", "me@c.test")
            await here.run()
            assert sorted([one.recipients[0] for one in here.sink.taken]) == [
                "me@c.test", "you@b.test",
            ]  # fmt: skip
            [notice] = await here.inbox(here.alice)
            text = notice.decode()
            assert notice_of(notice) == ("Undelivered: Hello", "failed")
            assert "Final-Recipient: rfc822; no@b.test" in text
            assert "Status: 5.1.1" in text
            assert "Remote-MTA: dns; mx.b.test" in text
            assert "Diagnostic-Code: smtp; 550 5.1.1 Nobody / of that name" in text
            assert 'From: "Mail Delivery System" <postmaster@home.test>' in text
            assert f"To: <{ALICE}>" in text
            assert "Return-Path: <>" in text
            assert "Message-ID: <1@home.test>" in text  # of the returned header
            kinds = sorted([(kind, who) for kind, who, _ in await here.facts(ident)])
            assert kinds == [
                ("bounced", "no@b.test"),
                ("delivered", "me@c.test"),
                ("delivered", "you@b.test"),
                ("noted", ""),
                ("queued", "me@c.test"),
                ("queued", "no@b.test"),
                ("queued", "you@b.test"),
            ]

    asyncio.run(run())


@pytest.mark.parametrize(("ret", "is_whole"), [(None, False), ("HDRS", False), ("FULL", True)])
def test_how_much_comes_back(
    ret: str | None, *, is_whole: bool, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("DATA", "550 5.7.1 Spam")
            here.sink.offers = ("PIPELINING",)
            await here.send("you@b.test", ret=ret, envid=b"QQ+2B1", orcpt="rfc822;yo+2Bu@b.test")
            await here.run()
            [notice] = await here.inbox(here.alice)
            assert (b"..and dots." in notice) is is_whole
            assert b"Original-Envelope-Id: QQ+1\r\n" in notice
            assert b"Original-Recipient: rfc822; yo+u@b.test\r\n" in notice

    asyncio.run(run())


@pytest.mark.parametrize("can_prove", [True, False])
def test_what_is_told_of_a_message_that_requires_tls_requires_it_too(
    data: Path, tmp_path: Path, *, can_prove: bool
) -> None:
    """RFC 8689 §5; whoever can't be told that way is not told in clear, and RET=FULL is nothing."""

    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            here.sink.tls, here.sink.offers = served("mx.c.test"), ("REQUIRETLS",)
            if can_prove:
                await here.rule("c.test", "verify")
            sender = "friend@c.test"
            await here.send(
                "no@b.test", sender=sender, origin=VERIFIED, requiretls=True, ret="FULL"
            )
            await here.run()
            if can_prove:
                [one] = here.sink.taken
                assert (one.recipients, one.parameters[-1]) == ([sender], "REQUIRETLS")
                notice = one.octets
            else:
                assert nothing_was_said(here)
                [notice] = await here.inbox(here.alice)  # a notice of that notice
                assert b"friend@c.test" in notice
            assert b"Status: 5.7.10\r\n" in notice
            assert b"..and dots." not in notice
            assert await here.waiting() == []

    asyncio.run(run())


@pytest.mark.parametrize("notify", [None, "NEVER", "FAILURE", "SUCCESS", "SUCCESS,DELAY"])
@pytest.mark.parametrize("offers", [OFFERS, PLAIN])
def test_success_is_told_by_the_next_server_or_by_us(
    notify: str | None, offers: tuple[str, ...], data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = offers
            await here.send("you@b.test", notify=notify)
            await here.run()
            has_dsn = "DSN" in offers
            asked = notify is not None and "SUCCESS" in notify
            assert await told(here) == (["relayed"] if asked and not has_dsn else [])
            expected = [f"NOTIFY={notify}"] if notify and has_dsn else []
            assert [one.recipient_parameters[0] for one in here.sink.taken] == [expected]

    asyncio.run(run())


def test_what_is_over_the_hour_is_told_in_the_log(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, notices_per_hour=3) as here:
            here.sink.fault("RCPT", "550 5.1.1 Nobody")
            for number in range(5):
                await here.send(f"u{number}@b.test", sender=BOB)
            await here.run()
            assert await told(here, "bob") == ["failed"] * 3
            assert await told(here) == []  # the postmaster is not flooded instead
            assert [one.recipient for one in events.of(NoticeSuppressed)] == [BOB] * 2
            assert await here.waiting() == []
            here.advance(hours=1.1)
            await here.send("u9@b.test", sender=BOB)
            await here.run()
            assert await told(here, "bob") == ["failed"] * 4

    asyncio.run(run())


def test_one_notice_for_all_recipients_of_a_transaction(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("MAIL", "550 5.7.1 Not from you")
            await here.send("a@b.test", "b@b.test", "c@b.test")
            await here.run()
            [notice] = await here.inbox(here.alice)
            assert notice.count(b"Final-Recipient: ") == 3

    asyncio.run(run())


def test_a_notice_of_a_message_with_utf8(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("RCPT", "550 5.1.1 Nobody")
            octets = OCTETS.replace(b"Hello", "Grüße".encode())
            await here.send("jörg@b.test", octets=octets, smtputf8=True)
            await here.run()
            [notice] = await here.inbox(here.alice)
            assert b"message/global-delivery-status" in notice
            assert "utf-8; jörg@b.test".encode() in notice

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sender", "copies"), [("friend@c.test", 1), (BOB, 1), ("", 0)], ids=["out", "here", "none"]
)
def test_a_bounce_is_journaled_but_not_that_of_what_has_no_sender(
    sender: str, copies: int, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.town.journal("home.test", "archive@b.test")
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            await here.send("no@b.test", sender=sender, origin=VERIFIED)
            await here.run()
            reports = [one for one in here.sink.taken if one.recipients == ["archive@b.test"]]
            assert len(reports) == copies
            assert all(b"Subject: Undelivered: Hello" in one.octets for one in reports)
            assert all(one.sender == "" for one in reports)

    asyncio.run(run())


def test_a_journal_copy_that_fails_is_told_to_the_postmaster_once(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.town.journal("home.test", "no@b.test")
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            here.sink.fault("RCPT gone@b.test", "550 5.1.1 Nobody")
            await here.send("gone@b.test", sender=BOB)  # its notice is journaled, which fails
            await here.run()
            assert await told(here, "bob") == ["failed"]
            assert await told(here) == ["failed"]
            assert await here.waiting() == []

    asyncio.run(run())

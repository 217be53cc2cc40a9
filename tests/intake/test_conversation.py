"""Transactions: what is accepted where it goes, and what is left after every other path."""

import asyncio
from pathlib import Path

import pytest

from postroom.config.model import Limits
from postroom.db.ids import from_text
from postroom.ledger import trace
from postroom.protocol.smtp import replies
from postroom.telemetry.session_events import (
    MessageAccepted,
    MessageRefused,
    RecipientRefused,
    SenderRefused,
)
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import (
    BOBS,
    LARGE,
    LETTER,
    Blocks,
    desk,
    mail,
    nothing_left,
    rcpt,
    said,
    send,
)


def test_a_letter_arrives_as_it_was_sent(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open(tls="TLSv1.3")
            await one.greet("client.example", esmtp=True)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            text, _, queue_id = answer.lines[0].rpartition(" ")
            assert text == "Accepted, id"
            (letter,) = await here.inbox(here.bob)
            assert (
                letter
                == (
                    b"Return-Path: <ann@client.example>\r\n"
                    b"Delivered-To: bob@local.test\r\n"
                    b"Received: from client.example ([192.0.2.1]) by mx.local.test with ESMTPS\r\n"
                    b"\t(TLSv1.3) id " + queue_id.encode() + b" for <bob@local.test>;\r\n"
                    b"\tMon, 21 Sep 2026 14:13:20 +0000\r\n"
                )
                + LETTER
            )
            story = await here.db.read(lambda tx: trace.by_id(tx, from_text(queue_id)))
            assert story is not None
            assert (story.entry.sender, story.entry.peer, story.entry.helo) == (
                "ann@client.example", "192.0.2.1", "client.example",
            )  # fmt: skip
            assert (story.entry.message_id, story.entry.subject) == ("1@client.example", "Hello")
            ((kind, recipient, account, uid),) = (
                (f.kind, f.recipient, f.account_id, f.uid) for f in story.facts
            )
            assert (kind, recipient, account, uid) == ("filed", "bob@local.test", here.bob.id, 1)
            (event,) = events.of(MessageAccepted)
            assert (event.queue_id, event.recipients, event.session) == (queue_id, 1, "s1")

    asyncio.run(run())


@pytest.mark.parametrize("size", [1, 7, 60_000, 1 << 20])
def test_the_cuts_do_not_matter_nor_does_the_size(database: Opener, data: Path, size: int) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open()
            octets = LARGE if size > 1000 else LETTER + b"x" * 70_000
            (answer,) = await send(one, "bob@local.test", octets=octets, cut=Blocks(size))
            assert said(answer) == "250 2.0.0"
            (letter,) = await here.inbox(here.bob)
            assert letter.endswith(octets)
            assert letter.count(b"\r\nReceived: ") == 1

    asyncio.run(run())


def test_many_recipients_share_one_blob_and_no_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", "alice@local.test", "bob@local.test")
            await here.town.alias("out@local.test", "c@x.test", "d@y.test", "bob@local.test")
            one = here.open()
            people = ("bob@local.test", "all@local.test", "out@local.test", "bob+x@local.test")
            (answer,) = await send(one, *people)
            assert said(answer) == "250 2.0.0"
            (hers,) = await here.inbox(here.alice)
            (his,) = await here.inbox(here.bob)
            assert b"Delivered-To: all@local.test\r\n" in hers
            assert b"Delivered-To: bob@local.test\r\n" in his
            assert b" for <" not in his
            assert await here.queue() == [("c@x.test", "x.test"), ("d@y.test", "y.test")]
            counts = await here.counts()
            assert (counts["blob"], counts["message"], counts["queued"]) == (1, 2, 1)
            assert await here.db.read(lambda tx: tx.one("SELECT refs FROM blob")) == (3,)

    asyncio.run(run())


def test_postmaster_without_a_domain(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            (answer,) = await send(here.open(), "", sender="")
            assert said(answer) == "250 2.0.0"
            (letter,) = await here.inbox(here.alice)
            assert letter.startswith(b"Return-Path: <>\r\nDelivered-To: postmaster@local.test\r\n")

    asyncio.run(run())


def test_own_and_forged_trace_fields_go_others_stay(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            kept = (
                b"Received: from a by b; Mon, 21 Sep 2026 14:13:20 +0000\r\n"
                b"Authentication-Results: mx.other.test; spf=pass\r\n"
                b"Delivered-To: someone@else.test\r\n"
            )
            forged = (
                b"Return-Path: <forged@x.test>\r\n"
                b"Authentication-Results: MX.local.test;\r\n\tspf=pass\r\n"
            )
            await send(here.open(), "bob@local.test", octets=forged + kept + LETTER)
            (letter,) = await here.inbox(here.bob)
            assert letter.endswith(b"+0000\r\n" + kept + LETTER)
            assert b"forged" not in letter
            assert letter.lower().count(b"authentication-results") == 1

    asyncio.run(run())


# -- MAIL


def test_mail_checks_size_and_disk(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data, Limits(max_message=1000)) as here:
            one = here.open()
            assert said(await one.mail(mail(size=1001))) == "552 5.3.4"
            assert said(await one.mail(mail(size=1000))) == "250 2.1.0"
            full = type(here.services.disk)(data, 1 << 62, here.clock)
            here.change(disk=full)
            assert said(await here.open().mail(mail())) == "452 4.3.1"
            here.change(limits=Limits(max_message=0), disk=type(full)(data, 0, here.clock))
            assert said(await here.open().mail(mail(size=1 << 40))) == "452 4.3.1"
            assert said(await here.open().mail(mail(size=1 << 20))) == "250 2.1.0"

    asyncio.run(run())
    assert [one.status for one in events.of(SenderRefused)] == ["5.3.4", "4.3.1", "4.3.1"]


def test_a_person_sends_from_own_addresses_only(database: Opener, data: Path) -> None:
    """R9, RFC 6409 §6.1."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("sales@local.test", "bob@local.test")
            await here.town.alias("all@local.test", "alice@local.test", "bob@local.test")
            one = await here.logged_in(here.bob)
            for sender, expected in (
                ("bob@local.test", "250 2.1.0"),
                ("Bob+shop@LOCAL.test", "250 2.1.0"),
                ("sales@local.test", "250 2.1.0"),
                ("alice@local.test", "553 5.7.1"),
                ("all@local.test", "553 5.7.1"),
                ("nobody@local.test", "553 5.7.1"),
                ("bob@other.test", "553 5.7.1"),
                ('"alice@local.test"@local.test', "553 5.7.1"),
                ("", "250 2.1.0"),
            ):
                assert (sender, said(await one.mail(mail(sender)))) == (sender, expected)
            at_25 = await here.logged_in(here.bob, "smtp")
            assert said(await at_25.mail(mail(""))) == "250 2.1.0"
            assert said(await at_25.mail(mail("alice@local.test"))) == "553 5.7.1"
            nobody = here.open("submission", relay=True)
            assert said(await nobody.mail(mail("bob@local.test"))) == "530 5.7.0"

    asyncio.run(run())


def test_a_refused_mail_leaves_no_transaction(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, Limits(max_message=5000)) as here:
            one = here.open()
            await one.mail(mail())
            await one.rcpt(rcpt("bob@local.test"))
            one.reset()
            assert said(await one.mail(mail(size=9999))) == "552 5.3.4"
            (answer,) = await send(one, "alice@local.test")
            assert said(answer) == "250 2.0.0"
            assert await here.inbox(here.bob) == []
            assert len(await here.inbox(here.alice)) == 1

    asyncio.run(run())


# -- RCPT


def test_recipients_that_get_nothing(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account("carol@local.test", quota=10)
            await here.town.account("dave@local.test")
            await here.town.disable("dave@local.test")
            one = here.open()
            await send(one, "carol@local.test")  # one letter above the quota is let in
            await one.mail(mail())
            for recipient, expected in (
                ("nobody@local.test", "550 5.1.1"),
                ("dave@local.test", "550 5.2.1"),
                ("carol@local.test", "452 4.2.2"),
                ("v@other.test", "550 5.7.1"),
            ):
                assert said(await one.rcpt(rcpt(recipient))) == expected
            assert len(await here.inbox(carol)) == 1

    asyncio.run(run())
    told = [(event.recipient, event.status, event.sender) for event in events.of(RecipientRefused)]
    assert told == [
        ("nobody@local.test", "5.1.1", "ann@client.example"),
        ("dave@local.test", "5.2.1", "ann@client.example"),
        ("carol@local.test", "4.2.2", "ann@client.example"),
        ("v@other.test", "5.7.1", "ann@client.example"),
    ]


def test_the_number_of_recipients_and_of_copies_is_bounded(database: Opener, data: Path) -> None:
    """D3."""

    async def run() -> None:
        async with desk(database, data, Limits(max_recipients=100)) as here:
            one = here.open(relay=True)
            await one.mail(mail())
            for number in range(100):
                assert said(await one.rcpt(rcpt(f"a{number}@x.test"))) == "250 2.1.5"
            assert said(await one.rcpt(rcpt("b@x.test"))) == "452 4.5.3"
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert (await here.counts())["delivery"] == 100
            members = [f"m{number}@x.test" for number in range(6000)]
            await here.town.alias("huge@local.test", *members)
            await one.mail(mail())
            assert said(await one.rcpt(rcpt("huge@local.test"))) == "250 2.1.5"
            assert said(await one.rcpt(rcpt("huge@local.test"))) == "452 4.5.3"
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"

    asyncio.run(run())


# -- the end of data


BAD = b"X: y\r\n" * 1001


@pytest.mark.parametrize(
    ("octets", "defect", "expected"),
    [
        (LETTER, "bare-newline", "550 5.6.0"),
        (LETTER, "nul", "550 5.6.0"),
        (LETTER, "too-big", "552 5.3.4"),
        (LARGE, "bare-newline", "550 5.6.0"),
        (LARGE, "nul", "550 5.6.0"),
        (LETTER + b"x" * 400_000, None, "552 5.3.4"),
        (BAD + LETTER, None, "552 5.3.4"),
        (BAD + LETTER + b"x" * 70_000, None, "552 5.3.4"),
        (b"X: " + b"y" * 262_200 + b"\r\n\r\n", None, "552 5.3.4"),
        (b"y" * 300_000, None, "552 5.3.4"),
        (b"Received: by x\r\n" * 100 + LETTER, None, "554 5.4.6"),
        (b"Delivered-To: BOB@local.test\r\n" + LETTER, None, "554 5.4.6"),
        (b"Delivered-To: bob@local.test\r\n" + LARGE, None, "554 5.4.6"),
    ],
)  # fmt: skip
def test_what_is_refused_at_its_end_leaves_nothing(
    database: Opener, data: Path, octets: bytes, defect: str | None, expected: str,
    events: Recorder,
) -> None:  # fmt: skip
    async def run() -> None:
        async with desk(database, data, Limits(max_message=350_000)) as here:
            one = here.open()
            (answer,) = await send(
                one, "bob@local.test", octets=octets, defect=defect, cut=Blocks(30_000)
            )
            assert said(answer) == expected
            await nothing_left(here)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())
    (event,) = events.of(MessageRefused)
    assert event.recipients == ("bob@local.test",)
    assert f"{expected[:4]}{event.status}" == expected


def test_99_hops_are_no_loop(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            (answer,) = await send(
                here.open(), "bob@local.test", octets=b"Received: by x\r\n" * 99 + LETTER
            )
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())


@pytest.mark.parametrize("who", ["person", "listed"])
def test_line_ends_of_who_may_relay_are_mended(database: Opener, data: Path, who: str) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            is_person = who == "person"
            one = await here.logged_in(here.bob) if is_person else here.open(relay=True)
            body = b"one\ntwo\rthree\r\n\n.\n\r.\r"
            for octets in (BOBS + body, BOBS + b"x" * 80_000 + body):
                (answer,) = await send(
                    one, "alice@local.test", octets=octets, sender="bob@local.test",
                    defect="bare-newline", cut=Blocks(3000),
                )  # fmt: skip
                assert said(answer) == "250 2.0.0"
                letter = (await here.inbox(here.alice))[-1]
                assert letter.endswith(b"one\r\ntwo\r\nthree\r\n\r\n.\r\n\r\n.\r\n")
                assert letter.count(b"\r") == letter.count(b"\n") == letter.count(b"\r\n")
                assert is_person == (b"with ESMTPSA" in letter)
            (answer,) = await send(
                one, "alice@local.test", octets=BOBS, sender="bob@local.test", defect="nul"
            )
            assert said(answer) == "550 5.6.0"

    asyncio.run(run())


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"\r\nbody\r\n", b"no header\r\n", b"A: b\r\n"])
def test_strange_letters_are_letters_all_the_same(
    database: Opener, data: Path, octets: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            (answer,) = await send(here.open(), "bob@local.test", octets=octets)
            assert said(answer) == "250 2.0.0"
            (letter,) = await here.inbox(here.bob)
            assert letter.endswith(b"+0000\r\n" + octets)

    asyncio.run(run())


def test_remote_recipients_are_queued_with_what_they_ask_for(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            await one.mail(
                mail("bob@local.test", ret="HDRS", envid="QQ+2B", body="8BITMIME", smtputf8=True)
            )
            await one.rcpt(rcpt("jörg@bücher.test", notify="SUCCESS", orcpt="rfc822;a"))
            await one.rcpt(rcpt("JÖRG@BÜCHER.test"))
            await one.rcpt(rcpt("c@x.test"))
            await one.rcpt(rcpt("c@X.test."))
            await one.content(BOBS)
            (answer,) = await one.end(None)
            assert said(answer) == "250 2.0.0"
            rows = await here.db.read(
                lambda tx: tx.all("SELECT recipient, destination, notify, orcpt FROM delivery")
            )
            assert [(bytes(row[0]).decode(), *row[1:3]) for row in rows] == [
                ("jörg@xn--bcher-kva.test", "xn--bcher-kva.test", "SUCCESS"),
                ("JÖRG@xn--bcher-kva.test", "xn--bcher-kva.test", None),
                ("c@x.test", "x.test", None),
            ]
            assert bytes(rows[0][3]) == b"rfc822;a"
            row = await here.db.read(
                lambda tx: tx.one(
                    "SELECT account_id, sender, ret, envid, smtputf8, eightbit FROM queued"
                )
            )
            assert row is not None
            assert (row[0], bytes(row[1]), row[2], bytes(row[3]), *row[4:]) == (
                here.bob.id, b"bob@local.test", "HDRS", b"QQ+2B", 1, 1,
            )  # fmt: skip

    asyncio.run(run())


@pytest.mark.parametrize("octets", [LETTER + b"\xff", LARGE + b"\xff"])
def test_undeclared_8_bit_content_is_noticed(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for content, expected in ((octets, 1), (octets[:-1], 0)):
                await send(here.open(relay=True), "v@other.test", octets=content)
                row = await here.db.read(
                    lambda tx: tx.one("SELECT eightbit FROM queued ORDER BY id DESC")
                )
                assert row == (expected,)

    asyncio.run(run())


# -- LMTP


def test_lmtp_answers_each_recipient(database: Opener, data: Path) -> None:
    """RFC 2033 §4.2: one that is full by then, one in a loop; the others get theirs."""

    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account("carol@local.test", quota=10)
            lmtp = here.open("lmtp")
            await lmtp.greet("mta.local.test", esmtp=True)
            await lmtp.mail(mail())
            for name in ("carol", "bob", "alice", "bob"):
                assert said(await lmtp.rcpt(rcpt(f"{name}@local.test"))) == "250 2.1.5"
            await send(here.open(), "carol@local.test")
            await lmtp.data()
            await lmtp.content(b"Delivered-To: alice@local.test\r\n" + LETTER)
            answers = await lmtp.end(None)
            assert [said(answer) for answer in answers] == [
                "452 4.2.2", "250 2.0.0", "554 5.4.6", "250 2.0.0",
            ]  # fmt: skip
            assert len(await here.inbox(here.bob)) == 1
            assert await here.inbox(here.alice) == []
            assert len(await here.inbox(carol)) == 1
            (letter,) = await here.inbox(here.bob)
            assert b"with LMTP" in letter

    asyncio.run(run())


def test_lmtp_answers_each_with_the_same(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            lmtp = here.open("lmtp")
            people = ("bob@local.test", "alice@local.test")
            answers = await send(lmtp, *people)
            assert [said(answer) for answer in answers] == ["250 2.0.0"] * 2
            answers = await send(lmtp, *people, defect="nul")
            assert [said(answer) for answer in answers] == ["550 5.6.0"] * 2
            loop = b"Delivered-To: bob@local.test\r\nDelivered-To: alice@local.test\r\n"
            answers = await send(lmtp, *people, octets=loop + LETTER)
            assert [said(answer) for answer in answers] == ["554 5.4.6"] * 2

    asyncio.run(run())


def test_a_quota_that_fills_up_meanwhile_refuses_the_letter(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account("carol@local.test", quota=10)
            one = here.open()
            await one.mail(mail())
            for name in ("carol", "bob"):
                await one.rcpt(rcpt(f"{name}@local.test"))
            await send(here.open(), "carol@local.test")
            before = await here.counts()
            await one.content(LARGE)
            (answer,) = await one.end(None)
            assert said(answer) == "452 4.2.2"
            assert await here.counts() == before
            assert here.files() == []
            assert await here.inbox(here.bob) == []
            assert len(await here.inbox(carol)) == 1

    asyncio.run(run())


# -- VERB


def test_replies_tell_their_reasons_in_verbose_mode(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", "alice@local.test", "v@other.test")
            one = here.open(trusted=True)
            assert await one.verb() == replies.VERBOSE_ON
            await one.mail(mail())
            answer = await one.rcpt(rcpt("all@local.test"))
            assert answer.reasons == (
                "alias all@local.test", "local accounts: 1", "addresses elsewhere: 1",
            )  # fmt: skip
            answer = await one.rcpt(rcpt("nobody@local.test"))
            assert answer.reasons == ("no account, alias or catch-all has the address",)
            await one.content(LETTER)
            (answer,) = await one.end(None)
            assert answer.reasons[0] == "filed in mailboxes: 1"
            stranger = here.open()
            assert await stranger.verb() == replies.NOT_ALLOWED_HERE
            await stranger.mail(mail())
            assert (await stranger.rcpt(rcpt("all@local.test"))).reasons == ()

    asyncio.run(run())

"""Who writes in whose name, what is added, and what waits for later."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.config.model import Limits
from postroom.db.ids import from_text, to_text
from postroom.directory.login import Identity
from postroom.errors import Temporary
from postroom.intake import submission
from postroom.intake.services import Quote
from postroom.ledger import trace
from postroom.message.headers import fields, values
from postroom.message.index import brief, index
from postroom.message.scan import scan
from postroom.protocol.smtp.commands import Mail
from postroom.protocol.smtp.replies import Reply
from postroom.telemetry.session_events import MessageRefused, SenderRefused
from tests.conftest import Opener
from tests.fakes import START, Recorder
from tests.intake.desk import (
    BOBS,
    LARGE,
    LETTER,
    Blocks,
    Desk,
    desk,
    mail,
    nothing_left,
    rcpt,
    said,
    send,
)


def letter_from(author: str) -> bytes:
    return f"From: {author}\r\nSubject: x\r\n\r\nHi.\r\n".encode()


async def answer_to(here: Desk, octets: bytes, sender: str = "bob@local.test") -> str:
    one = await here.logged_in(here.bob)
    (answer,) = await send(one, "alice@local.test", octets=octets, sender=sender)
    await one.close()
    return f"{said(answer)} {answer.lines[0]}"


# -- what URLs name


def test_what_a_url_names_or_why_not(database: Opener, data: Path) -> None:
    asked: list[tuple[int, str]] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield LETTER

    async def quotes(person: Identity, url: str) -> Quote | None:
        asked.append((person.account_id, url))
        if url == "late":
            raise Temporary
        size = {"fits": 1_000, "large": 1_001}.get(url)
        return None if size is None else (size, pieces())

    async def run() -> None:
        async with desk(database, data, Limits(max_message=1_000)) as here:
            one = await here.logged_in(here.bob)
            found = await one.quote("fits")
            assert isinstance(found, Reply)  # nobody finds anything here
            assert said(found) == "502 5.5.1"
            here.change(quotes=quotes)
            stranger = here.open()
            found = await stranger.quote("fits")
            assert isinstance(found, Reply)
            assert said(found) == "502 5.5.1"
            assert asked == []
            one = await here.logged_in(here.bob)
            for url, code in (
                ("large", "552 5.3.4"),
                ("other", "554 5.6.6"),
                ("late", "451 4.3.0"),
            ):
                found = await one.quote(url)
                assert isinstance(found, Reply)
                assert said(found) == code
            found = await one.quote("fits")
            assert not isinstance(found, Reply)
            assert [piece async for piece in found[1]] == [LETTER]
            assert {person for person, _ in asked} == {here.bob.id}

    asyncio.run(run())


# -- senders


def test_a_grant_opens_mail_from_and_the_header(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            assert said(await one.mail(mail("alice@local.test"))) == "553 5.7.1"
            await here.town.grant("bob@local.test", "Alice@local.test")
            assert said(await one.mail(mail("ALICE+x@local.test"))) == "250 2.1.0"
            assert (await answer_to(here, letter_from("alice@local.test"))).startswith("250")
            assert said(await one.mail(mail("carol@local.test"))) == "553 5.7.1"
            await here.town.grant("bob@local.test", "@local.test")
            assert said(await one.mail(mail("carol@local.test"))) == "250 2.1.0"
            assert said(await one.mail(mail("carol@other.test"))) == "553 5.7.1"

    asyncio.run(run())
    refused = events.of(SenderRefused)
    assert [event.sender for event in refused] == [
        "alice@local.test", "carol@local.test", "carol@other.test",
    ]  # fmt: skip
    assert {event.reason for event in refused} == {submission.NOT_GRANTED}


def test_who_forwards_goes_on_writing_as_before(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.forward("bob@local.test", "alice@local.test", keep=False)
            assert (await answer_to(here, BOBS)).startswith("250")
            her = await here.logged_in(here.alice)
            assert said(await her.mail(mail("bob@local.test"))) == "553 5.7.1"

    asyncio.run(run())


# -- authors


def test_a_person_writes_in_no_other_s_name(database: Opener, data: Path, events: Recorder) -> None:
    """R9 in the header."""

    async def run() -> None:
        async with desk(database, data) as here:
            for author, named in (
                ("alice@local.test", "alice@local.test"),
                ("Bob <bob@local.test>, Ann <Ann@client.example>", "Ann@client.example"),
                ('"bob@local.test" <ceo@bank.example>', "ceo@bank.example"),
                ("team: bob@local.test, alice@local.test;", "alice@local.test"),
                ("postmaster@local.test", "postmaster@local.test"),
            ):
                answer = await answer_to(here, letter_from(author))
                assert answer.startswith(f"550 5.7.1 The address {named} in the From field")
            answer = await answer_to(here, b"Sender: alice@local.test\r\n" + BOBS)
            assert answer.startswith("550 5.7.1 The address alice@local.test in the Sender field")
            await nothing_left(here)
            assert (await answer_to(here, b"Sender: bob+x@local.test\r\n" + BOBS)).startswith("250")
            for author in (
                "bob@local.test",
                "BOB+shop@Local.Test",
                '"Bob, the builder" <bob@local.test>',
                "bob@local.test, bob+x@local.test",
            ):
                assert (await answer_to(here, letter_from(author))).startswith("250")

    asyncio.run(run())
    assert [event.status for event in events.of(MessageRefused)] == ["5.7.1"] * 6
    assert "does not belong to you" in events.of(MessageRefused)[0].reason


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"Subject: x\r\n\r\nHi.\r\n", "no From field"),
        (b"\r\nHi.\r\n", "no From field"),
        (b"", "no From field"),
        (b"From: bob@local.test\r\nFrom: alice@local.test\r\n\r\n", "2 From fields"),
        (b"From: bob@local.test\r\nFROM : bob@local.test\r\n\r\n", "2 From fields"),
        (b"From: Bob\r\n\r\n", "no full address"),
        (b'From: "Bob <bob@local.test>\r\n\r\n', "left open"),
        (b"From: undisclosed:;\r\n\r\n", "no address"),
        (b"From: \r\n\r\n", "no address"),
        (b"From: bob@local.test\r\nSender: a@x.test, b@x.test\r\n\r\n", "Sender"),
    ],
)
@pytest.mark.parametrize("more", [b"", LARGE])
def test_a_broken_from_is_told_in_plain_words(
    database: Opener, data: Path, octets: bytes, words: str, more: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            octets_ = octets + (more if b"\r\n\r\n" in octets or octets[:2] == b"\r\n" else b"")
            answer = await answer_to(here, octets_)
            assert answer.startswith("550 5.6.0 ")
            assert words in answer
            await nothing_left(here)
            assert (await answer_to(here, BOBS)).startswith("250")

    asyncio.run(run())


def test_strangers_and_listed_networks_write_what_they_like(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            for one in (here.open(), here.open(relay=True), here.open("lmtp")):
                for octets in (LETTER, b"Subject: x\r\nBcc: y\r\n\r\nHi.\r\n"):
                    (answer,) = await send(one, "bob@local.test", octets=octets)
                    assert said(answer) == "250 2.0.0"
                    assert (await here.inbox(here.bob))[-1].endswith(b"+0000\r\n" + octets)

    asyncio.run(run())


def test_a_read_receipt_has_no_sender_and_an_own_author(database: Opener, data: Path) -> None:
    """RFC 8098 §3: MAIL FROM:<>."""

    async def run() -> None:
        async with desk(database, data) as here:
            assert (await answer_to(here, BOBS, sender="")).startswith("250")
            assert (await answer_to(here, LETTER, sender="")).startswith("550 5.7.1")
            assert (await answer_to(here, b"\r\n", sender="")).startswith("550 5.6.0")
            (letter,) = await here.inbox(here.alice)
            assert letter.startswith(b"Return-Path: <>\r\n")

    asyncio.run(run())


def test_whose_login_ends_meanwhile_or_whose_directory_is_broken(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            await one.rcpt(rcpt("alice@local.test"))
            await here.town.disable("bob@local.test")
            await one.content(BOBS)
            assert said((await one.end(None))[0]) == "550 5.7.1"
            await nothing_left(here)

    asyncio.run(run())


# -- what is added and removed


@pytest.mark.parametrize("size", [0, 400_000])
def test_a_person_s_message_gets_what_it_lacks(database: Opener, data: Path, size: int) -> None:
    """RFC 6409 §8: Date, Message-ID, no Bcc; nothing else."""

    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            head = (
                b"From: bob@local.test\r\nBcc: carol@local.test,\r\n dave@local.test\r\nTo: a@b\r\n"
            )
            body = b"\r\nHi.\r\n" + b"x" * size
            (answer,) = await send(
                one, "alice@local.test", octets=head + body, sender="bob@local.test",
                cut=Blocks(50_000),
            )  # fmt: skip
            assert said(answer) == "250 2.0.0"
            queue_id = answer.lines[0].rpartition(" ")[2]
            (letter,) = await here.inbox(here.alice)
            assert letter.endswith(b"From: bob@local.test\r\nTo: a@b\r\n" + body)
            (message_id,) = values(letter, b"message-id")
            assert message_id == f"<{queue_id}@mx.local.test>".encode()
            assert values(letter, b"date") == [b"Mon, 21 Sep 2026 14:13:20 +0000"]
            assert b"carol" not in letter
            story = await here.db.read(lambda tx: trace.by_id(tx, from_text(queue_id)))
            assert story is not None
            assert story.entry.message_id == f"{queue_id}@mx.local.test"
            row = await here.db.read(lambda tx: tx.one("SELECT envelope FROM message"))
            assert row is not None
            envelope = bytes(row[0])
            assert message_id in envelope
            assert b"21 Sep 2026" in envelope
            assert b"carol" not in envelope

    asyncio.run(run())


def test_what_is_complete_stays_octet_by_octet(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            assert (await answer_to(here, BOBS)).startswith("250")
            (letter,) = await here.inbox(here.alice)
            assert letter.endswith(b"+0000\r\n" + BOBS)

    asyncio.run(run())


HEADS = st.lists(
    st.sampled_from(
        [
            b"From: bob@local.test\r\n", b"Bcc: x@y\r\n", b"BCC:\r\n z@y\r\n", b"Resent-Bcc: q\r\n",
            b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n", b"Message-ID: <1@x>\r\n",
            b"Subject: a\r\n b\r\n", b"garbage\r\n", b" continued\r\n",
        ]
    ),
    max_size=8,
)  # fmt: skip


@given(lines=HEADS)
def test_a_fixed_message_is_indexed_as_one_that_came_so(lines: list[bytes]) -> None:
    head = b"".join(lines) + b"\r\n"
    fixed = submission.fixed(head, ident=77, now=START, hostname="mx.test")
    names = [field.name for field in fields(fixed)]
    assert b"bcc" not in names
    assert {b"date", b"message-id"} <= set(names)
    again = index(fixed, scan(fixed + b"Hi.\r\n"))
    assert (brief(fixed).message_id, brief(fixed).subject) == (again.message_id, again.subject)
    if b"Message-ID: <1@x>\r\n" not in lines:
        assert f"{to_text(77)}@mx.test" == again.message_id


# -- later


def test_send_later_holds_for_everybody(database: Opener, data: Path) -> None:
    """RFC 4865: people here do not get it early."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", "alice@local.test", "v@other.test")
            for event, due in (
                (mail("bob@local.test", hold_for=3600), START + 3_600_000),
                (mail("bob@local.test", hold_until=START + 5000), START + 5000),
            ):
                one = await here.logged_in(here.bob)
                await one.verb()
                assert said(await one.mail(event)) == "250 2.1.0"
                for recipient in ("Alice@local.test", "all@local.test", "x@other.test"):
                    assert said(await one.rcpt(rcpt(recipient))) == "250 2.1.5"
                await one.content(BOBS)
                (answer,) = await one.end(None)
                assert said(answer) == "250 2.0.0"
                assert answer.reasons[1].startswith("held until Mon, 21 Sep 2026")
                queued = await here.queued()
                assert (queued["due"], queued["accepted"], queued["prefix"]) == (due, START, b"")
            assert (await here.queue())[:3] == [
                ("alice@local.test", "local.test"),
                ("all@local.test", "local.test"),
                ("x@other.test", "other.test"),
            ]
            assert (await here.inbox(here.alice), await here.inbox(here.bob)) == ([], [])
            ready = await here.db.read(
                lambda tx: tx.all("SELECT ready_at FROM destination ORDER BY name")
            )
            assert ready == [(START + 5000,), (START + 5000,)]

    asyncio.run(run())


@pytest.mark.parametrize("asked", [{"hold_for": 0}, {"hold_until": START - 1}, {}])
def test_a_time_that_is_over_is_now(database: Opener, data: Path, asked: dict[str, int]) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            await one.mail(Mail(mail("bob@local.test").sender, **asked))  # type: ignore[arg-type]
            for recipient in ("alice@local.test", "x@other.test"):
                await one.rcpt(rcpt(recipient))
            await one.content(BOBS)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 1
            assert await here.queue() == [("x@other.test", "other.test")]
            assert (await here.queued())["due"] == START

    asyncio.run(run())


def test_requiretls_goes_on(database: Opener, data: Path) -> None:
    """RFC 8689."""

    async def run() -> None:
        async with desk(database, data) as here:
            for asked in (True, False):
                one = await here.logged_in(here.bob)
                await one.mail(mail("bob@local.test", requiretls=asked))
                await one.rcpt(rcpt("x@other.test"))
                await one.content(BOBS)
                assert said((await one.end(None))[0]) == "250 2.0.0"
                assert (await here.queued())["requiretls"] == int(asked)

    asyncio.run(run())

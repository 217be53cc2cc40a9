"""Notices of delivery for those who asked."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import StorageFailed
from postroom.message.headers import value
from postroom.post.notice import HOUR_MS
from postroom.telemetry.events import NoticeSuppressed
from postroom.telemetry.session_events import MessageAccepted, SessionFailed
from tests.conftest import Opener
from tests.fakes import START, Recorder
from tests.intake.desk import BOBS, LETTER, Desk, desk, mail, rcpt, said


async def notified(
    here: Desk, *recipients: tuple[str, str | None], sender: str = "bob@local.test", **more: object
) -> str:
    """A letter of bob's whose recipients ask for notices; the answer to its end."""
    one = await here.logged_in(here.bob)
    assert said(await one.mail(mail(sender, **more))) == "250 2.1.0"
    for recipient, notify in recipients:
        assert said(await one.rcpt(rcpt(recipient, notify=notify))) == "250 2.1.5"
    await one.content(BOBS)
    (answer,) = await one.end(None)
    await one.close()
    return said(answer)


def test_a_sender_who_asked_is_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test", envid="QQ+2B7"))
            await one.rcpt(
                rcpt(
                    "Alice+x@local.test", notify="SUCCESS,FAILURE", orcpt="rfc822;al+2Bx@local.test"
                )
            )
            await one.rcpt(rcpt("v@other.test", notify="SUCCESS"))
            await one.rcpt(rcpt("bob@local.test", notify="FAILURE"))
            await one.content(BOBS)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 1
            letter, notice = await here.inbox(here.bob)
            assert letter.endswith(BOBS)
            assert value(notice, b"return-path") == b"<>"
            assert value(notice, b"subject") == b"Delivered: Hello"
            for line in (
                b"Reporting-MTA: dns; mx.local.test\r\n",
                b"Original-Envelope-Id: QQ+7\r\n",
                b"Final-Recipient: rfc822; alice+x@local.test\r\n",
                b"Original-Recipient: rfc822; al+x@local.test\r\n",
                b"Action: delivered\r\n",
                b"Status: 2.1.5\r\n",
                b"Message-ID: <1@client.example>\r\n",
            ):
                assert notice.count(line) == 1
            assert b"v@other.test" not in notice
            assert await here.queue() == [("v@other.test", "other.test")]

    asyncio.run(run())


def test_a_stranger_who_asked_is_told_elsewhere(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open(tls="TLSv1.3")
            await one.mail(mail("ann@client.example", requiretls=True))
            await one.rcpt(rcpt("bob@local.test", notify="SUCCESS"))
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert await here.queue() == [("ann@client.example", "client.example")]
            queued = await here.queued()
            assert (queued["sender"], queued["requiretls"]) == (b"", 1)

    asyncio.run(run())


@pytest.mark.parametrize("notify", [None, "NEVER", "FAILURE,DELAY"])
def test_nobody_else_is_told(database: Opener, data: Path, notify: str | None) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            assert await notified(here, ("alice@local.test", notify)) == "250 2.0.0"
            assert await notified(here, ("alice@local.test", "SUCCESS"), sender="") == "250 2.0.0"
            later = await notified(here, ("alice@local.test", "SUCCESS"), hold_for=60)
            assert later == "250 2.0.0"
            assert await here.inbox(here.bob) == []

    asyncio.run(run())


def test_lmtp_tells_of_those_that_were_filed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            lmtp = here.open("lmtp")
            await lmtp.mail(mail("ann@client.example"))
            for name in ("alice", "bob"):
                await lmtp.rcpt(rcpt(f"{name}@local.test", notify="SUCCESS"))
            await lmtp.content(b"Delivered-To: alice@local.test\r\n" + LETTER)
            answers = await lmtp.end(None)
            assert [said(answer) for answer in answers] == ["554 5.4.6", "250 2.0.0"]
            row = await here.db.read(lambda tx: tx.one("SELECT blob_id FROM queued"))
            assert row is not None
            octets = b"".join([one async for one in here.blobs.stream(here.db, row[0])])
            assert b"rfc822; bob@local.test" in octets
            assert b"rfc822; alice@local.test" not in octets

    asyncio.run(run())


def test_an_address_gets_so_many_an_hour(database: Opener, data: Path, events: Recorder) -> None:
    """Q2: MAIL FROM may be anybody's."""

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(budget=type(here.services.budget)(here.clock, 2))
            here.clock.now = START // HOUR_MS * HOUR_MS
            for number in range(4):
                if number == 3:
                    here.clock.advance(HOUR_MS)
                one = here.open()
                await one.mail(mail("victim@client.example"))
                await one.rcpt(rcpt("bob@local.test", notify="SUCCESS"))
                await one.content(LETTER)
                assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 4
            assert len(await here.queue()) == 3

    asyncio.run(run())
    (event,) = events.of(NoticeSuppressed)
    assert event.recipient == "victim@client.example"
    assert event.queue_id == events.of(MessageAccepted)[2].queue_id


def test_what_goes_wrong_with_a_notice_changes_nothing(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            post = here.services.post

            class Second:
                """Commits the letter; then the disk, or the program, breaks."""

                def __init__(self, error: Exception) -> None:
                    self.error = error
                    self.commits = 0

                async def commit(self, letter: object) -> object:
                    self.commits += 1
                    if self.commits > 1:
                        raise self.error
                    return await post.commit(letter)  # type: ignore[arg-type]

            for error in (StorageFailed(detail="the disk is gone"), RuntimeError("oh")):
                here.change(post=Second(error))
                assert await notified(here, ("alice@local.test", "SUCCESS")) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == 2
            assert await here.inbox(here.bob) == []

    asyncio.run(run())
    assert [event.reason for event in events.of(NoticeSuppressed)] == ["the disk is gone"]
    assert "oh" in events.of(SessionFailed)[0].traceback
    assert len(events.of(MessageAccepted)) == 2


def test_a_sender_who_is_nobody_is_not_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open()
            await one.mail(mail("nobody@local.test"))
            await one.rcpt(rcpt("bob@local.test", notify="SUCCESS"))
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert (await here.counts())["blob"] == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("notify", "left"), [("SUCCESS", "NEVER"), ("SUCCESS,FAILURE,DELAY", "FAILURE,DELAY")]
)
def test_an_alias_that_leads_elsewhere_too_is_expanded(
    database: Opener, data: Path, notify: str, left: str
) -> None:
    """RFC 3461 §5.2.7: it is not delivered yet, and each success is told once."""

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("both@local.test", "alice@local.test", "v@other.test")
            assert await notified(here, ("both@local.test", notify)) == "250 2.0.0"
            (notice,) = await here.inbox(here.bob)
            assert value(notice, b"subject") == b"Passed on: Hello"
            assert notice.count(b"Action: expanded\r\n") == 1
            assert notice.count(b"Final-Recipient: rfc822; both@local.test\r\n") == 1
            rows = await here.town.db.read(lambda tx: tx.all("SELECT notify FROM delivery"))
            assert rows == [(left,)]

    asyncio.run(run())

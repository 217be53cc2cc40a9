"""Every refusal is told once, with its reason for who may know."""

import asyncio
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.blobs.store import BlobStore
from postroom.db.ids import Ids
from postroom.errors import MailboxFull
from postroom.intake.arrival import Arrival
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope
from postroom.intake.refusals import TOLD, Refusals
from postroom.intake.relay import Accepted
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Mail
from postroom.protocol.smtp.replies import reply
from postroom.telemetry.session_events import (
    MessageRefused,
    RecipientRefused,
    SenderRefused,
    SessionFailed,
)
from tests.conftest import Opener
from tests.fakes import Clock, Recorder
from tests.intake.desk import BOBS, LETTER, desk, mail, rcpt, said

PEER = Peer("s1", "192.0.2.1", 4000, "smtp")
NO = reply(550, "5.7.1", "No")
ANN = Address.parse("ann@client.example")


@pytest.mark.parametrize("is_verbose", [False, True])
def test_reasons_are_for_verbose_sessions_and_the_log(is_verbose: bool, events: Recorder) -> None:
    refusals = Refusals(PEER)
    refusals.is_verbose = is_verbose
    answers = [
        refusals.sender(ANN, NO, "because"),
        refusals.recipient("x@y", ANN, NO, "because"),
    ]
    assert [answer.reasons for answer in answers] == [("because",) if is_verbose else ()] * 2
    assert all((answer.code, answer.lines) == (550, ("No",)) for answer in answers)
    (sender,) = events.of(SenderRefused)
    assert (sender.session, sender.peer, sender.door) == ("s1", "192.0.2.1", "smtp")
    assert (sender.status, sender.sender, sender.reason) == (
        "5.7.1", "ann@client.example", "because",
    )  # fmt: skip
    (recipient,) = events.of(RecipientRefused)
    assert (recipient.sender, recipient.recipient) == ("x@y", "ann@client.example")


def test_without_a_reason_the_reply_tells_it(events: Recorder) -> None:
    refusals = Refusals(PEER)
    assert refusals.sender(None, NO) == NO
    refusals.recipient("", None, NO, "because")
    assert [(event.sender, event.reason) for event in events.of(SenderRefused)] == [("", "No")]
    assert [event.recipient for event in events.of(RecipientRefused)] == ["postmaster"]


@pytest.mark.parametrize("is_verbose", [False, True])
def test_a_message_is_told_with_some_of_its_recipients(
    data: Path, is_verbose: bool, events: Recorder
) -> None:
    arrival = Arrival(BlobStore(data, "sqlite", Ids(Clock())), max_message=0, mends=False)
    arrival.head = LETTER
    envelope = Envelope(
        Mail(None), "x@y", None, [Accepted(f"a{n}@b", (), ()) for n in range(TOLD + 5)]
    )
    refusals = Refusals(PEER)
    refusals.is_verbose = is_verbose
    assert refusals.message(envelope, arrival, NO).reasons == ()
    told = refusals.message(envelope, arrival, NO, "the disk is gone")
    assert told.reasons == (("the disk is gone",) if is_verbose else ())
    first, second = events.of(MessageRefused)
    assert (first.reason, second.reason) == ("No", "the disk is gone")
    assert (len(first.recipients), first.message_id) == (TOLD, "1@client.example")


def test_a_fault_is_told_and_a_refusal_is_not(events: Recorder) -> None:
    refusals = Refusals(PEER)
    assert said(refusals.failed(MailboxFull())) == "452 4.2.2"
    assert events == []
    assert refusals.failed(RuntimeError("oh")) is replies.LOCAL_ERROR
    assert "RuntimeError: oh" in events.of(SessionFailed)[0].traceback


def test_verb_tells_why_a_sender_or_an_author_was_refused(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = await here.logged_in(here.bob)
            await one.verb()
            answer = await one.mail(mail("alice@local.test"))
            assert "neither owns the address" in answer.reasons[0]
            await one.mail(mail("bob@local.test"))
            assert (await one.rcpt(rcpt("nobody@local.test"))).reasons
            await one.rcpt(rcpt("alice@local.test"))
            await one.content(LETTER)
            (answer,) = await one.end(None)
            assert "ann@client.example" in answer.lines[0]
            await one.mail(mail("bob@local.test"))
            await one.rcpt(rcpt("alice@local.test"))
            await one.content(BOBS)
            (answer,) = await one.end(None)
            assert answer.reasons[0] == "filed in mailboxes: 1"

    asyncio.run(run())

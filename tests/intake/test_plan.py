"""From recipients and octets to a letter."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.address import Address
from postroom.blobs.prepared import Prepared
from postroom.db.ids import Ids
from postroom.directory import masks
from postroom.directory.expand import Local
from postroom.intake import plan
from postroom.intake.peer import Peer
from postroom.intake.plan import Content, Envelope, Onward
from postroom.intake.relay import Accepted
from postroom.intake.stamp import Session
from postroom.message.index import Indexed
from postroom.protocol.smtp.commands import Mail
from postroom.queue.rows import NORMAL, OURS, STRANGER
from postroom.quota import Quota
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.intake.desk import desk, mail, rcpt, said, send

SESSION = Session(Peer("s", "192.0.2.1", 1, "smtp", tls="TLSv1.3"), "mx.local.test", "client\x07")
CONTENT = Content(
    Prepared(9, b"", 100, b"", 50, 0, b"", b"", None),
    Indexed(b"(E)", b"(B)", "<id\0@x>", (), "Hi\0"),
    is_ascii=True,
)


def local(account_id: int, address: str, quota: int = 0) -> Local:
    return Local(account_id, address, None, Quota(quota))


def envelope(*accepted: Accepted, sender: str = "a@client.example") -> Envelope:
    return Envelope(Mail(Address.parse(sender) if sender else None), sender, None, accepted)


def test_every_account_and_every_address_gets_one() -> None:
    many = envelope(
        Accepted("all@l.test", (local(1, "all@l.test", 5), local(2, "all@l.test")), ("x@y.test",)),
        Accepted("one@l.test", (local(1, "one@l.test", 5),), ("x@y.test", "z@y.test")),
    )
    onward = Onward("srs@l.test", b"Delivered-To: all@l.test\r\n", STRANGER, NORMAL)
    letter = plan.letter(SESSION, many, CONTENT, Ids(Clock()), 77, START, onward)
    assert [(c.account_id, c.recipient, c.quota, c.mailbox) for c in letter.copies] == [
        (1, "all@l.test", Quota(5), "INBOX"),
        (2, "all@l.test", Quota(0), "INBOX"),
    ]
    assert len({copy.message_id for copy in letter.copies}) == 2
    assert {copy.blob_id for copy in letter.copies} == {9}
    assert letter.copies[0].size == 150 + len(letter.copies[0].prefix)
    assert [(o.recipient, o.destination) for o in letter.outgoing] == [
        (b"x@y.test", "y.test"),
        (b"z@y.test", "y.test"),
    ]
    assert letter.queued is not None
    assert (letter.queued.id, letter.queued.size) == (77, 150)
    assert (letter.queued.sender, letter.queued.prefix) == (
        b"srs@l.test", b"Delivered-To: all@l.test\r\n",
    )  # fmt: skip
    assert (letter.queued.origin, letter.queued.priority) == (STRANGER, NORMAL)
    assert letter.queued.first_attempt == START
    assert letter.copies[0].prefix.startswith(b"Return-Path: <a@client.example>\r\n")
    assert letter.references == 3
    assert plan.reasons(letter)[1] == "queued for addresses elsewhere: 2"


def test_the_ledger_gets_harmless_text() -> None:
    letter = plan.letter(
        SESSION, envelope(Accepted("b@l.test", (local(1, "b@l.test"),), ())), CONTENT,
        Ids(Clock()), 77, START,
    )  # fmt: skip
    entry = letter.entry
    assert entry is not None
    assert (entry.id, entry.helo, entry.message_id, entry.subject, entry.tls) == (
        77, "client�", "id�@x", "Hi�", "TLSv1.3",
    )  # fmt: skip
    assert letter.queued is None


def test_for_names_the_only_recipient() -> None:
    one = envelope(Accepted("b@l.test", (local(1, "b@l.test"),), ()))
    two = envelope(*one.accepted, Accepted("c@l.test", (local(2, "c@l.test"),), ()))
    head = b"Subject: y\r\n\r\n"
    stamped = plan.stamped(SESSION, one, head, 77, START)
    assert b" for <b@l.test>" in stamped.replace(b"\r\n\t", b" ")
    assert stamped.endswith(b"+0000\r\nSubject: y\r\n\r\n")
    assert b" for " not in plan.stamped(SESSION, two, head, 77, START)


def test_what_is_held_waits_in_the_queue_for_everybody() -> None:
    """RFC 4865: nobody gets it before its time, whoever is at home here neither."""
    two = (local(1, "all@l.test"), local(2, "all@l.test"))
    both = Accepted("all@l.test", two, ("x@y.test",), leads_on=True)
    out = Accepted("out@l.test", (), ("q@y.test",), leads_on=True)
    onward = Onward("a@l.test", b"", OURS, NORMAL)
    now = envelope(both, out, Accepted("z@y.test", (), ("z@y.test",)))
    for command, due in (
        (Mail(None, hold_for=60), START + 60_000),
        (Mail(None, hold_until=START + 5), START + 5),
    ):
        held = msgspec.structs.replace(now, mail=command)
        letter = plan.letter(SESSION, held, CONTENT, Ids(Clock()), 77, START, onward)
        assert letter.copies == ()
        assert [(o.number, o.recipient, o.destination) for o in letter.outgoing] == [
            (0, b"all@l.test", "l.test"),
            (1, b"out@l.test", "l.test"),
            (2, b"z@y.test", "y.test"),
        ]
        assert letter.queued is not None
        assert (letter.queued.due, letter.queued.accepted) == (due, START)
        assert plan.reasons(letter)[0] == "queued for addresses: 3"
        assert plan.reasons(letter)[1].startswith("held until Mon, 21 Sep 2026 14:1")
    for command in (Mail(None, hold_for=0), Mail(None, hold_until=START - 1)):
        at_once = msgspec.structs.replace(now, mail=command)
        letter = plan.letter(SESSION, at_once, CONTENT, Ids(Clock()), 77, START, onward)
        assert (len(letter.copies), len(letter.outgoing)) == (2, 3)


def test_nothing_is_queued_without_knowing_how() -> None:
    here = envelope(Accepted("b@l.test", (local(1, "b@l.test"),), ()))
    elsewhere = envelope(Accepted("x@y.test", (), ("x@y.test",)))
    onward = Onward("a@l.test", b"", OURS, NORMAL)
    for wrong, how in ((here, onward), (elsewhere, None)):
        with pytest.raises(ValueError, match="elsewhere"):
            plan.letter(SESSION, wrong, CONTENT, Ids(Clock()), 77, START, how)


def test_a_message_for_a_masked_address_is_counted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            address = Address.parse("batoku1@local.test")
            mask = await here.town.directory.change(
                lambda tx: masks.add(tx, here.ids.next(), here.bob.id, address, "", here.clock())
            )
            await send(here.open(), "batoku1@local.test", "alice@local.test")
            await send(here.open(), "bob@local.test")
            (first, _) = await here.inbox(here.bob)
            assert first.split(b"\r\n")[1] == b"Delivered-To: batoku1@local.test"
            found = await here.db.read(lambda tx: masks.require(tx, address))
            assert (found.uses, found.last_used) == (1, here.clock())
            await here.town.directory.change(lambda tx: masks.change(tx, mask, is_off=True))
            one = here.open()
            await one.mail(mail())
            assert said(await one.rcpt(rcpt("batoku1@local.test"))) == "550 5.2.1"

    asyncio.run(run())

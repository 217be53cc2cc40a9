"""Test messages, in at a door that behaves as it is told and out along the ledger."""

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from postroom.admin import accounts, domains, letter_test
from postroom.admin.office import Office
from postroom.config.model import Config, Listen
from postroom.errors import NotFound, Refused
from postroom.ledger import rows, trace
from postroom.ledger.rows import Fact, Kind
from rig.ports import free_port
from rig.smtp import Act, SmtpServer
from tests.admin.bureau import Story, hinting
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
ME, THEM = "me@demo.test", "you@other.test"


async def furnished(office: Office, port: int = 0) -> Office:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ME, password="a-Good-one-1", admin=True)
    doors = (Listen(protocol="imap", port=1143), Listen(protocol="smtp", port=port))
    return dataclasses.replace(office, config=msgspec.structs.replace(office.config, listen=doors))


def told(office: Office, kind: Kind, detail: str) -> letter_test.Sleep:
    """A pause in which something happens to the message."""

    async def sleep(_seconds: float) -> None:
        found = await office.db.read(
            lambda tx: trace.search(tx, trace.Sought(address=THEM), below=trace.NEWEST, limit=1)
        )
        ((story,), _) = found
        fact = Fact(story.entry.id, office.ids.next(), office.now(), kind, THEM, detail=detail)
        await office.db.write(lambda tx: rows.note(tx, [fact]))

    return sleep


def test_the_first_admin_is_whose_mail_is_tested(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        with pytest.raises(NotFound, match="postroom setup"):
            await letter_test.recipient(office)
        await furnished(office)
        await accounts.add(office, "later@demo.test", password="a-Good-one-1", admin=True)
        assert await letter_test.recipient(office) == ME
        assert await letter_test.recipient(office, "LATER@demo.test") == "later@demo.test"

    tell(story)


def test_what_comes_in_is_brought_as_a_stranger_brings_it(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        async with SmtpServer() as door:
            office = await furnished(opened, door.port)
            done = await letter_test.come_in(office, ME)
            (one,) = door.taken
            assert (one.sender, one.recipients) == ("", [ME])
            assert b"From: postroom-test@test.invalid\r\n" in one.octets
        # That door is another server: the message is not in a mailbox of ours, and that is told.
        assert (done.way, done.state) == ("in", "failed")
        assert "in no mailbox of me@demo.test" in done.words

    tell(story)


def test_a_door_that_refuses_is_silent_or_gone_is_told_with_what_to_do(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        async with SmtpServer() as door:
            office = await furnished(opened, door.port)
            door.fault("RCPT", "550 5.7.1 Not you", times=1)
            refused = await letter_test.come_in(office, ME)
            door.fault("BDAT", Act.DROP, times=1)
            dropped = await letter_test.come_in(office, ME)
            door.fault("GREETING", "554 5.3.2 Closed", times=1)
            closed = await letter_test.come_in(office, ME)
            door.fault("EHLO", Act.SILENT, times=1)
            silent = await letter_test.come_in(office, ME, seconds=0.2)
        gone = await letter_test.come_in(office, ME)
        done = [refused, dropped, closed, silent, gone]
        assert {one.state for one in done} == {"failed"}
        assert all(one.action for one in done)
        assert "refused it: 550 5.7.1 Not you" in refused.words
        assert "451 4.4.2" in dropped.words
        assert "554 5.3.2 Closed" in closed.words
        assert "no answer in 0.2 seconds" in silent.words
        assert "nobody answers on 127.0.0.1" in gone.words
        assert "postroom serve" in gone.action

    tell(story)


def test_without_an_smtp_door_nothing_can_come(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        office = await furnished(opened)
        with pytest.raises(Refused, match="no door takes mail"):
            await letter_test.come_in(office, ME)

    tell(story)


@pytest.mark.parametrize(
    ("kind", "detail", "state", "words", "action"),
    [
        ("delivered", "mx.other.test: 250 2.0.0 Ok", "delivered", "took it: 250", "among spam"),
        ("bounced", "mx.other.test: 550 5.1.1 No", "failed", "for good by mx", "dns demo.test"),
        ("deferred", "mx.other.test: 451 4.7.1 Later", "waiting", "451 4.7.1 Later", "again"),
        ("deferred", "no route to it", "waiting", "no route to it", "relay presets"),
    ],
)
def test_what_goes_out_is_followed(
    tell: Tell, kind: Kind, detail: str, state: str, words: str, action: str
) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        async with hinting(await furnished(opened)) as office:
            done = await letter_test.go_out(office, ME, THEM, sleep=told(office, kind, detail))
        assert (done.way, done.state) == ("out", state)
        assert words in done.words
        assert action in done.action
        assert done.is_good == (state == "delivered")
        assert done.id

    tell(story)


def test_what_nobody_has_tried_yet_is_said_to_wait_when_the_time_is_over(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        office = await furnished(opened)
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        done = await letter_test.go_out(office, ME, THEM, seconds=2, sleep=sleep)
        assert done.state == "waiting"
        assert "not tried yet" in done.words
        assert sum(pauses) == 2

    tell(story)


def test_an_address_of_ours_is_not_outside(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        office = await furnished(opened, free_port())
        with pytest.raises(Refused, match="name one elsewhere"):
            await letter_test.go_out(office, ME, "x@demo.test")

    tell(story)


def test_the_door_is_the_first_for_smtp() -> None:
    doors = (Listen(protocol="imap", port=143), Listen(protocol="smtp", address="::", port=26))
    assert letter_test.own_door(Config(hostname="mx.demo.test", listen=doors)) == ("::1", 26)
    assert letter_test.own_door(Config(hostname="mx.demo.test")) == ("127.0.0.1", 25)

from pathlib import Path

import pytest

from postroom.address import Address
from postroom.admin import trace
from postroom.admin.office import Office
from postroom.db.ids import to_text
from postroom.intake.peer import Peer
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.queue import submissions
from postroom.queue.submissions import Submission, Wish
from postroom.web.submitting import Commands, Envelope, NotTaken, cut, hand_in, submit
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.receiving import intake_of

PEER = Peer(session="s", address="127.0.0.1", port=0, door="web")
LETTER = b"From: bob@demo.test\r\n\r\n" + b"x" * 100_000 + b"\r\n"


def test_it_is_taken_whole_or_not_at_all(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await office.directory.known(PERSON)
        assert bob is not None
        sender, root = Address.parse(PERSON), Address.parse(ADMIN)
        ident = await submit(
            intake_of(office), PEER, bob, Envelope(sender, [root], len(LETTER)), cut(LETTER)
        )
        assert await trace.newest(office, ident) is not None
        for envelope, words in (
            (Envelope(root, [root]), "root@demo.test: 553"),
            (Envelope(sender, [root, Address.parse("no@demo.test")]), "no@demo.test: 550"),
        ):
            with pytest.raises(NotTaken, match=words) as error:
                await submit(intake_of(office), PEER, bob, envelope, cut(LETTER))
            assert error.value.reply.is_permanent

    tell(database, data, story, logged_in="")


WISH = Wish(1, "I1", 7, 8, "{}")


async def rows(office: Office) -> list[Submission]:
    return await office.db.read(lambda tx: submissions.every(tx, 1, 9))


async def hand(office: Office, mail: Mail, *recipients: str, octets: bytes = LETTER) -> str:
    bob = await office.directory.known(PERSON)
    assert bob is not None
    commands = Commands(mail, [Rcpt(Address.parse(one)) for one in recipients])
    return await hand_in(intake_of(office), PEER, bob, commands, cut(octets), WISH)


def test_what_can_be_asked_for_later_is_kept_with_the_letter(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, clock: Clock) -> None:
        until = clock() + 60_000
        ident = await hand(office, Mail(Address.parse(PERSON), hold_until=until), "a@far.test")
        here = await hand(office, Mail(Address.parse(PERSON)), ADMIN)
        assert [(to_text(one.id), one.send_at) for one in await rows(office)] == [
            (ident, until),
            (here, clock()),
        ]

    tell(database, data, story, logged_in="")


def test_what_is_refused_leaves_no_row_and_names_every_recipient(
    database: Opener, data: Path
) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        mail = Mail(Address.parse(PERSON))
        with pytest.raises(NotTaken) as error:
            await hand(office, mail, "x@demo.test", ADMIN, "y@demo.test")
        assert error.value.stage == "recipient"
        assert [str(one) for one in error.value.refused] == ["x@demo.test", "y@demo.test"]
        with pytest.raises(NotTaken) as error:
            await hand(office, Mail(Address.parse(ADMIN)), ADMIN)
        assert error.value.stage == "sender"
        with pytest.raises(NotTaken) as error:
            await hand(office, mail, ADMIN, octets=b"From: root@demo.test\r\n\r\n")
        assert error.value.stage == "message"
        assert await rows(office) == []
        assert await trace.newest(office, "x") is None

    tell(database, data, story, logged_in="")

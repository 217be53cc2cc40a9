import asyncio
from pathlib import Path

import pytest

from postroom.access.login import Login
from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.errors import Invalid, MailboxFull
from postroom.intake.peer import Peer
from postroom.net.dns import Resolver
from postroom.web.desk import Desk
from postroom.web.mail.outbox import Outbox
from postroom.web.mail.reader import Reader
from postroom.web.mail.writing import Writing
from postroom.web.render import Renderer
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.receiving import intake_of

PEER = Peer(session="s", address="127.0.0.1", port=0, door="web")
LETTER = Writing(to=ADMIN, subject="s", text="t")


async def outbox_of(office: Office) -> tuple[Outbox, Reader]:
    bob = await office.directory.known(PERSON)
    assert bob is not None
    reader = Reader(office, bob)
    login = Login(office.directory, office.clock, pause)
    desk = Desk(office, login, Resolver(["127.0.0.1:1"]), Renderer("x"), intake_of(office))
    return Outbox(desk, reader), reader


async def pause(_seconds: float) -> None:
    return


def test_one_form_sends_once(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        outbox, reader = await outbox_of(office)
        mark = outbox.fresh_id()
        sent = [outbox.send(LETTER, mark, [], PEER, filled) for filled in (7, 7, 8)]
        assert await asyncio.gather(*sent) == ["", "same", "other"]
        assert await outbox.repeated(mark, 7) == "same"
        with pytest.raises(Invalid, match="page was old"):
            await outbox.send(LETTER, "x" * 13, [], PEER)
        assert (await reader.page("Sent")).total == 1

    tell(database, data, story, logged_in="")


def test_a_full_mailbox_keeps_no_copy_and_sends_all_the_same(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await accounts.change(office, PERSON, quota=1)
        outbox, reader = await outbox_of(office)
        await outbox.send(LETTER, outbox.fresh_id(), [], PEER)
        assert (await reader.page("Sent")).total == 0
        with pytest.raises(MailboxFull):
            await outbox.keep(LETTER, outbox.fresh_id(), [])

    tell(database, data, story, logged_in="")


def test_who_may_be_written_from(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await accounts.add_address(office, PERSON, "robert@demo.test")
        outbox, _ = await outbox_of(office)
        assert await outbox.senders() == [PERSON, "robert@demo.test"]
        await outbox.send(Writing(sender="robert@demo.test", to=ADMIN), outbox.fresh_id(), [], PEER)

    tell(database, data, story, logged_in="")

from pathlib import Path

import pytest

from postroom.address import Address
from postroom.admin import trace
from postroom.admin.office import Office
from postroom.intake.peer import Peer
from postroom.web.submitting import Envelope, NotTaken, cut, submit
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

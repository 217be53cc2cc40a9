from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.errors import Invalid
from postroom.web.mail.acts import Moved, act, act_on_all
from tests.access.shop import audit, put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell
from tests.web.mail.letters import PLAIN, RICH
from tests.web.mail.test_reader import reader_of


def test_what_is_moved_can_be_moved_back(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, RICH, account_id=await number(office, PERSON))
        reader = await reader_of(office)
        moved = await act(reader, "INBOX", [2, 1, 9], "archive")
        assert moved == Moved("Archive", [1, 2])
        assert await act(reader, moved.box, moved.uids, "move", "INBOX") == Moved("INBOX", [3, 4])
        assert await act(reader, "INBOX", [3], "flag") is None
        assert (await reader.page("INBOX")).total == 2

    tell(database, data, story, logged_in="")


def test_all_of_a_mailbox_are_read_or_deleted(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        await put(office.store, *[PLAIN] * 60, account_id=bob)
        await put(office.store, PLAIN, RICH, account_id=bob, mailbox="Junk")
        reader = await reader_of(office)
        for box in ("INBOX", "Archive"):  # full and empty
            await act_on_all(reader, box, "read")
        unseen = {one.name: one.unseen for one in await reader.boxes()}
        assert (unseen["INBOX"], unseen["Junk"]) == (0, 2)
        for box, wanted in (("INBOX", "empty"), ("Junk", "fold")):
            with pytest.raises(Invalid):
                await act_on_all(reader, box, wanted)
        await act_on_all(reader, "Junk", "empty")
        assert (await reader.page("Junk")).total == 0
        assert (await reader.page("INBOX")).total == 60
        await audit(office.store)

    tell(database, data, story, logged_in="")

from pathlib import Path

from postroom.admin.office import Office
from postroom.web.mail import acquaintances
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell
from tests.web.mail.test_reader import reader_of


def test_who_was_written_to_most_comes_first(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        reader = await reader_of(office)
        assert await acquaintances.known(reader) == []
        for people in (
            b"To: carl@x.test\r\nCc: undisclosed-recipients:;",
            b"To: Ann <Ann@x.test>\r\nBcc: dora@x.test",
            b"To: ann@x.test",
        ):
            await put(office.store, people + b"\r\n\r\nx\r\n", account_id=bob, mailbox="Sent")
        assert await acquaintances.known(reader) == ["ann@x.test", "carl@x.test", "dora@x.test"]
        await reader.folders.delete("Sent")
        assert await acquaintances.known(await reader_of(office)) == []

    tell(database, data, story, logged_in="")

import asyncio
from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.errors import Invalid
from postroom.web.mail import layout
from postroom.web.mail.writing import Writing
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell
from tests.web.mail.letters import PLAIN, RICH
from tests.web.mail.test_reader import reader_of


def test_texts_are_the_same_but_for_ends_of_lines() -> None:
    assert layout.is_same("a \r\nb\r\n", "a\nb")
    assert not layout.is_same("a\n\nb", "a\nb")


def test_without_a_layout_the_text_is_all(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, PLAIN, account_id=bob)
        await put(office.store, RICH, account_id=bob)
        reader = await reader_of(office)
        plain, rich = await asyncio.gather(reader.message("INBOX", 1), reader.message("INBOX", 2))
        assert not layout.can_go_along(plain)
        assert layout.can_go_along(rich)
        assert (await layout.body(reader, Writing(text="t"), 9)).html == ""
        wanted = Writing(text="t", way="others", layout="kept", box="INBOX", uid=2)
        found = await layout.body(reader, wanted, 100)
        assert found.text == "t\n\nCheap things"
        assert "<div>t</div>" in found.html
        assert "javascript:" not in found.html
        assert [one.content_id for one in found.images] == ["logo@shop.test"]
        with pytest.raises(Invalid, match="images of the message are larger"):
            await layout.body(reader, wanted, 5)

    tell(database, data, story, logged_in="")

from pathlib import Path

import pytest

from postroom.admin import shares
from postroom.admin.office import Office
from postroom.errors import NotAllowed, NotFound
from postroom.web.mail import reader as reading
from postroom.web.mail.acts import act
from postroom.web.mail.reader import Reader
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.mail.letters import PLAIN, RICH


async def reader_of(office: Office, address: str = PERSON) -> Reader:
    identity = await office.directory.known(address)
    assert identity is not None
    return Reader(office, identity)


def test_shared_mailboxes_are_read_with_the_rights_that_were_given(
    database: Opener, data: Path
) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, ADMIN))
        await shares.add(office, f"{ADMIN}/INBOX", PERSON, "read")
        reader, name = await reader_of(office), f"Other Users/{ADMIN}/INBOX"
        assert name in [one.name for one in await reader.boxes()]
        assert (await reader.message(name, 1)).subject == "A plain word"
        assert (await reader.page(name)).items[0].is_seen  # of this member
        assert not (await (await reader_of(office, ADMIN)).page("INBOX")).items[0].is_seen
        for wanted in ("delete", "trash", "flag"):
            with pytest.raises(NotAllowed):
                await act(reader, name, [1], wanted)

    tell(database, data, story, logged_in="")


def test_a_long_text_is_cut(database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        monkeypatch.setattr(reading, "MAX_TEXT", 5)
        found = await (await reader_of(office)).message("INBOX", 1)
        assert (found.text, found.is_cut) == ("Hello", True)
        two = b"Content-Type: text/plain\r\n\r\nfour"
        many = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"".join(
            b"--x\r\n" + two + b"\r\n" for _ in range(3)
        )
        await put(office.store, many + b"--x--\r\n", account_id=await number(office, PERSON))
        found = await (await reader_of(office)).message("INBOX", 2)
        assert (found.text, found.is_cut) == ("four\nf\n", True)
        assert "<pre>f</pre>" in await (await reader_of(office)).html("INBOX", 2)

    tell(database, data, story, logged_in="")


def test_html_that_is_cut_is_said_to_be(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, b"Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n", account_id=bob)
        reader = await reader_of(office)
        found = await reader.message("INBOX", 1)
        assert (found.text, found.is_cut, found.is_html_cut) == ("Hello", False, False)
        monkeypatch.setattr(reading, "MAX_MARKUP", 5)
        found = await reader.message("INBOX", 1)
        assert (found.is_cut, found.is_html_cut) == (True, False)
        monkeypatch.setattr(reading, "MAX_TEXT", 5)
        assert (await reader.message("INBOX", 1)).is_html_cut

    tell(database, data, story, logged_in="")


def test_neighbours_and_what_is_gone(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, RICH, PLAIN, account_id=await number(office, PERSON))
        reader = await reader_of(office)
        await act(reader, "INBOX", [2], "delete")
        found = await reader.message("INBOX", 1)
        assert (found.newer, found.older) == (3, 0)
        with pytest.raises(NotFound, match="not there any more"):
            await reader.message("INBOX", 2)

    tell(database, data, story, logged_in="")


def test_a_deleted_trash_is_made_again(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        reader = await reader_of(office)
        await reader.folders.list()
        await reader.folders.delete("Trash")
        await act(reader, "INBOX", [1], "trash")
        assert (await reader.page("Trash")).total == 1

    tell(database, data, story, logged_in="")


def test_images_of_a_message_are_bounded(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, RICH, account_id=await number(office, PERSON))
        reader = await reader_of(office)
        assert "data:image/png" in await reader.html("INBOX", 1)
        monkeypatch.setattr(reading, "MAX_IMAGES", 3)
        assert "data:image/png" not in await reader.html("INBOX", 1)

    tell(database, data, story, logged_in="")

from pathlib import Path

import pytest

from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.errors import Invalid
from postroom.store import flags
from postroom.web.pages.mail import path_of, uid_of
from tests.access.shop import audit, put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell
from tests.web.mail.letters import PLAIN, RICH

HERE = "/mail"


def letter(number: int) -> bytes:
    return PLAIN.replace(b"A plain word", b"Number %d" % number)


def test_a_list_shows_who_wrote_what_the_latest_first(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "No messages." in browser.text
        bob = await number(office, PERSON)
        await put(office.store, PLAIN, account_id=bob, flags=flags.SEEN | flags.FLAGGED)
        await put(office.store, RICH, account_id=bob)
        await browser.get(HERE)
        assert browser.text.index("Grüße <b>") < browser.text.index("A plain word")
        assert "Shop" in browser.text
        assert "Cheap things" in browser.text  # the preview
        assert "with files" in browser.text
        assert browser.page.count('class="fresh"') == 1
        assert "★" in browser.text
        assert "INBOX 1 unread" in browser.text
        assert "2 of 2 shown." in browser.text
        assert "<b>things" not in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_long_list_is_paged_and_searched(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, *map(letter, range(1, 61)), account_id=bob)
        await browser.get(HERE)
        assert "50 of 60 shown." in browser.text
        assert "Number 11 " in browser.text
        assert "Number 10 " not in browser.text
        await browser.get(f"{HERE}?box=INBOX&before=11")
        assert "10 of 60 shown." in browser.text
        assert "Number 10 " in browser.text
        assert "Older" not in browser.text
        await browser.get(f"{HERE}?box=INBOX&q=subject:%22number+7%22")
        assert "1 of 1 shown." in browser.text
        await browser.get(f"{HERE}?q=is:flagged")
        assert "Nothing here matches" in browser.text
        assert (await browser.get(f"{HERE}?q={'word+' * 30}")).status == 400
        assert (await browser.get(f"{HERE}?before=x")).status == 400
        assert (await browser.get(f"{HERE}?box=Nowhere")).status == 404
        assert "There is nothing here there is no mailbox 'Nowhere'" in browser.text
        assert "what you have typed" not in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_ticked_messages_are_marked_moved_and_deleted(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, *map(letter, range(1, 5)), account_id=bob)
        await browser.get(HERE)

        async def act(act: str, *uids: int, box: str = "INBOX", target: str = "") -> int:
            ticked = {f"uid:{uid}": "on" for uid in uids}
            fields = {"box": box, "act": act, "target": target, **ticked}
            status = (await browser.post(HERE, fields)).status
            await browser.get(f"{HERE}?box={box}")
            return status

        assert await act("read", 1, 2) == 303
        assert browser.page.count('class="fresh"') == 2
        assert await act("unread", 1) == 303
        assert browser.page.count('class="fresh"') == 3
        assert await act("flag", 2) == 303
        assert browser.page.count("★") == 1
        assert await act("unflag", 2) == 303
        assert "★" not in browser.page
        assert await act("archive", 1) == 303
        assert await act("junk", 2) == 303
        assert await act("trash", 3) == 303
        assert "1 of 1 shown." in browser.text
        assert await act("move", 4, target="Trash") == 303
        assert "No messages." in browser.text
        assert await act("inbox", 1, box="Junk") == 303
        assert await act("delete", 1, 2, box="Trash") == 303
        assert "No messages." in browser.text
        await browser.get(f"{HERE}?box=Archive")
        assert "Number 1" in browser.text
        await audit(office.store)
        for act_, uids, target in (
            ("read", (), ""), ("read", (99,), ""), ("fold", (1,), ""), ("move", (1,), ""),
            ("move", (1,), "Archive"),
        ):  # fmt: skip
            assert await act(act_, *uids, box="Archive", target=target) == 400, act_
        assert await act("move", 1, box="Archive", target="Nowhere") == 404

    tell(database, data, story, logged_in=PERSON)


def test_a_move_is_undone(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, RICH, account_id=await number(office, PERSON))
        await browser.get(HERE)
        said = await browser.post(HERE, {"box": "INBOX", "act": "trash", "uid:1": "on"})
        assert said.headers["location"] == "/mail?box=INBOX&moved=Trash&uids=1"
        await browser.get(said.headers["location"])
        assert "1 moved to Trash. Undo" in browser.text
        undo = {"box": "Trash", "act": "move", "target": "INBOX", "back": "INBOX", "uid:1": "on"}
        assert (await browser.post(HERE, undo)).headers["location"] == "/mail?box=INBOX"
        await browser.get(HERE)
        assert "2 of 2 shown." in browser.text
        assert "moved to" not in browser.text
        assert (await browser.get(f"{HERE}?moved=Trash&uids=1,x")).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_a_whole_mailbox_is_read_or_emptied(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await put(office.store, PLAIN, RICH, account_id=bob)
        await browser.get(HERE)
        assert "Delete all" not in browser.text
        said = await browser.post(f"{HERE}/all", {"box": "INBOX", "act": "read"})
        assert said.headers["location"] == "/mail?box=INBOX#done"
        await browser.get(HERE)
        assert 'class="fresh"' not in browser.page
        assert (await browser.post(f"{HERE}/all", {"box": "INBOX", "act": "empty"})).status == 400
        await browser.get(HERE)
        await browser.post(HERE, {"box": "INBOX", "act": "trash", "uid:1": "on", "uid:2": "on"})
        await browser.get(f"{HERE}?box=Trash")
        assert "Delete all 2 messages in Trash" in browser.text
        await browser.post(f"{HERE}/all", {"box": "Trash", "act": "empty"})
        await browser.get(f"{HERE}?box=Trash")
        assert "No messages." in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_what_is_used_is_told(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        await browser.get(HERE)
        assert f"{len(PLAIN)} B used." in browser.text
        await accounts.change(office, PERSON, quota=10 * len(PLAIN), message_quota=7)
        await browser.get(HERE)
        assert "(10 %), 1 of 7 messages used." in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_nobody_else_sees_it(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        await browser.get(HERE)
        assert "No messages." in browser.text
        assert (await browser.get(f"{HERE}?box=Other+Users/{PERSON}/INBOX")).status == 404
        stranger = browser.another()
        assert (await stranger.get(HERE)).headers["location"] == "/?next=/mail"

    tell(database, data, story)


def test_paths_and_numbers_of_pages() -> None:
    assert path_of("A & B/C", q="", before="7") == "/mail?box=A+%26+B%2FC&before=7"
    assert uid_of("4294967295") == 2**32 - 1
    for text in ("", "-1", "1.0", "٣", "12345678901"):
        with pytest.raises(Invalid):
            uid_of(text)


def test_all_mailboxes_are_searched_at_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        await put(office.store, letter(1), letter(2), account_id=bob)
        await put(office.store, letter(1), account_id=bob, mailbox="Archive", received=1)
        await browser.get(f"{HERE}?q=subject:%22number+1%22&all=on")
        assert "2 of 2 shown." in browser.text
        assert browser.text.index("in INBOX") < browser.text.index("in Archive")
        assert "/mail/message?box=Archive&amp;uid=1" in browser.page
        assert 'name="act"' not in browser.page
        await browser.get(f"{HERE}?all=on")
        assert "2 of 2 shown." in browser.text  # nothing is sought: the mailbox

    tell(database, data, story, logged_in=PERSON)

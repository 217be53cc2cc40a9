import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from postroom.admin import accounts, domains
from postroom.admin.mailboxes import digest
from postroom.admin.mailboxes.digest import DigestView
from postroom.admin.office import Office
from postroom.config.digest import Digest
from postroom.directory import digests
from postroom.directory.digests import DAY_MS
from postroom.errors import NotFound, StorageFailed
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.store import rejects as rows
from postroom.web.mail.reader import Reader
from tests.access.shop import put
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.refused import keep

Tell = Callable[[Story], None]
BOB = "bob@demo.test"
WHY = b"X-Spam-Status: Yes, score=9.0 (many signs)\r\n"
LETTER = b"From: Shop <x@shop.test>\r\nSubject: Cheap\r\n\r\nbody\r\n"


def post_of(office: Office) -> Post:
    return Post(office.db, office.blobs, office.notify, office.clock)


async def furnish(office: Office) -> int:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, BOB, password=None)
    bob = await office.account(BOB)
    await office.store.furnish(bob.id)
    return bob.id


async def letters(office: Office) -> list[tuple[str, str]]:
    """Subject and text of what is in the inbox, the latest first."""
    identity = await office.directory.known(BOB)
    assert identity is not None
    reader = Reader(office, identity)
    page = await reader.page("INBOX")
    return [(one.subject, (await reader.message("INBOX", one.uid)).text) for one in page.items]


def test_what_was_kept_back_is_told_once(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        bob = await furnish(office)
        assert (await digest.show(office, BOB)).often == "never"
        await put(office.store, LETTER, account_id=bob, mailbox="Junk", prefix=WHY)
        clock.advance(1000)
        assert (await digest.choose(office, BOB, "daily")).often == "daily"
        clock.advance(DAY_MS)
        assert await digest.send_due(office, post_of(office)) == 0  # nothing came since
        assert await letters(office) == []
        clock.advance(1000)
        await keep(office.store, bob)
        await put(office.store, LETTER, account_id=bob, mailbox="Junk", prefix=WHY)
        clock.advance(DAY_MS)
        assert await digest.send_due(office, post_of(office)) == 1
        ((subject, text),) = await letters(office)
        assert subject == "Kept from your inbox: 1 refused, 1 in Junk"
        for words in (
            "Hello", "why: on the block list", "Shop <x@shop.test>", "Cheap", "Many signs",
            "/me/senders#refused", "/mail?box=Junk", "every day",
        ):  # fmt: skip
            assert words in text
        clock.advance(3 * DAY_MS)
        assert await digest.send_due(office, post_of(office)) == 0

    tell(story)


def test_a_letter_that_can_not_be_written_is_due_again(tell: Tell) -> None:
    class Broken(Post):
        async def commit(self, letter: Letter) -> list[object]:  # type: ignore[override]
            raise StorageFailed

    async def story(office: Office, clock: Clock) -> None:
        bob = await furnish(office)
        await digest.choose(office, BOB, "weekly")
        clock.advance(8 * DAY_MS)
        await put(office.store, LETTER, account_id=bob, mailbox="Junk")
        with pytest.raises(StorageFailed):
            await digest.send_due(
                office, Broken(office.db, office.blobs, office.notify, office.clock)
            )
        assert await digest.send_due(office, post_of(office)) == 1
        assert "every week" in (await letters(office))[0][1]

    tell(story)


def test_many_are_counted_and_the_newest_named(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        bob = await furnish(office)
        await digest.choose(office, BOB, "daily")
        clock.advance(DAY_MS)
        some = [LETTER.replace(b"Cheap", b"Offer %d." % n) for n in range(60)]
        await put(office.store, *some, account_id=bob, mailbox="Junk")
        assert await digest.send_due(office, post_of(office)) == 1
        ((subject, text),) = await letters(office)
        assert subject.endswith("50 and more in Junk")
        assert "Offer 59." in text
        assert "Offer 9." not in text

    tell(story)


def test_who_has_not_chosen_is_told_as_the_settings_say(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        bob = await furnish(office)

        async def round_with(**settings: Any) -> int:
            nonlocal office
            said = msgspec.structs.replace(office.config, digest=Digest(**settings))
            office = dataclasses.replace(office, config=said)
            clock.advance(1000)
            await put(office.store, LETTER, account_id=bob, mailbox="Junk")
            clock.advance(DAY_MS)
            return await digest.send_due(office, post_of(office))

        assert await round_with() == 0
        assert await round_with(usual="daily") == 0  # from now on
        assert await round_with(usual="daily") == 1
        assert await digest.show(office, BOB) == DigestView(BOB, "daily", "usual")
        assert await round_with(usual="daily", weekly=("Demo.test",)) == 0
        assert (await digest.show(office, BOB)).often == "weekly"
        for _ in range(6):
            assert await round_with(weekly=("demo.test",)) == 0
        assert await round_with(weekly=("demo.test",)) == 1
        await digest.choose(office, BOB, "never")
        assert await digest.show(office, BOB) == DigestView(BOB, "never", "never")
        assert [await round_with(usual="daily") for _ in range(2)] == [0, 0]
        await digest.choose(office, BOB, "usual")
        assert [await round_with(usual="daily") for _ in range(2)] == [0, 1]
        assert [await round_with() for _ in range(2)] == [0, 0]
        assert not await office.db.read(digests.is_followed)

    tell(story)


def test_nobody_else_is_told(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        with pytest.raises(NotFound):
            await digest.choose(office, "nobody@demo.test", "daily")

    tell(story)
    assert rows.MOST > digest.MOST

"""The junk of somebody, as their postmaster sees it, and what is none after all."""

from collections.abc import Callable

import pytest

from postroom.admin import audit
from postroom.admin.mailboxes import junk
from postroom.admin.office import Office
from postroom.errors import NotFound
from postroom.policy import lessons
from postroom.store import mailboxes
from tests.access.shop import put
from tests.admin.bureau import Story
from tests.admin.mailboxes.test_rejects import ANN, BOB, settle
from tests.fakes import Clock

Tell = Callable[[Story], None]
WHY = b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=9.0 (many signs)\r\n"


def letter(number: int) -> bytes:
    return b"From: =?utf-8?q?J=C3=B6?= <j@x.test>\r\nSubject: %d\r\n\r\nbody\r\n" % number


async def filled(office: Office, count: int) -> int:
    ann, _bob = await settle(office)
    await office.store.furnish(ann)
    await put(
        office.store, *map(letter, range(1, count + 1)), account_id=ann, mailbox="Junk", prefix=WHY
    )
    return ann


def test_it_is_paged_the_latest_first_and_each_look_is_noted(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(junk, "WINDOW", 3)

    async def story(office: Office, _clock: Clock) -> None:
        await filled(office, 5)
        first = await junk.page(office, ANN, size=2)
        assert ([one.subject for one in first.items], first.total) == (["5", "4"], 5)
        assert first.items[0].author == "Jö <j@x.test>"
        assert first.items[0].reason == "Many signs"
        second = await junk.page(office, ANN, after=first.next, size=2)
        third = await junk.page(office, ANN, after=second.next, size=2)
        assert [one.subject for one in (*second.items, *third.items)] == ["3", "2", "1"]
        assert third.next == ""
        assert (await junk.page(office, BOB)).items == ()
        with pytest.raises(NotFound):
            await junk.page(office, "no@demo.test")
        noted = [(one.action, one.object) async for one in audit.every(office)]
        assert noted[:2] == [("junk.look", BOB), ("junk.look", ANN)]

    tell(story)


def test_what_is_none_goes_to_the_inbox_and_is_learned(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ann = await filled(office, 2)
        await junk.wanted(office, ANN, 1)
        inbox = await office.db.read(lambda tx: mailboxes.get(tx, ann, "INBOX"))
        assert inbox.messages == 1
        assert (await junk.page(office, ANN)).total == 1
        assert await office.db.read(lessons.waiting)
        for address, uid in ((ANN, 1), (ANN, 99), (BOB, 2)):
            with pytest.raises(NotFound):
                await junk.wanted(office, address, uid)

    tell(story)

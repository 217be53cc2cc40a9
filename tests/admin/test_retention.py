"""Junk and Trash are emptied of what has been there for long."""

import dataclasses

import msgspec

from postroom.admin import retention
from postroom.admin.office import Office
from postroom.config.retention import Retention
from postroom.store import copying, mailboxes, retention as rows, uses
from postroom.store.copying import Transfer
from postroom.store.mailboxes import Mailbox
from postroom.store.retention import Said
from postroom.store.spans import Span
from postroom.telemetry.events import MessagesExpired
from tests.access.shop import audit, put
from tests.admin.test_housekeeping import Tell, tidy
from tests.fakes import Clock, Recorder

LETTER = b"Subject: hello\r\n\r\nbody\r\n"


async def box(office: Office, name: str, account_id: int = 1) -> Mailbox:
    await office.store.furnish(account_id)
    return await office.store.read(mailboxes.get, account_id, name)


async def held(office: Office, *names: str) -> list[int]:
    return [(await box(office, name)).messages for name in names]


async def move(office: Office, source: str, uid: int, target: str) -> None:
    there = await box(office, target)
    order = Transfer(
        source_account=1,
        source_mailbox=(await box(office, source)).id,
        spans=(Span(uid, uid),),
        target=there,
        is_move=True,
    )
    store = office.store
    await store.write(copying.transfer, store.blobs, order, store.clock())


def keeping(office: Office, **days: int) -> Office:
    config = msgspec.structs.replace(office.config, retention=msgspec.convert(days, Retention))
    return dataclasses.replace(office, config=config)


def test_a_month_after_they_came_and_not_what_was_moved_out(tell: Tell, events: Recorder) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for name in ("INBOX", "Sent", "Archive", "Junk", "Trash"):
            await put(office.store, LETTER, LETTER, mailbox=(await box(office, name)).id)
        clock.advance(days=29)
        await move(office, "INBOX", 1, "Trash")  # its month begins today
        await move(office, "Junk", 1, "INBOX")
        clock.advance(days=1)
        await tidy(office)
        assert await held(office, "Junk", "Trash") == [1, 3]
        clock.advance(1)
        await tidy(office)
        names = "INBOX", "Sent", "Archive", "Junk", "Trash"
        assert await held(office, *names) == [2, 2, 2, 0, 1]
        assert events.of(MessagesExpired) == [MessagesExpired(messages=3)]
        await tidy(office)
        assert await held(office, *names) == [2, 2, 2, 0, 1]
        assert len(events.of(MessagesExpired)) == 1
        clock.advance(days=29)
        await tidy(office)
        assert await held(office, *names) == [2, 2, 2, 0, 0]
        await audit(office.store)

    tell(story)


def test_each_has_its_own_time_and_none_is_never(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for name in ("Junk", "Trash"):
            await put(office.store, LETTER, mailbox=(await box(office, name)).id)
        clock.advance(1, days=365)
        assert await retention.expire(keeping(office, junk_days=0, trash_days=366)) == 0
        assert await retention.expire(keeping(office, junk_days=0, trash_days=365)) == 1
        assert await held(office, "Junk", "Trash") == [1, 0]

    tell(story)


def test_the_use_counts_and_not_the_name(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await put(office.store, LETTER, mailbox=(await box(office, "Junk")).id)
        await put(office.store, LETTER, mailbox=(await box(office, "Sent")).id)
        await office.store.write(
            uses.give, 1, await box(office, "Sent"), ["\\Junk", "\\Trash"], clock()
        )
        clock.advance(1, days=30)
        assert await retention.expire(keeping(office, junk_days=30, trash_days=40)) == 0
        assert await retention.expire(keeping(office, junk_days=1, trash_days=0)) == 0
        clock.advance(days=10)
        assert await retention.expire(keeping(office, junk_days=30, trash_days=40)) == 1
        assert await held(office, "Junk", "Sent") == [1, 0]

    tell(story)


def test_both_uses_in_any_order_have_the_longer_time() -> None:
    def both(**days: int) -> set[int]:
        found = retention.periods(msgspec.convert(days, Retention))
        return {found["\\Junk \\Trash"], found["\\Trash \\Junk"]}

    assert both(junk_days=3, trash_days=9) == {9}
    assert both(junk_days=0, trash_days=9) == both(junk_days=9, trash_days=0) == {0}


def test_a_mailbox_may_have_its_own_time(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for name in ("Sent", "Junk", "Trash"):
            await put(office.store, LETTER, mailbox=(await box(office, name)).id)
        for name, days in (("Sent", 10), ("Junk", 40), ("Trash", 0)):
            said = Said(days)
            await office.store.write(rows.put, (await box(office, name)).id, said)
        clock.advance(1, days=10)
        assert await retention.expire(office) == 1
        assert await held(office, "Sent", "Junk", "Trash") == [0, 1, 1]
        clock.advance(days=30)
        assert await retention.expire(office) == 1
        assert await held(office, "Sent", "Junk", "Trash") == [0, 0, 1]

    tell(story)

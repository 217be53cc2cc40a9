"""What was said of mailboxes, and what of it counts."""

import asyncio
from pathlib import Path

import pytest

from postroom.store import expiry, mailboxes, retention
from postroom.store.expiry import Expiry
from postroom.store.retention import DAY_MS, NOTHING, Rule, Said, effective
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.fakes import START
from tests.store.test_expiry import LETTER, TRASH, trash_of


@pytest.mark.parametrize(
    ("said", "usual", "rule", "days"),
    [
        (NOTHING, 30, "shorten", 30),
        (Said(60), 30, "shorten", 60),
        (Said(0), 30, "shorten", 0),
        (Said(None, 7), 30, "shorten", 7),
        (Said(None, 31), 30, "shorten", 30),  # chosen before the settings were changed
        (Said(None, 0), 30, "shorten", 30),
        (Said(None, 7), 0, "shorten", 7),
        (Said(60, 45), 30, "shorten", 45),
        (Said(60, 61), 30, "any", 61),
        (Said(60, 0), 30, "any", 0),
        (Said(60, 7), 30, "no", 60),
    ],
)
def test_what_counts(said: Said, usual: int, rule: Rule, days: int) -> None:
    assert effective(said, usual, rule) == days


def test_a_mailbox_of_which_something_was_said_is_found_by_that_only(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAILBOXES", 1)

    async def run() -> None:
        async with shop(database, data) as store:
            trash = await trash_of(store)
            inbox = (await store.read(mailboxes.get, 1, "INBOX")).id
            for box in (trash, inbox):
                await put(store, LETTER, mailbox=box)
            now = START + 10 * DAY_MS + 1
            usual = {TRASH: 5}
            before = START + 5 * DAY_MS + 1
            assert (await store.read(expiry.overdue, TRASH, before, 0))[0] == [
                Expiry(1, trash, TRASH, before)
            ]
            await store.write(retention.put, trash, Said(11, 10))
            await store.write(retention.put, inbox, Said(10))
            assert await store.read(retention.of, 1) == {trash: Said(11, 10), inbox: Said(10)}
            assert await store.read(expiry.overdue, TRASH, before, 0) == ([], 0)
            found, after = [], 0
            for _ in range(3):
                some, after = await store.read(retention.overdue, usual, "shorten", now, after)
                found += some
            assert after == 0
            assert found == [
                Expiry(1, box, use, START + 1)
                for box, use in sorted([(trash, TRASH), (inbox, None)])
            ]
            store.clock.advance(days=11)  # type: ignore[attr-defined]
            assert [await store.expire(one) for one in found] == [1, 1]
            await store.write(retention.put, trash, NOTHING)
            assert await store.read(retention.of, 1) == {inbox: Said(10)}
            await audit(store)

    asyncio.run(run())


def test_it_goes_with_its_mailbox(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            trash = await trash_of(store)
            await store.write(retention.put, trash, Said(3))
            await store.delete_mailbox(1, "Trash")
            assert await store.db.read(lambda tx: tx.all("SELECT * FROM retention")) == []

    asyncio.run(run())

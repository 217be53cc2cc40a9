r"""What leaves a mailbox can be had back: copies, and the references they hold."""

import asyncio
from pathlib import Path

import pytest

from postroom.store import copying, entries, expunged, mailboxes, removal
from postroom.store.copying import Transfer
from postroom.store.entries import FlagChange
from postroom.store.expunged import Chosen, Weight
from postroom.store.filing import already_filed
from postroom.store.flags import DELETED, SEEN
from postroom.store.mailboxes import Mailbox
from postroom.store.removal import Removal
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import copy, query

LETTER = b"Subject: x\r\n\r\nbody\r\n"


async def make(store: Store, name: str, account_id: int = 1) -> Mailbox:
    return await store.write(
        mailboxes.create, account_id, name, None, [store.ids.next() for _ in name], store.clock()
    )


def test_an_expunge_keeps_message_and_blob_and_frees_the_quota(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 4, flags=DELETED | SEEN, keywords="a", received=77)
            await put(store, LETTER)
            assert await store.expunge(1, 1, Span(2, 9), flagged=True) == 3
            usage = await store.usage(1)
            assert (usage.messages, usage.octets) == (2, 2 * len(LETTER))
            assert await store.read(query, "SELECT DISTINCT refs FROM message") == [(1,)]
            assert await store.read(query, "SELECT DISTINCT refs FROM blob") == [(1,)]
            sql = "SELECT uid, flags, keywords, mailbox_id, mailbox FROM expunged ORDER BY id"
            assert await store.read(query, sql) == [
                (uid, DELETED | SEEN, "a", 1, "INBOX") for uid in (2, 3, 4)
            ]
            page = await store.read(expunged.newest, 1, Chosen(), limit=9)
            assert [one.id for one in page] == sorted((one.id for one in page), reverse=True)
            assert {(one.size, one.received, one.expunged_at) for one in page} == {
                (len(LETTER), 77, store.clock())
            }
            vanished = await store.read(query, "SELECT uid FROM vanished ORDER BY uid")
            assert vanished == [(2,), (3,), (4,)]
            await audit(store)

    asyncio.run(run())


def test_copies_are_chosen_by_mailbox_and_time(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            work = await make(store, "Work")
            await put(store, *[LETTER] * 3)
            await put(store, *[LETTER] * 2, mailbox=work.id)
            await store.expunge(1, 1, Span(1, 3), flagged=False)
            then = store.clock.advance(seconds=1)  # type: ignore[attr-defined]
            await store.expunge(1, work.id, Span(1, 2), flagged=False)
            page = await store.read(expunged.oldest, 1, Chosen(), limit=9)
            assert [one.mailbox for one in page] == ["INBOX"] * 3 + ["Work"] * 2
            ids = [one.id for one in page]

            async def found(chosen: Chosen, after: int = 0, limit: int = 9) -> list[int]:
                some = await store.read(expunged.oldest, 1, chosen, after=after, limit=limit)
                return [one.id for one in some]

            assert await found(Chosen("Work")) == await found(Chosen(since=then)) == ids[3:]
            assert await found(Chosen("INBOX", then)) == await found(Chosen("Sent")) == []
            assert await found(Chosen(), after=ids[0], limit=2) == ids[1:3]
            newest = await store.read(expunged.newest, 1, Chosen(), below=ids[3], limit=2)
            assert [one.id for one in newest] == [ids[2], ids[1]]
            assert await store.read(expunged.weight, 1, Chosen("Work")) == Weight(
                2, 2 * len(LETTER)
            )
            named = await store.read(expunged.named, 1, [ids[4], 5, ids[0]])
            assert [one.id for one in named] == [ids[0], ids[4]]

    asyncio.run(run())


def test_two_accounts_never_see_each_others(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER)
            await put(store, LETTER, account_id=2)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await store.expunge(2, 2, Span(1, 1), flagged=False)
            (mine,) = await store.read(expunged.newest, 1, Chosen(), limit=9)
            (theirs,) = await store.read(expunged.newest, 2, Chosen(), limit=9)
            assert await store.read(expunged.named, 1, [mine.id, theirs.id]) == [mine]
            assert await store.read(expunged.weight, 3, Chosen()) == Weight(0, 0)
            done = await store.purge(1, [theirs.id])
            assert done.messages == 0
            assert await store.read(expunged.newest, 2, Chosen(), limit=9) == [theirs]
            await audit(store)

    asyncio.run(run())


def test_a_deleted_mailbox_is_remembered_by_its_name(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            made = await make(store, "Old/Stück")
            await put(store, *[LETTER] * 3, mailbox=made.id)
            await store.delete_mailbox(1, "Old/Stück")
            page = await store.read(expunged.newest, 1, Chosen("Old/Stück"), limit=9)
            assert [one.mailbox_id for one in page] == [made.id] * 3
            assert (await store.usage(1)).messages == 0
            await audit(store)

    asyncio.run(run())


def test_a_deletion_that_was_cut_off_goes_on_with_copies(database: Opener, data: Path) -> None:
    """A crash between any two of its transactions."""

    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            made = await make(store, "Old")
            for _ in range(5):
                await put(store, *[LETTER] * 900, mailbox=made.id)
            await store.write(mailboxes.bury, 1, "Old", store.clock())
            for kept in (0, removal.CHUNK):
                weight = await store.read(expunged.weight, 1, Chosen("Old"))
                assert weight.messages == kept
                await audit(store)
                await store.write(removal.empty, store.blobs, 1, made.id, store.clock(), store.ids)
            assert await store.finish_deletions() == 1
            weight = await store.read(expunged.weight, 1, Chosen("Old"))
            assert weight == Weight(4500, 4500 * len(LETTER))
            await audit(store)

    asyncio.run(run())


def test_an_expunge_that_was_cut_off_has_copies_of_what_went(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            for _ in range(5):
                await put(store, *[LETTER] * 900, flags=DELETED)
            order = Removal(1, 1, Span(1, 9999), flagged=True, keeps=store.ids)
            await store.write(removal.expunge, store.blobs, order, store.clock())
            assert (await store.read(expunged.weight, 1, Chosen())).messages == removal.CHUNK
            left = 4500 - removal.CHUNK
            assert (await store.usage(1)).messages == left
            await audit(store)
            assert await store.expunge(1, 1, Span(1, 9999), flagged=True) == left
            assert (await store.read(expunged.weight, 1, Chosen())).messages == 4500
            await audit(store)

    asyncio.run(run())


def test_moving_is_no_loss_and_leaves_no_copy(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 2)
            target = await make(store, "Archive")
            order = Transfer(1, 1, target, (Span(1, 2),), True)
            await store.write(copying.transfer, store.blobs, order, store.clock())
            assert (await store.read(expunged.weight, 1, Chosen())).messages == 0
            await audit(store)

    asyncio.run(run())


def test_an_account_goes_with_its_copies(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            made = await make(store, "Old")
            await put(store, *[LETTER] * 2)
            await put(store, *[LETTER] * 2, mailbox=made.id)
            await put(store, LETTER, account_id=2)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await store.expunge(2, 2, Span(1, 1), flagged=False)
            await store.delete_mailbox(1, "Old")
            await store.remove_account(1)
            for table in ("message", "expunged"):
                sql = f"SELECT account_id FROM {table}"
                assert await store.read(query, sql) == [(2,)], table
            for table in ("entry", "usage"):
                sql = f"SELECT count(*) FROM {table} WHERE account_id = 1"
                assert await store.read(query, sql) == [(0,)], table
            await audit(store)

    asyncio.run(run())


def test_an_account_that_goes_keeps_nothing_even_when_that_was_cut_off(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER)
            await store.write(mailboxes.bury_all, 1, store.clock())
            assert await store.finish_deletions() == 1
            assert await store.read(query, "SELECT count(*) FROM expunged") == [(0,)]
            await audit(store)

    asyncio.run(run())


def test_a_letter_that_was_expunged_is_known_to_be_filed(database: Opener, data: Path) -> None:
    """Else a commit that comes twice would take it for lost, and discard its octets."""

    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            (filed,) = await put(store, LETTER)
            row = (await store.read(query, "SELECT id, blob_id FROM message"))[0]
            letter = [copy(1, message_id=row[0], blob_id=row[1])]
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            (found,) = await store.read(already_filed, letter) or []
            assert (found.mailbox_id, found.uidvalidity, found.uid) == (1, filed.uidvalidity, 1)
            (one,) = await store.read(expunged.newest, 1, Chosen(), limit=9)
            await store.purge(1, [one.id])
            assert await store.read(already_filed, letter) is None

    asyncio.run(run())


def test_flags_change_and_copies_stay_in_order(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 5)
            change = FlagChange("add", DELETED)
            await store.write(entries.update_flags, 1, 1, Span(2, 4, (2, 4)), change, None)
            assert await store.expunge(1, 1, Span(1, 5, (1, 4, 5)), flagged=True) == 1
            assert await store.expunge(1, 1, Span(1, 5), flagged=True) == 1
            sql = "SELECT uid FROM expunged ORDER BY id"
            assert await store.read(query, sql) == [(4,), (2,)]
            await audit(store)

    asyncio.run(run())


def test_statements_name_a_bounded_number_of_copies() -> None:
    assert expunged.listed([3, 1]) == "id IN (1,3)"
    for idents in ([], [1] * 1001):
        with pytest.raises(ValueError):
            expunged.listed(idents)

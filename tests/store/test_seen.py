r"""\Seen of members: their own, and nobody else's."""

import asyncio
from pathlib import Path

import msgspec

from postroom.db.database import Database, Row
from postroom.store import copying, entries, listing, mailboxes, news
from postroom.store.copying import Transfer
from postroom.store.entries import FlagChange, Quiet, Updated
from postroom.store.filing import file_letters
from postroom.store.flags import ALL, DELETED, FLAGGED, SEEN
from postroom.store.mailboxes import Mailbox
from postroom.store.news import Marks
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import copy, query

NOW = 1_790_000_000_000
ALL_OF_IT = Span(1, 0xFFFFFFFF)
LETTER = b"Subject: x\r\n\r\nbody\r\n"


async def fill(db: Database, letters: int) -> None:
    await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(letters)], NOW))


async def store(
    db: Database, change: FlagChange, member: int | None, span: Span = ALL_OF_IT
) -> Updated:
    return await db.write(
        lambda tx: entries.update_flags(tx, 1, 1, span, change, None, member=member)
    )


async def flags(db: Database, member: int | None) -> dict[int, int]:
    rows = await db.read(lambda tx: listing.page(tx, 1, ALL_OF_IT, member))
    return {row[0]: row[1] for row in rows}


async def changed(db: Database, member: int | None, since: int) -> list[tuple[int, int]]:
    marks = Marks(since, since)
    found = await db.read(lambda tx: news.look(tx, 1, 1, marks, expunges=True, member=member))
    return [(row[0], row[1]) for row in found.changed]


def test_each_has_its_own(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3)
            await store(db, FlagChange("add", SEEN | FLAGGED), 7, Span(1, 2))
            await store(db, FlagChange("add", SEEN), None, Span(3, 3))
            assert await flags(db, None) == {1: FLAGGED, 2: FLAGGED, 3: SEEN}
            assert await flags(db, 7) == {1: SEEN | FLAGGED, 2: SEEN | FLAGGED, 3: 0}
            assert await flags(db, 8) == {1: FLAGGED, 2: FLAGGED, 3: 0}
            await store(db, FlagChange("remove", SEEN | FLAGGED), 7, Span(2, 3))
            assert await flags(db, 7) == {1: SEEN | FLAGGED, 2: 0, 3: 0}
            assert await flags(db, None) == {1: FLAGGED, 2: 0, 3: SEEN}
            await store(db, FlagChange("replace", DELETED), 7)
            assert await flags(db, 7) == {1: DELETED, 2: DELETED, 3: DELETED}
            assert await flags(db, None) == {1: DELETED, 2: DELETED, 3: DELETED | SEEN}
            await store(db, FlagChange("replace", SEEN), 8)
            assert await flags(db, 8) == {1: SEEN, 2: SEEN, 3: SEEN}

    asyncio.run(run())


def test_a_mask_keeps_what_may_not_be_changed(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 1)
            await store(db, FlagChange("add", FLAGGED | SEEN, frozenset({"a"})), None)
            only_seen = FlagChange("replace", SEEN | DELETED, mask=SEEN, names=False)
            (row,) = (await store(db, only_seen, 7)).rows
            assert row[1:3] == (SEEN | FLAGGED, "a")
            only_deleted = FlagChange(
                "replace", SEEN | DELETED, frozenset({"b"}), mask=DELETED, names=False
            )
            (row,) = (await store(db, only_deleted, 8)).rows
            assert row[1:3] == (FLAGGED | DELETED, "a")
            nothing = FlagChange("add", SEEN | FLAGGED, frozenset({"b"}), mask=0, names=False)
            assert (await store(db, nothing, 8)).rows == [row]
            assert await flags(db, None) == {1: SEEN | FLAGGED | DELETED}

    asyncio.run(run())


def test_only_the_member_learns_of_it(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3)
            begun = await db.read(lambda tx: entries.opening(tx, 1, 1))
            since = begun.state.highestmodseq
            done = await store(db, FlagChange("add", SEEN), 7, Span(1, 2))
            assert done.modseq == since + 1
            assert [(row[0], row[3]) for row in done.rows] == [(1, since + 1), (2, since + 1)]
            assert await changed(db, 7, since) == [(1, SEEN), (2, SEEN)]
            assert await changed(db, None, since) == await changed(db, 8, since) == []
            # what stays the same keeps its MODSEQ
            await store(db, FlagChange("add", SEEN), 7)
            assert await changed(db, 7, since + 1) == [(3, SEEN)]
            await store(db, FlagChange("remove", SEEN), 7, Span(1, 1))
            assert await changed(db, 7, since + 2) == [(1, 0)]
            # a change of the entry is news for all of them
            await store(db, FlagChange("add", FLAGGED), 8, Span(2, 2))
            assert await changed(db, 7, since + 3) == [(2, SEEN | FLAGGED)]
            assert await changed(db, None, since) == [(2, FLAGGED)]
            quiet = Quiet(since + 2)
            told = await db.write(
                lambda tx: entries.update_flags(
                    tx, 1, 1, ALL_OF_IT, FlagChange("add", DELETED), quiet, member=7
                )
            )
            assert [row[0] for row in told.rows] == [1, 2]

    asyncio.run(run())


def test_what_is_unseen_is_counted_and_found_for_each(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 4)
            await store(db, FlagChange("add", SEEN), 7, Span(1, 2))
            await store(db, FlagChange("remove", SEEN), 7, Span(2, 2))
            await store(db, FlagChange("add", SEEN), None, Span(2, 4))

            async def unseen(member: int | None) -> tuple[int, int, list[int]]:
                counts = await db.read(lambda tx: mailboxes.counts(tx, 1, "INBOX", member))
                begun = await db.read(lambda tx: entries.opening(tx, 1, 1, member))
                found = await db.read(
                    lambda tx: listing.matching_uids(
                        tx, 1, ALL_OF_IT, " AND (e.flags & 1) = 0", member
                    )
                )
                return counts.unseen, begun.state.first_unseen, found

            assert await unseen(None) == (1, 1, [1])
            assert await unseen(7) == (3, 2, [2, 3, 4])
            assert await unseen(8) == (4, 1, [1, 2, 3, 4])
            await store(db, FlagChange("add", SEEN), 7)
            assert await unseen(7) == (0, 0, [])

    asyncio.run(run())


def test_pages_join_the_message(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 2)
            await store(db, FlagChange("add", SEEN), 7, Span(2, 2))
            rows = await db.read(
                lambda tx: listing.page_with(tx, 1, 1, ALL_OF_IT, ("envelope",), 7)
            )
            assert [(row[1], row[8]) for row in rows] == [(0, b"(NIL NIL)"), (1, b"(NIL NIL)")]
            matching = await db.read(
                lambda tx: listing.matching(tx, 1, ALL_OF_IT, " AND (e.flags & 1) <> 0", 9, 7)
            )
            assert [row[0] for row in matching] == [2]

    asyncio.run(run())


def test_it_goes_with_the_message_the_mailbox_and_the_member(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as shelf:
            await put(shelf, *[LETTER] * 3)
            for member in (7, 8):
                await store(shelf.db, FlagChange("add", SEEN), member)
            await shelf.expunge(1, 1, Span(1, 1), flagged=False)
            assert await _rows(shelf) == [(7, 2), (7, 3), (8, 2), (8, 3)]
            await shelf.remove_account(8)
            assert await _rows(shelf) == [(7, 2), (7, 3)]
            await shelf.remove_account(1)
            assert await _rows(shelf) == []

    asyncio.run(run())


def test_a_member_files_it_as_seen(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            one, other = copy(1), copy(1)
            await db.write(lambda tx: file_letters(tx, [[one], [other]], NOW))
            mine = msgspec.structs.replace(copy(1), seen_by=7)
            (filed,) = await db.write(lambda tx: file_letters(tx, [[mine]], NOW))
            assert isinstance(filed, list)
            assert await flags(db, 7) == {1: 0, 2: 0, 3: SEEN}
            assert await flags(db, None) == {1: 0, 2: 0, 3: 0}
            assert await changed(db, 7, filed[0].modseq - 1) == [(3, SEEN)]

    asyncio.run(run())


async def _rows(shelf: Store) -> list[Row]:
    return await shelf.db.read(
        lambda tx: query(tx, "SELECT member_id, uid FROM seen ORDER BY member_id, uid")
    )


async def _copied(
    shelf: Store, target: Mailbox, *, reader: int | None, member: int | None, mask: int = ALL
) -> None:
    order = Transfer(
        1, 1, target, (Span(1, 1), Span(2, 3)), is_move=False, reader=reader, member=member,
        mask=mask, names=mask == ALL,
    )  # fmt: skip
    await shelf.write(copying.transfer, shelf.blobs, order, NOW)


async def _view(shelf: Store, mailbox_id: int, member: int | None) -> list[tuple[int, str]]:
    rows = await shelf.read(listing.page, mailbox_id, ALL_OF_IT, member)
    return [(row[1], row[2]) for row in rows]


def test_copies_are_seen_by_whoever_copies(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as shelf:
            await put(shelf, LETTER, flags=SEEN, keywords="a")
            await put(shelf, LETTER, LETTER, flags=DELETED)
            await store(shelf.db, FlagChange("add", SEEN), 7, Span(2, 2))

            async def fresh(account_id: int, name: str) -> Mailbox:
                ids = [shelf.ids.next()]
                return await shelf.write(mailboxes.create, account_id, name, None, ids, NOW)

            # a member takes letters home
            home = await fresh(7, "Home")
            await _copied(shelf, home, reader=7, member=None)
            assert await _view(shelf, home.id, None) == [(0, "a"), (9, ""), (8, "")]
            # from one shared mailbox into another
            shared = await fresh(2, "Shared")
            await _copied(shelf, shared, reader=7, member=7)
            assert await _view(shelf, shared.id, 7) == [(0, "a"), (9, ""), (8, "")]
            assert await _view(shelf, shared.id, None) == [(0, "a"), (8, ""), (8, "")]
            assert await _view(shelf, shared.id, 8) == [(0, "a"), (8, ""), (8, "")]
            # the owner copies into somebody else's mailbox
            other = await fresh(3, "Other")
            await _copied(shelf, other, reader=None, member=1)
            assert await _view(shelf, other.id, 1) == [(1, "a"), (8, ""), (8, "")]
            assert await _view(shelf, other.id, None) == [(0, "a"), (8, ""), (8, "")]
            # without rights flags are left behind
            bare = await fresh(3, "Bare")
            await _copied(shelf, bare, reader=None, member=1, mask=0)
            assert await _view(shelf, bare.id, 1) == [(0, ""), (0, ""), (0, "")]
            half = await fresh(3, "Half")
            await _copied(shelf, half, reader=None, member=1, mask=SEEN)
            assert await _view(shelf, half.id, 1) == [(1, ""), (0, ""), (0, "")]
            await audit(shelf)

    asyncio.run(run())

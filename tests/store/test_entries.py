"""Entries: what a session begins with, what it learns later, and flags."""

import asyncio

import pytest

from postroom.db.database import Database
from postroom.errors import NotFound
from postroom.store import entries, mailboxes
from postroom.store.entries import FlagChange, Quiet, Updated
from postroom.store.filing import file_letters
from postroom.store.flags import ANSWERED, FLAGGED, SEEN
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.store.letters import copy

NOW = 1_790_000_000_000


async def fill(db: Database, *keywords: str) -> None:
    letters = [[copy(1, keywords=text)] for text in keywords]
    await db.write(lambda tx: file_letters(tx, letters, NOW))


async def update(
    db: Database, span: Span, change: FlagChange, quiet: Quiet | None = None
) -> Updated:
    return await db.write(lambda tx: entries.update_flags(tx, 1, 1, span, change, quiet))


def test_opening_lists_uids_only_where_there_are_gaps(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "b a", "c")
            begun = await db.read(lambda tx: entries.opening(tx, 1, 1))
            assert begun.uids is None
            assert (begun.state.first_uid, begun.state.last_uid, begun.state.messages) == (1, 3, 3)
            assert begun.state.first_unseen == 1
            assert begun.keywords == ["b a", "c"]
            await update(db, Span(1, 2), FlagChange("add", SEEN))
            await db.write(lambda tx: tx.execute("DELETE FROM entry WHERE uid = 2"))
            await db.write(lambda tx: tx.execute("UPDATE mailbox SET messages = 2"))
            begun = await db.read(lambda tx: entries.opening(tx, 1, 1))
            assert list(begun.uids or ()) == [1, 3]
            assert begun.state.first_unseen == 3
            with pytest.raises(NotFound):
                await db.read(lambda tx: entries.opening(tx, 2, 1))

    asyncio.run(run())


def test_flags_are_added_removed_and_replaced(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "", "")
            done = await update(db, Span(1, 2), FlagChange("add", SEEN | FLAGGED))
            assert [row[:3] for row in done.rows] == [(1, 5, ""), (2, 5, "")]
            assert {row[3] for row in done.rows} == {done.modseq}
            later = await update(db, Span(1, 3), FlagChange("remove", FLAGGED))
            assert [row[1] for row in later.rows] == [1, 1, 0]
            assert [row[3] for row in later.rows] == [later.modseq, later.modseq, 2]
            last = await update(db, Span(1, 3, (1, 3)), FlagChange("replace", ANSWERED))
            assert [row[:2] for row in last.rows] == [(1, 2), (3, 2)]

    asyncio.run(run())


def test_keywords_are_sets(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "$Junk", "a b")
            new = frozenset({"$junk", "b"})
            done = await update(db, Span(1, 3), FlagChange("add", SEEN, new))
            assert [row[2] for row in done.rows] == ["$junk b", "$Junk b", "$junk a b"]
            assert [row[1] for row in done.rows] == [1, 1, 1]
            done = await update(db, Span(1, 3), FlagChange("remove", 0, frozenset({"B"})))
            assert [row[2] for row in done.rows] == ["$junk", "$Junk", "$junk a"]
            done = await update(db, Span(2, 3), FlagChange("replace", 0, frozenset({"z"})))
            assert [row[:3] for row in done.rows] == [(2, 0, "z"), (3, 0, "z")]

    asyncio.run(run())


def test_what_does_not_change_keeps_its_modseq(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "a", "")
            first = await update(db, Span(1, 1), FlagChange("add", SEEN))
            again = await update(db, Span(1, 1), FlagChange("add", SEEN, frozenset({"A"})))
            assert (again.rows[0][3], again.modseq) == (first.modseq, 0)
            replaced = await update(db, Span(1, 1), FlagChange("replace", SEEN, frozenset({"a"})))
            assert replaced.rows[0][3] == first.modseq
            box = await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))
            assert box.highestmodseq == first.modseq

    asyncio.run(run())


def test_a_quiet_store_tells_of_others_changes_only(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "", "")
            seen = (await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))).highestmodseq
            await update(db, Span(2, 2), FlagChange("add", FLAGGED))  # somebody else
            mine = await update(db, Span(3, 3), FlagChange("add", FLAGGED))
            quiet = Quiet(seen, frozenset({mine.modseq}))
            done = await update(db, Span(1, 3), FlagChange("add", SEEN), quiet)
            assert done.rows == [(2, FLAGGED | SEEN, "", done.modseq)]

    asyncio.run(run())


def test_each_message_is_recent_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "", "")

            async def claim(last: int) -> int:
                return await db.write(lambda tx: entries.claim_recent(tx, 1, 1, last))

            assert [await claim(2), await claim(2), await claim(3), await claim(1)] == [0, 2, 2, 3]
            assert await db.write(lambda tx: entries.claim_recent(tx, 9, 1, 3)) == 3

    asyncio.run(run())


def test_rows_of_a_span(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "x", "")
            rows = await db.read(lambda tx: entries.rows_of(tx, 1, [Span(2, 2), Span(3, 9)]))
            assert [row[:3] for row in rows] == [(2, 0, "x"), (3, 0, "")]

    asyncio.run(run())


def test_a_conditional_store_changes_only_what_is_unchanged(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "a", "", "")
            start = (await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))).highestmodseq
            await update(db, Span(2, 3), FlagChange("add", FLAGGED))
            done = await update(db, Span(1, 4), FlagChange("add", SEEN, unchanged_since=start))
            assert [row[:2] for row in done.rows] == [(1, SEEN), (4, SEEN)]
            assert done.failed == [2, 3]
            none = await update(db, Span(2, 3), FlagChange("replace", 0, unchanged_since=start))
            assert (none.modseq, none.rows, none.failed) == (0, [], [2, 3])
            again = FlagChange("add", SEEN, frozenset({"k"}), unchanged_since=done.modseq)
            done = await update(db, Span(1, 4), again)
            assert [row[1:3] for row in done.rows] == [
                (SEEN, "k"),
                (SEEN | FLAGGED, "a k"),
                (SEEN | FLAGGED, "k"),
                (SEEN, "k"),
            ]

    asyncio.run(run())


def test_unchanged_since_0_tests_for_keywords(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "A", "b")
            test = FlagChange("add", 0, frozenset({"a"}), unchanged_since=0)
            done = await update(db, Span(1, 3), test)
            assert [row[2] for row in done.rows] == ["a", "a b"]
            assert done.failed == [2]
            for change in (
                FlagChange("add", SEEN, unchanged_since=0),
                FlagChange("remove", 0, frozenset({"z"}), unchanged_since=0),
                FlagChange("replace", 0, unchanged_since=0),
            ):
                assert (await update(db, Span(1, 3), change)).failed == [1, 2, 3]

    asyncio.run(run())


def test_a_quiet_store_can_tell_every_modseq(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "", "")
            seen = (await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))).highestmodseq
            await update(db, Span(2, 2), FlagChange("add", FLAGGED))  # somebody else
            quiet = Quiet(seen, wants_modseq=True)
            done = await update(db, Span(1, 3), FlagChange("add", SEEN), quiet)
            assert [row[0] for row in done.rows] == [1, 2, 3]
            assert done.unseen == {2}

    asyncio.run(run())


def test_members_conditions_are_about_what_they_see(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, "", "")

            async def store(change: FlagChange, member: int) -> Updated:
                return await db.write(
                    lambda tx: entries.update_flags(tx, 1, 1, Span(1, 2), change, member=member)
                )

            first = await store(FlagChange("add", SEEN), 7)
            later = FlagChange("remove", SEEN, unchanged_since=first.modseq - 1)
            assert (await store(later, 7)).failed == [1, 2]
            assert (
                await store(FlagChange("add", SEEN, unchanged_since=first.modseq - 1), 8)
            ).modseq

    asyncio.run(run())

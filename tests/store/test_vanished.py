"""What was expunged, and what of it is forgotten."""

import asyncio

import pytest

from postroom.db.database import Database
from postroom.store import vanished
from postroom.store.filing import file_letters
from tests.conftest import Opener
from tests.store.letters import copy, read, write

NOW = 1_790_000_000_000


async def fill(db: Database, letters: int = 1, gone: int = 0, step: int = 1) -> None:
    """Some letters; UIDs 1 to ``gone`` were expunged, ``step`` of them with each MODSEQ."""
    await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(letters)], NOW))
    if gone:
        sql = "UPDATE mailbox SET uidnext = uidnext + :gone WHERE id = 1"
        await db.write(lambda tx: tx.execute(sql, gone=gone))
    rows = [(1, uid, 10 + (uid - 1) // step) for uid in range(1, gone + 1)]
    await db.write(
        lambda tx: tx.many("INSERT INTO vanished (mailbox_id, uid, modseq) VALUES (?, ?, ?)", rows)
    )


def test_few_and_many_come_by_uid(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vanished, "PAGE", 3)

    async def run() -> None:
        async with database() as db:
            await fill(db, gone=10)
            assert await read(db, vanished.page, 1, 16) == ([(8, 17), (9, 18), (10, 19)], False)
            assert await read(db, vanished.page, 1, 99) == ([], False)
            assert await read(db, vanished.page, 2, 0) == ([], False)
            seen: list[int] = []
            after, has_more = 0, True
            while has_more:
                rows, has_more = await read(db, vanished.page, 1, 11, after)
                seen += [row[0] for row in rows]
                after = rows[-1][0] if rows else after
            assert seen == list(range(3, 11))
            assert await read(db, vanished.first_after, 1, 12) == 13
            assert await read(db, vanished.first_after, 1, 19) == 0

    asyncio.run(run())


def test_missing_compares_uids(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, letters=3)
            assert await read(db, vanished.missing, 1, range(1, 6)) == [4, 5]
            assert await read(db, vanished.missing, 1, [2, 7]) == [7]
            assert await read(db, vanished.missing, 1, []) == []
            assert await read(db, vanished.missing, 9, [1]) == [1]

    asyncio.run(run())


def test_the_oldest_are_forgotten_and_that_is_remembered(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "KEPT", 5)
    monkeypatch.setattr(vanished, "CHUNK", 2)
    monkeypatch.setattr(vanished, "MAILBOXES", 1)

    async def run() -> None:
        async with database() as db:
            await fill(db, gone=10, step=2)
            await db.write(lambda tx: file_letters(tx, [[copy(2)]], NOW))
            found, after = await read(db, vanished.overfull, 0)
            assert (found, after) == ([(1, 12)], 1)
            assert await read(db, vanished.overfull, 1) == ([], 0)  # the other has lost nothing
            assert not await write(db, vanished.forget, 1, 12)
            # from the first chunk on, nobody trusts what is left
            assert await read(db, vanished.since, 1, 11) is None
            assert await read(db, vanished.since, 1, 12) == (
                [(7, 13), (8, 13), (9, 14), (10, 14)],
                False,
            )
            while not await write(db, vanished.forget, 1, 12):
                pass
            assert await read(db, vanished.page, 1, 0) == (
                [(7, 13), (8, 13), (9, 14), (10, 14)],
                False,
            )
            await write(db, vanished.forget, 1, 11)  # never backwards
            assert await read(db, vanished.since, 1, 11) is None
            assert await read(db, vanished.since, 77, 0) == ([], False)

    asyncio.run(run())

import asyncio

from postroom.db.database import Database
from postroom.policy import ban_rows
from postroom.policy.bans import FORGET_MS, Ban
from tests.conftest import Opener

EARNED = Ban("192.0.2.1/32", "smtp", "harvest", 1000, 61_000, 2)
BY_HAND = Ban("198.51.100.0/24", "all", "abuse", 1000, by_hand=True)


async def put(db: Database, *bans: Ban) -> None:
    await db.write(lambda tx: ban_rows.put(tx, bans))


async def in_force(db: Database, now: int = 2000, **more: str) -> list[Ban]:
    return await db.read(lambda tx: ban_rows.page(tx, ("", ""), 10, now, **more))


def test_bans_come_back_as_they_were_written(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await put(db, EARNED, BY_HAND)
            assert await in_force(db) == [EARNED, BY_HAND]
            assert await in_force(db, now=61_000) == [BY_HAND]
            assert await in_force(db, search="abuse") == [BY_HAND]
            assert await in_force(db, search="192.0") == [EARNED]
            assert await in_force(db, search="%") == []
            for search, many in (("", 2), ("abuse", 1), ("%", 0)):
                assert await db.read(lambda tx, s=search: ban_rows.count(tx, 2000, s)) == many  # type: ignore[misc]
            assert await db.read(ban_rows.every) == [BY_HAND, EARNED]
            page = await db.read(
                lambda tx: ban_rows.page(tx, (EARNED.network, EARNED.doors), 10, 0)
            )
            assert page == [BY_HAND]

    asyncio.run(run())


def test_what_a_server_writes_does_not_undo_what_a_postmaster_wrote(database: Opener) -> None:
    by_hand = Ban("192.0.2.1/32", "smtp", "abuse", 500, 90_000, by_hand=True)
    later = Ban("192.0.2.1/32", "smtp", "flood", 90_000, 99_000)

    async def run() -> None:
        async with database() as db:
            await put(db, EARNED)
            await put(db, by_hand)
            await put(db, EARNED)
            assert await in_force(db) == [by_hand]
            await put(db, later)  # its time is over
            assert await in_force(db) == [later]

    asyncio.run(run())


def test_a_ban_is_taken_away_whatever_the_doors(database: Opener) -> None:
    login = Ban("192.0.2.1/32", "login", "failed logins", 1000, 61_000)

    async def run() -> None:
        async with database() as db:
            await put(db, EARNED, login, BY_HAND)
            before = await db.read(ban_rows.state)
            removed = await db.write(lambda tx: ban_rows.remove(tx, ["192.0.2.1/32"]))
            assert sorted(removed, key=lambda one: one.doors) == [login, EARNED]
            assert await db.write(lambda tx: ban_rows.remove(tx, ["192.0.2.1/32"])) == []
            assert await in_force(db) == [BY_HAND]
            assert await db.read(ban_rows.state) != before

    asyncio.run(run())


def test_old_bans_are_forgotten_once_they_count_no_more(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await put(db, EARNED, BY_HAND)
            assert await db.write(lambda tx: ban_rows.purge(tx, EARNED.until + FORGET_MS)) == 0
            assert await db.write(lambda tx: ban_rows.purge(tx, EARNED.until + FORGET_MS + 1)) == 1
            assert await db.read(ban_rows.every) == [BY_HAND]

    asyncio.run(run())

"""Rows of accounts elsewhere."""

import asyncio

import msgspec
import pytest

from postroom.directory import fetchings
from postroom.directory.fetchings import HELD_MS, MAX_PAUSE_MS, Fetching
from postroom.errors import NotFound, StorageFailed
from tests.conftest import Opener
from tests.directory.town import Town
from tests.store.letters import query, read, write

KEY = bytes(32)


def test_rows_are_kept_taken_and_settled(database: Opener, data: object) -> None:
    async def run() -> None:
        async with database() as db:
            town = Town(db, data)  # type: ignore[arg-type]
            await town.domain("demo.test")
            alice = await town.account("alice@demo.test")
            one = Fetching(
                5, alice.id, "pop3", "mail.test", 995, "implicit", True, "a", False, "INBOX", "",
                True, 10, 100,
            )  # fmt: skip
            await write(db, fetchings.add, one, "secret word", KEY)
            await write(
                db, fetchings.add, msgspec.structs.replace(one, id=6, next_at=900), "x", KEY
            )
            assert await read(db, fetchings.page, 0, 10) == [
                one, msgspec.structs.replace(one, id=6, next_at=900),
            ]  # fmt: skip
            assert await read(db, fetchings.page, 5, 10, alice.id + 1) == []
            assert await read(db, fetchings.secret, 5, KEY) == "secret word"
            with pytest.raises(StorageFailed):
                await read(db, fetchings.secret, 5, b"x" * 32)
            kept = await read(db, query, "SELECT secret FROM fetching")
            assert b"secret" not in bytes(kept[0][0])
            assert await read(db, fetchings.next_due) == 100
            (taken,) = await write(db, fetchings.take, 100, 10)
            assert (taken.id, taken.next_at) == (5, 100 + HELD_MS)
            assert await write(db, fetchings.take, 100, 10) == []
            await write(db, fetchings.settle, taken, 3, "", 200)
            found = await read(db, fetchings.require, 5)
            assert (found.next_at, found.last_at, found.fetched) == (200 + 600_000, 200, 3)
            for failures in range(1, 40):
                found = await read(db, fetchings.require, 5)
                await write(db, fetchings.settle, found, 0, "x" * 999, 0)
                after = await read(db, fetchings.require, 5)
                assert after.failures == failures
                assert after.next_at == min(600_000 << min(failures, 12), MAX_PAUSE_MS)
                assert len(after.problem) == 300
            assert (await write(db, fetchings.hurry, 5, 7)).next_at == 7
            assert (await write(db, fetchings.remove, 5)).id == 5
            for gone in (fetchings.require, fetchings.remove):
                with pytest.raises(NotFound):
                    await write(db, gone, 5)
            town.directory.close()

    asyncio.run(run())

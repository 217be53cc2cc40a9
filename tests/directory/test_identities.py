"""Rows of identities: kept, replaced, forgotten with their account."""

import asyncio
from pathlib import Path

from postroom.directory import identities
from postroom.directory.identities import Kept, Mailbox
from tests.access.neighbours import ALICE, BOB, neighbours
from tests.conftest import Opener


def test_they_are_kept_by_account(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as here:
            db = here.store.db
            whole = Kept("a@b", "A", (Mailbox("r@b", "R"),), (), "t", "<p>")
            await db.write(lambda tx: identities.put(tx, ALICE, "I1", Kept()))
            await db.write(lambda tx: identities.put(tx, ALICE, "I1", whole))
            await db.write(lambda tx: identities.put(tx, BOB, "I2", Kept("", None)))
            assert await db.read(lambda tx: identities.of(tx, ALICE)) == {"I1": whole}
            assert await db.read(lambda tx: identities.made(tx, BOB)) == 1
            assert not await db.write(lambda tx: identities.remove(tx, ALICE, "I2"))
            assert await db.write(lambda tx: identities.remove(tx, ALICE, "I1"))
            assert await db.read(lambda tx: identities.made(tx, ALICE)) == 0

    asyncio.run(run())

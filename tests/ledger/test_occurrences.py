"""What happened, written only where somebody asks."""

import asyncio

from postroom.db.database import Database
from postroom.ledger import hooks, occurrences
from postroom.ledger.hooks import Hook
from postroom.ledger.occurrences import Occurrence
from postroom.ledger.rows import Fact
from tests.conftest import Opener


def fact(number: int, kind: str = "delivered", ledger_id: int = 7) -> Fact:
    return Fact(ledger_id, number, number * 10, kind, "a@x.test", detail="250")  # type: ignore[arg-type]


def test_they_are_taken_once(database: Opener) -> None:
    async def story(db: Database) -> None:
        async def offer(*facts: Fact) -> None:
            await db.write(lambda tx: occurrences.offer(tx, facts))

        await offer(fact(1))
        assert await db.write(lambda tx: occurrences.take(tx, 9)) == []
        other = Hook(1, "u", frozenset({"peer.banned"}), "", b"s", 0)
        await db.write(lambda tx: hooks.add(tx, other))
        await offer(fact(1))
        assert await db.write(lambda tx: occurrences.take(tx, 9)) == []
        hook = Hook(2, "u", frozenset({"message.bounced"}), "", b"s", 0)
        await db.write(lambda tx: hooks.add(tx, hook))
        await offer(fact(1), fact(2, "held"), fact(3, "filed"), fact(1))
        await offer(fact(4, ledger_id=8))
        assert await db.write(lambda tx: occurrences.take(tx, 1)) == [
            Occurrence(7, 1, 10, "message.delivered", None, "a@x.test", "250")
        ]
        await db.write(lambda tx: occurrences.withdraw(tx, 7))
        (last,) = await db.write(lambda tx: occurrences.take(tx, 9))
        assert (last.ledger_id, last.number) == (8, 4)
        assert await db.write(lambda tx: occurrences.take(tx, 9)) == []

    async def run() -> None:
        async with database() as db:
            await story(db)

    asyncio.run(run())

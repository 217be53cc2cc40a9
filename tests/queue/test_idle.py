"""Destinations that nothing waits for are forgotten."""

import asyncio

import pytest

from postroom.db.database import Tx
from postroom.queue import claims, idle
from postroom.queue.claims import Pace
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, letter


def names(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all("SELECT name FROM destination ORDER BY name")]


def leave(tx: Tx, *destinations: str) -> None:
    """Their deliveries have left the queue."""
    for name in destinations:
        tx.execute("DELETE FROM delivery WHERE destination = :name", name=name)
        tx.execute("UPDATE destination SET waiting = 0 WHERE name = :name", name=name)


def test_what_is_busy_or_dead_stays(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            hosts = ("busy.test", "dead.test", "gone.test", "leased.test")
            some = [letter(n, f"b@{host}") for n, host in enumerate(hosts, start=1)]
            await db.write(lambda tx: add(tx, some))
            await db.write(
                lambda tx: claims.end(tx, 90, "dead.test", Pace(1, 3, START + 60_000, "no"), START)
            )
            await db.write(lambda tx: claims.open_lease(tx, 91, "leased.test", START + 60_000))
            await db.write(lambda tx: leave(tx, *hosts[1:]))
            assert await db.read(lambda tx: idle.some(tx, START)) == ["gone.test"]
            found = ["busy.test", "dead.test", "gone.test"]  # whoever asked for too many
            await db.write(lambda tx: idle.drop(tx, START, found))
            assert await db.read(names) == ["busy.test", "dead.test", "leased.test"]
            later = START + 60_000 + idle.KEPT_MS
            assert await db.read(lambda tx: idle.some(tx, later - 1)) == []
            assert await db.read(lambda tx: idle.some(tx, later)) == ["dead.test"]
            await db.write(lambda tx: add(tx, [letter(9, "b@gone.test")]))
            assert "gone.test" in await db.read(names)

    asyncio.run(run())


def test_they_come_in_portions(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "CHUNK", 2)

    async def run() -> None:
        async with database() as db:
            hosts = [f"{n}.test" for n in range(5)]
            some = [letter(n, f"b@{host}") for n, host in enumerate(hosts, start=1)]
            await db.write(lambda tx: add(tx, some))
            await db.write(lambda tx: leave(tx, *hosts))
            assert await db.read(lambda tx: idle.some(tx, START)) == hosts[:2]
            assert await db.read(lambda tx: idle.some(tx, START, "1.test")) == hosts[2:4]
            assert await db.read(lambda tx: idle.some(tx, START, "3.test")) == hosts[4:]

    asyncio.run(run())

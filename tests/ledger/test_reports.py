"""Reports of others are kept once; ours are claimed once."""

import asyncio
from typing import Final

import msgspec

from postroom.db.ids import first_id_at
from postroom.ledger import reports
from postroom.ledger.reports import Day, Received
from tests.conftest import Opener

ONE: Final = Received(1, "dmarc", "a.test", "Them", 1_000, 2_000, 5, 2, "{}")


def test_a_report_is_kept_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            again = msgspec.structs.replace(ONE, id=2)
            other = msgspec.structs.replace(ONE, id=3, domain="b.test")
            assert await db.write(lambda tx: reports.add(tx, ONE, "r1"))
            assert not await db.write(lambda tx: reports.add(tx, again, "r1"))
            assert await db.write(lambda tx: reports.add(tx, other, "r2"))
            assert await db.read(lambda tx: reports.named(tx, 1)) == ONE
            assert await db.read(lambda tx: reports.named(tx, 2)) is None
            assert await db.read(lambda tx: reports.newest(tx, "", limit=9)) == [other, ONE]
            assert await db.read(lambda tx: reports.newest(tx, "", limit=1)) == [other]
            assert await db.read(lambda tx: reports.newest(tx, "", below=3, limit=9)) == [ONE]
            assert await db.read(lambda tx: reports.newest(tx, "a.test", limit=9)) == [ONE]
            for domain, among, found in (
                ("", ["a.test", "c.test"], [ONE]),
                ("", ["a.test", "b.test"], [other, ONE]),
                ("b.test", ["a.test"], []),
                ("a.test", ["a.test", "b.test"], [ONE]),
                ("", [], []),
            ):
                assert (
                    await db.read(
                        lambda tx, domain=domain, among=among: reports.newest(  # type: ignore[misc]
                            tx, domain, among=among, limit=9
                        )
                    )
                    == found
                )
            assert await db.write(lambda tx: reports.purge(tx, 3)) == 1
            assert await db.read(lambda tx: reports.newest(tx, "", limit=9)) == [other]

    asyncio.run(run())


def test_days_are_summed(database: Opener) -> None:
    day = 86_400_000

    async def run() -> None:
        async with database() as db:
            for number, (kind, domain, begins) in enumerate(
                (
                    ("dmarc", "a.test", 7 * day - 1),
                    ("dmarc", "a.test", 7 * day),
                    ("dmarc", "b.test", 8 * day - 1),
                    ("tls", "b.test", 8 * day),
                )
            ):
                ident = first_id_at(9 * day) + number
                one = Received(ident, kind, domain, "Them", begins, begins + day, 5, 2, "{}")  # type: ignore[arg-type]
                await db.write(lambda tx, one=one: reports.add(tx, one, str(one.id)))  # type: ignore[misc]

            async def daily(since: int, *args: object, **kwargs: object) -> list[Day]:
                found = await db.read(lambda tx: reports.daily(tx, since, *args, **kwargs))  # type: ignore[arg-type]
                return sorted(found, key=lambda one: (one.day, one.kind))

            assert await daily(7 * day, "") == [Day("dmarc", 7, 10, 4), Day("tls", 8, 5, 2)]
            assert (await daily(0, ""))[0] == Day("dmarc", 6, 5, 2)
            assert await daily(7 * day, "a.test") == [Day("dmarc", 7, 5, 2)]
            assert await daily(7 * day, "", among=["b.test"]) == [
                Day("dmarc", 7, 5, 2), Day("tls", 8, 5, 2),
            ]  # fmt: skip
            assert await daily(7 * day, "a.test", among=["b.test"]) == []
            assert await daily(10 * day, "") == []

    asyncio.run(run())


def test_a_report_is_sent_by_one(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert not await db.read(lambda tx: reports.is_sent(tx, 5, "tls", "a.test"))
            assert await db.write(lambda tx: reports.claim(tx, 5, "tls", "a.test"))
            assert not await db.write(lambda tx: reports.claim(tx, 5, "tls", "a.test"))
            assert await db.write(lambda tx: reports.claim(tx, 5, "dmarc", "a.test"))
            assert await db.read(lambda tx: reports.is_sent(tx, 5, "tls", "a.test"))
            await db.write(lambda tx: reports.give_back(tx, 5, "tls", "a.test"))
            assert await db.write(lambda tx: reports.claim(tx, 5, "tls", "a.test"))
            assert await db.write(lambda tx: reports.purge_sent(tx, 35)) == 0
            assert await db.write(lambda tx: reports.purge_sent(tx, 36)) == 2

    asyncio.run(run())

import asyncio

from postroom.directory import accounts, vacations
from postroom.directory.vacations import Vacation
from tests.directory.town import Towns

AWAY = Vacation('Back in May.\n\n"B"', "Away", "2026-04-01", "2026-04-30", 3, ("b@demo.test",))


def test_a_vacation_is_set_replaced_and_ended(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            for away in (AWAY, Vacation("gone")):
                await t.directory.change(
                    lambda tx, away=away: vacations.put(tx, alice.id, away)  # type: ignore[misc]
                )
                assert await t.db.read(lambda tx: vacations.of(tx, alice.id)) == away
            assert await t.db.read(lambda tx: vacations.of(tx, bob.id)) is None
            assert await t.directory.change(lambda tx: vacations.remove(tx, alice.id))
            assert not await t.directory.change(lambda tx: vacations.remove(tx, alice.id))
            assert await t.db.read(lambda tx: vacations.of(tx, alice.id)) is None

    asyncio.run(run())


def test_it_goes_with_its_account(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.directory.change(lambda tx: vacations.put(tx, alice.id, AWAY))
            await t.remove("alice@demo.test")
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert await t.db.read(lambda tx: vacations.of(tx, alice.id)) is None

    asyncio.run(run())

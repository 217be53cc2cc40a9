import asyncio

from postroom.db.database import Tx
from postroom.directory import accounts, digests
from postroom.directory.digests import DAY_MS, Digest
from tests.directory.town import Towns

NOW = 1_000_000_000_000


def test_a_letter_is_claimed_once_when_it_is_due(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")

            def claim(at: int, most: int = 9) -> asyncio.Future[list[Digest]]:
                return asyncio.ensure_future(t.db.write(lambda tx: digests.claim(tx, at, most)))

            def begin(tx: Tx) -> None:
                digests.put(tx, alice.id, 1, NOW)
                digests.put(tx, bob.id, 7, NOW)

            await t.db.write(begin)
            assert await claim(NOW + DAY_MS - 1) == []
            later = NOW + DAY_MS
            assert await claim(later) == [Digest(alice.id, 1, NOW)]
            assert await claim(later) == []
            one = Digest(alice.id, 1, NOW)
            await t.db.write(lambda tx: digests.give_back(tx, one, later))
            assert await claim(later) == [one]
            # chosen again as it was, nothing begins anew
            await t.db.write(lambda tx: digests.put(tx, alice.id, 1, later + 5))
            long = NOW + 30 * DAY_MS
            assert await claim(long, 1) == [Digest(alice.id, 1, later)]
            assert await claim(long, 1) == [Digest(bob.id, 7, NOW)]
            await t.db.write(lambda tx: digests.put(tx, bob.id, 0, long))
            assert await t.db.read(lambda tx: digests.chosen(tx, bob.id)) == 0
            assert await t.db.read(lambda tx: digests.undecided(tx, 0, 9)) == []
            await t.db.write(lambda tx: digests.put(tx, bob.id, None, long))
            assert await t.db.read(lambda tx: digests.chosen(tx, bob.id)) is None
            undecided = await t.db.read(lambda tx: digests.undecided(tx, 0, 9))
            assert undecided == [(bob.id, "demo.test", 0)]
            # who has chosen meanwhile keeps that
            await t.db.write(lambda tx: digests.follow(tx, [(alice.id, 7), (bob.id, 7)], long))
            undecided = await t.db.read(lambda tx: digests.undecided(tx, 0, 9))
            assert undecided == [(bob.id, "demo.test", 7)]
            assert await t.db.read(lambda tx: digests.chosen(tx, alice.id)) == 1
            await t.db.write(digests.end_following)
            assert not await t.db.read(digests.is_followed)
            await t.directory.change(lambda tx: accounts.change(tx, alice, is_disabled=True))
            assert await claim(long * 2) == []

    asyncio.run(run())

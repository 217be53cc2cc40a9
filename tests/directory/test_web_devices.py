import asyncio

from postroom.directory import accounts, web_devices
from postroom.directory.web_devices import KEPT_MS, MOST, Acquaintance
from tests.directory.town import Towns, at


def test_a_browser_is_known_again_for_a_year(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            idents = []
            for address in ("bob@demo.test", "eve@demo.test"):
                await t.account(address)
                found = await t.directory.look(
                    lambda tx, address=address: accounts.require(tx, at(address))  # type: ignore[misc]
                )
                idents.append(found.id)
            bob, eve = idents

            async def met(account: int, digest: bytes, now: int) -> Acquaintance:
                return await t.directory.change(
                    lambda tx: web_devices.met(tx, account, digest, now)
                )

            assert await met(bob, b"a", 0) is Acquaintance.FIRST
            assert await met(bob, b"a", 1) is Acquaintance.KNOWN
            assert await met(bob, b"b", 2) is Acquaintance.NEW
            assert await met(bob, b"b", 3) is Acquaintance.KNOWN
            assert await met(eve, b"a", 4) is Acquaintance.FIRST
            assert await met(bob, b"a", KEPT_MS) is Acquaintance.KNOWN
            assert await met(bob, b"b", 2 * KEPT_MS) is Acquaintance.NEW
            for n in range(2 * MOST):
                assert await met(bob, b"n%d" % n, 2 * KEPT_MS + n) is Acquaintance.NEW
            rows = await t.directory.look(
                lambda tx: tx.one("SELECT count(*) FROM web_device WHERE account_id = :id", id=bob)
            )
            assert rows == (MOST,)
            last = b"n%d" % (2 * MOST - 1)
            assert await met(bob, last, 3 * KEPT_MS - 9) is Acquaintance.KNOWN

    asyncio.run(run())

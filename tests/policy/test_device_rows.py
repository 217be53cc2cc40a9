import asyncio

from postroom.policy import device_rows
from postroom.policy.devices import KNOWN_MS, Device
from tests.conftest import Opener

OLD = Device("alice@local.test", "192.0.2.1", 1000)
NEW = Device("bob@local.test", "2001:db8::/64", 2000)


def test_devices_are_kept_while_they_are_known(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: device_rows.put(tx, [NEW, OLD]))
            assert await db.read(lambda tx: device_rows.every(tx, 3000)) == [OLD, NEW]
            assert await db.read(lambda tx: device_rows.every(tx, 1000 + KNOWN_MS)) == [NEW]
            assert await db.write(lambda tx: device_rows.purge(tx, 1000 + KNOWN_MS)) == 1
            assert await db.read(lambda tx: device_rows.every(tx, 3000)) == [NEW]

    asyncio.run(run())


def test_those_of_late_are_told_apart(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: device_rows.put(tx, [NEW, OLD]))
            assert await db.read(lambda tx: device_rows.since(tx, 1999)) == [NEW]
            assert await db.read(lambda tx: device_rows.since(tx, 2000)) == []

    asyncio.run(run())


def test_the_last_time_counts(database: Opener) -> None:
    earlier, later = Device(NEW.login, NEW.network, 1), Device(NEW.login, NEW.network, 9000)

    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: device_rows.put(tx, [NEW]))
            await db.write(lambda tx: device_rows.put(tx, [earlier]))
            assert await db.read(lambda tx: device_rows.every(tx, 3000)) == [NEW]
            await db.write(lambda tx: device_rows.put(tx, [later]))
            assert await db.read(lambda tx: device_rows.every(tx, 3000)) == [later]

    asyncio.run(run())

"""Sessions end with the account or the password that they were opened with, and no others."""

import asyncio
from pathlib import Path

from postroom.directory.login import OUTSIDE
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.revocation import Revocation
from tests.conftest import Opener
from tests.directory.town import Town
from tests.listen.test_connections import Fake


async def logged_in(town: Town, connections: Connections, login: str, password: str) -> Fake:
    found = await town.directory.password(login, password, "imap")
    assert found is not None
    one = Fake(connections)
    one.owner = (found.account_id, found.credential_id)
    return one


def test_who_may_be_here_no_longer_is_sent_away(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            town = Town(db, data)
            await town.domain("local.test")
            connections = Connections(Caps(total=10, per_network=10), grace=0)
            watch = Revocation(db, connections)
            await watch.look()
            for name in ("ann", "bob", "eve"):
                await town.account(f"{name}@local.test")
                await town.password(f"{name}@local.test", "Secret-Word-1")
            ann, bob, eve = [
                await logged_in(town, connections, f"{name}@local.test", "Secret-Word-1")
                for name in ("ann", "bob", "eve")
            ]
            stranger, token, outside = [Fake(connections) for _ in range(3)]
            assert bob.owner is not None
            token.owner = (bob.owner[0], 0)
            outside.owner = (bob.owner[0], OUTSIDE.id)
            await watch.look()
            await town.account("new@local.test")
            await watch.look()
            assert ann.told == bob.told == eve.told == []
            await town.password("bob@local.test", "Other-Word-22")
            await watch.look()
            assert bob.told == ["expel"]
            assert token.told == outside.told == []
            await town.disable("ann@local.test")
            await town.remove("eve@local.test")
            await town.disable("bob@local.test")
            await watch.look()
            assert ann.told == eve.told == token.told == outside.told == ["expel"]
            assert stranger.told == []
            await connections.drain(0)
            town.directory.close()

    asyncio.run(run())


def test_a_login_that_was_late_is_looked_at(database: Opener, data: Path) -> None:
    """Its password ended between the login and the moment the session knew of it."""

    async def run() -> None:
        async with database() as db:
            town = Town(db, data)
            await town.domain("local.test")
            for name in ("ann", "bob"):
                await town.account(f"{name}@local.test")
                await town.password(f"{name}@local.test", "Secret-Word-1")
            connections = Connections(Caps(total=10, per_network=10), grace=0)
            watch = Revocation(db, connections)
            ann = await logged_in(town, connections, "ann@local.test", "Secret-Word-1")
            bob = await logged_in(town, connections, "bob@local.test", "Secret-Word-1")
            owner, bob.owner = bob.owner, None
            await town.disable("bob@local.test")
            await watch.look()
            bob.owner = owner
            await watch.look()
            assert (ann.told, bob.told) == ([], ["expel"])
            await connections.drain(0)
            town.directory.close()

    asyncio.run(run())


def test_a_hint_wakes_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            town = Town(db, data)
            await town.domain("local.test")
            await town.account("ann@local.test")
            await town.password("ann@local.test", "Secret-Word-1")
            connections = Connections(Caps(total=10, per_network=10), grace=0)
            watch = Revocation(db, connections, every=1000)
            ann = await logged_in(town, connections, "ann@local.test", "Secret-Word-1")
            task = asyncio.create_task(watch.run())
            await town.disable("ann@local.test")
            watch.hint()
            async with asyncio.timeout(30):
                await ann.was_told.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connections.drain(0)
            town.directory.close()

    asyncio.run(run())

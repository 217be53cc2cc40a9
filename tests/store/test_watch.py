"""Sessions of one server learn what another did."""

import asyncio
from pathlib import Path

import pytest

from postroom.directory import version
from postroom.errors import StorageFailed
from postroom.notify import DIRECTORY, Notify
from postroom.store import mailboxes
from postroom.store.store import account_key
from postroom.store.watch import Watch
from postroom.telemetry.events import StorageTrouble
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.fakes import Recorder

LETTER = b"Subject: x\r\n\r\nbody\r\n"


class Woken(list[int]):
    """The mailboxes that somebody was woken for."""

    async def settle(self) -> list[int]:
        """Those since the last time."""
        await asyncio.sleep(0)
        found, self[:] = sorted(self), []
        return found


def test_only_those_who_wait_for_a_changed_mailbox_are_woken(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, account_id=1)
            await put(store, LETTER, account_id=2)
            here = Notify()  # of another server than the shop
            watch, woken = Watch(store.db, here, version.read), Woken()
            await watch.look()
            ends = [here.subscribe(key, lambda key=key: woken.append(key)) for key in (1, 2)]  # type: ignore[misc]
            await watch.look()
            assert await woken.settle() == [1, 2]  # perhaps something came before the first look
            await watch.look()
            assert await woken.settle() == []
            await put(store, LETTER, account_id=2)
            await watch.look()
            assert await woken.settle() == [2]
            await store.remove_account(1)
            await watch.look()
            assert await woken.settle() == [1]
            for end in ends:
                end()
            await put(store, LETTER, account_id=2)
            await watch.look()
            assert await woken.settle() == []

    asyncio.run(go())


def test_what_is_an_accounts_own_is_looked_at_too(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with shop(database, data) as store:
            for account in (1, 2):
                await store.furnish(account)
            here = Notify()
            watch, woken = Watch(store.db, here, version.read), Woken()
            keys = {"names": account_key(1), "others": account_key(2), "directory": DIRECTORY}
            for key in keys.values():
                here.subscribe(key, lambda key=key: woken.append(key))  # type: ignore[misc]
            await watch.look()
            await woken.settle()

            async def after(*work: object) -> list[int]:
                await store.write(*work)  # type: ignore[arg-type]
                await watch.look()
                return await woken.settle()

            ids, now = [store.ids.next()], store.clock()
            assert await after(mailboxes.create, 1, "One", None, ids, now) == [keys["names"]]
            assert await after(mailboxes.rename, 1, "One", "Two", now) == [keys["names"]]
            assert await after(mailboxes.subscribe, 2, "x") == [keys["others"]]
            assert await after(mailboxes.unsubscribe, 2, "x") == [keys["others"]]
            assert await after(mailboxes.bury, 1, "Two", now) == [keys["names"]]
            assert await after(version.bump) == [keys["directory"]]
            assert await after(version.read) == []

    asyncio.run(go())


def test_a_database_that_is_down_is_told_and_asked_again(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def go() -> None:
        async with shop(database, data) as store:
            here = Notify()
            woken = Woken()
            here.subscribe(1, lambda: woken.append(1))
            rounds = 0

            class Down(Notify):
                def watched(self) -> list[int]:
                    if rounds == 1:
                        raise StorageFailed(detail="down")
                    return here.watched()

                def publish(self, keys: object) -> None:
                    here.publish([1])

            async def sleep(_seconds: float) -> None:
                nonlocal rounds
                rounds += 1
                if rounds == 3:
                    raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                await Watch(store.db, Down(), version.read).run(sleep)
            assert [one.where for one in events.of(StorageTrouble)] == ["watch"]
            assert await woken.settle() == [1]

    asyncio.run(go())

"""Sessions of one server learn what another did."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import StorageFailed
from postroom.notify import Notify
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
            watch, woken = Watch(store.db, here), Woken()
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
                await Watch(store.db, Down()).run(sleep)
            assert [one.where for one in events.of(StorageTrouble)] == ["watch"]
            assert await woken.settle() == [1]

    asyncio.run(go())

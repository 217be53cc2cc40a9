"""Two servers on one database: who watches at one of them hears what was done at the other.

Random changes are made at one server. A client at the other applies what it is told to its
own picture of mailboxes, subscriptions, messages and annotations, which must then be the one
that the database has. Nothing is published between the two: the second server only looks
(``store.watch``), as servers that share a PostgreSQL do.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.access.annotations import Annotations
from postroom.access.folders import Folders
from postroom.access.places import Places
from postroom.access.watching import Annotated, Counted, News, Watching
from postroom.directory import version
from postroom.directory.login import Identity
from postroom.notify import Notify
from postroom.protocol.imap.notify import Event, EventGroup, Watched
from postroom.store.store import Store
from postroom.store.watch import Watch
from tests.access.shop import put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"
PERSON = Identity(1, "alice@demo.test", "", False, 1)
NAMES = ("A", "B", "A/B", "A/B/C", "B/A", "D")
ENTRY = "/private/comment"


class Server:
    """A server without doors."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.places = Places(PERSON, store)
        self.folders = Folders(PERSON, store, self.places)
        self.annotations = Annotations(PERSON, store, self.places)


@contextlib.asynccontextmanager
async def servers(database: Opener, data: Path) -> AsyncIterator[tuple[Server, Server]]:
    """Two of them: what is published at one wakes nobody at the other."""
    async with shop(database, data) as first:
        notify = Notify()
        second = Store(first.db, first.blobs, first.ids, first.clock, notify)
        try:
            yield Server(first), Server(second)
        finally:
            notify.close()


class Picture:
    """What a client knows, by what it was told only."""

    def __init__(self) -> None:
        self.names: dict[str, bool] = {}
        self.messages: dict[str, int] = {}
        self.annotated = 0

    def apply(self, news: list[News]) -> None:
        for one in news:
            if isinstance(one, Counted):
                self.messages[one.name] = one.status.messages
            elif isinstance(one, Annotated):
                assert one.entries
                self.annotated += 1
            elif one.is_gone:
                del self.names[one.folder.name]
                self.messages.pop(one.folder.name, None)
            else:
                if one.old_name:
                    self._rename(one.old_name, one.folder.name)
                self.names[one.folder.name] = one.folder.subscribed

    def _rename(self, old: str, new: str) -> None:
        self.names = {renamed(name, old, new): value for name, value in self.names.items()}
        self.messages = {renamed(name, old, new): value for name, value in self.messages.items()}


def renamed(name: str, old: str, new: str) -> str:
    return new + name[len(old) :] if name == old or name.startswith(old + "/") else name


async def change(server: Server, chance: random.Random, there: list[str]) -> int:
    """Do something; how many annotations have changed by it."""
    own = [name for name in there if name in NAMES]
    free = [name for name in NAMES if name not in there]
    kind = chance.choice(["create", "rename", "delete", "subscribe", "put", "annotate"])
    if kind == "create" and free:
        await server.folders.create(chance.choice(free))
    elif kind == "rename" and own:
        old = chance.choice(own)
        new = f"{chance.choice('EFGH')}{chance.randrange(10**9)}"
        await server.folders.rename(old, new)
        await server.folders.rename(new, old)
        if chance.random() < 0.5:
            await server.folders.rename(old, new)
            await server.folders.delete(new)
    elif kind == "delete" and own:
        await server.folders.delete(chance.choice(own))
    elif kind == "subscribe":
        name = chance.choice(there)
        if name in await server.folders.subscriptions():
            await server.folders.unsubscribe(name)
        else:
            await server.folders.subscribe(name)
    elif kind == "put":
        await put(server.store, LETTER, mailbox=chance.choice(there))
    elif kind == "annotate":
        value = chance.choice([b"x", None])
        await server.annotations.change(chance.choice(there), [(ENTRY, value)])
        return 1
    return 0


@pytest.mark.parametrize("seed", range(4))
def test_a_client_of_another_server_has_the_whole_picture(
    database: Opener, data: Path, seed: int
) -> None:
    chance = random.Random(seed)

    async def run() -> None:
        async with servers(database, data) as (here, there):
            await here.places.furnish()
            watch = Watch(there.store.db, there.store.notify, version.read)
            woken = asyncio.Event()
            events = frozenset(Event)
            groups = [EventGroup(Watched.PERSONAL, events)]
            watching = Watching(there.folders, there.store, groups, woken.set)
            began = await watching.begin(0, with_status=True)
            picture = Picture()
            picture.names = {one.name: one.subscribed for one in await there.folders.list()}
            picture.messages = {one.name: one.status.messages for one in began}
            await watch.look()
            annotated = 0
            for _ in range(40):
                for _ in range(chance.choice((1, 1, 2, 4))):
                    names = [one.name for one in await here.folders.list() if one.selectable]
                    annotated += await change(here, chance, names)
                await watch.look()
                await asyncio.sleep(0)
                if woken.is_set():
                    woken.clear()
                    picture.apply(await watching.look(0))
                listed = [one for one in await here.folders.list() if one.selectable]
                assert picture.names == {one.name: one.subscribed for one in listed}
                counted = await here.folders.statuses(listed)
                told = {one.name: counted[one.id].messages for one in listed}
                assert {name: picture.messages.get(name, 0) for name in told} == told
            assert 0 < picture.annotated <= annotated
            watching.close()

    asyncio.run(run())

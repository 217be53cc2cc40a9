r"""What people teach the spam filter by what they do."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import teaching
from postroom.access.append import Appender
from postroom.access.view import FlagChange
from postroom.policy import lessons
from postroom.post.commit import Post
from postroom.store.flags import ANSWERED, SEEN
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store
from tests.access.shop import opened, place_of, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def mailbox(use: str | None) -> Mailbox:
    return Mailbox(1, 1, "x", use, 1, 1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (None, "\\Junk", True),
        ("\\Archive", "\\Junk", True),
        ("\\Junk", "\\Junk", None),
        ("\\Junk", None, False),
        ("\\Junk", "\\Archive", False),
        ("\\Junk", "\\Trash", None),
        (None, "\\Trash", None),
        (None, "\\Archive", False),
        (None, None, None),
        ("\\Archive \\Junk", None, False),
    ],
)
def test_by_moving(source: str | None, target: str | None, said: bool | None) -> None:
    assert teaching.by_moving(mailbox(source), mailbox(target)) is said


@pytest.mark.parametrize(
    ("change", "use", "said"),
    [
        (FlagChange("add", 0, frozenset({"$Junk"})), None, True),
        (FlagChange("add", 0, frozenset({"Junk"})), None, True),
        (FlagChange("add", 0, frozenset({"$NotJunk"})), "\\Junk", False),
        (FlagChange("replace", SEEN, frozenset({"NonJunk"})), None, False),
        (FlagChange("add", 0, frozenset({"$Junk", "$NotJunk"})), None, None),
        (FlagChange("remove", 0, frozenset({"$Junk"})), None, None),
        (FlagChange("add", 0, frozenset({"$Junk"}), names=False), None, None),
        (FlagChange("add", ANSWERED), None, False),
        (FlagChange("add", ANSWERED), "\\Junk", None),
        (FlagChange("add", ANSWERED, mask=SEEN), None, None),
        (FlagChange("add", SEEN), None, None),
        (FlagChange("replace", ANSWERED), None, None),
    ],
)
def test_by_flags(change: FlagChange, use: str | None, said: bool | None) -> None:
    assert teaching.by_flags(change, mailbox(use)) is said


async def waiting(store: Store) -> list[bool]:
    return [one.is_spam for one in await store.read(lessons.waiting)]


def test_moving_copying_and_marking(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            store.learns = True
            await store.furnish(1)
            await put(store, *[LETTER] * 3)
            inbox = await opened(store)
            await inbox.copy([(1, 1)], await place_of(store, "Trash"))
            assert await waiting(store) == []
            await inbox.move([(1, 2)], await place_of(store, "Junk"))
            assert await waiting(store) == [True, True]
            junk = await opened(store, "Junk")
            await junk.copy([(2, 2)], await place_of(store, "INBOX"))
            assert await waiting(store) == [True, False]
            await junk.store([(1, 2)], FlagChange("add", 0, frozenset({"$NotJunk"})))
            assert await waiting(store) == [False, False]
            await (await opened(store)).store([(3, 3)], FlagChange("add", ANSWERED))
            assert await waiting(store) == [False, False, False]

    asyncio.run(run())


def test_putting_into_junk(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            store.learns = True
            await store.furnish(1)
            work = Appender(store, Post(store.db, store.blobs, store.notify, store.clock))
            for name, said in (("INBOX", []), ("Junk", [True])):
                await work.begin(await place_of(store, name))
                await work.message(0, [], 0)
                await work.expect(len(LETTER))
                await work.write(LETTER)
                await work.finish()
                assert await waiting(store) == said

    asyncio.run(run())


def test_a_filter_that_is_off_notes_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await put(store, LETTER)
            inbox = await opened(store)
            await inbox.store([(1, 1)], FlagChange("add", 0, frozenset({"$Junk"})))
            await inbox.move([(1, 1)], await place_of(store, "Junk"))
            assert await waiting(store) == []

    asyncio.run(run())

"""One message for several mailboxes: one row, an entry in each, all or nothing."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.append import TooBig
from postroom.access.depositing import Deposit
from postroom.blobs.files import Step
from postroom.errors import Invalid, MailboxFull, NotAllowed, NotFound, Refused
from postroom.post.commit import Post
from postroom.store import entries, mailboxes
from postroom.store.flags import DELETED, SEEN
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.neighbours import ALICE, BOB, neighbours
from tests.access.shop import audit, opened, place_of, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"


def deposit(store: Store, max_message: int = 0, step: Step = lambda _name: None) -> Deposit:
    post = Post(store.db, store.blobs, store.notify, store.clock, step=step)
    return Deposit(store, post, max_message=max_message)


async def nothing_there(store: Store, data: Path) -> None:
    row = await store.db.read(
        lambda tx: tx.one(
            "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM message),"
            " (SELECT count(*) FROM blob)"
        )
    )
    assert row == (0, 0, 0)
    assert not [path for path in (data / "blobs").rglob("*") if path.is_file()]


def test_a_message_is_in_every_mailbox_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = [await place_of(store, name) for name in ("INBOX", "Archive")]
            work = deposit(store)
            await work.begin(places, len(LETTER))
            for start in range(0, len(LETTER), 7):
                await work.write(LETTER[start : start + 7])
            made = await work.finish(SEEN, ["work"], 77)
            assert [one.mailbox_id for one in made.filed] == [one.mailbox.id for one in places]
            assert made.size == len(LETTER)
            for place, one in zip(places, made.filed, strict=True):
                rows = await store.read(entries.rows_of, place.mailbox.id, [Span(one.uid, one.uid)])
                assert [row[:3] for row in rows] == [(1, SEEN, "work")]
            message = await store.db.read(
                lambda tx: tx.all("SELECT id, blob_id, thread_id, received, refs FROM message")
            )
            assert message == [(made.message_id, made.blob_id, made.thread_id, 77, 2)]
            await audit(store)

    asyncio.run(run())


def test_a_large_message_leaves_no_file_behind_when_it_is_refused(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 300_000}) as store:
            places = [await place_of(store, name) for name in ("INBOX", "Archive")]
            letter = LETTER + bytes(range(33, 127)) * 2_000  # fits once, not twice
            with pytest.raises(MailboxFull):
                await deposit(store).begin(places, len(letter))
            work = deposit(store)
            await work.begin(places, 10)  # who says less is found out by the commit
            await work.write(letter)
            with pytest.raises(MailboxFull):
                await work.finish(0, [], 0)
            await nothing_there(store, data)
            work = deposit(store, max_message=1_000)
            with pytest.raises(TooBig):
                await work.begin(places, 1_001)
            await work.begin(places, 1_000)
            with pytest.raises(TooBig):
                await work.write(letter)
            await work.abort()
            await nothing_there(store, data)
            await audit(store)

    asyncio.run(run())


def test_what_is_no_message_is_refused(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = [await place_of(store, "INBOX")]
            work = deposit(store)
            with pytest.raises(ValueError, match="begun"):
                await work.finish(0, [], 0)
            for octets, error in ((b"", Invalid), (b"a: b\r\n\r\n\0", Refused)):
                await work.begin(places, len(octets))
                await work.write(octets)
                with pytest.raises(error):
                    await work.finish(0, [], 0)
            await nothing_there(store, data)

    asyncio.run(run())


def test_a_mailbox_that_goes_meanwhile_keeps_all_of_it_away(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = [await place_of(store, name) for name in ("INBOX", "Archive")]
            work = deposit(store)
            await work.begin(places, len(LETTER))
            await work.write(LETTER)
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound, match="deleted"):
                await work.finish(0, [], 0)
            await nothing_there(store, data)
            await audit(store)

    asyncio.run(run())


@pytest.mark.parametrize("at", ["filed", "blob", "told"])
def test_a_crash_in_the_commit_leaves_nothing(database: Opener, data: Path, at: str) -> None:
    class Crash(Exception):
        pass

    def step(name: str) -> None:
        if name == at:
            raise Crash

    async def run() -> None:
        async with shop(database, data) as store:
            places = [await place_of(store, name) for name in ("INBOX", "Archive")]
            work = deposit(store, step=step)
            await work.begin(places, len(LETTER))
            await work.write(LETTER)
            with pytest.raises(Crash):
                await work.finish(0, [], 0)
            await nothing_there(store, data)
            await audit(store)

    asyncio.run(run())


def test_rights_decide_where_and_with_which_flags(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as here:
            store = here.store
            await here.share(ALICE, "INBOX", "bob@demo.test", "lrsi")
            await here.share(ALICE, "Archive", "bob@demo.test", "lr")
            inbox = await here.place(BOB, "Other Users/alice@demo.test/INBOX")
            archive = await here.place(BOB, "Other Users/alice@demo.test/Archive")
            work = deposit(store)
            with pytest.raises(NotAllowed):
                await work.begin([inbox, archive], 10)
            for flags, words in ((DELETED, []), (0, ["work"])):
                await work.begin([inbox], 10)
                await work.write(LETTER)
                with pytest.raises(NotAllowed):
                    await work.finish(flags, words, 0)
                await work.abort()
            await work.begin([inbox], 10)
            await work.write(LETTER)
            await work.finish(SEEN, [], 0)
            mine = await store.read(mailboxes.find, ALICE, "INBOX")
            assert mine is not None
            whole = [Span(1, 9)]
            assert (await store.read(entries.rows_of, mine.id, whole))[0][1] == 0
            assert (await store.read(entries.rows_of, mine.id, whole, member=BOB))[0][1] == SEEN
            assert (await opened(store, account_id=ALICE)).exists == 1

    asyncio.run(run())

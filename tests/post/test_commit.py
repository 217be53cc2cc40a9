"""All or nothing: a letter's rows, its file, its wake-ups."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw
import msgspec
import pytest

from postroom.blobs.prepared import IN_FILE, IN_FRAMES
from postroom.db.database import Database, ItemT, ResultT, Tx
from postroom.db.open import open_database
from postroom.errors import MailboxFull, StorageFailed, StorageFull
from postroom.ledger import trace
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.queue import listing, rows as queue
from postroom.queue.submissions import Wish
from postroom.quota import Quota
from postroom.store import removal, usage
from postroom.store.rejects import Reject
from postroom.store.removal import Removal
from postroom.store.spans import Span
from postroom.store.store import account_key
from postroom.telemetry.events import MailboxWarned
from tests.conftest import Opener
from tests.db.faulty import disk
from tests.fakes import Recorder
from tests.post.office import BODY, HEAD, Office, large, letter, office, over, row_counts


def test_everything_of_a_letter_is_there_afterwards(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            one = letter(place, 1, 2, remote=("b@other.test", "c@x.test"))
            filed = await place.post.commit(one)
            assert [(f.account_id, f.mailbox_id, f.uid) for f in filed] == [(1, 1, 1), (2, 2, 1)]
            assert await place.counts() == {
                "blob": 1, "message": 2, "entry": 2, "queued": 1, "delivery": 2, "ledger": 1,
                "ledger_event": 4,
            }  # fmt: skip
            assert one.entry is not None
            ident = one.entry.id
            story = await place.db.read(lambda tx: trace.by_id(tx, ident))
            assert story is not None
            assert [fact.kind for fact in story.facts] == ["filed", "filed", "queued", "queued"]
            shown = await place.db.read(lambda tx: listing.show(tx, ident))
            assert shown is not None
            octets = [piece async for piece in place.blobs.stream(place.db, one.blob.id)]
            assert b"".join(octets) == HEAD + BODY
            refs = await place.db.read(lambda tx: tx.one("SELECT refs FROM blob"))
            assert refs == (3,)

    asyncio.run(run())


def test_many_at_once_are_each_answered_their_own(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            letters = [letter(place, 1 + number % 3) for number in range(60)]
            answers = await asyncio.gather(*(place.post.commit(one) for one in letters))
            seen = {(f.mailbox_id, f.uid) for (f,) in answers}
            assert seen == {(box, uid) for box in (1, 2, 3) for uid in range(1, 21)}
            assert all(f.account_id == 1 + n % 3 for n, (f,) in enumerate(answers))

    asyncio.run(run())


def test_a_refused_letter_leaves_nothing_and_others_go_on(database: Opener, data: Path) -> None:
    """I7: the quota counts in the commit."""

    async def run() -> None:
        async with office(database, data) as place:
            full = [letter(place, 1, quota=len(HEAD + BODY)) for _ in range(10)]
            fine = [letter(place, 2) for _ in range(10)]
            both = letter(place, 2, 1, remote=("b@x.test",), quota=1)
            await place.post.commit(letter(place, 1, quota=1))
            answers = await asyncio.gather(
                *(place.post.commit(one) for one in [*full, *fine, both]), return_exceptions=True
            )
            assert [isinstance(answer, MailboxFull) for answer in answers] == (
                [True] * 10 + [False] * 10 + [True]
            )
            assert await place.counts() == {
                "blob": 11, "message": 11, "entry": 11, "ledger": 11, "ledger_event": 11,
            }  # fmt: skip
            total = await place.db.read(lambda tx: usage.usage_of(tx, 1))
            assert total.messages == 1

    asyncio.run(run())


def test_the_file_of_a_refused_letter_goes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            await place.post.commit(letter(place, 1))
            refused = letter(place, 1, quota=1, blob=await large(place))
            assert refused.blob.place in {IN_FILE, IN_FRAMES}
            assert len(place.files()) == 1
            with pytest.raises(MailboxFull):
                await place.post.commit(refused)
            assert place.files() == []
            assert (await place.counts())["blob"] == 1
            kept = letter(place, 1, blob=await large(place))
            await place.post.commit(kept)
            assert len(place.files()) == (kept.blob.place == IN_FILE)
            await place.blobs.verify(place.db, kept.blob.id)

    asyncio.run(run())


def test_letters_that_come_of_another_share_its_fate(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            await place.post.commit(letter(place, 1))
            before = await place.counts()
            also = letter(place, remote=("b@x.test",), blob=await large(place))
            refused = msgspec.structs.replace(letter(place, 1, quota=1), also=(also,))
            with pytest.raises(MailboxFull):
                await place.post.commit(refused)
            assert await place.counts() == before
            assert place.files() == []
            also = letter(place, remote=("b@x.test",), blob=await large(place))
            taken = msgspec.structs.replace(letter(place, 1), also=(also,))
            await place.post.commit(taken)
            counts = await place.counts()
            assert (counts["queued"], counts["delivery"], counts["ledger"]) == (1, 1, 3)
            await place.blobs.verify(place.db, also.blob.id)
            await place.db.write(lambda tx: place.post._undo(taken, tx))
            counts = await place.counts()
            assert (counts["message"], counts["ledger"]) == (1, 1)
            assert "queued" not in counts

    asyncio.run(run())


@pytest.mark.parametrize("remote", [(), ("b@x.test",)])
def test_a_letter_that_comes_twice_is_there_once(
    database: Opener, data: Path, remote: tuple[str, ...]
) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            one = letter(place, 1, 2, remote=remote)
            first = await place.post.commit(one)
            before = await place.counts()
            assert await place.post.commit(one) == first
            assert await place.counts() == before
            other = letter(place, 1)
            again, new = await asyncio.gather(place.post.commit(one), place.post.commit(other))
            assert again == first
            assert new[0].uid == 2

    asyncio.run(run())


def test_twice_with_an_expunge_between_keeps_the_octets(database: Opener, data: Path) -> None:
    """The copy that can be had back still names the blob."""

    async def run() -> None:
        async with office(database, data) as place:
            one = letter(place, 1, 2, blob=await large(place))
            first = await place.post.commit(one)
            span = Span(first[0].uid, first[0].uid)
            order = Removal(1, first[0].mailbox_id, span, keeps=place.ids)
            await place.db.write(lambda tx: removal.expunge(tx, place.blobs, order, 5))
            again = await place.post.commit(one)
            assert [(f.account_id, f.uidvalidity, f.uid) for f in again] == [
                (f.account_id, f.uidvalidity, f.uid) for f in first
            ]
            await place.blobs.verify(place.db, one.blob.id)

    asyncio.run(run())


def test_twice_without_copies_or_without_entry(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            relayed = letter(place, remote=("b@x.test",))
            assert await place.post.commit(relayed) == []
            assert await place.post.commit(relayed) == []
            appended = letter(place, 1, with_entry=False)
            assert await place.post.commit(appended) == await place.post.commit(appended)
            stolen = msgspec.structs.replace(letter(place, 2), blob=appended.blob)
            with pytest.raises(StorageFailed):
                await place.post.commit(stolen)
            assert (await place.db.read(lambda tx: usage.usage_of(tx, 2))).messages == 0

    asyncio.run(run())


def test_sessions_and_workers_are_woken_once_a_batch(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            published: list[set[int]] = []
            place.notify.publish = lambda keys: published.append(set(keys))  # type: ignore[method-assign]
            letters = [letter(place, 1 + number % 2) for number in range(30)]
            letters.append(letter(place, remote=("b@x.test",)))
            await asyncio.gather(*(place.post.commit(one) for one in letters))
            await asyncio.sleep(0)
            assert set().union(*published) == {1, 2, queue.NOTIFY_KEY}
            assert len(published) < 10

    asyncio.run(run())


def test_who_watches_names_hears_of_a_mailbox_that_was_made(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            published: list[set[int]] = []
            place.notify.publish = lambda keys: published.append(set(keys))  # type: ignore[method-assign]
            for _ in range(2):
                one = letter(place, 1)
                fresh = (place.ids.next(),)
                copy = msgspec.structs.replace(one.copies[0], mailbox="New", fresh=fresh)
                await place.post.commit(msgspec.structs.replace(one, copies=(copy,)))
                await asyncio.sleep(0)
            first, second = published
            assert account_key(1) in first
            assert account_key(1) not in second

    asyncio.run(run())


def test_a_warning_is_told_once(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            size = len(HEAD + BODY)
            for _ in range(9):
                await place.post.commit(letter(place, 1, quota=10 * size))
                await asyncio.sleep(0)

    asyncio.run(run())
    warned = [(one.account, one.percent) for one in events.of(MailboxWarned)]
    assert warned == [("User1@demo.test", 80)]


@pytest.mark.parametrize("kind", [apsw.IOError, apsw.FullError])
def test_whatever_operation_of_the_disk_fails_it_is_all_or_nothing(
    data: Path, kind: type[apsw.Error], events: Recorder
) -> None:
    """No false success, no half letter, and nothing that was refused comes later."""

    async def attempt(number: int, folder: Path) -> bool:
        with disk() as faulty:
            db = await open_database(folder, vfs=faulty.name)
            try:
                place = over(db, folder)
                await place.post.commit(letter(place, 1))
                before = await place.counts()
                faulty.fail(lambda count, _kind: count == number, kind)
                one = letter(place, 1, 2, remote=("b@x.test",))
                try:
                    await place.post.commit(one)
                except (StorageFailed, StorageFull):
                    faulty.work()
                    assert await place.counts() == before
                    assert (await place.db.read(lambda tx: usage.usage_of(tx, 1))).messages == 1
                    await place.post.commit(letter(place, 1))
                else:
                    counts = await place.counts()
                    assert (counts["blob"], counts["message"], counts["delivery"]) == (2, 3, 1)
                kept = await place.counts()
                failed = faulty.failed
            finally:
                faulty.work()
                await db.close()
        again = await open_database(folder)
        try:
            rows = await again.read(row_counts)
            assert {name: n for name, n in rows.items() if n} == kept
        finally:
            await again.close()
        return failed > 0

    number = 0
    (data / "0").mkdir()
    while asyncio.run(attempt(number + 1, data / str(number))):
        number += 1
        (data / str(number)).mkdir()
    assert number > 3


class Ending:
    """A database whose group commits end with ``error``; ``undo`` is what the last was given."""

    def __init__(self, db: Database, error: Exception | None = None) -> None:
        self.db = db
        self.error = error
        self.undo: Callable[[Tx], None] | None = None
        self.engine, self.read, self.write, self.close = db.engine, db.read, db.write, db.close

    async def submit(
        self,
        batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
        item: ItemT,
        *,
        size: int = 0,
        undo: Callable[[Tx], None] | None = None,
    ) -> ResultT:
        self.undo = undo
        if self.error is not None:
            raise self.error
        return await self.db.submit(batch, item, size=size, undo=undo)


def test_a_body_stays_while_its_row_may_be_there(database: Opener, data: Path) -> None:
    """Where the disk failed at the commit, the sweep decides a day later."""

    async def run() -> None:
        async with office(database, data) as place:
            ending = Ending(place.db, StorageFailed(detail="at the commit"))
            place.post = Post(ending, place.blobs, place.notify, place.clock)
            lost = letter(place, 1, blob=await large(place))
            with pytest.raises(StorageFailed):
                await place.post.commit(lost)
            assert len(place.files()) == (lost.blob.place == IN_FILE)

    asyncio.run(run())


def test_to_undo_a_replacement_would_lose_both(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            (filed,) = await place.post.commit(letter(place, 1))
            ending = Ending(place.db)
            place.post = Post(ending, place.blobs, place.notify, place.clock)
            old = Removal(1, filed.mailbox_id, Span(filed.uid, filed.uid))
            new = msgspec.structs.replace(letter(place, 1), replaced=old)
            await place.post.commit(new)
            assert ending.undo is None
            assert (await place.counts())["entry"] == 1

    asyncio.run(run())


def test_an_unknown_outcome_is_undone(database: Opener, data: Path) -> None:
    """RFC 5321 §4.2.5: what the database could not tell is taken back, row by row."""

    async def run() -> None:
        async with office(database, data) as place:
            ending = Ending(place.db)
            place.post = Post(ending, place.blobs, place.notify, place.clock)
            kept = letter(place, 1, remote=("b@x.test",))
            await place.post.commit(kept)
            before = await place.counts()
            octets = (await place.db.read(lambda tx: usage.usage_of(tx, 1))).octets
            wish = Wish(1, "I1", 7, 8, "{}")
            lost = letter(place, 1, 2, remote=("b@x.test", "c@y.test"), wish=wish)
            await place.post.commit(lost)
            for _ in range(2):  # it may find nothing
                assert ending.undo is not None
                await place.db.write(ending.undo)
                counts = await place.counts()
                refs = await place.db.read(
                    lambda tx: tx.one("SELECT refs FROM blob WHERE id = :id", id=lost.blob.id)
                )
                assert refs == (0,)
                assert {**counts, "blob": 1} == before
            assert (await place.db.read(lambda tx: usage.usage_of(tx, 1))).octets == octets
            stats = await place.db.read(listing.stats)
            assert stats.deliveries == 1

    asyncio.run(run())


def test_several_messages_are_there_or_not_together(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            parts = [
                letter(place, 1, with_entry=False),
                letter(place, 1, with_entry=False, blob=await large(place)),
                letter(place, 1, with_entry=False),
            ]
            copies = tuple([part.copies[0] for part in parts])
            more = tuple([part.blob for part in parts[1:]])
            full = tuple(
                [msgspec.structs.replace(copy, quota=Quota(10), room=11) for copy in copies]
            )
            whole = msgspec.structs.replace(parts[0], copies=copies, more=more)
            with pytest.raises(MailboxFull):
                await place.post.commit(msgspec.structs.replace(whole, copies=full))
            assert await place.counts() == {}
            assert place.files() == []
            renewed = msgspec.structs.replace(
                whole,
                more=(blob := await large(place), parts[2].blob),
                copies=(copies[0], msgspec.structs.replace(copies[1], blob_id=blob.id), copies[2]),
            )
            first = await place.post.commit(renewed)
            assert [filed.uid for filed in first] == [1, 2, 3]
            assert await place.post.commit(renewed) == first
            counts = await place.counts()
            assert counts | {"blob_frame": 0} == {
                "blob": 3, "message": 3, "entry": 3, "blob_frame": 0,
            }  # fmt: skip
            refs = await place.db.read(lambda tx: tx.all("SELECT refs FROM blob"))
            assert refs == [(1,)] * 3
            for one in renewed.blobs:
                await place.blobs.verify(place.db, one.id)
            await place.db.write(lambda tx: place.post._undo(renewed, tx))
            assert await place.db.read(lambda tx: tx.all("SELECT refs FROM blob")) == [(0,)] * 3
            assert (await place.db.read(lambda tx: usage.usage_of(tx, 1))).messages == 0

    asyncio.run(run())


def refusing(place: Office, one: Letter, *accounts: int) -> Letter:
    """The same letter, refused by these accounts as well."""
    kept = [
        Reject(
            place.ids.next(), account, one.blob.id, place.clock(), b"", 10, "b@demo.test", "a@x.test",
            "a@x.test", "Hello", "blocked",
        )
        for account in accounts
    ]  # fmt: skip
    return msgspec.structs.replace(one, rejects=tuple(kept))


def test_who_refuses_a_letter_keeps_it_apart(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            one = refusing(place, letter(place, 1), 2, 3)
            filed = await place.post.commit(one)
            assert [f.account_id for f in filed] == [1]
            assert (await place.counts())["reject"] == 2
            refs = "SELECT refs FROM blob"
            assert await place.db.read(lambda tx: tx.one(refs)) == (3,)
            assert await place.post.commit(one) == filed  # its answer was lost
            assert (await place.counts())["reject"] == 2
            await place.db.write(lambda tx: place.post._undo(one, tx))
            assert await place.counts() == {"blob": 1}
            assert await place.db.read(lambda tx: tx.one(refs)) == (0,)

    asyncio.run(run())


def test_a_letter_that_all_refuse_is_in_no_ledger(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with office(database, data) as place:
            one = refusing(place, letter(place, with_entry=False), 2)
            assert await place.post.commit(one) == []
            assert await place.post.commit(one) == []
            assert await place.counts() == {"blob": 1, "reject": 1}
            await place.db.write(lambda tx: place.post._undo(one, tx))
            with pytest.raises(StorageFailed):  # nothing is left of it but the blob
                await place.post.commit(one)
            assert await place.counts() == {"blob": 1}

    asyncio.run(run())

"""A store with everything under it, and letters put into it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from postroom.access.kept import Kept
from postroom.access.places import Place, Places
from postroom.access.view import View
from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.errors import MailError
from postroom.message.headers import split
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.notify import Notify
from postroom.quota import Quota
from postroom.store import blocks, textindex
from postroom.store.filing import Copy, Filed, file_letters
from postroom.store.store import Store
from postroom.store.textpage import message_ids
from tests.conftest import Opener
from tests.fakes import Clock


class Person(msgspec.Struct, frozen=True):
    """Somebody who has logged in."""

    account_id: int = 1


@contextlib.asynccontextmanager
async def shop(
    database: Opener,
    data: Path,
    quotas: Mapping[int, int | Quota] | None = None,
    *,
    keeps_expunged: bool = False,
) -> AsyncIterator[Store]:
    """An empty store. ``quotas`` by account id, octets if a number."""

    async def quota_of(account_id: int) -> Quota:
        found = (quotas or {}).get(account_id, 0)
        return found if isinstance(found, Quota) else Quota(found)

    async with database() as db:
        clock = Clock()
        ids = Ids(clock)
        blobs = BlobStore(data, db.engine, ids)
        notify = Notify()
        try:
            yield Store(db, blobs, ids, clock, notify, quota_of, keeps_expunged=keeps_expunged)
        finally:
            notify.close()


async def put(
    store: Store,
    *letters: bytes,
    account_id: int = 1,
    mailbox: str | int = "INBOX",
    flags: int = 0,
    keywords: str = "",
    prefix: bytes = b"",
    received: int | None = None,
    thread_id: int | None = 1,
) -> list[Filed]:
    """File letters in one transaction; wakes sessions as ``post`` does.

    All are of one thread, with None each of that which it says itself.
    """
    prepared = []
    for letter in letters:
        head, body = split(letter)
        prepared.append((store.blobs.writer().write_small(head, body), index(head, scan(letter))))
    copies = [
        Copy(
            account_id=account_id,
            mailbox=mailbox,
            message_id=ident,
            blob_id=blob.id,
            prefix=prefix,
            received=store.clock() if received is None else received,
            size=len(prefix) + blob.head_size + blob.body_size,
            envelope=indexed.envelope,
            bodystructure=indexed.bodystructure,
            thread_id=indexed.thread_id(ident) if thread_id is None else thread_id,
            flags=flags,
            keywords=keywords,
        )
        for blob, indexed in prepared
        for ident in (store.ids.next(),)
    ]
    now = store.clock()

    def file(tx: Tx) -> list[list[Filed] | MailError]:
        store.blobs.insert(tx, [(blob, 1) for blob, _ in prepared])
        return file_letters(tx, [[copy] for copy in copies], now)

    answers = await store.db.write(file)
    filed = [answer[0] for answer in answers if isinstance(answer, list)]
    store.wake(*{one.mailbox_id for one in filed})
    return filed


async def audit(store: Store) -> None:
    """Every counter says what the rows say."""

    def look(tx: Tx) -> None:
        wrong = tx.all(
            "SELECT b.id FROM mailbox b LEFT JOIN (SELECT mailbox_id, count(*) AS n,"
            " sum(size) AS octets, max(uid) AS last, max(modseq) AS modseq FROM entry"
            " GROUP BY mailbox_id) AS e ON e.mailbox_id = b.id"
            " WHERE b.messages <> coalesce(e.n, 0) OR b.octets <> coalesce(e.octets, 0)"
            " OR b.uidnext <= coalesce(e.last, 0) OR b.highestmodseq < coalesce(e.modseq, 0)"
        )
        wrong += [(ident,) for ident in blocks.wrong(tx, 0, 1 << 62)]
        wrong += tx.all(
            "SELECT u.account_id FROM usage u LEFT JOIN (SELECT account_id, sum(messages) AS n,"
            " sum(octets) AS octets FROM mailbox GROUP BY account_id) AS b"
            " ON b.account_id = u.account_id"
            " WHERE u.messages <> coalesce(b.n, 0) OR u.octets <> coalesce(b.octets, 0)"
        )
        wrong += tx.all(
            "SELECT m.id FROM message m LEFT JOIN message_copies c"
            " ON c.account_id = m.account_id AND c.message_id = m.id"
            " WHERE m.refs < 1 OR m.refs + coalesce(c.refs, 0) <> (SELECT count(*) FROM entry e"
            " WHERE e.account_id = m.account_id AND e.message_id = m.id)"
            " + (SELECT count(*) FROM expunged x"
            " WHERE x.account_id = m.account_id AND x.message_id = m.id)"
        )
        wrong += tx.all(
            "SELECT c.message_id FROM message_copies c LEFT JOIN message m"
            " ON m.account_id = c.account_id AND m.id = c.message_id"
            " WHERE m.id IS NULL OR c.refs < 1"
        )
        wrong += tx.all(
            "SELECT x.id FROM expunged x LEFT JOIN message m"
            " ON m.account_id = x.account_id AND m.id = x.message_id WHERE m.id IS NULL"
        )
        wrong += tx.all(
            "SELECT o.id FROM blob o WHERE o.refs <> (SELECT count(*) FROM message m"
            " WHERE m.blob_id = o.id) OR (o.refs = 0) <> (o.freed_at IS NOT NULL)"
        )
        assert wrong == []
        audit_index(tx)

    await store.db.read(look)


def audit_index(tx: Tx) -> None:
    """Each message that pages speak for is in one of them, at its place; no other is."""
    for account_id, searched in tx.all("SELECT account_id, searched FROM usage"):
        notes = tx.all(
            "SELECT message_id, gone FROM search_late WHERE account_id = :a", a=account_id
        )
        noted = {row[0]: row[1] for row in notes}
        before = 0
        texts: list[int] = []
        for upto, _, ids in textindex.pages(tx, account_id, 0, 1 << 30, []):
            found = [ident for ident, _ in message_ids(ids)]
            assert found == sorted(set(found))
            assert before < found[0] <= found[-1] <= upto <= searched
            before = upto
            texts += found
        rows = tx.all("SELECT id FROM message WHERE account_id = :a", a=account_id)
        there = {row[0] for row in rows}
        assert {ident for ident in there if ident <= searched} - set(texts) <= noted.keys()
        assert {ident for ident in texts if ident not in there} <= noted.keys()
        assert not [ident for ident in there & noted.keys() if noted[ident]]


async def opened(
    store: Store,
    name: str = "INBOX",
    *,
    account_id: int = 1,
    read_only: bool = False,
    kept: Kept | None = None,
) -> View:
    """A mailbox as one of its owner's sessions has selected it."""
    place = await place_of(store, name, account_id=account_id)
    return await View.open(place, store, kept, read_only=read_only)


async def place_of(store: Store, name: str, *, account_id: int = 1) -> Place:
    """A mailbox as its owner reaches it."""
    return await Places(Person(account_id), store).get(name)

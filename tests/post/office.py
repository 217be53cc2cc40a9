"""A post over a fresh database, and letters for it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from postroom.blobs.store import BlobStore, Prepared
from postroom.db.database import Database, Tx
from postroom.db.ids import Ids
from postroom.ledger.rows import Entry
from postroom.notify import Notify
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.queue.rows import Outgoing, Queued
from postroom.queue.submissions import Wish, submitted
from postroom.quota import Quota
from postroom.store.filing import Copy
from tests.conftest import Opener
from tests.fakes import Clock

HEAD = b"Subject: Hello\r\n\r\n"
BODY = b"Hello.\r\n"
TABLES = (
    "blob", "blob_frame", "message", "entry", "queued", "delivery", "ledger", "ledger_event", "reject",
    "submission",
)  # fmt: skip


class Place(Protocol):
    """What it takes to make a letter."""

    @property
    def blobs(self) -> BlobStore: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def clock(self) -> Callable[[], int]: ...


class Office(msgspec.Struct):
    db: Database
    data: Path
    blobs: BlobStore
    ids: Ids
    clock: Clock
    notify: Notify
    post: Post

    async def counts(self) -> dict[str, int]:
        """How many rows there are, of each table that has any."""
        return {name: n for name, n in (await self.db.read(row_counts)).items() if n}

    def files(self) -> list[Path]:
        """Every body file, temporary or not."""
        return [path for path in (self.data / "blobs").rglob("*") if path.is_file()]


def row_counts(tx: Tx) -> dict[str, int]:
    found = {}
    for name in TABLES:
        row = tx.one(f"SELECT count(*) FROM {name}")
        found[name] = row[0] if row else 0
    return found


def over(db: Database, data: Path, clock: Clock | None = None, step=lambda _name: None) -> Office:  # type: ignore[no-untyped-def]
    clock = clock or Clock()
    ids = Ids(clock)
    blobs = BlobStore(data, db.engine, ids, step=step)
    notify = Notify()
    return Office(db, data, blobs, ids, clock, notify, Post(db, blobs, notify, clock))


@contextlib.asynccontextmanager
async def office(database: Opener, data: Path) -> AsyncIterator[Office]:
    async with database() as db:
        one = over(db, data)
        try:
            yield one
        finally:
            one.notify.close()


async def large(place: Place, size: int = 1_500_000) -> Prepared:
    """A blob whose body is too big for a row."""
    writer = place.blobs.writer()
    state = 1
    for _ in range(size // 100_000):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        await writer.write(state.to_bytes(8, "big") * 2 + bytes_of(state, 99_984))
    return await writer.finish(HEAD)


def bytes_of(seed: int, count: int) -> bytes:
    """Octets that do not compress."""
    import random

    return random.Random(seed).randbytes(count)


def letter(
    place: Place,
    *accounts: int,
    remote: tuple[str, ...] = (),
    quota: int = 0,
    blob: Prepared | None = None,
    with_entry: bool = True,
    recipients: dict[int, str] | None = None,
    message_id: str = "m@x",
    sender: str = "a@demo.test",
    account_id: int | None = None,
    wish: Wish | None = None,
) -> Letter:
    prepared = blob or place.blobs.writer().write_small(HEAD, BODY)
    ident = place.ids.next()
    size = prepared.head_size + prepared.body_size
    copies = []
    for receiver in accounts:
        copy_id = place.ids.next()
        copies.append(
            Copy(
                account_id=receiver,
                mailbox="INBOX",
                message_id=copy_id,
                blob_id=prepared.id,
                prefix=b"",
                received=place.clock(),
                size=size,
                envelope=b"(NIL)",
                bodystructure=b"(NIL)",
                thread_id=copy_id,
                quota=Quota(quota),
                recipient=(recipients or {}).get(receiver, f"User{receiver}@demo.test"),
            )
        )
    queued = None
    if remote:
        queued = Queued(
            id=ident,
            blob_id=prepared.id,
            sender=sender.encode(),
            size=size,
            accepted=place.clock(),
            account_id=account_id,
        )
    outgoing = tuple(
        Outgoing(ident, number, one.encode(), one.rpartition("@")[2])
        for number, one in enumerate(remote)
    )
    entry = Entry(
        ident,
        place.clock(),
        "smtp",
        "192.0.2.1",
        "mx",
        sender,
        message_id,
        "Hello",
        size,
        account_id=account_id,
    )
    return Letter(
        blob=prepared,
        copies=tuple(copies),
        queued=queued,
        outgoing=outgoing,
        entry=entry if with_entry else None,
        submitted=None if wish is None else submitted(ident, wish, place.clock()),
    )

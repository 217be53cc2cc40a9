"""Refused messages, for tests."""

from postroom.store import rejects
from postroom.store.rejects import Reject
from postroom.store.store import Store


def reject(
    store: Store, account_id: int, blob_id: int, *, size: int = 100, kind: str = ""
) -> Reject:
    return Reject(
        id=store.ids.next(),
        account_id=account_id,
        blob_id=blob_id,
        at=store.clock(),
        prefix=b"Return-Path: <a@x.test>\r\n",
        size=size,
        recipient="bob@local.test",
        sender="a@x.test",
        author="A <a@x.test>",
        subject="Hello",
        reason="on the block list",
        kind=kind,
    )


async def keep(
    store: Store,
    *accounts: int,
    size: int = 100,
    kind: str = "",
    head: bytes = b"Subject: Hello\r\n\r\n",
) -> list[Reject]:
    """One message that these accounts have refused."""
    blob = store.blobs.writer().write_small(head, b"body\r\n")
    kept = [reject(store, one, blob.id, size=size, kind=kind) for one in accounts]

    def write(tx) -> None:  # type: ignore[no-untyped-def]
        store.blobs.insert(tx, [(blob, len(kept))])
        rejects.add(tx, store.blobs, kept, store.clock())

    await store.db.write(write)
    return kept

"""A mailbox of a million letters: that nothing in it takes time or memory for all of them.

It is filled by the functions that file letters, without a server and without parsing: all
letters are small and alike.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from bench.idle import memory
from bench.mailstores import USER, PostroomStore, Store, account_of, log_in
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.db.database import Tx
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.store.filing import Copy, file_letters

LETTERS: Final = 1_000_000
CHUNK: Final = 5_000
LAST: Final = 50
HEAD: Final = (
    b"From: Ann Example <ann@load.test>\r\nTo: bench@rig.test\r\n"
    b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <1@load.test>\r\n"
    b"Subject: One of a million\r\n\r\n"
)
BODY: Final = b"There are many of these.\r\n"


async def _fill(store: PostroomStore) -> None:
    async with open_office(load(store.server.config)) as office:
        owner = (await account_of(office, USER)).account_id
        now = office.now()
        indexed = index(HEAD, scan(HEAD + BODY))
        writer = office.blobs.writer()

        def add(tx: Tx) -> None:
            blobs = [writer.write_small(HEAD, BODY) for _ in range(CHUNK)]
            idents = [office.ids.next() for _ in blobs]
            file_letters(
                tx,
                [
                    [
                        Copy(
                            account_id=owner, mailbox="INBOX", message_id=ident, blob_id=blob.id,
                            prefix=b"", received=now, size=len(HEAD) + len(BODY),
                            envelope=indexed.envelope, bodystructure=indexed.bodystructure,
                            thread_id=ident, flags=1,
                        )
                    ]
                    for ident, blob in zip(idents, blobs, strict=True)
                ],
                now,
            )  # fmt: skip
            office.blobs.insert(tx, [(blob, 1) for blob in blobs])

        for _ in range(LETTERS // CHUNK):
            await office.db.write(add)


def measure(store: Store) -> Iterator[tuple[str, float]]:
    """Fill, start, and each figure with its name."""
    if not isinstance(store, PostroomStore):
        raise TypeError("only Postroom is filled this way")
    began = time.monotonic()
    asyncio.run(_fill(store))
    print(f"{store.name}: {LETTERS:,} letters in {time.monotonic() - began:.0f} s", flush=True)
    store.start()
    before = memory(store.pids())
    last = LETTERS - LAST + 1
    with log_in(store) as client:
        yield "SELECT, ms", client.run("SELECT INBOX") * 1000
        for name, command in (
            (f"UID FETCH of the last {LAST} flags, ms", f"UID FETCH {last}:* (FLAGS)"),
            (f"FETCH of the last {LAST} envelopes, ms", f"FETCH {last}:* (ENVELOPE)"),
            ("STORE of one, ms", f"UID STORE {LETTERS // 2} +FLAGS (\\Deleted)"),
            ("EXPUNGE of one, ms", "EXPUNGE"),
            ("UID FETCH 1:* (FLAGS), ms", "UID FETCH 1:* (FLAGS)"),
        ):
            yield name, client.run(command) * 1000
        yield "memory of the session, MB", (memory(store.pids()) - before) / 1024
    with log_in(store) as client:
        yield "SELECT with a gap in the UIDs, ms", client.run("SELECT INBOX") * 1000
        yield "memory of two sessions, MB", (memory(store.pids()) - before) / 1024

"""Sort keys as they are kept: by message, as long as it is there."""

import asyncio
from pathlib import Path

from postroom.db.database import Tx
from postroom.message.sort_keys import SortKeys, sort_keys
from postroom.store import copying, mailboxes, sort_keys as kept
from postroom.store.copying import Transfer
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import place_of, put, shop
from tests.conftest import Opener

LETTER = b"Subject: Re: one\r\nFrom: joe@example.org\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n"
ALL = Span(1, 100)


async def count(store: Store) -> int:
    row = await store.db.read(lambda tx: tx.one("SELECT count(*) FROM sort_key"))
    return int(row[0]) if row else -1


def test_keys_are_joined_to_entries(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER, received=5)
            found = await store.read(kept.unkeyed, 1, 1, ALL)
            assert [one.uid for one in found] == [1, 2]
            keys = sort_keys(LETTER)
            await store.write(kept.add, 1, [(found[1].message_id, keys)])
            await store.write(kept.add, 1, [(found[1].message_id, SortKeys())])  # too late
            rows = await store.read(kept.page, 1, ALL, ("subject", "is_reply", "sent"))
            size = len(LETTER)
            assert rows == [
                (1, 5, size, None, None, None, None),
                (2, 5, size, found[1].message_id, "ONE", 1, None),
            ]
            assert await store.read(kept.page, 1, Span(2, 2), ()) == [(2, 5, size)]
            ids = [one.message_id for one in found]
            assert await store.read(kept.among, 1, ids, ("subject",)) == [(ids[1], "ONE")]
            assert await store.read(kept.among, 2, ids, ("subject",)) == []
            rows = await store.read(kept.page, 1, Span(1, 2, (1, 2)), kept.COLUMNS)
            assert rows[1][5:] == (
                "ONE", 1, "JOE", "", "", "JOE@EXAMPLE.ORG", "", keys.ident, b""
            )  # fmt: skip

    asyncio.run(run())


def test_they_go_with_the_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            found = await store.read(kept.unkeyed, 1, 1, ALL)
            made = [(one.message_id, SortKeys()) for one in found]
            await store.write(kept.add, 1, [*made, (12345, SortKeys())])  # one that is gone
            assert await count(store) == 2
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await store.write(kept.add, 1, made)
            await store.write(kept.add, 1, [])
            rows = await store.read(kept.page, 1, ALL, ("subject",))
            assert [row[0] for row in rows] == [2]

            def purge(tx: Tx) -> None:  # as when the time to bring it back is over
                tx.execute("DELETE FROM message WHERE account_id = 1 AND id = :id", id=made[0][0])

            await store.db.write(purge)
            assert await count(store) == 1
            await store.remove_account(1)

    asyncio.run(run())


def test_a_copy_in_another_account_has_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            await put(store, LETTER, account_id=2)
            found = await store.read(kept.unkeyed, 1, 1, ALL)
            await store.write(kept.add, 1, [(found[0].message_id, sort_keys(LETTER))])
            await store.write(mailboxes.create, 1, "box", None, [store.ids.next()], store.clock())
            for name, account_id in (("box", 1), ("INBOX", 2)):
                target = (await place_of(store, name, account_id=account_id)).mailbox
                order = Transfer(1, 1, target, (Span(1, 1),), is_move=False)
                await store.write(copying.transfer, store.blobs, order, store.clock())
                rows = await store.read(kept.page, target.id, ALL, ("subject",))
                assert rows[-1][4] == ("ONE" if account_id == 1 else None)
            missing = await store.read(kept.unkeyed, 2, 2, Span(2, 2))
            await store.write(kept.add, 2, [(missing[0].message_id, sort_keys(LETTER))])
            assert await count(store) == 2

    asyncio.run(run())

"""Ids start above what is stored."""

import asyncio

import pytest

from postroom.db.identity import highest_id, ids_for
from postroom.db.ids import Ids
from tests.conftest import Opener
from tests.fakes import START, Clock

HIGH = Ids(lambda: START + 999_999_999).next()  # made before the clock went back
ROWS = {
    "blob": "INSERT INTO blob (id, head, place, head_size, body_size, digest, refs)"
    " VALUES (:id, :octets, 0, 0, 0, :octets, 1)",
    "mailbox": "INSERT INTO mailbox (account_id, id, name, uidvalidity, uidnext, highestmodseq,"
    " messages, octets, recent_uid, created) VALUES (1, :id, 'INBOX', 1, 1, 1, 0, 0, 0, 0)",
    "message": "INSERT INTO message (account_id, id, blob_id, prefix, received, size, envelope,"
    " bodystructure, thread_id, refs) VALUES (7, :id, 1, :octets, 0, 0, :octets, :octets, 1, 1)",
    "expunged": "INSERT INTO expunged (id, account_id, message_id, mailbox_id, mailbox, uid, flags,"
    " keywords, size, received, expunged_at) VALUES (:id, 1, 1, 1, 'INBOX', 1, 0, '', 0, 0, 0)",
    "ledger": "INSERT INTO ledger (id, at, door, peer, helo, sender, message_id, subject, size, tls)"
    " VALUES (:id, 0, '', '', '', '', '', '', 0, '')",
}
USAGE = (
    "INSERT INTO usage (account_id, octets, messages, uidvalidity, warned, furnished)"
    " VALUES (7, 0, 0, 1, 0, 0)"
)


def test_an_empty_database(database: Opener) -> None:
    async def go() -> None:
        async with database() as db:
            assert await db.read(highest_id) == 0
            ids = await ids_for(db, Clock(), node=3)
            assert ids.next() == Ids(Clock(), node=3).next()

    asyncio.run(go())


@pytest.mark.parametrize("table", ROWS)
def test_ids_are_above_every_table(database: Opener, table: str) -> None:
    async def go() -> None:
        async with database() as db:
            await db.write(lambda tx: tx.execute(USAGE))
            for ident in (5, HIGH, 6):
                await db.write(
                    lambda tx, ident=ident: tx.execute(  # type: ignore[misc]
                        ROWS[table].replace("'INBOX'", f"'{ident}'"), id=ident, octets=b""
                    )
                )
            ids = await ids_for(db, Clock())
            assert ids.next() > HIGH

    asyncio.run(go())

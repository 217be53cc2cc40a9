"""UIDVALIDITY after a restore."""

import asyncio

import pytest

from postroom.store import mailboxes, validity
from tests.conftest import Opener
from tests.store.letters import query, read, write

VALIDITIES = "SELECT account_id, uidvalidity FROM mailbox ORDER BY account_id, id"


@pytest.mark.parametrize("now", [5_000_000, 0])
def test_each_mailbox_gets_one_never_given_out(
    database: Opener, monkeypatch: pytest.MonkeyPatch, now: int
) -> None:
    monkeypatch.setattr(validity, "CHUNK", 2)

    async def run() -> None:
        async with database() as db:
            for account in (1, 2, 3):
                ids = list(range(account * 10, account * 10 + 5))
                await write(db, mailboxes.furnish, account, ids, 1_000_000)
            before = await read(db, query, VALIDITIES)
            after = 0
            rounds = []
            while after := await write(db, validity.renew, after, now):
                rounds.append(after)
            assert rounds == [2, 3]
            renewed = await read(db, query, VALIDITIES)
            for account in (1, 2, 3):
                old = [row[1] for row in before if row[0] == account]
                new = [row[1] for row in renewed if row[0] == account]
                assert len(set(new)) == 6
                assert min(new) > max(old)
                assert min(new) > now // 1000
            fresh = await write(db, mailboxes.create, 1, "x", None, [99], now)
            assert fresh.uidvalidity > max(row[1] for row in renewed if row[0] == 1)

    asyncio.run(run())

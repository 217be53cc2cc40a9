"""How long the ledger is kept."""

import asyncio
from collections.abc import Sequence

from postroom.db.database import Tx
from postroom.db.ids import first_id_at
from postroom.ledger import rows, segments
from postroom.ledger.retention import CHUNK, forget, forget_chunk
from postroom.ledger.rows import Fact
from postroom.ledger.segments import SETTLED_MS
from tests.conftest import Opener
from tests.fakes import START
from tests.ledger.test_rows import entry
from tests.ledger.test_segments import fill

DAY = 86_400_000


def nobody(_tx: Tx, _ids: Sequence[int]) -> set[int]:
    return set()


def test_old_letters_go_and_those_that_wait_stay(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: fill(tx, 2500))
            await segments.extend(db, START + SETTLED_MS + 10_000)
            kept = first_id_at(START + 3)

            def waiting(_tx: Tx, ids: Sequence[int]) -> set[int]:
                assert len(ids) <= CHUNK
                return {kept} & set(ids)

            assert await forget(db, START + 90 * DAY, 90, waiting) == 0
            assert await forget(db, START + 90 * DAY + 2200, 90, waiting) == 2199
            left = await db.read(lambda tx: tx.all("SELECT id FROM ledger ORDER BY id"))
            assert len(left) == 301
            assert left[0] == (kept,)
            facts = await db.read(lambda tx: tx.one("SELECT count(*) FROM ledger_event"))
            assert facts == (301,)
            found = await db.read(lambda tx: segments.below(tx, 1 << 62, 10))
            assert [one.first_id for one in found] == [1]
            assert await forget(db, START + 90 * DAY + 2200, 90, nobody) == 1
            assert await db.read(segments.covered) == 0

    asyncio.run(run())


def test_letters_with_many_recipients_make_a_chunk_short(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            ids = [first_id_at(number) for number in (1, 2, 3)]
            facts = [Fact(i, n, START, "queued", "x@y") for i in ids for n in range(800)]
            await db.write(lambda tx: rows.add(tx, [entry(i) for i in ids], facts))
            end = first_id_at(10)
            chunk = await db.write(lambda tx: forget_chunk(tx, 0, end, nobody))
            assert chunk == (ids[1], 2)
            chunk = await db.write(lambda tx: forget_chunk(tx, ids[1], end, nobody))
            assert chunk == (ids[2], 1)
            assert await db.write(lambda tx: forget_chunk(tx, ids[2], end, nobody)) is None

    asyncio.run(run())

"""Values read from rows."""

import asyncio

import msgspec

from postroom.queue.claimed import LETTER, RECIPIENT, grouped, in_letters, recipient
from postroom.queue.rows import Inward
from tests.conftest import Opener
from tests.queue.letters import add, letter


def test_recipients_are_grouped_by_letter_in_their_order(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [letter(8, "a@x.test"), letter(7, "b@x.test", "c@x.test")]
            await db.write(lambda tx: add(tx, some))
            rows = await db.read(
                lambda tx: tx.all(
                    f"SELECT {RECIPIENT} FROM delivery ORDER BY queued_id DESC, number"
                )
            )
            found = await db.read(lambda tx: grouped(tx, [recipient(row) for row in rows]))
            assert [(one.letter.id, len(one.recipients)) for one in found] == [(8, 1), (7, 2)]

    asyncio.run(run())


def test_a_recipient_whose_letter_is_gone_is_left_out(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7)]))
            await db.write(lambda tx: tx.execute("DELETE FROM queued"))
            rows = await db.read(lambda tx: tx.all(f"SELECT {RECIPIENT} FROM delivery"))
            assert await db.read(lambda tx: grouped(tx, [recipient(row) for row in rows])) == ()
            assert await db.read(lambda tx: in_letters(tx, f"SELECT {LETTER} {{}}", [])) == []

    asyncio.run(run())


def test_the_account_that_it_is_for(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            one, [first, second] = letter(7, "a@x.test", "a@x.test")
            given = Inward(5, "work", "junk: it looks so", 6.5)
            second = msgspec.structs.replace(second, inward=given)
            await db.write(lambda tx: add(tx, [(one, [first, second])]))
            rows = await db.read(
                lambda tx: tx.all(f"SELECT {RECIPIENT} FROM delivery ORDER BY number")
            )
            assert [recipient(row).inward for row in rows] == [None, given]

    asyncio.run(run())

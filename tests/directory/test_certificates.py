import asyncio

from postroom.db.database import Tx
from postroom.directory import certificates as rows
from tests.conftest import Opener


def test_the_life_of_a_certificate(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert rows.listing(tx) == []
        assert rows.version(tx) == (0, 0)
        held = rows.want(tx, "mx.test", b"sealed", 5)
        assert (held.key, held.due, held.chain) == (b"sealed", 5, "")
        assert rows.want(tx, "mx.test", b"another", 6) == held  # the key stays
        assert rows.version(tx) == (0, 0)
        assert rows.claim(tx, "mx.test", 5, 5)
        assert not rows.claim(tx, "mx.test", 5, 5)  # somebody else is at it
        rows.failed(tx, "mx.test", "no such name", 90)
        rows.failed(tx, "mx.test", "no such name", 95)
        found = rows.find(tx, "mx.test")
        assert found is not None
        assert (found.failures, found.problem, found.due) == (2, "no such name", 95)
        rows.put(tx, "mx.test", ["mx.test", "a.test"], "chain", issued=100, expires=200, due=150)
        found = rows.find(tx, "mx.test")
        assert found is not None
        assert found.names == ("mx.test", "a.test")
        assert (found.failures, found.problem, found.key) == (0, "", b"sealed")
        assert rows.version(tx) == (1, 100)
        rows.postpone(tx, "mx.test", 160)
        assert [one.due for one in rows.listing(tx)] == [160]
        assert rows.remove(tx, "mx.test")
        assert not rows.remove(tx, "mx.test")
        assert rows.version(tx) == (0, 0)

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())


def test_accounts_and_answers_are_replaced_and_old_answers_go(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert rows.account(tx, "https://ca.test") is None
        rows.put_account(tx, "https://ca.test", b"1", "u1")
        rows.put_account(tx, "https://ca.test", b"2", "u2")
        assert rows.account(tx, "https://ca.test") == (b"2", "u2")
        assert rows.challenge(tx, "t") is None
        rows.put_challenge(tx, "t", "a", 0)
        rows.put_challenge(tx, "t", "b", 0)
        assert rows.challenge(tx, "t") == "b"
        rows.put_challenge(tx, "other", "c", rows.CHALLENGE_MS + 1)
        assert rows.challenge(tx, "t") is None

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())

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
        rows.put(
            tx,
            "mx.test",
            ["mx.test", "a.test"],
            "chain",
            issued=100,
            expires=200,
            due=150,
        )
        rows.proven(tx, "mx.test", "dns-01")
        found = rows.find(tx, "mx.test")
        assert found is not None
        assert found.names == ("mx.test", "a.test")
        assert found.way == "dns-01"
        assert (found.failures, found.problem, found.key) == (0, "", b"sealed")
        assert rows.version(tx) == (1, 100)
        rows.postpone(tx, "mx.test", 160)
        assert [one.due for one in rows.listing(tx)] == [160]

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


def test_answers_of_handshakes_are_not_those_of_http(database: Opener) -> None:
    def story(tx: Tx) -> None:
        rows.put_challenge(tx, "mx.test", "key", 5, "tls-alpn-01")
        assert rows.challenge(tx, "mx.test") is None
        assert rows.handshakes(tx, 5) == {"mx.test": "key"}
        assert rows.handshakes(tx, 6 + rows.CHALLENGE_MS) == {}
        rows.remove_challenge(tx, "mx.test")
        assert rows.handshakes(tx, 5) == {}

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())


def test_a_key_is_changed_in_three_steps(database: Opener) -> None:
    def story(tx: Tx) -> None:
        rows.want(tx, "mx.test", b"old", 5)
        rows.change_key(tx, "mx.test", b"new")
        rows.change_key_at(tx, "mx.test", 90)
        found = rows.find(tx, "mx.test")
        assert found is not None
        assert (found.key, found.next_key, found.next_at) == (b"old", b"new", 90)
        rows.use_next_key(tx, "mx.test", b"other")  # another change was begun meanwhile
        assert rows.find(tx, "mx.test") == found
        rows.use_next_key(tx, "mx.test", b"new")
        found = rows.find(tx, "mx.test")
        assert found is not None
        assert (found.key, found.next_key, found.next_at) == (b"new", None, 0)

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())

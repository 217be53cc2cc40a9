import asyncio

import msgspec

from postroom.db.database import Tx
from postroom.directory import web_sessions as rows
from postroom.directory.web_sessions import WebSession
from tests.conftest import Opener

ONE = WebSession(b"1" * 32, 7, 70, 1000, 1000, "192.0.2.1", "Firefox")


def test_the_life_of_a_session(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert rows.find(tx, ONE.token) is None
        rows.add(tx, ONE)
        assert rows.find(tx, ONE.token) == ONE
        two = msgspec.structs.replace(ONE, token=b"2" * 32, created=2000, seen=2000)
        other = msgspec.structs.replace(ONE, token=b"3" * 32, account_id=8)
        rows.add(tx, two)
        rows.add(tx, other)
        assert rows.of(tx, 7) == [two, ONE]
        rows.touch(tx, ONE.token, 3000)
        assert [one.token for one in rows.of(tx, 7)] == [ONE.token, two.token]
        assert rows.remove_all(tx, 7, but=two.token) == 1
        assert rows.of(tx, 7) == [two]
        assert rows.of(tx, 8) == [other]
        rows.remove(tx, two.token)
        assert rows.of(tx, 7) == []

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())


def test_those_that_are_over_go(database: Opener) -> None:
    def story(tx: Tx) -> None:
        rows.add(tx, ONE)
        assert rows.purge(tx, ONE.seen + rows.IDLE_MS) == 0
        assert not ONE.is_over(ONE.seen + rows.IDLE_MS)
        assert ONE.is_over(ONE.seen + rows.IDLE_MS + 1)
        assert rows.purge(tx, ONE.seen + rows.IDLE_MS + 1) == 1
        old = msgspec.structs.replace(ONE, seen=1000 + rows.WHOLE_MS)
        assert old.is_over(1001 + rows.WHOLE_MS)

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())


def test_a_secret_is_kept_as_its_digest() -> None:
    assert len(rows.digest("secret")) == 32
    assert rows.digest("secret") != rows.digest("Secret")

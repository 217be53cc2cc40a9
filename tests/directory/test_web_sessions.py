import asyncio

import msgspec

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import accounts, administrators, domains, web_sessions as rows
from postroom.directory.web_sessions import WebSession
from tests.conftest import Opener
from tests.directory.town import Towns, at

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
        assert not ONE.is_over(ONE.seen - rows.AHEAD_MS)  # another server's clock
        assert ONE.is_over(ONE.seen - rows.AHEAD_MS - 1)
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


def test_all_sessions_are_paged_counted_and_searched(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            idents = {}
            for domain in ("a.test", "b.test"):
                await t.domain(domain)
                await t.account(f"ann@{domain}")
                found = await t.directory.look(
                    lambda tx, domain=domain: accounts.require(tx, at(f"ann@{domain}"))  # type: ignore[misc]
                )
                idents[domain] = found.id
            now = rows.WHOLE_MS + 10

            def fill(tx: Tx) -> None:
                own = domains.require(tx, Domain.parse("a.test"))
                administrators.assign(tx, idents["a.test"], [own.id])
                for n in range(6):
                    account = idents["a.test" if n % 2 else "b.test"]
                    rows.add(
                        tx,
                        WebSession(b"t%d" % n, account, 1, now - n // 2, now, "192.0.2.1", f"F{n}"),
                    )
                rows.add(tx, WebSession(b"old", idents["a.test"], 1, 1, now, "::1", "F"))

            await t.directory.change(fill)

            def read(tx: Tx) -> None:
                every = rows.Chosen(now)
                found = rows.page(tx, every, None, 9)
                tokens = [one.session.token for one in found]
                assert tokens == [b"t0", b"t1", b"t2", b"t3", b"t4", b"t5"]
                assert rows.count(tx, every) == 6
                for place, one in enumerate(found):
                    after = (one.session.created, one.session.token)
                    rest = rows.page(tx, every, after, 2)
                    assert [other.session.token for other in rest] == tokens[place + 1 : place + 3]
                mine = rows.Chosen(now, within=idents["a.test"])
                found = rows.page(tx, mine, None, 9)
                assert {one.address for one in found} == {"ann@a.test"}
                assert rows.count(tx, mine) == 3
                for search, count in (("b.test", 3), ("f4", 1), ("192.0.2", 6), ("x", 0)):
                    chosen = rows.Chosen(now, search)
                    assert rows.count(tx, chosen) == count, search
                    assert len(rows.page(tx, chosen, None, 9)) == count

            await t.directory.look(read)

    asyncio.run(run())

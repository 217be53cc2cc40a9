"""Who administers what, and what becomes of it when domains and accounts change."""

import asyncio
from collections.abc import Awaitable, Callable

from postroom.address import Domain
from postroom.directory import accounts, administrators, aliases, domains
from postroom.directory.administrators import Powers
from tests.directory.town import Town, Towns, at


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("a.test", "b.test", "c.test"):
                await t.domain(name)
            for address in ("ann@a.test", "bob@b.test", "cid@c.test"):
                await t.account(address)
            await story(t)

    asyncio.run(run())


async def ident(t: Town, address: str) -> int:
    return (await t.directory.look(lambda tx: accounts.require(tx, at(address)))).id


async def assign(t: Town, address: str, *names: str) -> int:
    account = await ident(t, address)

    def write(tx) -> None:  # type: ignore[no-untyped-def]
        found = [domains.require(tx, Domain.parse(name)).id for name in names]
        administrators.assign(tx, account, found)

    await t.directory.change(write)
    return account


async def powers(t: Town, address: str) -> Powers:
    account = await ident(t, address)
    return await t.directory.look(lambda tx: administrators.of(tx, account))


def test_lists_and_totals_hold_what_belongs_to_the_domains(town: Towns) -> None:
    async def story(t: Town) -> None:
        ann = await assign(t, "ann@a.test", "a.test", "b.test")
        await t.domain("d.test", alias_of="b.test")
        await t.alias("x@b.test", "bob@b.test")
        await t.alias("x@c.test", "bob@b.test")

        def read(tx) -> None:  # type: ignore[no-untyped-def]
            people = accounts.page(tx, ("", "", 0), 9, within=ann)
            assert [str(one.address) for one in people] == ["ann@a.test", "bob@b.test"]
            assert accounts.count(tx, within=ann) == 2
            assert accounts.count(tx, "bob", within=ann) == 1
            assert accounts.count(tx, "cid", within=ann) == 0
            assert accounts.page(tx, people[0].key, 1, within=ann) == people[1:]
            named = [one.name for one in domains.page(tx, "", 9, "", within=ann)]
            assert named == ["a.test", "b.test", "d.test"]
            assert domains.count(tx, within=ann) == 3
            assert domains.count(tx, "d.", within=ann) == 1
            found = aliases.page(tx, ("", ""), 9, within=ann)
            assert [str(one.address) for one in found] == ["x@b.test"]
            assert aliases.count(tx, "bob", within=ann) == 1
            assert administrators.reach(tx, ann) == {"a.test", "b.test", "d.test"}

        await t.directory.look(read)

    in_town(town, story)


def test_what_is_touched_has_no_powers_that_are_lacking(town: Towns) -> None:
    async def story(t: Town) -> None:
        ann = await assign(t, "ann@a.test", "a.test", "b.test")
        bob, cid = await ident(t, "bob@b.test"), await ident(t, "cid@c.test")

        async def may(account: int) -> bool:
            return await t.directory.look(lambda tx: administrators.may_touch(tx, ann, account))

        assert await may(bob)
        await assign(t, "bob@b.test", "b.test")
        assert await may(bob)
        await assign(t, "bob@b.test", "b.test", "c.test")
        assert not await may(bob)
        await assign(t, "bob@b.test")
        assert await may(bob)
        await t.directory.change(
            lambda tx: accounts.change(tx, accounts.require(tx, at("bob@b.test")), is_admin=True)
        )
        assert not await may(bob)
        assert await powers(t, "bob@b.test") == Powers("owner")
        assert not await t.directory.look(lambda tx: administrators.reaches_account(tx, ann, cid))

    in_town(town, story)


def test_powers_follow_a_renamed_domain_and_end_with_a_removed_one(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("e.test")
        ann = await assign(t, "ann@a.test", "a.test", "e.test")
        await t.directory.change(
            lambda tx: domains.rename(
                tx, domains.require(tx, Domain.parse("a.test")), Domain.parse("new.test")
            )
        )
        assert await powers(t, "ann@new.test") == Powers("admin", ("e.test", "new.test"))
        await t.directory.change(
            lambda tx: domains.remove(tx, domains.require(tx, Domain.parse("e.test")), 1)
        )
        assert await powers(t, "ann@new.test") == Powers("admin", ("new.test",))
        assert await t.directory.look(
            lambda tx: tx.one("SELECT count(*) FROM domain_admin WHERE account_id = :id", id=ann)
        ) == (1,)

    in_town(town, story)


def test_a_forgotten_account_administers_nothing(town: Towns) -> None:
    async def story(t: Town) -> None:
        ann = await assign(t, "ann@a.test", "a.test")

        def forget(tx) -> None:  # type: ignore[no-untyped-def]
            accounts.remove(tx, accounts.require(tx, at("ann@a.test")), 1)
            accounts.forget(tx, ann)

        await t.directory.change(forget)
        assert await t.directory.look(lambda tx: tx.one("SELECT count(*) FROM domain_admin")) == (
            0,
        )

    in_town(town, story)

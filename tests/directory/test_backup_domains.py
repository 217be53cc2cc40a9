"""Domains that others serve, and we keep mail for."""

import asyncio

import pytest

from postroom.address import Domain
from postroom.directory import backup_domains, domains
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.directory.town import Town, Towns, at


async def remove(town: Town, name: str) -> None:
    await town.directory.change(lambda tx: backup_domains.remove(tx, Domain.parse(name)))


async def listed(town: Town, after: str = "", limit: int = 9, search: str = "") -> list[str]:
    found = await town.directory.look(lambda tx: backup_domains.page(tx, after, limit, search))
    return [one.name for one in found]


def test_its_mail_is_for_its_own_servers_until_it_is_removed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            bob = at("bob@first.test")
            assert (await t.directory.resolve(bob)).kind == "not-ours"
            assert not await t.directory.is_backup(bob.domain)
            await t.backup_domain("FIRST.test.")
            found = await t.directory.resolve(bob)
            assert (found.kind, found.local, found.remote) == ("backup", (), ())
            assert await t.directory.is_backup(bob.domain)
            assert not await t.directory.is_own(bob.domain)
            assert (await t.directory.resolve(at("bob@sub.first.test"))).kind == "not-ours"
            await remove(t, "first.test")
            assert (await t.directory.resolve(bob)).kind == "not-ours"
            assert not await t.directory.is_backup(bob.domain)
            with pytest.raises(NotFound, match=r"no backup MX for first\.test"):
                await remove(t, "first.test")

    asyncio.run(run())


def test_an_alias_leads_there_as_to_anybody(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.backup_domain("first.test")
            await t.alias("out@demo.test", "bob@first.test")
            found = await t.directory.resolve(at("out@demo.test"))
            assert (found.kind, found.remote) == ("found", ("bob@first.test",))

    asyncio.run(run())


def test_no_domain_is_served_in_two_ways(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.backup_domain("first.test")
            for name in ("demo.test", "alias.test"):
                with pytest.raises(AlreadyExists, match="is a domain of this server already"):
                    await t.backup_domain(name)
            again = "run first: postroom domain remove first.test"
            with pytest.raises(AlreadyExists, match=again):
                await t.backup_domain("first.test")
            with pytest.raises(AlreadyExists, match=again):
                await t.domain("first.test")
            with pytest.raises(AlreadyExists, match=again):
                await t.domain("first.test", alias_of="demo.test")
            with pytest.raises(AlreadyExists, match=again):
                await t.directory.change(
                    lambda tx: domains.rename(
                        tx, domains.require(tx, Domain("demo.test")), Domain("first.test")
                    )
                )
            with pytest.raises(Invalid, match="address literal"):
                await t.backup_domain("[192.0.2.1]")
            assert await listed(t) == ["first.test"]
            await remove(t, "first.test")
            assert (await t.domain("first.test")).name == "first.test"

    asyncio.run(run())


def test_the_list_goes_by_name_in_pages(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("c.test", "a.test", "bücher.example"):
                await t.backup_domain(name)
            assert await listed(t) == ["a.test", "c.test", "xn--bcher-kva.example"]
            assert await listed(t, limit=1) == ["a.test"]
            assert await listed(t, after="a.test", limit=1) == ["c.test"]
            assert await listed(t, search=".test") == ["a.test", "c.test"]
            assert await listed(t, search="no") == []

    asyncio.run(run())

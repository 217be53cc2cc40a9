import asyncio

import pytest

from postroom.directory import aliases
from postroom.directory.aliases import Alias
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.directory.town import Town, Towns, at


async def found(town: Town, address: str) -> Alias:
    return await town.directory.look(lambda tx: aliases.require(tx, at(address)))


def test_an_alias_keeps_its_targets_in_order(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("Team@demo.test", "z@example.org", "A@example.org", hidden=True)
            alias = await found(t, "team@demo.test")
            assert str(alias.address) == "Team@demo.test"
            assert alias.targets == (at("z@example.org"), at("A@example.org"))
            assert alias.is_hidden

    asyncio.run(run())


def test_a_refusal_says_what_there_is_instead(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            with pytest.raises(NotFound, match="is an account, not an alias"):
                await found(t, "alice@demo.test")
            with pytest.raises(NotFound, match="no alias bob@demo.test"):
                await found(t, "bob@demo.test")
            with pytest.raises(NotFound, match="postroom domain add other.test"):
                await found(t, "bob@other.test")

    asyncio.run(run())


def test_pages_and_searches_look_at_names_and_targets(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("b.test")
            await t.domain("a.test")
            await t.account("account@a.test")
            for address, target in [
                ("two@a.test", "x@example.org"),
                ("one@a.test", "y@example.org"),
                ("one@b.test", "x@example.org"),
            ]:
                await t.alias(address, target)

            async def page(after: tuple[str, str], limit: int, search: str = "") -> list[Alias]:
                return await t.directory.look(
                    lambda tx: aliases.page(tx, after, limit, search=search)
                )

            seen: list[str] = []
            after = ("", "")
            while items := await page(after, 2):
                seen += [str(one.address) for one in items]
                after = items[-1].key
            assert seen == ["one@a.test", "two@a.test", "one@b.test"]
            assert [str(one.address) for one in await page(("", ""), 9, "x@ex")] == [
                "two@a.test",
                "one@b.test",
            ]
            assert [str(one.address) for one in await page(("", ""), 9, "one@b")] == ["one@b.test"]

    asyncio.run(run())


def test_change_replaces_targets_or_hides_members(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("a@demo.test", "x@example.org", "y@example.org")
            await t.alias("b@demo.test", "a@demo.test")

            async def change(*targets: str) -> None:
                alias = await found(t, "a@demo.test")
                await t.directory.change(
                    lambda tx: aliases.change(tx, alias, targets=[*map(at, targets)])
                )

            await change("z@example.org")
            assert await t.receivers("b@demo.test") == {"z@example.org"}
            with pytest.raises(Invalid, match="loop"):
                await change("b@demo.test")
            assert await t.receivers("b@demo.test") == {"z@example.org"}
            alias = await found(t, "a@demo.test")
            await t.directory.change(lambda tx: aliases.change(tx, alias, is_hidden=True))
            assert (await found(t, "a@demo.test")).is_hidden
            assert (await found(t, "a@demo.test")).targets == alias.targets

    asyncio.run(run())


def test_a_renamed_alias_is_followed_by_those_that_name_it(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("a@demo.test", "x@example.org")
            await t.alias("b@demo.test", "a@demo.test")
            alias = await found(t, "a@demo.test")
            await t.directory.change(lambda tx: aliases.rename(tx, alias, at("c@demo.test")))
            assert (await found(t, "b@demo.test")).targets == (at("c@demo.test"),)
            assert await t.receivers("b@demo.test") == {"x@example.org"}
            assert (await t.resolve("a@demo.test")).kind == "unknown"
            other = await found(t, "b@demo.test")
            with pytest.raises(AlreadyExists):
                await t.directory.change(lambda tx: aliases.rename(tx, other, at("c@demo.test")))

    asyncio.run(run())


def test_a_rename_that_closes_a_loop_is_refused(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("a@demo.test", "later@demo.test")
            await t.alias("b@demo.test", "a@demo.test")
            other = await found(t, "b@demo.test")
            with pytest.raises(Invalid, match="loop"):
                await t.directory.change(
                    lambda tx: aliases.rename(tx, other, at("later@demo.test"))
                )

    asyncio.run(run())


def test_a_removed_alias_frees_its_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("a@demo.test", "x@example.org")
            alias = await found(t, "a@demo.test")
            await t.directory.change(lambda tx: aliases.remove(tx, alias))
            assert (await t.resolve("a@demo.test")).kind == "unknown"
            left = await t.directory.look(lambda tx: tx.one("SELECT count(*) FROM alias_target"))
            assert left == (0,)
            await t.account("a@demo.test")

    asyncio.run(run())

import asyncio

import msgspec
import pytest

from postroom.directory import aliases, lists
from postroom.directory.expand import Resolution
from postroom.directory.lists import Settings
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.directory.test_list_members import join, made, members
from tests.directory.town import Towns, at


def test_a_list_is_where_the_walk_ends_and_no_alias(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", "demo.test")
            await t.account("ann@demo.test", is_admin=True)
            of = await made(t, "Dev@demo.test")
            assert await t.resolve("DEV@demo.test") == Resolution(
                "found", remote=("dev@demo.test",), via="dev@demo.test", name="dev@demo.test",
                list_id=of.id,
            )  # fmt: skip
            further = await t.resolve("dev+Help@alias.test")
            assert (further.list_id, further.remote) == (of.id, ("dev+help@alias.test",))
            assert (await t.resolve("dev+other@demo.test")).kind == "unknown"
            assert await t.receivers("dev+owner@demo.test") == {
                (await t.resolve("postmaster@demo.test")).local[0].account_id
            }
            await t.alias("both@demo.test", "dev@demo.test", "ann@demo.test")
            both = await t.resolve("both@demo.test")
            assert (both.list_id, both.remote, len(both.local)) == (0, ("dev@demo.test",), 1)
            for question in (
                lambda tx: aliases.require(tx, at("dev@demo.test")),
                lambda tx: lists.require(tx, at("both@demo.test")),
                lambda tx: lists.require(tx, at("ann@demo.test")),
                lambda tx: lists.require(tx, at("x@demo.test")),
            ):
                with pytest.raises(NotFound, match="list"):
                    await t.directory.look(question)
            assert [str(one.address) for one in await t.directory.look(
                lambda tx: aliases.page(tx, ("", ""), 9)
            )] == ["both@demo.test"]  # fmt: skip

    asyncio.run(run())


def test_what_stands_behind_its_name_belongs_to_the_list(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("dev+owner@demo.test", "x@else.example")
            with pytest.raises(AlreadyExists, match=r"dev\+owner@demo.test is taken"):
                await made(t)
            await t.alias("devil@demo.test", "x@else.example")
            of = await made(t, "news@demo.test")
            with pytest.raises(AlreadyExists, match=r"belong to the mailing list news@demo.test"):
                await t.alias("News+x@demo.test", "x@else.example")
            with pytest.raises(AlreadyExists, match="is a mailing list already"):
                await t.alias("news@demo.test", "x@else.example")
            with pytest.raises(AlreadyExists, match=r"dev\+owner@demo.test is taken"):
                await t.directory.change(lambda tx: lists.rename(tx, of, at("dev@demo.test")))
            await t.directory.change(lambda tx: lists.rename(tx, of, at("old@demo.test")))
            await t.alias("news+x@demo.test", "x@else.example")

    asyncio.run(run())


@pytest.mark.parametrize("local", ["a+b", "team-*", "postmaster", "x" * 31, "grüße"])
def test_names_that_can_not_be_lists(town: Towns, local: str) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            with pytest.raises(Invalid, match="can't be a mailing list"):
                await made(t, f"{local}@demo.test")

    asyncio.run(run())


def test_lists_are_changed_listed_and_removed_with_their_members(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("b.test")
            await t.domain("a.test")
            first = await made(t, "dev@b.test")
            await made(t, "dev@a.test")
            await join(t, first, "x@else.example")
            new = Settings(name="New", posting="anyone", moderation="all", own_copy=False)
            await t.directory.change(lambda tx: lists.change(tx, first, new))
            seen, after = [], ("", "")
            while some := await t.directory.look(
                lambda tx, after=after: lists.page(tx, after, 1)  # type: ignore[misc]
            ):
                seen += some
                after = some[-1].key
            assert [str(one.address) for one in seen] == ["dev@a.test", "dev@b.test"]
            assert seen[1].settings == new
            assert await t.directory.look(lambda tx: lists.count(tx, "new")) == 1
            assert await t.directory.look(lambda tx: lists.count(tx, within="a.test")) == 1
            await t.directory.change(lambda tx: lists.remove(tx, first))
            assert (await t.resolve("dev@b.test")).kind == "unknown"
            assert await members(t, first) == []
            again = await made(t, "dev@b.test")
            assert msgspec.structs.asdict(again.settings)["name"] == ""

    asyncio.run(run())

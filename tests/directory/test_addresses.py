import asyncio

import pytest

from postroom.directory import addresses
from postroom.directory.names import Policy
from postroom.errors import AlreadyExists, NotFound
from tests.directory.town import Town, Towns, at


async def moved(town: Town, old: str, new: str) -> None:
    name = await town.directory.look(lambda tx: addresses.find(tx, at(old)))
    assert name is not None
    await town.directory.change(lambda tx: addresses.move(tx, name, at(new)))


@pytest.mark.parametrize(
    "spelling",
    [
        "alice@demo.test",
        "ALICE@DEMO.TEST",
        '"alice"@demo.test',
        '"Al\\ice"@demo.test.',
        "alice@alias.test",
    ],
)
def test_every_spelling_is_the_same_name(town: Towns, spelling: str) -> None:
    """R5, R7: quoted and unquoted, any case, trailing dot, alias domain."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice = await t.account("Alice@demo.test")
            name = await t.directory.look(lambda tx: addresses.find(tx, at(spelling)))
            assert name is not None
            assert (name.account_id, name.is_main) == (alice.id, True)
            assert str(name.address) == "Alice@demo.test"  # as it was written
            with pytest.raises(AlreadyExists):
                await t.further("alice@demo.test", spelling.replace("alias.test", "demo.test"))

    asyncio.run(run())


@pytest.mark.parametrize(
    "hostile",
    [
        '"alice@other.test"@demo.test',
        "alice%other.test@demo.test",
        "other.test!alice@demo.test",
        "' OR 1=1--@demo.test".replace(" ", ""),
        "${run{id}}@demo.test",
        "*@demo.test",
        "%@demo.test",
        "a_ice@demo.test",
        '" alice"@demo.test',
    ],
)
def test_nothing_in_a_local_part_has_a_meaning(town: Towns, hostile: str) -> None:
    """R2, R4, R5, R10."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            assert await t.directory.look(lambda tx: addresses.find(tx, at(hostile))) is None
            assert (await t.resolve(hostile)).kind == "unknown"

    asyncio.run(run())


def test_accounts_and_aliases_share_one_name_space(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.further("alice@demo.test", "a@demo.test")
            await t.alias("team@demo.test", "alice@demo.test")
            with pytest.raises(
                AlreadyExists, match="Alice@demo.test|alice@demo.test is an account"
            ):
                await t.alias("ALICE@demo.test", "x@example.org")
            with pytest.raises(AlreadyExists, match="an address of an account"):
                await t.account("a@demo.test")
            with pytest.raises(AlreadyExists, match="is an alias"):
                await t.account("Team@demo.test")

    asyncio.run(run())


def test_a_name_needs_a_domain_with_names_of_its_own(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            with pytest.raises(NotFound, match="run: postroom domain add other.test"):
                await t.account("alice@other.test")
            with pytest.raises(NotFound, match="add it there"):
                await t.account("alice@alias.test")

    asyncio.run(run())


def test_what_names_an_address_follows_it(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.domain("new.test")
            await t.policy("demo.test", Policy(dots_ignored=True))
            alice = await t.account("alice@demo.test")
            other = await t.account("alicex@demo.test")
            await t.alias("one@demo.test", "Al.ice@demo.test")
            await t.alias("two@demo.test", "alice+Lists@alias.test")
            await t.alias("three@demo.test", "alicex@demo.test", "alice@example.org")
            await t.catch_all("demo.test", "alice+all@demo.test")
            await moved(t, "alice@demo.test", "Zoe@new.test")

            found = await t.resolve("two@demo.test")
            assert [(one.account_id, one.detail) for one in found.local] == [(alice.id, "Lists")]
            assert await t.receivers("one@demo.test") == {alice.id}
            assert await t.receivers("three@demo.test") == {other.id, "alice@example.org"}
            assert await t.receivers("whoever@demo.test") == {alice.id}
            assert (await t.resolve("zoe@new.test")).kind == "found"

    asyncio.run(run())


def test_a_name_may_change_its_own_spelling_only(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.account("bob@demo.test")
            await moved(t, "alice@demo.test", "ALICE@demo.test")
            name = await t.directory.look(lambda tx: addresses.find(tx, at("alice@demo.test")))
            assert name is not None
            assert str(name.address) == "ALICE@demo.test"
            with pytest.raises(AlreadyExists):
                await moved(t, "alice@demo.test", "Bob@demo.test")

    asyncio.run(run())


def test_named_by_tells_aliases_and_catch_alls(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("side.test")
            await t.account("alice@demo.test")
            await t.alias("Team@side.test", "x@example.org", "ALICE+team@demo.test")
            await t.alias("near@side.test", "alicex@demo.test")
            await t.catch_all("side.test", "alice@demo.test")

            async def named(address: str) -> list[str]:
                return await t.directory.look(lambda tx: addresses.named_by(tx, at(address)))

            assert await named("alice@demo.test") == ["Team@side.test", "@side.test"]
            assert await named("bob@demo.test") == []
            assert await named("x@example.org") == []

    asyncio.run(run())


def test_a_released_name_is_free(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.further("alice@demo.test", "a@demo.test")
            name = await t.directory.look(lambda tx: addresses.find(tx, at("a@demo.test")))
            assert name is not None
            await t.directory.change(lambda tx: addresses.release(tx, name))
            assert (await t.resolve("a@demo.test")).kind == "unknown"
            await t.account("a@demo.test")

    asyncio.run(run())

import asyncio
from collections.abc import Callable

import pytest

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import domains
from postroom.directory.domains import OwnDomain
from postroom.directory.names import Policy
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused
from tests.directory.town import Town, Towns, at


def required(town: Town, name: str) -> "asyncio.Future[OwnDomain]":
    return asyncio.ensure_future(
        town.directory.look(lambda tx: domains.require(tx, Domain.parse(name)))
    )


async def changed(town: Town, name: str, action: Callable[[Tx, OwnDomain], None]) -> None:
    await town.directory.change(lambda tx: action(tx, domains.require(tx, Domain.parse(name))))


def test_a_domain_is_found_by_its_canonical_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            added = await t.domain("BÜCHER.example.")
            assert added.name == "xn--bcher-kva.example"
            assert added.policy == Policy()
            assert await required(t, "bücher.EXAMPLE") == added
            with pytest.raises(NotFound, match="run: postroom domain add other.test"):
                await required(t, "other.test")
            with pytest.raises(AlreadyExists):
                await t.domain("xn--bcher-kva.example")
            with pytest.raises(Invalid):
                await t.domain("[192.0.2.1]")

    asyncio.run(run())


def test_an_alias_domain_stands_for_one_with_names(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            main = await t.domain("main.test")
            other = await t.domain("other.test", alias_of="main.test")
            assert (other.alias_of, other.alias_id) == ("main.test", main.id)
            found = await t.directory.look(lambda tx: domains.target(tx, Domain("other.test")))
            assert found == main
            with pytest.raises(Invalid, match="itself an alias of main.test"):
                await t.domain("third.test", alias_of="other.test")
            with pytest.raises(NotFound):
                await t.domain("third.test", alias_of="nowhere.test")
            with pytest.raises(Invalid, match="alias of main.test"):
                await t.policy("other.test", Policy(separators=""))
            with pytest.raises(Invalid, match="alias of main.test"):
                await t.catch_all("other.test", "a@main.test")

    asyncio.run(run())


def test_the_first_domain_is_the_oldest_with_names(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            assert await t.directory.look(domains.first) is None
            oldest = await t.domain("z.test")
            t.clock.advance(seconds=1)
            await t.domain("a.test")
            assert await t.directory.look(domains.first) == oldest

    asyncio.run(run())


def test_a_list_is_read_in_pages_by_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("c.test", "a.test", "b.org"):
                await t.domain(name)

            async def names(after: str, limit: int, search: str = "") -> list[str]:
                page = await t.directory.look(lambda tx: domains.page(tx, after, limit, search))
                return [own.name for own in page]

            assert await names("", 2) == ["a.test", "b.org"]
            assert await names("b.org", 2) == ["c.test"]
            assert await names("", 9, "test") == ["a.test", "c.test"]
            assert await names("", 9, "%") == []

    asyncio.run(run())


def test_a_policy_that_makes_two_names_one_is_refused(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.policy("demo.test", Policy(case_sensitive=True))
            await t.account("Alice@demo.test")
            await t.account("alice@demo.test")
            with pytest.raises(AlreadyExists, match="Alice and alice"):
                await t.policy("demo.test", Policy())
            assert (await t.resolve("Alice@demo.test")).kind == "found"
            assert (await t.resolve("ALICE@demo.test")).kind == "unknown"

    asyncio.run(run())


def test_names_get_new_keys_with_the_policy(town: Towns) -> None:
    """``a.b`` takes the key that ``ab`` gives up: order must not matter."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            dotted = await t.account("A.b@demo.test")
            assert (await t.resolve("ab@demo.test")).kind == "unknown"
            await t.policy("demo.test", Policy(dots_ignored=True))
            assert await t.receivers("AB@demo.test") == {dotted.id}
            assert await t.receivers("a.b@demo.test") == {dotted.id}
            await t.policy("demo.test", Policy(case_sensitive=True))
            assert await t.receivers("A.b@demo.test") == {dotted.id}
            assert (await t.resolve("a.b@demo.test")).kind == "unknown"

    asyncio.run(run())


def test_a_renamed_domain_takes_everything_along(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("old.test")
            await t.domain("side.test")
            alice = await t.account("alice@old.test")
            await t.alias("team@side.test", "alice@old.test", "x@old.test.example")
            await t.catch_all("side.test", "alice@old.test")
            await changed(
                t, "old.test", lambda tx, own: domains.rename(tx, own, Domain("new.test"))
            )
            assert await t.receivers("alice@new.test") == {alice.id}
            assert (await t.resolve("alice@old.test")).kind == "not-ours"
            assert await t.receivers("team@side.test") == {alice.id, "x@old.test.example"}
            assert await t.receivers("anyone@side.test") == {alice.id}
            with pytest.raises(AlreadyExists):
                await changed(
                    t, "new.test", lambda tx, own: domains.rename(tx, own, Domain("side.test"))
                )
            with pytest.raises(Invalid):
                await changed(
                    t, "new.test", lambda tx, own: domains.rename(tx, own, Domain("[192.0.2.1]"))
                )

    asyncio.run(run())


def test_only_an_empty_domain_can_be_removed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.account("alice@demo.test")

            async def remove(name: str) -> None:
                await changed(t, name, lambda tx, own: domains.remove(tx, own, t.clock()))

            with pytest.raises(Refused, match="1 accounts and 0 aliases"):
                await remove("demo.test")
            await t.remove("alice@demo.test")
            with pytest.raises(Refused, match="postroom domain remove alias.test"):
                await remove("demo.test")
            await remove("alias.test")
            await remove("demo.test")
            assert (await t.resolve("alice@demo.test")).kind == "not-ours"
            with pytest.raises(NotFound):
                await required(t, "demo.test")

    asyncio.run(run())


def test_a_removed_domain_with_removed_accounts_comes_back_as_it_was(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            added = await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.remove("alice@demo.test")
            await changed(t, "demo.test", lambda tx, own: domains.remove(tx, own, t.clock()))
            await t.directory.change(domains.purge)  # still holds a removed account
            with pytest.raises(AlreadyExists, match="still holds removed accounts"):
                await t.domain("other.test")
                await changed(
                    t, "other.test", lambda tx, own: domains.rename(tx, own, Domain("demo.test"))
                )
            assert (await t.domain("demo.test")).id == added.id

    asyncio.run(run())


def test_counts_are_of_main_addresses_aliases_and_alias_domains(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.account("alice@demo.test")
            await t.further("alice@demo.test", "a@demo.test")
            await t.account("bob@demo.test")
            await t.remove("bob@demo.test")
            await t.alias("team@demo.test", "alice@demo.test")
            counts = await t.directory.look(lambda tx: domains.counts(tx, own))
            assert (counts.accounts, counts.aliases, counts.domains) == (1, 1, 1)
            assert await t.directory.look(lambda tx: domains.aliases(tx, own)) == ["alias.test"]

    asyncio.run(run())


def test_the_catch_all_is_kept_as_an_address(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.catch_all("demo.test", "Odd.Name@demo.test")
            found: OwnDomain = await required(t, "demo.test")
            assert (
                found.catch_all
                == Address("Odd.Name", Domain("demo.test"))
                == at("Odd.Name@demo.test")
            )
            await t.catch_all("demo.test", None)
            assert (await required(t, "demo.test")).catch_all is None

    asyncio.run(run())

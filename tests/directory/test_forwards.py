import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import accounts, addresses, domains, forwards
from postroom.directory.expand import Local
from postroom.directory.forwards import Forward
from postroom.errors import Invalid
from postroom.quota import Quota
from tests.directory.town import Town, Towns, at, forward_rows


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await story(t)

    asyncio.run(run())


async def rows(t: Town) -> list[int]:
    """How many rows there are of forwards, nameless aliases and targets."""

    def read(tx: Tx) -> list[int]:
        found = [
            tx.one(f"SELECT count(*) FROM {name}") for name in ("forward", "alias", "alias_target")
        ]
        return [row[0] for row in found if row]

    return await t.db.read(read)


def test_a_forward_is_set_replaced_and_ended(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            assert await t.db.read(lambda tx: forwards.of(tx, alice.id)) is None
            await t.forward("alice@demo.test", "b@x.test", "a@x.test")
            assert await t.db.read(lambda tx: forwards.of(tx, alice.id)) == Forward(
                (at("b@x.test"), at("a@x.test")), keeps=True
            )
            await t.forward("alice@demo.test", "c@x.test", keep=False)
            await t.forward("bob@demo.test", "d@x.test")
            assert await rows(t) == [2, 2, 2]
            found = await t.db.read(lambda tx: forwards.among(tx, [1, bob.id, alice.id]))
            assert found == {
                alice.id: Forward((at("c@x.test"),), keeps=False),
                bob.id: Forward((at("d@x.test"),), keeps=True),
            }
            await t.directory.change(lambda tx: forwards.set_keeps(tx, bob.id, keeps=False))
            assert await t.receivers("bob@demo.test") == {"d@x.test"}
            for _ in range(2):
                await t.directory.change(lambda tx: forwards.remove(tx, alice.id))
            assert await t.receivers("alice@demo.test") == {alice.id}
            assert await rows(t) == [1, 1, 1]

    asyncio.run(run())


def test_many_accounts_are_asked_for_at_once(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.forward("alice@demo.test", "b@x.test")
            found = await t.db.read(lambda tx: forwards.among(tx, [*range(250), alice.id]))
            assert list(found) == [alice.id]
            assert await t.db.read(lambda tx: forwards.among(tx, [])) == {}

    asyncio.run(run())


def test_to_nobody_is_no_forward(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            with pytest.raises(Invalid, match="name an address"):
                await t.forward("alice@demo.test")
            assert await rows(t) == [0, 0, 0]

    asyncio.run(run())


def test_a_refused_forward_leaves_the_one_before(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.forward("alice@demo.test", "b@x.test")
            with pytest.raises(Invalid, match="loop"):
                await t.forward("alice@demo.test", "alice+x@demo.test")
            assert await t.receivers("alice@demo.test") == {alice.id, "b@x.test"}
            assert await rows(t) == [1, 1, 1]

    asyncio.run(run())


def test_a_disabled_account_keeps_its_forward_for_later(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.disable("alice@demo.test")
            await t.forward("alice@demo.test", "b@x.test", keep=False)
            assert (await t.resolve("alice@demo.test")).kind == "disabled"
            await t.disable("alice@demo.test", disabled=False)
            assert await t.receivers("alice@demo.test") == {"b@x.test"}

    asyncio.run(run())


def test_targets_that_are_renamed_are_followed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            bob = await t.account("bob@demo.test")
            await t.account("alice@demo.test")
            await t.forward("alice@demo.test", "bob+x@demo.test", keep=False)

            def rename(tx: Tx) -> None:
                name = addresses.find(tx, at("bob@demo.test"))
                assert name is not None
                addresses.move(tx, name, at("robert@demo.test"))

            await t.directory.change(rename)
            assert await t.receivers("alice@demo.test") == {bob.id}
            await t.directory.change(
                lambda tx: domains.rename(
                    tx, domains.require(tx, Domain("demo.test")), Domain("new.test")
                )
            )
            assert await t.receivers("alice@new.test") == {bob.id}
            assert (
                await t.db.read(lambda tx: addresses.named_by(tx, at("robert@new.test"))) == []
            )  # a forward has no name

    asyncio.run(run())


def test_it_goes_with_its_account(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.forward("alice@demo.test", "b@x.test", keep=False)
            await t.remove("alice@demo.test")
            assert (await t.resolve("alice@demo.test")).kind == "unknown"
            await t.directory.change(lambda tx: accounts.restore(tx, alice))
            assert await t.receivers("alice@demo.test") == {"b@x.test"}
            await t.remove("alice@demo.test")
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert (await rows(t))[0] == 0

    asyncio.run(run())


# -- what the walk makes of them


def test_an_account_forwards_with_and_without_a_copy(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice, bob = await t.account("alice@demo.test", quota=7), await t.account("bob@demo.test")
        await t.forward("alice@demo.test", "a@example.org", "bob+x@demo.test")
        found = await t.resolve("Alice+News@demo.test")
        assert {one.account_id for one in found.local} == {alice.id, bob.id}
        assert (found.remote, found.via, found.holders) == (("a@example.org",), "", (alice.id,))
        assert found.local[0] == Local(alice.id, "alice+news@demo.test", "News", Quota(7))
        await t.forward("alice@demo.test", "a@example.org", keep=False)
        found = await t.resolve("Alice@demo.test")
        assert (found.local, found.remote, found.name) == (
            (), ("a@example.org",), "alice@demo.test",
        )  # fmt: skip
        await t.alias("team@demo.test", "alice@demo.test", "bob@demo.test", "x@example.org")
        found = await t.resolve("team@demo.test")
        assert await t.receivers("team@demo.test") == {bob.id, "a@example.org", "x@example.org"}
        assert (found.via, set(found.holders)) == ("team@demo.test", {alice.id, bob.id, 0})
        await t.disable("alice@demo.test")
        assert (await t.resolve("alice@demo.test")).kind == "disabled"
        assert await t.receivers("team@demo.test") == {bob.id, "x@example.org"}

    in_town(town, story)


def test_a_forward_that_reaches_nobody_leaves_the_letters_here(town: Towns) -> None:
    async def story(t: Town) -> None:
        alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
        await t.account("off@demo.test")
        await t.disable("off@demo.test")
        await t.forward("alice@demo.test", "gone@demo.test", "off@demo.test", keep=False)
        assert await t.receivers("alice@demo.test") == {alice.id}
        await t.alias("team@demo.test", "alice@demo.test", "bob@demo.test")
        assert await t.receivers("team@demo.test") == {alice.id, bob.id}
        await forward_rows(t, "bob@demo.test", "alice@demo.test", keep=False)
        await t.forward("alice@demo.test", "gone@demo.test", keep=False)
        assert await t.receivers("bob@demo.test") == {alice.id, bob.id}

    in_town(town, story)


def test_a_forward_that_leads_back_is_refused_when_it_is_written(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.account("alice@demo.test")
        bob = await t.account("bob@demo.test")
        await t.alias("team@demo.test", "alice+x@demo.test")
        await t.forward("bob@demo.test", "team@demo.test")
        for targets in (
            ["alice@demo.test"],
            ["ALICE+y@demo.test", "z@example.org"],
            ["team@demo.test"],
            ["bob@demo.test"],
        ):
            with pytest.raises(Invalid, match="would be a loop: alice@demo.test -> "):
                await t.forward("alice@demo.test", *targets)
            assert (await t.resolve("alice@demo.test")).holders == ()
        with pytest.raises(Invalid, match="loop"):
            await t.alias("team2@demo.test", "team2+x@demo.test")
        await t.forward("alice@demo.test", "b@example.org", keep=False)
        with pytest.raises(Invalid, match="loop"):
            await t.forward("bob@demo.test", "bob+x@demo.test")
        assert await t.receivers("bob@demo.test") == {bob.id, "b@example.org"}

    in_town(town, story)


@pytest.mark.parametrize("role", ["postmaster", "abuse+x"])
def test_letters_to_roles_go_on_to_where_admins_forward(town: Towns, role: str) -> None:
    async def story(t: Town) -> None:
        one = await t.account("one@demo.test", is_admin=True)
        two = await t.account("two@demo.test", is_admin=True)
        await t.forward("one@demo.test", "a@example.org", keep=False)
        assert await t.receivers(f"{role}@demo.test") == {two.id, "a@example.org"}
        await t.forward("two@demo.test", "b@example.org", keep=False)
        assert await t.receivers(f"{role}@demo.test") == {"a@example.org", "b@example.org"}
        found = await t.directory.resolve_postmaster()
        assert (found.local, found.name) == ((), "postmaster@demo.test")
        await t.forward("one@demo.test", "gone@demo.test", keep=False)
        assert await t.receivers(f"{role}@demo.test") == {one.id, "b@example.org"}

    in_town(town, story)


def test_a_role_with_a_dead_name_is_not_forwarded_into_nothing(town: Towns) -> None:
    async def story(t: Town) -> None:
        admin = await t.account("admin@demo.test", is_admin=True)
        await t.forward("admin@demo.test", "x@example.org", keep=False)
        await t.alias("abuse@demo.test", "gone@demo.test")
        assert await t.receivers("abuse@demo.test") == {admin.id}

    in_town(town, story)

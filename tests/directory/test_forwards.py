import asyncio

import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import accounts, addresses, domains, forwards
from postroom.directory.forwards import Forward
from postroom.errors import Invalid
from tests.directory.town import Town, Towns, at


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

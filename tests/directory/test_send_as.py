import asyncio
from functools import partial

import pytest

from postroom.db.database import Tx
from postroom.directory import accounts, send_as
from postroom.directory.names import Policy
from postroom.directory.send_as import Grant
from postroom.errors import AlreadyExists, NotFound
from tests.directory.town import Town, Towns, at


async def may(t: Town, account_id: int, *addresses: str) -> list[bool]:
    return [await t.directory.may_send_as(account_id, at(one)) for one in addresses]


def remove(account_id: int, grant: Grant, tx: Tx) -> None:
    send_as.remove(tx, account_id, grant)


def test_a_grant_counts_in_every_spelling_of_its_domain(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            assert await may(t, alice.id, "alice@demo.test", "bob@demo.test") == [True, False]
            await t.grant("alice@demo.test", "Bob@demo.test")
            spellings = ("bob@demo.test", "BOB+x@demo.test", "bob@alias.test")
            assert await may(t, alice.id, *spellings) == [True] * 3
            assert await may(t, bob.id, "alice@demo.test") == [False]
            others = ("b.ob@demo.test", "bobby@demo.test", "bob@other.test", "nobody@demo.test")
            assert await may(t, alice.id, *others) == [False] * 4
            await t.policy("demo.test", Policy(dots_ignored=True, separators=""))
            assert await may(t, alice.id, "b.ob@demo.test", "bob+x@demo.test") == [True, False]

    asyncio.run(run())


def test_a_whole_domain_is_an_own_one(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            await t.domain("side.test")
            alice = await t.account("alice@demo.test")
            await t.grant("alice@demo.test", "@alias.test")
            everyone = ("anyone@demo.test", '"a b"@alias.test', "postmaster@demo.test")
            assert await may(t, alice.id, *everyone) == [True] * 3
            assert await may(t, alice.id, "anyone@side.test", "a@sub.demo.test") == [False] * 2
            with pytest.raises(NotFound, match="not a domain of this server"):
                await t.grant("alice@demo.test", "@other.test")

    asyncio.run(run())


def test_an_address_elsewhere_can_be_granted(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.grant("alice@demo.test", "Ann@example.org")
            assert await may(t, alice.id, "ann@example.org", "bob@example.org") == [True, False]

    asyncio.run(run())


def test_grants_are_listed_once_and_taken_back(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice = await t.account("alice@demo.test")
            for what in ("Sales@demo.test", "@demo.test", "a@x.test"):
                await t.grant("alice@demo.test", what)
            for again in ("SALES@alias.test", "@alias.test", "A@x.test"):
                with pytest.raises(AlreadyExists, match="allowed already"):
                    await t.grant("alice@demo.test", again)
            grants = await t.db.read(lambda tx: send_as.of(tx, alice.id))
            assert [one.written for one in grants] == ["@demo.test", "Sales@demo.test", "a@x.test"]
            for less in (Grant("", "alias.test"), Grant("sales", "demo.test")):
                await t.directory.change(partial(remove, alice.id, less))
                with pytest.raises(NotFound, match="was not allowed"):
                    await t.directory.change(partial(remove, alice.id, less))
            assert await may(t, alice.id, "sales@demo.test", "a@x.test") == [False, True]

    asyncio.run(run())


def test_a_renamed_domain_is_followed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.grant("alice@demo.test", "sales@demo.test")
            await t.directory.change(lambda tx: send_as.follow(tx, "demo.test", "new.test"))
            grants = await t.db.read(lambda tx: send_as.of(tx, alice.id))
            assert grants == [Grant("sales", "new.test")]

    asyncio.run(run())


def test_grants_go_with_their_account(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.grant("alice@demo.test", "@demo.test")
            await t.remove("alice@demo.test")
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert await t.db.read(lambda tx: send_as.of(tx, alice.id)) == []

    asyncio.run(run())

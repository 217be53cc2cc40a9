"""Entries of what is shared: identifiers, precedence, what goes with what."""

import asyncio
from typing import TypeVar

import pytest

from postroom.db.database import Tx
from postroom.directory import accounts, aliases, shares
from postroom.directory.shares import MAX_GRANTEES, WHOLE, Grantee, Share
from postroom.errors import Invalid, NotFound
from tests.directory.town import Town, Towns, at

T = TypeVar("T")

READ = frozenset("lr")
WRITE = frozenset("lrw")


async def grantee(t: Town, text: str) -> tuple[Grantee, str]:
    return await t.directory.look(lambda tx: shares.grantee(tx, text))


async def share(t: Town, owner: int, mailbox: int, to: str, rights: str) -> None:
    def write(tx: Tx) -> None:
        shares.put(tx, owner, mailbox, shares.grantee(tx, to)[0], frozenset(rights))

    await t.directory.change(write)


async def on(t: Town, owner: int, mailbox: int) -> dict[str, str]:
    found = await t.directory.look(lambda tx: shares.on(tx, owner, mailbox))
    return {one.identifier: "".join(sorted(one.rights)) for one in found}


async def every(t: Town, owner: int) -> list[tuple[int, str, str]]:
    found = await t.directory.look(lambda tx: shares.of(tx, owner))
    return [(one.mailbox_id, one.identifier, "".join(sorted(one.rights))) for one in found]


def test_identifiers_have_one_spelling(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            domain = await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            bob = await t.account("bob@demo.test")
            await t.further("bob@demo.test", "robert@demo.test")
            team = await t.alias("team@demo.test", "bob@demo.test")
            named = (Grantee("account", bob.id), "bob@demo.test")
            for text in ("bob@demo.test", "BOB@Demo.Test", "bob@alias.test", "robert@demo.test"):
                assert await grantee(t, text) == named
            assert await grantee(t, "Team@alias.test") == (
                Grantee("alias", team.id),
                "team@demo.test",
            )
            for text in ("@demo.test", "@ALIAS.test"):
                assert await grantee(t, text) == (Grantee("domain", domain.id), "@demo.test")
            assert await grantee(t, "anyone") == (Grantee("anyone"), "anyone")
            for text in ("nobody@demo.test", "bob+x@demo.test", "a@elsewhere.test", "@other.test"):
                with pytest.raises(NotFound):
                    await grantee(t, text)
            for text in ("bob", "", "Anyone", "@", "a b@demo.test"):
                with pytest.raises(Invalid):
                    await grantee(t, text)

    asyncio.run(run())


def test_a_mailbox_entry_stands_in_front_of_that_of_the_account(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await t.account("carol@demo.test")
            await share(t, alice.id, WHOLE, "bob@demo.test", "lr")
            await share(t, alice.id, 5, "bob@demo.test", "lrw")
            await share(t, alice.id, 5, "carol@demo.test", "r")
            assert await on(t, alice.id, 5) == {"bob@demo.test": "lrw", "carol@demo.test": "r"}
            assert await on(t, alice.id, 6) == {"bob@demo.test": "lr"}
            # nothing on the mailbox: kept as an entry, because the account's would count else
            await share(t, alice.id, 5, "bob@demo.test", "")
            assert await on(t, alice.id, 5) == {"carol@demo.test": "r"}
            assert (5, "bob@demo.test", "") in await every(t, alice.id)
            await share(t, alice.id, WHOLE, "bob@demo.test", "")
            await share(t, alice.id, 5, "bob@demo.test", "")
            assert await every(t, alice.id) == [(5, "carol@demo.test", "r")]
            with pytest.raises(Invalid, match="its own mailboxes"):
                await share(t, alice.id, WHOLE, "alice@demo.test", "lr")

            def rights(tx: Tx, mailbox: int) -> frozenset[str]:
                return shares.rights_of(tx, alice.id, mailbox, Grantee("account", bob.id))

            await share(t, alice.id, WHOLE, "bob@demo.test", "lr")
            assert await t.directory.look(lambda tx: rights(tx, 5)) == READ
            await share(t, alice.id, 5, "bob@demo.test", "lrw")
            assert await t.directory.look(lambda tx: rights(tx, 5)) == WRITE
            assert await t.directory.look(lambda tx: rights(tx, WHOLE)) == READ

    asyncio.run(run())


def test_new_mailboxes_inherit_and_deleted_ones_are_forgotten(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.account("bob@demo.test")
            await share(t, alice.id, 5, "bob@demo.test", "lr")
            await share(t, alice.id, 5, "anyone", "l")
            inherit = shares.inherit
            assert await t.directory.change(lambda tx: inherit(tx, alice.id, 5, [6, 7]))
            assert not await t.directory.change(lambda tx: inherit(tx, alice.id, 8, [9]))
            assert await on(t, alice.id, 7) == await on(t, alice.id, 5)
            assert await t.directory.change(lambda tx: shares.forget_mailbox(tx, alice.id, 5)) == 2
            assert await on(t, alice.id, 5) == {}
            assert len(await every(t, alice.id)) == 4

    asyncio.run(run())


def test_entries_follow_their_grantees(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            side = await t.domain("side.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            team = await t.alias("team@demo.test", "bob@demo.test")
            for identifier in ("bob@demo.test", "team@demo.test", "@side.test", "anyone"):
                await share(t, alice.id, 5, identifier, "lr")
            await t.directory.change(
                lambda tx: accounts.rename(tx, bob, at("robert@side.test"), keep_id=None)
            )
            await t.directory.change(lambda tx: aliases.rename(tx, team, at("crew@demo.test")))
            assert set(await on(t, alice.id, 5)) == {
                "robert@side.test",
                "crew@demo.test",
                "@side.test",
                "anyone",
            }
            # a removed account is not shown, and comes back with its shares
            gone = await t.remove("robert@side.test")
            assert "robert@side.test" not in await on(t, alice.id, 5)
            assert (5, "robert@side.test", "lr") not in await every(t, alice.id)
            other = await t.account("robert@side.test")
            assert "robert@side.test" not in await on(t, alice.id, 5)
            await t.remove("robert@side.test")
            await t.directory.change(lambda tx: accounts.restore(tx, gone))
            assert "robert@side.test" in await on(t, alice.id, 5)
            assert other.id != gone.id
            crew = await t.directory.look(lambda tx: aliases.require(tx, at("crew@demo.test")))
            await t.directory.change(lambda tx: aliases.remove(tx, crew))
            await t.directory.change(
                lambda tx: shares.forget_grantee(tx, Grantee("domain", side.id))
            )
            assert set(await on(t, alice.id, 5)) == {"robert@side.test", "anyone"}
            await t.remove("robert@side.test")
            await t.directory.change(lambda tx: accounts.forget(tx, gone.id))
            assert set(await on(t, alice.id, 5)) == {"anyone"}
            await t.remove("alice@demo.test")
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert not await t.directory.look(shares.exists)

    asyncio.run(run())


def test_pages_hold_every_entry_once(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            for name in ("alice", "bob", "carol"):
                await t.account(f"{name}@demo.test")
            for owner in ("alice", "bob"):
                ident = (await t.resolve(f"{owner}@demo.test")).local[0].account_id
                for mailbox in (WHOLE, 5, 6):
                    await share(t, ident, mailbox, "carol@demo.test", "lr")
                    await share(t, ident, mailbox, "anyone", "l")
            await t.remove("carol@demo.test")
            found: list[Share] = []
            after = (0, 0, "", 0)
            while page := await t.directory.look(lambda tx, a=after: shares.page(tx, a, 5)):  # type: ignore[misc]
                found += page
                after = page[-1].key
            assert len({one.key for one in found}) == len(found) == 12
            assert {one.identifier for one in found} == {"anyone", ""}

    asyncio.run(run())


def test_grantees_of_a_mailbox_are_bounded(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")

            def fill(tx: Tx) -> None:
                tx.many(
                    "INSERT INTO share (owner_id, mailbox_id, kind, grantee_id, rights)"
                    " VALUES (?, 5, 'account', ?, 'lr')",
                    [(alice.id, number) for number in range(1, MAX_GRANTEES + 1)],
                )

            await t.directory.change(fill)
            with pytest.raises(Invalid, match="an alias or a domain"):
                await share(t, alice.id, 5, "anyone", "l")
            assert not await t.directory.look(lambda tx: shares.exists(tx, "anyone"))
            await share(t, alice.id, 6, "anyone", "l")
            assert await t.directory.look(lambda tx: shares.exists(tx, "anyone"))

    asyncio.run(run())

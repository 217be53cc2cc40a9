"""Who reaches what: identifiers of a person added up, groups as they are now."""

import asyncio

from postroom.directory import aliases, reach
from postroom.directory.names import Policy
from postroom.directory.shares import WHOLE
from tests.directory.test_shares import share
from tests.directory.town import Town, Towns, at


async def rights(t: Town, who: int, owner: int, mailbox: int) -> str:
    return "".join(sorted((await t.directory.reach(who)).rights(owner, mailbox)))


def test_what_several_identifiers_give_is_added_up(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("side.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            carol = await t.account("carol@side.test")
            assert await t.directory.reach(bob.id) == reach.NOWHERE
            await t.alias("team@demo.test", "bob@demo.test", "x@example.org")
            await share(t, alice.id, 5, "bob@demo.test", "lr")
            await share(t, alice.id, 5, "team@demo.test", "s")
            await share(t, alice.id, 5, "@demo.test", "w")
            await share(t, alice.id, 5, "anyone", "l")
            await share(t, alice.id, WHOLE, "team@demo.test", "lri")
            assert await rights(t, bob.id, alice.id, 5) == "lrsw"
            assert await rights(t, bob.id, alice.id, 6) == "ilr"
            assert await rights(t, carol.id, alice.id, 5) == "l"
            assert await rights(t, carol.id, alice.id, 6) == ""
            # nobody reaches their own mailboxes by a share
            assert await t.directory.reach(alice.id) == reach.NOWHERE
            # a mailbox is taken out for one group, not for the person
            await share(t, alice.id, 6, "team@demo.test", "")
            assert await rights(t, bob.id, alice.id, 6) == ""
            await share(t, alice.id, 6, "bob@demo.test", "r")
            assert await rights(t, bob.id, alice.id, 6) == "r"
            owner = (await t.directory.reach(bob.id)).owners[alice.id]
            assert (owner.address, owner.everywhere) == ("alice@demo.test", frozenset("lri"))

    asyncio.run(run())


def test_groups_are_expanded_when_it_is_asked(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await t.further("bob@demo.test", "robert@demo.test")
            inner = await t.alias("inner@demo.test", "ROBERT+list@alias.test")
            await t.alias("outer@demo.test", "inner@demo.test", "carol@demo.test")
            await share(t, alice.id, 5, "outer@demo.test", "lr")
            assert await rights(t, bob.id, alice.id, 5) == "lr"
            # whoever has the longer name is the member, not whose subaddress it was
            other = await t.account("robert+list@demo.test")
            assert await rights(t, bob.id, alice.id, 5) == ""
            assert await rights(t, other.id, alice.id, 5) == "lr"
            await t.directory.change(
                lambda tx: aliases.change(tx, inner, targets=[at("nobody@demo.test")])
            )
            assert await rights(t, other.id, alice.id, 5) == ""
            carol = await t.account("carol@demo.test")
            assert await rights(t, carol.id, alice.id, 5) == "lr"
            # where an account forwards its letters changes nothing
            await t.forward("carol@demo.test", "bob@demo.test", keep=False)
            assert await rights(t, carol.id, alice.id, 5) == "lr"
            assert await rights(t, bob.id, alice.id, 5) == ""

    asyncio.run(run())


def test_names_are_compared_as_their_domain_wants(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.policy("demo.test", Policy(separators="-", dots_ignored=True))
            alice = await t.account("alice@demo.test")
            bob = await t.account("bo.b@demo.test")
            bobby = await t.account("bobby@demo.test")
            await t.alias("team@demo.test", "b.ob-x@demo.test")
            await share(t, alice.id, 5, "team@demo.test", "lr")
            assert await rights(t, bob.id, alice.id, 5) == "lr"
            assert await rights(t, bobby.id, alice.id, 5) == ""

    asyncio.run(run())


def test_removed_owners_are_out_of_reach(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await share(t, alice.id, WHOLE, "bob@demo.test", "lr")
            await t.disable("alice@demo.test")  # her letters are still there
            assert await rights(t, bob.id, alice.id, 5) == "lr"
            await t.remove("alice@demo.test")
            assert await rights(t, bob.id, alice.id, 5) == ""

    asyncio.run(run())


def test_an_inbox_shared_with_the_right_to_post_lets_its_members_send(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            desk, bob = await t.account("desk@demo.test"), await t.account("bob@demo.test")
            await t.further("desk@demo.test", "help@demo.test")
            await t.alias("team@demo.test", "bob@demo.test")
            await t.alias("both@demo.test", "desk@demo.test", "bob@demo.test")

            async def may(*addresses: str) -> list[bool]:
                return [await t.directory.may_send_as(bob.id, at(one)) for one in addresses]

            names = ("desk@demo.test", "HELP+x@demo.test", "both@demo.test", "desk@elsewhere.test")
            assert await may(*names) == [False] * 4
            await share(t, desk.id, 5, "team@demo.test", "lrp")  # some folder: no
            assert await may(*names) == [False] * 4
            await share(t, desk.id, desk.id, "team@demo.test", "lrp")
            assert await may(*names) == [True, True, False, False]
            await share(t, desk.id, desk.id, "team@demo.test", "lr")
            assert await may(*names) == [False] * 4
            await share(t, desk.id, WHOLE, "anyone", "p")
            assert await may(*names) == [True, True, False, False]
            assert not await t.directory.may_send_as(desk.id, at("bob@demo.test"))

    asyncio.run(run())


def test_another_process_learns_of_it(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            other = t.another()
            assert (await other.reach(bob.id)).rights(alice.id, 5) == frozenset()
            await share(t, alice.id, 5, "bob@demo.test", "lr")
            other.hint()
            assert (await other.reach(bob.id)).rights(alice.id, 5) == frozenset("lr")
            other.close()

    asyncio.run(run())

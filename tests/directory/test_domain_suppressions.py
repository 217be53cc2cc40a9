"""The lists of a domain's accounts together."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import domain_suppressions, domains, suppressions
from postroom.directory.accounts import Account
from postroom.directory.domain_suppressions import Key
from postroom.directory.domains import OwnDomain
from postroom.directory.suppressions import Kind, Suppressed, Using
from postroom.errors import Refused
from tests.directory.town import Town, Towns

Story = Callable[[Town, OwnDomain, Account, Account], Awaitable[None]]


def in_town(town: Towns, story: Story) -> None:
    """``a.test`` with ann and bob, and ``b.test`` with eve, who has the same on her list."""

    async def run() -> None:
        async with town() as t:
            own = await t.domain("a.test")
            await t.domain("b.test")
            ann, bob = await t.account("ann@a.test"), await t.account("bob@a.test")
            eve = await t.account("eve@b.test")
            await put(t, eve, "x@far.test", "y@far.test")
            await story(t, own, ann, bob)

    asyncio.run(run())


async def put(
    t: Town, account: Account, *addresses: str, kind: Kind = "bounce", until: int = 100
) -> None:
    some = [Suppressed(one, kind, 10, until, 7, "550 No") for one in addresses]
    await t.db.write(lambda tx: suppressions.put(tx, account.id, some))


async def listed(t: Town, own: OwnDomain, **more: object) -> list[tuple[str, str]]:
    rows = await t.db.read(
        lambda tx: domain_suppressions.page(tx, own.id, **{"limit": 100, **more})  # type: ignore[arg-type]
    )
    return [(one.account, one.entry.address) for one in rows]


def test_all_lists_are_one_in_pages_and_searched(
    town: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain_suppressions, "TOGETHER", 1)

    async def story(t: Town, own: OwnDomain, ann: Account, bob: Account) -> None:
        assert await listed(t, own) == []
        await put(t, ann, "x@far.test", "a@far.test")
        await put(t, bob, "X@far.test", "b@far.test", "c@far.test")
        every = [
            ("ann@a.test", "a@far.test"), ("ann@a.test", "x@far.test"),
            ("bob@a.test", "b@far.test"), ("bob@a.test", "c@far.test"),
            ("bob@a.test", "x@far.test"),
        ]  # fmt: skip
        assert await listed(t, own) == every
        found: list[tuple[str, str]] = []
        after: Key = (0, "")
        while rows := await t.db.read(
            lambda tx: domain_suppressions.page(tx, own.id, after=after, limit=2)  # noqa: B023
        ):
            found += [(one.account, one.entry.address) for one in rows]
            after = rows[-1].key
        assert found == every
        assert await listed(t, own, begins="X") == [every[1], every[4]]
        assert await t.db.read(lambda tx: domain_suppressions.count(tx, own.id)) == 5
        assert await t.db.read(lambda tx: domain_suppressions.accounts(tx, own.id)) == 2

    in_town(town, story)


def test_an_address_goes_from_all_lists_and_stays_on_those_of_other_domains(town: Towns) -> None:
    async def story(t: Town, own: OwnDomain, ann: Account, bob: Account) -> None:
        await put(t, ann, "x@far.test", "a@far.test")
        await put(t, bob, "x@far.test", kind="hand", until=0)
        rows = await t.db.read(
            lambda tx: domain_suppressions.of_address(tx, own.id, "X@far.test", 9)
        )
        assert [(one.account, one.entry.kind) for one in rows] == [
            ("ann@a.test", "bounce"), ("bob@a.test", "hand"),
        ]  # fmt: skip
        for gone in (2, 0):
            assert gone == await t.db.write(
                lambda tx: domain_suppressions.remove(tx, own.id, "X@far.test")
            )
        assert await listed(t, own) == [("ann@a.test", "a@far.test")]
        assert await t.db.read(lambda tx: suppressions.using(tx, bob.id)) == Using(None, 0)
        other = await t.db.read(lambda tx: domains.require(tx, Domain("b.test")))
        assert len(await listed(t, other)) == 2

    in_town(town, story)


def test_what_came_back_to_one_is_known_for_all_and_what_is_by_hand_is_not(town: Towns) -> None:
    async def story(t: Town, own: OwnDomain, ann: Account, bob: Account) -> None:
        def find(address: str, now: int = 50) -> Callable[[Tx], object]:
            return lambda tx: domain_suppressions.find(tx, own.id, address, now)

        await put(t, ann, "x@far.test")
        await put(t, bob, "x@far.test", kind="complaint", until=300)
        await put(t, bob, "z@far.test", kind="hand", until=0)
        longest = Suppressed("x@far.test", "complaint", 10, 300, 7, "550 No")
        assert await t.db.read(find("X@far.test")) == ("a.test", longest)
        assert await t.db.read(find("x@far.test", 300)) is None
        assert await t.db.read(find("z@far.test")) is None
        assert await t.db.read(find("y@far.test")) is None  # eve's, of another domain

    in_town(town, story)


def test_a_domain_shares_from_then_on_and_no_more(town: Towns) -> None:
    async def story(t: Town, own: OwnDomain, ann: Account, bob: Account) -> None:
        async def using(account: Account) -> Using:
            return await t.directory.suppressing(account.id)

        await put(t, ann, "x@far.test")
        assert (await using(bob)).shares == 0
        await t.directory.change(lambda tx: domain_suppressions.share(tx, own, shared=True))
        assert await using(bob) == Using(None, 0, own.id)
        assert await t.db.read(domain_suppressions.sharing) == {"a.test"}
        assert await t.db.read(lambda tx: domain_suppressions.is_shared(tx, own.id))
        alias = await t.domain("c.test", alias_of="a.test")
        assert domain_suppressions.ident_of(alias) == own.id
        with pytest.raises(Refused, match="share the suppression lists of"):
            await t.directory.change(lambda tx: domain_suppressions.share(tx, alias, shared=True))
        await t.directory.change(lambda tx: domain_suppressions.share(tx, own, shared=False))
        assert (await using(bob)).shares == 0
        assert (await using(ann)).entries == 1

    in_town(town, story)

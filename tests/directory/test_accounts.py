import asyncio

import pytest

from postroom.db.database import Tx
from postroom.directory import accounts, credentials, domains
from postroom.directory.accounts import KEPT_MS, Account, Scram
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.quota import Quota
from tests.directory.town import Town, Towns, at
from tests.planned import Planned


async def found(town: Town, address: str) -> Account:
    return await town.directory.look(lambda tx: accounts.require(tx, at(address)))


async def restored(town: Town, address: str) -> list[str]:
    account = await town.directory.look(lambda tx: accounts.latest_removed(tx, at(address)))
    assert account is not None
    return [
        str(lost) for lost in await town.directory.change(lambda tx: accounts.restore(tx, account))
    ]


async def page(
    town: Town,
    after: tuple[str, str, int] = ("", "", 0),
    limit: int = 99,
    *,
    search: str = "",
    removed: bool = False,
) -> list[Account]:
    return await town.directory.look(
        lambda tx: accounts.page(tx, after, limit, search=search, removed=removed)
    )


def test_few_accounts_are_found_among_many_by_their_indexes(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")

            def look(tx: Tx) -> list[str]:
                planned = Planned(tx, {"account", "c", "a"})
                accounts.holding(planned)
                accounts.first_admin(planned)
                accounts.owners(planned)
                return planned.steps

            steps = await t.directory.look(look)
            if t.db.engine == "sqlite":
                assert [step.split(" (")[0] for step in steps] == [
                    "SCAN c USING INDEX account_holding",
                    "SEARCH a USING INDEX address_account",
                    *["SCAN c USING INDEX account_admin", "SEARCH a USING INDEX address_account"]
                    * 2,
                ]

    asyncio.run(run())


def test_an_account_is_found_by_each_of_its_addresses(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            added = await t.account("Alice@demo.test", name="Alice A", quota=5, is_admin=True)
            await t.further("alice@demo.test", "al@demo.test")
            alice = await found(t, "AL@demo.test")
            assert (alice.id, str(alice.address), alice.name) == (
                added.id,
                "Alice@demo.test",
                "Alice A",
            )
            assert (alice.quota, alice.is_admin, alice.is_disabled) == (Quota(5), True, False)
            further = await t.directory.look(lambda tx: accounts.further(tx, added.id))
            assert further == [at("al@demo.test")]

    asyncio.run(run())


def test_a_refusal_says_what_there_is_instead(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.alias("team@demo.test", "x@example.org")
            await t.account("gone@demo.test")
            await t.remove("gone@demo.test")
            for address, reason in [
                ("a@other.test", "run: postroom domain add other.test"),
                ("team@demo.test", "is an alias, not an account"),
                ("gone@demo.test", "run: postroom account restore gone@demo.test"),
                ("nobody@demo.test", "no account nobody@demo.test"),
            ]:
                with pytest.raises(NotFound, match=reason):
                    await found(t, address)

    asyncio.run(run())


def test_pages_go_on_where_the_last_ended(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("b.test", "a.test"):
                await t.domain(name)
                for local in ("carol", "Alice", "bob"):
                    await t.account(f"{local}@{name}", name=f"{local} Of {name}")
            seen: list[str] = []
            after = ("", "", 0)
            while items := await page(t, after, 4):
                seen += [str(one.address) for one in items]
                after = items[-1].key
            assert seen == [
                f"{local}@{name}"
                for name in ("a.test", "b.test")
                for local in ("Alice", "bob", "carol")
            ]
            assert [str(one.address) for one in await page(t, search="alice@b")] == ["Alice@b.test"]
            assert len(await page(t, search="of a.test")) == 3
            assert await page(t, search="%") == []

    asyncio.run(run())


def test_removed_accounts_of_one_address_are_all_listed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            for _ in range(3):
                await t.account("alice@demo.test")
                await t.remove("alice@demo.test")
                t.clock.advance(seconds=1)
            assert await page(t) == []
            seen = []
            after = ("", "", 0)
            while items := await page(t, after, 1, removed=True):
                seen += [one.id for one in items]
                after = items[-1].key
            assert len(set(seen)) == 3

    asyncio.run(run())


def test_a_removed_account_is_unknown_and_its_names_are_free(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            first = await t.account("alice@demo.test", password="secret")
            await t.further("alice@demo.test", "al@demo.test")
            await t.remove("alice@demo.test")
            assert (await t.resolve("alice@demo.test")).kind == "unknown"
            assert (await t.resolve("al@demo.test")).kind == "unknown"
            second = await t.account("alice@demo.test")
            assert second.id != first.id
            assert await t.receivers("alice@demo.test") == {second.id}

    asyncio.run(run())


def test_a_restored_account_is_what_it_was(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")
            await t.further("alice@demo.test", "al@demo.test")
            await t.further("alice@demo.test", "lost@demo.test")
            await t.remove("alice@demo.test")
            assert await t.directory.password("alice@demo.test", "secret", "imap") is None
            taker = await t.account("lost@demo.test")
            assert await restored(t, "alice@demo.test") == ["lost@demo.test"]
            assert await t.receivers("al@demo.test") == {alice.id}
            assert await t.receivers("lost@demo.test") == {taker.id}
            assert await t.directory.password("alice@demo.test", "secret", "imap") is not None

    asyncio.run(run())


def test_a_name_taken_meanwhile_is_not_restored(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.remove("alice@demo.test")
            await t.alias("alice@demo.test", "x@example.org")
            with pytest.raises(AlreadyExists, match="taken meanwhile"):
                await restored(t, "alice@demo.test")
            assert await t.receivers("alice@demo.test") == {"x@example.org"}

    asyncio.run(run())


def test_after_thirty_days_an_account_is_forgotten(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")
            await t.remove("alice@demo.test")
            removed = t.clock()

            async def due(now: int) -> list[int]:
                return await t.directory.look(
                    lambda tx: accounts.removed_before(tx, now - KEPT_MS, 10)
                )

            assert await due(removed + KEPT_MS - 1) == []
            assert await due(removed + KEPT_MS) == [alice.id]
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert await due(removed + KEPT_MS) == []
            assert await t.directory.look(lambda tx: credentials.of(tx, alice.id)) == []

    asyncio.run(run())


def test_a_live_account_is_never_forgotten(town: Towns) -> None:
    """It may have been restored while its mail was about to go."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert await t.receivers("alice@demo.test") == {alice.id}
            assert await t.directory.password("alice@demo.test", "secret", "imap") is not None

    asyncio.run(run())


def test_the_last_forgotten_account_takes_its_removed_domain_along(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.remove("alice@demo.test")
            await t.directory.change(lambda tx: domains.remove(tx, own, t.clock()))
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert (await t.domain("demo.test")).id != own.id

    asyncio.run(run())


def test_rename_keeps_or_frees_the_old_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")

            async def rename(new: str, *, keep: bool) -> None:
                account = await t.directory.look(lambda tx: accounts.by_id(tx, alice.id))
                assert account is not None
                ident = t.ids.next() if keep else None
                await t.directory.change(
                    lambda tx: accounts.rename(tx, account, at(new), keep_id=ident)
                )

            await rename("zoe@demo.test", keep=True)
            assert await t.receivers("alice@demo.test") == {alice.id}
            await rename("alice@demo.test", keep=False)  # back to a further address of its own
            assert await t.receivers("alice@demo.test") == {alice.id}
            assert (await t.resolve("zoe@demo.test")).kind == "unknown"
            identity = await t.directory.password("alice@demo.test", "secret", "imap")
            assert identity is not None
            assert identity.address == "alice@demo.test"
            assert await t.directory.password("zoe@demo.test", "secret", "imap") is None

    asyncio.run(run())


def test_the_holding_account_becomes_a_person_with_its_mail(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            (held,) = await t.receivers("abuse@demo.test")
            holding = await found(t, "postmaster@demo.test")
            assert (holding.id, holding.kind) == (held, "holding")
            assert [one.kind for one in await page(t)] == ["holding"]
            with pytest.raises(Invalid, match="postroom account add postmaster@demo.test"):
                await t.disable("postmaster@demo.test")
            adopted = await t.account("Postmaster@demo.test", password="secret", is_admin=True)
            assert adopted.id == held
            assert (await found(t, "postmaster@demo.test")).kind == "person"
            assert await t.directory.password("postmaster@demo.test", "secret", "imap")
            assert await t.receivers("abuse@demo.test") == {held}

    asyncio.run(run())


def test_there_is_one_holding_account_at_most(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            scram = Scram(b"", 1)
            nothing = await t.directory.change(
                lambda tx: accounts.add_holding(tx, 1, 2, scram, t.clock())
            )
            assert nothing is None  # no domain
            await t.domain("demo.test")
            both = [
                await t.directory.change(
                    lambda tx, n=n: accounts.add_holding(tx, n, n + 1, scram, t.clock())  # type: ignore[misc]
                )
                for n in (1, 3)
            ]
            assert both[0] == both[1]

    asyncio.run(run())

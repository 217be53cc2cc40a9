import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postroom.directory import accounts, passkeys
from postroom.directory.passkeys import MOST, Passkey
from postroom.errors import AlreadyExists, NotFound, Refused
from tests.directory.town import Town, Towns, at


def in_town(town: Towns, story: Callable[[Town, Passkey], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            for address in ("bob@demo.test", "eve@demo.test"):
                await t.account(address)
            bob = await t.directory.look(lambda tx: accounts.require(tx, at("bob@demo.test")))
            one = Passkey(1, bob.id, b"c1", b"material", "mx.demo.test", "phone", 0, 5, None)
            await t.directory.change(lambda tx: passkeys.add(tx, one))
            await story(t, one)

    asyncio.run(run())


def test_a_passkey_is_kept_once_renamed_and_removed(town: Towns) -> None:
    async def story(t: Town, one: Passkey) -> None:
        eve = await t.directory.look(lambda tx: accounts.require(tx, at("eve@demo.test")))
        change, look = t.directory.change, t.directory.look
        stolen = msgspec.structs.replace(one, id=2, account_id=eve.id)
        with pytest.raises(AlreadyExists):
            await change(lambda tx: passkeys.add(tx, stolen))
        for refused in (
            lambda tx: passkeys.rename(tx, eve.id, one.id, "mine"),
            lambda tx: passkeys.remove(tx, eve.id, one.id),
            lambda tx: passkeys.remove(tx, one.account_id, 99),
        ):
            with pytest.raises(NotFound):
                await change(refused)
        await change(lambda tx: passkeys.rename(tx, one.account_id, one.id, "key"))
        renamed = msgspec.structs.replace(one, label="key")
        assert await look(lambda tx: passkeys.of(tx, one.account_id)) == [renamed]
        assert await look(lambda tx: passkeys.named(tx, b"c1")) == renamed
        assert await look(lambda tx: passkeys.named(tx, b"c2")) is None
        assert await look(lambda tx: passkeys.is_there(tx, one.account_id, 1))
        assert not await look(lambda tx: passkeys.is_there(tx, eve.id, 1))
        await change(lambda tx: passkeys.remove(tx, one.account_id, one.id))
        assert await look(lambda tx: passkeys.of(tx, one.account_id)) == []

    in_town(town, story)


def test_an_account_has_so_many_and_no_more(town: Towns) -> None:
    async def story(t: Town, one: Passkey) -> None:
        def fill(tx) -> None:  # type: ignore[no-untyped-def]
            for n in range(2, MOST + 2):
                passkeys.add(tx, msgspec.structs.replace(one, id=n, credential=b"%d" % n))

        with pytest.raises(Refused, match="at most"):
            await t.directory.change(fill)

    in_town(town, story)


def test_the_counter_rises_or_is_never_there(town: Towns) -> None:
    async def story(t: Town, one: Passkey) -> None:
        steps = ((0, True), (0, True), (3, True), (3, False), (2, False), (0, False), (4, True))
        for counter, taken in steps:
            assert taken == await t.directory.change(
                lambda tx, counter=counter: passkeys.used(tx, one, counter, 9)  # type: ignore[misc]
            )

    in_town(town, story)


def test_a_challenge_is_spent_once_and_forgotten_later(town: Towns) -> None:
    async def story(t: Town, _one: Passkey) -> None:
        async def spend(digest: bytes, now: int) -> bool:
            return await t.directory.change(lambda tx: passkeys.spend(tx, digest, now + 10, now))

        assert await spend(b"a", 0)
        assert not await spend(b"a", 0)
        assert not await spend(b"a", 10)
        assert await spend(b"b", 11)
        assert await t.directory.look(
            lambda tx: tx.one("SELECT count(*) FROM spent_challenge")
        ) == (1,)

    in_town(town, story)


def test_passkeys_go_with_the_account(town: Towns) -> None:
    async def story(t: Town, one: Passkey) -> None:
        def forget(tx) -> None:  # type: ignore[no-untyped-def]
            accounts.remove(tx, accounts.require(tx, at("bob@demo.test")), 1)
            accounts.forget(tx, one.account_id)

        await t.directory.change(forget)
        assert await t.directory.look(lambda tx: passkeys.named(tx, b"c1")) is None

    in_town(town, story)

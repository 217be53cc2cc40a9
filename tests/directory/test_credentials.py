import asyncio

import pytest

from postroom.directory import accounts, credentials
from postroom.directory.credentials import APP_SCOPES, Keyring
from postroom.directory.passwords import ScramPair
from postroom.errors import AlreadyExists, NotFound
from tests.directory.town import Town, Towns, at


async def ring(town: Town, address: str) -> Keyring:
    found = await town.directory.look(lambda tx: credentials.keyring(tx, at(address)))
    assert found is not None
    return found


def test_a_keyring_holds_what_a_login_needs(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("Alice@demo.test", password="secret", name="A", is_admin=True)
            await t.further("alice@demo.test", "al@demo.test")
            await t.app_password("alice@demo.test", "phone", frozenset({"smtp", "imap"}))
            keys = await ring(t, "AL@demo.test")
            assert (keys.account_id, keys.address, keys.name) == (alice.id, "Alice@demo.test", "A")
            assert keys.is_admin
            assert keys.may_login
            assert [one.kind for one in keys.credentials] == ["app", "password"]
            app, chosen = keys.credentials
            assert app.scopes == {"imap", "smtp"}
            assert [app.allows(scope) for scope in ("imap", "pop3", "web")] == [True, False, False]
            assert chosen.allows("web")

    asyncio.run(run())


def test_nobody_has_a_keyring_by_another_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            await t.alias("team@demo.test", "alice@demo.test")
            await t.catch_all("demo.test", "alice@demo.test")
            for name in ("alice+x@demo.test", "team@demo.test", "any@demo.test", "alice@x.test"):
                found = await t.directory.look(lambda tx, n=name: credentials.keyring(tx, at(n)))  # type: ignore[misc]
                assert found is None

    asyncio.run(run())


def test_every_change_that_may_end_a_login_raises_the_revision(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            await t.app_password("alice@demo.test")
            account = await t.directory.look(lambda tx: accounts.require(tx, at("alice@demo.test")))
            seen = [(await ring(t, "alice@demo.test")).revision]

            async def after(step: object) -> None:
                await step  # type: ignore[misc]
                keys = await t.directory.look(lambda tx: credentials.keyring_of(tx, account.id))
                assert keys is not None
                seen.append(keys.revision)

            await after(t.password("alice@demo.test", "secret"))
            await after(t.app_password("alice@demo.test", "tablet"))
            await after(
                t.directory.change(lambda tx: credentials.remove_app(tx, account, "tablet"))
            )
            await after(t.disable("alice@demo.test"))
            await after(t.disable("alice@demo.test", disabled=False))
            await after(t.remove("alice@demo.test"))
            assert seen == sorted(set(seen))
            assert len(seen) == 7

    asyncio.run(run())


def test_labels_are_unique_and_tell_app_passwords_apart(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            account = await t.account("alice@demo.test")
            await t.app_password("alice@demo.test", "phone")
            with pytest.raises(AlreadyExists, match="'phone' already"):
                await t.app_password("alice@demo.test", "phone")
            with pytest.raises(NotFound, match="no app password 'tablet'"):
                await t.directory.change(lambda tx: credentials.remove_app(tx, account, "tablet"))
            await t.directory.change(lambda tx: credentials.remove_app(tx, account, "phone"))
            assert (await ring(t, "alice@demo.test")).credentials == ()

    asyncio.run(run())


def test_a_second_chosen_password_replaces_the_first(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="one")
            await t.password("alice@demo.test", "two")
            assert len((await ring(t, "alice@demo.test")).credentials) == 1

    asyncio.run(run())


def test_a_new_verifier_never_undoes_a_new_password(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="one")
            (chosen,) = (await ring(t, "alice@demo.test")).credentials

            keys = ScramPair(b"s", b"k")

            async def verifier(old: bytes, new: bytes) -> bytes:
                await t.db.write(lambda tx: credentials.set_verifier(tx, chosen.id, old, new, keys))
                return (await ring(t, "alice@demo.test")).credentials[0].verifier

            assert await verifier(b"other", b"new") == chosen.verifier
            assert await verifier(chosen.verifier, b"new") == b"new"

    asyncio.run(run())


def test_app_passwords_never_administer() -> None:
    assert {"smtp", "imap", "pop3", "sieve"} == APP_SCOPES

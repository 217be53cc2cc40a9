"""Rows of API tokens: found by what is kept, limited, ended with what they are limited to."""

import asyncio

import pytest

from postroom.address import Domain
from postroom.db.database import Tx
from postroom.directory import accounts, api_tokens, domains
from postroom.directory.api_tokens import SCOPES, ApiToken
from postroom.errors import AlreadyExists, NotFound
from tests.directory.town import Town, Towns, at

PEPPER = b"p" * 32


async def add(t: Town, name: str, *, domain: str = "", account: str = "") -> bytes:
    kept = api_tokens.verifier(PEPPER, api_tokens.make())
    assert kept is not None
    token = ApiToken(
        t.ids.next(), name, frozenset({"queue:read"}), None, None, None, t.clock(), None, None
    )

    def write(tx: Tx) -> None:
        domain_id = domains.require(tx, Domain.parse(domain)).id if domain else None
        account_id = accounts.require(tx, at(account)).id if account else None
        api_tokens.add(tx, token, kept, domain_id=domain_id, account_id=account_id)

    await t.directory.change(write)
    return kept


async def find(t: Town, kept: bytes) -> ApiToken | None:
    return await t.directory.look(lambda tx: api_tokens.find(tx, kept))


def test_a_token_is_found_by_what_is_kept_of_it(town: Towns) -> None:
    async def story() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("bob@demo.test")
            free, within, his = (
                await add(t, "free"),
                await add(t, "within", domain="demo.test"),
                await add(t, "his", account="bob@demo.test"),
            )
            found = await find(t, free)
            assert found is not None
            assert not found.is_limited
            limited = await find(t, within)
            assert limited is not None
            assert (limited.domain, limited.account_id) == ("demo.test", None)
            bobs = await find(t, his)
            assert bobs is not None
            assert (bobs.domain, bobs.account) == (None, at("bob@demo.test"))
            assert await find(t, b"other") is None
            with pytest.raises(AlreadyExists, match="token remove free"):
                await add(t, "free")
            names = await t.directory.look(lambda tx: api_tokens.page(tx, "free", 10))
            assert [one.name for one in names] == ["his", "within"]
            assert await t.directory.look(api_tokens.count) == 3
            await t.directory.change(lambda tx: api_tokens.touch(tx, found.id, 77))
            again = await t.directory.look(lambda tx: api_tokens.require(tx, "free"))
            assert again.last_used == 77
            await t.directory.change(lambda tx: api_tokens.remove(tx, found.id))
            assert await find(t, free) is None
            with pytest.raises(NotFound, match="no token 'free'"):
                await t.directory.look(lambda tx: api_tokens.require(tx, "free"))

    asyncio.run(story())


def test_a_token_of_an_account_ends_with_it(town: Towns) -> None:
    async def story() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("bob@demo.test")
            kept = await add(t, "his", account="bob@demo.test")
            await t.disable("bob@demo.test")
            assert await find(t, kept) is None
            await t.disable("bob@demo.test", disabled=False)
            assert await find(t, kept) is not None
            await t.remove("bob@demo.test")
            assert await find(t, kept) is None

    asyncio.run(story())


def test_a_token_of_a_domain_ends_with_it(town: Towns) -> None:
    async def story() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            kept = await add(t, "within", domain="demo.test")
            await t.directory.change(lambda tx: domains.remove(tx, own, t.clock()))
            assert await find(t, kept) is None

    asyncio.run(story())


def test_what_is_no_token_has_no_verifier() -> None:
    token = api_tokens.make()
    assert len(token) == len("postroom_") + 32
    assert token != api_tokens.make()
    assert api_tokens.verifier(PEPPER, token) != api_tokens.verifier(b"q" * 32, token)
    for text in ("", "postroom_", token[:-1], token + "0", token.upper(), token + "\n"):
        assert api_tokens.verifier(PEPPER, text) is None


def test_scopes_allow_themselves_and_admin_allows_all() -> None:
    some = ApiToken(1, "n", frozenset({"queue:read"}), None, None, None, 0, 10, None)
    assert [scope for scope in SCOPES if some.allows(scope)] == ["queue:read"]
    assert not some.is_over(9)
    assert some.is_over(10)
    whole = ApiToken(1, "n", frozenset({"admin"}), None, None, None, 0, None, None)
    assert all(map(whole.allows, SCOPES))
    assert not whole.is_over(1 << 60)

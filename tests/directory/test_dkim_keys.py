import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from hypothesis import given, strategies as st

from postroom.address import Domain
from postroom.db.database import ConstraintFailed, Tx
from postroom.directory import dkim_keys, domains
from postroom.directory.dkim_keys import (
    PUBLISHED_MS,
    DkimKey,
    SigningKeys,
    State,
    StoredKey,
    generate_pair,
)
from postroom.directory.domains import OwnDomain
from postroom.directory.secrets import Secrets
from postroom.errors import StorageFailed
from tests.directory import keys
from tests.directory.town import Town, Towns


async def add(town: Town, own: OwnDomain, number: int = 0) -> list[DkimKey]:
    ids = (town.ids.next(), town.ids.next())
    return await town.directory.change(
        lambda tx: dkim_keys.add(
            tx, ids, own, keys.numbered(number), seal_key=town.secrets.seal, now=town.clock()
        )
    )


async def of(town: Town, own: OwnDomain) -> list[DkimKey]:
    return await town.directory.look(lambda tx: dkim_keys.of(tx, own.id))


async def states(town: Town, own: OwnDomain) -> dict[str, State]:
    return {key.selector: key.state for key in await of(town, own)}


async def activate(town: Town, *ids: int) -> None:
    await town.directory.change(lambda tx: dkim_keys.activate(tx, ids, town.clock()))


def test_a_pair_is_made_of_rsa_and_ed25519() -> None:
    first, second = generate_pair()
    assert (first.algorithm, second.algorithm) == ("rsa", "ed25519")
    private = load_der_private_key(first.private, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    assert load_der_public_key(first.public) == private.public_key()
    other = load_der_private_key(second.private, None)
    assert isinstance(other, ed25519.Ed25519PrivateKey)
    assert load_der_public_key(second.public) == other.public_key()


def test_private_keys_stand_in_no_repr() -> None:
    for material in keys.quick():
        stored = StoredKey("pr2026a", material.algorithm, material.private)
        for text in (repr(material), repr(stored)):
            assert repr(material.private)[2:-1] not in text
            assert "private" not in text


def test_the_first_pair_signs_at_once_and_the_next_waits(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            first = await add(t, own)
            assert [(key.selector, key.algorithm, key.state) for key in first] == [
                ("pr2026a", "rsa", "active"),
                ("pe2026a", "ed25519", "active"),
            ]
            assert {key.activated for key in first} == {t.clock()}
            await add(t, own, 1)
            assert await states(t, own) == {
                "pr2026a": "active",
                "pe2026a": "active",
                "pr2026b": "waiting",
                "pe2026b": "waiting",
            }
            waiting = await t.directory.look(lambda tx: dkim_keys.waiting(tx, 9))
            assert [key.selector for key in waiting] == ["pr2026b", "pe2026b"]
            assert len(await t.directory.look(lambda tx: dkim_keys.waiting(tx, 1))) == 1

    asyncio.run(run())


def test_a_key_knows_its_record(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            one, other = await add(t, await t.domain("bücher.example"))
            assert one.record_name == "pr2026a._domainkey.xn--bcher-kva.example"
            assert one.record.startswith("v=DKIM1; k=rsa; p=MII")
            assert other.record.startswith("v=DKIM1; k=ed25519; p=")

    asyncio.run(run())


def test_what_is_seen_signs_and_what_signed_retires(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own, other = await t.domain("demo.test"), await t.domain("other.test")
            old_rsa, old_ed = await add(t, own)
            await add(t, other)
            *_, new_rsa, new_ed = await add(t, own, 1)
            now = t.clock.advance(seconds=1)
            await activate(t, new_rsa.id)
            assert await states(t, own) == {
                "pr2026a": "retired",
                "pe2026a": "active",
                "pr2026b": "active",
                "pe2026b": "waiting",
            }
            found = {key.id: key for key in await of(t, own)}
            assert found[old_rsa.id].retired == found[new_rsa.id].activated == now
            t.clock.advance(seconds=1)
            await activate(t, new_rsa.id, old_rsa.id, old_ed.id, 12345)  # none of them waits
            assert {key.id: key for key in await of(t, own)} == found
            await activate(t, new_ed.id)
            assert (await states(t, own))["pe2026a"] == "retired"
            assert set((await states(t, other)).values()) == {"active"}

    asyncio.run(run())


def test_a_retired_key_is_kept_a_week(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            await add(t, own)
            *_, new_rsa, new_ed = await add(t, own, 1)
            await activate(t, new_rsa.id, new_ed.id)

            async def purge() -> int:
                return len(await t.directory.change(lambda tx: dkim_keys.purge(tx, t.clock())))

            t.clock.advance(PUBLISHED_MS - 1)
            assert await purge() == 0
            assert not await t.directory.look(lambda tx: dkim_keys.expired(tx, t.clock()))
            t.clock.advance(1)
            assert len(await t.directory.look(lambda tx: dkim_keys.expired(tx, t.clock()))) == 2
            assert await purge() == 2
            assert await states(t, own) == {"pr2026b": "active", "pe2026b": "active"}
            await add(t, own)  # a name that was used does not come back
            assert "pr2026c" in await states(t, own)

    asyncio.run(run())


def test_selectors_count_on_and_begin_anew_each_year(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            for _ in range(28):
                await add(t, own)
            assert [key.selector for key in (await of(t, own))[-6:]] == [
                "pr2026z", "pe2026z", "pr2026aa", "pe2026aa", "pr2026ab", "pe2026ab",
            ]  # fmt: skip
            t.clock.advance(days=365)
            assert (await add(t, own))[-1].selector == "pe2027a"

    asyncio.run(run())


@given(st.integers(1, 100_000))
def test_letters_come_one_after_the_other(number: int) -> None:
    def key(letters: str) -> DkimKey:
        return DkimKey(1, 1, "a.test", f"pr2026{letters}", "rsa", b"", "active", 0, 0, None)

    letters = ""
    rest = number
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(97 + digit) + letters
    following = dkim_keys._next_letters(2026, [key(letters), key("a")])
    assert (len(following), following) > (len(letters), letters)
    assert dkim_keys._next_letters(2027, [key(letters)]) == "a"


def test_one_selector_can_not_be_made_twice(town: Towns) -> None:
    """What two commands at one moment would do on PostgreSQL."""

    async def run() -> None:
        async with town() as t:
            own = await t.domain("demo.test")
            (first, _) = await add(t, own)

            def again(tx: Tx) -> None:
                dkim_keys._insert(
                    tx,
                    DkimKey(
                        t.ids.next(), own.id, own.name, first.selector, "rsa", b"", "active",
                        0, 0, None,
                    ),
                    b"",
                    t.secrets.seal,
                )  # fmt: skip

            with pytest.raises(ConstraintFailed):
                await t.db.write(again)

    asyncio.run(run())


def test_all_keys_are_listed_in_pages(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("b.test", "a.test", "c.org"):
                await add(t, await t.domain(name))

            async def page(after: tuple[str, int], limit: int, search: str = "") -> list[DkimKey]:
                return await t.directory.look(lambda tx: dkim_keys.page(tx, after, limit, search))

            everything = await page(("", 0), 99)
            assert [key.domain for key in everything] == [
                "a.test", "a.test", "b.test", "b.test", "c.org", "c.org",
            ]  # fmt: skip
            walked: list[DkimKey] = []
            after = ("", 0)
            while found := await page(after, 1):
                walked += found
                after = (found[-1].domain, found[-1].id)
            assert walked == everything
            assert {key.domain for key in await page(("", 0), 9, "test")} == {"a.test", "b.test"}

    asyncio.run(run())


def test_a_removed_domain_takes_its_keys_along(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            signing = SigningKeys(t.db, t.clock, t.secrets)
            own = await t.domain("demo.test")
            await add(t, own)
            await t.account("alice@demo.test")
            await t.remove("alice@demo.test")  # its row keeps that of the domain

            def remove(tx: Tx) -> None:
                domains.remove(tx, domains.require(tx, Domain("demo.test")), t.clock())

            await t.directory.change(remove)
            assert await signing.for_domain("demo.test") == ()
            assert await t.directory.look(lambda tx: dkim_keys.page(tx, ("", 0), 9, "")) == []
            assert await t.directory.look(lambda tx: dkim_keys.without(tx, "", 9)) == []
            assert len(await of(t, own)) == 2  # it may come back
            await t.domain("demo.test")
            signing.hint()
            assert len(await signing.for_domain("demo.test")) == 2
            other = await t.domain("other.test")
            await add(t, other)
            await t.directory.change(lambda tx: domains.remove(tx, other, t.clock()))
            assert await of(t, other) == []

    asyncio.run(run())


def test_domains_without_a_key_that_signs_are_found(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await add(t, await t.domain("b.test"))
            await t.domain("c.test")
            await t.domain("a.test", alias_of="b.test")

            async def without(after: str, limit: int) -> list[str]:
                return await t.directory.look(lambda tx: dkim_keys.without(tx, after, limit))

            assert await without("", 9) == ["a.test", "c.test"]
            assert await without("", 1) == ["a.test"]
            assert await without("a.test", 9) == ["c.test"]

            def signs(tx: Tx) -> list[str]:
                return [one for one in ("a.test", "b.test", "d.test") if dkim_keys.signs(tx, one)]

            assert await t.directory.look(signs) == ["b.test"]

    asyncio.run(run())


def test_keys_are_opened_once_and_follow_changes(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            signing = SigningKeys(t.db, t.clock, t.secrets)
            own = await t.domain("demo.test")
            assert await signing.for_domain("demo.test") == ()
            await add(t, own)
            signing.hint()
            first = await signing.for_domain("demo.test")
            one, other = keys.numbered(0)
            assert first == (
                StoredKey("pr2026a", "rsa", one.private),
                StoredKey("pe2026a", "ed25519", other.private),
            )
            assert await signing.for_domain("demo.test") is first
            *_, new_ed = await add(t, own, 1)
            signing.hint()
            assert await signing.for_domain("demo.test") == first  # the new ones wait
            await activate(t, new_ed.id)
            signing.hint()
            assert [key.selector for key in await signing.for_domain("demo.test")] == [
                "pr2026a",
                "pe2026b",
            ]
            assert await signing.for_domain("other.test") == ()

    asyncio.run(run())


def test_a_copy_signs_under_another_name(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            source, target = await t.domain("new.test"), await t.domain("old.test")
            await add(t, source)
            await add(t, source, 1)  # waits: not published under the old name
            ids = (t.ids.next(), t.ids.next())
            await t.directory.change(
                lambda tx: dkim_keys.copy(tx, ids, source, target, t.secrets.seal)
            )
            signing = SigningKeys(t.db, t.clock, t.secrets)
            assert await signing.for_domain("old.test") == await signing.for_domain("new.test")
            assert len(await of(t, target)) == 2
            bare, third = await t.domain("bare.test"), await t.domain("third.test")
            await t.directory.change(
                lambda tx: dkim_keys.copy(tx, ids, bare, third, t.secrets.seal)
            )
            assert await of(t, third) == []

    asyncio.run(run())


def test_other_secrets_open_nothing(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await add(t, await t.domain("demo.test"))
            stranger = SigningKeys(t.db, t.clock, Secrets(t.secrets._folder / "other"))
            with pytest.raises(StorageFailed, match="another key than data/secrets/seal"):
                await stranger.for_domain("demo.test")
            assert len(await SigningKeys(t.db, t.clock, t.secrets).for_domain("demo.test")) == 2

    asyncio.run(run())


def test_the_database_holds_no_private_key(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await add(t, await t.domain("demo.test"))
            rows = await t.db.read(lambda tx: tx.all("SELECT private_key FROM dkim_key"))
            for row, material in zip(rows, keys.numbered(0), strict=True):
                assert material.private[-32:] not in bytes(row[0])

    asyncio.run(run())

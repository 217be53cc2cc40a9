"""Which way a message goes."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.delivery.router import Router, Way
from postroom.directory.relays import Use
from postroom.directory.secrets import Secrets
from postroom.errors import StorageFailed
from postroom.queue.rows import STRANGER, Inward, Queued
from tests.conftest import Opener
from tests.delivery.stock import queued, recipient
from tests.directory.town import Town, Towns, towns


@pytest.fixture
def town(database: Opener, data: Path) -> Towns:
    return towns(database, data)


def router(town: Town, *, capture: bool = False) -> Router:
    return Router(town.directory, town.directory.relays, capture=capture)


async def way(
    town: Town,
    address: str = "b@other.test",
    letter: Queued | None = None,
    *,
    route: str | None = None,
    capture: bool = False,
) -> str:
    found = await router(town, capture=capture).way(
        letter or queued(), recipient(address, route=route)
    )
    return found.key


def test_without_relays_a_domain_has_its_own_servers(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            found = await router(t).way(queued(), recipient())
            assert found == Way("mx", "other.test")
            assert (found.key, str(found)) == ("mx:other.test", "other.test")
            assert await way(t, "b@[192.0.2.1]") == "mx:[192.0.2.1]"
            assert await way(t, "b@[IPv6:2001:db8::1]") == "mx:[IPv6:2001:db8::1]"

    asyncio.run(run())


def test_what_became_ours_is_filed_here(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            assert await way(t, "alice@demo.test") == "mx:demo.test"
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            t.directory.hint()
            found = await router(t).way(queued(), recipient("alice@demo.test", route="mx"))
            assert (found.kind, found.key, str(found)) == ("here", "here:", "here:")
            assert await way(t, "nobody@demo.test") == "here:"  # and is told so there
            assert await way(t, "alice@demo.test", capture=True) == "here:"
            assert await way(t, "b@other.test") == "mx:other.test"

    asyncio.run(run())


def test_nothing_leaves_a_server_that_captures(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.relay("one", Use("default"))
            for route in (None, "mx", "relay:one", "relay:gone"):
                assert await way(t, route=route, capture=True) == "capture:"

    asyncio.run(run())


def test_the_closest_use_of_a_relay_counts(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.relay("default", Use("default"))
            await t.relay("domain", Use("sender-domain", "demo.test"))
            await t.relay("account", Use("account", "5"))
            await t.relay("bank", Use("recipient-domain", "bank.test"))
            assert await way(t, letter=queued(sender="")) == "relay:default"
            assert await way(t, letter=queued(sender="x@else.test")) == "relay:default"
            assert await way(t) == "relay:domain"
            assert await way(t, letter=queued(sender='"a@else.test"@demo.test')) == "relay:domain"
            assert await way(t, letter=queued(sender="müller@demo.test")) == "relay:domain"
            assert await way(t, letter=queued(account_id=5)) == "relay:account"
            assert await way(t, letter=queued(account_id=6)) == "relay:domain"
            assert await way(t, "b@bank.test", queued(account_id=5)) == "relay:bank"
            found = await router(t).way(queued(), recipient("b@bank.test"))
            assert found.relay is not None
            assert (found.kind, found.relay.host, str(found)) == (
                "relay",
                "bank.example",
                "relay:bank",
            )

    asyncio.run(run())


def test_the_way_that_a_postmaster_chose(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.relay("default", Use("default"))
            await t.relay("spare")
            assert await way(t, route="mx") == "mx:other.test"
            assert await way(t, route="relay:spare") == "relay:spare"
            assert await way(t, route="relay:gone") == "relay:default"  # removed since
            assert await way(t, route="nonsense") == "relay:default"
            assert await way(t, route="relay:") == "relay:default"

    asyncio.run(run())


def test_a_relay_whose_password_is_closed_keeps_its_mail_waiting(town: Towns, data: Path) -> None:
    async def run() -> None:
        async with town() as t:
            await t.relay("locked", Use("recipient-domain", "bank.test"), password="secret")
            await t.relay("open", Use("default"))
            other = Town(t.db, data / "elsewhere")
            other.secrets = Secrets(data / "elsewhere" / "secrets")
            try:
                with pytest.raises(StorageFailed) as caught:
                    await way(other, "b@bank.test")
                assert "postroom relay set locked" in caught.value.detail
                with pytest.raises(StorageFailed):
                    await way(other, "b@bank.test", route="relay:locked")
                assert await way(other, "b@bank.test", route="mx") == "mx:bank.test"
                assert await way(other) == "relay:open"
            finally:
                other.directory.close()

    asyncio.run(run())


@pytest.mark.parametrize("address", [b"no-at", b"\xff@other.test", b'"@other.test', b"a@b@"])
def test_what_is_no_address_of_ours_goes_to_its_destination(town: Towns, address: bytes) -> None:
    async def run() -> None:
        async with town() as t:
            one = msgspec.structs.replace(recipient(), address=address)
            assert (await router(t).way(queued(), one)).key == "mx:other.test"

    asyncio.run(run())


def test_what_strangers_send_to_a_backup_domain_takes_no_usual_relay(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.backup_domain("other.test")
            await t.relay("all", Use("default"))
            theirs = queued(sender="s@stranger.test", origin=STRANGER)
            assert await way(t, letter=theirs) == "mx:other.test"
            assert await way(t, "b@third.test", theirs) == "relay:all"
            assert await way(t) == "relay:all"  # of ours
            assert await way(t, letter=theirs, route="relay:all") == "relay:all"
            await t.relay("first", Use("recipient-domain", "other.test"))
            assert await way(t, letter=theirs) == "relay:first"
            assert await way(t, letter=theirs, capture=True) == "capture:"

    asyncio.run(run())


def test_what_is_for_one_account_is_filed_here(town: Towns) -> None:
    """Also with another way chosen for it, and when its domain is gone."""

    async def run() -> None:
        async with town() as t:
            one = msgspec.structs.replace(recipient("team@gone.test", route="mx"), inward=Inward(5))
            assert (await router(t, capture=True).way(queued(), one)).kind == "here"

    asyncio.run(run())

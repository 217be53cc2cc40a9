"""Providers: tried out, sealed, found again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from postroom.admin.dns import providers
from postroom.admin.dns.providers import New
from postroom.admin.office import Office
from postroom.directory import dns_providers as rows
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.net.dns import Resolver
from rig.providers import TOKEN, Cloudflare, Desec, Provider
from tests.admin.bureau import offices
from tests.conftest import Opener
from tests.fakes import Clock

Told = Callable[[Office, Resolver], Awaitable[None]]


def tell(database: Opener, data: Path, story: Told) -> None:
    async def inside() -> None:
        async with offices(database, data, Clock())() as office:
            resolver = Resolver(["127.0.0.1:9"])
            await story(office, resolver)
            await resolver.close()

    asyncio.run(inside())


def new(api: Provider, **changes: object) -> New:
    made = New(
        name="home", kind="cloudflare" if isinstance(api, Cloudflare) else "desec",
        zones=["demo.test"], secret=TOKEN + "\n", server=api.url, authorities=api.trust,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize("make", [Cloudflare, Desec])
def test_one_is_tried_out_kept_sealed_and_opened_again(
    database: Opener, data: Path, make: Callable[[str], Provider]
) -> None:
    async def story(office: Office, resolver: Resolver) -> None:
        with make("demo.test") as api:
            added = await providers.add(office, new(api), resolver=resolver)
            assert [added] == await providers.every(office)
            (kept,) = await office.db.read(rows.listing)
            assert TOKEN.encode() not in kept.secret
            found = await providers.opened(office, "mx.demo.test", resolver=resolver)
            assert found is not None
            assert (found.provider, found.zone) == ("home", "demo.test")
            assert await found.access.read([("demo.test", "MX")]) == {("demo.test", "MX"): ()}
            assert await providers.opened(office, "other.test", resolver=resolver) is None
            with pytest.raises(AlreadyExists):
                await providers.add(office, new(api), resolver=resolver)
            await providers.remove(office, "home")
            with pytest.raises(NotFound):
                await providers.remove(office, "home")

    tell(database, data, story)


def test_one_that_does_not_work_is_not_kept(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver) -> None:
        with Cloudflare("demo.test") as api:
            for wrong, reason in (
                (new(api, secret="wrong"), "is the token right"),
                (new(api, zones=["other.test"]), r"no zone other\.test"),
                (new(api, zones=[]), "name the zones"),
                (new(api, zones=["a b"]), "a b"),
                (new(api, secret=" \n"), "secret is empty"),
                (new(api, name=" "), "has a name"),
                (new(api, server="http://x.test"), "begins with https"),
                (new(api, kind="rfc2136", server=""), "name the server"),
                (new(api, kind="rfc2136", server="x:y"), "is no server"),
                (new(api, kind="rfc2136", server="ns.test"), "needs its name"),
                (new(api, kind="rfc2136", server="ns.test", algorithm="md5", key_name="k"), "md5"),
            ):
                with pytest.raises(Invalid, match=reason) as told:
                    await providers.add(office, wrong, resolver=resolver)
                assert TOKEN not in str(told.value)
                assert TOKEN not in repr(wrong)
            assert await providers.every(office) == []

    tell(database, data, story)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("NS.test", ("ns.test", 53)),
        ("ns.test:5353", ("ns.test", 5353)),
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
    ],
)
def test_a_server_is_a_name_or_an_address(text: str, server: tuple[str, int]) -> None:
    assert providers.endpoint(text) == server

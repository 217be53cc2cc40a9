"""deSEC's interface, against a server that behaves as its documents say."""

from collections.abc import Awaitable, Callable

import pytest

from postroom.net.dns import Resolver
from postroom.net.zones.desec import Desec
from postroom.net.zones.rest import Endpoint, Rest
from postroom.net.zones.zone import ZoneFailed
from rig import providers
from tests.loop import patiently
from tests.net.zones.stories import PLACES, change, life_of_records


def tell(
    story: Callable[[providers.Desec, Desec], Awaitable[None]],
    *,
    page: int = 500,
    zone: str = "demo.test",
    token: str = providers.TOKEN,
) -> None:
    async def inside() -> None:
        resolver = Resolver(["127.0.0.1:9"])
        with providers.Desec("demo.test", page=page) as api:
            endpoint = Endpoint(
                url=api.url, authorization=f"Token {token}", is_own=True, authorities=api.trust
            )
            await story(api, Desec(zone, Rest(endpoint, resolver)))
        await resolver.close()

    patiently(inside())


@pytest.mark.parametrize("page", [500, 2])
def test_records_live_in_one_page_and_in_several(page: int) -> None:
    async def story(_api: providers.Desec, zone: Desec) -> None:
        await life_of_records(zone)

    tell(story, page=page)


def test_a_ttl_that_is_too_short_becomes_the_shortest() -> None:
    async def story(api: providers.Desec, zone: Desec) -> None:
        short = change(("_acme-challenge.demo.test", "TXT"), (), [b"x"])
        await zone.write(
            [type(short)(name=short.name, kind="TXT", before=(), after=(b"x",), ttl=60)]
        )
        assert api.rrsets == {("_acme-challenge", "TXT"): ['"x"']}

    tell(story)


def test_errors_are_told_in_its_words() -> None:
    async def wrong_token(_api: providers.Desec, zone: Desec) -> None:
        with pytest.raises(ZoneFailed, match="is the token right"):
            await zone.read(PLACES)

    async def wrong_zone(_api: providers.Desec, zone: Desec) -> None:
        with pytest.raises(ZoneFailed, match=r"no domain other\.test"):
            await zone.read(PLACES)

    async def refused(api: providers.Desec, zone: Desec) -> None:
        api.fault = 400, [{"records": ["Duplicate"]}], {}
        with pytest.raises(ZoneFailed, match="Duplicate"):
            await zone.read(PLACES)

    tell(wrong_token, token="another")
    tell(wrong_zone, zone="other.test")
    tell(refused)

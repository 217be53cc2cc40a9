"""Cloudflare's interface, against a server that behaves as its documents say."""

from collections.abc import Awaitable, Callable

import pytest

from postroom.net.dns import Resolver
from postroom.net.dns_records import Mx
from postroom.net.zones.cloudflare import Cloudflare
from postroom.net.zones.rest import Endpoint, Rest
from postroom.net.zones.zone import Place, ZoneFailed
from rig import providers
from tests.loop import patiently
from tests.net.zones.stories import MX, PLACES, change, life_of_records


def tell(
    story: Callable[[providers.Cloudflare, Cloudflare], Awaitable[None]],
    *,
    page: int = 100,
    zone: str = "demo.test",
    token: str = providers.TOKEN,
) -> None:
    async def inside() -> None:
        resolver = Resolver(["127.0.0.1:9"])
        with providers.Cloudflare("demo.test", page=page) as api:
            endpoint = Endpoint(
                url=api.url, authorization=f"Bearer {token}", is_own=True, authorities=api.trust
            )
            await story(api, Cloudflare(zone, Rest(endpoint, resolver)))
        await resolver.close()

    patiently(inside())


@pytest.mark.parametrize("page", [100, 3])
def test_records_live_in_one_page_and_in_several(page: int) -> None:
    async def story(_api: providers.Cloudflare, zone: Cloudflare) -> None:
        await life_of_records(zone)

    tell(story, page=page)


def test_what_stays_is_not_touched_and_nothing_is_proxied() -> None:
    async def story(api: providers.Cloudflare, zone: Cloudflare) -> None:
        api.put("demo.test", "MX", content="Keep.other.test", priority=5, comment="theirs")
        api.put("demo.test", "TXT", content="unquoted text")
        kept = dict(api.records)
        await zone.write(
            [
                change(
                    MX,
                    [Mx(5, "keep.other.test")],
                    [Mx(5, "keep.other.test"), Mx(10, "mx.demo.test")],
                )
            ]
        )
        assert api.records.items() >= kept.items()
        assert (await zone.read([("demo.test", "TXT")]))["demo.test", "TXT"] == (b"unquoted text",)
        await zone.write([change(("a.demo.test", "A"), (), ["192.0.2.1"])])
        assert [one["proxied"] for one in api.records.values() if one["type"] == "A"] == [False]

    tell(story)


def test_a_proxied_name_is_not_the_one_that_mail_needs() -> None:
    async def story(api: providers.Cloudflare, zone: Cloudflare) -> None:
        place: Place = ("mail.demo.test", "A")
        api.put("mail.demo.test", "A", content="192.0.2.1", proxied=True)
        proxied = (await zone.read([place]))[place]
        assert proxied == ("192.0.2.1 (proxied)",)
        await zone.write([change(place, proxied, ["192.0.2.1"])])
        assert (await zone.read([place]))[place] == ("192.0.2.1",)
        assert [one["proxied"] for one in api.records.values()] == [False]

    tell(story)


def test_entries_that_can_not_be_read_are_nobody_s_wish() -> None:
    async def story(api: providers.Cloudflare, zone: Cloudflare) -> None:
        api.put("_x._tcp.demo.test", "SRV", content="odd", data={"priority": "x"})
        api.put("demo.test", "HTTPS", content="1 .")
        found = await zone.read([("_x._tcp.demo.test", "SRV"), MX])
        assert found == {("_x._tcp.demo.test", "SRV"): ("odd (unreadable)",), MX: ()}

    tell(story)


def test_errors_are_told_in_its_words() -> None:
    async def wrong_token(_api: providers.Cloudflare, zone: Cloudflare) -> None:
        with pytest.raises(ZoneFailed, match=r"403: Authentication error \(10000\); is the token"):
            await zone.read(PLACES)

    async def wrong_zone(_api: providers.Cloudflare, zone: Cloudflare) -> None:
        with pytest.raises(ZoneFailed, match=r"no zone other\.test"):
            await zone.read(PLACES)

    async def conflict(api: providers.Cloudflare, zone: Cloudflare) -> None:
        api.put("x.demo.test", "A", content="192.0.2.1")
        with pytest.raises(ZoneFailed, match=r"already exists. \(81053\)"):
            await zone.write([change(("x.demo.test", "CNAME"), (), ["mx.demo.test"])])
        api.fault = 502, b"<html>", {}
        with pytest.raises(ZoneFailed, match="answers 502"):
            await zone.read(PLACES)

    tell(wrong_token, token="another")
    tell(wrong_zone, zone="other.test")
    tell(conflict)

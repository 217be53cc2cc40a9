"""From a plan to a zone that has everything, and nothing of others less."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postroom.admin import domains
from postroom.admin.dns import providers, update
from postroom.admin.dns.providers import New
from postroom.admin.office import Office
from postroom.errors import NotFound, Refused
from postroom.net.dns import Resolver
from rig.dns import DnsServer
from rig.providers import TOKEN, Desec
from tests.admin.bureau import offices
from tests.admin.dns.test_table import CONFIG, configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock

Told = Callable[[Office, Desec, Resolver], Awaitable[None]]


def tell(database: Opener, data: Path, story: Told, *, has_provider: bool = True) -> None:
    async def inside() -> None:
        async with offices(database, data, Clock())() as opened, DnsServer({}) as names:
            office = configured(opened, CONFIG)
            resolver = Resolver([names.address])
            await domains.add(office, "demo.test", generate=quick)
            with Desec("demo.test", page=3) as api:
                new = New(
                    name="home", kind="desec", zones=["demo.test"], secret=TOKEN, server=api.url,
                    authorities=api.trust,
                )  # fmt: skip
                if has_provider:
                    await providers.add(office, new, resolver=resolver)
                await story(office, api, resolver)
            await resolver.close()

    asyncio.run(inside())


def actions(plan: update.Plan) -> dict[tuple[str, str], str]:
    return {(one.name, one.type): one.action for one in plan.steps}


def test_an_empty_zone_gets_everything_once(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        before = await update.plan(office, "demo.test", resolver=resolver)
        assert set(actions(before).values()) == {"add", "elsewhere"}
        assert api.rrsets == {}
        done = await update.apply(office, "demo.test", resolver=resolver)
        assert actions(done) == actions(before)
        assert api.rrsets["", "MX"] == ["10 mx.demo.test."]
        assert api.rrsets["mx", "A"] == ["192.0.2.5"]
        assert api.rrsets["", "TXT"] == ['"v=spf1 mx ~all"']
        assert len([kind for name, kind in api.rrsets if "_domainkey" in name]) == 2
        asked = len([one for one in api.asked if one[0] == "PATCH"])
        again = await update.apply(office, "DEMO.test", resolver=resolver)
        assert set(actions(again).values()) == {"keep", "elsewhere"}
        assert len([one for one in api.asked if one[0] == "PATCH"]) == asked
        (reverse,) = [one for one in again.steps if one.action == "elsewhere"]
        assert reverse.type == "PTR"

    tell(database, data, story)


def test_what_others_have_put_there_stays_unless_one_agrees(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        api.rrsets = {
            ("", "MX"): ["5 mx.old.test."],
            ("", "TXT"): ['"v=spf1 include:old.test -all"', '"site=1"'],
            ("_dmarc", "TXT"): ['"v=DMARC1; p=reject"'],
            ("autoconfig", "A"): ["198.51.100.1"],
            ("www", "A"): ["198.51.100.1"],
        }
        done = await update.apply(office, "demo.test", resolver=resolver)
        assert api.rrsets["", "MX"] == ["5 mx.old.test."]
        assert sorted(api.rrsets["", "TXT"]) == ['"site=1"', '"v=spf1 mx include:old.test -all"']
        assert api.rrsets["_dmarc", "TXT"] == ['"v=DMARC1; p=reject"']
        assert ("autoconfig", "CNAME") not in api.rrsets
        assert "ask" not in actions(done).values()
        planned = await update.plan(office, "demo.test", resolver=resolver)
        asked = {(one.name, one.type): one for one in planned.steps if one.action == "ask"}
        assert set(asked) == {("demo.test", "MX"), ("autoconfig.demo.test", "CNAME")}
        assert asked["demo.test", "MX"].before == ("5 mx.old.test.",)
        assert "goes to mx.old.test now" in asked["demo.test", "MX"].why
        await update.apply(office, "demo.test", resolver=resolver, agreed=list(asked))
        assert api.rrsets["", "MX"] == ["10 mx.demo.test."]
        assert api.rrsets["autoconfig", "CNAME"] == ["mx.demo.test."]
        assert ("autoconfig", "A") not in api.rrsets
        assert api.rrsets["www", "A"] == ["198.51.100.1"]

    tell(database, data, story)


def test_only_some_uses(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        done = await update.apply(office, "demo.test", resolver=resolver, uses={"DKIM"})
        assert {one.use for one in done.steps} == {"DKIM"}
        assert all("_domainkey" in name for name, _ in api.rrsets)
        with pytest.raises(NotFound, match="no such records"):
            await update.apply(office, "demo.test", resolver=resolver, uses={"nothing"})

    tell(database, data, story)


def test_failures_are_told(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        with pytest.raises(NotFound, match=r"other\.test is not a domain"):
            await update.plan(office, "other.test", resolver=resolver)
        api.fault = 503, {"detail": "Maintenance"}, {}
        with pytest.raises(Refused, match="home: .*answers 503: .*Maintenance"):
            await update.plan(office, "demo.test", resolver=resolver)

    tell(database, data, story)


def test_without_a_provider_the_way_to_one_is_told(database: Opener, data: Path) -> None:
    async def story(office: Office, _api: Desec, resolver: Resolver) -> None:
        with pytest.raises(NotFound, match="postroom dns provider add"):
            await update.plan(office, "demo.test", resolver=resolver)

    tell(database, data, story, has_provider=False)

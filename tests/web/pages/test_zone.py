from pathlib import Path

from postroom.admin.dns import providers
from postroom.admin.dns.providers import New
from postroom.admin.office import Office
from postroom.net.dns import Resolver
from rig.providers import TOKEN, Desec
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

ZONE = "/admin/domains/demo.test/zone"


async def known(office: Office, api: Desec) -> None:
    new = New(
        name="home", kind="desec", zones=["demo.test"], secret=TOKEN, server=api.url,
        authorities=api.trust,
    )  # fmt: skip
    resolver = Resolver(["127.0.0.1:9"])
    await providers.add(office, new, resolver=resolver)
    await resolver.close()


def test_records_are_shown_and_then_written_and_others_stay_unless_ticked(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/domains/demo.test")
        assert "Let this server write them" in browser.text
        with Desec("demo.test") as api:
            await known(office, api)
            api.rrsets["", "MX"] = ["5 mx.old.test."]
            await browser.get("/admin/domains/demo.test")
            assert f'href="{ZONE}"' in browser.page
            await browser.get(ZONE)
            assert "mail of the domain goes to mx.old.test now" in browser.text
            assert "<ins>v=spf1 mx ~all</ins>" in browser.page
            assert len(api.rrsets) == 1
            said = await browser.post(ZONE, {})
            assert (said.status, said.headers["location"]) == (303, ZONE)
            assert api.rrsets["", "MX"] == ["5 mx.old.test."]
            assert api.rrsets["", "TXT"] == ['"v=spf1 mx ~all"']
            await browser.get(ZONE)
            await browser.post(ZONE, {"agree demo.test MX": "on", "agree rubbish": "on"})
            assert api.rrsets["", "MX"] == ["10 mx.demo.test."]
            await browser.get(ZONE)
            assert "All that belongs into the zone demo.test is there" in browser.text
            assert TOKEN not in browser.page

    tell(database, data, story)


def test_without_a_provider_and_with_one_that_fails(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        assert (await browser.get(ZONE)).status == 404
        with Desec("demo.test") as api:
            await known(office, api)
            api.fault = 503, {"detail": "Maintenance"}, {}
            assert (await browser.get(ZONE)).status == 400
            assert "Maintenance" in browser.text

    tell(database, data, story)


def test_providers_are_added_and_forgotten(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/dns-providers")
        assert "None yet" in browser.text
        fields = {"name": "x", "zones": "demo.test", "secret": TOKEN}
        assert (await browser.post("/admin/dns-providers", fields)).status == 400
        assert "choose the kind" in browser.text
        await browser.get("/admin/dns-providers")
        wrong = {**fields, "kind": "rfc2136", "server": "x:y", "key_name": "k"}
        assert (await browser.post("/admin/dns-providers", wrong)).status == 400
        assert TOKEN not in browser.page
        with Desec("demo.test") as api:
            await known(office, api)
        await browser.get("/admin/dns-providers")
        assert "home (desec" in browser.text
        said = await browser.post("/admin/dns-providers/home/remove", {})
        assert said.status == 303
        assert await providers.every(office) == []

    tell(database, data, story)


def test_people_see_nothing_of_it(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        assert (await browser.get(ZONE)).status == 403
        assert (await browser.get("/admin/dns-providers")).status == 403

    tell(database, data, story, logged_in=PERSON)

"""What is refused comes back as a sentence; and who is let in where."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from starlette.routing import Route

from postroom.admin import accounts, aliases, domains, lists, roles, second_factor
from postroom.admin.lists import Changes
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.db.ids import to_text
from tests.access.shop import put
from tests.admin.test_reach import number, queued, reported
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.refused import keep
from tests.web.asking import Said
from tests.web.browser import ADMIN, PASSWORD, PERSON, Browser, tell


def test_refusals_are_pages_with_their_status(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        for page, status, words in (
            ("/admin/people/nobody@demo.test", 404, "nobody@demo.test"),
            ("/admin/people/no-address", 400, "no-address"),
            ("/admin/domains/other.test", 404, "not a domain of this server"),
            ("/admin/queue/0000000000000", 404, "not in the queue"),
            ("/admin/queue?domain=a b", 400, "a b"),
        ):
            assert (await browser.get(page)).status == status, page
            assert words in browser.text
        await browser.get("/admin/domains")
        said = await browser.post("/admin/domains", {"name": "no name"})
        assert said.status == 400
        assert "Nothing was changed" in browser.text
        assert (await browser.get("/admin/nothing")).status == 404

    tell(database, data, story)


# What administrators of single domains may do besides their own account, and with what in it.
# Everything else below /admin is for owners: a page that is added is so until it stands here.
OF_DOMAINS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("GET", "/admin"): {},
    ("GET", "/admin/trace"): {},
    ("GET", "/admin/domains"): {},
    ("GET", "/admin/domains/{name}"): {},
    ("POST", "/admin/domains/{name}"): {"catch_all": ""},
    ("GET", "/admin/domains/{name}/suppression"): {},
    ("POST", "/admin/domains/{name}/suppression"): {"shared": "no"},
    ("GET", "/admin/people"): {},
    ("POST", "/admin/people"): {"address": "new@{domain}"},
    ("GET", "/admin/people/many"): {},
    ("POST", "/admin/people/many"): {"people": "many@demo.test"},
    ("POST", "/admin/people/state"): {"chosen:bob@demo.test": "on", "state": "active"},
    ("GET", "/admin/people/{address}"): {},
    ("GET", "/admin/people/{address}/activity"): {},
    ("GET", "/admin/people/{address}/suppression"): {},
    ("POST", "/admin/people/{address}/suppression"): {"recipient": "x@elsewhere.test"},
    ("POST", "/admin/people/{address}"): {"name": "New name"},
    ("POST", "/admin/people/{address}/password"): {},
    ("POST", "/admin/people/{address}/release"): {},
    ("POST", "/admin/people/{address}/second-factor"): {},
    ("POST", "/admin/people/{address}/addresses"): {"further": "more@{domain}"},
    ("POST", "/admin/people/{address}/addresses/remove"): {"further": "more@{domain}"},
    ("POST", "/admin/people/{address}/retention"): {"mailbox": "INBOX", "days": "30"},
    ("POST", "/admin/people/{address}/remove"): {},
    ("GET", "/admin/addresses"): {},
    ("POST", "/admin/addresses"): {"address": "team@{domain}", "targets": "x@elsewhere.test"},
    ("POST", "/admin/addresses/change"): {
        "address": "list@{domain}",
        "targets": "y@elsewhere.test",
    },
    ("POST", "/admin/addresses/remove"): {"address": "team@{domain}"},
    ("GET", "/admin/lists"): {},
    ("POST", "/admin/lists"): {"address": "news@{domain}"},
    ("POST", "/admin/lists/remove"): {"address": "news@{domain}"},
    ("GET", "/admin/lists/{address}"): {},
    ("POST", "/admin/lists/{address}"): {"action": "add", "members": "x@elsewhere.test"},
    ("GET", "/admin/queue"): {},
    ("GET", "/admin/queue/{ident}"): {},
    ("POST", "/admin/queue/{ident}"): {"action": "hold"},
    ("GET", "/admin/sessions"): {},
    ("POST", "/admin/sessions"): {"account": "{person}", "all": "1"},
    ("GET", "/admin/junk"): {},
    ("POST", "/admin/junk"): {"account": "{person}", "uid": "1"},
    ("GET", "/admin/rejects"): {},
    ("GET", "/admin/rejects/{address}/{ident}"): {},
    ("POST", "/admin/rejects/{address}/{ident}"): {"release": "1"},
    ("GET", "/admin/reports"): {},
    ("GET", "/admin/reports/{ident}"): {},
}
CHIEF: Final = "chief@demo.test"


class Thing(NamedTuple):
    """What there is in a domain."""

    domain: str
    person: str
    letter: str
    report: str
    reject: str

    def path(self, template: str) -> str:
        """The path to what a route shows of it."""
        ident = self.report if "reports" in template else self.letter
        ident = self.reject if "rejects" in template else ident
        named = f"dev@{self.domain}" if "/lists/" in template else self.person
        filled = template.replace("{address}", named).replace("{name}", self.domain)
        return re.sub(r"\{[^}]*\}", "x", filled.replace("{ident}", ident))


async def town(office: Office) -> tuple[Thing, Thing]:
    """Two domains with the same in them; chief administers the first."""
    await domains.add(office, "other.test", generate=quick)
    for address in (CHIEF, "eve@other.test"):
        await accounts.add(office, address, password=PASSWORD)
    for domain in ("demo.test", "other.test"):
        await aliases.add(office, f"list@{domain}", ["x@elsewhere.test"])
        await lists.add(office, f"dev@{domain}", Changes())
    await roles.assign(office, CHIEF, "admin", ["demo.test"])
    for address in (PERSON, "eve@other.test"):
        await second_factor.begin(office, address)
    ours, theirs = [
        Thing(
            domain,
            person,
            await queued(office, person),
            await reported(office, domain),
            await refused(office, person),
        )
        for domain, person in (("demo.test", PERSON), ("other.test", "eve@other.test"))
    ]
    return ours, theirs


async def refused(office: Office, person: str) -> str:
    """A message that a person has refused; its id."""
    account = await number(office, person)
    await office.store.furnish(account)
    await put(office.store, b"Subject: junk\r\n\r\n", account_id=account, mailbox="Junk")
    (one,) = await keep(office.store, account)
    return to_text(one.id)


def walk(browser: Browser) -> list[tuple[str, str]]:
    """Method and path of every route of the administration."""
    found = {
        (method, route.path.replace(":address}", "}"))
        for route in browser.routes
        if isinstance(route, Route) and route.path.startswith("/admin")
        for method in (route.methods or set()) - {"HEAD"}
    }
    return sorted(found, key=lambda pair: (pair[1].endswith("/remove"), pair[1], pair[0]))


async def send(browser: Browser, method: str, path: str, fields: Mapping[str, str]) -> Said:
    if method == "GET":
        return await browser.get(path)
    await browser.get("/me")
    return await browser.post(path, fields)


def test_every_route_lets_in_whom_it_is_for(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        ours, theirs = await town(office)
        chief, person, nobody = browser.another(), browser.another(), browser.another()
        await chief.log_in(CHIEF)
        await accounts.add(office, "ida@demo.test", password=PASSWORD)
        await person.log_in("ida@demo.test")
        await browser.another().log_in("eve@other.test")
        routes = walk(browser)
        assert set(OF_DOMAINS) <= set(routes)
        for method, template in routes:
            path = ours.path(template)
            fields = {
                name: value.replace("{domain}", "demo.test").replace("{person}", PERSON)
                for name, value in OF_DOMAINS.get((method, template), {}).items()
            }
            said = await send(nobody, method, path, {})
            assert (said.status, said.headers["location"][:7]) == (303, "/?next="), path
            assert (await send(person, method, path, fields)).status == 403, path
            said = await send(chief, method, path, fields)
            if (method, template) in OF_DOMAINS:
                assert said.status in {200, 303}, (method, path, chief.text)
            else:
                assert said.status == 403, (method, path)
                assert "for owners" in chief.text

        for method, template in OF_DOMAINS:
            if method == "GET" and "{" not in template:
                await chief.get(theirs.path(template))
                for text in (
                    theirs.domain,
                    theirs.letter,
                    theirs.report,
                    theirs.reject,
                ):  # nor eve's session
                    assert text not in chief.page, (template, text)

    tell(database, data, story)


def test_what_is_of_other_domains_is_not_there(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        _ours, theirs = await town(office)
        chief = browser.another()
        await chief.log_in(CHIEF)
        before = await office.db.read(_all_rows)
        for (method, template), given in OF_DOMAINS.items():
            fields = {
                name: value.replace("{domain}", "other.test").replace("{person}", theirs.person)
                for name, value in given.items()
            }
            named = "{" in template or any("{" in value for value in given.values())
            if named:
                said = await send(chief, method, theirs.path(template), fields)
                assert said.status == 404, (method, template)
        # What is theirs in the path, but not in the form.
        for path in (
            f"/admin/people/{PERSON}/addresses",
            f"/admin/people/{PERSON}/addresses/remove",
        ):
            assert (await send(chief, "POST", path, {"further": "x@other.test"})).status == 404
        assert (await chief.get("/admin/addresses?for=eve@other.test")).status == 404
        assert (await chief.get("/admin/addresses?for=bob@demo.test")).status == 200
        assert (await chief.get(f"/admin/trace?q={theirs.letter}")).status == 200
        assert "nothing is known" in chief.text
        assert await office.db.read(_all_rows) == before

    tell(database, data, story)


def test_an_administrator_of_a_domain_does_not_touch_who_may_do_more(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await town(office)
        await accounts.add(office, "wide@demo.test", password=PASSWORD)
        await roles.assign(office, "wide@demo.test", "admin", ["demo.test", "other.test"])
        chief = browser.another()
        await chief.log_in(CHIEF)
        for address in (ADMIN, "wide@demo.test"):
            assert (await chief.get(f"/admin/people/{address}")).status == 200
            for what in (
                "",
                "/password",
                "/second-factor",
                "/addresses",
                "/addresses/remove",
                "/remove",
            ):
                fields = {"further": "x@demo.test"}
                said = await send(chief, "POST", f"/admin/people/{address}{what}", fields)
                assert said.status == 403, (address, what)
                assert "may do more than you" in chief.text
        assert await office.directory.password(ADMIN, PASSWORD, "web")
        # The mark of the old form gives nobody rights.
        await send(chief, "POST", f"/admin/people/{PERSON}", {"admin": "on", "role": "owner"})
        assert (await roles.show(office, PERSON)).role == "person"

    tell(database, data, story)


def test_rights_that_end_end_at_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await town(office)
        chief = browser.another()
        said = await chief.log_in(CHIEF)
        assert said.headers["location"] == "/admin"
        assert (await chief.get("/admin/people")).status == 200
        await roles.assign(office, CHIEF, "person")
        assert (await chief.get("/admin/people")).status == 403
        await chief.get("/me")
        assert "/admin" not in chief.page

    tell(database, data, story)


def _all_rows(tx: Tx) -> list[object]:
    tables = ("domain", "account", "address", "alias", "credential", "queued", "delivery")
    return [tx.all(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def test_who_is_refused_finds_the_way_back(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get("/me/filters")
        bad = {"to": "nonsense"}
        here = "https://mx.demo.test/me/filters?x"
        assert (await browser.post("/me/filters/forward", bad, referer=here)).status == 400
        assert '<a href="/me/filters">begin anew' in browser.page
        await browser.get("/me/filters")
        await browser.post("/me/filters/forward", bad, referer="https://evil.test/x")
        assert "begin anew" not in browser.page
        await browser.get("/me/filters")
        await browser.post("/me/filters/forward", bad)
        assert "begin anew" not in browser.page
        assert "Nothing was changed" in browser.text

    tell(database, data, story, logged_in=PERSON)

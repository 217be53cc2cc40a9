import html
import re
import urllib.parse
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.admin import accounts, aliases, domains, roles
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import sending
from postroom.errors import Invalid, NotFound
from postroom.policy import suspects
from postroom.policy.hijack import Reason, Suspicion
from postroom.web.pages.people import octets
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PASSWORD, PERSON, Browser, tell

HERE = f"/admin/people/{PERSON}"


def test_somebody_is_added_with_a_password_that_is_shown_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/people")
        await browser.post("/admin/people", {"address": "eve@demo.test", "password": ""})
        told = browser.text.partition("Password of eve@demo.test: ")[2].split()[0]
        assert await logs_in(office, "eve@demo.test", told)
        await browser.get("/admin/people/eve@demo.test")
        assert told not in browser.page
        await browser.get("/admin/people?q=eve")
        assert "1 of 1 shown" in browser.text
        await browser.get("/admin/people")
        assert "3 of 3 shown" in browser.text
        assert "Bob <b>" in browser.text
        await browser.post("/admin/people", {"address": "eve@demo.test", "password": "x"})
        assert "Nothing was changed" in browser.text
        weak = {"address": "kim@demo.test", "name": "Kim Lee", "password": "kimkim-12"}
        assert (await browser.post("/admin/people", weak)).status == 400
        assert "would be guessed" in browser.text
        await browser.get("/admin/people?q=kim")
        assert "0 of 0 shown" in browser.text

    tell(database, data, story)


def test_an_account_is_changed_as_the_form_says(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.post(HERE, {"name": "Bob", "quota": "10 GB", "messages": "70"})
        found = await accounts.show(office, PERSON)
        assert (found.name, found.quota, found.state) == ("Bob", 10 << 30, "active")
        assert found.message_quota == 70
        await browser.get(HERE)
        assert 'value="10 GB"' in browser.page
        await browser.post(HERE, {"name": "Bob", "quota": "", "disabled": "on"})
        found = await accounts.show(office, PERSON)
        assert (found.quota, found.state) == (0, "disabled")
        await browser.get(HERE)
        assert (await browser.post(HERE, {"name": "B", "quota": "much"})).status == 400
        assert (await browser.post(HERE, {"name": "B", "messages": "-1"})).status == 400
        assert (await accounts.show(office, PERSON)).name == "Bob"

    tell(database, data, story)


def test_a_name_is_changed_without_the_quota(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for quota in (5 << 28, 500 << 10, 1_234_567_891):
            await accounts.change(office, PERSON, quota=quota)
            await browser.get(HERE)
            found = re.search(r'name="quota" value="([^"]*)"', browser.page)
            assert found is not None
            said = await browser.post(HERE, {"name": "Bob", "quota": found[1]})
            assert said.status == 303, browser.text
            assert (await accounts.show(office, PERSON)).quota == quota

    tell(database, data, story)


def test_an_address_may_hold_what_means_something_in_a_url(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for local in ("a/b", "r#d", "a?b", "50%25", "a&b", "it's", '"a@b"'):
            address = f"{local}@demo.test"
            await accounts.add(office, address, password=None)
            await browser.get("/admin/people")
            found = re.findall(r'href="(/admin/people/[^"]+)"', browser.page)
            ways = {urllib.parse.unquote(html.unescape(one)): html.unescape(one) for one in found}
            there = ways[f"/admin/people/{address}"]
            said = await browser.get(sent(there))
            assert said.status == 200, address
            actions = re.findall(r'action="([^"]+/retention)"', browser.page)
            keeping = {"mailbox": "INBOX", "days": "9"}
            said = await browser.post(sent(html.unescape(actions[0])), keeping)
            assert said.status == 303, browser.text
            assert urllib.parse.unquote(said.headers["location"]) == f"/admin/people/{address}"
            assert (await browser.get(sent(f"{there}/activity"))).status == 200
            await browser.get(sent(said.headers["location"]))
            assert "messages are deleted 9 days after" in browser.text
            said = await browser.post(sent(f"{there}/remove"), {})
            assert said.status == 303

    def sent(target: str) -> str:
        """What a browser sends of it."""
        return target.partition("#")[0]

    tell(database, data, story)


def test_a_suspected_account_is_shown_and_released(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        found = await office.directory.resolve(Address.parse(PERSON))
        ident = found.local[0].account_id

        def suspect(tx: Tx) -> None:
            flood = Suspicion(50, (Reason(50, "a flood of <b>mail</b>"),))
            suspects.suspect(tx, ident, flood, 300, office.now(), held=True)
            sending.bar(tx, ident)

        await browser.get(HERE)
        assert "let it send" not in browser.text
        await office.db.write(suspect)
        await browser.get(HERE)
        assert "as if somebody else used it: a flood of <b>mail</b>." in browser.text
        assert "It sends nothing until it is released." in browser.text
        await browser.post(f"{HERE}/release", {})
        await browser.get(HERE)
        assert "somebody else" not in browser.text
        assert not (await accounts.show(office, PERSON)).sending_stopped

    tell(database, data, story)


def test_passwords_addresses_and_the_end(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.post(f"{HERE}/password", {})
        told = browser.text.partition(f"New password of {PERSON}: ")[2].split()[0]
        assert await logs_in(office, PERSON, told)
        assert not await logs_in(office, PERSON, PASSWORD)
        await browser.post(f"{HERE}/addresses", {"further": "robert@demo.test"})
        assert (await accounts.show(office, PERSON)).addresses == ("robert@demo.test",)
        await browser.get(HERE)
        await browser.post(f"{HERE}/addresses/remove", {"further": "robert@demo.test"})
        assert (await accounts.show(office, PERSON)).addresses == ()
        await browser.get(HERE)
        said = await browser.post(f"{HERE}/remove", {})
        assert said.headers["location"] == "/admin/people"
        with pytest.raises(NotFound):
            await accounts.show(office, PERSON)

    tell(database, data, story)


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), (" 500 MB ", 500 << 20), ("10gb", 10 << 30), ("2 TB", 2 << 40)]
)
def test_sizes_are_typed_as_people_do(text: str, number: int) -> None:
    assert octets(text) == number


@pytest.mark.parametrize("text", ["much", "10", "-1 GB", "1.5. GB", "1 PB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="10 GB"):
        octets(text)


def test_an_administrator_of_a_domain_sees_no_lists_of_others(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await domains.add(office, "other.test")
        await accounts.add(office, "chief@demo.test", password=PASSWORD)
        await roles.assign(office, "chief@demo.test", "admin", ["demo.test"])
        await aliases.add(office, "secret@other.test", [PERSON])
        await aliases.add(office, "us@demo.test", [PERSON])
        for who, is_owner in ((ADMIN, True), ("chief@demo.test", False)):
            await browser.log_in(who)
            await browser.get(HERE)
            assert "us@demo.test" in browser.text
            assert ("secret@other.test" in browser.text) == is_owner

    tell(database, data, story, logged_in="")

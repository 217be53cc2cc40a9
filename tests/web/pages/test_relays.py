from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import RelayView, UseView
from tests.admin.relay_server import HOST, RelayServer
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

SECRET: Final = "a-Secret"
OWN: Final = {"name": "Office", "host": HOST, "tls": "none", "login": "me", "password": SECRET}


async def all_of(office: Office) -> list[RelayView]:
    return [one async for one in relays.every(office)]


async def send(browser: Browser, path: str, fields: Mapping[str, str]) -> int:
    await browser.get("/admin/relays")
    return (await browser.post(path, fields)).status


def test_a_relay_is_added_from_a_preset_with_what_it_is_for(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/relays")
        assert 'value="gmail"' in browser.page
        fields = {
            "name": "out", "preset": "gmail", "host": "", "port": "", "tls": "", "verify": "",
            "login": "me@gmail.com", "password": SECRET, "default": "on",
            "senders": "demo.test", "recipients": "a.test, b.test", "accounts": PERSON,
        }  # fmt: skip
        said = await browser.post("/admin/relays", fields)
        assert (said.status, said.headers["location"]) == (303, "/admin/relays/out")
        opened = await relays.load(office, "out")
        assert (opened.login, opened.password, opened.mechanism) == ("me@gmail.com", SECRET, "")
        await browser.get("/admin/relays/out")
        for words in (
            "smtp.gmail.com", "its certificate is verified", "me@gmail.com, with a password",
            "mail by default", "mail from demo.test", "mail to a.test", "mail to b.test",
            f"mail of {PERSON}",
        ):  # fmt: skip
            assert words in browser.text, words
        assert SECRET not in browser.page
        await browser.get("/admin/relays")
        assert "out smtp.gmail.com" in browser.text
        assert "and 2 more" in browser.text
        await browser.get("/admin/audit")
        assert "relay.add out" in browser.text
        assert SECRET not in browser.page

    tell(database, data, story)


def test_a_relay_is_changed_used_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await send(browser, "/admin/relays", {**OWN, "port": "25"})
        one = "/admin/relays/office"
        assert await send(browser, one, {"port": "2525", "host": "", "password": ""}) == 303
        (found,) = await all_of(office)
        assert (found.host, found.port, found.login, found.password) == (HOST, 2525, "me", True)
        assert await send(browser, one, {"password": "another", "is_token": "on"}) == 303
        opened = await relays.load(office, "office")
        assert (opened.password, opened.mechanism) == ("another", "xoauth2")
        assert await send(browser, one, {"no_login": "on", "login": "x"}) == 303
        (found,) = await all_of(office)
        assert (found.login, found.password) == ("", False)

        use = {"kind": "recipient-domain", "of": " far.test "}
        assert await send(browser, f"{one}/uses", use) == 303
        assert await send(browser, f"{one}/uses", {"kind": "default", "of": "left over"}) == 303
        (found,) = await all_of(office)
        assert set(found.uses) == {UseView("default"), UseView("recipient-domain", "far.test")}
        assert await send(browser, f"{one}/uses/remove", use) == 303
        (found,) = await all_of(office)
        assert found.uses == (UseView("default"),)
        assert await send(browser, f"{one}/uses/remove", use) == 404

        assert await send(browser, f"{one}/remove", {}) == 303
        assert await all_of(office) == []
        assert (await browser.get(one)).status == 404

    tell(database, data, story)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "no word"}, "is no name for a relay"),
        ({"host": "smtp.demo.test"}, "is not sent to smtp.demo.test without TLS"),
        ({"host": ""}, "needs a preset, or host, port and tls"),
        ({"port": "70000"}, "70000 is no port"),
        ({"port": "<b>"}, "is no whole number"),
        ({"tls": "some"}, "choose how the relay is encrypted"),
        ({"login": ""}, "needs a login"),
        ({"preset": "nothing"}, "no preset nothing"),
        ({"senders": "foreign.test"}, "foreign.test"),
        ({"accounts": "nobody@demo.test"}, "nobody@demo.test"),
    ],
)
def test_what_is_wrong_adds_nothing(
    database: Opener, data: Path, changed: Mapping[str, str], words: str
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        status = await send(browser, "/admin/relays", {**OWN, "port": "25", **changed})
        assert status in {400, 404}
        assert words in browser.text
        assert SECRET not in browser.page
        assert await all_of(office) == []

    tell(database, data, story)


def test_a_relay_is_tested_step_by_step(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        async with RelayServer(("AUTH PLAIN",)) as server:
            await send(browser, "/admin/relays", {**OWN, "port": str(server.port)})
            assert await send(browser, "/admin/relays/office/test", {"to": "x@far.test"}) == 200
            assert "It works." in browser.text
            for step in (
                f"DNS ok addresses {HOST}", "connecting ok", "its greeting ok reply 220",
                "EHLO ok name relay.test", "the login ok mechanism PLAIN",
                "the recipient ok address x@far.test",
            ):  # fmt: skip
                assert step in browser.text, step
        assert server.lines[-2:] == ["RSET", "QUIT"]
        assert SECRET not in browser.page

    tell(database, data, story)


@pytest.mark.parametrize(
    ("replies", "step"), [({"AUTH": f"535 5.7.8 <i>{SECRET}"}, "the login"), ({"": "554 5.3.2 no"}, "its greeting")]
)  # fmt: skip
def test_a_test_shows_where_it_fails(
    database: Opener, data: Path, replies: Mapping[str, str], step: str
) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        async with RelayServer(("AUTH PLAIN",), replies=replies) as server:
            await send(browser, "/admin/relays", {**OWN, "port": str(server.port)})
            assert await send(browser, "/admin/relays/office/test", {}) == 200
        assert f"It fails at {step}: " in browser.text
        assert f"{step} failed" in browser.text
        assert "connecting ok" in browser.text
        assert SECRET not in browser.page
        assert "<i>" not in browser.page

    tell(database, data, story)


def test_a_form_with_an_unknown_kind_of_mail_is_refused(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await send(browser, "/admin/relays", {**OWN, "port": "25"})
        assert await send(browser, "/admin/relays/office/uses", {"kind": "all"}) == 400
        assert "choose which mail" in browser.text
        (found,) = await all_of(office)
        assert found.uses == ()

    tell(database, data, story)

"""Passkeys from the button to the login; each challenge counts once, for whom it was made."""

import html
import re
import sys
from pathlib import Path

import pytest

from postroom.admin import accounts, passkeys
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.asking import Said
from tests.web.authenticator import Authenticator
from tests.web.browser import PERSON, Browser, tell

HERE = "/me/security"


def asked(page: str, kind: str) -> tuple[str, str]:
    """Options and ticket of the form of this kind."""
    found = re.search(
        rf'data-passkey="{kind}" data-options="([^"]+)".*?name="ticket" value="([^"]+)"',
        page,
        re.DOTALL,
    )
    assert found
    return html.unescape(found[1]), found[2]


async def make(browser: Browser, device: Authenticator, label: str = "phone") -> Said:
    await browser.get(HERE)
    options, ticket = asked(browser.page, "create")
    fields = {"label": label, "ticket": ticket, "answer": device.create(options)}
    return await browser.post(f"{HERE}/passkeys", fields)


async def log_in(browser: Browser, device: Authenticator) -> Said:
    await browser.get("/")
    options, ticket = asked(browser.page, "get")
    return await browser.post("/passkey", {"ticket": ticket, "answer": device.get(options)})


@pytest.mark.parametrize("counts", [True, False])
def test_a_passkey_gets_in_without_a_password(database: Opener, data: Path, counts: bool) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        device = Authenticator(counts=counts)
        assert (await make(browser, device)).status == 303
        other = browser.another()
        said = await log_in(other, device)
        assert (said.status, said.headers["location"]) == (303, "/mail")
        assert (await other.get("/me")).status == 200
        assert (await passkeys.every(office, PERSON))[0].last_used is not None
        assert (await log_in(browser.another(), device)).status == 303
        await browser.get(HERE)
        ident = re.search(r'name="id" value="([^"]+)"', browser.page)
        assert ident
        await browser.post(f"{HERE}/passkeys/change", {"id": ident[1], "label": "key <b>"})
        await browser.get(HERE)
        assert "key &lt;b&gt;" in browser.page
        await browser.post(f"{HERE}/passkeys/change", {"id": ident[1], "remove": "1"})
        assert (await other.get("/me")).status == 303  # what it began ends with it
        assert (await log_in(other, device)).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_a_challenge_counts_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        options, ticket = asked(browser.page, "create")
        page = browser.page
        first, second = Authenticator(counts=False), Authenticator()
        for device, status in ((first, 303), (second, 400)):
            browser.page = page
            fields = {"label": "x", "ticket": ticket, "answer": device.create(options)}
            assert (await browser.post(f"{HERE}/passkeys", fields)).status == status
        assert len(await passkeys.every(office, PERSON)) == 1
        other = browser.another()
        await other.get("/")
        options, ticket = asked(other.page, "get")
        fields = {"ticket": ticket, "answer": first.get(options)}
        assert (await other.post("/passkey", fields)).status == 303
        assert (await browser.another().post("/passkey", fields)).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_a_copy_of_a_key_is_noticed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        device = Authenticator()
        await make(browser, device)
        assert (await log_in(browser.another(), device)).status == 303
        device.counter = 0  # the copy has signed as often as the key had when it was taken
        assert (await log_in(browser.another(), device)).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_what_is_for_another_session_or_use_or_too_old(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        other = browser.another()
        await other.log_in(PERSON)
        await other.get(HERE)
        options, ticket = asked(other.page, "create")
        device = Authenticator()
        fields = {"label": "x", "ticket": ticket, "answer": device.create(options)}
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/passkeys", fields)).status == 400
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/passkeys", {**fields, "ticket": "x"})).status == 400
        await other.get(HERE)
        assert (await other.post(f"{HERE}/passkeys", {**fields, "answer": "{}"})).status == 400
        assert await passkeys.every(office, PERSON) == ()
        await make(browser, device)
        # The ticket for making one does not log in, nor does an old one.
        await browser.get(HERE)
        options, ticket = asked(browser.page, "create")
        fields = {"ticket": ticket, "answer": device.get(options)}
        assert (await browser.another().post("/passkey", fields)).status == 403
        await other.post("/logout", {})
        await other.get("/")
        options, ticket = asked(other.page, "get")
        fields = {"ticket": ticket, "answer": device.get(options)}
        clock.advance(seconds=301)
        assert (await other.post("/passkey", fields)).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_who_is_disabled_does_not_get_in(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        device = Authenticator()
        await make(browser, device)
        await accounts.change(office, PERSON, disabled=True)
        assert (await log_in(browser.another(), device)).status == 403
        assert (await log_in(browser.another(), Authenticator())).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_without_the_library_nothing_is_shown(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fido2", None)

    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "asskey" not in browser.page
        assert (await browser.post("/passkey", {})).status == 404
        await browser.another().get("/")
        assert "asskey" not in browser.page

    tell(database, data, story, logged_in=PERSON)

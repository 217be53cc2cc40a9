import json
from pathlib import Path

import pytest

from postroom.admin import accounts, credentials
from postroom.admin.office import Office
from postroom.config.model import Config, Listen
from postroom.web import qr
from postroom.web.pages.devices import HERE
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.directory.test_login import Elsewhere
from tests.fakes import Clock
from tests.web.browser import CONFIG, PASSWORD, PERSON, Browser, tell
from tests.web.pages.test_own_security import enrol


async def make(browser: Browser, label: str) -> str:
    """Make a password and read it."""
    await browser.get(HERE)
    assert (await browser.post(HERE, {"label": label})).status == 200
    return browser.text.partition(f"The password for {label} ")[2].split()[0]


def test_a_device_gets_a_password_that_is_shown_once_and_taken_away_alone(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        made = await make(browser, "phone")
        assert await logs_in(office, PERSON, made)
        await browser.get(HERE)
        assert made not in browser.page
        assert "<svg" not in browser.page
        assert "phone 2026-09-21 14:13 2026-09-21 14:13 Remove phone" in browser.text
        await browser.post(f"{HERE}/remove", {"label": "phone"})
        assert not await logs_in(office, PERSON, made)
        assert await credentials.apps(office, PERSON) == ()
        assert await logs_in(office, PERSON, PASSWORD)
        await browser.get(HERE)
        assert "No device has a password of its own yet" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_a_phone_reads_all_it_needs_from_a_picture(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        made = await make(browser, "phone")
        host = "mx.demo.test"
        account = [
            1, [1, 1], [0, host, 993, 3, 1, PERSON, PERSON, made],
            [[[0, host, 465, 3, 1, PERSON, made], [PERSON, "Bob <b>"]]],
        ]  # fmt: skip
        text = json.dumps(account, separators=(",", ":"))
        assert qr.svg(text, "QR code of the account for Android") in browser.page
        url = f"https://{host}/mobileconfig?email=bob%40demo.test"
        assert qr.svg(url, "QR code of the profile for Apple devices") in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_how_to_set_up_each_program(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        for words in ("Thunderbird on a computer", "iPhone, iPad or Mac", "Outlook", "K-9 Mail"):
            assert words in browser.text
        assert "Hostname mx.demo.test Port 993 Connection security SSL/TLS" in browser.text
        assert "Server mx.demo.test Port 465 Encryption method SSL/TLS" in browser.text
        assert "/mobileconfig?email=bob%40demo.test" in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_server_for_trying_names_this_machine(database: Opener, data: Path) -> None:
    listen = tuple(
        Listen(protocol=name, address="127.0.0.1", port=port)  # type: ignore[arg-type]
        for name, port in (("imap", 2143), ("submission", 2587), ("https", 2443))
    )
    config = Config(hostname="mx.demo.test", dns=CONFIG.dns, listen=listen)

    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "Hostname 127.0.0.1 Port 2143 Connection security STARTTLS" in browser.text

    tell(database, data, story, logged_in=PERSON, config=config)


def test_without_imap_nothing_is_promised(database: Opener, data: Path) -> None:
    listen = (Listen(protocol="pop3s", port=995), Listen(protocol="https", port=443))
    config = Config(hostname="mx.demo.test", dns=CONFIG.dns, listen=listen)

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        made = await make(browser, "phone")
        assert await logs_in(office, PERSON, made)
        assert "<svg" not in browser.page
        assert "Thunderbird" not in browser.text
        assert "POP3 995 SSL/TLS" in browser.text

    tell(database, data, story, logged_in=PERSON, config=config)


@pytest.mark.parametrize(
    ("label", "words"), [("", "a label has"), ("x" * 101, "a label has"), ("phone", "already")]
)
def test_a_label_that_can_not_be_is_refused(
    database: Opener, data: Path, label: str, words: str
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await credentials.add_app(office, PERSON, "phone")
        await browser.get(HERE)
        assert (await browser.post(HERE, {"label": label})).status == 400
        assert words in browser.text
        assert len(await credentials.apps(office, PERSON)) == 1

    tell(database, data, story, logged_in=PERSON)


def test_who_needs_one_is_told_so(database: Opener, data: Path) -> None:
    outside = Elsewhere()
    outside.known = {"ann@demo.test": "theirs-1"}

    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        await browser.get(HERE)
        assert "Your own password works as well" in browser.text
        await enrol(browser, clock)
        await browser.get(HERE)
        assert "Mail programs need one" in browser.text
        await accounts.add(office, "ann@demo.test", password=None)
        other = browser.another()
        await other.log_in("ann@demo.test", "theirs-1")
        await other.get(HERE)
        assert "that of your organisation" in other.text

    tell(database, data, story, logged_in=PERSON, outside=outside)

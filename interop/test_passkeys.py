"""Chromium makes a passkey with an authenticator of its own, logs in with it, and is told off."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from interop.conftest import ALICE, PASSWORD
from rig.server import Server

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the pages are."""
    server = Server(tmp_path, doors=("smtp", "http"))
    server.add_account(ALICE, PASSWORD)
    with server:
        yield f"http://localhost:{server.ports['http']}"


@pytest.fixture
def page() -> Iterator[Page]:
    """A window of Chromium with a virtual authenticator."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        window = browser.new_context().new_page()
        tools = window.context.new_cdp_session(window)
        tools.send("WebAuthn.enable")
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield window
        browser.close()


def test_a_passkey_is_made_used_and_taken_away(address: str, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda one: complaints.append(one.text))
    page.goto(address)
    page.get_by_label("Address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.goto(f"{address}/me/security")
    page.get_by_label("What it is on").fill("laptop")
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_label("Name").wait_for()
    assert page.get_by_label("Name").input_value() == "laptop"

    page.get_by_role("button", name="Log out", exact=True).click()
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"{address}/mail")
    page.goto(f"{address}/me/security")
    assert page.get_by_role("cell", name="passkey", exact=True).count() == 1
    assert not [one for one in complaints if "Content Security Policy" in one]

    page.get_by_role("button", name="Remove", exact=True).click()
    # The session ended with the passkey that had begun it.
    page.get_by_role("button", name="Log in with a passkey").click()
    page.get_by_role("alert").wait_for()
    assert "does not get you in" in page.get_by_role("alert").inner_text()

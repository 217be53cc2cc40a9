"""What people do alone, in a real browser: their devices, filters, activity, import and export."""

import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ViewportSize

from rig.ports import HOST
from rig.server import Server

from .conftest import ALICE, BOB, PASSWORD, Run
from .window import PHONE, WIDE, Window, chromium, looked_at, wait_for_the_end


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an owner and a person."""
    folder = tmp_path_factory.mktemp("house")
    server = Server(folder / "server", doors=("smtp", "submission", "imap", "http"))
    server.add_account(ALICE, PASSWORD, "--admin")
    server.add_account(BOB, PASSWORD)
    with server:
        yield server


def test_a_person_brings_mail_and_takes_it_away_again(
    browser: Browser, house: Server, tmp_path: Path
) -> None:
    for has_script in (True, False):
        with closing(Window(browser, house, java_script_enabled=has_script)) as window:
            window.log_in(BOB)
            page = window.open("/me/mail")
            old = {"name": "Old.mbox", "mimeType": "text/plain", "buffer": _mbox()}
            page.locator("input[type=file]").set_input_files(old)  # type: ignore[arg-type]
            page.get_by_role("button", name="Upload and import").click()
            wait_for_the_end(window)
            assert page.locator("#jobs .good").first.inner_text().startswith("Done.")
            page.get_by_role("button", name="Write the file").click()
            wait_for_the_end(window)
            with page.expect_download() as started:
                page.get_by_role("link", name="Download").first.click()
            path = tmp_path / f"{has_script}.zip"
            started.value.save_as(path)
            with zipfile.ZipFile(path) as archive:
                assert b"Subject: From long ago" in archive.read("Old.mbox")


@pytest.mark.parametrize("has_script", [True, False], ids=["javascript", "no javascript"])
def test_a_person_gives_a_phone_its_password_and_sees_what_it_does(
    browser: Browser, house: Server, run: Run, *, has_script: bool
) -> None:
    label = f"phone {has_script}"
    with closing(Window(browser, house, java_script_enabled=has_script)) as window:
        page = window.log_in(BOB)
        page = window.open("/me/devices")
        page.get_by_label("What it is").fill(label)
        page.get_by_role("button", name="Make a password").click()
        password = page.locator(".secret code").inner_text()
        assert page.locator("figure.qr svg").count() == 2
        run(
            "swaks", "--server", f"{HOST}:{house.ports['submission']}", "--auth", "PLAIN",
            "--auth-user", BOB, "--auth-password", password, "--from", BOB, "--to", ALICE,
            "--header", f"Subject: From my {label}",
        )  # fmt: skip
        end = time.monotonic() + 60
        row = page.get_by_role("row").filter(has_text=f"password of {label}")
        while row.filter(has_text="logged in").count() == 0:
            assert time.monotonic() < end
            window.open("/me/activity")
        assert row.filter(has_text="sending (SMTP)").count() >= 1
        assert page.get_by_text("Password for a device made").count()
        assert page.get_by_role("row").filter(has_text=f"From my {label}").count() == 1
        window.open("/me/devices")
        page.get_by_role("button", name=f"Remove {label}").click()
        page.get_by_text("Done.", exact=True).wait_for()
        assert page.get_by_role("cell", name=label, exact=True).count() == 0


@pytest.mark.parametrize("has_script", [True, False], ids=["javascript", "no javascript"])
def test_a_person_sorts_and_answers_their_mail(
    browser: Browser, house: Server, *, has_script: bool
) -> None:
    with closing(Window(browser, house, java_script_enabled=has_script)) as window:
        page = window.log_in(BOB)
        window.open("/me/filters")
        page.get_by_label("Answer", exact=True).fill("Back on Monday.")
        page.get_by_role("button", name="Switch it on").click()
        page.get_by_text("Done.", exact=True).wait_for()
        assert page.get_by_text("Your answer is on until you switch it off.").count()
        page.get_by_role("button", name="Switch it off").click()
        page.get_by_role("button", name="Switch it on").wait_for()
        page.get_by_label("Text", exact=True).fill("python.example")
        page.get_by_role("button", name="Add").click()
        assert page.get_by_text("type the folder").count()
        page.get_by_role("link", name="begin anew").click()
        page.get_by_label("Text", exact=True).fill("python.example")
        page.get_by_label("Folder, flag or address").fill("Lists")
        page.get_by_role("button", name="Add").click()
        assert page.get_by_text("move to Lists").count() == 1
        page.get_by_role("button", name="Remove rule 1").click()
        page.get_by_text("No rules").wait_for()
        window.complaints.clear()  # the browser tells of the refusal


def test_a_login_leads_to_the_page_that_was_wanted(browser: Browser, house: Server) -> None:
    with closing(Window(browser, house)) as window:
        page = window.open("/me/activity")
        page.get_by_label("Address").fill(BOB)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Activity").wait_for()


def _mbox() -> bytes:
    return b"From a@x.test Thu Nov 26 02:36:09 2026\nSubject: From long ago\n\nx\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_persons_pages_are_accessible_and_fit_when_they_are_full(
    browser: Browser, house: Server, size: ViewportSize, scheme: str
) -> None:
    axe, found, name = Axe(), list[str](), f"{size['width']}-{scheme}"
    house.command("mask", "add", ALICE, "--label", "A shop with quite a long name for a label")
    house.command("account", "allow", ALICE, "*.partner.example")
    with closing(
        Window(browser, house, viewport=size, color_scheme=scheme, bypass_csp=True)
    ) as window:
        page = window.log_in(ALICE)
        window.open("/me/filters")
        page.get_by_label("Text", exact=True).fill("x" * 60)
        page.get_by_label("Folder, flag or address").fill("Lists/Python")
        page.get_by_role("button", name="Add").click()
        page.get_by_text("Done.", exact=True).wait_for()
        found += looked_at(axe, page, f"full-filters-{name}")
        window.open("/me/devices")
        page.get_by_label("What it is").fill(f"a phone {name}")
        page.get_by_role("button", name="Make a password").click()
        for summary in page.locator("details.topic > summary").all():
            summary.click()
        found += looked_at(axe, page, f"full-devices-{name}")
        for path in ("senders", "activity", "security"):
            window.open(f"/me/{path}")
            found += looked_at(axe, page, f"full-{path}-{name}")
    assert not found, "\n".join(found)


def test_a_person_needs_no_mouse(browser: Browser, house: Server) -> None:
    with closing(Window(browser, house, viewport=PHONE)) as window:
        page = window.log_in(BOB)
        window.open("/me/devices")
        for words in ("To the content", "Menu"):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent.trim()") == words
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent.trim()") == "Mail"
        while "Outlook" not in page.evaluate("document.activeElement.textContent"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.get_by_text("Encryption method").first.is_visible()

"""The pages in a real browser: Chromium, wide and at 360 pixels, light and dark, with and without
JavaScript. What they look like is kept in build/screenshots/."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ViewportSize

from rig.ports import HOST
from rig.server import DOMAIN, Server

from .conftest import ALICE, BOB, PASSWORD, Mailbox, Run, deliver
from .window import PHONE, SCREENSHOTS, WIDE, Window, chromium, looked_at, wait_for_the_end

OUTSIDE: Final = "friend@elsewhere.test"

DIALOGUE: Final = f"""EHLO mail.elsewhere.test
MAIL FROM:<c@elsewhere.test>
RCPT TO:<nobody@{DOMAIN}>
RCPT TO:<{BOB}>
DATA
From: c@elsewhere.test
Subject: A trial

Hello
.
QUIT
"""

ADMIN_PAGES: Final = (
    "/admin", "/admin/domains", f"/admin/domains/{DOMAIN}", "/admin/people",
    "/admin/people/many",
    f"/admin/people/{BOB}", f"/admin/people/{BOB}/activity", f"/admin/people/{BOB}/suppression", f"/admin/addresses?q={BOB}", "/admin/queue", f"/admin/trace?q={BOB}",
    "/admin/rejects", "/admin/reports", "/admin/relays", "/admin/bans", "/admin/test-letter",
    "/admin/session",
    "/admin/settings", "/admin/settings?all", "/admin/audit", "/admin/relays/office",
    "/admin/lists", f"/admin/lists/dev@{DOMAIN}", "/admin/webhooks", "/admin/backups", "/admin/import",
    "/admin/sessions", "/admin/script",
)  # fmt: skip
OWN_PAGES: Final = (
    "/mail", "/mail/write", "/mail/waiting", "/mail/sharing?box=INBOX",
    "/mail/signatures", f"/mail/ways?to={BOB}",
    "/me", "/me/devices", "/me/filters", "/me/senders", "/me/suppression", "/me/lists", "/me/mail",
    "/me/security", "/me/activity",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Server]:
    """A server with an owner, a person, a letter that arrived and one that waits."""
    folder = tmp_path_factory.mktemp("house")
    server = Server(
        folder / "server",
        doors=("smtp", "submission", "imap", "http"),
        settings=f'[backup]\npath = "{folder / "safe"}"',
    )
    server.add_account(ALICE, PASSWORD, "--admin")
    server.add_account(BOB, PASSWORD)
    server.command("list", "add", f"dev@{DOMAIN}", BOB, "x@elsewhere.test", "--owner", BOB)
    server.command(
        "relay", "add", "office", "--host", HOST, "--port", "1", "--tls", "none",
        "--recipient-domain", "through.test",
    )  # fmt: skip
    with server:
        deliver(server, run, "Lunch on Friday?", BOB)
        run(
            "swaks", "--server", f"{HOST}:{server.ports['submission']}", "--auth", "PLAIN",
            "--auth-user", BOB, "--auth-password", PASSWORD, "--from", BOB, "--to", OUTSIDE,
            "--header", "Subject: Waits for a while",
        )  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    with chromium() as found:
        yield found


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def owner(browser: Browser, house: Server, request: pytest.FixtureRequest) -> Iterator[Window]:
    with closing(Window(browser, house, java_script_enabled=request.param)) as window:
        window.log_in(ALICE)
        yield window


def test_an_owner_adds_a_domain_and_a_person_who_receives_mail(
    owner: Window, house: Server, run: Run, request: pytest.FixtureRequest
) -> None:
    domain = f"new{len(request.node.name)}.test"
    page = owner.open("/admin/domains")
    page.get_by_role("textbox", name="Name").fill(domain)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name=domain).wait_for()
    assert page.get_by_text("v=spf1").count()

    page = owner.open("/admin/people")
    page.get_by_role("textbox", name="Address").fill(f"carol@{domain}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name=f"carol@{domain}").wait_for()

    deliver(house, run, "welcome", f"carol@{domain}")
    with closing(Mailbox(house, f"carol@{domain}")) as mailbox:
        assert len(mailbox.find("welcome")) == 1


def test_an_owner_reads_the_story_of_a_letter_and_retries_one_that_waits(owner: Window) -> None:
    page = owner.open(f"/admin/trace?q={BOB}")
    page.get_by_role("heading", name="Lunch on Friday?").wait_for()
    assert page.get_by_role("cell", name="filed").count()

    page = owner.open("/admin/queue")
    row = page.get_by_role("row").filter(has_text=OUTSIDE)
    assert row.count() == 1
    row.get_by_role("link").first.click()
    page.get_by_role("button", name="Try now").click()
    assert page.get_by_text(OUTSIDE).count()


def test_an_owner_takes_a_backup_and_verifies_it(owner: Window) -> None:
    page = owner.open("/admin/backups")
    for button in ("Back up now", "Verify"):
        before = page.locator("#jobs .good").count()
        page.get_by_role("button", name=button).first.click()
        wait_for_the_end(owner)
        assert page.locator("#jobs .good, #jobs .look").count() > before
    page.get_by_text("whole", exact=True).first.wait_for()


def test_an_owner_looks_at_a_list_of_accounts_and_makes_them(
    owner: Window, request: pytest.FixtureRequest
) -> None:
    address = f"listed{len(request.node.name)}@{DOMAIN}"
    page = owner.open("/admin/import")
    form = page.locator("form", has=page.get_by_role("button", name="Upload and look"))
    listed = {"name": "people.csv", "mimeType": "text/csv", "buffer": _list(address)}
    form.locator("input[type=file]").set_input_files(listed)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and look").click()
    wait_for_the_end(owner)
    assert page.get_by_role("cell", name=address).count() == 1
    page.get_by_role("button", name="Make them").click()
    wait_for_the_end(owner)
    assert page.get_by_text("1 were made").count()
    owner.open(f"/admin/people/{address}")


def _list(address: str) -> bytes:
    return f"address,name\n{address},Listed One\n".encode()


def test_a_person_sees_no_administration(browser: Browser, house: Server) -> None:
    with closing(Window(browser, house)) as window:
        page = window.log_in(BOB)
        assert page.get_by_role("link", name="Overview").count() == 0
        assert page.get_by_role("link", name="My account").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_is_accessible_and_fits(
    browser: Browser, house: Server, size: ViewportSize, scheme: str
) -> None:
    axe = Axe()
    found: list[str] = []
    with closing(
        Window(browser, house, viewport=size, color_scheme=scheme, bypass_csp=True)
    ) as window:
        window.open("/")
        found += looked_at(axe, window.page, f"login-{size['width']}-{scheme}")
        window.log_in(ALICE)
        for path in (*ADMIN_PAGES, *OWN_PAGES):
            window.open(path)
            name = path.strip("/").partition("?")[0].replace("/", "-")
            found += looked_at(axe, window.page, f"{name}-{size['width']}-{scheme}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_mail_is_read_and_answered_in_pages_that_are_accessible_and_fit(
    browser: Browser, house: Server, size: ViewportSize, scheme: str
) -> None:
    axe, found, mark = Axe(), list[str](), f"{size['width']}-{scheme}"
    with closing(
        Window(browser, house, viewport=size, color_scheme=scheme, bypass_csp=True)
    ) as window:
        window.log_in(BOB)
        page = window.open("/mail")
        found += looked_at(axe, page, f"mail-{mark}")
        page.locator(".letters a").last.click()
        page.get_by_role("link", name="Reply", exact=True).wait_for()
        found += looked_at(axe, page, f"mail-message-{mark}")
        page.get_by_role("link", name="Reply to all").click()
        page.get_by_label("To", exact=True).fill(BOB)
        page.get_by_label("Message").fill("An answer\nof two lines")
        found += looked_at(axe, page, f"mail-write-{mark}")
        page.get_by_role("button", name="Send").click()
        page.wait_for_url("**/mail?box=INBOX#done")
        assert page.get_by_role("link", name="Re: ").count()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_pages_with_something_on_them_are_accessible_and_fit(
    browser: Browser, house: Server, run: Run, size: ViewportSize, tmp_path: Path
) -> None:
    house.command("webhook", "add", "https://hooks.example.test/mail", "--event", "*")
    house.command("account", "block", BOB, "pest@elsewhere.test")
    with pytest.raises(AssertionError, match="550"):
        run(
            "swaks", "--server", f"{HOST}:{house.ports['smtp']}", "--to", BOB,
            "--from", "c@elsewhere.test", "--header", "From: pest@elsewhere.test",
            "--header", "Subject: Never wanted", "--body", "read me",
        )  # fmt: skip
    for name, octets in (("d.xml", _dmarc()), ("t.json", _tls())):
        (tmp_path / name).write_bytes(octets)
        house.command("reports", "import", str(tmp_path / name))
    axe, found = Axe(), list[str]()
    for scheme in ("light", "dark"):
        with closing(
            Window(browser, house, viewport=size, color_scheme=scheme, bypass_csp=True)
        ) as window:
            window.log_in(ALICE)
            for path in ("/admin/reports", "/admin/rejects", "/admin/webhooks"):
                page = window.open(path)
                assert page.get_by_role("table").count() or page.locator("svg").count()
                found += looked_at(axe, page, f"full-{path[7:]}-{size['width']}-{scheme}")
                page.locator("main td a").first.click()
                found += looked_at(axe, page, f"one-{path[7:]}-{size['width']}-{scheme}")
            page = window.open("/admin/session")
            page.get_by_label("What it says").fill(DIALOGUE)
            page.get_by_role("button", name="Try it").click()
            page.get_by_role("heading", name="What was answered").wait_for()
            found += looked_at(axe, page, f"full-session-{size['width']}-{scheme}")
            page = window.open("/admin/import")
            page.locator("input[name=login]").fill("ann")
            page.locator("input[name=password]").fill("a password")
            page.locator("input[name=host]").fill("imap.example.test")
            page.get_by_label("For the account").first.fill(BOB)
            page.get_by_role("button", name="Import", exact=True).click()
            wait_for_the_end(window)
            for text in ("More", "What providers want", "The columns of CSV"):
                page.get_by_text(text, exact=True).click()
            found += looked_at(axe, page, f"full-import-{size['width']}-{scheme}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_server_without_an_account_is_set_up(
    browser: Browser, tmp_path: Path, size: ViewportSize, scheme: str
) -> None:
    axe, found, name = Axe(), list[str](), f"{size['width']}-{scheme}"
    with (
        Server(tmp_path, doors=("smtp", "http")) as server,
        closing(
            Window(browser, server, viewport=size, color_scheme=scheme, bypass_csp=True)
        ) as window,
    ):
        page = window.open("/")
        found += looked_at(axe, page, f"setup-wait-{name}")
        end = time.monotonic() + 120
        while not (said := re.findall(r"/setup[?]key=\S+", (tmp_path / "server.log").read_text())):
            assert time.monotonic() < end
        page = window.open(said[0])
        found += looked_at(axe, page, f"setup-key-{name}")
        page.get_by_role("button", name="Begin").click()
        page.get_by_label("Domain of your mail addresses").fill(DOMAIN)
        found += looked_at(axe, page, f"setup-place-{name}")
        page.get_by_role("button", name="Look what is there").click()
        page.get_by_label("Password (empty").fill(PASSWORD)
        found += looked_at(axe, page, f"setup-people-{name}")
        page.get_by_role("link", name="through a provider instead").click()
        page.get_by_label("Password (empty").fill(PASSWORD)
        page.get_by_label("Mail leaves through").fill("gmail")
        found += looked_at(axe, page, f"setup-provider-{name}")
        page.get_by_label("Mail leaves through").fill("")
        page.get_by_role("button", name="Set up and start").click()
        page.get_by_text("The server runs.").wait_for()
        found += looked_at(axe, page, f"setup-done-{name}")
        page.get_by_role("button", name="Finish").click()
        page.get_by_role("link", name="Log in to the administration").click()
        page.get_by_label("Address").fill(f"postmaster@{DOMAIN}")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()
    assert not found, "\n".join(found)


def _dmarc() -> bytes:
    """What another server reports of the day before yesterday."""
    begins = int(time.time()) // 86_400 * 86_400 - 2 * 86_400
    row = (
        "<record><row><source_ip>192.0.2.7</source_ip><count>{}</count><policy_evaluated>"
        "<disposition>none</disposition><dkim>{}</dkim><spf>fail</spf></policy_evaluated></row>"
        f"<identifiers><header_from>{DOMAIN}</header_from></identifiers></record>"
    )
    return (
        "<feedback><report_metadata><org_name>Elsewhere</org_name><email>d@elsewhere.test</email>"
        f"<report_id>{time.time_ns()}</report_id><date_range><begin>{begins}</begin>"
        f"<end>{begins + 86_399}</end></date_range></report_metadata><policy_published>"
        f"<domain>{DOMAIN}</domain><p>none</p></policy_published>"
        f"{row.format(12, 'pass')}{row.format(5, 'fail')}</feedback>"
    ).encode()


def _tls() -> bytes:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
    policy = {"policy-type": "sts", "policy-string": [], "policy-domain": DOMAIN}
    return json.dumps(
        {
            "organization-name": "Elsewhere",
            "date-range": {
                "start-datetime": f"{day}T00:00:00Z",
                "end-datetime": f"{day}T23:59:59Z",
            },
            "contact-info": "t@elsewhere.test",
            "report-id": str(time.time_ns()),
            "policies": [
                {
                    "policy": policy,
                    "summary": {
                        "total-successful-session-count": 40,
                        "total-failure-session-count": 3,
                    },
                }
            ],
        }
    ).encode()


def test_pages_are_used_with_the_keyboard_alone(browser: Browser, house: Server) -> None:
    with closing(Window(browser, house)) as window:
        window.open("/")
        page = window.page
        page.get_by_label("Address").focus()
        page.keyboard.type(ALICE)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()
        seen = []
        for _ in range(30):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.textContent.trim()"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            if page.evaluate("document.activeElement !== document.body"):
                assert outline != "none", seen[-1]
        assert {"Overview", "Domains", "People", "Queue", "Log out"} <= set(seen)


def test_mail_is_sorted_with_keys(browser: Browser, house: Server, run: Run) -> None:
    deliver(house, run, "Sorted with keys", ALICE)
    with closing(Window(browser, house)) as window:
        window.log_in(ALICE)
        page = window.open("/mail?q=subject:sorted")
        for key, there in (("j", ""), ("e", "**moved=Archive**"), ("z", "**/mail?box=INBOX")):
            page.keyboard.press(key)
            if there:
                page.wait_for_url(there)
        page = window.open("/mail")
        page.get_by_label("All that are shown").check()
        assert page.locator(".letters td input:not(:checked)").count() == 0
        page.get_by_role("link", name="Sorted with keys").click()
        page.keyboard.press("r")
        page.get_by_role("heading", name="Reply").wait_for()
        page.keyboard.type("j")  # into the field that has the focus, and no more
        assert page.get_by_label("Message").input_value().startswith("j")

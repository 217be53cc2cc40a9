"""A window of a real browser on a server, and how a page is looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from rig.ports import HOST
from rig.server import Server
from tools import docs

from .conftest import PASSWORD

CHROMIUM: Final = "/usr/bin/chromium"
SCREENSHOTS: Final = docs.ROOT / "build" / "screenshots"
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of Debian."""
    if not Path(CHROMIUM).exists():
        pytest.fail("chromium is missing: apt-get install chromium")
    with sync_playwright() as play:
        # The sandbox of Chromium refuses to work for root.
        window = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield window
        window.close()


class Window:
    """A window on the server; what the browser complains about is a failure."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        options.setdefault("viewport", WIDE)
        self.has_script: bool = options.get("java_script_enabled", True)
        self._home = f"http://{HOST}:{server.ports['http']}"
        self._context: BrowserContext = browser.new_context(**options)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        answer = self.page.goto(self._home + path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        return self.page

    def log_in(self, address: str) -> Page:
        self.open("/")
        self.page.get_by_label("Address").fill(address)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name="Log out").wait_for()
        return self.page

    def close(self) -> None:
        self._context.close()
        assert not self.complaints


def looked_at(axe: Axe, page: Page, name: str) -> list[str]:
    """Keep a picture; what keeps people from using the page."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    found = [
        f"{name}: {one['id']}: {one['help']}: "
        + "; ".join(str(node["html"])[:120] for node in one["nodes"][:3])
        for one in axe.run(page).response["violations"]
    ]
    width = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
    if width > 0:
        found.append(f"{name}: {width} pixels wider than the window")
    return found


def wait_for_the_end(window: Window) -> None:
    """Until no job runs; without JavaScript the page is loaded again and again."""
    page, end = window.page, time.monotonic() + 120
    while page.locator("#jobs[data-live]").count():
        assert time.monotonic() < end, page.locator("#jobs").inner_text()
        if window.has_script:
            page.wait_for_timeout(200)
        else:
            page.get_by_role("link", name="Look again").click()
            page.reload()

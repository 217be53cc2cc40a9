"""From nothing to a server, page by page; and what strangers find."""

import asyncio
import contextlib
import html
import re
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.config.model import Config
from postroom.errors import Refused
from postroom.web.first_run import FirstRun
from postroom.web.render import Renderer
from postroom.web.setup import Setup, Site
from tests.fakes import Clock
from tests.web.asking import Said, ask

PASSWORD = "a-Good-one-1"


class Window:
    """A browser before the pages of a fresh install in ``folder``."""

    def __init__(
        self, folder: Path, *, is_secure: bool = False, has_service_manager: bool = False
    ) -> None:
        self.folder = folder
        self.scheme = "https" if is_secure else "http"
        self.is_handed_over = False
        hand_over = self._hand_over if has_service_manager else None
        self.file = folder / "postroom.toml"
        self.first = FirstRun(Clock())
        self.key = self.first.make_key()
        self.started: list[Config] = []
        self.refuses = ""
        self.is_finished = False
        self.cookie = ""
        self.page = ""
        self._offices = contextlib.AsyncExitStack()
        site = Site(
            file=self.file, default_data=str(folder / "data"), start=self._start,
            finish=self._finish, hand_over=hand_over, is_offline=True,
        )  # fmt: skip
        self._application = Setup(site, self.first, Renderer("here")).application()

    async def _start(self, config: Config) -> Office:
        if self.refuses:
            raise Refused(self.refuses)
        self.started.append(config)
        return await self._offices.enter_async_context(open_office(config))

    def _hand_over(self) -> None:
        self.is_handed_over = True

    def _finish(self) -> None:
        self.is_finished = True

    async def close(self) -> None:
        await self._offices.aclose()

    async def get(self, target: str = "/setup", host: str = "127.0.0.1:8025") -> Said:
        return await self._ask(target, "GET", b"", host)

    async def post(self, path: str, *, host: str = "127.0.0.1:8025", **fields: str) -> Said:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        whole = {**({"csrf": found[1]} if found else {}), **fields}
        said = await self._ask(path, "POST", urllib.parse.urlencode(whole).encode(), host)
        return await self.get() if said.status == 303 else said

    async def begin(self) -> Said:
        await self.get(f"/setup?key={self.key}")
        return await self.post("/setup", key=self.key)

    async def _ask(self, target: str, method: str, body: bytes, host: str) -> Said:
        headers = {"cookie": self.cookie} if self.cookie else {}
        said = await ask(
            self._application, target, host=host, method=method, body=body, headers=headers,
            scheme=self.scheme,
        )  # fmt: skip
        if cookie := said.headers.get("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        self.page = said.body.decode()
        return said

    @property
    def text(self) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())


Story = Callable[[Window], Awaitable[None]]


def tell(
    folder: Path, story: Story, *, is_secure: bool = False, has_service_manager: bool = False
) -> None:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Window]:
        window = Window(folder, is_secure=is_secure, has_service_manager=has_service_manager)
        try:
            yield window
        finally:
            await window.close()

    async def inside() -> None:
        async with opened() as window:
            await story(window)

    asyncio.run(inside())


async def people(window: Window, **changes: str) -> Said:
    fields = {"admin": "me@demo.test", "password": PASSWORD, **changes}
    return await window.post("/setup/people", **fields)


def test_from_nothing_to_a_server_that_runs(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        await window.get(f"/setup?key={window.key}")
        assert "It works once" in window.text
        assert "1 of 3" in (await window.begin()).body.decode()
        await window.post("/setup/place", domain="Demo.test")
        assert "Set up demo.test: 2 of 3" in window.text
        assert "disk" in window.text  # what was measured
        assert not window.file.exists()
        await people(window)
        assert "demo.test is set up: 3 of 3" in window.text
        assert "The server runs." in window.text
        assert "10 mail.demo.test." in window.text
        assert "/mobileconfig?email=me@demo.test" in window.page
        (config,) = window.started
        assert (config.hostname, config.acme.accept_terms) == ("mail.demo.test", False)
        assert config == load(window.file)
        assert PASSWORD not in window.file.read_text() + window.page
        qr = await window.get("/setup/qr.svg")
        assert b"<svg" in qr.body
        await window.get()
        await window.post("/setup/finish")
        assert "These pages are gone" in window.text
        assert window.is_finished
        assert (await window.get()).status == 404

    tell(tmp_path, story)


def test_strangers_find_nothing(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        targets = ("/setup", "/setup?key=", "/setup?key=x", "/setup/qr.svg", "/", "/admin")
        for target in targets:
            assert (await window.get(target)).status == 404
        for path in ("place", "people", "start", "letter", "finish"):
            assert (await window.post(f"/setup/{path}", domain="evil.test")).status == 404
        assert (await window.post("/setup", key="x")).status == 404
        assert not window.file.exists()
        await window.begin()
        mine, window.cookie = window.cookie, ""
        for cookie in ("", "postroom-setup=x"):  # the key is used: a second one is not let in
            window.cookie = cookie
            assert (await window.get(f"/setup?key={window.key}")).status == 404
            assert (await window.post("/setup", key=window.key)).status == 404
        window.cookie = mine
        assert (await window.get()).status == 200

    tell(tmp_path, story)


def test_names_pointed_here_by_others_are_not_answered(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        said = await window.get(f"/setup?key={window.key}", host="evil.test")
        assert said.status == 421
        assert (await window.get(f"/setup?key={window.key}", host="localhost")).status == 200

    tell(tmp_path, story)

    async def elsewhere(window: Window) -> None:
        said = await window.get(f"/setup?key={window.key}", host="192.0.2.1:8443")
        assert said.status == 200
        said = await window._ask("/setup", "POST", f"key={window.key}".encode(), "192.0.2.1")
        assert "secure" in said.headers["set-cookie"].lower()
        assert "httponly" in said.headers["set-cookie"].lower()

    tell(tmp_path, elsewhere, is_secure=True)


def test_forms_of_other_pages_are_refused(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        await window.begin()
        said = await window.post("/setup/place", csrf="0" * 32, domain="demo.test")
        assert said.status == 403
        assert "1 of 3" in window.text
        said = await ask(
            window._application, "/setup/place", host="127.0.0.1", method="POST",
            body=b"domain=demo.test", headers={"cookie": window.cookie, "origin": "https://evil"},
        )  # fmt: skip
        assert said.status == 403

    tell(tmp_path, story)


def test_what_is_wrong_is_told_on_the_page_and_nothing_is_made(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        await window.begin()
        for domain in ("", "a b", "x" * 300):
            assert (await window.post("/setup/place", domain=domain)).status == 400
        assert (await window.post("/setup/place", domain="demo.test", hostname="-")).status == 400
        await window.post("/setup/place", domain="demo.test")
        for wrong, words in (
            ({"admin": "me@other.test"}, "is not in demo.test"),
            ({"relay": "nobody"}, "nobody"),
            ({"relay": "amazon-ses", "relay_login": "u"}, "amazon-ses:REGION"),
            ({"password": "demo.test"}, "would be guessed"),
            ({"relay": "gmail"}, "only with a login and a password"),
        ):
            assert (await people(window, **wrong)).status == 400
            assert words in window.text
        assert not window.file.exists()

    tell(tmp_path, story)


def test_it_goes_on_where_it_was_left_and_destroys_nothing(tmp_path: Path) -> None:
    (tmp_path / "postroom.toml").write_text('hostname = "mx.demo.test"\ndata = "data"\n')

    async def first(window: Window) -> None:
        await window.begin()
        assert "The server is called mx.demo.test" in window.text
        await window.post("/setup/place", domain="demo.test", hostname="ignored.test")
        window.refuses = "port 25 is taken"
        await people(window)
        assert "The server does not run: port 25 is taken" in window.text
        await window.post("/setup/letter")
        assert "does not run yet" in window.text
        window.refuses = ""
        await window.get()
        await window.post("/setup/start")
        assert "The server runs." in window.text
        await window.post("/setup/letter")
        assert "nobody answers" in window.text  # this start opens no door

    before = (tmp_path / "postroom.toml").read_text()
    tell(tmp_path, first)

    async def second(window: Window) -> None:
        await window.begin()
        assert "demo.test is set up: 3 of 3" in window.text
        assert "me@demo.test" in window.text

    tell(tmp_path, second)
    assert (tmp_path / "postroom.toml").read_text() == before


def test_the_service_manager_takes_over_where_there_is_one(tmp_path: Path) -> None:
    async def story(window: Window, **fields: str) -> None:
        await window.begin()
        await window.post("/setup/place", domain="demo.test")
        await people(window)
        assert ("Finish without systemd" in window.text) is bool(fields)
        await window.post("/setup/finish", **(fields or {"service": "on"}))
        assert window.is_finished

    async def wanted(window: Window) -> None:
        await story(window, service="on")
        assert window.is_handed_over
        assert "systemd runs the server in a moment" in window.text

    async def not_wanted(window: Window) -> None:
        await story(window, nothing="")
        assert not window.is_handed_over
        assert "in the terminal where it was started" in window.text

    async def without(window: Window) -> None:
        await story(window)
        assert not window.is_handed_over

    tell(tmp_path / "1", wanted, has_service_manager=True)
    tell(tmp_path / "2", not_wanted, has_service_manager=True)
    tell(tmp_path / "3", without)


def test_a_relay_is_chosen(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        await window.begin()
        await window.post("/setup/place", domain="demo.test")
        await people(
            window, relay="gmail", relay_login="me@gmail.com", relay_password="secret-App-1"
        )
        assert "relay smtp.gmail.com for everything" in window.text
        assert "secret-App-1" not in window.page

    tell(tmp_path, story)


def test_settings_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    async def story(window: Window) -> None:
        window.file.write_text("hostnam = 1\n")
        said = await window.begin()
        assert said.status == 500
        assert "hostnam" in window.text

    tell(tmp_path, story)

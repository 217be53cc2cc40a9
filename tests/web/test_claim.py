"""Who may set up a server that runs: by which address, for how long."""

import asyncio
import contextlib
import datetime as dt
import re
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from postroom.admin import accounts, domains, letter_test, setup
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.ldap import Ldap
from postroom.config.model import Config, Listen
from postroom.db.open import now_ms
from postroom.net.tls import Certificates
from postroom.web.claim import Claim, Gate
from tests.directory.keys import quick
from tests.web.asking import Said, ask

HTTP = Listen(protocol="http", address="127.0.0.1", port=80)
PUBLIC = Listen(protocol="http", address="", port=80)
HTTPS = Listen(protocol="https", address="203.0.113.5", port=443)
PASSWORD = "a-Good-one-1"


async def others(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What a server answers besides."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Waiting:
    """A server that waits for its owner, and its console."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.console: list[str] = []
        now = dt.datetime.fromtimestamp(now_ms() / 1000, dt.UTC)
        certificates = Certificates("mail.demo.test", office.config.folder, now=now)
        self.claim = Claim(office, certificates, self._show)
        self._shown = asyncio.Event()
        self.cookie = ""
        self.page = ""

    async def offer(self, *gates: Gate) -> asyncio.Task[None]:
        """Begin to offer; once it stands on the console."""
        task = asyncio.create_task(self.claim.run(gates or [Gate(HTTP, 8080)]))
        await self._shown.wait()
        return task

    def _show(self, text: str) -> None:
        self.console.append(text)
        self._shown.set()

    @property
    def key(self) -> str:
        return str(re.findall(r"key=(\S+)", self.console[-1])[0])

    async def get(self, target: str, listen: Listen = HTTP, *, host: str = "localhost") -> Said:
        return await self._ask(target, listen, host=host)

    async def post(self, path: str, **fields: str) -> int:
        """The status; where it leads elsewhere, the page there is read."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        whole = {**({"csrf": found[1]} if found else {}), **fields}
        said = await self._ask(path, HTTP, method="POST", body=urllib.parse.urlencode(whole))
        if said.status == 303:
            await self.get("/setup")
        return said.status

    async def _ask(
        self,
        target: str,
        listen: Listen,
        *,
        host: str = "localhost",
        method: str = "GET",
        body: str = "",
    ) -> Said:
        said = await ask(
            self.claim.before(others, listen), target, host=host, method=method,
            body=body.encode(), headers={"cookie": self.cookie},
            scheme="https" if listen.is_implicit_tls else "http",
        )  # fmt: skip
        if cookie := said.headers.get("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        self.page = said.body.decode()
        return said


def tell(
    data: Path, story: Callable[[Waiting], Awaitable[None]], *, ldap: Ldap | None = None
) -> None:
    config = Config(hostname="mail.demo.test", data=str(data), ldap=ldap or Ldap())

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Waiting]:
        async with open_office(config) as office:
            yield Waiting(office)

    async def inside() -> None:
        async with opened() as waiting:
            await story(waiting)

    asyncio.run(inside())


def test_the_owner_sets_it_up_and_the_pages_are_gone(data: Path) -> None:
    async def story(waiting: Waiting) -> None:
        task = await waiting.offer()
        assert (await waiting.get(f"/setup?key={waiting.key}")).status == 200
        assert await waiting.post("/setup", key=waiting.key) == 303
        assert "The server is called mail.demo.test" in waiting.page
        await waiting.post("/setup/place", domain="demo.test")
        await waiting.post("/setup/people", admin="me@demo.test", password=PASSWORD, again=PASSWORD)
        assert "The server runs." in waiting.page  # though there is an account by now
        assert (await waiting.get("/")).status == 418
        await waiting.get("/setup")
        assert await letter_test.recipient(waiting.office) == "me@demo.test"  # an admin
        assert await waiting.post("/setup/finish") == 200
        assert '<a href="/">' in waiting.page
        await task
        assert (await waiting.get("/setup")).status == 418

    tell(data, story)


def test_strangers_find_nothing_and_are_not_let_through(data: Path) -> None:
    async def story(waiting: Waiting) -> None:
        task = await waiting.offer()
        for target in ("/setup", "/setup?key=", f"/setup?key={waiting.key}x", "/setup/qr.svg"):
            assert (await waiting.get(target)).status == 404
        for path in ("", "/place", "/people", "/finish"):
            assert await waiting.post(f"/setup{path}", key="x", domain="evil.test") == 404
        for target in ("/setups", "/healthz", "/login"):
            assert (await waiting.get(target)).status == 418
        home = await waiting.get("/")
        assert b"stands on its console" in home.body
        assert b"key=" not in home.body
        assert (await waiting.get("/", PUBLIC)).status == 418
        assert await setup.is_unowned(waiting.office)
        task.cancel()

    tell(data, story)


def test_in_clear_it_is_for_this_machine_only(data: Path) -> None:
    async def story(waiting: Waiting) -> None:
        task = await waiting.offer(Gate(PUBLIC, 80), Gate(HTTP, 8080), Gate(HTTPS, 443))
        assert "http://127.0.0.1:8080/setup?key=" in waiting.console[0]
        assert "https://203.0.113.5/setup?key=" in waiting.console[0]
        assert waiting.console[0].count("key=") == 2
        assert re.search(r"^([0-9A-F]{2}:){31}[0-9A-F]{2}$", waiting.console[0], re.MULTILINE)
        target = f"/setup?key={waiting.key}"
        assert (await waiting.get(target, PUBLIC)).status == 418
        assert (await waiting.get(target, HTTP, host="evil.test")).status == 421
        assert (await waiting.get(target, HTTPS, host="203.0.113.5")).status == 200
        task.cancel()

    tell(data, story)


def test_where_no_browser_gets_the_command_is_told(data: Path) -> None:
    async def story(waiting: Waiting) -> None:
        await (await waiting.offer(Gate(PUBLIC, 80)))
        assert "postroom setup" in waiting.console[0]
        assert "key=" not in waiting.console[0]

    tell(data, story)


def test_an_account_that_came_another_way_ends_it(data: Path) -> None:
    async def story(waiting: Waiting) -> None:
        task = await waiting.offer()
        await domains.add(waiting.office, "demo.test", generate=quick)
        await accounts.add(waiting.office, "me@demo.test", password=PASSWORD)
        assert (await waiting.get(f"/setup?key={waiting.key}")).status == 418
        await task

    tell(data, story)


@pytest.mark.parametrize(("url", "is_unowned"), [(None, True), ("ldap://127.0.0.1:9", False)])
def test_people_of_a_directory_server_own_it(data: Path, url: str | None, is_unowned: bool) -> None:
    async def story(waiting: Waiting) -> None:
        assert await setup.is_unowned(waiting.office) is is_unowned

    tell(data, story, ldap=Ldap(url=url, base="dc=test", start_tls=False))

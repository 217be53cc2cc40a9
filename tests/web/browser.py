"""A browser against a whole application: keeps the cookie, follows to where it is sent, fills in
forms with the word they carry."""

import asyncio
import datetime as dt
import html
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from postroom.access.login import Login
from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.config.model import Config, Dns, Listen
from postroom.directory.login import Outside
from postroom.net.dns import Resolver
from postroom.net.tls import Certificates
from postroom.policy.logins import Logins
from postroom.web import administration
from postroom.web.api.call import Services
from postroom.web.application import application, behind
from postroom.web.desk import COOKIE
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.asking import Said, ask
from tests.web.receiving import intake_of
from tests.web.test_health import gauges, well

ADMIN, PERSON = "root@demo.test", "bob@demo.test"
PASSWORD = "a-Good-one-1"
HTTPS = Listen(protocol="https", port=443)
CONFIG = Config(
    hostname="mx.demo.test",
    dns=Dns(public_addresses=("192.0.2.5",)),
    listen=(Listen(protocol="imaps", port=993), Listen(protocol="submissions", port=465), HTTPS),
)


class Browser:
    """One person's window."""

    def __init__(self, application: ASGIApp, routes: Sequence[BaseRoute], logins: Logins) -> None:
        self._application = application
        self.routes = routes
        self.logins = logins  # of all windows
        self.cookie = ""  # of the session
        self.jar: dict[str, str] = {}  # all others
        self.page = ""

    async def get(self, target: str, **headers: str) -> Said:
        """Look at a page."""
        return await self._ask(target, "GET", b"", headers)

    async def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Said:
        """Send a form with the word of the page that was seen last."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        whole = {**({"csrf": found[1]} if found else {}), **fields}
        return await self._ask(path, "POST", urllib.parse.urlencode(whole).encode(), headers)

    async def upload(
        self,
        path: str,
        fields: Mapping[str, str],
        name: str,
        octets: bytes,
        *,
        csrf: str | None = "",
        is_file_first: bool = False,
        cut: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """Send a form with a file as a browser does; ``csrf`` "" is the word of the page.

        Without its last ``cut`` octets.
        """
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        word = found[1] if found and csrf == "" else csrf
        given = {**({"csrf": word} if word else {}), **fields}
        parts = [f'name="{key}"\r\n\r\n{value}'.encode() for key, value in given.items()]
        file = f'name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'.encode()
        parts.insert(0 if is_file_first else len(parts), file + octets)
        body = b"".join(
            b"--xyz\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts
        )
        body += b"--xyz--\r\n"
        whole = {"content_type": "multipart/form-data; boundary=xyz", **(headers or {})}
        return await self._ask(path, "POST", body[: len(body) - cut], whole)

    async def log_in(self, address: str, password: str = PASSWORD) -> Said:
        """Through the form at /."""
        await self.get("/")
        return await self.post("/", {"address": address, "password": password})

    async def _ask(self, target: str, method: str, body: bytes, headers: Mapping[str, str]) -> Said:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        jar = [f"{name}={value}" for name, value in self.jar.items()]
        if self.cookie or jar:
            more["cookie"] = "; ".join([self.cookie, *jar] if self.cookie else jar)
        said = await ask(
            self._application, target, host="mx.demo.test", method=method, body=body, headers=more
        )
        for cookie in said.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if name == COOKIE:
                self.cookie = f"{name}={value}"
            else:
                self.jar[name] = value
        self.page = said.body.decode("utf-8", "replace")
        return said

    def another(self) -> "Browser":
        """The window of somebody else."""
        return Browser(self._application, self.routes, self.logins)

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())


Story = Callable[[Browser, Office, Clock], Awaitable[None]]


def tell(
    database: Opener,
    data: Path,
    story: Story,
    *,
    logged_in: str = ADMIN,
    config: Config = CONFIG,
    outside: Outside | None = None,
    names: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> None:
    """Run a story with an administrator and a person, one of them logged in ("": nobody)."""

    async def inside() -> None:
        clock = Clock()
        async with (
            offices(database, data, clock, outside)() as opened,
            DnsServer(names or {}) as server,
        ):
            office = configured(opened, config)
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, ADMIN, password=PASSWORD, admin=True)
            await accounts.add(office, PERSON, password=PASSWORD, name="Bob <b>")
            certificates = Certificates(
                "mx.demo.test", data, now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
            )
            resolver = Resolver([server.address])

            async def no_pause(_seconds: float) -> None:
                return

            logins = Logins()
            login = Login(office.directory, clock, no_pause, logins=logins)
            services = Services(office, resolver, login, intake_of(office))
            whole = application(
                services,
                certificates,
                check=well,
                counts=dict,
                gauges=gauges,
            )
            routes = administration.routes(services)
            browser = Browser(behind(HTTPS, whole, office), routes, logins)
            if logged_in:
                await browser.log_in(logged_in)
            await story(browser, office, clock)
            await resolver.close()

    asyncio.run(inside())

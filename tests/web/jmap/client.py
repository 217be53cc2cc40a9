"""A mail program that speaks JMAP to a whole application.

``tell`` runs a story with demo.test, alice and bob; the client is alice's. ``call`` sends one
method and gives its arguments back, ``ask`` a whole request.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.types import ASGIApp

from postroom.access.login import Login, Tokens
from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.config.model import Config, Dns, Listen
from postroom.net.dns import Resolver
from postroom.net.tls import Certificates
from postroom.web.api.call import Services
from postroom.web.application import application, behind
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.asking import Said, ask
from tests.web.receiving import intake_of
from tests.web.test_health import gauges, well

ALICE, BOB = "alice@demo.test", "bob@demo.test"
PASSWORD = "a-Good-one-1"
HTTPS = Listen(protocol="https", port=443)
CONFIG = Config(hostname="mx.demo.test", dns=Dns(public_addresses=("192.0.2.5",)), listen=(HTTPS,))
CORE = "urn:ietf:params:jmap:core"
ERROR = "urn:ietf:params:jmap:error:"


class Answer(NamedTuple):
    """What came back over HTTP; ``body`` is the JSON, None for other kinds."""

    status: int
    body: Any
    said: Said

    @property
    def problem(self) -> str:
        """The last word of a problem's type."""
        assert self.said.headers["content-type"] == "application/problem+json"
        assert self.body["status"] == self.status
        assert self.body["detail"]
        return str(self.body["type"]).removeprefix(ERROR)


class Client:
    """One person's mail program."""

    def __init__(self, application: ASGIApp, services: Services, clock: Clock) -> None:
        self.application, self.services, self.clock = application, services, clock
        self.authorization = ""
        self.session: dict[str, Any] = {}
        self.using: list[str] = []

    @property
    def office(self) -> Office:
        """What ``admin`` works on."""
        return self.services.office

    @property
    def account(self) -> str:
        """The id of the person's own account."""
        return str(self.session["primaryAccounts"][CORE])

    def identify(self, address: str, password: str = PASSWORD) -> None:
        """Send these from here on."""
        pair = base64.b64encode(f"{address}:{password}".encode()).decode()
        self.authorization = f"Basic {pair}"

    async def log_in(self, address: str, password: str = PASSWORD) -> None:
        """Send these from here on, and read the session; everything it can do is used."""
        self.identify(address, password)
        found = await self.http("GET", "/.well-known/jmap")
        assert found.status == 200, found
        self.session = found.body
        self.using = list(self.session["capabilities"])

    async def another(self, address: str, password: str = PASSWORD) -> "Client":
        """The program of somebody else."""
        made = Client(self.application, self.services, self.clock)
        await made.log_in(address, password)
        return made

    async def http(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        client: str = "127.0.0.1",
        scheme: str = "https",
    ) -> Answer:
        """One HTTP request; ``body`` goes as JSON, ``raw`` as it is."""
        fields = {"authorization": self.authorization} if self.authorization else {}
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None and method == "POST":
            fields["content-type"] = "application/json"
        said = await ask(
            self.application,
            target,
            host="mx.demo.test",
            method=method,
            body=raw or b"",
            client=client,
            headers={**fields, **(headers or {})},
            scheme=scheme,
        )
        is_json = said.headers.get("content-type", "").endswith("json")
        is_json = is_json and not (said.status == 200 and target.startswith("/jmap/download"))
        return Answer(said.status, json.loads(said.body) if is_json and said.body else None, said)

    async def ask(self, calls: list[Any], **more: Any) -> Any:
        """A request that is answered; the response object."""
        answer = await self.http(
            "POST", "/jmap/api", {"using": self.using, "methodCalls": calls, **more}
        )
        assert answer.status == 200, answer.said.body
        return answer.body

    async def responses(self, *calls: list[Any]) -> list[list[Any]]:
        """The responses to several calls, which get the ids "0", "1", ..."""
        numbered = [[*call, str(at)] for at, call in enumerate(calls)]
        return list((await self.ask(numbered))["methodResponses"])

    async def call(self, name: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """One method in one's own account (unless told otherwise); it succeeds."""
        (found,) = await self.responses(
            [name, {"accountId": self.account, **(arguments or {}), **more}]
        )
        assert found[0] == name, found
        return found[1]

    async def fails(
        self, name: str, arguments: Mapping[str, Any] | None = None, **more: Any
    ) -> Any:
        """The same, but it comes to nothing: the error."""
        (found,) = await self.responses(
            [name, {"accountId": self.account, **(arguments or {}), **more}]
        )
        assert found[0] == "error", found
        return found[1]


Story = Callable[[Client], Awaitable[None]]


@contextlib.asynccontextmanager
async def clients(
    database: Opener, data: Path, *, config: Config = CONFIG, tokens: Tokens | None = None
) -> AsyncIterator[Client]:
    """A client that nobody has logged in with, and the application that it talks to."""
    clock = Clock()
    async with offices(database, data, clock)() as opened, DnsServer({}) as server:
        office = configured(opened, config)
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, ALICE, password=PASSWORD, name="Alice")
        await accounts.add(office, BOB, password=PASSWORD, name="Bob")
        certificates = Certificates(
            "mx.demo.test", data, now=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
        )
        resolver = Resolver([server.address])

        async def no_pause(_seconds: float) -> None:
            return

        login = Login(office.directory, clock, no_pause, tokens=tokens)
        services = Services(office, resolver, login, intake_of(office))
        whole = application(services, certificates, check=well, counts=dict, gauges=gauges)
        yield Client(behind(HTTPS, whole, office), services, clock)
        await resolver.close()


def tell(
    database: Opener,
    data: Path,
    story: Story,
    *,
    logged_in: str = ALICE,
    config: Config = CONFIG,
    tokens: Tokens | None = None,
) -> None:
    """Run a story; ``logged_in`` is who uses the client first ("": nobody)."""

    async def inside() -> None:
        async with clients(database, data, config=config, tokens=tokens) as client:
            if logged_in:
                await client.log_in(logged_in)
            await story(client)

    asyncio.run(inside())

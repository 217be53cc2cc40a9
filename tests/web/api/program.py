"""A program that uses the API of a whole application, with a token."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from starlette.applications import Starlette

from postroom.access.login import Login
from postroom.admin import accounts, api_tokens, domains
from postroom.config.api import Api
from postroom.config.model import Config, Dns
from postroom.net.dns import Resolver
from postroom.web.api.call import Services
from postroom.web.api.routes import routes
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.asking import Said, ask
from tests.web.receiving import intake_of

ADMIN, BOB = "root@demo.test", "bob@demo.test"
PASSWORD = "a-Good-one-1"
CONFIG = Config(hostname="mx.demo.test", dns=Dns(public_addresses=("192.0.2.5",)))


class Answer(NamedTuple):
    """What came back; ``body`` is the JSON, None without any."""

    status: int
    body: Any
    said: Said

    @property
    def kind(self) -> str:
        """The last word of a problem's type."""
        assert self.said.headers["content-type"] == "application/problem+json"
        assert self.body["status"] == self.status
        return str(self.body["type"]).removeprefix("urn:postroom:problem:")


class Program:
    """Calls with the token of the moment."""

    def __init__(self, application: Starlette, services: Services, clock: Clock) -> None:
        self.services, self.office, self.clock = services, services.office, clock
        self.application = application
        self.token = ""

    async def use(
        self, *scopes: str, domain: str | None = None, account: str | None = None
    ) -> None:
        """Go on with a new token."""
        name = f"t{self.office.ids.next()}"
        made = await api_tokens.add(self.office, name, scopes, domain=domain, account=account)
        self.token = made.token

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        client: str = "127.0.0.1",
    ) -> Answer:
        """One call; ``path`` is what follows ``/api/v1``."""
        fields = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            fields["content-type"] = "application/json"
            raw = json.dumps(body).encode()
        said = await ask(
            self.application,
            f"/api/v1{path}",
            method=method,
            body=raw or b"",
            client=client,
            headers={**fields, **(headers or {})},
        )
        return Answer(said.status, json.loads(said.body) if said.body else None, said)

    async def does(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of a call that succeeds."""
        answer = await self(method, path, body)
        assert answer.status < 300, answer.said.body
        return answer.body


Story = Callable[[Program], Awaitable[None]]


def tell(
    database: Opener,
    data: Path,
    story: Story,
    *,
    scopes: Sequence[str] = ("admin",),
    api: Api | None = None,
) -> None:
    """Run a story with demo.test, an administrator and bob, and a token with these scopes."""

    async def inside() -> None:
        clock = Clock()
        async with offices(database, data, clock)() as opened, DnsServer({}) as server:
            config = Config(hostname=CONFIG.hostname, dns=CONFIG.dns, api=api or Api())
            office = configured(opened, config)
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, ADMIN, password=PASSWORD, admin=True)
            await accounts.add(office, BOB, password=PASSWORD, name="Bob")
            resolver = Resolver([server.address])

            async def no_pause(_seconds: float) -> None:
                return

            login = Login(office.directory, clock, no_pause)
            services = Services(office, resolver, login, intake_of(office))
            program = Program(Starlette(routes=routes(services)), services, clock)
            if scopes:
                await program.use(*scopes)
            await story(program)
            await resolver.close()

    asyncio.run(inside())

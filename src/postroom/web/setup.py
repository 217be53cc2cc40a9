"""Setting a server up in the browser: the questions, facts and steps of ``postroom setup``.

It is served alone, before there is an administrator, and only to whoever has the key from the
console (``first_run``); everybody else finds nothing here. Each page follows from what is there,
so that it goes on where it was left. Works without JavaScript.
"""

import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.admin import facts, letter_test, setup
from postroom.admin.dns import table
from postroom.admin.facts import Fact, Reach
from postroom.admin.letter_test import LetterTest
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.outgoing import presets
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.setup import Done, Wish
from postroom.config.load import load
from postroom.config.model import Config
from postroom.errors import Invalid, MailError, Refused
from postroom.net.dns import Resolver
from postroom.web import static
from postroom.web.desk import Forbidden, TooLarge, form
from postroom.web.first_run import COOKIE, FirstRun
from postroom.web.hosts import LOOPBACK, name_of
from postroom.web.render import HEADERS, Renderer

LETTER_SECONDS: Final = 20.0  # that a browser waits for a message outside

Start = Callable[[Config], Awaitable[Office]]
Act = Callable[[Mapping[str, str]], Awaitable[Response]]


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What setting up works on: either a server that runs, or the file of one to be made.

    ``office`` is that of a server that runs. Else ``start`` starts the one of ``file`` and returns
    its office; it raises Refused. ``finish`` takes these pages away. ``hand_over`` lets the service
    manager run the server after that; None where there is none. ``is_offline``: nothing outside
    this machine is measured.
    """

    file: Path | None
    default_data: str
    finish: Callable[[], None]
    start: Start | None = None
    hand_over: Callable[[], None] | None = None
    office: Office | None = None
    is_offline: bool = False


class Setup:
    """The pages of one setting up, from the first form to what is left to do."""

    def __init__(self, site: Site, first_run: FirstRun, renderer: Renderer) -> None:
        self._site = site
        self._first = first_run
        self._renderer = renderer
        self._domain = ""
        self._hostname = ""
        self._admin = ""
        self._facts: Sequence[Fact] = ()
        self._done: Sequence[Done] = ()
        self._letters: Sequence[LetterTest] = ()
        self._office = site.office
        self._trouble = ""

    def application(self) -> ASGIApp:
        """All that is served."""
        paths: Mapping[str, Act] = {
            "/setup/place": self._place,
            "/setup/people": self._people,
            "/setup/start": self._again,
            "/setup/letter": self._letter,
            "/setup/finish": self._finish,
        }
        routes = [
            Route("/setup", self._show, methods=["GET"]),
            Route("/setup", self._enter, methods=["POST"]),
            Route("/setup/qr.svg", self._qr, methods=["GET"]),
            *(Route(path, self._guarded(act), methods=["POST"]) for path, act in paths.items()),
            *static.routes(),
        ]
        return _OwnHosts(Starlette(routes=routes))

    # Who is there

    def _is_known(self, request: Request) -> bool:
        return self._first.knows(request.cookies.get(COOKIE, ""))

    async def _enter(self, request: Request) -> Response:
        """The key opens the session; a page that is only looked at does not use it up."""
        secret = None
        with contextlib.suppress(Forbidden, TooLarge):
            secret = self._first.open((await form(request, None)).get("key", ""))
        if secret is None:
            return _nothing()
        response = RedirectResponse("/setup", 303)
        response.set_cookie(
            COOKIE,
            secret,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            path="/setup",
        )
        return response

    def _guarded(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not self._is_known(request):
                return _nothing()
            try:
                return await act(await self._form(request))
            except Forbidden as error:
                return await self._page(str(error), status=403)
            except TooLarge:
                return await self._page("The form is too large.", status=413)
            except (Refused, MailError) as error:
                text = error.text if isinstance(error, MailError) else str(error)
                return await self._page(text, status=400)

        return endpoint

    async def _form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form that comes from one of our pages. Raises Forbidden, TooLarge."""
        fields = await form(request, None)
        if not self._first.is_word(fields.get("csrf", "")):
            raise Forbidden("The page was old: load it again.")
        return fields

    # Pages

    async def _show(self, request: Request) -> Response:
        if self._is_known(request):
            return await self._page(is_check="check" in request.query_params)
        key = request.query_params.get("key", "")
        if self._first.fits(key):
            return self._renderer.page("setup_key.html", visitor=None, key=key)
        return _nothing()

    async def _page(
        self, problem: str = "", *, status: int = 200, is_check: bool = False
    ) -> Response:
        """The page for what is there, or what is wrong with that."""
        try:
            return await self._current(problem, status=status, is_check=is_check)
        except (Refused, MailError) as error:
            return self._renderer.page(
                "message.html", status=500, visitor=None, title="", text=str(error), before=""
            )

    async def _current(self, problem: str, *, status: int, is_check: bool) -> Response:
        config = self._config()
        await self._recall(config)
        page = partial(
            self._renderer.page, status=status, visitor=None, csrf=self._first.word, problem=problem
        )
        if not self._domain:
            return page("setup_place.html", hostname_set=config.hostname if config else "")
        if config is None or not self._admin:
            return page(
                "setup_people.html", domain=self._domain, facts=self._facts,
                is_blocked=facts.is_blocked(self._facts), presets=presets.every(),
                asks_certificates=config is None,
            )  # fmt: skip
        async with self._opened(config) as (office, resolver):
            look = table.check if is_check else table.records
            rows = await look(office, self._domain, resolver=resolver)
        return page(
            "setup_done.html", domain=self._domain, admin=self._admin, rows=rows,
            is_check=is_check, done=self._done, letters=self._letters, host=config.hostname,
            trouble=self._trouble, is_running=self._office is not None,
            is_here_to_stay=self._site.start is None,
            may_hand_over=self._site.hand_over is not None and self._office is not None,
        )  # fmt: skip

    async def _qr(self, request: Request) -> Response:
        """For a phone: where its settings are."""
        config = self._config()
        if not self._is_known(request) or config is None:
            return _nothing()
        import segno

        out = io.BytesIO()
        url = f"https://{config.hostname}/mobileconfig?email={self._admin}"
        segno.make(url, error="l").save(out, kind="svg", scale=5, border=3, light="#fff")
        return Response(out.getvalue(), media_type="image/svg+xml", headers=HEADERS)

    # Forms

    async def _place(self, fields: Mapping[str, str]) -> Response:
        """Domain and name of the server; then what can be measured is."""
        config = self._config()
        domain = setup.mail_domain(fields.get("domain", ""))
        wanted = fields.get("hostname", "").strip() or setup.default_hostname(domain)
        hostname = config.hostname if config else setup.host_name(wanted)
        self._facts = await self._measured(domain, hostname, config)
        self._domain, self._hostname = domain, hostname
        return RedirectResponse("/setup", 303)

    async def _people(self, fields: Mapping[str, str]) -> Response:
        """The admin, and what else is to be decided; then everything is made and started."""
        config = self._config()
        wanted = fields.get("admin", "").strip() or f"postmaster@{self._domain}"
        admin = setup.admin_address(wanted, self._domain)
        password = fields.get("password", "")
        if not password:
            raise Invalid("choose a password")
        if password != fields.get("again"):
            raise Invalid("the two passwords are not the same")
        wish = Wish(
            domain=self._domain,
            hostname=config.hostname if config else self._hostname,
            data=config.data if config else self._site.default_data,
            admin=admin,
            password=password,
            wants_certificates=config is None and "certificates" in fields,
            relay=_relay(fields),
            web_port=facts.inner_web_port(self._facts) if config is None else None,
        )
        with contextlib.ExitStack() as closing:
            written = []
            if self._site.file is not None:
                written.append(closing.enter_context(setup.settings(self._site.file, wish)))
                config = self._config()
            if config is None:  # taken away in this very moment
                raise Refused("the settings are gone: begin again")
            async with self._opened(config) as (office, _resolver):
                self._done = [*written, *await setup.furnish(office, wish)]
        self._admin = admin
        await self._start(config)
        return RedirectResponse("/setup", 303)

    async def _again(self, _fields: Mapping[str, str]) -> Response:
        config = self._config()
        if config is not None and self._admin:
            await self._start(config)
        return RedirectResponse("/setup", 303)

    async def _letter(self, fields: Mapping[str, str]) -> Response:
        office = self._office
        if office is None:
            raise Refused("the server does not run yet")
        letters = [await letter_test.come_in(office, self._admin)]
        if to := fields.get("to", "").strip():
            letters.append(
                await letter_test.go_out(office, self._admin, to, seconds=LETTER_SECONDS)
            )
        self._letters = letters
        return RedirectResponse("/setup", 303)

    async def _finish(self, fields: Mapping[str, str]) -> Response:
        config, hand_over = self._config(), self._site.hand_over
        is_handed_over = hand_over is not None and "service" in fields
        if hand_over is not None and is_handed_over:
            hand_over()
        self._first.close()
        self._site.finish()
        return self._renderer.page(
            "setup_end.html", visitor=None, host=config.hostname if config else "",
            is_here_to_stay=self._site.start is None, is_handed_over=is_handed_over,
        )  # fmt: skip

    # What they work with

    def _config(self) -> Config | None:
        if self._site.office is not None:
            return self._site.office.config
        file = self._site.file
        return load(file) if file is not None and file.exists() else None

    async def _recall(self, config: Config | None) -> None:
        """What was set up before, here or by the command."""
        if config is None or (self._domain and self._admin):
            return
        async with self._opened(config) as (office, _resolver):
            known = await setup.known_domain(office)
            if known and not self._domain:
                self._facts = await self._measured(known, config.hostname, config)
                self._domain = known
            with contextlib.suppress(Refused):
                self._admin = await letter_test.recipient(office)
                if self._office is None and self._domain:
                    self._trouble = "it is not started yet"

    async def _measured(self, domain: str, hostname: str, config: Config | None) -> Sequence[Fact]:
        data = config.data if config else self._site.default_data
        place = facts.place_of(domain, hostname, data, config)
        resolver = Resolver(config.dns.servers if config else ())
        try:
            reach = Reach(resolver=resolver, is_offline=self._site.is_offline)
            return await facts.measure(place, reach)
        finally:
            await resolver.close()

    async def _start(self, config: Config) -> None:
        if self._office is not None or self._site.start is None:
            return
        self._trouble = ""
        try:
            self._office = await self._site.start(config)
        except (Refused, MailError, OSError) as error:
            self._trouble = str(error)

    @contextlib.asynccontextmanager
    async def _opened(self, config: Config) -> AsyncIterator[tuple[Office, Resolver]]:
        """The office of the server that runs, else one of our own."""
        async with contextlib.AsyncExitStack() as closing:
            office = self._office
            if office is None:
                office = await closing.enter_async_context(open_office(config))
            resolver = Resolver(config.dns.servers)
            closing.push_async_callback(resolver.close)
            yield office, resolver


class _OwnHosts:
    """Without TLS, so on loopback, only requests in its name are answered (DNS rebinding)."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("scheme") != "https":
            headers = dict(scope["headers"])
            if name_of(headers.get(b"host", b"").decode("latin-1")) not in LOOPBACK:
                answer = PlainTextResponse("This is not known by that name\n", status_code=421)
                await answer(scope, receive, send)
                return
        await self._application(scope, receive, send)


def _nothing() -> Response:
    return PlainTextResponse("Not Found\n", status_code=404, headers=HEADERS)


def _relay(fields: Mapping[str, str]) -> Wanted | None:
    name = fields.get("relay", "")
    if not name:
        return None
    host, login = (fields.get(one, "").strip() for one in ("relay_host", "relay_login"))
    return setup.relay(name, host=host, login=login, password=fields.get("relay_password", ""))

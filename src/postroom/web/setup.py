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

from postroom.admin import answers, credentials, facts, identity, letter_test, setup
from postroom.admin.answers import Answers
from postroom.admin.dns import table
from postroom.admin.facts import Fact, Reach
from postroom.admin.letter_test import LetterTest
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.outgoing import choice, presets
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.setup import Done, Wish
from postroom.config.load import load
from postroom.config.model import Config
from postroom.db.open import now_ms
from postroom.errors import MailError, Refused
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
    this machine is measured. ``wants_certificates``: from an authority; None: where one could issue
    them.
    """

    file: Path | None
    default_data: str
    finish: Callable[[], None]
    start: Start | None = None
    hand_over: Callable[[], None] | None = None
    office: Office | None = None
    is_offline: bool = False
    wants_certificates: bool | None = None


class Setup:
    """The pages of one setting up, from the first form to what is left to do."""

    def __init__(self, site: Site, first_run: FirstRun, renderer: Renderer) -> None:
        self._site = site
        self._first = first_run
        self._renderer = renderer
        self._domain = ""
        self._hostname = ""
        self._admin = ""
        self._made_up = ""  # a password that was made for the admin
        self._mailbox = ""  # of the admin at the provider
        self._answers = Answers() if site.file is None else answers.load(site.file)
        self._answers_domain = self._answers.domain  # of an earlier run
        self._typed = _Typed(relay=self._answers.relay, login=self._answers.login)
        self._tried: Wanted | None = None
        self._asks_provider = False
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
            return await self._page(shows=frozenset(request.query_params))
        key = request.query_params.get("key", "")
        if self._first.fits(key):
            return self._renderer.page("setup_key.html", visitor=None, key=key)
        return _nothing()

    async def _page(
        self, problem: str = "", *, status: int = 200, shows: frozenset[str] = frozenset()
    ) -> Response:
        """The page for what is there, or what is wrong with that.

        ``shows``: "check" of the DNS, another "name" for the server, a "provider".
        """
        try:
            return await self._current(problem, status=status, shows=shows)
        except (Refused, MailError) as error:
            return self._renderer.page(
                "message.html", status=500, visitor=None, title="", text=str(error), before=""
            )

    async def _current(self, problem: str, *, status: int, shows: frozenset[str]) -> Response:
        config = self._config()
        await self._recall(config)
        page = partial(
            self._renderer.page, status=status, visitor=None, csrf=self._first.word, problem=problem
        )
        if not self._domain:
            return page(
                "setup_place.html", domain=self._answers.domain, facts=await self._here(config),
                hostname_set=config.hostname if config else "",
            )  # fmt: skip
        if config is None and "name" in shows:
            return page("setup_name.html", domain=self._domain, name=self._hostname)
        if config is None or not self._admin:
            is_blocked = facts.is_blocked(self._facts)
            self._asks_provider |= is_blocked or "provider" in shows
            return page(
                "setup_people.html", domain=self._domain, facts=self._facts, name=self._hostname,
                admin=self._answers.admin or f"postmaster@{self._domain}", is_blocked=is_blocked,
                asks_provider=self._asks_provider, typed=self._typed, is_new=config is None,
                presets=[one for one in presets.every() if not one.historic],
                is_certified=self._wants_certificates(self._hostname),
            )  # fmt: skip
        is_check = "check" in shows
        async with self._opened(config) as (office, resolver):
            look = table.check if is_check else table.records
            rows = await look(office, self._domain, resolver=resolver)
        return page(
            "setup_done.html", domain=self._domain, admin=self._admin, rows=rows,
            is_check=is_check, done=self._done, letters=self._letters, host=config.hostname,
            trouble=self._trouble, is_running=self._office is not None,
            is_here_to_stay=self._site.start is None,
            may_hand_over=self._site.hand_over is not None and self._office is not None,
            made_up=self._made_up, mailbox=self._mailbox, asks_to=not self._asks_provider,
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
        """Domain, perhaps a name for the server; then what can be measured is."""
        config = self._config()
        self._remember(domain=fields.get("domain", "").strip())
        domain = setup.mail_domain(self._answers.domain)
        wanted = fields.get("hostname", "").strip()
        if wanted or domain not in {self._domain, self._answers_domain}:
            self._remember(hostname=setup.host_name(wanted) if wanted else "")
        if address := setup.address_in(self._answers.domain):
            self._remember(admin=address)
        self._remember(domain=domain)
        self._keep()
        hostname = config.hostname if config else self._answers.hostname
        self._hostname, self._facts = await self._measured(domain, hostname, config)
        self._domain = domain
        return RedirectResponse("/setup", 303)

    async def _people(self, fields: Mapping[str, str]) -> Response:
        """The admin, and a provider where it needs one; then everything is made and started."""
        config = self._config()
        typed = _typed(fields, self._typed)
        self._typed = msgspec.structs.replace(typed, password="")  # a refused one is not kept
        wanted = fields.get("admin", "").strip() or f"postmaster@{self._domain}"
        self._remember(admin=wanted, relay=typed.relay, login=typed.login)
        admin = setup.admin_address(wanted, self._domain)
        self._keep()
        if typed.password:
            credentials.require_strong(admin, typed.password)
        self._typed = typed
        relay = await self._relay(typed, config)
        made_up = "" if typed.password else credentials.random_password()
        wish = Wish(
            domain=self._domain,
            hostname=config.hostname if config else self._hostname,
            data=config.data if config else self._site.default_data,
            admin=admin,
            password=typed.password or made_up,
            wants_certificates=config is None and self._wants_certificates(self._hostname),
            relay=relay,
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
        self._admin, self._made_up, self._typed = admin, made_up, _Typed()
        if self._site.file is not None:
            answers.forget(self._site.file)
        await self._start(config)
        return RedirectResponse("/setup", 303)

    async def _relay(self, typed: "_Typed", config: Config | None) -> Wanted | None:
        """The provider that was typed, tried out. Raises Invalid, NotFound, Refused."""
        if typed.relay.lower() in {"", "none"}:
            return None
        chosen = choice.read(typed.relay)
        wanted = choice.with_login(chosen, typed.login, typed.relay_password)
        self._mailbox = chosen.mailbox(typed.login)
        if wanted == self._tried or self._site.is_offline:  # sent twice: it is meant
            return wanted
        mine = config or Config(hostname=self._hostname, data=self._site.default_data)
        trouble = await choice.trouble(mine, chosen, wanted, now_ms())
        if trouble is not None:
            self._tried = wanted
            raise Refused(
                f"{trouble.sentence}. Nothing is lost: change it, or send it again to keep it as it is."
            )
        return wanted

    def _remember(self, **given: str) -> None:
        """Show these again when a page comes back."""
        self._answers = msgspec.structs.replace(self._answers, **given)

    def _keep(self) -> None:
        """The answers for the next time, as long as this one is not through."""
        if self._site.file is not None and not self._site.file.exists():
            answers.save(self._site.file, self._answers)

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
        if to := fields.get("to", "").strip() or self._mailbox:
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
                self._hostname, self._facts = await self._measured(known, config.hostname, config)
                self._domain = known
            with contextlib.suppress(Refused):
                self._admin = await letter_test.recipient(office)
                if self._office is None and self._domain:
                    self._trouble = "it is not started yet"

    async def _here(self, config: Config | None) -> Sequence[Fact]:
        """What the machine tells by itself."""
        data = config.data if config else self._site.default_data
        async with self._reach(config) as reach:
            return facts.here(Path(data), facts.ports_of(config), reach)

    async def _measured(
        self, domain: str, hostname: str, config: Config | None
    ) -> tuple[str, Sequence[Fact]]:
        """How the server is called, and everything that can be measured."""
        data = config.data if config else self._site.default_data
        async with self._reach(config) as reach:
            name = hostname or await identity.hostname(domain, reach)
            place = facts.place_of(domain, name, data, config)
            found = await facts.measure(place, reach)
        if config is None:
            wanted = self._wants_certificates(name)
            found = [*found, identity.certificates(place, found, wanted=wanted)]
        return name, found

    def _wants_certificates(self, hostname: str) -> bool:
        wanted = self._site.wants_certificates
        return identity.may_be_certified(hostname) if wanted is None else wanted

    @contextlib.asynccontextmanager
    async def _reach(self, config: Config | None) -> AsyncIterator[Reach]:
        async with Resolver(config.dns.servers if config else ()) as resolver:
            yield Reach(resolver=resolver, is_offline=self._site.is_offline)

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
            yield office, await closing.enter_async_context(Resolver(config.dns.servers))


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


class _Typed(msgspec.Struct, frozen=True):
    """What came with the second form, so that nobody types it again."""

    password: str = ""
    relay: str = ""
    login: str = ""
    relay_password: str = ""

    def __repr__(self) -> str:
        return f"_Typed({self.relay}, {self.login})"


def _typed(fields: Mapping[str, str], before: _Typed) -> _Typed:
    """The form; a password that is not in it is the one that came before."""
    relay, login = (fields.get(one, "").strip() for one in ("relay", "relay_login"))
    is_same = (relay, login) == (before.relay, before.login)
    return _Typed(
        password=fields.get("password", "") or before.password,
        relay=relay,
        login=login,
        relay_password=fields.get("relay_password", "")
        or (before.relay_password if is_same else ""),
    )

"""What the pages work with, and who sits before them.

``Desk`` is made once; ``visitor`` tells who sends a request. A form carries a word that only
pages of the same session know (CSRF), and is refused when the browser says that it comes from
elsewhere.
"""

import hashlib
import hmac
import re
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from postroom.access.login import Login, LoginDelayed, LoginRefused
from postroom.admin import login_notice, second_factor as second_factors
from postroom.admin.actor import Actor, become
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import administrators, passkeys, second_factor, web_devices, web_sessions
from postroom.directory.administrators import Powers
from postroom.directory.login import Identity
from postroom.directory.web_devices import Acquaintance
from postroom.directory.web_sessions import MAX_AGENT, TOUCH_MS, Method, WebSession
from postroom.errors import Invalid, MailError, NotFound
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.net.dns import Resolver
from postroom.web import handover
from postroom.web.oidc import Provider
from postroom.web.render import Renderer

COOKIE: Final = "postroom"
DEVICE: Final = "postroom-device"  # by which a browser is known again
YEAR: Final = 365 * 86_400  # seconds
_PAGE: Final = re.compile(r"/(?:me|mail|admin)(?:/[\w@+~-][\w.@+~-]*)*", re.ASCII)
MAX_FORM: Final = 256 * 1024  # octets
MAX_FIELDS: Final = 1_000


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who has logged in."""

    identity: Identity
    session: WebSession
    powers: Powers
    must_enrol: bool = False
    """The settings want a second factor, and there is none."""

    @property
    def is_admin(self) -> bool:
        """Whether the pages of the administration are for them, all or some."""
        return self.powers.role != "person"

    @property
    def is_owner(self) -> bool:
        """Whether everything is."""
        return self.powers.role == "owner"

    @property
    def within(self) -> int | None:
        """Whose domains lists are limited to: their own, except for an owner, who sees all."""
        return None if self.is_owner else self.identity.account_id

    @property
    def csrf(self) -> str:
        """The word that forms of this session carry."""
        return hmac.new(self.session.token, b"form", hashlib.sha256).hexdigest()


class HalfLogin(msgspec.Struct, frozen=True):
    """The password was right, the second factor is asked for."""

    account_id: int
    credential_id: int


class Forbidden(Exception):
    """The request is not allowed; the message says why."""


class TooLarge(Exception):
    """The form, or the file in it, is larger than may be; the message may say how large that is."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the pages need."""

    office: Office
    login: Login
    resolver: Resolver
    renderer: Renderer
    intake: Intake
    provider: Provider | None = None
    """Where people may log in as well (OpenID Connect)."""
    sent: dict[str, int] = field(default_factory=dict)
    """The latest forms of messages that were sent, by Message-ID: what stood in them, as a hash."""

    async def visitor(self, request: Request) -> Visitor | None:
        """Who sends a request; None for nobody, and when the session is over."""
        secret = request.cookies.get(COOKIE, "")
        if not secret:
            return None
        token, now = web_sessions.digest(secret), self.office.now()

        def read(tx: Tx) -> tuple[WebSession, Powers, bool] | None:
            session = web_sessions.find(tx, token)
            if session is None or session.is_over(now):
                return None
            if session.method == "passkey" and not passkeys.is_there(
                tx, session.account_id, session.credential_id
            ):
                return None
            powers = administrators.of(tx, session.account_id)
            return session, powers, self._must_enrol(tx, session, powers)

        found = await self.office.directory.look(read)
        if found is None:
            return None
        session, powers, must_enrol = found
        try:
            identity = await self._identity(session)
        except NotFound:  # disabled, or the password has changed
            return None
        if now - session.seen > TOUCH_MS:
            await self.office.db.write(lambda tx: web_sessions.touch(tx, token, now))
        become(Actor("person", identity.address, peer_of(request).address))
        return Visitor(identity, session, powers, must_enrol)

    async def _identity(self, session: WebSession) -> Identity:
        directory = self.office.directory
        if session.method == "oidc" and self.provider is None:
            raise NotFound("that way in is closed")
        if session.method in {"passkey", "oidc"}:
            return await directory.identity_of(session.account_id)
        return await directory.identity(session.account_id, session.credential_id)

    def _must_enrol(self, tx: Tx, session: WebSession, powers: Powers) -> bool:
        wanted = self.office.config.login.second_factor
        if wanted == "optional" or (wanted == "admins" and powers.role == "person"):
            return False
        return session.method == "password" and not second_factor.is_on(tx, session.account_id)

    async def prove(self, request: Request, visitor: Visitor, password: str) -> None:
        """Test the password of who is logged in already: an open browser is no proof.

        Raises Invalid.
        """
        address = visitor.identity.address
        try:
            await self.login.password(address, password, scope="web", peer=peer_of(request))
        except LoginRefused:
            raise Invalid("the password that you have now is not right") from None
        except LoginDelayed:
            raise Invalid("too many attempts: wait a minute and try again") from None

    async def log_in(self, request: Request, name: str, password: str) -> Response:
        """Begin a session, or ask for the second factor; raises LoginRefused, LoginDelayed."""
        peer = peer_of(request)
        identity = await self.login.password(name, password, scope="web", peer=peer)
        if not await self.office.directory.look(
            lambda tx: second_factor.is_on(tx, identity.account_id)
        ):
            return await self.begin(request, identity, "password")
        self.login.note(identity, peer=peer, mechanism="PLAIN", outcome="half")
        half = HalfLogin(identity.account_id, identity.credential_id)
        return self.ask_code(request, handover.give(self.key, half, self.office.now()))

    def ask_code(
        self, request: Request, half: str, problem: str = "", *, status: int = 200
    ) -> Response:
        """The page that asks for a code; ``half`` is the login so far."""
        return self.renderer.page(
            "second.html", status=status, visitor=None, half=half, problem=problem,
            following=following(request),
        )  # fmt: skip

    async def second(self, request: Request, half: str, code: str) -> Response:
        """The second step of ``log_in``; raises LoginRefused, LoginDelayed."""
        known = handover.take(self.key, half, HalfLogin, self.office.now())
        if known is None:
            raise LoginRefused
        directory = self.office.directory
        try:
            identity = await directory.identity(known.account_id, known.credential_id)
        except NotFound:
            raise LoginRefused from None
        peer, keys, now = peer_of(request), directory.secrets, self.office.now()
        self.login.admit(identity.address, peer=peer)
        outcome = await self.office.db.write(
            lambda tx: second_factor.check(tx, identity.account_id, code, keys, now)
        )
        if outcome == "right":
            return await self.begin(request, identity, "code")
        await self.login.failed(
            identity.address, peer=peer, mechanism="TOTP", reason=f"{outcome} code"
        )
        if outcome == "locked":
            told = await second_factors.locked(self.office, identity.account_id)
            problem = f"{told[0].upper()}{told[1:]}."
            return self.ask_code(request, half, problem, status=429)
        problem = "That code is not right, or was used before."
        return self.ask_code(request, half, problem, status=403)

    @property
    def key(self) -> bytes:
        """For ``handover``."""
        return self.office.directory.secrets.seal

    async def begin(
        self, request: Request, identity: Identity, method: Method, passkey: int = 0
    ) -> RedirectResponse:
        """Begin a session of who has shown who they are."""
        peer, secret, now = peer_of(request), secrets.token_urlsafe(32), self.office.now()
        session = WebSession(
            token=web_sessions.digest(secret),
            account_id=identity.account_id,
            credential_id=passkey or identity.credential_id,
            created=now,
            seen=now,
            peer=peer.address,
            agent=request.headers.get("user-agent", "")[:MAX_AGENT],
            method=method,
        )
        if method != "password":
            self.login.proved(identity, peer=peer, mechanism=method.upper())
        self.login.note(identity, peer=peer, mechanism=method.upper())
        known = request.cookies.get(DEVICE, "") or secrets.token_urlsafe(32)
        device = web_sessions.digest(known)

        def write(tx: Tx) -> tuple[Acquaintance, Powers]:
            web_sessions.add(tx, session)
            powers = administrators.of(tx, identity.account_id)
            return web_devices.met(tx, identity.account_id, device, now), powers

        acquaintance, powers = await self.office.db.write(write)
        if acquaintance is Acquaintance.NEW and self.office.config.login.notices:
            with suppress(MailError):  # a full disk must not lock anyone out
                await login_notice.send(self.office, identity, session)
        home = "/mail" if powers.role == "person" else "/admin"
        response = RedirectResponse(following(request) or home, 303)
        is_https = request.url.scheme == "https"
        response.set_cookie(
            DEVICE, known, httponly=True, samesite="strict", secure=is_https, max_age=YEAR
        )
        response.set_cookie(COOKIE, secret, httponly=True, samesite="strict", secure=is_https)
        return response

    async def log_out(self, visitor: Visitor) -> RedirectResponse:
        """End the session."""
        token = visitor.session.token
        await self.office.db.write(lambda tx: web_sessions.remove(tx, token))
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    async def change(self, action: Callable[[Tx], object]) -> None:
        """A write of our own rows."""
        await self.office.db.write(action)


def following(request: Request) -> str:
    """The page of ours that a login is to lead to; "" for none, or what is none."""
    path = request.query_params.get("next", "")
    return path if _PAGE.fullmatch(path) else ""


def peer_of(request: Request) -> Peer:
    """Who is connected, for the counting of failures."""
    address = request.client.host if request.client else ""
    return Peer(session=secrets.token_hex(4), address=address, port=0, door="web")


Page = Callable[[Request, Visitor], Awaitable[Response]]


async def form(request: Request, visitor: Visitor | None) -> Mapping[str, str]:
    """The fields of a posted form; the last of a name counts. Raises Forbidden, TooLarge.

    Without a ``visitor`` (the login itself) only the origin is checked.
    """
    require_own_page(request)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise TooLarge
    if body.count(b"&") >= MAX_FIELDS:
        raise TooLarge("The form has too many fields.")
    text = body.decode("utf-8", "replace")
    fields = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
    if any("\0" in value for value in fields.values()):
        raise Forbidden("a field holds NUL, which no text does")
    if visitor is not None:
        require_word(fields, visitor)
    return fields


def require_own_page(request: Request) -> None:
    """Raises Forbidden when the browser says that the form comes from elsewhere."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("the form comes from another site")
    origin = request.headers.get("origin")
    if origin is not None and urllib.parse.urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("the form comes from another site")


def require_word(fields: Mapping[str, str], visitor: Visitor) -> None:
    """Raises Forbidden unless a form carries the word that only pages of its session know."""
    if not hmac.compare_digest(fields.get("csrf", "").encode(), visitor.csrf.encode()):
        raise Forbidden("the page was old: go back, load it again and send the form once more")

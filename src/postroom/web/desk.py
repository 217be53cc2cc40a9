"""What the pages work with, and who sits before them.

``Desk`` is made once; ``visitor`` tells who sends a request. A form carries a word that only
pages of the same session know (CSRF), and is refused when the browser says that it comes from
elsewhere.
"""

import hashlib
import hmac
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from postroom.access.login import Login
from postroom.admin import roles
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import administrators, web_sessions
from postroom.directory.administrators import Powers
from postroom.directory.login import Identity
from postroom.directory.web_sessions import MAX_AGENT, TOUCH_MS, WebSession
from postroom.errors import NotFound
from postroom.intake.peer import Peer
from postroom.net.dns import Resolver
from postroom.web.render import Renderer

COOKIE: Final = "postroom"
MAX_FORM: Final = 256 * 1024  # octets


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who has logged in."""

    identity: Identity
    session: WebSession
    powers: Powers

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


class Forbidden(Exception):
    """The request is not allowed; the message says why."""


class TooLarge(Exception):
    """The form is larger than any of ours."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the pages need."""

    office: Office
    login: Login
    resolver: Resolver
    renderer: Renderer

    async def visitor(self, request: Request) -> Visitor | None:
        """Who sends a request; None for nobody, and when the session is over."""
        secret = request.cookies.get(COOKIE, "")
        if not secret:
            return None
        token, now = web_sessions.digest(secret), self.office.now()

        def read(tx: Tx) -> tuple[WebSession, Powers] | None:
            session = web_sessions.find(tx, token)
            if session is None or session.is_over(now):
                return None
            return session, administrators.of(tx, session.account_id)

        found = await self.office.directory.look(read)
        if found is None:
            return None
        session, powers = found
        try:
            identity = await self.office.directory.identity(
                session.account_id, session.credential_id
            )
        except NotFound:  # disabled, or the password has changed
            return None
        if now - session.seen > TOUCH_MS:
            await self.office.db.write(lambda tx: web_sessions.touch(tx, token, now))
        return Visitor(identity, session, powers)

    async def proven(self, request: Request, visitor: Visitor, password: str) -> Identity:
        """Test the password of who is logged in already; raises LoginRefused, LoginDelayed."""
        address = visitor.identity.address
        return await self.login.password(address, password, scope="web", peer=peer_of(request))

    async def log_in(self, request: Request, name: str, password: str) -> RedirectResponse:
        """Begin a session; raises LoginRefused, LoginDelayed."""
        peer = peer_of(request)
        identity = await self.login.password(name, password, scope="web", peer=peer)
        secret, now = secrets.token_urlsafe(32), self.office.now()
        session = WebSession(
            token=web_sessions.digest(secret),
            account_id=identity.account_id,
            credential_id=identity.credential_id,
            created=now,
            seen=now,
            peer=peer.address,
            agent=request.headers.get("user-agent", "")[:MAX_AGENT],
        )
        await self.office.db.write(lambda tx: web_sessions.add(tx, session))
        powers = await roles.powers(self.office, identity.account_id)
        home = "/me" if powers.role == "person" else "/admin"
        response = RedirectResponse(home, status_code=303)
        response.set_cookie(
            COOKIE, secret, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
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


def peer_of(request: Request) -> Peer:
    """Who is connected, for the counting of failures."""
    address = request.client.host if request.client else ""
    return Peer(session=secrets.token_hex(4), address=address, port=0, door="web")


Page = Callable[[Request, Visitor], Awaitable[Response]]


async def form(request: Request, visitor: Visitor | None) -> Mapping[str, str]:
    """The fields of a posted form; the last of a name counts. Raises Forbidden, TooLarge.

    Without a ``visitor`` (the login itself) only the origin is checked.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("the form comes from another site")
    origin = request.headers.get("origin")
    if origin is not None and urllib.parse.urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("the form comes from another site")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise TooLarge
    fields = dict(
        urllib.parse.parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000
        )
    )
    if visitor is not None and not hmac.compare_digest(
        fields.get("csrf", "").encode(), visitor.csrf.encode()
    ):
        raise Forbidden("the page was old: go back, load it again and send the form once more")
    return fields

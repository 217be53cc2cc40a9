"""Logging in with OpenID Connect: there and back, and the way out."""

import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.access.login import LoginDelayed
from postroom.db.database import Tx
from postroom.directory import passkeys as rows
from postroom.directory.login import Identity
from postroom.errors import MailError
from postroom.web import handover
from postroom.web.desk import Desk, peer_of
from postroom.web.handover import LIFE_MS
from postroom.web.hosts import LOOPBACK, name_of
from postroom.web.oidc import Begun, NotProved, Provider
from postroom.web.pages.entrance import entrance_form

COOKIE: Final = "postroom-oidc"
CALLBACK: Final = "/oidc/callback"
_REFUSED: Final = "That login does not belong to an account here, or took too long."


def routes(desk: Desk) -> list[Route]:
    """The way there and the way back; none without a provider."""
    provider = desk.provider
    if provider is None:
        return []

    async def there(request: Request) -> Response:
        try:
            url, begun = await provider.begin(redirect_of(request))
        except MailError as error:
            return entrance_form(desk, request, f"{error.text}.", 503)
        response = RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE, handover.give(desk.key, begun, desk.office.now()), path="/oidc",
            httponly=True, samesite="lax",  # it must come along from the provider's page
            secure=request.url.scheme == "https", max_age=LIFE_MS // 1000,
        )  # fmt: skip
        return response

    async def back(request: Request) -> Response:
        try:
            return await _arrived(desk, provider, request)
        except NotProved:
            return entrance_form(desk, request, _REFUSED, 403)
        except LoginDelayed:
            return entrance_form(
                desk, request, "Too many attempts: wait a minute and try again.", 429
            )
        except MailError as error:
            return entrance_form(desk, request, f"{error.text}.", 503)

    return [
        Route("/oidc/login", there, methods=["GET"]),
        Route(CALLBACK, back, methods=["GET"]),
    ]


async def _arrived(desk: Desk, provider: Provider, request: Request) -> Response:
    """Raises NotProved, LoginDelayed, ProviderDown."""
    peer = peer_of(request)
    name = f"oidc {peer.address}"
    desk.login.admit(name, peer=peer)
    try:
        identity = await _proved(desk, provider, request)
    except NotProved as error:
        await desk.login.failed(name, peer=peer, mechanism="OIDC", reason=str(error))
        raise
    begun = await desk.begin(request, identity, "oidc")
    # A page, not a redirect: the cookie of the session does not come along from elsewhere.
    response = desk.renderer.page("arrived.html", visitor=None, to=begun.headers["location"])
    for cookie in begun.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    response.delete_cookie(COOKIE, path="/oidc")
    return response


async def _proved(desk: Desk, provider: Provider, request: Request) -> Identity:
    now = desk.office.now()
    begun = handover.take(desk.key, request.cookies.get(COOKIE, ""), Begun, now)
    if begun is None or begun.redirect != redirect_of(request):
        raise NotProved("no login was begun in this browser")
    query = request.query_params
    if len(query.multi_items()) != len(query):
        raise NotProved("the answer says something twice")
    address = await provider.finish(begun, query)
    identity = await desk.login.known(address)
    if identity is None:
        raise NotProved(f"{address[:200]} is no account here")
    digest = hashlib.sha256(begun.state.encode()).digest()

    def spend(tx: Tx) -> bool:
        return rows.spend(tx, digest, now + 2 * LIFE_MS, now)

    if not await desk.office.db.write(spend):
        raise NotProved("that login was finished before")
    return identity


def redirect_of(request: Request) -> str:
    """Where the provider sends the browser back to: our own name that it came by."""
    host = request.headers.get("host", "")
    scheme = request.url.scheme if name_of(host) in LOOPBACK else "https"
    return f"{scheme}://{host}{CALLBACK}"

"""Which host names we answer to over HTTP, and what is served without TLS.

A request in the name of a host that is not ours gets 421 (RFC 9110 §15.5.20), so that nobody's
name can be pointed here to borrow our pages (threats W: rebinding). Without TLS, on an address
that the world reaches, only what must be there is served (ACME, autoconfig, MTA-STS, health);
everything else is sent to https.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import URL, Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.address import AddressError, Domain
from postroom.admin.client_settings import LABELS

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY_HOST: Final = ("/healthz", "/metrics")
IN_CLEAR: Final = (
    "/healthz",
    "/metrics",
    "/mail/config-v1.1.xml",
    "/.well-known/",
    "/autodiscover/",
)
WITH_LOGIN: Final = "/.well-known/jmap"  # passwords are sent there

IsOwn = Callable[[Domain], Awaitable[bool]]


class Hosts:
    """Lets requests for our own names through to ``application``."""

    def __init__(
        self, application: ASGIApp, *, hostname: str, is_own: IsOwn, is_public_http: bool
    ) -> None:
        """``is_own`` knows the domains; ``is_public_http``: no TLS and not only for loopback."""
        self._application = application
        self._hostname = hostname.lower()
        self._is_own = is_own
        self._is_public_http = is_public_http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path: str = scope["path"]
        if path.lower().startswith("/autodiscover/"):  # Outlook writes it as it likes
            path = path.lower()
            scope = {**scope, "path": path, "raw_path": path.encode()}
        host = name_of(Headers(scope=scope).get("host", ""))
        if path not in ANY_HOST and not await self._is_ours(host):
            answer = PlainTextResponse("This server is not known by that name\n", status_code=421)
            await answer(scope, receive, send)
        elif self._is_public_http and (path == WITH_LOGIN or not path.startswith(IN_CLEAR)):
            url = URL(scope=scope).replace(scheme="https", netloc=host)
            await RedirectResponse(str(url), status_code=308)(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _is_ours(self, host: str) -> bool:
        if host == self._hostname or host in LOOPBACK:
            return True
        try:
            domain = Domain.parse(domain_of(host))
        except AddressError:
            return False
        return not domain.is_literal and await self._is_own(domain)


def name_of(host: str) -> str:
    """The name in a Host field, in lower case, without port and final dot."""
    name, colon, port = host.strip().lower().rpartition(":")
    if not colon or not port.isdigit():
        name = host.strip().lower()
    return name.removesuffix(".")


def domain_of(host: str) -> str:
    """The mail domain that a host stands for: without a label like autoconfig."""
    name = name_of(host)
    label, _, rest = name.partition(".")
    return rest if label in LABELS and rest else name

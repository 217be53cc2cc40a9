"""The HTTP door turns networks away that guess passwords, as the doors of mail do.

Their bans are one: who has failed too often at IMAP gets no page either. Networks of loopback are
never banned, so a reverse proxy on this machine is not.
"""

from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.telemetry import sink
from postroom.telemetry.session_events import ConnectionRefused

TURNED_AWAY = "Too many failures from your network, try again later\n"


class Bans:
    """Asks before the application does anything."""

    def __init__(
        self, application: ASGIApp, *, unwelcome: Callable[[str], str], protocol: str
    ) -> None:
        """``unwelcome`` tells why an address gets no service, "" when it does."""
        self._application = application
        self._unwelcome = unwelcome
        self._protocol = protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        address = scope["client"][0] if scope.get("client") else ""
        reason = self._unwelcome(address) if address and scope["type"] == "http" else ""
        if not reason:
            await self._application(scope, receive, send)
            return
        sink.emit(ConnectionRefused(peer=address, door=self._protocol, reason=reason))
        answer = PlainTextResponse(
            TURNED_AWAY,
            status_code=429,
            headers={"Connection": "close", "Cache-Control": "no-store"},
        )
        await answer(scope, receive, send)

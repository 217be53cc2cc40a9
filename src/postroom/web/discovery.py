"""Where programs and servers look up how to reach us: settings of mail programs, MTA-STS.

Everything here is public, the same for every account of a domain, and made anew for each
request; nothing tells whether an account exists.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from postroom.address import Address, AddressError
from postroom.admin import client_settings, pacc
from postroom.admin.client_settings import ClientSettings
from postroom.admin.dns.plan import sts_policy
from postroom.admin.office import Office
from postroom.net.tls import Certificates
from postroom.web import autoconfig, autodiscover
from postroom.web.hosts import domain_of

NOT_SERVED: Final = "There is no such mail domain here\n"
UNUSUAL: Final = (
    "This document names no ports, and none of the listeners here is on the port where programs look "
    "for it (imaps 993, pop3s 995, submissions 465, managesieve 4190)\n"
)
NO_STS: Final = "This server publishes no MTA-STS policy ([tls] mta_sts)\n"
NO_PROFILE: Final = (
    "A profile names a listener for IMAP and one for submission, and one of them is not here\n"
)
_XML: Final = "text/xml"
_PROFILE: Final = "application/x-apple-aspen-config"
_DAY: Final = 86_400  # seconds


class Discovery:
    """Answers for one server; ``routes`` hang it into the application."""

    def __init__(self, office: Office, certificates: Certificates) -> None:
        self._office = office
        self._certificates = certificates

    def routes(self) -> list[Route]:
        """Every path; that of Autodiscover in lower case (see ``hosts``)."""
        get: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
            ("/mail/config-v1.1.xml", self.autoconfig),
            ("/.well-known/autoconfig/mail/config-v1.1.xml", self.autoconfig),
            ("/.well-known/user-agent-configuration.json", self.pacc),
            ("/.well-known/mta-sts.txt", self.mta_sts),
            *((path, self.autodiscover_2) for path in autodiscover.PATHS_2),
            ("/mobileconfig", self.mobileconfig),
        ]
        routes = [Route(path, endpoint) for path, endpoint in get]
        routes.append(Route(autodiscover.PATH, self.autodiscover_1, methods=["GET", "POST"]))
        return routes

    async def autoconfig(self, request: Request) -> Response:
        """Thunderbird and its relatives."""
        settings = await self._settings(request, request.query_params.get("emailaddress", ""))
        if settings is None:
            return PlainTextResponse(NOT_SERVED, status_code=404)
        return Response(autoconfig.document(settings), media_type=_XML)

    async def autodiscover_1(self, request: Request) -> Response:
        """Outlook: an address in a posted document."""
        if request.method != "POST" and request.url.scheme == "http":
            url = f"https://{self._office.config.hostname}{autodiscover.PATH}"
            return RedirectResponse(url, status_code=302)
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > autodiscover.MAX_REQUEST:
                return PlainTextResponse("The request is too large\n", status_code=413)
        asked = bytes(body)
        address = _address(autodiscover.asked_for(asked))
        settings = await client_settings.find(self._office, address) if address else None
        is_understood = autodiscover.is_understood(asked)
        if settings is None or not is_understood:
            error = autodiscover.INVALID if is_understood else autodiscover.NOT_OFFERED
            seconds = self._office.now() // 1000 % _DAY
            time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            return Response(autodiscover.error_document(time, error), media_type=_XML)
        return Response(autodiscover.settings_document(settings, address), media_type=_XML)

    async def autodiscover_2(self, request: Request) -> Response:
        """Newer Outlook: where version 1 is."""
        query = {name.lower(): value for name, value in request.query_params.items()}
        protocol = query.get("protocol", "")
        base = f"https://{self._office.config.hostname}"
        found = autodiscover.where(base, protocol)
        if found is None:
            return Response(
                autodiscover.no_such_protocol(protocol),
                status_code=400,
                media_type="application/json",
            )
        return Response(found, media_type="application/json")

    async def pacc(self, request: Request) -> Response:
        """The document whose digest is in DNS."""
        settings = await self._settings(request, "")
        found = None if settings is None else pacc.document(settings)
        if found is None:
            why = NOT_SERVED if settings is None else UNUSUAL
            return JSONResponse({"error": why.strip()}, status_code=404)
        return Response(found, media_type="application/json")

    async def mta_sts(self, request: Request) -> Response:
        """RFC 8461 §3.3."""
        mode = self._office.config.tls.mta_sts
        settings = await self._settings(request, "")
        if settings is None or mode == "none":
            why = NOT_SERVED if settings is None else NO_STS
            return PlainTextResponse(why, status_code=404)
        return PlainTextResponse(sts_policy(settings.hostname, mode))

    async def mobileconfig(self, request: Request) -> Response:
        """A signed profile for an Apple device: ``?email=alice@example.org``."""
        text = request.query_params.get("email", "")
        try:
            address = str(Address.parse(text))
        except AddressError as error:
            return PlainTextResponse(f"email: {error}\n", status_code=400)
        settings = await client_settings.find(self._office, address)
        found = (
            None if settings is None else await asyncio.to_thread(self._profile, settings, address)
        )
        if settings is None or found is None:
            why = NOT_SERVED if settings is None else NO_PROFILE
            return PlainTextResponse(why, status_code=404)
        return Response(
            found,
            media_type=_PROFILE,
            headers={
                "Content-Disposition": f'attachment; filename="{settings.domain}.mobileconfig"'
            },
        )

    def _profile(self, settings: ClientSettings, address: str) -> bytes | None:
        """Signed; what makes one is most of a megabyte, and comes with the first."""
        from postroom.web import mobileconfig

        octets = mobileconfig.profile(settings, address)
        if octets is None:
            return None
        return mobileconfig.signed(octets, *self._certificates.signer())

    async def _settings(self, request: Request, address: str) -> ClientSettings | None:
        """Of the domain of the address, or else of the host that was asked."""
        name = address or domain_of(request.headers.get("host", ""))
        return await client_settings.find(self._office, name)


def _address(text: str) -> str:
    """The address; "" when it is none."""
    try:
        return str(Address.parse(text))
    except AddressError:
        return ""
